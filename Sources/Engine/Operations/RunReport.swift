/// The forms a report comes in.
package enum ReportFormat: String, Sendable, CaseIterable {
    case html, markdown, json

    /// What a file of this form is called behind the dot.
    package var fileExtension: String {
        switch self {
        case .html: "html"
        case .markdown: "md"
        case .json: "json"
        }
    }
}

/// A run on a page: what came in, what happened to it, what came out, and what the checks say.
package struct RunReport: Sendable {
    package let state: RunState
    /// What the pipeline is for.
    package let description: String
    package let now: Moment
    /// The stage that writes the report and is therefore still running, if a stage does.
    package let reporter: StageID?

    package init(state: RunState, pipeline: Pipeline?, now: Moment, reporter: StageID? = nil) {
        self.state = state
        description = pipeline?.description ?? ""
        self.now = now
        self.reporter = reporter
    }

    /// The report in a form.
    package func text(in format: ReportFormat) -> String {
        switch format {
        case .html: HTMLReport(self).text
        case .markdown: MarkdownReport(self).text
        case .json: JSONReport(self).text
        }
    }

    // MARK: - What every form shows

    /// How the run stands; one that goes on only because it writes this report counts by what has ended.
    package var headline: String {
        guard state.status == .running else { return state.status.rawValue }
        let failed = state.stages.contains { $0.unit.status == .failed }
        return failed ? "failed so far" : "succeeded so far"
    }

    package var isGood: Bool { !state.stages.contains { $0.unit.status == .failed } && state.status != .failed }

    /// How long the run took, or has taken.
    package var duration: Duration { state.duration(now: now) }

    /// A stage with what the report says about it.
    package struct StageLine: Sendable {
        package let planned: PlannedStage
        package let stage: StageState
        package let status: String
        /// From the run's start, and how long it took; nil for what did not run.
        package let start: Duration?
        package let duration: Duration?
        package let note: String
    }

    package var stageLines: [StageLine] {
        zip(state.plan.stages, state.stages).map { planned, stage in
            let isReporter = planned.id == reporter
            let start = stage.startedAt.flatMap { started in state.startedAt.map { started.since($0) } }
            let duration = stage.startedAt.map { (stage.endedAt ?? now).since($0) }
            var notes: [String] = []
            if stage.hasItems { notes.append("\(stage.finishedItems) of \(stage.items.count) items") }
            let attempts =
                stage.hasItems ? stage.items.map(\.unit.attempts.count).max() ?? 0 : stage.unit.attempts.count
            if attempts > 1 { notes.append("attempt \(attempts)") }
            if let reason = stage.unit.reason { notes.append(reason) }
            notes += stage.unit.lastResult?.notes ?? []
            return StageLine(
                planned: planned, stage: stage, status: isReporter ? "writing this report" : stage.status.rawValue,
                start: start, duration: isReporter ? nil : duration, note: notes.joined(separator: "; "))
        }
    }

    /// Every check with the stage it belongs to.
    package var checks: [(stage: StageID, check: CheckResult)] {
        state.stages.flatMap { stage in stage.checks.map { (stage.id, $0) } }
    }

    /// Every artifact with the stage that wrote it.
    package var artifacts: [(stage: StageID, artifact: Artifact)] {
        state.stages.flatMap { stage in stage.artifacts.map { (stage.id, $0) } }
    }

    /// Every change of the pipeline file that the run went on with.
    package var changes: [(at: Moment, by: String, difference: PlanDifference)] {
        state.planChanges.flatMap { change in change.differences.map { (change.at, change.by, $0) } }
    }

    package var flow: RowFlow? { RowFlow(state) }

    /// The stages with rows, for the table of rows.
    package var rowLines: [(stage: StageID, rows: RowAccount, steps: [StepCount])] {
        state.stages.compactMap { stage in
            guard let rows = stage.rows else { return nil }
            return (stage.id, rows, stage.hasItems ? [] : stage.unit.lastResult?.rows?.steps ?? [])
        }
    }

    /// `2026-11-23 06:00:00 UTC`.
    package static func time(_ moment: Moment?) -> String {
        guard let moment else { return "—" }
        let text = UTC.iso(moment.wall)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8) + " UTC"
    }
}
