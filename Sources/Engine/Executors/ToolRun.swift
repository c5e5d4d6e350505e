package import CaudalModel
import Foundation
import Synchronization

/// Runs a short program and keeps everything it writes.
package enum ToolRun {
    /// What a program wrote and how it ended.
    package struct Answer: Sendable {
        package let text: String
        package let errors: String
        package let exit: ProcessExit
    }

    /// Whether the time of a program is over, and what looks at it.
    private final class Clock: Sendable {
        let state = Mutex<(isOver: Bool, task: Task<Void, Never>?)>((false, nil))
    }

    /// How long a tool has for an answer that takes it some milliseconds: many times more, because a machine with too much to
    /// do must not make a stage or a file fail by it.
    package static let patience = Duration.seconds(30)

    /// Runs it to its end.
    ///
    /// `limit`: how long it has; then it is ended with everything it started. nil waits as long as it takes.
    /// - Throws: ``Failure`` when it cannot be run, or has not ended within its limit.
    package static func output(
        of program: String, _ arguments: [String], environment: [String: String] = [:], folder: String = "/",
        marker: String = "caudal/tool", limit: Duration? = nil, reactor: ProcessReactor
    ) async throws(Failure) -> Answer {
        let collected = Collected()
        let launch = ProcessLaunch(
            program: program, arguments: arguments, variables: environment, folder: folder, marker: marker,
            grace: limit == nil ? .seconds(5) : .seconds(1))
        let end = try await run(launch, within: limit, reactor: reactor) { collected.append($0, $1) }
        return Answer(text: collected.text(.stdout), errors: collected.text(.stderr), exit: end.exit)
    }

    /// Runs a program to its end, and hands on what it writes.
    ///
    /// `limit`: how long it has; then it is ended with everything it started. nil waits as long as it takes.
    /// `onStart`: called on the reactor's thread as soon as the program runs.
    /// - Throws: ``Failure`` when it cannot be run, or has not ended within its limit.
    static func run(
        _ launch: ProcessLaunch, within limit: Duration?, reactor: ProcessReactor,
        onStart: @escaping @Sendable (ChildProcess) -> Void = { _ in }, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ChildExit {
        let clock = Clock()
        let end = try await reactor.run(
            launch,
            onStart: { child in
                onStart(child)
                guard let limit else { return }
                // A task of its own, which the program's end cancels.
                let task = Task.detached {
                    do { try await Task.sleep(for: limit) } catch { return }
                    clock.state.withLock { $0.isOver = true }
                    child.stop()
                }
                clock.state.withLock { $0.task = task }
            }, output: output)
        let isOver = clock.state.withLock { clock in
            clock.task?.cancel()
            return clock.isOver
        }
        if isOver, let limit {
            let question = ([launch.program] + launch.arguments).joined(separator: " ")
            throw Failure(
                "'\(question)' did not answer within \(limit.short) and was ended",
                remedy: "run it by hand to see what it waits for")
        }
        return end
    }
}
