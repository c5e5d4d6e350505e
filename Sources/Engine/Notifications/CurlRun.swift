import CaudalModel
import Foundation
import Synchronization

/// Lets `curl` make transfers; settings and bodies are in files that only their owner may read.
struct CurlRun {
    let folder: StateFolder
    let reactor: ProcessReactor
    /// The process's environment.
    let variables: [String: String]

    /// Makes transfers one after the other, up to the first that fails.
    ///
    /// - Parameters:
    ///   - name: That of their files, which nothing else that is being sent has.
    ///   - marker: By which the program is found when this process has died.
    /// - Returns: What came of the last one that was made.
    /// - Throws: ``Failure`` when there is no `curl`, or the transfers cannot be begun.
    func make(
        _ transfers: [CurlTransfer], named name: String, marker: String
    ) async throws(Failure) -> CurlTransfer.Answer {
        guard let last = transfers.last else { return .sent }
        for transfer in transfers { if let fault = transfer.fault { throw fault } }
        let program = try CurlProgram.find(variables)
        var files: [PrivateFiles] = []
        defer { for one in files { one.remove() } }
        var settings: [String] = []
        for (index, transfer) in transfers.enumerated() {
            let own = try PrivateFiles(named: index == 0 ? name : "\(name)-\(index + 1)", in: folder)
            files.append(own)
            try own.write(transfer.body, to: .body)
            settings.append(transfer.settings(bodyFile: own.path(of: .body)))
        }
        // Several transfers end with the first that the server does not accept.
        if transfers.count > 1 { settings = settings.map { $0 + "fail-early\nfail-with-body\n" } }
        try files[0].write(settings.joined(separator: "next\n"), to: .settings)
        let collected = LimitedOutput()
        // First, so that the user's own settings are not read.
        let arguments = ["--disable", "--config", files[0].path(of: .settings)]
        let passed = variables.filter { CurlProgram.passedVariables.contains($0.key.lowercased()) }
        let end = try await ToolRun.run(
            ProcessLaunch(program: program, arguments: arguments, variables: passed, folder: "/", marker: marker),
            within: .seconds(CurlTransfer.limit * transfers.count + 10), reactor: reactor,
            output: { collected.append($0, $1) })
        return last.answer(exit: end.exit, output: collected.text(.stdout), errors: collected.text(.stderr))
    }
}

/// Files that only their owner may read, for the time in which something is sent.
struct PrivateFiles {
    enum Part: String, CaseIterable { case settings, body }

    private let base: String

    /// - Throws: ``Failure`` when their folder cannot be made.
    init(named name: String, in folder: StateFolder) throws(Failure) {
        let place = folder.outbox
        do {
            try FileManager.default.createDirectory(
                atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("\(place) cannot be made: \(error.reason)")
        }
        base = "\(place)/\(name)"
    }

    func path(of part: Part) -> String { "\(base).\(part.rawValue)" }

    func write(_ text: String, to part: Part) throws(Failure) {
        // Another process may have left it: what is there keeps its permissions.
        unlink(path(of: part))
        try FileText.write(text, to: path(of: part), isPrivate: true)
    }

    func remove() { for part in Part.allCases { unlink(path(of: part)) } }
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
