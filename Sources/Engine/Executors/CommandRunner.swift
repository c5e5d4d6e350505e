package import CaudalModel
import Foundation

/// Runs the programs of command stages with any executor: writes their output to the log, detects their progress, keeps
/// their last lines.
package struct CommandRunner: StageExecutor {
    private let executor: any ProgramExecutor
    /// Work that goes on elsewhere, to be taken up again instead of being begun.
    private let begun: WorkIdentity?

    package init(_ executor: any ProgramExecutor, takingUp begun: WorkIdentity? = nil) {
        self.executor = executor
        self.begun = begun
    }

    package func execute(_ work: CommandWork, for attempt: AttemptControl) async -> Execution {
        var variables = work.environment
        variables["CAUDAL_RUN_ID"] = attempt.run.rawValue
        variables["CAUDAL_STAGE"] = attempt.unit.stage.rawValue
        variables["CAUDAL_ATTEMPT"] = String(attempt.number)
        let call = ProgramCall(
            program: work.arguments.first ?? "", arguments: Array(work.arguments.dropFirst()), variables: variables,
            workFolder: work.workFolder, reads: work.reads, writes: work.outputs.map(\.staged),
            resources: work.resources)
        let output = OutputCollector(attempt: attempt, progressPattern: work.progressPattern)
        do throws(Failure) {
            let end: ProgramEnd
            if let begun {
                end = try await executor.attach(to: begun, call, for: attempt) { output.take($0, $1) }
            } else {
                end = try await executor.run(call, for: attempt) { output.take($0, $1) }
            }
            return Self.execution(
                of: end, lastLines: output.lastLines, earlierError: output.earlierError, attempt: attempt)
        } catch {
            return Execution(failure: error, lastLines: output.lastLines)
        }
    }

    /// Interprets the end of a program.
    ///
    /// `earlierError`: the newest line of the level error before the last lines.
    static func execution(
        of end: ProgramEnd, lastLines: [String], earlierError: String?, attempt: AttemptControl
    ) -> Execution {
        var execution = Execution(exit: end.exit, usage: end.usage, lastLines: lastLines)
        if !end.leftBehind.isEmpty {
            let note = "left behind and ended: \(end.leftBehind.joined(separator: ", "))"
            attempt.log.note(note, level: .warn)
            execution.notes.append(note)
        }
        if end.exit == .exited(0), !end.cutWriters.isEmpty {
            execution.failure = Failure(
                "the output was still written by \(end.cutWriters.joined(separator: ", ")), which was ended")
        }
        if end.exit == .exited(0), attempt.stopReason != nil {
            // Of what it was to do, nobody knows how much it has done.
            execution.failure = Failure("it ended with exit status 0 because it was asked to stop")
        }
        if end.exit != .exited(0) {
            var message = end.meaning ?? end.exit.description
            if case .signaled(9) = end.exit { message += end.usage?.peakText ?? "" }
            if end.wasKilled, attempt.stopReason != nil { message += " after it did not end when asked to" }
            // A program's last lines usually explain the failure; a line that states level error explains it best, also an
            // earlier one where the program says of its last line that it is another kind.
            func level(_ line: String) -> LogLevel? {
                var line = line
                return line.withUTF8 { LogLevel.claimed(by: $0) }
            }
            let last = lastLines.last { !$0.trimmed.isEmpty }
            let telling =
                lastLines.last { level($0) == .error } ?? (last.flatMap(level) == nil ? last : earlierError ?? last)
            if case .exited = end.exit, let telling { message += ": " + telling.trimmed.shortened(to: 200) }
            execution.failure = Failure(message)
        }
        return execution
    }
}
