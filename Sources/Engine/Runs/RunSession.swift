package import CaudalModel
import Foundation
import Synchronization

/// What a process needs to run pipelines, made once and handed down.
package struct RunServices: Sendable {
    /// What starts programs and watches them.
    package let reactor: ProcessReactor
    /// Where runs are kept.
    package let state: StateFolder
    /// What is recorded of them.
    package let store: RunStore
    /// The variables of the process.
    package let variables: [String: String]
    /// What time it is.
    package let now: @Sendable () -> Moment
    /// What is recorded of this program and this machine with a run that begins here.
    package let origin: RunOrigin
    /// Chance, for run ids and jitter.
    package let random: @Sendable () -> UInt64
    /// What runs data stages.
    package let engine: any SQLEngine.Type
    /// Hands what runs record to their observers.
    package let observers: ObserverFeed
    /// Sends what is to be told of runs.
    package let outbox: OutboxSender
    /// Whether runs send what is in it.
    let notifies: Bool
    private let seen = SourceCache()
    private let fetched: FetchedFiles
    private let located = LocatedPrograms()

    /// - Parameter notifies: Whether those are notified whom pipeline files name, and runs are exported to what the
    ///   variables name.
    package init(
        state: StateFolder, variables: [String: String], now: @escaping @Sendable () -> Moment = { SystemClock.now },
        random: @escaping @Sendable () -> UInt64 = { .random(in: 0 ... .max) }, origin: RunOrigin = .current(),
        engine: any SQLEngine.Type = SQLEngines.standard, observers: [any RunObserver] = [],
        notifies: Bool = false
    ) throws(StoreError) {
        self.state = state
        self.variables = variables
        self.now = now
        self.random = random
        self.origin = origin
        self.engine = engine
        store = try RunStore(state)
        reactor = ProcessReactor()
        fetched = FetchedFiles(in: state.path + "/fetched")
        outbox = OutboxSender(store, reactor: reactor, variables: variables, host: origin.host, now: now)
        self.notifies = notifies
        let notifying = notifies ? [NotificationObserver(store, outbox: outbox, host: origin.host)] : []
        let exporting =
            notifies ? ExportObserver.all(store, reactor: reactor, variables: variables, now: now) : []
        self.observers = ObserverFeed(observers + notifying + exporting, of: store, now: now)
    }

    /// The engine for a pipeline.
    ///
    /// - Parameter parameters: Those of the run, whose secrets are masked too.
    package func tools(
        for loaded: LoadedPipeline, parameters: [String: String], folder: String
    ) -> DataTools {
        let masker = loaded.masker(parameters: parameters)
        let machine = MachineResources.total
        let memory = MemoryShare(
            machine: machine.memory, processors: Int(machine.cpu ?? 1), attempts: loaded.pipeline.maxParallel)
        let (root, variables, state, reactor, engine) = (loaded.pipeline.root, loaded.variables, state, reactor, engine)
        let spark = loaded.pipeline.spark
        func surroundings(_ engine: any SQLEngine.Type) -> EngineSurroundings {
            let once = located.at("\(engine.name) \(root)") { () async throws(Failure) in
                try await engine.locate(root: root, variables: variables, cache: state.path, reactor: reactor)
            }
            return EngineSurroundings(
                root: root, variables: variables, reactor: reactor, masker: masker, spark: spark
            ) { () async throws(Failure) in try await once.value() }
        }
        let limit = loaded.variables["CAUDAL_QUESTION_LIMIT"].flatMap(ScalarFormats.duration)
        var tools = DataTools(
            reactor: reactor, masker: masker, folder: folder, defaultMemory: memory.usual,
            largerMemory: memory.larger,
            questionLimit: limit ?? DataTools.usualQuestionLimit, seen: seen, fetched: fetched,
            engine: engine.init(surroundings(engine)))
        tools.spark = SQLEngines.spark.init(surroundings(SQLEngines.spark))
        tools.hidesValues = loaded.pipeline.hidesValues
        return tools
    }

    /// Finds what does not fit before anything runs.
    ///
    /// - Parameter takesWhatLies: Looks at files as they are, whoever wrote them; for what only tells of columns.
    package func examination(
        of loaded: LoadedPipeline, plan: RunPlan, takesWhatLies: Bool = false
    ) -> PipelineExamination {
        let facts = loaded.facts(of: "examined", started: now(), parameters: plan.parameters, slot: plan.slot)
        return PipelineExamination(
            loaded, facts: facts,
            tools: tools(for: loaded, parameters: plan.parameters, folder: state.path + "/questions"),
            store: takesWhatLies ? nil : store)
    }

    /// What reusing unchanged stages would come to in a run of a plan that has not begun.
    ///
    /// - Throws: ``Failure`` when inputs or the run store cannot be read.
    package func reuseOutlook(of loaded: LoadedPipeline, plan: RunPlan) async throws -> ReuseOutlook {
        let facts = loaded.facts(of: "previewed", started: now(), parameters: plan.parameters, slot: plan.slot)
        let runner = try StageAttemptRunner(
            loaded: loaded, run: RunState(id: facts.runID, plan: plan), facts: facts, folder: state.run(facts.runID),
            store: store,
            tools: tools(for: loaded, parameters: plan.parameters, folder: state.path + "/questions"),
            reusesUnchanged: plan.reusesUnchanged,
            now: now)
        return try await runner.reuseOutlook(of: plan)
    }
}

/// The engine's program by the project that it was looked for in: what does not answer is asked once.
private final class LocatedPrograms: Sendable {
    private let programs = Mutex<[String: LazyValue<EngineProgram>]>([:])

    func at(_ root: String, _ find: @escaping @Sendable () async throws(Failure) -> EngineProgram) -> LazyValue<
        EngineProgram
    > {
        programs.withLock { programs in
            let known = programs[root] ?? LazyValue(find)
            programs[root] = known
            return known
        }
    }
}

/// Something that is found out once, when it is first asked for.
actor LazyValue<Value: Sendable> {
    private let find: @Sendable () async throws(Failure) -> Value
    private var task: Task<Result<Value, Failure>, Never>?

    init(_ find: @escaping @Sendable () async throws(Failure) -> Value) { self.find = find }

    func value() async throws(Failure) -> Value {
        if task == nil {
            let find = find
            // A task of its own, because several callers wait for it and none of them may cancel it for the others.
            task = Task {
                do throws(Failure) { return .success(try await find()) } catch { return .failure(error) }
            }
        }
        guard let result = await task?.value else { preconditionFailure("the task was just made") }
        return try result.get()
    }
}

/// One run in this process: its engine and everything that lives as long as it does.
package struct RunSession: Sendable {
    /// What carries the run out.
    package let engine: RunEngine
    /// What the run may have of Spark, which ends with it.
    private let spark: (any SQLEngine)?
    /// Which run it is.
    package let id: RunID
    /// The run's folder.
    package let folder: RunFolder
    /// The run as it stood when the session began.
    package let initial: RunState
    /// How the engine must begin.
    package let first: RunInput
    /// What the process that ran the run before had left running, and was ended.
    package private(set) var endedProcesses: [LeftoverProcess] = []
    /// What there is to tell of files that the run had published and that were not as it left them.
    package private(set) var outputNotes: [String] = []
    /// Another plan that the run goes on with, and who wants it.
    private let change: (PlanChange, by: String)?
    private let lock: RunLock
    private let mailbox: RunEngineMailbox
    private let store: RunStore
    private let observers: ObserverFeed
    private let outbox: OutboxSender?
    /// Takes what is secret out of texts of the run.
    package let masker: SecretMasker
    /// The log, for what concerns the whole run.
    private let log: AttemptLog
    private let retention: Retention
    private let now: @Sendable () -> Moment

    /// Begins a new run.
    ///
    /// - Parameters:
    ///   - trigger: What starts it, if not the slot of its plan.
    ///   - decision: The decision of a schedule that it carries out; see ``RecordedSlot``.
    ///   - overlap: What is done while another run writes the same paths; nil means what the file says.
    ///   - onWait: Told what it waits for, when it begins to.
    /// - Throws: ``Failure`` that names the other run where it is not waited for.
    package static func start(
        _ loaded: LoadedPipeline, plan: RunPlan, trigger: RunTrigger = .manual, decision: Int64? = nil,
        in services: RunServices, overlap: Overlap? = nil, onWait: (PathConflict) -> Void = { _ in },
        environment: RunEngine.Environment = RunEngine.Environment()
    ) async throws -> RunSession {
        services.observers.register()
        let now = services.now()
        var plan = plan
        plan.origin = services.origin
        plan.origin?.state = services.state.path
        plan.origin?.traceParent = services.variables[TraceContext.variable].flatMap { TraceContext(parsing: $0) }?.text
        var id: RunID
        // Another run of the same moment may have drawn the same letters.
        repeat {
            id = RunID(startedAt: now, random: services.random())
        } while FileText.exists(
            services.state.run(id).path)
        let folder = services.state.run(id)
        try folder.create()
        guard let lock = try RunLock.take(folder) else { throw StoreError(.busy, path: folder.lock) }
        let parameters = plan.parameters
        do {
            try await claim(loaded, plan, parameters, for: id, overlap, onWait, in: services)
            plan.keptTexts = try folder.keep(loaded)
            plan.parameters = try Self.keep(parameters, of: loaded, in: folder)
            let trigger = plan.slot.map { RunTrigger.schedule($0) } ?? trigger
            try services.store.create(
                RunRecord(id: id, plan: plan, trigger: trigger, started: now, decision: decision))
        } catch {
            // Nothing is recorded of a run that did not begin.
            try? FileManager.default.removeItem(atPath: folder.path)
            throw error
        }
        var facts = loaded.facts(of: id, started: now, parameters: parameters, slot: plan.slot)
        facts.traceParent = plan.origin?.traceContext
        return try RunSession(
            loaded, state: RunState(id: id, plan: plan), facts: facts, first: .start(environment.process), lock: lock,
            in: services, environment: environment)
    }

    /// Takes a run up again that no process runs: one that was interrupted, or one that has ended.
    ///
    /// What the dead process left running is ended, and what it was about to publish is finished.
    ///
    /// - Parameters:
    ///   - known: The run's parameters with their secrets; nil looks for these, and fails where they are lost.
    ///   - change: What the pipeline file changes in the run's plan, when it was changed; see ``PlanRevision``.
    ///   - by: Who takes it up, for the log.
    ///   - overlap: As for a new run.
    ///   - onWait: As for a new run.
    /// - Throws: ``RunControlError`` when another process runs it, or another run writes its paths.
    package static func reopen(
        _ id: RunID, _ loaded: LoadedPipeline, parameters known: [String: String]? = nil,
        change: (PlanChange, by: String)? = nil, by: String,
        in services: RunServices, overlap: Overlap? = nil, onWait: (PathConflict) -> Void = { _ in },
        environment: RunEngine.Environment = RunEngine.Environment()
    ) async throws -> RunSession {
        services.observers.register()
        let folder = services.state.run(id)
        let plan = try services.store.plan(of: id)
        try services.state.refuseOther(id, plan)
        try folder.create()
        guard let lock = try RunLock.take(folder) else {
            throw RunControlError.live(id, hinders: .continuing)
        }
        let state = RunState(id: id, plan: plan, events: try services.store.events(of: id))
        let parameters = try change?.0.plan.parameters ?? known ?? folder.filled(state.plan.parameters)
        try await claim(loaded, change?.0.plan ?? state.plan, parameters, for: id, overlap, onWait, in: services)
        let executors = ProgramExecutors(
            loaded.host(reactor: services.reactor, state: services.state, run: folder),
            targets: loaded.pipeline.targets)
        let attachable = try await RunRecovery.attachableUnits(of: state, in: folder, executors)
        if change != nil, let unit = attachable.sorted(by: { $0.description < $1.description }).first {
            throw RunControlError.workOutlivesPlan(unit, of: id)
        }
        let ended = try Leftovers(of: state, in: folder).end()
        let endedElsewhere = try await RunRecovery.endElsewhere(state, in: folder, except: attachable, executors)
        try services.store.releaseAllLeases(of: id, except: attachable)
        let settled = RunRecovery.finishPublishing(state)
        RunRecovery.removeRemains(state, in: folder, except: attachable)
        // The same for all that the run does, whoever goes on with it.
        var began = state.startedAt ?? services.now()
        began.wall = try services.store.began(id) ?? began.wall
        var facts = loaded.facts(of: id, started: began, parameters: parameters, slot: state.plan.slot)
        facts.traceParent = state.plan.origin?.traceContext
        var change = change
        if change != nil {
            change?.0.plan.keptTexts = try folder.keep(loaded)
            change?.0.plan.parameters = try Self.keep(parameters, of: loaded, in: folder)
        }
        var session = try RunSession(
            loaded, state: state, facts: facts,
            first: .resume(environment.process, settled: settled, attachable: attachable, by: by),
            change: change, lock: lock, in: services, environment: environment)
        session.endedProcesses = ended
        session.log.note("taken up again by \(by), in process \(environment.process.pid)")
        session.outputNotes = RunRecovery.putBackOutputs(of: state, in: services.store)
        for note in session.outputNotes { session.log.note(note, level: .warn) }
        if !ended.isEmpty || !endedElsewhere.isEmpty {
            let names = (ended.map(\.description) + endedElsewhere).joined(separator: ", ")
            session.log.note("ended what the dead process had left running: \(names)", level: .warn)
        }
        return session
    }

    /// Claims the paths that a run writes, once no other run does.
    private static func claim(
        _ loaded: LoadedPipeline, _ plan: RunPlan, _ parameters: [String: String], for id: RunID, _ overlap: Overlap?,
        _ onWait: (PathConflict) -> Void, in services: RunServices
    ) async throws {
        let overlap = overlap ?? loaded.pipeline.overlap
        let paths = loaded.claims(of: plan, parameters, isShared: overlap == .allow)
        var isWaiting = false
        while let conflict = try services.store.claim(paths, for: id) {
            guard overlap == .wait else { throw RunControlError.pathTaken(conflict, root: loaded.pipeline.root) }
            if !isWaiting { onWait(conflict) }
            isWaiting = true
            // The other run's end is known only by its lock, which gives no notice.
            try await ContinuousClock().sleep(for: .milliseconds(200))
        }
    }

    /// Keeps what is secret of a run's parameters in its folder.
    ///
    /// - Returns: What is recorded of them.
    private static func keep(
        _ parameters: [String: String], of loaded: LoadedPipeline, in folder: RunFolder
    ) throws -> [String: String] {
        let recorded = loaded.recorded(parameters)
        try folder.keep(secretsOf: parameters, recordedAs: recorded)
        return recorded
    }

    private init(
        _ loaded: LoadedPipeline, state: RunState, facts: RunFacts, first: RunInput,
        change: (PlanChange, by: String)? = nil, lock: RunLock, in services: RunServices,
        environment: RunEngine.Environment
    ) throws {
        id = state.id
        folder = services.state.run(state.id)
        initial = state
        self.first = first
        self.change = change
        self.lock = lock
        (store, observers) = (services.store, services.observers)
        outbox = services.notifies ? services.outbox : nil
        let tools = services.tools(for: loaded, parameters: facts.parameters, folder: folder.staging)
        masker = tools.masker
        spark = tools.spark
        let runner = try StageAttemptRunner(
            loaded: loaded, run: state, facts: facts, folder: folder, store: services.store, tools: tools,
            reusesUnchanged: (change?.0.plan ?? state.plan).reusesUnchanged,
            refreshesAll: (change?.0.plan ?? state.plan).refreshesAll == true, now: services.now)
        let mailbox = RunEngineMailbox(now: environment.now)
        self.mailbox = mailbox
        (retention, now) = (loaded.pipeline.retention, services.now)
        let limits = LogLimits(
            run: Int(loaded.pipeline.logLimit),
            stages: Dictionary(
                uniqueKeysWithValues: loaded.pipeline.stages.compactMap { stage in
                    stage.logLimit.map { (stage.id, Int($0)) }
                }))
        let writer = try LogWriter(folder: folder.logs, limits: limits) { mailbox.post(logFailure: $0) }
        log = AttemptLog(
            writer: writer, pipeline: state.plan.pipeline, run: state.id, unit: nil, attempt: nil, masker: tools.masker,
            now: services.now, onRemark: { mailbox.post(.remarks($0)) })
        var seed: UInt64 = 0
        for byte in state.id.rawValue.utf8 { seed = seed &* 31 &+ UInt64(byte) }
        engine = RunEngine(
            machine: RunMachine(state: state, seed: seed), journal: services.store, runner: runner,
            writer: writer, ledger: try SpawnLedger(folder.spawned), mailbox: mailbox, masker: tools.masker,
            obstacle: { [store, id] () throws(StoreError) in
                let paths = loaded.claims(
                    of: state.plan, facts.parameters, isShared: loaded.pipeline.overlap == .allow)
                if paths.isEmpty { return nil }
                return try store.claim(paths, for: id).map {
                    RunControlError.pathTaken($0, root: loaded.pipeline.root).failure
                }
            }, environment: environment)
    }

    /// Looks each second whether others can see that the run is live, until it is cancelled.
    private func keepLock() async {
        var isTaken = false
        while !Task.isCancelled {
            do throws(StoreError) {
                if try lock.renew() {
                    log.note("the run's lock file was removed, and is made anew: the run goes on", level: .warn)
                }
                isTaken = false
            } catch {
                // Where the file cannot be made, the run goes on until its records are needed, which tells more.
                if error.problem == .takenOver {
                    // Whoever only looks after the run, as 'prune' does, has it for a moment.
                    if isTaken { return mailbox.post(failure: error) }
                    isTaken = true
                }
            }
            // A cancelled sleep ends the loop.
            try? await ContinuousClock().sleep(for: .seconds(1))
        }
    }

    /// Lets another session take the run up, once ``run(commands:staysOpen:onFault:)`` has returned.
    package func release() { lock.release() }

    /// Runs until everything has ended, and puts what was recorded on the disk itself.
    ///
    /// Until then other processes can steer the run through the socket in its folder.
    ///
    /// - Parameter onFault: Told when there can be no such socket; the run goes on without.
    package func run(
        commands: [(RunCommand, by: String)] = [], staysOpen: Bool = false, onFault: (Failure) -> Void = { _ in }
    ) async throws(StoreError) -> RunState {
        let begun: RunPlan? = if case .start = first { initial.plan } else { nil }
        observers.follow(id, plan: begun) { engine.hub.batches() }
        // What earlier processes left.
        outbox?.wake()
        // What another process sends comes behind what the run begins with.
        engine.begin(first, change: change, commands: commands)
        var server: ControlServer?
        do throws(Failure) {
            server = try ControlServer(folder) { [engine] in await engine.send($0, by: $1) }
        } catch {
            onFault(error)
        }
        // Cancelled with the end of this.
        async let _: Void = keepLock()
        let result: Result<RunState, StoreError>
        do throws(StoreError) {
            result = .success(try await engine.run(staysOpen: staysOpen))
        } catch {
            result = .failure(error)
        }
        await server?.stop()
        await spark?.close()
        let state = try result.get()
        // Copies of inputs: what is retried later reads the inputs themselves.
        for stage in state.stages {
            InputParts.removeCopies(in: folder.shared(stage.id))
        }
        if state.status == .succeeded {
            do throws(StoreError) {
                try store.dropVersions(
                    of: state.plan.pipeline, keeping: state.plan.keepsVersions ?? 1, endedNow: id)
            } catch {
                // The run has succeeded all the same: what is not given back now is after the next one.
                log.note("versions that nobody needs any more were not given back: \(error)", level: .warn)
            }
        }
        do {
            try store.apply(retention, to: state.plan.pipeline, now: now())
        } catch {
            // The run has ended as it has: what was not removed now is after the next one.
            log.note("'retention' could not be carried out: \(error)", level: .warn)
        }
        try store.makeDurable()
        try store.confirm(state.status, of: id)
        return state
    }
}
