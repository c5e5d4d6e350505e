import CaudalModel
import Foundation

/// A job as a script for the `duckdb` program.
extension SQLJob {
    /// The file that the rows are written to; it exists as soon as the program has begun to read the script.
    var results: String { workFolder + "/.caudal-results.jsonl" }

    /// Settings before the script; safe mode comes last, because it locks the settings.
    func prelude(results: String) -> [String] {
        let sql = DuckDBDialect()
        func list(_ texts: [String]) -> String { "[" + texts.map(sql.text).joined(separator: ", ") + "]" }
        var lines = [
            ".output \(SQLJob.dotArgument(results))",
            "SET errors_as_json = true;",
            DuckDBEngine.memoryLimit(for: memory),
            "SET temp_directory = \(sql.text(workFolder + "/.caudal-spill"));",
            "SET TimeZone = 'UTC';",
            "SET preserve_insertion_order = true;",
            "SET autoinstall_known_extensions = false;",
            "SET autoload_known_extensions = false;",
            "SET enable_progress_bar = true;",
            "SET progress_bar_time = 100;",
        ]
        // Safe mode allows no attaching: a database is there before it.
        if let attachment { lines += attachment.statements.map { $0 + ";" } }
        lines += [
            "SET allowed_directories = \(list((folders + [workFolder] + (attachment?.places ?? [])).map { $0 + "/" }));",
            // The texts by which readers are given them are looked up as well.
            "SET allowed_paths = \(list(files + files.map(DuckDBDialect.exactly).filter { $0.contains("[") }));",
            ".bail on",
            ".safe_mode",
        ]
        if let threads { lines.insert("SET threads = \(threads);", at: 2) }
        return lines
    }

    /// A file name as an argument of a dot command.
    private static func dotArgument(_ text: String) -> String {
        "\"" + text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"") + "\""
    }

    /// The complete script.
    func text(results: String) -> String {
        var text = DuckDBDialect().text(of: script, prelude: prelude(results: results), marksProgress: true)
        if essentialStatements < script.statements.count {
            let mark = ".print @@\(essentialStatements + 1)\n"
            text = text.replacing(mark, with: ".bail off\n" + mark)
        }
        return text + "\n.print @@\(script.statements.count + 1)\n"
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

    package func execute(_ job: SQLJob, for attempt: AttemptControl) async -> Execution {
        await .catching { () async throws(Failure) in try await run(job, for: attempt) }
    }

    private func run(_ job: SQLJob, for attempt: AttemptControl) async throws(Failure) -> Execution {
        let results = job.results
        let progress = DuckDBProgress(script: job.script, results: results, attempt: attempt)
        let errors = Collected()
        let passing = job.workFolder + "/.caudal-script.sql"
        // It may hold secrets, and is there only as long as it is needed.
        defer { unlink(passing) }
        let file = job.begun == nil ? try write(job, passing: passing) : job.scriptFile
        let call = ProgramCall(
            program: program.path,
            arguments: ["-no-init", "-batch", "-jsonlines", "-f", file],
            variables: ["HOME": job.workFolder, "TZ": "UTC", "CAUDAL_RUN_ID": attempt.run.rawValue]
                .merging(job.attachment?.environment ?? [:]) { $1 },
            folder: job.workFolder, workFolder: job.workFolder, reads: job.files + [file], writes: job.folders,
            resources: Resources(cpu: job.threads.map(Double.init), memory: job.memory), isOfUser: false,
            tool: .duckDB)
        let output: ProcessReactor.OutputHandler = { stream, bytes in
            if stream == .stdout { progress.take(bytes) } else { errors.append(stream, bytes) }
        }
        let executor =
            job.executor
            ?? ProcessExecutor(
                ProgramHost(reactor: reactor, folder: job.workFolder, environment: [:]))
        let end: ProgramEnd
        if let begun = job.begun {
            end = try await executor.attach(to: begun, call, for: attempt, output: output)
        } else {
            end = try await executor.run(call, for: attempt, output: output)
        }

        // A program that ended before it wrote anything has no results.
        let readings = DataReadings(output: (try? FileText.bytes(results)) ?? [])
        let messages = DuckDBMessage.all(in: errors.text(.stderr)).map { message in
            var told = HiddenValues.told(message, hides: job.hidesValues)
            told.encoding = job.sources.first { $0.isRecodedCopy(in: message.text) }?.recodedFrom
            return told
        }
        for message in messages { attempt.log.write(.stderr, level: .error) { emit in Self.emit(message.text, emit) } }
        let lines = messages.flatMap { $0.text.split(separator: "\n").map(String.init) }
        var execution = Execution(
            exit: end.exit, usage: end.usage,
            lastLines: lines.suffix(AttemptResult.lastLineLimit).map(excerpt),
            readings: readings, errors: messages.map { excerpt($0.firstLine) })
        execution.lacksMemory = messages.contains { $0.kind == .outOfMemory }
        // Beyond the statements that make the data, a failure is a check that could not run.
        let isDone = readings.begun > job.script.statements.count
        if !isDone || readings.begun <= job.essentialStatements {
            execution.failure = failure(end, readings, messages, job, isStopped: attempt.stopReason != nil)
        }
        return execution
    }

    /// Writes the script, as it is kept and as it runs.
    ///
    /// - Returns: The file that runs.
    private func write(_ job: SQLJob, passing: String) throws(Failure) -> String {
        let text = job.text(results: job.results)
        let kept = masker.masked(text)
        try FileText.write(kept, to: job.scriptFile, isPrivate: true)
        if kept == text { return job.scriptFile }
        // The script that is kept has its secrets masked; the one that runs is deleted afterwards.
        try FileText.write(text, to: passing, isPrivate: true)
        return passing
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
        _ end: ProgramEnd, _ readings: DataReadings, _ messages: [DuckDBMessage], _ job: SQLJob, isStopped: Bool
    ) -> Failure {
        let index = readings.begun - 1
        let statement = job.script.statements.indices.contains(index) ? job.script.statements[index] : nil
        let place = statement.map { " (to \($0.title.shortened(to: 60)))" } ?? ""
        guard let message = messages.last else {
            if end.exit == .exited(0), !isStopped {
                return Failure(
                    "duckdb ended without an error, and what it told of its work is cut" + place,
                    remedy: "see whether the disk of \(job.workFolder) is full")
            }
            var text = "duckdb \(end.meaning ?? end.exit.description)"
            guard case .signaled(9) = end.exit else { return Failure(text + place) }
            text += end.usage?.peakText ?? ""
            let remedy = isStopped ? nil : "give the stage less memory with 'resources', or the machine more"
            return Failure(text + place, remedy: remedy)
        }
        // What would have run DuckDB says why it did not.
        if message.kindName.isEmpty, let meaning = end.meaning {
            return Failure("\(meaning): \(excerpt(message.firstLine))" + place)
        }
        return Failure(
            excerpt(message.firstLine) + (statement?.location == nil ? place : ""),
            remedy: message.remedy(memory: job.memory),
            location: statement.flatMap { DuckDBDialect().place(of: message.position, in: $0) })
    }
}
