import CaudalModel
import Engine

/// `caudal show --follow`: prints a run of another process from its start, as `caudal run` prints its own.
struct FollowPrinter {
    let follower: RunFollower
    let json: Bool
    let paint: Paint
    /// Masks secrets in events: their reasons are masked already, but values of items may hold some.
    let masker: SecretMasker

    private var hint: CommandHint { CommandHint(follower.store.folder) }

    /// Prints until the run has ended.
    ///
    /// - Throws: The exit status of the run, unless it succeeded.
    func run() async throws {
        let id = follower.initial.id
        var state = RunState(id: id, plan: follower.initial.plan)
        var printer = PlainPrinter(state, paint: paint, hint: hint, printLine: Output.line)
        func take(_ events: [RunEvent]) {
            for event in events { state.apply(event) }
            if json { Output.json(masker.masked(events.jsonLines(of: id))) } else { printer.handle(events) }
        }
        take(follower.past)
        if state.status == .running, follower.isLive {
            listening: for await update in follower.updates() {
                switch update {
                case .events(let events):
                    take(events)
                    if state.status != .running { break listening }
                case .gone: break listening
                case .alive, .notice: break
                case .fault(let error), .failed(let error): throw error
                }
            }
        }
        if state.status == .running {
            Output.error("error: run \(id) was interrupted: its process died")
            Output.error("  continue it with: \(hint("resume \(id)"))")
            throw ExitStatus.failed.code
        }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}
