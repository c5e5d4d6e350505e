import CaudalModel
import Engine
import Foundation

/// Draws the list of pipelines and runs; the result depends only on its state.
enum HomeScreen {
    /// A column of a list.
    private struct Column {
        var title: String
        var width: Int
        var isRight = false
        /// The minimum width of a screen that shows the column.
        var from = 0
    }

    static func draw(_ state: HomeState, zone: TimeZone = .current) -> CellBuffer {
        var buffer = CellBuffer(width: state.columns, height: state.rows)
        guard state.rows >= 8, state.columns >= 40 else {
            let moving = state.overview.runs.count { $0.trueStatus == .running }
            buffer.write("caudal \(moving) running", row: 0, column: 0, limit: state.columns)
            return buffer
        }
        drawHeader(state, zone, into: &buffer)
        let body = 2..<(state.rows - 2)
        guard body.count >= 8 else {
            // There is room for one list, that of what is selected.
            if case .run = state.selected {
                drawRuns(state, body, zone, into: &buffer)
            } else {
                drawPipelines(state, body, into: &buffer)
            }
            drawFooter(state, zone, into: &buffer)
            drawQuestion(state, into: &buffer)
            return buffer
        }
        let wanted = max(1, state.pipelines.count) + 2
        let split = body.lowerBound + min(wanted, max(4, body.count / 2))
        drawPipelines(state, body.lowerBound..<split, into: &buffer)
        drawRuns(state, split..<body.upperBound, zone, into: &buffer)
        drawFooter(state, zone, into: &buffer)
        drawQuestion(state, into: &buffer)
        return buffer
    }

    // MARK: - Header

    private static func drawHeader(_ state: HomeState, _ zone: TimeZone, into buffer: inout CellBuffer) {
        let name = state.root.split(separator: "/").last.map(String.init) ?? "/"
        let place = buffer.write(
            [Span(" caudal  ", Style(.accent, .bold)), Span(name, .bold)], row: 0, column: 0, limit: state.columns)
        let clock = LocalTime.minute(state.now.wall, in: zone)
        buffer.write(Span(clock, .dim).text, row: 0, column: state.columns - 6, style: .dim)
        let room = state.columns - 6 - place - 6
        if state.root.count <= room { buffer.write(Span(state.root).text, row: 0, column: place + 3, style: .dim) }

        // The worst comes first, because what does not fit is left out.
        var chips: [Span] = []
        for status in [RunState.Status.failed, .interrupted] { chips += runChip(status, state) }
        let schedules = scheduleChips(state)
        chips += schedules.filter { $0.style == .bad } + runChip(.running, state)
        chips += schedules.filter { $0.style != .bad }
        if schedules.isEmpty {
            // The lists say how many there are; where there are schedules, their room is needed.
            chips += [
                Span(state.overview.pipelines.count.counted("pipeline")),
                Span((state.overview.runs.count + state.overview.olderRuns).counted("run")),
            ]
        }
        var column = 1
        for chip in chips {
            guard column + TextWidth.of(chip.text) < state.columns else { break }
            column = buffer.write(chip.text, row: 1, column: column, style: chip.style) + 3
        }
    }

    private static func runChip(_ status: RunState.Status, _ state: HomeState) -> [Span] {
        let count = state.overview.runs.count { $0.trueStatus == status }
        return count > 0 ? [Span("\(mark(status, state)) \(count) \(status.rawValue)", style(status))] : []
    }

    /// What there is to tell of schedules; nothing where there are none.
    private static func scheduleChips(_ state: HomeState) -> [Span] {
        let all = state.overview.schedules
        guard !all.isEmpty else { return [] }
        var chips: [Span] = []
        if state.overview.scheduler == nil {
            chips.append(Span("no scheduler runs", .bad))
        } else {
            let next = all.filter { $0.pause == nil }.compactMap(\.next).min()
            let away = next.map { Duration.milliseconds(max(0, $0 - state.now.wall)).short }
            chips.append(Span(away.map { "next in \($0)" } ?? "scheduler on", .good))
        }
        let paused = all.count { $0.pause != nil }
        if paused > 0 { chips.append(Span("\(paused) paused", .wait)) }
        // Those of the last day.
        let recent = all.flatMap { entry in
            entry.recent.filter { $0.decidedAt > state.now.wall - 86_400_000 }.map {
                ($0, entry.late.contains($0.slots.last))
            }
        }
        let missed = recent.reduce(0) { $0 + ([.missed, .failed].contains($1.0.outcome) ? $1.0.slots.count : 0) }
        if missed > 0 { chips.append(Span("\(missed) missed", .bad)) }
        let late = recent.count { $0.1 && $0.0.outcome.isToRun }
        if late > 0 { chips.append(Span("\(late) late", .bad)) }
        return chips
    }

    // MARK: - Lists

    private static func drawPipelines(_ state: HomeState, _ rows: Range<Int>, into buffer: inout CellBuffer) {
        let hasSchedules = !state.overview.schedules.isEmpty
        let columns = fitted(
            [
                Column(title: "PIPELINE", width: 0), Column(title: "LAST RUN", width: 11),
                Column(title: "AGO", width: 10),
                Column(title: "TOOK", width: 7, isRight: true, from: 50),
                Column(title: "USUALLY", width: 7, isRight: true, from: hasSchedules ? 96 : 0),
                Column(title: "NEXT", width: hasSchedules ? 10 : -1),
                Column(title: "LAST 10", width: 10), Column(title: "SLOTS", width: 10, from: hasSchedules ? 120 : .max),
                Column(title: "TIMES", width: 10, from: hasSchedules ? 132 : 100),
                Column(title: "STAGES", width: 6, isRight: true, from: 110),
                Column(title: "FILE", width: 40, from: 140),
            ], state.columns, most: 36, names: state.overview.pipelines.map(\.name))
        let isSelected = if case .pipeline = state.selected { true } else { false }
        let shown = state.pipelines
        let place = shown.firstIndex { state.selected == .pipeline($0.file) }
        let visible = window(shown.count, rows.count - 2, place ?? 0)
        let facts = counted(visible, of: shown.count, state.overview.pipelines.count)
        rule("PIPELINES", facts, rows, isSelected, into: &buffer)
        guard !shown.isEmpty else {
            let text =
                state.filter.isEmpty
                ? "none yet: put a pipeline file into config/, or run one with: caudal run FILE"
                : "no pipeline matches '\(state.filter)'; esc clears the filter"
            buffer.write(text, row: rows.lowerBound + 1, column: 3, limit: state.columns - 4, style: .dim)
            return
        }
        heading(columns, row: rows.lowerBound + 1, into: &buffer)
        for (offset, pipeline) in shown[visible].enumerated() {
            let row = rows.lowerBound + 2 + offset
            if let fault = pipeline.fault {
                let mark = self.mark(.failed, state)
                line(
                    [[Span("\(mark) \(pipeline.name)", .bad)], [Span("invalid", .bad)]], columns, row: row,
                    into: &buffer)
                let place = columns[0].width + columns[1].width + 5
                buffer.write(Span(fault).text, row: row, column: place, limit: state.columns - place - 1, style: .bad)
            } else {
                line(cells(of: pipeline, state), columns, row: row, into: &buffer)
            }
            if state.selected == .pipeline(pipeline.file) { buffer.select(row: row, columns: 0..<state.columns) }
        }
    }

    private static func cells(of pipeline: ProjectOverview.Pipeline, _ state: HomeState) -> [[Span]] {
        let last = pipeline.current
        let recent = pipeline.runs.prefix(10).reversed()
        let mark = last.map { Span(self.mark($0.trueStatus, state), style($0.trueStatus)) } ?? Span("·", .dim)
        return [
            [mark, Span(" \(pipeline.name)", .bold)],
            [last.map { Span($0.trueStatus.rawValue, style($0.trueStatus)) } ?? Span("never run", .dim)],
            [Span(last.map { ago($0.ended ?? $0.started, state.now) } ?? "", .dim)],
            [Span(last.map { took($0, state.now) } ?? "")],
            [Span(pipeline.usual?.short ?? "—", .dim)],
            next(of: pipeline, state),
            recent.map { Span(self.mark($0.trueStatus, state), style($0.trueStatus)) },
            slots(of: pipeline, state),
            times(Array(recent), state),
            [Span(pipeline.stageCount.map(String.init) ?? "")],
            [Span(pipeline.file, .dim)],
        ]
    }

    /// When a pipeline runs next by itself.
    private static func next(of pipeline: ProjectOverview.Pipeline, _ state: HomeState) -> [Span] {
        guard let entry = pipeline.nextSchedule else { return [] }
        if pipeline.schedules.allSatisfy({ $0.pause != nil }) { return [Span("paused", .wait)] }
        switch entry.standing {
        case .disabled: return [Span("off", .dim)]
        case .waiting: return [Span("waiting", .wait)]
        case .on, .paused, .running, .failed: break
        }
        guard let next = entry.next else {
            if case .after = entry.schedule.trigger { return [Span("on arrival", .dim)] }
            return [Span("never", .dim)]
        }
        if next < state.now.wall - 60_000 { return [Span("overdue", .bad)] }
        let style: Style = state.overview.scheduler == nil ? .dim : .plain
        return [Span(ScheduleWords(entry).short(next, now: state.now.wall), style)]
    }

    /// What became of the last slots of a pipeline, oldest first.
    private static func slots(of pipeline: ProjectOverview.Pipeline, _ state: HomeState) -> [Span] {
        let all = pipeline.schedules.flatMap { entry in
            entry.recent.filter { $0.outcome != .begun }.map { ($0, entry.late.contains($0.slots.last)) }
        }
        return all.sorted { $0.0.slots.last > $1.0.slots.last }.prefix(10).reversed().map { slot, isLate in
            let mark = SlotMark.mark(slot, ascii: state.isASCII)
            return Span(mark, isLate ? .wait : SlotMark.style(slot))
        }
    }

    private static func drawRuns(
        _ state: HomeState, _ rows: Range<Int>, _ zone: TimeZone, into buffer: inout CellBuffer
    ) {
        let columns = fitted(
            [
                Column(title: "RUN", width: 22, from: 60), Column(title: "PIPELINE", width: 0),
                Column(title: "STATE", width: 11), Column(title: "AGO", width: 10),
                Column(title: "TOOK", width: 7, isRight: true, from: 50),
                Column(title: "STARTED", width: 19, from: 100),
                Column(title: "STAGES", width: 6, isRight: true, from: 110),
                Column(title: "PARAMETERS", width: 40, from: 140),
            ], state.columns, most: 36, names: state.overview.pipelines.map(\.name))
        let isSelected = if case .run = state.selected { true } else { false }
        let shown = state.runs
        let place = shown.firstIndex { state.selected == .run($0.id) }
        let visible = window(shown.count, rows.count - 2, place ?? 0)
        let all = state.overview.runs.count + state.overview.olderRuns
        rule("RUNS", counted(visible, of: shown.count, all), rows, isSelected, into: &buffer)
        guard !shown.isEmpty, rows.count > 2 else {
            let text = state.filter.isEmpty ? "none yet" : "no run matches '\(state.filter)'"
            buffer.write(text, row: rows.lowerBound + 1, column: 3, limit: state.columns - 4, style: .dim)
            return
        }
        heading(columns, row: rows.lowerBound + 1, into: &buffer)
        for (offset, run) in shown[visible].enumerated() {
            let row = rows.lowerBound + 2 + offset
            let status = run.trueStatus
            let parameters = run.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            line(
                [
                    [Span(mark(status, state), style(status)), Span(" \(run.id)")], [Span(run.pipeline, .bold)],
                    [Span(status.rawValue, style(status))], [Span(ago(run.ended ?? run.started, state.now), .dim)],
                    [Span(took(run, state.now))], [Span(LocalTime.full(run.started, in: zone), .dim)],
                    [Span(String(run.stageCount))], [Span(parameters.joined(separator: " "), .dim)],
                ], columns, row: row, into: &buffer)
            if state.selected == .run(run.id) { buffer.select(row: row, columns: 0..<state.columns) }
        }
    }

    /// How many lines there are: those that do not fit above and below, and those that the filter leaves of all.
    private static func counted(_ visible: Range<Int>, of shown: Int, _ all: Int) -> String {
        let (above, below) = (visible.lowerBound, shown - visible.upperBound)
        return (above > 0 ? "↑ \(above) more  " : "") + (below > 0 ? "↓ \(below) more  " : "")
            + (shown == all ? "\(all)" : "\(shown) of \(all)")
    }

    /// The columns that fit; the one without a width gets the remaining space.
    ///
    /// `names`: what stands in that one; the last columns are left out where it would be too narrow for most names.
    private static func fitted(_ columns: [Column], _ width: Int, most: Int, names: [String]) -> [Column] {
        var columns = columns
        for index in columns.indices where columns[index].from > width { columns[index].width = -1 }
        var room: Int { width - 3 - columns.reduce(0) { $0 + ($1.width > 0 ? $1.width + 2 : 0) } }
        // A mark and a blank stand before a name.
        let wanted = min(18, max(8, (names.map { TextWidth.of($0) }.max() ?? 0) + 2))
        while room < wanted, let last = columns.indices.last(where: { $0 > 2 && columns[$0].width > 0 }) {
            columns[last].width = -1
        }
        let rest = max(8, min(most, room))
        for index in columns.indices where columns[index].width == 0 { columns[index].width = rest }
        return columns
    }

    private static func heading(_ columns: [Column], row: Int, into buffer: inout CellBuffer) {
        line(columns.map { [Span($0.title, .dim)] }, columns, row: row, into: &buffer)
    }

    private static func line(_ cells: [[Span]], _ columns: [Column], row: Int, into buffer: inout CellBuffer) {
        var place = 1
        for (cell, column) in zip(cells, columns) where column.width > 0 {
            let length = cell.reduce(0) { $0 + TextWidth.of($1.text) }
            let start = column.isRight ? max(place, place + column.width - length) : place
            buffer.write(cell, row: row, column: start, limit: place + column.width - start)
            place += column.width + 2
        }
    }

    private static func rule(
        _ title: String, _ facts: String, _ rows: Range<Int>, _ isFocused: Bool, into buffer: inout CellBuffer
    ) {
        let row = rows.lowerBound
        buffer.fill(
            isFocused ? "━" : "─", row: row, columns: 0..<buffer.width, style: isFocused ? Style(.accent, .bold) : .dim)
        buffer.write(" \(title) ", row: row, column: 1, style: isFocused ? .bold : .plain)
        buffer.write(" \(facts) ", row: row, column: buffer.width - facts.count - 3)
    }

    /// The visible lines, including the selected one.
    private static func window(_ count: Int, _ height: Int, _ selected: Int) -> Range<Int> {
        let height = max(0, min(height, count))
        let start = max(0, min(count - height, selected - height / 2))
        return start..<(start + height)
    }

    // MARK: - Texts and glyphs

    private static func mark(_ status: RunState.Status, _ state: HomeState) -> String {
        switch status {
        case .running: state.isASCII ? ">" : "▶"
        case .succeeded: StatusMark.glyph(.succeeded, frame: 0, ascii: state.isASCII)
        case .failed: StatusMark.glyph(.failed, frame: 0, ascii: state.isASCII)
        case .cancelled: StatusMark.glyph(.cancelled, frame: 0, ascii: state.isASCII)
        case .interrupted: StatusMark.interrupted
        }
    }

    private static func style(_ status: RunState.Status) -> Style {
        switch status {
        case .running: .busy
        case .succeeded: .good
        case .failed, .interrupted: .bad
        case .cancelled: .dim
        }
    }

    private static func took(_ run: RunSummary, _ now: Moment) -> String {
        guard let took = run.took(now: now) else { return "—" }
        // Whole seconds while it goes on: they tick.
        return run.isLive ? Duration.seconds(took.milliseconds / 1000).short : took.short
    }

    /// The age of something in its largest unit, such as `3 min ago`.
    static func ago(_ then: Int64, _ now: Moment) -> String {
        let seconds = max(0, now.wall - then) / 1000
        switch seconds {
        case ..<60: return "just now"
        case ..<3600: return "\(seconds / 60) min ago"
        case ..<86_400: return "\(seconds / 3600) h ago"
        default: return "\(seconds / 86_400) d ago"
        }
    }

    /// The durations of runs as bars; the longest is as high as the line.
    private static func times(_ runs: [RunSummary], _ state: HomeState) -> [Span] {
        let longest = runs.compactMap { $0.duration?.seconds }.max() ?? 0
        let bars = state.isASCII ? Array("_.-=#") : Array("▁▂▃▄▅▆▇█")
        return runs.map { run in
            // A single run has none to be compared with.
            guard !run.isLive, let took = run.duration?.seconds, longest > 0, runs.count > 1 else { return Span(" ") }
            let height = Int((took / longest * Double(bars.count - 1)).rounded())
            return Span(String(bars[height]), style(run.trueStatus))
        }
    }

    // MARK: - Footer

    private static func drawFooter(_ state: HomeState, _ zone: TimeZone, into buffer: inout CellBuffer) {
        let row = state.rows - 2
        buffer.fill("─", row: row, columns: 0..<state.columns, style: .dim)
        let keys = state.rows - 1
        let toast = state.standingToast.map { Span($0.text, $0.style) }
        if let note = toast ?? standing(state, zone) {
            let coversKeys = toast != nil && !state.isTyping && !state.isAsking
            guard MessageRows.draw(note, above: keys, coversKeys: coversKeys, into: &buffer) else { return }
        }
        if state.isTyping {
            var place = buffer.write(" filter: ", row: keys, column: 0, style: .accent)
            place = buffer.write(state.filter, row: keys, column: place)
            buffer.write(state.isASCII ? "_" : "▏", row: keys, column: place, style: .bold)
            return
        }
        // The dashboard's question uses the dashboard's bindings.
        let hints =
            state.asking.map { KeyHint.list(DashboardKeys.bindings($0), $0) }
            ?? KeyHint.list(HomeKeys.bindings(state), state)
        buffer.write(hints, row: keys)
    }

    /// The message about the selected line.
    private static func standing(_ state: HomeState, _ zone: TimeZone) -> Span? {
        switch state.selected {
        case .pipeline(let file):
            guard let pipeline = state.pipelines.first(where: { $0.file == file }) else { return nil }
            return pipeline.fault.map { Span("\(file): \($0)", .bad) } ?? scheduleNote(pipeline, state, zone)
        case .run(let id):
            guard state.runs.first(where: { $0.id == id })?.trueStatus == .interrupted else { return nil }
            return Span("its process died — enter shows the run, r resumes it", .bad)
        case nil: return nil
        }
    }

    /// When a pipeline runs next, and what became of its last slot where that was no success.
    private static func scheduleNote(
        _ pipeline: ProjectOverview.Pipeline, _ state: HomeState, _ zone: TimeZone
    ) -> Span? {
        guard let entry = pipeline.nextSchedule else { return nil }
        if let pause = entry.pause {
            let reason = pause.reason.isEmpty ? "" : ": \(pause.reason)"
            return Span("\(entry.key) paused by \(pause.by) \(ago(pause.from, state.now))\(reason)", .wait)
        }
        let next = "next: \(ScheduleWords(entry, local: zone).next(now: state.now.wall))"
        guard state.overview.scheduler != nil else {
            return Span("no scheduler runs; start it with: caudal schedule (\(next))", .bad)
        }
        let last = entry.recent.first { $0.outcome != .begun }
        guard let last, [.missed, .skipped, .failed, .wait].contains(last.outcome) else { return Span(next, .dim) }
        let time = ScheduleWords(entry).time(last.slots.last.planned, now: state.now.wall)
        return Span("\(next); \(time) \(last.outcome.rawValue): \(last.reason)", SlotMark.style(last))
    }

    // MARK: - Boxes

    /// The lines of the help.
    static func helpLines(_ state: HomeState) -> [OverlayPane.HelpLine] {
        OverlayPane.wrapped(OverlayPane.lines(KeyHelp(HomeKeys.all(state.keys), state)), columns: state.columns)
    }

    private static func drawQuestion(_ state: HomeState, into buffer: inout CellBuffer) {
        if let scroll = state.helpScroll {
            OverlayPane.drawHelp(helpLines(state), scroll: scroll, into: &buffer)
        }
        if var asking = state.asking {
            (asking.rows, asking.columns) = (state.rows, state.columns)
            OverlayPane.draw(asking, into: &buffer)
        }
        guard let question = state.question else { return }
        let form = formLines(question.form, state)
        let head = question.lines.map { [Span($0)] }
        let foot = question.estimate(now: state.now).map { [[Span($0)]] } ?? []
        let widest = (head + form + foot).map { $0.reduce(0) { $0 + TextWidth.of($1.text) } }.max() ?? 0
        // The answers are always seen. Where there is little room, first the blank lines go, then what is below and above the
        // form; a form that is longer still is scrolled.
        let room = max(1, buffer.boxHeight - 1)
        let gap: [[Span]] = head.count + form.count + foot.count + 3 <= room ? [[]] : []
        let (above, below) =
            [(head, foot), (head, [])].first { $0.count + $1.count + min(form.count, 4) <= room }
            ?? (form.isEmpty ? head : [], [])
        let fitting = form.isEmpty ? [] : window(form, room - above.count - below.count, question.form.place)
        var lines = above + (form.isEmpty || above.isEmpty ? [] : gap) + fitting
        lines += (form.isEmpty || below.isEmpty ? [] : gap) + below
        lines = Array(lines.prefix(room)) + (lines.count < room ? [[]] : [])
        let place = buffer.box(title: question.title, lines: lines.count + 1, width: max(52, widest))
        for (offset, line) in lines.enumerated() {
            buffer.write(line, row: place.row + offset, column: place.column, limit: place.width)
        }
        let answers = place.row + place.height - 1
        var column = place.column + 2
        let isAnswering = question.form.place == nil
        for (label, isChosen) in [("No", !question.isYes), ("Yes", question.isYes)].map({ ($0.0, $0.1 && isAnswering) })
        {
            let text = isChosen ? " \(state.isASCII ? ">" : "❯") \(label) " : "   \(label) "
            column =
                buffer.write(
                    text, row: answers, column: column,
                    style: isChosen ? Style(.plain, [.reverse, .bold]) : .plain) + 1
        }
    }

    /// The lines of a form that fit, with the chosen one; the first and the last say how many others there are.
    private static func window(_ lines: [[Span]], _ room: Int, _ chosen: Int?) -> [[Span]] {
        guard lines.count > room else { return lines }
        // Behind the last field come the answers.
        let visible = window(lines.count, room, chosen ?? lines.count - 1)
        var shown = Array(lines[visible])
        guard room >= 3 else { return shown }
        if visible.lowerBound > 0 {
            shown[0] = [Span("  ↑ \((visible.lowerBound + 1).counted("field")) above", .wait)]
        }
        let rest = lines.count - visible.upperBound
        if rest > 0 { shown[room - 1] = [Span("  ↓ \((rest + 1).counted("field")) below", .wait)] }
        return shown
    }

    /// A line for each parameter: its name, the value, and what it takes or what is wrong with it.
    private static func formLines(_ form: ParameterForm, _ state: HomeState) -> [[Span]] {
        let width = form.fields.map { TextWidth.of($0.parameter.name) }.max() ?? 0
        return form.fields.enumerated().map { index, field in
            let isHere = form.place == index
            let fault = form.fault(of: index, now: state.now)
            let value = field.shown + (isHere ? (state.isASCII ? "_" : "▏") : "")
            return [
                Span(isHere ? (state.isASCII ? "> " : "❯ ") : "  ", .accent),
                Span("\(field.parameter.name.fitted(width))  ", isHere ? .bold : .plain),
                Span("\(value.fitted(max(14, TextWidth.of(value))))  ", Style(.plain, isHere ? [.underline] : [])),
                fault.map { Span($0, isHere && field.text.isEmpty ? .wait : .bad) }
                    ?? Span(
                        field.parameter.description.isEmpty
                            ? field.hint : "\(field.hint): \(field.parameter.description)", .dim),
            ]
        }
    }
}
