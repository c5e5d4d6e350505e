import Foundation
import TestSupport
import Testing

/// A project in a folder of its own, in which the built program is run as a user runs it.
final class ScratchProject: Sendable {
    /// The folder, absolute.
    let folder: String

    /// What a run of the program left behind.
    struct Answer: Sendable, CustomStringConvertible {
        let status: Int32
        let output: String
        let errors: String
        var description: String { "status \(status)\n\(output)\n\(errors)" }
    }

    init() throws {
        folder = NSTemporaryDirectory() + "caudal-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Writes a file, making its folder; the path starts from the project's folder.
    func write(_ text: String, to path: String) throws {
        let file = URL(filePath: folder).appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// The text of a file, or nil when there is none.
    func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: folder + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + path) }

    /// The names in the folder, hidden ones too.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    /// Runs `caudal` here.
    ///
    /// `variables`: laid over the environment of the tests.
    /// `current`: the folder it starts in; nil means the project's.
    func caudal(
        _ arguments: String..., variables: [String: String] = [:], in current: String? = nil
    ) async throws -> Answer {
        let process = Process()
        process.executableURL = URL(filePath: Repository.program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: current ?? folder)
        var environment = ProcessInfo.processInfo.environment
        environment["CAUDAL_STATE"] = nil
        process.environment = environment.merging(variables) { $1 }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: nothing has to be drained while the program runs.
        let mark = "\(UInt64.random(in: 0 ... .max))"
        let paths = ["out", "err"].map { NSTemporaryDirectory() + "caudal-test-\($0)-\(mark)" }
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        for path in paths { try Data().write(to: URL(filePath: path)) }
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: paths[0]))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: paths[1]))
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        let texts = paths.map { String(decoding: FileManager.default.contents(atPath: $0) ?? Data(), as: UTF8.self) }
        return Answer(status: status, output: texts[0], errors: texts[1])
    }

    /// Everything that the project's state holds, as one text: the database, its journal and the logs.
    func everythingKept() throws -> String {
        let root = folder + "/.caudal"
        let names = try #require(FileManager.default.subpaths(atPath: root))
        return names.compactMap { FileManager.default.contents(atPath: root + "/" + $0) }
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
