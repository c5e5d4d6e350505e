package import CaudalModel

/// The formats of a report.
package enum ReportFormat: String, Sendable, CaseIterable {
    case html, markdown, json

    /// The file extension of the format.
    package var fileExtension: String {
        switch self {
        case .html: "html"
        case .markdown: "md"
        case .json: "json"
        }
    }
}

/// A summary of a run: what it read, what it did, what it wrote, and the results of its checks.
package struct RunReport: Sendable {
    package let state: RunState
    /// What the pipeline is for.
    package var description: String { state.plan.description }
    package let background: RunBackground
    package let now: Moment
    /// The stage that writes the report and is therefore still running; nil when no stage does.
    package let reporter: StageID?

    package init(
        state: RunState, background: RunBackground = RunBackground(), now: Moment, reporter: StageID? = nil
    ) {
        self.state = state
        self.background = background
        self.now = now
        self.reporter = reporter
    }

    /// The report in a format.
    package func text(in format: ReportFormat) -> String {
        switch format {
        case .html: HTMLReport(self).text
        case .markdown: MarkdownReport(self).text
        case .json: JSONReport(self).text
        }
    }

    // MARK: - Outcome of the run

    /// The state of the run; a stage that writes this report is not counted, because it has not ended.
    package var headline: String {
        guard state.status == .running, reporter != nil else { return state.status.rawValue }
        return failures.isEmpty ? "succeeded so far" : "failed so far"
    }

    package var isGood: Bool { failures.isEmpty && state.status != .failed }

    /// The failed stages whose failure is not allowed.
    private var failures: [StageState] {
        state.stages.filter { $0.unit.status == .failed && !state.isAllowedFailure($0.id) }
    }

    /// The severity of the run's outcome.
    var tone: ReportTone {
        switch state.status {
        case .cancelled: .dim
        case .interrupted: .wait
        case .failed: .bad
        case .succeeded, .running: isGood ? .good : .bad
        }
    }

    /// The number of stages that the report covers: not the one that writes it, which has not ended yet.
    package var stageCount: Int { state.stages.count { $0.id != reporter } }
    /// How many of them succeeded.
    package var succeeded: Int {
        state.stages.count { $0.unit.status.outcome?.isSuccess == true && $0.id != reporter }
    }

    /// What became of the run, in sentences.
    package var story: [String] {
        var sentences = [ending]
        sentences += RowFlow.sentences(of: state)
        if !checks.isEmpty { sentences.append(checkSentence) }
        return sentences
    }

    private var ending: String {
        let took = "in \(duration.short)"
        let blocked = state.stages.count { $0.unit.status == .blocked }
        var text: String
        if failures.isEmpty {
            let (done, all) = (succeeded, stageCount)
            switch state.status {
            case .cancelled:
                text = "Cancelled after \(duration.short): \(done) of \(all.counted("stage")) had succeeded"
            case .interrupted: text = "Its process died: \(done) of \(all.counted("stage")) had succeeded"
            case .succeeded, .failed, .running:
                text =
                    done >= all
                    ? "All \(all.counted("stage")) succeeded \(took)"
                    : "\(done) of \(all.counted("stage")) succeeded \(took)"
            }
        } else {
            text = "\(Self.names(failures)) failed \(took)"
        }
        if blocked > 0 { text += ", and \(blocked.counted("stage")) downstream could not run" }
        let allowed = state.stages.filter { state.isAllowedFailure($0.id) }
        if !allowed.isEmpty { text += "; \(Self.names(allowed)) failed, which is allowed" }
        let waiting = state.stages.count { !$0.unit.status.isFinished && $0.id != reporter }
        if state.status == .running, waiting > 0 {
            text += "; \(waiting.counted("stage")) \(reporter == nil ? "have" : "had") not ended"
        }
        return text
    }

    private var checkSentence: String {
        let outcomes = checks.map(\.check)
        var terms: [String] = []
        for outcome in CheckResult.Outcome.allCases {
            let count = outcomes.count { $0.outcome == outcome && $0.waiver == nil }
            guard count > 0 else { continue }
            terms.append("\(count) \(outcome == .error ? "could not run" : outcome.rawValue)")
        }
        let waived = outcomes.count { $0.waiver != nil }
        if waived > 0 { terms.append("\(waived) waived") }
        return "\(outcomes.count.counted("check")): \(terms.joined(separator: ", "))"
    }

    private static func names(_ stages: [StageState]) -> String {
        let rest = stages.count > 3 ? ["\(stages.count - 3) more"] : []
        return (stages.prefix(3).map(\.id.rawValue) + rest).formattedAsList
    }

    /// The duration of the run so far.
    package var duration: Duration { state.duration(now: now) }

    /// Something that needs attention: a failed stage, a check that did not pass.
    struct Problem {
        var tone: ReportTone
        /// Its subject: a stage, an item, a check.
        var subject: String
        var message: String
        var remedy: String?
        /// How often it failed before in the same way, in words.
        var history: String?
    }

    /// The maximum number of problems in a report.
    static let problemLimit = 50

    var problems: [Problem] {
        var problems: [Problem] = []
        for stage in state.stages {
            let units = [(UnitID(stage.id), stage.unit)] + stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) }
            for (id, unit) in units where unit.status == .failed {
                let name = stage.id.rawValue + (id.item.map { "[\($0)]" } ?? "")
                // The failure of an item is reported with the item.
                if stage.hasItems, id.item == nil, stage.items.contains(where: { $0.unit.status == .failed }) {
                    continue
                }
                let failure = unit.lastResult?.failure
                let isAllowed = state.isAllowedFailure(stage.id)
                let message = failure?.message ?? unit.reason ?? "failed"
                problems.append(
                    Problem(
                        tone: isAllowed ? .wait : .bad, subject: name,
                        message: isAllowed ? "failed, which is allowed: \(message)" : message,
                        remedy: failure?.remedy,
                        history: background.failures[id].map { "this failure was \($0.words())" }))
            }
        }
        for line in checks where line.check.outcome != .passed {
            let word = line.check.waiver == nil ? "" : "waived: "
            problems.append(
                Problem(
                    tone: ReportTone(line.check.outcome), subject: line.name,
                    message: word + line.check.message,
                    remedy: line.check.waiver ?? "expected: \(line.check.expectation)"))
        }
        return problems
    }

    // MARK: - Stages

    /// A stage with what the report says about it.
    package struct StageLine: Sendable {
        package let planned: PlannedStage
        package let stage: StageState
        package let status: String
        /// Whether it failed and its failure is allowed.
        let isAllowedFailure: Bool
        let tone: ReportTone
        /// The start relative to the run's start, and the duration; nil for stages that did not run.
        package let start: Duration?
        package let duration: Duration?
        package let note: String
        /// The attempts of the stage itself, or the items of a fan-out with theirs.
        let lanes: [Lane]
    }

    /// One line of the timeline.
    struct Lane: Sendable {
        /// The item, or nil for the stage itself.
        var item: ItemKey?
        var bars: [Bar]
    }

    /// One attempt in the timeline.
    struct Bar: Sendable {
        var number: Int
        var start: Duration
        var end: Duration
        var tone: ReportTone
        /// How it ended; nil for one that is open.
        var ending: AttemptResult.Ending?
        /// That in a word.
        var word: String
        /// Where it ran; nil for a process of this machine.
        var place: String?
    }

    package var stageLines: [StageLine] {
        zip(state.plan.stages, state.stages).map { planned, stage in
            let isReporter = planned.id == reporter
            let isAllowed = state.isAllowedFailure(planned.id)
            let start = stage.startedAt.map { sinceStart($0) }
            let duration = stage.took(now: state.clock(now))
            var notes: [String] = []
            if stage.hasItems { notes.append("\(stage.finishedItems) of \(stage.items.count) items") }
            if let words = stage.attemptWords { notes.append(words) }
            if let reason = stage.unit.reason { notes.append(reason) }
            let places = Set(([stage.unit] + stage.items.map(\.unit)).compactMap { $0.attempts.last?.work?.place })
            if let place = places.first {
                notes.append(places.count == 1 ? "ran on \(place)" : "ran in \(places.count) places")
            }
            notes += stage.unit.lastResult?.notes ?? []
            var lanes = [Lane(item: nil, bars: bars(of: stage.unit))]
            lanes += stage.items.map { Lane(item: $0.item.key, bars: bars(of: $0.unit)) }
            return StageLine(
                planned: planned, stage: stage,
                status: isReporter
                    ? "writing this report" : isAllowed ? "failed (allowed)" : state.word(of: stage.status),
                isAllowedFailure: isAllowed,
                tone: isAllowed || state.isInterrupted(stage.status) ? .wait : ReportTone(stage.status), start: start,
                duration: isReporter ? nil : duration,
                note: notes.joined(separator: "; "), lanes: lanes)
        }
    }

    private func bars(of unit: UnitState) -> [Bar] {
        unit.attempts.map { attempt in
            Bar(
                number: attempt.number, start: sinceStart(attempt.startedAt),
                end: sinceStart(attempt.endedAt ?? state.clock(now)),
                tone: attempt.result == nil && state.isInterrupted(.running)
                    ? .wait : ReportTone(attempt.result?.ending),
                ending: attempt.result?.ending, word: attempt.result?.ending.rawValue ?? state.word(of: .running),
                place: attempt.work?.place)
        }
    }

    /// The time since the run's start; by the wall clock if the run was resumed, because the monotonic clock restarts
    /// at boot.
    private func sinceStart(_ moment: Moment) -> Duration {
        guard let began = state.startedAt else { return .zero }
        return state.incarnation > 1 ? .milliseconds(max(0, moment.wall - began.wall)) : moment.since(began)
    }

    // MARK: - Data

    /// A check with its stage and its earlier results.
    package struct CheckLine: Sendable {
        package let stage: StageID
        /// The item of a fan-out.
        package let item: ItemKey?
        package let check: CheckResult
        /// What it measured in this run and earlier ones, oldest first.
        package let history: [CheckPoint]

        /// The stage, the item, the check and the part of the data: `quality/unique_order_id (region=north)`.
        package var name: String {
            "\(stage)\(item.map { "[\($0)]" } ?? "")/\(check.id)\(check.partition.map { " (\($0))" } ?? "")"
        }

        var sparkline: Sparkline {
            Sparkline(
                history.compactMap { point in point.measured.map { Sparkline.Point($0, point.outcome) } },
                limits: check.limits, warnLimits: check.warnLimits)
        }
    }

    /// Every check with the stage it belongs to.
    package var checks: [CheckLine] {
        state.stages.flatMap { stage -> [CheckLine] in
            let units = stage.hasItems ? stage.items.map { (Optional($0.item.key), $0.unit) } : [(nil, stage.unit)]
            return units.flatMap { item, unit in
                (unit.lastResult?.checks ?? []).map { check in
                    let key = CheckPoint.Key(
                        stage: stage.id, item: item, check: check.id, part: check.partition,
                        environment: state.plan.environment)
                    return CheckLine(
                        stage: stage.id, item: item, check: check, history: background.history[key] ?? [])
                }
            }
        }
    }

    /// Every artifact with the stage that wrote it.
    package var artifacts: [(stage: StageID, artifact: Artifact)] {
        state.stages.flatMap { stage in stage.artifacts.map { (stage.id, $0) } }
    }

    /// Every change of the pipeline file that was applied to the run.
    package var changes: [(at: Moment, by: String, difference: PlanDifference)] {
        state.planChanges.flatMap { change in change.differences.map { (change.at, change.by, $0) } }
    }

    /// The inputs that no stage of the run wrote, each version once, with the first stage that read it.
    package var inputs: [(stage: StageID, input: InputVersion)] {
        let written = Set(artifacts.map(\.artifact.path))
        var seen: Set<String> = []
        return state.stages.flatMap { stage -> [(stage: StageID, input: InputVersion)] in
            let units = [stage.unit] + stage.items.map(\.unit)
            return units.flatMap { $0.lastResult?.reads ?? [] }.compactMap { read in
                guard !written.contains(read.path), seen.insert(read.path + (read.contentHash ?? "")).inserted else {
                    return nil
                }
                return (stage.id, read)
            }
        }
    }

    /// The row flow of the whole run, if it is one chain of stages.
    package var flow: RowFlow? { RowFlow(state) }

    /// The stages with rows, for the table of rows.
    package var rowLines: [(stage: StageID, rows: RowAccount, steps: [StepCount])] {
        state.stages.compactMap { stage in
            guard let rows = stage.rows else { return nil }
            return (stage.id, rows, stage.hasItems ? [] : stage.unit.lastResult?.rows?.steps ?? [])
        }
    }

    // MARK: - Where it ran

    /// The parameters by name; the values of secret ones are hidden.
    package var parameters: [(name: String, value: String)] {
        state.plan.parameters.sorted { $0.key < $1.key }.map { name, value in
            (name, SecretNames().isSecret(name) ? SecretNames.replacement : value)
        }
    }

    /// What the run ran with and where, each with its name: file, machine, programs and so on.
    package var runDetails: [(name: String, value: String)] {
        var facts: [(String, String)] = [("Pipeline file", state.plan.file), ("Project", state.plan.root)]
        if let environment = state.plan.environment { facts.append(("Environment", environment)) }
        if let selection = state.plan.selection { facts.append(("Selected stages", selection)) }
        facts.append(("At once", "\(state.plan.maxParallel.counted("attempt"))"))
        if let origin = state.plan.origin {
            facts.append(("caudal", origin.caudal))
            facts += tools.map { tool in
                let words = tool.split(separator: " ", maxSplits: 1).map(String.init)
                return (words[0], words.count > 1 ? words[1] : "")
            }
            facts.append(("Host", origin.host))
            facts.append(("System", origin.system))
            facts.append(("Processors", String(origin.processors)))
            facts.append(("Memory", origin.memory.shortBytes))
            facts.append(("Started by", origin.user))
        }
        if state.incarnation > 1 { facts.append(("Taken up again", "\((state.incarnation - 1).counted("time"))")) }
        return facts
    }

    /// The programs that did the work of stages, such as `duckdb 1.5.5`.
    private var tools: [String] {
        let results = state.stages.flatMap { [$0.unit] + $0.items.map(\.unit) }.compactMap(\.lastResult?.tool)
        return Set(results).sorted()
    }

    /// `2026-11-23 06:00:00 UTC`.
    package static func time(_ moment: Moment?) -> String {
        guard let moment else { return "—" }
        return time(moment.wall)
    }

    /// `2026-11-23 06:00:00 UTC` of milliseconds since 1970.
    static func time(_ wall: Int64) -> String {
        let text = UTC.iso(wall)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8) + " UTC"
    }
}
