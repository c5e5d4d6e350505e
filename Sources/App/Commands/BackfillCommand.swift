import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal backfill`: one run of a pipeline for each of many days.
struct BackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Run a pipeline once for each day of a range, skipping days that already succeeded.")

    @Argument(help: .pipelineFile)
    var file: String

    @Option(help: "The range of days, both ends included: 2026-11-01..2026-11-07, or 2026-11-01..yesterday.")
    var days: String

    @Option(
        name: [.customLong("param"), .short],
        help: "The parameter that takes the day (default: the only one of type date), or name=value to set another one."
    )
    var parameters: [String] = []

    @Option(name: .environment, help: .environment)
    var environment: String?

    @Option(help: .limit(of: "runs at the same time"))
    var maxRuns = 1

    @Flag(help: "Run only days whose last run failed, was cancelled or was interrupted.")
    var onlyFailed = false

    @Flag(help: "Run all days, including those that already succeeded.")
    var force = false

    @Flag(
        inversion: .prefixedNo,
        help: "Reuse unchanged stages, as 'caudal run' does (default: as the pipeline file says).")
    var reuse: Bool?

    @OptionGroup var overlap: OverlapOptions

    @Flag(help: "Show which days would run, without running anything.")
    var dryRun = false

    @Flag(name: .yes, help: .yes)
    var yes = false

    @Flag(help: "Print lines (always the case: a backfill has no dashboard).")
    var plain = false

    @Flag(help: .jsonLine(for: "day"))
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        if maxRuns < 1 { throw ValidationError("--max-runs must be at least 1") }
        if onlyFailed, force { throw ValidationError("--only-failed and --force cannot be given together") }
        if parameters.count(where: { !$0.contains("=") }) > 1 {
            throw ValidationError("only one --param may be without '=': the one that takes the days")
        }
    }

    func run() async throws {
        let loaded = try state.project.load(file, environment: environment)
        let wanted = try wanted(loaded.pipeline)
        if dryRun {
            return try await state.withReadOnlyServices(root: loaded.pipeline.root) { services in
                let backfill = try plan(wanted, loaded, services)
                let first = try backfill.toRun.first.map {
                    try services.store.withUsualDurations($0.plan, of: loaded)
                }
                explain(
                    backfill, harmful: try harmfulStages(backfill, services),
                    estimate: first.flatMap {
                        CommandPreview(starting: $0, files: { _ in [] }, now: SystemClock.now).estimate
                    })
            }
        }
        let services = try state.services(root: loaded.pipeline.root)
        let backfill = try plan(wanted, loaded, services)
        let shared = backfill.sharedOutputs
        if !shared.isEmpty {
            let names = shared.prefix(3).joined(separator: ", ") + (shared.count > 3 ? ", …" : "")
            if maxRuns > 1 {
                throw ValidationError(
                    "every day writes \(names), so the days cannot run at once; put the day into the path, or leave out "
                        + "--max-runs")
            }
            Output.error("note: every day writes \(names); only what the last day writes stays")
        }
        let harmful = try harmfulStages(backfill, services)
        if !harmful.isEmpty, !yes {
            let sentences = harmful.map { stage, dates in
                "\(stage) has run before for \(Self.list(dates)), and the file says that running it twice does harm"
            }
            // A user who does not confirm has left the program by then.
            _ = try ConfirmationPrompt(
                sentences: sentences, remedies: ["confirm with --yes", "choose other days"],
                harmful: harmful.map(\.stage)
            ).ask()
        }
        let runner = BackfillRunner(
            backfill: backfill, loaded: loaded, services: services, maxRuns: maxRuns, overlap: overlap.choice,
            json: json,
            paint: Paint(color))
        try await runner.run()
    }

    /// The days, with the parameters of each one's run.
    private func wanted(_ pipeline: Pipeline) throws -> [(date: String, parameters: [String: String])] {
        let others = try NameValueArguments.parameters(parameters.filter { $0.contains("=") }, of: pipeline)
        do throws(Failure) {
            let name = try Backfill.parameter(of: pipeline, named: parameters.first { !$0.contains("=") })
            try Backfill.ensureNoSlot(in: pipeline, parameter: name)
            let dates = try Backfill.dates(days, now: SystemClock.now, in: pipeline.timeZone)
            if others[name] != nil {
                throw Failure(
                    "the parameter '\(name)' takes the days of --days, and was given a value too",
                    remedy: "leave its value out")
            }
            return dates.map { ($0, others.merging([name: $0]) { $1 }) }
        } catch {
            throw ValidationError(error.description)
        }
    }

    private func plan(
        _ wanted: [(date: String, parameters: [String: String])], _ loaded: LoadedPipeline, _ services: RunServices
    ) throws -> Backfill {
        try Output.reporting {
            let plans = try wanted.map { date, parameters in
                let request = RunRequest(parameters: parameters, reuse: reuse)
                let planner = Planner(loaded, request: request, now: services.now(), machine: MachineResources.total)
                return (date, try planner.plan())
            }
            return Backfill(
                plans: plans, runs: try services.store.pastRuns(of: loaded.pipeline.name),
                choice: force ? .all : onlyFailed ? .onlyFailed : .withoutSuccess,
                recorded: { loaded.recorded($0) })
        }
    }

    private func harmfulStages(_ backfill: Backfill, _ services: RunServices) throws -> [(
        stage: StageID, dates: [String]
    )] {
        try Output.reporting { try backfill.harmful { try services.store.stagesBegun(in: $0) } }
    }

    private static func list(_ dates: [String]) -> String {
        dates.prefix(5).joined(separator: ", ")
            + (dates.count > 5 ? " and \((dates.count - 5).counted("more day"))" : "")
    }

    /// A day of a dry run, for programs.
    private struct Day: Encodable {
        var day: String
        var state: String
        var note: String?
        var stages: [String]?
        /// The stages that have run before for the day and say that twice does harm.
        var harmful: [String]?
    }

    /// `estimate`: how long the first run should take.
    private func explain(
        _ backfill: Backfill, harmful: [(stage: StageID, dates: [String])], estimate: Duration?
    ) {
        if json {
            for day in backfill.days {
                switch day.decision {
                case .run:
                    Output.json(
                        Day(
                            day: day.date, state: "would run", stages: day.plan.stages.map(\.id.rawValue),
                            harmful: harmful.filter { $0.dates.contains(day.date) }.map(\.stage.rawValue)))
                case .skip(let reason): Output.json(Day(day: day.date, state: "skipped", note: reason))
                }
            }
            return
        }
        for day in backfill.days {
            switch day.decision {
            case .run: Output.line("\(day.date)  would run")
            case .skip(let reason): Output.line("\(day.date)  stays: \(reason)")
            }
        }
        Output.line("A dry run: nothing was run or changed.")
        let count = backfill.toRun.count
        guard let first = backfill.toRun.first else { return Output.line("Nothing would run.") }
        Output.line("\(count.counted("run")) of \(first.plan.stages.count.counted("stage")), \(maxRuns) at once")
        let shared = backfill.sharedOutputs
        if !shared.isEmpty { Output.line("Every day writes: \(shared.joined(separator: ", "))") }
        if !harmful.isEmpty {
            let words = harmful.map { "\($0.stage) (\(Self.list($0.dates)))" }
            Output.line("Runs twice, which does harm: \(words.joined(separator: ", "))")
        }
        if let estimate {
            let rounds = (count + maxRuns - 1) / maxRuns
            Output.line("Should take: \((estimate * rounds).short), as in past runs")
        }
    }
}

/// Makes the runs of a backfill, so many at once, and tells what became of each.
struct BackfillRunner {
    let backfill: Backfill
    let loaded: LoadedPipeline
    let services: RunServices
    let maxRuns: Int
    /// What a day does while another run writes its paths; nil leaves it to the pipeline file.
    let overlap: Overlap?
    let json: Bool
    let paint: Paint

    /// What became of a day.
    private struct Ending: Sendable {
        var date: String
        var run: RunID?
        /// As words for people and programs: an outcome, `skipped` or `not started`.
        var state: String
        var took: Duration?
        var note: String
        var isFailure: Bool
    }

    /// Runs every day that needs it; a failed one does not keep the others from running.
    ///
    /// Leaves the program with status 1 when a day failed, and 130 when the user interrupted it.
    func run() async throws {
        let supervisor = RunSupervisor<Backfill.Day>(limit: maxRuns)
        let interruption = Interruption(ended: { await supervisor.waitForEnd() }) {
            supervisor.stopAll(by: "interrupt")
            Interruption.say("caudal: stopping the runs; a second ctrl-C ends them at once")
        }
        var endings: [String: Ending] = [:]
        for case (let day, .skip(let reason)) in backfill.days.map({ ($0, $0.decision) }) {
            let ending = Ending(date: day.date, state: "skipped", note: reason, isFailure: false)
            endings[day.date] = ending
            if json { tell(ending) }
        }
        for day in backfill.toRun { supervisor.order(day) { try await runDay(day, $0) } }
        supervisor.close()
        await supervisor.run { day, ending in
            let ending = self.ending(of: day, ending)
            endings[day.date] = ending
            tell(ending)
        }
        let all = backfill.days.compactMap { endings[$0.date] }
        if !json { summarize(all) }
        await services.settleObservers()
        if interruption.wasInterrupted { throw ExitStatus.interrupted.code }
        if all.contains(where: \.isFailure) { throw ExitStatus.failed.code }
    }

    /// Runs a day's run, if it still needs one.
    private func runDay(
        _ day: Backfill.Day, _ place: RunSupervisor<Backfill.Day>.Place
    ) async throws -> SupervisedEnding {
        // Held until the day's run has ended.
        guard let lock = try backfill.lock(day, in: services.state) else {
            return .skipped("another backfill is running it now")
        }
        defer { withExtendedLifetime(lock) {} }
        let past = try services.store.pastRuns(of: loaded.pipeline.name)
        if case .skip(let reason) = backfill.decision(about: day, after: past) { return .skipped(reason) }
        let plan = try services.store.withUsualDurations(day.plan, of: loaded)
        let chosen = Set(plan.stages.map(\.id))
        for warning in try await services.examination(of: loaded, plan: plan).check(chosen, needsServers: true) {
            Output.error(message: "\(day.date)  \(warning.oneLine)")
        }
        let session = try await RunSession.start(
            loaded, plan: plan, trigger: .backfill, in: services, overlap: overlap,
            onWait: OverlapOptions.waitReporter(root: loaded.pipeline.root))
        if !json { Output.line("\(day.date)  started    \(session.id)") }
        let telling = tell(of: session, on: day.date)
        defer { telling.cancel() }
        return try await place.run(session)
    }

    /// What became of a day, in words.
    private func ending(of day: Backfill.Day, _ ending: SupervisedEnding) -> Ending {
        switch ending {
        case .ended(let state):
            let failed = state.stages.first { $0.unit.status == .failed && !state.isAllowedFailure($0.id) }
            return Ending(
                date: day.date, run: state.id, state: state.status.rawValue, took: state.duration(now: services.now()),
                note: failed.map { "\($0.id): \(RunWords.reason(of: $0))" } ?? "",
                isFailure: state.status != .succeeded)
        case .skipped(let reason): return Ending(date: day.date, state: "skipped", note: reason, isFailure: false)
        case .stopped: return Ending(date: day.date, state: "not started", note: "interrupted", isFailure: true)
        case .failed(let run, let error):
            let words =
                switch error {
                case let error as InvalidPipeline: error.errors.first?.oneLine ?? error.description
                default: error.reason
                }
            return Ending(
                date: day.date, run: run, state: run == nil ? "not started" : "interrupted", note: words,
                isFailure: true)
        }
    }

    /// Says what holds a run up while it goes on.
    private func tell(of session: RunSession, on date: String) -> Task<Void, Never> {
        let (batches, notices) = (session.engine.hub.batches(), session.engine.hub.notices())
        let id = session.id
        // A task of its own, because the run is waited for meanwhile.
        return Task.detached {
            async let heard: Void = { for await notice in notices { Output.error("\(date)  \(notice.text)") } }()
            for await events in batches {
                for event in events {
                    if case .paused = event.change {
                        Output.error("\(date)  paused: nothing new starts; continue it with: caudal unpause \(id)")
                    }
                    if case .unpaused = event.change { Output.error("\(date)  no longer paused") }
                }
            }
            await heard
        }
    }

    private func tell(_ ending: Ending) {
        if json {
            var text = "{\"day\":\"\(ending.date)\",\"state\":\(JSONText.quoted(ending.state))"
            if let run = ending.run { text += ",\"run\":\(JSONText.quoted(run.rawValue))" }
            if let took = ending.took { text += ",\"durationMs\":\(took.milliseconds)" }
            if !ending.note.isEmpty { text += ",\"note\":\(JSONText.quoted(ending.note))" }
            return Output.json(text + "}\n")
        }
        let word = ending.isFailure ? paint.bad(ending.state) : paint.good(ending.state)
        let took = ending.took.map { " in \($0.short)" } ?? ""
        Output.line("\(ending.date)  \(word)\(took)\(ending.note.isEmpty ? "" : ": \(ending.note)")")
    }

    private func summarize(_ endings: [Ending]) {
        Output.line("")
        let rows = endings.map { [$0.date, $0.state, $0.took?.short ?? "—", $0.run?.rawValue ?? "—", $0.note] }
        let titles = ["DAY", "STATE", "TOOK", "RUN", "NOTE"]
        for (index, line) in Columns.lines(rows, titles: titles, paint).enumerated() {
            Output.line(index > 0 && endings[index - 1].isFailure ? paint(line, .bad) : line)
        }
        var counts: [String: Int] = [:]
        for ending in endings { counts[ending.state, default: 0] += 1 }
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        Output.line("\(endings.count.counted("day")): \(words)")
    }
}
