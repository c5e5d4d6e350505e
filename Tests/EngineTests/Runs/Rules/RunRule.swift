import CaudalModel
import Engine
import Testing

/// One rule of a run as a table: what comes in, and on the same line what is recorded and what is done.
///
/// A line of a rule reads `events → actions ⇒ answer`; `–` stands for nothing. A line is one step of the machine, and a
/// second passes between two of them.
struct RunRule: Sendable, CustomTestStringConvertible {
    /// One step: inputs that come together, and the text of everything that follows.
    struct Line: Sendable {
        let inputs: [RunInput]
        let expected: String
        let source: Testing.SourceLocation

        init(_ inputs: RunInput..., then expected: String, source: Testing.SourceLocation = #_sourceLocation) {
            self.inputs = inputs
            self.expected = expected
            self.source = source
        }
    }

    let testDescription: String
    let plan: RunPlan
    /// What comes in before the lines, each in a step of its own; what follows from it is another rule's business.
    let given: [RunInput]
    let lines: [Line]

    init(
        _ title: String, _ stages: [PlannedStage], parallel: Int = 4, pools: [PoolName: Int] = [:],
        given: [RunInput] = [.begin], _ lines: Line...
    ) {
        testDescription = title
        plan = RunPlan(pipeline: "p", maxParallel: parallel, pools: pools, stages: stages)
        self.given = given
        self.lines = lines
    }

    /// Gives a machine the inputs of every line and holds what it answers against the table.
    func check() {
        var machine = RunMachine(state: RunState(id: "r", plan: plan), seed: 1)
        var second: Int64 = 0
        func take(_ inputs: [RunInput]) -> RunStep {
            // Whoever takes a run up has nothing but its state.
            if case .resume? = inputs.first { machine = RunMachine(state: machine.state, seed: 1) }
            second += 1
            return machine.handle(inputs, at: Moment(wall: second * 1000, steady: second * 1000))
        }
        for input in given { _ = take([input]) }
        for line in lines {
            let found = take(line.inputs).ruleText
            if found != line.expected {
                Issue.record(
                    "\(testDescription)\nexpected: \(line.expected)\nfound:    \(found)", sourceLocation: line.source)
            }
        }
    }
}

// MARK: - Plans

extension PlannedStage {
    /// A stage of a rule, with what the rule is about changed.
    static func rule(
        _ id: StageID, needs: [StageID] = [], _ change: (inout PlannedStage) -> Void = { _ in }
    ) -> PlannedStage {
        var stage = PlannedStage(id: id, upstream: needs)
        change(&stage)
        return stage
    }

    /// A stage with a fan-out.
    static func fanOut(
        _ id: StageID, needs: [StageID] = [], parallel: Int? = nil, onFailure: FanOut.OnFailure = .proceed,
        _ change: (inout PlannedStage) -> Void = { _ in }
    ) -> PlannedStage {
        var stage = PlannedStage(id: id, upstream: needs)
        stage.fanOut = FanOutRules(maxParallel: parallel, onFailure: onFailure)
        change(&stage)
        return stage
    }
}

// MARK: - Inputs

extension ProcessIdentity {
    fileprivate static let first = ProcessIdentity(pid: 1, startTicks: 1, bootID: "boot")
    fileprivate static let second = ProcessIdentity(pid: 2, startTicks: 2, bootID: "boot")
}

/// A unit as the command line names it: `stage` or `stage/item`.
struct RuleUnit: ExpressibleByStringLiteral, Sendable {
    let id: UnitID

    init(stringLiteral value: String) {
        let parts = value.split(separator: "/", maxSplits: 1).map(String.init)
        id = UnitID(StageID(parts[0]), parts.count > 1 ? ItemKey(parts[1]) : nil)
    }
}

extension RunInput {
    /// The run begins.
    static let begin = RunInput.start(.first)

    /// Another process takes the run up; `settled`: the attempts whose publication it could finish.
    static func takeUp(settled: RuleUnit...) -> RunInput {
        .resume(.second, settled: Dictionary(uniqueKeysWithValues: settled.map { ($0.id, .succeeded) }), by: "ben")
    }

    static func succeeds(_ unit: RuleUnit, _ attempt: Int = 1) -> RunInput { ends(unit, attempt, .succeeded) }

    /// An attempt ends with an exit status that is no success.
    static func fails(_ unit: RuleUnit, _ attempt: Int = 1, exit status: Int32 = 1) -> RunInput {
        ends(unit, attempt, AttemptResult(ending: .failed, failure: Failure("no"), exit: .exited(status)))
    }

    /// An attempt that was asked to stop ends.
    static func stopped(_ unit: RuleUnit, _ attempt: Int = 1) -> RunInput {
        ends(unit, attempt, AttemptResult(ending: .stopped, failure: Failure("too slow")))
    }

    /// An attempt ends in another way.
    static func ends(_ unit: RuleUnit, _ attempt: Int = 1, _ result: AttemptResult) -> RunInput {
        .attemptEnded(unit.id, attempt: attempt, result)
    }

    /// The items of a fan-out are found.
    static func finds(_ stage: RuleUnit, _ attempt: Int = 1, _ items: ItemKey...) -> RunInput {
        var result = AttemptResult.succeeded
        result.items = items.map { Item(key: $0, values: ["k": $0.rawValue]) }
        return .attemptEnded(stage.id, attempt: attempt, result)
    }

    /// An attempt has staged its outputs and wants to publish them.
    static func publishes(_ unit: RuleUnit, _ attempt: Int = 1) -> RunInput {
        .publishing(unit.id, attempt: attempt, PublishPlan(moves: []), .succeeded)
    }

    /// The delay before a unit's next try is over.
    static func retryIsDue(_ unit: RuleUnit) -> RunInput { .timerFired(.retry(unit.id)) }

    /// An attempt has had the time that it may take.
    static func timeIsOver(_ unit: RuleUnit, _ attempt: Int = 1) -> RunInput {
        .timerFired(.timeout(unit.id, attempt: attempt))
    }

    static func leaseIsGranted(_ unit: RuleUnit) -> RunInput { .leaseGranted(unit.id) }

    static func leaseIsRefused(_ unit: RuleUnit, _ reason: String = "pool full") -> RunInput {
        .leaseRefused(unit.id, reason: reason)
    }

    /// An operator called ann asks for something.
    static func ann(_ command: RunCommand) -> RunInput { .command(command, by: "ann", token: 7) }

    static func cancel(_ unit: RuleUnit) -> RunInput { ann(.cancel(unit.id)) }

    static func mark(_ unit: RuleUnit, _ outcome: Outcome) -> RunInput { ann(.mark(unit.id, outcome, reason: "known")) }
}

// MARK: - Text

extension RunStep {
    /// What a step brought about, as the line of a rule has it.
    fileprivate var ruleText: String {
        func list(_ parts: [String]) -> String { parts.isEmpty ? "–" : parts.joined(separator: ", ") }
        var text = list(events.map(\.change.ruleText)) + " → " + list(actions.map(\.ruleText))
        for (_, answer) in answers {
            switch answer {
            case .accepted(let words): text += " ⇒ \(words)"
            case .refused(let words): text += " ⇒ refused: \(words)"
            }
        }
        return text
    }
}

extension RunChange {
    fileprivate var ruleText: String {
        switch self {
        case .runStarted: "run begins"
        case .runResumed(let process): "run goes on in \(process.pid)"
        case .planChanged(_, let by): "\(by) changes the plan"
        case .commandReceived(_, let by): "\(by) asks"
        case .limitSet(let limit, let number): "\(limit.name) is \(number)"
        case .paused: "paused"
        case .unpaused: "unpaused"
        case .unitQueued(let id): "\(id) queued"
        case .unitHeld(let id, let reason): "\(id) held: \(reason)"
        case .attemptStarted(let id, let number): "\(id)#\(number) starts"
        case .attemptSpawned(let id, let number, let work): "\(id)#\(number) is \(work)"
        case .progressed(let id, let number, let progress): "\(id)#\(number) at \(progress.fraction ?? -1)"
        case .stopRequested(let id, let number, let reason): "\(id)#\(number) to stop: \(reason)"
        case .publishing(let id, let number, _, _): "\(id)#\(number) publishes"
        case .attemptEnded(let id, let number, let result): "\(id)#\(number) \(result.ending)"
        case .itemsFound(let id, let items): "\(id) has \(items.map(\.key.rawValue))"
        case .retryScheduled(let id, let delay): "\(id) waits \(delay.written)"
        case .unitEnded(let id, let outcome, let reason): "\(id) \(outcome)" + (reason.map { " (\($0))" } ?? "")
        case .unitMarked(let id, let outcome, let reason): "\(id) marked \(outcome): \(reason)"
        case .unitReset(let id): "\(id) reset"
        case .stageReopened(let id): "\(id) reopened"
        case .runEnded(let outcome): "run \(outcome)"
        case .restored(let versions, let by): "\(by) restores \(versions.paths)"
        }
    }
}

extension RunAction {
    fileprivate var ruleText: String {
        switch self {
        case .launch(let id, let number, .work): "launch \(id)#\(number)"
        case .launch(let id, let number, .findItems): "find items \(id)#\(number)"
        case .launch(let id, let number, .attach(let work)): "attach \(id)#\(number) to \(work)"
        case .stop(let id, let number, let reason): "stop \(id)#\(number): \(reason)"
        case .startTimer(let timer, let delay): "\(timer.ruleText) in \(delay.written)"
        case .cancelTimer(let timer): "no \(timer.ruleText)"
        case .requestLease(let id): "ask lease \(id)"
        case .releaseLease(let id): "give lease \(id)"
        case .publish(let id, let number): "publish \(id)#\(number)"
        case .finish(let outcome): "finish \(outcome)"
        }
    }
}

extension RunTimer {
    fileprivate var ruleText: String {
        switch self {
        case .retry(let id): "retry \(id)"
        case .timeout(let id, let number): "timeout \(id)#\(number)"
        case .leases: "leases"
        }
    }
}
