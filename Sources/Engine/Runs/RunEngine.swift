package import CaudalModel
import Foundation

/// Carries a run out: takes what happens in, lets the ``RunMachine`` decide, records, publishes and acts.
///
/// One loop takes all inputs that have come, records what follows from them in one transaction and carries the actions
/// out. Attempts run as child tasks and come back as inputs; they are stopped by a message, never by cancelling.
package actor RunEngine {
    /// Everything outside of a run that an engine reaches for.
    package struct Environment: Sendable {
        /// What time it is.
        package var now: @Sendable () -> Moment
        /// Waits; tests do not.
        package var sleep: @Sendable (Duration) async -> Void
        /// The process that the run lives in.
        package var process: ProcessIdentity
        /// How long a process has between being asked to end and being killed.
        package var grace: Duration

        package init(
            now: @escaping @Sendable () -> Moment = { SystemClock.now },
            // A sleep that is cut short by cancelling is what its timer wants.
            sleep: @escaping @Sendable (Duration) async -> Void = { try? await ContinuousClock().sleep(for: $0) },
            process: ProcessIdentity = ProcessTable.own, grace: Duration = .seconds(5)
        ) {
            self.now = now
            self.sleep = sleep
            self.process = process
            self.grace = grace
        }
    }

    /// Events as they are recorded.
    package nonisolated let hub = EventHub()
    private let environment: Environment
    private let journal: any RunJournal
    private let runner: any AttemptRunner
    private let masker: SecretMasker
    private let writer: LogWriter?
    private let ledger: SpawnLedger?
    private nonisolated let mailbox: RunEngineMailbox
    private var driver: RunDriver
    private var controls: [UnitID: AttemptControl] = [:]
    private var timers: [RunTimer: Task<Void, Never>] = [:]
    private var publishing: [UnitID: CheckedContinuation<Bool, Never>] = [:]
    /// Commands that were not answered yet, by token.
    private var asking: [Int: (command: RunCommand, answer: CheckedContinuation<CommandAnswer, Never>)] = [:]
    private var nextToken = 0
    /// What keeps a run that has ended from going on: another one that writes its paths.
    private let obstacle: @Sendable () throws(StoreError) -> Failure?
    /// Why the engine had to give up, if it had to.
    private var fault: StoreError?
    /// Another program keeps the journal locked: since when, and since when an operator wants the run to end.
    private var wait: (since: Moment, isTold: Bool, endWanted: Moment?)?
    /// The commands that came during the wait, whose stops were carried out before they are taken in.
    private var ahead: [RunCommand] = []

    package init(
        machine: RunMachine, journal: any RunJournal, runner: any AttemptRunner, writer: LogWriter?,
        ledger: SpawnLedger? = nil, mailbox: RunEngineMailbox? = nil,
        masker: SecretMasker = SecretMasker(secrets: []),
        obstacle: @escaping @Sendable () throws(StoreError) -> Failure? = { () throws(StoreError) in nil },
        environment: Environment = Environment()
    ) {
        driver = RunDriver(machine: machine, journal: journal)
        self.journal = journal
        self.runner = runner
        self.writer = writer
        self.ledger = ledger
        self.mailbox = mailbox ?? RunEngineMailbox(now: environment.now)
        self.masker = masker
        self.obstacle = obstacle
        self.environment = environment
    }

    /// The run as it stands now.
    package var state: RunState { driver.machine.state }

    /// Why a command makes no sense now, or nil when it does.
    package func refusal(of command: RunCommand) -> String? { driver.machine.refusal(of: command) }

    /// Asks something of the run, and tells what became of it.
    package func send(_ command: RunCommand, by: String) async -> CommandAnswer {
        if fault != nil || mailbox.isClosed { return .refused("the run's engine has ended") }
        if state.status != .running, refusal(of: command) == nil {
            do throws(StoreError) {
                if let obstacle = try obstacle() { return .refused(obstacle.description) }
            } catch {
                return .refused(error.description)
            }
        }
        let token = nextToken
        nextToken += 1
        return await withCheckedContinuation { continuation in
            asking[token] = (command, continuation)
            mailbox.post(.input(.command(masked(command), by: by, token: token)))
            // Behind the post: an attempt that ends by it is taken in behind the command.
            if wait != nil {
                stopAhead(command)
                answerLater(token)
            }
        }
    }

    /// Waits until the run has ended, or the engine has given up.
    package func waitForEnd() async {
        let batches = hub.batches()
        guard state.status == .running, fault == nil else { return }
        for await events in batches {
            let hasEnded = events.contains { if case .runEnded = $0.change { true } else { false } }
            if hasEnded { return }
        }
    }

    /// A command without secrets in its reason, which is recorded and shown.
    private nonisolated func masked(_ command: RunCommand) -> RunCommand {
        guard case .mark(let unit, let outcome, let reason) = command else { return command }
        return .mark(unit, outcome, reason: masker.masked(reason))
    }

    /// Lets an engine that stays open end once its run has.
    package nonisolated func close() { mailbox.post(.close) }

    // MARK: - The loop

    /// Says how the run begins, and what is asked of it right after that; what is sent later comes behind.
    ///
    /// - Parameters:
    ///   - first: A start or a resumption.
    ///   - change: Another plan that it goes on with after a resumption.
    package nonisolated func begin(
        _ first: RunInput, change: (PlanChange, by: String)? = nil, commands: [(RunCommand, by: String)] = []
    ) {
        var inputs = [first]
        if let (change, by) = change { inputs.append(.changePlan(change, by: by)) }
        mailbox.post(inputs + commands.map { .command(masked($0), by: $1, token: -1) })
    }

    /// Begins, and runs until everything has ended: see ``begin(_:change:commands:)`` and ``run(staysOpen:)``.
    package func run(
        _ first: RunInput, change: (PlanChange, by: String)? = nil, commands: [(RunCommand, by: String)] = [],
        staysOpen: Bool = false
    ) async throws(StoreError) -> RunState {
        begin(first, change: change, commands: commands)
        return try await run(staysOpen: staysOpen)
    }

    /// Runs what was begun until everything has ended.
    ///
    /// - Parameter staysOpen: Whether it waits for commands after the run has ended, until ``close()``.
    /// - Throws: ``StoreError`` when something could not be recorded. All attempts were stopped then; what was
    ///   recorded holds, and the run can be resumed.
    package func run(staysOpen: Bool = false) async throws(StoreError) -> RunState {
        await withDiscardingTaskGroup { group in
            var isClosing = !staysOpen
            var hasEnded = false
            loop: for await _ in mailbox.wakes {
                let mail = mailbox.take()
                if mail.close { isClosing = true }
                forget(mail.inputs.map(\.input))
                ahead = []
                if let failure = mail.failure { giveUp(failure) }
                if fault == nil {
                    do throws(StoreError) {
                        let step = driver.decide(mail.inputs, at: environment.now())
                        stopAhead(step.actions)
                        try await whenFree { () throws(StoreError) in
                            try driver.record(step, remarks: mail.remarks)
                        }
                        hub.publish(step.events)
                        for event in step.events {
                            if case .unitReset(let unit) = event.change { runner.forget(unit) }
                        }
                        for (token, answer) in step.answers {
                            asking.removeValue(forKey: token)?.answer.resume(returning: answer)
                        }
                        for action in step.actions { try await perform(action, in: &group) }
                        hasEnded = state.status != .running
                    } catch {
                        giveUp(error)
                    }
                }
                if fault != nil || hasEnded && isClosing { break loop }
            }
            // The task was cancelled: nobody takes in any more what the attempts tell.
            if !(hasEnded && isClosing) {
                giveUp(StoreError(.unreadable("the task of the run was cancelled"), path: "the run"))
            }
            mailbox.isClosed = true
        }
        for timer in timers.values { timer.cancel() }
        for (_, answer) in asking.values { answer.resume(returning: .refused("the run's engine has ended")) }
        asking = [:]
        hub.finish()
        if let fault { throw fault }
        return state
    }

    /// Nothing can be recorded any more: everything that runs is ended, and nothing more is published.
    private func giveUp(_ error: StoreError) {
        guard fault == nil else { return }
        fault = error
        for control in controls.values { control.requestStop(.shutdown) }
        for continuation in publishing.values { continuation.resume(returning: false) }
        publishing = [:]
    }

    // MARK: - Waiting for the journal

    /// Does something with the journal; while another program keeps that locked, what runs goes on and this waits.
    ///
    /// - Throws: ``StoreError`` for any other fault, and when an operator has wanted the run to end for a while.
    private func whenFree<Value>(_ action: () throws(StoreError) -> Value) async throws(StoreError) -> Value {
        while true {
            do throws(StoreError) {
                let value = try action()
                if let told = wait, told.isTold {
                    let took = Duration.milliseconds(environment.now().steady - told.since.steady)
                    note("the run store is free again after \(took.short); the run goes on", standing: false)
                }
                wait = nil
                return value
            } catch {
                guard error.problem == .busy, !hasWaitedEnough else { throw error }
                reportWait(error)
            }
            await environment.sleep(.milliseconds(100))
        }
    }

    /// The time after which a waiting command is answered, and the wait is reported.
    private static let silence = Duration.seconds(2)

    private func reportWait(_ error: StoreError) {
        let now = environment.now()
        let since = wait?.since ?? now
        if wait == nil {
            wait = (now, false, state.isCancelled ? now : nil)
            for token in asking.keys { answerLater(token) }
        }
        guard wait?.isTold == false, now.steady - since.steady >= Self.silence.milliseconds else { return }
        wait?.isTold = true
        let holder = journal.lockHolder().map { "process \($0.pid) (\($0.name))" } ?? "another program"
        note(
            "\(holder) keeps \(error.path) locked: nothing new starts until it is free, what runs goes on",
            standing: true)
    }

    /// Whether the run was to end and its attempts have had their time.
    private var hasWaitedEnough: Bool {
        guard let asked = wait?.endWanted else { return false }
        return environment.now().steady - asked.steady > (environment.grace + .seconds(5)).milliseconds
    }

    /// Says something about the whole run, on screens and in the log.
    private func note(_ text: String, standing: Bool) {
        hub.say(text, standing: standing)
        let mailbox = mailbox
        AttemptLog(
            writer: writer, pipeline: state.plan.pipeline, run: state.id, unit: nil, attempt: nil, masker: masker,
            now: environment.now, onRemark: { mailbox.post(.remarks($0)) }
        ).note(text, level: .warn)
    }

    /// Ends what a step ends before the step is recorded: a stop harms nothing that is recorded, and whoever dies before
    /// the record leaves an attempt that was interrupted.
    private func stopAhead(_ actions: [RunAction]) {
        for case .stop(let unit, _, let reason) in actions { controls[unit]?.requestStop(reason) }
    }

    /// Ends what a command ends that has come while this waits, and what of it begins before the command is taken in.
    private func stopAhead(_ command: RunCommand) {
        ahead.append(command)
        let now = environment.now()
        if command == .cancelRun, wait?.endWanted == nil { wait?.endWanted = now }
        for (unit, control) in controls where command.cancels(unit) { control.requestStop(.cancelled) }
    }

    /// Answers a command that has to wait before its sender takes this process for dead.
    private func answerLater(_ token: Int) {
        let sleep = environment.sleep
        // A task of its own: the command may be carried out meanwhile, and then the answer is another one.
        Task {
            await sleep(Self.silence)
            guard wait != nil, let (command, answer) = asking.removeValue(forKey: token) else { return }
            let what =
                switch command {
                case .cancelRun, .cancel: "what runs of it is stopped now, and is recorded"
                case .retry, .retryItems, .retryStages, .retryFailed, .pause, .unpause, .setLimit, .mark:
                    "is carried out"
                }
            answer.resume(
                returning: .accepted("\(what) once the run store is free, which another program keeps locked"))
        }
    }

    /// Lets go of what belonged to attempts and timers that have ended.
    private func forget(_ inputs: [RunInput]) {
        for input in inputs {
            switch input {
            case .attemptEnded(let unit, let number, _) where controls[unit]?.number == number: controls[unit] = nil
            case .timerFired(let timer): timers[timer] = nil
            default: break
            }
        }
    }

    // MARK: - Actions

    private func perform(_ action: RunAction, in group: inout DiscardingTaskGroup) async throws(StoreError) {
        switch action {
        case .launch(let unit, let number, let purpose): launch(unit, number, purpose, in: &group)
        case .stop(let unit, _, let reason): controls[unit]?.requestStop(reason)
        case .startTimer(let timer, let delay):
            timers[timer]?.cancel()
            let (mailbox, sleep) = (mailbox, environment.sleep)
            let timed: AttemptControl? = if case .timeout(let unit, _) = timer { controls[unit] } else { nil }
            // A task of its own, because it is cancelled by itself and must not keep the run from ending.
            timers[timer] = Task {
                await sleep(delay)
                if Task.isCancelled { return }
                mailbox.post(.input(.timerFired(timer)))
                // The time is over whether that can be recorded now or not; the machine hears of it first.
                timed?.requestStop(.timedOut)
            }
        case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .requestLease(let unit): try await requestLease(unit)
        case .releaseLease(let unit):
            let run = state.id
            try await whenFree { () throws(StoreError) in try journal.releaseLease(of: unit, run: run) }
        case .publish(let unit, _): publishing.removeValue(forKey: unit)?.resume(returning: true)
        case .finish: break
        }
    }

    private func requestLease(_ unit: UnitID) async throws(StoreError) {
        let state = state
        guard let index = state.plan.index(of: unit.stage) else { return }
        let refusal = try await whenFree { () throws(StoreError) in
            try journal.takeLease(
                of: unit, planned: state.plan.stages[index], run: state.id, pools: state.pools)
        }
        mailbox.post(.input(refusal.map { .leaseRefused(unit, reason: $0) } ?? .leaseGranted(unit)))
    }

    private func launch(
        _ unit: UnitID, _ number: Int, _ purpose: AttemptPurpose, in group: inout DiscardingTaskGroup
    ) {
        let state = driver.machine.state
        let (mailbox, runner) = (mailbox, runner)
        let log = AttemptLog(
            writer: writer, pipeline: state.plan.pipeline, run: state.id, unit: unit, attempt: number, masker: masker,
            now: environment.now, onRemark: { mailbox.post(.remarks($0)) })
        let control = AttemptControl(
            unit: unit, number: number, run: state.id, log: log, grace: environment.grace,
            timeLimit: state.plan.index(of: unit.stage).flatMap { state.plan.stages[$0].timeout }, ledger: ledger,
            onSpawn: { mailbox.post(.input(.attemptSpawned(unit, attempt: number, $0))) },
            onProgress: { mailbox.post(.input(.progressed(unit, attempt: number, $0))) })
        controls[unit] = control
        if ahead.contains(where: { $0.cancels(unit) }) { control.requestStop(.cancelled) }
        let order = AttemptOrder(
            unit: unit, number: number, purpose: purpose,
            item: unit.item.flatMap { key in
                state.stage(unit.stage).flatMap { stage in stage.itemIndex[key].map { stage.items[$0].item } }
            },
            made: made(upstreamOf: unit.stage, state), absent: absent(upstreamOf: unit.stage, state),
            state: runner.wantsState(unit.stage) ? state : nil,
            isAskedFor: (state.unit(unit)?.attemptsBeforeReset ?? 0) > 0)
        group.addTask {
            var result = await AttemptControl.$asking.withValue(control) {
                await runner.run(order, control: control) { plan, result in
                    await self.record(publishing: plan, result, of: unit, number)
                }
            }
            if let note = log.finish() { result.notes.append(note) }
            mailbox.post(.input(.attemptEnded(unit, attempt: number, result)))
        }
    }

    /// What the stages upstream of a stage have made, by dataset.
    private func made(upstreamOf id: StageID, _ state: RunState) -> [DatasetName: ProducedData] {
        guard let index = state.plan.index(of: id) else { return [:] }
        var found: [DatasetName: ProducedData] = [:]
        let needs = runner.readsByPlace(id) ? state.plan.allUpstream(of: index) : state.plan.upstream[index]
        for need in needs {
            let stage = state.stages[need]
            // What a stage stands for that was marked or skipped lies at its path, if anywhere.
            guard stage.unit.status.outcome?.isSuccess == true, !stage.unit.isMarked else { continue }
            let marked = stage.items.filter { $0.unit.isMarked && $0.unit.status == .succeeded }.map(\.item)
            for name in state.plan.stages[need].outputs {
                found[DatasetName(name)] = ProducedData(writer: stage.id, artifacts: [], markedItems: marked)
            }
            for artifact in stage.artifacts {
                if let dataset = artifact.dataset { found[dataset]?.artifacts.append(artifact) }
            }
        }
        return found
    }

    /// What the stages upstream of a stage stand for though they did not run: they were skipped or marked.
    private func absent(upstreamOf id: StageID, _ state: RunState) -> [DatasetName: MissingData] {
        guard let index = state.plan.index(of: id) else { return [:] }
        var found: [DatasetName: MissingData] = [:]
        for need in state.plan.upstream[index] {
            let unit = state.stages[need].unit
            let isSkipped = unit.status == .skipped
            guard isSkipped || unit.isMarked else { continue }
            let reason = unit.reason.map { " (\($0))" } ?? ""
            let absence = MissingData(
                reason:
                    "\(state.stages[need].id) was \(unit.isMarked ? "marked as \(unit.status.rawValue)" : "skipped")\(reason)",
                isSkipped: isSkipped)
            for name in state.plan.stages[need].outputs { found[DatasetName(name)] = absence }
        }
        return found
    }

    private func record(publishing plan: PublishPlan, _ result: AttemptResult, of unit: UnitID, _ number: Int) async
        -> Bool
    {
        if fault != nil { return false }
        return await withCheckedContinuation { continuation in
            publishing[unit] = continuation
            mailbox.post(.input(.publishing(unit, attempt: number, plan, result)))
        }
    }
}
