import Engine

/// `caudal show --follow`: prints a run of another process as `caudal run` prints its own, from its beginning.
struct FollowPrinter {
    let follower: RunFollower
    let json: Bool
    let paint: Paint
    /// Takes what is secret out of events; their reasons have none any more, the values of items may.
    let masker: SecretMasker

    /// Prints until the run has ended.
    ///
    /// - Throws: The exit status that says how the run ended, unless it succeeded.
    func run() async throws {
        let id = follower.initial.id
        var state = RunState(id: id, plan: follower.initial.plan)
        var printer = PlainPrinter(state, paint: paint, printLine: Output.line)
        func take(_ events: [RunEvent]) {
            for event in events { state.apply(event) }
            if json { Output.json(masker.masked(events.jsonLines(of: id))) } else { printer.take(events) }
        }
        take(follower.past)
        if state.status == .running, follower.isLive {
            listening: for await news in follower.news() {
                switch news {
                case .events(let events):
                    take(events)
                    if state.status != .running { break listening }
                case .gone: break listening
                case .alive, .notice: break
                case .fault(let error): throw error
                }
            }
        }
        if state.status == .running {
            Output.error("error: run \(id) was interrupted: its process died")
            Output.error("  go on with: caudal resume \(id)")
            throw ExitStatus.failed.code
        }
        let status = ExitStatus(state.status)
        if status != .succeeded { throw status.code }
    }
}
