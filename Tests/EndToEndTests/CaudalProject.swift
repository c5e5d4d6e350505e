import CaudalModel
import Engine
import Foundation
import TestSupport

/// A project in a folder of its own, and the built program run in it.
final class CaudalProject: Sendable {
    /// What the program wrote and how it ended.
    struct Answer: Sendable, CustomStringConvertible {
        let exit: ProcessExit
        let output: String
        let errors: String

        /// Its exit status; nil when it was ended by a signal.
        var status: Int32? { if case .exited(let status) = exit { status } else { nil } }
        /// The lines of standard output.
        var lines: [String] { output.split(separator: "\n").map(String.init) }
        var description: String { "\(exit.description)\n\(output)\(errors)" }
    }

    let folder: ScratchFolder
    private let reactor = ProcessReactor()
    private let variables: [String: String]

    /// Makes the project's folder.
    ///
    /// `copies`: files and folders of the checkout that the project begins with.
    /// `variables`: set besides PATH, HOME and where DuckDB is.
    init(
        copying copies: [String] = ["config", "data/raw", "data/schemas", "scripts"], variables: [String: String] = [:]
    ) throws {
        folder = try ScratchFolder()
        for name in copies {
            let target = folder.path(name)
            try FileManager.default.createDirectory(
                atPath: PathText.folder(of: target), withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: Repository.path(name), toPath: target)
        }
        let own = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder.path, "TZ": "UTC", "USER": "tester", "TERM": "dumb",
            "LANG": "C.UTF-8", "CAUDAL_DUCKDB": Repository.path(".tools/duckdb/duckdb_cli/duckdb"),
        ]
        self.variables = own.merging(variables) { _, new in new }
    }

    /// The built program.
    static let program = Repository.program

    /// Runs the program and waits for its end.
    ///
    /// `more`: variables set besides those of the project.
    /// `place`: the folder it starts in; nil means the project's.
    func caudal(
        _ arguments: String..., variables more: [String: String] = [:], in place: String? = nil
    ) async throws -> Answer {
        try await run(Self.program, arguments, more, in: place)
    }

    /// Runs the program and waits for its end.
    func caudal(_ arguments: [String]) async throws -> Answer { try await run(Self.program, arguments) }

    /// Runs a program in the project's folder.
    func run(
        _ program: String, _ arguments: [String], _ more: [String: String] = [:], in place: String? = nil
    ) async throws -> Answer {
        let answer = try await ToolRun.output(
            of: program, arguments, environment: variables.merging(more) { _, new in new },
            folder: place ?? folder.path,
            marker: "test/\(folder.path)", reactor: reactor)
        return Answer(exit: answer.exit, output: answer.text, errors: answer.errors)
    }

    /// Starts the program, and gives its lines of output as they come.
    func start(_ arguments: String...) async throws -> Started { try await start(arguments) }

    /// Starts the program, and gives its lines of output as they come.
    func start(_ arguments: [String]) async throws -> Started {
        let (lines, continuation) = AsyncStream<String>.makeStream()
        let splitter = LineCollector { continuation.yield($0) }
        let launch = ProcessLaunch(
            program: Self.program, arguments: arguments, variables: variables, folder: folder.path,
            marker: "test/\(folder.path)")
        let child = try await reactor.start(launch) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { continuation.finish() } else { splitter.take(bytes) }
        }
        return Started(child: child, lines: lines)
    }

    /// A program that is running.
    struct Started: Sendable {
        let child: ChildProcess
        /// Its lines of standard output; they end when it does.
        let lines: AsyncStream<String>

        /// Waits for a line that holds a text; nil when the program ended without one.
        func says(_ text: String) async -> String? {
            for await line in lines where line.contains(text) { return line }
            return nil
        }

        /// Waits until it has told of so many events, or has ended.
        func passes(events: Int) async {
            var left = events
            for await _ in lines {
                left -= 1
                if left == 0 { return }
            }
        }

        /// Ends it as a power cut would, and tells how it ended: it may have been faster.
        @discardableResult
        func killHard() async -> ProcessExit {
            if ProcessTable.isAlive(child.identity) { kill(child.identity.pid, SIGKILL) }
            return await child.exit().exit
        }
    }

    // MARK: - Files

    func write(_ file: String, _ text: String) throws { try folder.write(file, text) }

    func read(_ file: String) throws -> String { try String(contentsOfFile: folder.path(file), encoding: .utf8) }

    /// The text of a file, or nil when there is none.
    func text(_ file: String) -> String? { try? read(file) }

    func exists(_ file: String) -> Bool { FileText.exists(folder.path(file)) }

    /// The names in the project's folder, hidden ones too.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

    /// Everything that the project's state holds of what happened, as one text: the database, its journal and the logs, and
    /// not the versions of outputs, which are data.
    func everythingKept() throws -> String {
        let root = folder.path(".caudal")
        let names = try FileManager.default.subpathsOfDirectory(atPath: root)
        return names.filter { !$0.contains("/versions/") }.compactMap {
            FileManager.default.contents(atPath: root + "/" + $0)
        }
        .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }

    /// Removes what attempts that failed left in the folders of their runs: rows that were put aside.
    func removeStaging() throws {
        let runs = folder.path(".caudal/runs")
        for run in try FileManager.default.contentsOfDirectory(atPath: runs) {
            try? FileManager.default.removeItem(atPath: "\(runs)/\(run)/staging")
        }
    }

    /// The files below a folder, with paths from there, sorted.
    func files(in name: String) -> [String] {
        let base = folder.path(name)
        let all = FileManager.default.subpaths(atPath: base) ?? []
        return all.filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: base + "/" + path, isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }

    /// The identifier of the newest run.
    func lastRun() async throws -> String {
        let runs = try await caudal("sql", "select max(id) as id from runs", "--format", "csv")
        guard runs.status == 0, let last = runs.lines.last else { throw Failure(runs.errors) }
        return last
    }

    /// The rows of a query in DuckDB over the project's files, each as its values joined by `|`.
    func query(_ sql: String) async throws -> [String] {
        let program = Repository.path(".tools/duckdb/duckdb_cli/duckdb")
        let answer = try await run(program, ["-list", "-noheader", "-c", sql])
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
        return answer.lines
    }
}

/// Cuts what a program writes into lines.
private final class LineCollector: @unchecked Sendable {
    // @unchecked because only the reactor's thread calls it.
    private var rest: [UInt8] = []
    private let yield: (String) -> Void

    init(_ yield: @escaping (String) -> Void) { self.yield = yield }

    func take(_ bytes: UnsafeRawBufferPointer) {
        rest.append(contentsOf: bytes)
        while let end = rest.firstIndex(of: 0x0A) {
            yield(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
    }
}
