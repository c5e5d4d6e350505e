import CaudalModel
import Foundation
import Synchronization

/// Lets `curl` make transfers; settings and bodies are in files without names, so that nobody finds what is secret in them.
struct CurlRun {
    let folder: StateFolder
    let reactor: ProcessReactor
    /// The process's environment.
    let variables: [String: String]

    /// Makes transfers one after the other, up to the first that fails.
    ///
    /// - Parameter marker: By which the program is found when this process has died.
    /// - Returns: What came of the last one that was made.
    /// - Throws: ``Failure`` when there is no `curl`, or the transfers cannot be begun.
    func make(_ transfers: [CurlTransfer], marker: String) async throws(Failure) -> CurlTransfer.Answer {
        guard let last = transfers.last else { return .sent }
        for transfer in transfers { if let fault = transfer.fault { throw fault } }
        let program = try CurlProgram.find(variables)
        let place = try PrivateFile.folder(in: folder)
        Self.removeRemains(in: place)
        var bodies: [UnnamedFile] = []
        // The program opens them while it runs.
        defer { withExtendedLifetime(bodies) {} }
        var settings: [String] = []
        for transfer in transfers {
            let body = try UnnamedFile(transfer.body, in: place)
            bodies.append(body)
            settings.append(transfer.settings(bodyFile: body.path))
        }
        // Several transfers end with the first that the server does not accept.
        if transfers.count > 1 { settings = settings.map { $0 + "fail-early\nfail-with-body\n" } }
        let collected = LimitedOutput()
        // First, so that the user's own settings are not read.
        let arguments = ["--disable", "--config", "-"]
        let passed = variables.filter { CurlProgram.passedVariables.contains($0.key.lowercased()) }
        var launch = ProcessLaunch(
            program: program, arguments: arguments, variables: passed, folder: "/", marker: marker)
        launch.text = try UnnamedFile(settings.joined(separator: "next\n"), in: place)
        let end = try await ToolRun.run(
            launch, within: .seconds(CurlTransfer.limit * transfers.count + 10), reactor: reactor,
            output: { collected.append($0, $1) })
        return last.answer(exit: end.exit, output: collected.text(.stdout), errors: collected.text(.stderr))
    }

    /// Removes what earlier versions of Caudal left when they were killed: files with names, and secrets in them.
    private static func removeRemains(in place: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        where name.hasSuffix(".settings") {
            unlink("\(place)/\(name)")
        }
    }
}

/// A file that only its owner may read, for the time in which a command is told something.
struct PrivateFile {
    let path: String

    /// - Throws: ``Failure`` when it cannot be made or written.
    init(_ text: String, named name: String, in folder: StateFolder) throws(Failure) {
        path = "\(try Self.folder(in: folder))/\(name).body"
        // Another process may have left it: what is there keeps its permissions.
        unlink(path)
        try FileText.write(text, to: path, isPrivate: true)
    }

    /// The folder for such files.
    ///
    /// - Throws: ``Failure`` when it cannot be made.
    static func folder(in folder: StateFolder) throws(Failure) -> String {
        let place = folder.outbox
        do {
            try FileManager.default.createDirectory(
                atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("\(place) cannot be made: \(error.reason)")
        }
        return place
    }

    func remove() { unlink(path) }
}

/// What a program writes, as far as somebody will read it.
private final class LimitedOutput: Sendable {
    private static let limit = 64 << 10
    private let streams = Mutex<[LogStream: [UInt8]]>([:])

    func append(_ stream: LogStream, _ bytes: UnsafeRawBufferPointer) {
        streams.withLock { streams in
            streams[stream, default: []].append(contentsOf: bytes)
            // The end counts: the status is on the last line.
            let excess = streams[stream, default: []].count - Self.limit
            if excess > 0 { streams[stream]?.removeFirst(excess) }
        }
    }

    func text(_ stream: LogStream) -> String {
        streams.withLock { String(decoding: $0[stream] ?? [], as: UTF8.self) }
    }
}
