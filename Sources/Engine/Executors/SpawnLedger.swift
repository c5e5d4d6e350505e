package import CaudalModel
import CSystem
import Foundation

/// The list of processes started by a run's attempts; each process writes its own entry before it executes its program.
///
/// The journal records a process when it already runs. If the engine dies in between, only this list knows the process.
/// It needs no fsync: a power failure ends the processes too.
package final class SpawnLedger: Sendable {
    fileprivate let descriptor: Int32

    /// Opens a list for appending.
    ///
    /// - Throws: ``Failure`` when the file cannot be opened.
    package init(_ path: String) throws(Failure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o600)
        if descriptor < 0 {
            throw Failure("\(path) cannot be written", errno: errno)
        }
    }

    deinit { close(descriptor) }

    /// Calls `body` with the entry that the process is to write.
    func withNote(marker: String, _ body: (cs_note) -> Int32) -> Int32 {
        "\(ProcessTable.bootID) \(Self.word(marker))".withCString { body(cs_note(fd: descriptor, text: $0)) }
    }

    /// The marker without blanks and line ends, truncated to the length of a line.
    private static func word(_ marker: String) -> String {
        let word = PathComponent.of(marker)
        return word.utf8.count <= 1000 ? word : ContentHash.of(marker)
    }

    /// The processes that attempts started, by the marker of each attempt.
    ///
    /// - Parameter markers: The markers of the attempts to include.
    /// - Throws: ``Failure`` when the list exists and cannot be read.
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
