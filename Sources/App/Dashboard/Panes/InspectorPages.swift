import CaudalModel
import Engine

/// The pages of the inspector other than its facts.
extension InspectorText {
    // MARK: - Log

    mutating func addLog(_ unit: UnitState) {
        guard let details = state.selectedDetails, details.key.hasLog else {
            return lines = [[Span("reading …", .dim)]]
        }
        if details.log.isEmpty { return lines = [[Span("it has written nothing", .dim)]] }
        // The newest line first: it is what one wants to see without scrolling.
        lines = details.log.reversed().map { line in
            let style: Style = line.contains("  ERROR  ") ? .bad : line.contains("  WARN   ") ? .wait : .plain
            return [Span(line, style)]
        }
    }

    // MARK: - Attempts

    /// Attempts side by side, the newest first; what differs among them stands out.
    mutating func addComparison(_ unit: UnitState, _ stage: StageState?, _ planned: PlannedStage) {
        if let stage, stage.hasItems {
            let failed = stage.items.filter { $0.unit.status == .failed }
            let shown = (failed.isEmpty ? stage.items.filter { $0.unit.attempts.count > 1 } : failed).prefix(20)
            lines = [
                [
                    Span(
                        "attempts are those of its items: \(state.keys.key("next-failure", "e")) goes to the next one that failed",
                        .dim)
                ]
            ]
            for item in shown {
                lines.append([Span("\(item.item.key)", .bold)])
                compare(item.unit.attempts)
            }
            return
        }
        guard !unit.attempts.isEmpty else { return lines = [[Span("it has not begun", .dim)]] }
        compare(unit.attempts)
        if planned.retry.limit > 0 {
            lines.append([])
            add(
                "policy",
                [
                    Span(
                        "\(planned.retry.limit == 1 ? "1 retry" : "\(planned.retry.limit) retries") after \(planned.retry.delay.short)",
                        .dim)
                ])
        }
    }

    private mutating func compare(_ attempts: [Attempt]) {
        let shown = attempts.suffix(6).reversed()
        // A single attempt has the whole of the pane.
        let columnWidth = max(18, (pane - 15) / max(1, shown.count) - 2)
        func row(_ label: String, isAlwaysOther: Bool = false, _ value: (Attempt) -> String) {
            let values = shown.map { PlainText.sanitized(value($0).replacing(scalar: "\n", with: " ")) }
            guard values.contains(where: { !$0.isEmpty }) else { return }
            let differs = !isAlwaysOther && Set(values).count > 1
            var spans = [Span((differs ? "≠ " : "  ") + label.fitted(11), differs ? .accent : .dim)]
            for (place, text) in values.enumerated() {
                // Blanks at the end of a line are nothing to scroll to.
                let isLast = place == values.count - 1
                let width = isLast ? min(columnWidth, TextWidth.of(text)) : columnWidth
                spans.append(Span(text.fitted(width) + (isLast ? "" : "  "), differs ? .bold : .plain))
            }
            lines.append(spans)
        }
        lines.append(
            [Span("             ")]
                + shown.map { attempt in
                    Span(
                        "#\(attempt.number) \(attempt.result?.ending.rawValue ?? state.word(.running))".fitted(
                            columnWidth + 2), style(attempt).with(.bold))
                })
        row("began", isAlwaysOther: true) { LocalTime.clock($0.startedAt.wall, in: state.zone) }
        row("waited", isAlwaysOther: true) { $0.queued?.short ?? "" }
        row("took", isAlwaysOther: true) {
            ($0.result?.duration ?? state.run.clock(state.now).since($0.startedAt)).short
        }
        row("exit") { $0.result?.exit?.description ?? "" }
        row("why") { $0.result?.failure?.message ?? "" }
        row("cpu", isAlwaysOther: true) { $0.result?.usage.map { ($0.user + $0.system).short } ?? "" }
        row("memory", isAlwaysOther: true) {
            $0.result?.usage.map { $0.peakMemory > 0 ? $0.peakMemory.shortBytes : "" } ?? ""
        }
        row("rows in") { $0.result?.rows?.sourceText ?? "" }
        row("rows out") { $0.result?.rows?.written.grouped ?? "" }
        row("checks") { attempt in
            let failed = attempt.result?.checks.filter { [.failed, .error].contains($0.outcome) }.map(\.id) ?? []
            return failed.isEmpty ? "" : "✗ " + failed.joined(separator: ", ")
        }
        row("read") { attempt in
            (attempt.result?.reads ?? []).map { "\($0.path) \($0.contentHash?.suffix(6) ?? "")" }.joined(
                separator: ", ")
        }
        row("program") { $0.result?.tool ?? "" }
        row("stopped by") { $0.cancelledBy ?? "" }
        row("last line") { $0.result?.lastLines.last ?? "" }
    }

    private func style(_ attempt: Attempt) -> Style {
        guard let ending = attempt.result?.ending else { return state.style(.running) }
        return ending.isSuccess ? .good : attempt.cancelledBy == nil ? .bad : .dim
    }

    // MARK: - Data

    /// Each check with what it measured before, and the rows that fail it as a table.
    mutating func addCheckPages(_ checks: [CheckResult]) {
        let history = state.selectedDetails?.checks ?? []
        for check in Self.worstFirst(checks) {
            let (mark, style): (String, Style)
            switch check.outcome {
            case .passed: (mark, style) = ("✓", .good)
            case .warned: (mark, style) = ("!", .wait)
            case .failed, .error: (mark, style) = ("✗", .bad)
            }
            let part = check.partition.map { " (\($0))" } ?? ""
            lines.append([
                Span("\(mark) ", style), Span("\(check.id)\(part)", style.with(.bold)), Span("  \(check.message)"),
            ])
            lines.append([Span("  expected \(check.expectation)", .dim)])
            if let waiver = check.waiver { lines.append([Span("  \(waiver)", .wait)]) }
            let points = history.filter { $0.check == check.id && $0.part == check.partition && $0.measured != nil }
            let known = points.compactMap { point in point.measured.map { Sparkline.Point($0, point.outcome) } }
            if known.count > 1, let low = known.map(\.value).min(), let high = known.map(\.value).max() {
                func text(_ value: Double) -> String { CheckPoint.text(of: value, kind: check.kind) }
                let broken = points.count { [.failed, .error].contains($0.outcome) }
                let range = text(low) == text(high) ? text(low) : "\(text(low)) to \(text(high))"
                let breaches = broken > 0 ? ", failed in \(broken)" : ""
                lines.append([
                    Span("  "), Span(Sparkline(known).blocks(), .accent),
                    Span("  \(range) in \(known.count.counted("run"))\(breaches)", .dim),
                ])
            }
            if check.outcome != .passed { addSamples(check.samples) }
        }
    }

    // MARK: - Command

    mutating func addCommand(_ planned: PlannedStage) {
        let place = state.selectedDetails?.place?.description ?? state.run.plan.file
        lines.append([
            Span("\(planned.type)  ", .bold), Span(place, .accent),
            Span("  \(state.keys.key("edit", "O")) opens it", .dim),
        ])
        for text in Self.workFirst(Self.command(of: state)) {
            let isComment = text.hasPrefix("--") || text.hasPrefix("#")
            lines.append([Span("  " + text, isComment ? .dim : .plain)])
        }
    }

    /// The lines with what is run first: a query before what sets DuckDB up for it, the command before the other settings.
    static func workFirst(_ lines: [String]) -> [String] {
        if let end = lines.firstIndex(of: ".safe_mode") {
            let query = lines[(end + 1)...].filter { !$0.hasPrefix(".print @@") && !$0.hasPrefix(".bail ") }
            return Array(query.drop { $0.isEmpty }) + ["", "-- before it:"] + lines[...end]
        }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("run:") }) else { return lines }
        let more = lines[(start + 1)...].prefix { $0.hasPrefix(" ") || $0.isEmpty || $0.hasPrefix("-") }
        return Array(lines[start..<more.endIndex] + lines[..<start] + lines[more.endIndex...])
    }

    /// The SQL as it ran, or the settings of the stage, with all values filled in.
    static func command(of state: DashboardState) -> [String] {
        if let sql = state.selectedDetails?.sql, !sql.isEmpty { return sql }
        guard let index = state.selectedIndex else { return [] }
        let text = state.run.plan.stages[index].definitionText
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        func isListed(_ line: String) -> Bool { line.hasPrefix("foreach.") && line.contains("[") }
        let item = state.run.stage(state.selection.stage)?.items.first { $0.item.key == state.selection.item }?.item
        guard let item else {
            // Of many items a few say what they are.
            let listed = lines.filter(isListed)
            guard listed.count > 5 else { return lines }
            return lines.filter { !isListed($0) } + listed.prefix(3) + ["# and \(listed.count - 3) more items"]
        }
        return lines.filter { !isListed($0) }.map { line in
            item.values.reduce(line) { $0.replacing("${item.\($1.key)}", with: $1.value ?? "") }
        }
    }

    // MARK: - Neighbours

    mutating func addAllNeighbours(_ index: Int) {
        let plan = state.run.plan
        let names = min(40, state.graph.longestName)
        func list(_ title: String, _ direct: [Int], _ all: [Int]) {
            let more = all.count - direct.count
            let rest = more > 0 ? ", \(more) further" : ""
            lines.append([Span("\(title)  ", .bold), Span("\(direct.count) direct\(rest)", .dim)])
            let order = all.enumerated().sorted { a, b in
                let (x, y) = (direct.contains(a.element), direct.contains(b.element))
                if x != y { return x }
                let (p, q) = (
                    DashboardState.urgency(state.run.stages[a.element].status),
                    DashboardState.urgency(state.run.stages[b.element].status)
                )
                return p != q ? p < q : a.offset < b.offset
            }.map(\.element)
            for place in order {
                let stage = state.run.stages[place]
                let id = UnitID(stage.id)
                let lead = direct.contains(place) ? "  " : "    "
                lines.append(
                    [
                        Span(lead + state.glyph(stage.status) + " ", state.style(stage.status, of: id)),
                        Span(state.label(of: stage.id, width: names).fitted(names) + "  "),
                        Span(
                            state.word(stage.status, of: id).fitted(state.wordWidth + 1),
                            state.style(stage.status, of: id)),
                        Span(state.timeText(id).rightAligned(8) + "  ", .dim),
                    ] + state.information(id, width: 30))
            }
        }
        list("needs", plan.upstream[index], plan.allUpstream(of: index))
        list("leads to", plan.downstream[index], plan.allDownstream(of: index))
        let planned = plan.stages[index]
        if !planned.reads.isEmpty { add("reads", [Span(planned.reads.joined(separator: ", "))]) }
        if !planned.outputs.isEmpty { add("writes", [Span(planned.outputs.joined(separator: ", "))]) }
    }

    // MARK: - History

    mutating func addHistory(_ stage: StageState, _ unit: UnitState) {
        guard let details = state.selectedDetails else { return lines = [[Span("reading …", .dim)]] }
        if let known = state.failureWords[state.selection], let words = known.words {
            add("failure", [Span(words, .wait)])
        }
        let endings = details.endings
        guard !endings.isEmpty else { return lines.append([Span("this is its first run", .dim)]) }
        let statuses = endings.map { UnitStatus($0.outcome) } + [stage.status]
        add(
            "runs",
            statuses.map { Span(state.glyph($0), $0.style) } + [Span("  \(statuses.count), the last is this one", .dim)]
        )
        let inOrder = endings.filter { $0.outcome == .succeeded }.compactMap(\.duration)
        let times = inOrder.sorted()
        if !times.isEmpty {
            func share(_ part: Double) -> Duration { times[min(times.count - 1, Int(Double(times.count) * part))] }
            add(
                "took",
                [
                    Span("p50 \(share(0.5).short)  p95 \(share(0.95).short)  "),
                    Span(Sparkline(inOrder.map { Sparkline.Point($0.seconds) }).blocks(), .accent),
                    Span("  of \(times.count) that succeeded", .dim),
                ])
        }
        if let took = state.elapsed(UnitID(stage.id)) {
            let difference = state.difference(UnitID(stage.id))
            add("this run", [Span(took.short), Span("  \(difference.text)", difference.style)])
        }
        lines.append([])
        for ending in endings.reversed() {
            let status = UnitStatus(ending.outcome)
            lines.append([
                Span(state.glyph(status) + " ", status.style),
                Span(LocalTime.full(ending.started, in: state.zone) + "  "),
                Span(StatusMark.word(status).fitted(10), status.style),
                Span((ending.duration?.short ?? "—").rightAligned(8) + "  "), Span(ending.run.rawValue, .dim),
            ])
        }
    }
}
