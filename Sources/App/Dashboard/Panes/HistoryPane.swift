import CaudalModel
import Engine

/// The box with the history of the pipeline's runs.
enum HistoryPane {
    static func draw(_ state: DashboardState, _ page: HistoryPage, into buffer: inout CellBuffer) {
        let title = "Runs of \(PlainText.sanitized(state.run.plan.pipeline))"
        guard let history = page.history else {
            let place = buffer.box(title: title, lines: 1, width: 52)
            buffer.write("reading …", row: place.row, column: place.column, style: .dim)
            return
        }
        let foot = buffer.boxHeight >= 10 ? 3 : buffer.boxHeight >= 5 ? 1 : 0
        let room = max(1, min(history.runs.count, buffer.boxHeight - foot - 1))
        let count = history.runs.count > room ? "  \(page.choice + 1) of \(history.runs.count)" : ""
        let place = buffer.box(title: title + count, lines: room + foot + 1, width: 112)
        let columns = Widths(place.width, history, state)
        buffer.write(columns.titles, row: place.row, column: place.column, limit: place.width, style: .dim)
        let start = max(0, min(page.choice - room / 2, history.runs.count - room))
        for (offset, run) in history.runs.dropFirst(start).prefix(room).enumerated() {
            let row = place.row + 1 + offset
            buffer.write(
                line(run, history, state, columns), row: row, column: place.column, limit: place.width)
            if start + offset == page.choice {
                buffer.select(row: row, columns: place.column..<(place.column + place.width))
            }
        }
        let below = foot > 1 ? 1 : 0
        for (offset, spans) in footLines(page, history, state).prefix(foot - below).enumerated() {
            buffer.write(
                spans, row: place.row + room + 1 + below + offset, column: place.column, limit: place.width)
        }
    }

    /// The widths of the columns, as wide as what stands in them and as there is room.
    private struct Widths {
        /// Whether the year is shown.
        let isWide: Bool
        /// The width of the times: with seconds where runs share a minute.
        let started: Int
        let state: Int
        let failed: Int

        init(_ width: Int, _ history: RunHistory, _ state: DashboardState) {
            isWide = width >= 90
            let minutes = Set(history.runs.map { $0.summary.started / 60_000 })
            started = (isWide ? 16 : 11) + (minutes.count < history.runs.count ? 3 : 0)
            let isInterrupted = history.runs.contains { $0.summary.trueStatus == .interrupted }
            self.state = isInterrupted ? 15 : 13
            let widest = history.runs.map { TextWidth.of(HistoryPane.failed($0, in: .max, state)) }.max() ?? 0
            failed = max(6, min(widest, isWide ? 24 : width >= 60 ? 14 : 8))
        }

        var titles: String {
            "  " + "started".fitted(started) + "  " + "state".fitted(state) + "took".rightAligned(7) + "  "
                + "vs usual".rightAligned(8) + "  " + "failed".fitted(failed) + "  for"
        }
    }

    /// The first stage that failed, if there is one whose failure is not allowed, and how many others.
    private static func failed(_ run: RunOfHistory, in width: Int, _ state: DashboardState) -> String {
        let plan = state.run.plan
        let failing = run.failed.first { stage in plan.index(of: stage).map { !plan.stages[$0].allowsFailure } ?? true }
        guard let first = failing ?? run.failed.first else { return "" }
        let more = run.failed.count > 1 ? " +\(run.failed.count - 1)" : ""
        let room = max(1, width - more.count)
        // Another run may have had other stages.
        return state.label(of: first, width: room).cutInMiddle(room) + more
    }

    private static func line(
        _ run: RunOfHistory, _ history: RunHistory, _ state: DashboardState, _ widths: Widths
    ) -> [Span] {
        let summary = run.summary
        let isShown = summary.id == state.run.id
        let started = LocalTime.full(summary.started, in: state.zone).dropFirst(widths.isWide ? 0 : 5)
        let (word, style) = word(summary.trueStatus, state)
        let usual = history.usual[summary.id]?.duration.seconds
        var delta = Span("", .dim)
        if let usual, usual > 0, let took = summary.duration?.seconds, summary.trueStatus != .running {
            delta = Span(RunComparison.change(took, usual), took >= usual * 2 ? .wait : .dim)
        }
        return [
            Span(isShown ? "● " : "  ", .accent),
            Span(String(started.prefix(widths.started)), isShown ? .bold : .plain), Span("  "),
            Span(word.fitted(widths.state), style),
            Span((summary.took(now: state.now)?.short ?? "—").rightAligned(7) + "  "),
            Span(delta.text.rightAligned(8) + "  ", delta.style),
            Span(
                failed(run, in: widths.failed, state).fitted(widths.failed) + "  ",
                summary.trueStatus == .succeeded ? .dim : .bad),
            Span(purpose(run, namesDay: false), .dim),
        ]
    }

    /// What a run is for: its environment and parameters, those with a day first.
    ///
    /// `namesDay`: whether the name of a parameter for the day is told too.
    private static func purpose(_ run: RunOfHistory, namesDay: Bool = true) -> String {
        let isDay = { (name: String) in ["day", "date"].contains(name.lowercased()) }
        let names = run.summary.parameters.keys.sorted { a, b in
            isDay(a) != isDay(b) ? isDay(a) : a < b
        }
        let place = run.summary.environment.map { ["@\($0)"] } ?? []
        let values = names.map { name in
            let value = run.summary.parameters[name] ?? ""
            return isDay(name) && !namesDay ? value : "\(name)=\(value)"
        }
        return (values + place).joined(separator: " ")
    }

    private static func word(_ status: RunState.Status, _ state: DashboardState) -> (String, Style) {
        let unit: UnitStatus
        switch status {
        case .running: unit = .running
        case .succeeded: unit = .succeeded
        case .failed: unit = .failed
        case .cancelled: unit = .cancelled
        case .interrupted: return ("\(StatusMark.interrupted) \(status.rawValue)", .bad)
        }
        return ("\(state.glyph(unit)) \(StatusMark.word(unit))", unit.style)
    }

    /// The durations of the runs, and the chosen run in full.
    private static func footLines(
        _ page: HistoryPage, _ history: RunHistory, _ state: DashboardState
    ) -> [[Span]] {
        guard let chosen = page.chosen else { return [[Span("no run is recorded", .dim)]] }
        let environment = chosen.summary.environment
        let points = history.runs.filter { $0.summary.environment == environment && !$0.summary.isLive }.reversed()
            .compactMap { run in run.summary.duration.map { Sparkline.Point($0.seconds) } }
        let usual =
            history.usual[chosen.summary.id].map { "  usually \($0.duration.short), by \($0.basis)" }
            ?? "  none has succeeded"
        let purpose = purpose(chosen)
        return [
            [Span("took  ", .dim), Span(Sparkline(points).blocks(most: 24), .accent), Span(usual, .dim)],
            [
                Span(chosen.summary.id.rawValue + "  ", .bold), Span(chosen.summary.trigger.description + "  ", .dim),
                Span(purpose, .dim),
            ],
        ]
    }
}
