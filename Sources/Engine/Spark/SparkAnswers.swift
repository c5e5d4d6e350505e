import CSystem
import CaudalModel
import Foundation
import Synchronization

/// What a job has told so far, as the results of its script.
final class SparkAnswers: Sendable {
    private struct State {
        var rows: [DataReadings.Row] = []
        var written: [SQLScript.StatementID: Int64] = [:]
        var begun = 0
        var faults: [(statement: Int, event: SparkEvent)] = []
        var reported = 0.0
        var failedTasks = 0
    }

    private let script: SQLScript
    private let attempt: AttemptControl
    private let masker: SecretMasker
    private let hides: Bool
    private let state = Mutex(State())

    init(_ script: SQLScript, attempt: AttemptControl, masker: SecretMasker, hides: Bool) {
        self.script = script
        self.attempt = attempt
        self.masker = masker
        self.hides = hides
    }

    func take(_ event: SparkEvent) {
        guard let number = event.n else { return }
        let id = SQLScript.StatementID(number: number)
        switch event.event {
        case .statement:
            state.withLock { $0.begun = number }
            report(number, 0, nil)
        case .row: state.withLock { $0.rows.append(DataReadings.Row(statement: id, fields: event.row ?? [:])) }
        case .wrote: state.withLock { $0.written[id] = event.rows }
        case .fault:
            state.withLock { $0.faults.append((number, event)) }
            attempt.log.note(words(event), level: .error)
        case .progress:
            if let tasks = event.tasks, let done = event.done, tasks > 0 {
                report(number, Double(done) / Double(tasks), "\(done) of \(tasks.counted("task"))")
            }
            if let failed = event.failed, failed > state.withLock({ $0.failedTasks }) {
                state.withLock { $0.failedTasks = failed }
                attempt.log.note(
                    "\(failed.counted("task")) failed on the cluster, and \(failed == 1 ? "is" : "are") tried again",
                    level: .warn)
            }
        case .ready, .refused, .beat, .done, .failed, .cancelled: break
        }
    }

    private func report(_ number: Int, _ share: Double, _ tasks: String?) {
        let fraction = script.fraction(statement: number - 1, fraction: min(1, share))
        let isNews = state.withLock { state in
            // Spark plans further tasks while it works; what is shown never goes back.
            guard fraction > state.reported else { return false }
            state.reported = fraction
            return true
        }
        guard isNews, script.statements.indices.contains(number - 1) else { return }
        let title = script.statements[number - 1].title
        attempt.report(Progress(fraction: fraction, activity: tasks.map { "\(title), \($0)" } ?? title))
    }

    /// A message with secrets masked, and truncated.
    private func words(_ event: SparkEvent) -> String {
        masker.masked(event.words(hides: hides)).shortened(to: AttemptLog.excerptLimit)
    }

    /// What the job has come to.
    func execution(_ last: SparkEvent, of job: SQLJob) -> Execution {
        let (rows, written, begun, faults) = state.withLock { ($0.rows, $0.written, $0.begun, $0.faults) }
        let isDone = last.event == .done
        let readings = DataReadings(rows: rows, written: written, begun: isDone ? script.statements.count + 1 : begun)
        var execution = Execution(
            lastLines: faults.map { words($0.event) }, readings: readings, errors: faults.map { words($0.event) })
        execution.lacksMemory = false
        guard !isDone else { return execution }
        guard last.event == .failed else {
            execution.failure = Failure("its work on Spark was stopped")
            return execution
        }
        let message = words(last)
        attempt.log.note(message, level: .error)
        execution.lastLines.append(message)
        execution.errors.append(message)
        let statement = begun > 0 && begun <= script.statements.count ? script.statements[begun - 1] : nil
        let place = statement.map { $0.location == nil ? " (to \($0.title.shortened(to: 60)))" : "" } ?? ""
        let remedy =
            last.lacks_memory == true
            ? "give Spark's executors more memory: 'spark: {conf: {spark.executor.memory: 4g}}'" : nil
        execution.failure = Failure(
            message + place, remedy: remedy, location: statement.flatMap { SparkDialect().place(of: last, in: $0) })
        return execution
    }
}

extension SparkDialect {
    /// The place in the user's file of a fault of a statement; nil where it holds nothing of the user.
    func place(of fault: SparkEvent, in statement: SQLScript.Statement) -> SourceLocation? {
        guard let query = statement.query, let text = statementText(statement.kind) else { return statement.location }
        let own = bound(query.value)
        guard let start = text.firstRange(of: own)?.lowerBound else { return statement.location }
        let before = text.utf8.distance(from: text.startIndex, to: start)
        var offset: Int?
        if let place = fault.place {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            guard lines.indices.contains(place.line - 1) else { return statement.location }
            offset =
                lines[..<(place.line - 1)].reduce(0) { $0 + $1.utf8.count + 1 }
                + String(lines[place.line - 1].prefix(place.column)).utf8.count
        } else if let told = fault.offset {
            offset = String(text.prefix(told)).utf8.count
        }
        guard let offset, offset >= before, offset <= before + own.utf8.count else { return statement.location }
        return query.place(of: offset - before)
    }

    /// The SQL that the driver is given for a statement.
    private func statementText(_ kind: SQLScript.Kind) -> String? {
        switch kind {
        case .write(let sql, to: _), .table(let sql, as: _, ifMissing: _), .view(let sql, as: _, isNew: _),
            .note(let sql, as: _),
            .expect(_, of: let sql):
            sql
        default: query(of: kind)
        }
    }
}
