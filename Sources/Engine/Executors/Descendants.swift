import Foundation

/// All processes that this process has started, and their descendants.
///
/// Orphaned descendants become children of this process (see ``ProcessReactor``), so that none is missing, whatever
/// process group, session or environment it has chosen.
package enum Descendants {
    /// Kills all of them; for a process that is about to exit.
    ///
    /// Waits up to half a second until they have ended: a process that waits for the disk ends only when the disk has
    /// answered.
    package static func kill() {
        var found: Set<Int32> = []
        // They are stopped first, so that none starts another one before it is killed.
        for _ in 0..<10 {
            let more = find().subtracting(found)
            if more.isEmpty { break }
            for pid in more { Foundation.kill(pid, SIGSTOP) }
            found.formUnion(more)
        }
        for pid in found { Foundation.kill(pid, SIGKILL) }
        for _ in 0..<100 {
            guard found.contains(where: { ![nil, "Z"].contains(ProcessTable.fields(of: $0)?.state) }) else { return }
            usleep(5000)
        }
    }

    private static func find() -> Set<Int32> {
        let table = ProcessTable.snapshot()
        let children = Dictionary(grouping: table.keys) { table[$0]?.parent ?? 0 }
        var found: Set<Int32> = []
        var waiting = [getpid()]
        while let pid = waiting.popLast() {
            for child in children[pid] ?? [] where found.insert(child).inserted { waiting.append(child) }
        }
        return found
    }
}
