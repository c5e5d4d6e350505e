import Foundation
import Synchronization

/// SQL to run, and the files and databases it may use.
package struct DuckDBJob: Sendable {
    package var script: SQLScript
    /// The number of statements that produce the data; only after these does the script continue after an error.
    package var essentialStatements: Int
    /// The file in which the script is kept.
    package var scriptFile: String
    /// The working folder of the program, for spill files and results.
    package var workFolder: String
    /// Files that it may read, and folders that it may read and write.
    package var files: [String]
    package var folders: [String]
    package var threads: Int?
    package var memory: Int64
    /// A database that the script uses; only scripts without user SQL have one.
    package var attachment: DatabaseAttachment?
    /// Whether values of rows are left out of error messages.
    package var hidesValues = false

    package init(
        script: SQLScript, essentialStatements: Int, scriptFile: String, workFolder: String, files: [String],
        folders: [String], threads: Int?, memory: Int64, attachment: DatabaseAttachment? = nil
    ) {
        self.script = script
        self.essentialStatements = essentialStatements
        self.scriptFile = scriptFile
        self.workFolder = workFolder
        self.files = files
        self.folders = folders
        self.threads = threads
        self.memory = memory
        self.attachment = attachment
    }

    /// The file for the results; it exists once the program has begun to read the script.
    var results: String { workFolder + "/.caudal-results.jsonl" }

    /// Settings before the script; safe mode comes last, because it locks the settings.
    func prelude(results: String) -> [String] {
        let sql = DuckDBDialect()
        func list(_ texts: [String]) -> String { "[" + texts.map(sql.text).joined(separator: ", ") + "]" }
        var lines = [
            ".output \(DuckDBJob.dotArgument(results))",
            "SET errors_as_json = true;",
            "SET memory_limit = '\(max(64, memory / 1_000_000))MB';",
            "SET temp_directory = \(sql.text(workFolder + "/.caudal-spill"));",
            "SET TimeZone = 'UTC';",
            "SET preserve_insertion_order = true;",
            "SET autoinstall_known_extensions = false;",
            "SET autoload_known_extensions = false;",
            "SET enable_progress_bar = true;",
            "SET progress_bar_time = 100;",
        ]
        // Safe mode forbids ATTACH, so the database is attached before it.
        if let attachment { lines += ["LOAD \(sql.text(attachment.extensionFile));", attachment.statement + ";"] }
        lines += [
            "SET allowed_directories = \(list((folders + [workFolder]).map { $0 + "/" }));",
            "SET allowed_paths = \(list(files));",
            ".bail on",
            ".safe_mode",
        ]
        if let threads { lines.insert("SET threads = \(threads);", at: 2) }
        return lines
    }

    /// A file name as an argument of a dot command.
    private static func dotArgument(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// The complete script.
    func text(results: String) -> String {
        var text = script.text(prelude: prelude(results: results), marksProgress: true)
        if essentialStatements < script.statements.count {
            let mark = ".print @@\(essentialStatements + 1)\n"
            text = text.replacing(mark, with: ".bail off\n" + mark)
        }
        return text + "\n.print @@\(script.statements.count + 1)\n"
    }
}

/// A database that is attached before a script runs.
package struct DatabaseAttachment: Sendable {
    /// The file of the extension for this kind of database.
    package var extensionFile: String
    /// The ATTACH statement, without a trailing semicolon.
    package var statement: String
    /// Environment variables for the child process, including the password.
    package var environment: [String: String]

    package init(extensionFile: String, statement: String, environment: [String: String]) {
        self.extensionFile = extensionFile
        self.statement = statement
        self.environment = environment
    }
}

/// Runs SQL with the `duckdb` command line program, one process for each attempt.
///
/// The script sets options and then safe mode, so that user SQL reaches only the files it was given. Rows go to a file,
/// progress to standard output, and errors to standard error as JSON. The work has succeeded when the last marker and
/// all counts are in the results; the existence of an output file proves nothing.
package struct DuckDBExecutor: StageExecutor {
    private let reactor: ProcessReactor
    private let program: DuckDBProgram
    private let masker: SecretMasker

    package init(reactor: ProcessReactor, program: DuckDBProgram, masker: SecretMasker) {
        self.reactor = reactor
        self.program = program
        self.masker = masker
    }

    package func execute(_ job: DuckDBJob, for attempt: AttemptControl) async -> Execution {
        do throws(Failure) {
            return try await run(job, for: attempt)
        } catch {
            return Execution(failure: error)
        }
    }

    private func run(_ job: DuckDBJob, for attempt: AttemptControl) async throws(Failure) -> Execution {
        let results = job.results
        let text = job.text(results: results)
        let kept = masker.masked(text)
        try FileText.write(kept, to: job.scriptFile, isPrivate: true)
        // The script that is kept has its secrets masked; the one that runs is deleted afterwards.
        let passing = kept == text ? nil : job.workFolder + "/.caudal-script.sql"
        if let passing { try FileText.write(text, to: passing, isPrivate: true) }
        defer { if let passing { unlink(passing) } }
        let progress = DuckDBProgress(script: job.script, results: results, attempt: attempt)
        let errors = Collected()
        let launch = ProcessLaunch(
            program: program.path,
            arguments: ["-no-init", "-batch", "-jsonlines", "-f", passing ?? job.scriptFile],
            variables: ["HOME": job.workFolder, "TZ": "UTC", "CAUDAL_RUN_ID": attempt.run.rawValue]
                .merging(job.attachment?.environment ?? [:]) { $1 },
            folder: job.workFolder, marker: attempt.marker, grace: attempt.grace, ledger: attempt.ledger)
        let end = try await reactor.run(launch, onStart: attempt.started) { stream, bytes in
            if stream == .stdout { progress.take(bytes) } else { errors.append(stream, bytes) }
        }
        attempt.onStop(nil)

        // A program that ended before it wrote anything has no results.
        let readings = DataReadings(output: (try? FileText.bytes(results)) ?? [])
        let messages = DuckDBMessage.all(in: errors.text(.stderr)).map {
            HiddenValues.told($0, hides: job.hidesValues)
        }
        for message in messages { attempt.log.write(.stderr, level: .error) { emit in Self.emit(message.text, emit) } }
        let lines = messages.flatMap { $0.text.split(separator: "\n").map(String.init) }
        var execution = Execution(
            exit: end.exit, usage: end.usage,
            lastLines: lines.suffix(AttemptResult.lastLineLimit).map(excerpt),
            readings: readings, errors: messages.map { excerpt($0.firstLine) })
        // After the statements that produce the data, an error is a check that could not run.
        let isDone = readings.lastStatement > job.script.statements.count
        if !isDone || readings.lastStatement <= job.essentialStatements {
            execution.failure = failure(end, readings, messages, job, isStopped: attempt.stopReason != nil)
        }
        return execution
    }

    private static func emit(_ text: String, _ emit: (UnsafeBufferPointer<UInt8>) -> Void) {
        for line in text.split(separator: "\n") {
            var line = String(line)
            line.withUTF8 { emit($0) }
        }
    }

    /// A message with secrets masked, and truncated: DuckDB may quote whole values.
    private func excerpt(_ text: String) -> String { masker.masked(text).shortened(to: AttemptLog.excerptLimit) }

    private func failure(
        _ end: ChildExit, _ readings: DataReadings, _ messages: [DuckDBMessage], _ job: DuckDBJob, isStopped: Bool
    ) -> Failure {
        let index = readings.lastStatement - 1
        let statement = job.script.statements.indices.contains(index) ? job.script.statements[index] : nil
        let place = statement.map { " (to \($0.title.shortened(to: 60)))" } ?? ""
        guard let message = messages.last else {
            var text = "duckdb \(end.exit.description)"
            guard case .signaled(9) = end.exit else { return Failure(text + place) }
            text += end.usage.peakWords
            let remedy = isStopped ? nil : "give the stage less memory with 'resources', or the machine more"
            return Failure(text + place, remedy: remedy)
        }
        return Failure(
            excerpt(message.firstLine) + (statement?.location == nil ? place : ""),
            remedy: message.remedy(memory: job.memory), location: statement?.place(of: message.position))
    }
}

/// Follows a script's progress: the running statement, from markers in its results, and its percentage, from standard
/// output.
final class DuckDBProgress: Sendable {
    private let state = Mutex<(percent: Double, reported: Double, last: Int64, digits: [UInt8])>((0, -1, 0, []))
    private let script: SQLScript
    private let results: String
    private let attempt: AttemptControl

    /// The minimum milliseconds between two reports.
    private static let interval: Int64 = 200

    init(script: SQLScript, results: String, attempt: AttemptControl) {
        self.script = script
        self.results = results
        self.attempt = attempt
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        let percent = state.withLock { state -> Double? in
            var found: Double?
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): state.digits.append(byte)
                case UInt8(ascii: "%"):
                    found = Double(String(decoding: state.digits, as: UTF8.self))
                    state.digits = []
                default: state.digits = []
                }
                if state.digits.count > 3 { state.digits = [] }
            }
            return found
        }
        guard let percent, percent <= 100 else { return }
        let now = cs_steady_milliseconds()
        let fraction = state.withLock { state -> (Int, Double)? in
            guard now - state.last >= Self.interval || percent == 100 else { return nil }
            state.last = now
            let statement = Self.lastMark(in: results)
            let fraction = script.fraction(statement: max(0, statement - 1), fraction: percent / 100)
            // DuckDB restarts its percentage with each statement; the reported progress never goes back.
            guard fraction > state.reported else { return nil }
            state.reported = fraction
            return (statement, fraction)
        }
        guard let (statement, value) = fraction else { return }
        let title = script.statements.indices.contains(statement - 1) ? script.statements[statement - 1].title : nil
        attempt.report(Progress(fraction: value, activity: title))
    }

    /// The number of the last statement that began, from the last marker in the results; only the file's end is read.
    private static func lastMark(in path: String) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &buffer, buffer.count, max(0, size - buffer.count))
        guard count > 0 else { return 0 }
        let marks = buffer.prefix(count).split(separator: 0x0A).filter { $0.starts(with: [0x40, 0x40]) }
        return marks.last.flatMap { Int(String(decoding: $0.dropFirst(2), as: UTF8.self)) } ?? 0
    }
}
