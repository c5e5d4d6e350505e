import CSystem
import Foundation

/// The list of processes that a run's attempts have started, written by each of them before its program begins.
///
/// The journal hears of a process when it runs already. Whoever dies between the two leaves a process that only this list
/// tells of. It needs no fsync: what ends with the machine's power are the processes too.
package final class SpawnLedger: Sendable {
    fileprivate let descriptor: Int32

    /// Opens a list, for more lines.
    package init(_ path: String) throws(Failure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o600)
        if descriptor < 0 {
            throw Failure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Calls `body` with what a process is to write of itself.
    func withNote(marker: String, _ body: (cs_note) -> Int32) -> Int32 {
        "\(ProcessTable.bootID) \(Self.word(marker))".withCString { body(cs_note(fd: descriptor, text: $0)) }
    }

    /// A marker without blanks and line ends, and no longer than a line has room for.
    private static func word(_ marker: String) -> String {
        let word = PathComponent.of(marker)
        return word.utf8.count <= 1000 ? word : ContentHash.of(marker)
    }

    /// The processes that attempts started, by the marker of each attempt.
    ///
    /// `markers`: those of the attempts that count.
    /// - Throws: ``Failure`` when the list is there and cannot be read.
    static func processes(of markers: [String], in path: String) throws(Failure) -> [ProcessIdentity] {
        guard FileText.exists(path) else { return [] }
        let wanted = Set(markers.map(word))
        if wanted.isEmpty { return [] }
        guard FileText.isFile(path) else {
            throw Failure(
                "\(path) is no file, and tells what the run's dead process left running", remedy: "remove it")
        }
        return try FileText.read(path).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard words.count == 4, wanted.contains(words[3]), let pid = Int32(words[0]), pid > 1,
                let start = UInt64(words[1])
            else { return nil }
            return ProcessIdentity(pid: pid, startTicks: start, bootID: words[2])
        }
    }
}
