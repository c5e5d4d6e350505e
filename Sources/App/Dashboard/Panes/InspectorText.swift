import CaudalModel
import Engine

/// The lines of the inspector.
struct InspectorText {
    var lines: [[Span]] = []
    /// The facts at the right of the pane's rule.
    private(set) var facts: [Span] = []
    let state: DashboardState
    /// The width of its pane.
    let pane: Int

    /// The width of its longest line.
    var width: Int { lines.map(\.widthOfText).max() ?? 0 }

    /// The text for the pane as it is on the screen, or as wide as a small one where it is not.
    init(_ state: DashboardState) {
        self.init(state, width: DashboardLayout(state).frame(of: .inspector)?.columns.count ?? 80)
    }

    init(_ state: DashboardState, width: Int) {
        (self.state, pane) = (state, width)
        guard let stage = state.run.stage(state.selection.stage), let unit = state.run.unit(state.selection),
            let index = state.selectedIndex
        else { return }
        let planned = state.run.plan.stages[index]
        let isStage = state.selection.item == nil
        let attempts = isStage ? stage.attemptWords : unit.attempts.count > 1 ? "attempt \(unit.attempts.count)" : nil
        facts = attempts.map { [Span($0, .dim)] } ?? []
        switch state.tab {
        case .facts: addFacts(unit, stage, planned, index)
        case .log: addLog(unit)
        case .attempts: addComparison(unit, isStage ? stage : nil, planned)
        case .data:
            addRows(isStage ? stage.rows : unit.lastResult?.rows, unit)
            addCheckPages(isStage ? stage.checks : unit.lastResult?.checks ?? [])
            addFiles(isStage ? stage.artifacts : unit.lastResult?.artifacts ?? [], planned)
            let yet = unit.status.isFinished ? "" : " yet"
            if lines.isEmpty { lines = [[Span("no rows, checks or files\(yet)", .dim)]] }
        case .command: addCommand(planned)
        case .neighbours: addAllNeighbours(index)
        case .history: addHistory(stage, unit)
        }
    }

    private mutating func addFacts(_ unit: UnitState, _ stage: StageState, _ planned: PlannedStage, _ index: Int) {
        let isStage = state.selection.item == nil
        addStatus(isStage ? stage.status : unit.status, unit, stage)
        if !planned.description.isEmpty, isStage { add("about", [Span(planned.description)]) }
        addNeighbours(index)
        if isStage, stage.hasItems { addItems(stage) }
        addAttempts(unit, planned)
        addRows(isStage ? stage.rows : unit.lastResult?.rows, unit)
        addChecks(isStage ? stage.checks : unit.lastResult?.checks ?? [])
        addLastLines(unit)
        addFiles(isStage ? stage.artifacts : unit.lastResult?.artifacts ?? [], planned)
    }

    mutating func add(_ label: String, _ spans: [Span]) {
        lines.append([Span(label.fitted(11), .dim)] + spans)
    }

    private mutating func addStatus(_ status: UnitStatus, _ unit: UnitState, _ stage: StageState) {
        let isAllowed = state.isAllowedFailure(state.selection)
        let word = state.word(status, of: state.selection) + (isAllowed ? " (allowed)" : "")
        let style = state.style(status, of: state.selection)
        var head = [Span("\(state.glyph(status)) \(word.uppercased())", style.with(.bold))]
        if let took = state.elapsed(state.selection) { head.append(Span("  \(took.short)")) }
        if stage.hasItems, state.selection.item == nil { head += [Span("  ")] + state.itemCounts(stage) }
        lines.append(head)
        if status == .failed {
            let failure = unit.lastResult?.failure
            let message =
                stage.hasItems && state.selection.item == nil
                ? unit.reason ?? "" : failure?.message ?? unit.reason ?? ""
            addWrapped(message, style)
            if let remedy = failure?.remedy { addWrapped("→ " + remedy, .wait) }
            if let place = failure?.location { add("at", [Span(place.description)]) }
            if let known = state.failureWords[state.selection], let words = known.words,
                known.attempt == unit.attempts.last?.number
            {
                add("failure", [Span(words, .wait)])
            }
        } else if let reason = unit.reason, status.isFinished {
            addWrapped(reason, .plain)
        } else if let waits = state.run.waitReason(of: state.selection, now: state.now) {
            add("waits", [Span(waits, .wait)])
        }
        if let activity = unit.progress?.activity, status == .running {
            add("doing", [Span(activity)])
        }
        for note in unit.lastResult?.notes ?? [] { add("note", [Span(note, .wait)]) }
    }

    /// Text over several lines, wrapped at blanks.
    mutating func addWrapped(_ text: String, _ style: Style) {
        let width = max(20, pane - 4)
        var line = ""
        for word in PlainText.sanitized(text).split(separator: " ") {
            if !line.isEmpty, TextWidth.of(line) + 1 + TextWidth.of(String(word)) > width {
                lines.append([Span("  " + line, style)])
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        if !line.isEmpty { lines.append([Span("  " + line, style)]) }
    }

    private mutating func addNeighbours(_ index: Int) {
        let plan = state.run.plan
        func spans(_ indices: [Int]) -> [Span] {
            var spans: [Span] = []
            for index in indices.prefix(4) {
                let status = state.run.stages[index].status
                let style = state.style(status, of: UnitID(plan.stages[index].id))
                spans.append(Span(state.glyph(status) + " ", style))
                spans.append(Span(plan.stages[index].id.rawValue + "  "))
            }
            if indices.count > 4 { spans.append(Span("+\(indices.count - 4) more", .dim)) }
            return spans
        }
        if !plan.upstream[index].isEmpty { add("needs", spans(plan.upstream[index])) }
        if !plan.downstream[index].isEmpty { add("leads to", spans(plan.downstream[index])) }
    }

    private mutating func addItems(_ stage: StageState) {
        // One cell for each item, the worst first, so that a single failure is visible.
        let order: [UnitStatus] = [
            .failed, .retrying, .running, .queued, .pending, .cancelled, .skipped, .reused, .succeeded, .blocked,
        ]
        var spans: [Span] = []
        for status in order {
            let count = stage.itemCounts[status, default: 0]
            if count > 0 {
                spans.append(Span(String(repeating: status.block, count: min(count, 50)), state.style(status)))
            }
        }
        add("items", [Span("\(stage.finishedItems)/\(stage.items.count) ")] + spans)
        for item in stage.items.lazy.filter({ $0.unit.status == .failed }).prefix(50) {
            let key = Span("\(item.item.key)").text.cutInMiddle(40)
            add("", [Span("✗ \(key)  ", .bad), Span(item.unit.lastResult?.failure?.message ?? "")])
        }
    }

    private mutating func addAttempts(_ unit: UnitState, _ planned: PlannedStage) {
        // What a fan-out does itself is that; the work is its items'.
        let findsItems = planned.fanOut != nil && state.selection.item == nil
        let failed = findsItems ? state.selectedStage?.items.filter { $0.unit.status == .failed } ?? [] : []
        var label = "attempts"
        func add(_ spans: [Span]) {
            self.add(label, spans)
            label = ""
        }
        for item in failed.prefix(3) {
            guard let attempt = item.unit.attempts.last else { continue }
            add([Span(Span("\(item.item.key)  ").text.cutInMiddle(32), .bold)] + words(attempt, findsItems: false))
        }
        for attempt in unit.attempts.suffix(5).reversed() { add(words(attempt, findsItems: findsItems)) }
        addPolicy(planned)
    }

    /// How an attempt went.
    private func words(_ attempt: Attempt, findsItems: Bool) -> [Span] {
        let took = attempt.result?.duration ?? state.run.clock(state.now).since(attempt.startedAt)
        var spans = [Span("#\(attempt.number)  \(took.short)")]
        if let result = attempt.result {
            let style: Style = result.ending.isSuccess ? .good : .bad
            let word = findsItems && result.ending == .succeeded ? "found its items" : result.ending.rawValue
            spans.append(Span("  \(word)", style))
            if let place = attempt.work?.place { spans.append(Span("  on \(place)", .dim)) }
            if let exit = result.exit, exit != .exited(0) { spans.append(Span("  \(exit.description)")) }
            if let usage = result.usage, usage.peakMemory > 0 {
                spans.append(
                    Span("  peak \(usage.peakMemory.shortBytes)  cpu \((usage.user + usage.system).short)", .dim))
            }
        } else {
            spans.append(Span("  \(state.word(.running))", state.style(.running)))
            if let work = attempt.work { spans.append(Span("  \(work)", .dim)) }
        }
        return spans
    }

    private mutating func addPolicy(_ planned: PlannedStage) {
        if planned.retry.limit > 0 {
            let policy = planned.retry
            let exits =
                policy.exitStatuses.isEmpty
                ? "" : " on exit " + policy.exitStatuses.map(String.init).joined(separator: ", ")
            add(
                "policy",
                [
                    Span(
                        "\(policy.limit == 1 ? "1 retry" : "\(policy.limit) retries") after \(policy.delay.short)\(exits)",
                        .dim)
                ])
        }
        if !planned.isIdempotent {
            add("careful", [Span("running it twice does harm: a retry asks for its name", .wait)])
        }
    }

    mutating func addRows(_ rows: RowAccount?, _ unit: UnitState) {
        guard let rows else { return }
        add("rows", [Span(RowWords.account(rows))])
        let steps = unit.lastResult?.rows?.steps ?? []
        if steps.count > 1 {
            for step in steps {
                add("", [Span("\(step.step): \(step.rowsIn.grouped) → \(step.rowsOut.grouped)", .dim)])
            }
        }
    }

    /// The checks whose outcome is worst first.
    static func worstFirst(_ checks: [CheckResult]) -> [CheckResult] {
        let order: [CheckResult.Outcome] = [.error, .failed, .warned, .passed]
        return order.flatMap { outcome in checks.filter { $0.outcome == outcome } }
    }

    private mutating func addChecks(_ checks: [CheckResult]) {
        for (place, check) in Self.worstFirst(checks).enumerated() {
            let mark: (String, Style)
            switch check.outcome {
            case .passed: mark = ("✓", .good)
            case .warned: mark = ("!", .wait)
            case .failed, .error: mark = ("✗", .bad)
            }
            let part = check.partition.map { " (\($0))" } ?? ""
            add(
                place == 0 ? "checks" : "",
                [Span(mark.0 + " ", mark.1), Span("\(check.id)\(part)  "), Span(check.message, .dim)])
            if let waiver = check.waiver { add("", [Span("  \(waiver)", .wait)]) }
            guard check.outcome != .passed else { continue }
            for sample in check.samples.prefix(5) {
                let cells = sample.cells(.max)
                add("", [Span("  \(sample.row.map { "row \($0.grouped)  " } ?? "")", .dim), Span(cells)])
            }
            if check.samples.count > 5 {
                add("", [Span("  \(check.samples.count - 5) more kept: D shows all", .dim)])
            }
        }
    }

    private mutating func addLastLines(_ unit: UnitState) {
        guard let result = unit.lastResult, result.ending != .succeeded, !result.lastLines.isEmpty else { return }
        add("last lines", [Span("\(result.lastLines.count) of its output, L shows its log", .dim)])
        for line in result.lastLines { lines.append([Span("  " + line)]) }
    }

    mutating func addFiles(_ artifacts: [Artifact], _ planned: PlannedStage) {
        for (place, artifact) in artifacts.prefix(8).enumerated() {
            let rows = artifact.rowCount.map { "  \($0.counted("row"))" } ?? ""
            add(
                place == 0 ? "files" : "",
                [Span(artifact.path), Span("  \(artifact.sizeInBytes.shortBytes)\(rows)", .dim)])
        }
        if artifacts.count > 8 { add("", [Span("\(artifacts.count - 8) more", .dim)]) }
        if artifacts.isEmpty, !planned.outputPaths.isEmpty {
            add("writes", [Span(planned.outputPaths.joined(separator: ", "), .dim)])
        }
    }
}
