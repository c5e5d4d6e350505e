package import CaudalModel
import CSystem
package import Engine
import Foundation
import Synchronization

/// A folder of its own for one test, gone when the test is.
package final class OwnFolder: Sendable {
    package let path: String

    /// `base`: where the folder is made.
    package init(in base: String = FileManager.default.temporaryDirectory.path) throws {
        path = base + "/caudal-test-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of something in the folder.
    package subscript(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    @discardableResult
    package func write(_ text: String, to name: String, permissions: Int = 0o644) throws -> String {
        try FileManager.default.createDirectory(
            atPath: PathText.folder(of: self[name]), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: self[name]))
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: self[name])
        return self[name]
    }

    /// The text of a file.
    package func text(_ name: String) throws -> String { try FileText.read(self[name]) }

    /// Everything below the folder, sorted.
    package var contents: [String] { (FileManager.default.subpaths(atPath: path) ?? []).sorted() }
}

/// The checkout that the tests were built from, and the tools in it.
package enum Checkout {
    package static let root: String = {
        var folder = #filePath
        for _ in 0..<3 { folder = PathText.folder(of: folder) }
        return folder
    }()

    /// The real `duckdb`, or nil where it is not installed.
    package static let duckDB: DuckDBProgram? = {
        let variables = ProcessInfo.processInfo.environment
        return (try? DuckDBProgram.find(root: root, variables: variables)).map {
            DuckDBProgram(path: $0, version: DuckDBProgram.pinned)
        }
    }()

    /// Whether tests that need `duckdb` run: a machine without it skips them, except where every tool must be there.
    package static var runsDuckDBTests: Bool { duckDB != nil || ProcessInfo.processInfo.environment["CI"] != nil }
}

/// One attempt with a real log in a folder of its own, for tests of executors.
package final class AttemptTrial: Sendable {
    package let folder: OwnFolder
    package let control: AttemptControl
    private let reports = Mutex<[StageProgress]>([])
    private let processes = Mutex<[ProcessIdentity]>([])
    private let firstReport: AsyncStream<StageProgress>
    private let firstSpawn: AsyncStream<WorkIdentity>
    private let works = Mutex<[WorkIdentity]>([])

    package init(grace: Duration = .seconds(5), secrets: [String] = [], number: Int = 1) throws {
        let folder = try OwnFolder()
        self.folder = folder
        let run = RunID("20261123-060000-" + UUID().uuidString.prefix(8).lowercased())
        let unit = UnitID("stage")
        try FileManager.default.createDirectory(atPath: folder["logs"], withIntermediateDirectories: true)
        let log = AttemptLog(
            writer: try LogWriter(folder: folder["logs"]) { _ in }, pipeline: "trial", run: run, unit: unit,
            attempt: number, masker: SecretMasker(secrets: secrets), now: { SystemClock.now })
        let (reportStream, reportArrival) = AsyncStream<StageProgress>.makeStream(bufferingPolicy: .bufferingOldest(1))
        let (spawnStream, spawnArrival) = AsyncStream<WorkIdentity>.makeStream(bufferingPolicy: .bufferingOldest(1))
        (firstReport, firstSpawn) = (reportStream, spawnStream)
        let relay = Relay()
        control = AttemptControl(
            unit: unit, number: number, run: run, log: log, grace: grace,
            onSpawn: { work in
                relay.trial?.works.withLock { $0.append(work) }
                if let process = work.process { relay.trial?.processes.withLock { $0.append(process) } }
                spawnArrival.yield(work)
            },
            onProgress: { progress in
                relay.trial?.reports.withLock { $0.append(progress) }
                reportArrival.yield(progress)
            })
        relay.trial = self
    }

    /// Breaks the circle between a trial and the control that reports to it.
    private final class Relay: Sendable {
        private struct Reference: Sendable { weak var trial: AttemptTrial? }
        private let reference = Mutex(Reference())
        var trial: AttemptTrial? {
            get { reference.withLock { $0.trial } }
            set { reference.withLock { $0.trial = newValue } }
        }
    }

    /// What was reported about progress so far.
    package var progress: [StageProgress] { reports.withLock { $0 } }

    /// The processes that were started so far.
    package var spawned: [ProcessIdentity] { processes.withLock { $0 } }

    /// What did its work so far.
    package var work: [WorkIdentity] { works.withLock { $0 } }

    /// Waits for the first report of progress, which a command of a test uses to say that it is ready.
    package func isReady() async { for await _ in firstReport { return } }

    /// Waits for the first process, or job.
    package func hasStarted() async { for await _ in firstSpawn { return } }

    /// The records of the log, in order.
    package var records: [LogRecord] { WrittenLog.records(in: folder["logs"]) }

    /// The messages that came from a stream, in order.
    package func lines(_ stream: LogStream = .stdout) -> [String] {
        records.filter { $0.stream == stream }.map(\.message)
    }

    /// How many lines the log has, without building their records.
    package func lineCount() -> Int { WrittenLog.lineCount(in: folder["logs"]) }

    /// Runs a program; nothing but PATH is in its environment unless it is given.
    package func run(
        _ arguments: [String], environment: [String: String] = [:], in place: String? = nil, progress: String? = nil,
        reactor: ProcessReactor = ProcessReactor(), executor: (any ProgramExecutor)? = nil,
        takingUp begun: WorkIdentity? = nil
    ) async -> Execution {
        let executor =
            executor
            ?? ProcessExecutor(
                ProgramHost(
                    reactor: reactor, folder: place ?? folder.path,
                    environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"]))
        var work = CommandWork(arguments: arguments, environment: environment, progressPattern: progress)
        work.workFolder = workFolder
        return await CommandRunner(executor, takingUp: begun).execute(work, for: control)
    }

    /// The folder in which its executor may keep files, and which only the trial's own processes write to.
    package var workFolder: String {
        // One that cannot be made fails what is to be done in it.
        try? FileManager.default.createDirectory(atPath: folder["work"], withIntermediateDirectories: true)
        return folder["work"]
    }

    /// Runs a line of shell.
    package func shell(
        _ line: String, environment: [String: String] = [:], progress: String? = nil,
        reactor: ProcessReactor = ProcessReactor(), executor: (any ProgramExecutor)? = nil
    ) async -> Execution {
        await run(
            ["/bin/sh", "-c", line], environment: environment, progress: progress, reactor: reactor,
            executor: executor)
    }

    /// Shell that reports progress, which ``isReady()`` waits for.
    package static let ready = #"printf '\033]9;4;1;1\007\n'"#

    /// Runs statements with the real `duckdb`.
    package func duckDB(
        _ statements: [String], files: [String] = [], folders: [String] = [], memory: Int64 = 1_000_000_000,
        program: String? = nil, locations: [SourceLocation?] = [], reactor: ProcessReactor = ProcessReactor(),
        executor place: (any ProgramExecutor)? = nil
    ) async throws -> Execution {
        var script = SQLScript(title: "A trial")
        for (index, sql) in statements.enumerated() {
            script.add(
                "statement \(index + 1)", location: locations.indices.contains(index) ? locations[index] : nil, sql)
        }
        let path = program ?? Checkout.duckDB?.path ?? "/usr/bin/duckdb"
        try FileManager.default.createDirectory(atPath: folder["work"], withIntermediateDirectories: true)
        let executor = DuckDBExecutor(
            reactor: reactor, program: DuckDBProgram(path: path, version: DuckDBProgram.pinned),
            masker: SecretMasker(secrets: []))
        var job = SQLJob(
            script: script, essentialStatements: statements.count, scriptFile: folder["script.sql"],
            workFolder: folder["work"], files: files, folders: folders, threads: 2, memory: memory)
        job.executor = place
        return await executor.execute(job, for: control)
    }
}

/// Processes as the kernel shows them to a test.
package enum ProcessWatch {
    /// Whether a process is there and is no zombie.
    package static func isAlive(_ pid: Int32) -> Bool {
        guard let text = try? FileText.read("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else {
            return false
        }
        return text[text.index(after: close)...].split(separator: " ").first != "Z"
    }

    /// The open descriptors of this process.
    package static var openDescriptors: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap { Int32($0) }
            .filter { fcntl($0, F_GETFD) >= 0 }
    }

    /// The children of this process that have ended and were not reaped.
    package static var zombies: [String] {
        let own = String(getpid())
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { Int($0) != nil }.compactMap { pid in
            guard let text = try? FileText.read("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else {
                return nil
            }
            let fields = text[text.index(after: close)...].split(separator: " ")
            return fields.first == "Z" && fields[1] == own ? text : nil
        }
    }

    /// The largest resident set of this process so far, in bytes.
    package static var peakMemory: Int64 {
        let status = (try? FileText.read("/proc/self/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int64($0.filter(\.isNumber)) }.map { $0 * 1024 } ?? 0
    }

    /// A process that holds a run's lock and nothing else; end it with ``end(_:)``.
    ///
    /// The lock belongs to the open file, which only the child holds once this process has closed it.
    package static func lockHolder(_ path: String) -> Int32? {
        let descriptor = cs_lock_file(path)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let arguments = [strdup("sleep"), strdup("60"), nil]
        defer { for text in arguments { free(text) } }
        let pid = cs_spawn("/bin/sleep", arguments, [nil], nil, descriptor, -1, -1, 0)
        return pid > 0 ? pid : nil
    }

    /// Kills a process of this one and takes its status away.
    package static func end(_ pid: Int32) {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}

/// Waits until a process has ended, on a thread of its own: a wait on the tests' shared threads would hold up the others.
package func waitForEnd(ofProcess pid: Int32) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            let descriptor = cs_pidfd_open(pid)
            if descriptor >= 0 {
                var ended = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                while poll(&ended, 1, -1) < 0, errno == EINTR {}
                close(descriptor)
            }
            continuation.resume()
        }
    }
}
