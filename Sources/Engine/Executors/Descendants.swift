import Foundation

/// Everything that this process has started, and what that has.
///
/// Orphans among them come to this process (see ``ProcessReactor``), so that none is missing, whatever group, session or
/// environment it has chosen.
package enum Descendants {
    /// Ends all of them at once, for a process that is about to end itself.
    ///
    /// It asks nobody and waits for nothing.
    package static func kill() {
        var found: Set<Int32> = []
        // Held first, so that none of them starts another one between the look and the end.
        for _ in 0..<10 {
            let more = find().subtracting(found)
            if more.isEmpty { break }
            for pid in more { Foundation.kill(pid, SIGSTOP) }
            found.formUnion(more)
        }
        for pid in found { Foundation.kill(pid, SIGKILL) }
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
