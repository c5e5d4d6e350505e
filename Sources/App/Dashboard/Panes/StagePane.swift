import CaudalModel
import Engine

/// The stages as a table; those that need attention come first.
enum StagePane: StageList {
    static let title = "stages"

    static var bindings: [Binding] {
        scrolling { _ in 10 } + [
            folding,
            Binding(
                ["s"], .view, "sort stages by state, file order or time", hint: .always("sort", rank: 6),
                change: { $1.order = $1.order.next }),
        ]
    }

    static func listed(_ state: DashboardState) -> [UnitID] { state.listed }

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        let rows = visibleRows(state, height: view.frame.rows.count - 2)
        if row >= 1, rows.indices.contains(row - 1) { state.select(rows[row - 1]) }
    }

    /// The visible rows, including the selected one.
    static func visibleRows(_ state: DashboardState, height: Int) -> [UnitID] {
        Array(listed(state)[visible(state, height: height)])
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, frame) = (view.state, view.frame)
        let all = state.listed
        let shown = visibleRows(state, height: frame.rows.count - 2)
        let facts = [
            Span("sort \(state.order.rawValue)", .dim),
            Span(shown.count < all.count ? "  \(shown.count)/\(all.count)" : "", .dim),
        ]
        buffer.rule(frame, title: "STAGES", facts: facts, isFocused: view.isFocused)
        let columns = Widths(width: frame.columns.count)
        drawHead(frame, columns, state, into: &buffer)
        for (line, id) in shown.enumerated() {
            drawRow(state, id, at: frame.rows.lowerBound + 2 + line, frame, columns, into: &buffer)
        }
    }

    /// The widths of the columns; if there is little room, the least important are dropped first.
    private struct Widths {
        let name: Int
        let word = 9
        let information: Int
        let rows: Int
        let usual: Int
        let time = 8
        let tries: Int
        let timeline: Int

        init(width: Int) {
            rows = width >= 96 ? 9 : 0
            usual = width >= 110 ? 8 : 0
            tries = width >= 50 ? 6 : 0
            let rest = max(20, width - 3 - 9 - 1 - rows - usual - 8 - tries - 2)
            timeline = rest >= 64 ? min(80, rest - 52) : 0
            let text = rest - timeline - (timeline > 0 ? 2 : 0)
            name = max(10, min(26, text * 2 / 5))
            information = max(6, text - name - 1)
        }
    }

    private static func drawHead(
        _ frame: DashboardLayout.Frame, _ columns: Widths, _ state: DashboardState, into buffer: inout CellBuffer
    ) {
        let row = frame.rows.lowerBound + 1
        var place = frame.columns.lowerBound + 3
        func put(_ text: String, _ width: Int, right: Bool = false) {
            guard width > 0 else { return }
            buffer.write(right ? text.rightAligned(width) : text.fitted(width), row: row, column: place, style: .dim)
            place += width
        }
        put("stage", columns.name + 1)
        put("state", columns.word + 1)
        put("progress", columns.information)
        put("rows", columns.rows, right: true)
        put("took", columns.time, right: true)
        put("usual", columns.usual, right: true)
        put("try", columns.tries, right: true)
        if columns.timeline > 0 {
            place += 2
            put("timeline", columns.timeline)
        }
    }

    private static func drawRow(
        _ state: DashboardState, _ id: UnitID, at row: Int, _ frame: DashboardLayout.Frame, _ columns: Widths,
        into buffer: inout CellBuffer
    ) {
        guard let stage = state.run.stage(id.stage), let unit = state.run.unit(id) else { return }
        let status = id.item == nil ? stage.status : unit.status
        var place = frame.columns.lowerBound + 1
        let style = state.style(status, of: id)
        buffer.write(state.glyph(status), row: row, column: place, style: style)
        place += 2
        let name = id.item.map { "  \($0)" } ?? state.name(of: stage)
        buffer.write(
            Span(name).text.cutInMiddle(columns.name), row: row, column: place,
            style: status == .failed ? style : .plain
        )
        place += columns.name + 1
        buffer.write(state.word(status, of: id), row: row, column: place, style: style)
        place += columns.word + 1
        buffer.write(
            state.information(id, width: columns.information), row: row, column: place, limit: columns.information)
        place += columns.information
        if columns.rows > 0 {
            let account = id.item == nil ? stage.rows : unit.lastResult?.rows
            buffer.write((account.map { $0.written.short } ?? "—").rightAligned(columns.rows), row: row, column: place)
            place += columns.rows
        }
        buffer.write(state.timeText(id).rightAligned(columns.time), row: row, column: place)
        place += columns.time
        if columns.usual > 0 {
            let usual =
                id.item == nil ? state.run.plan.index(of: id.stage).flatMap { state.run.plan.stages[$0].expected } : nil
            buffer.write((usual?.short ?? "—").rightAligned(columns.usual), row: row, column: place, style: .dim)
            place += columns.usual
        }
        if columns.tries > 0 {
            buffer.write(state.triesText(id).rightAligned(columns.tries), row: row, column: place, style: .dim)
            place += columns.tries
        }
        // The timeline keeps its colours, because they carry its meaning.
        let end = columns.timeline > 0 ? place + 1 : frame.columns.upperBound
        if id == state.selection { buffer.select(row: row, columns: frame.columns.lowerBound..<end) }
        if columns.timeline > 0 {
            let items = id.item == nil && stage.hasItems ? stage.items.flatMap(\.unit.attempts) : []
            drawTimeline(
                state, unit.attempts + items, row: row, column: place + 2, width: columns.timeline, into: &buffer)
        }
    }

    /// A timeline of the attempts, on the same scale in all rows.
    private static func drawTimeline(
        _ state: DashboardState, _ attempts: [Attempt], row: Int, column: Int, width: Int, into buffer: inout CellBuffer
    ) {
        guard let start = state.run.startedAt else { return }
        let total = max(0.001, (state.run.endedAt ?? state.now).since(start).seconds)
        for attempt in attempts {
            let from = Int(attempt.startedAt.since(start).seconds / total * Double(width))
            let end = (attempt.endedAt ?? state.now).since(start).seconds / total * Double(width)
            let to = max(from + 1, min(width, Int(end.rounded())))
            let ending = attempt.result?.ending
            let style: Style =
                ending.map { [.succeeded, .reused, .skipped].contains($0) ? .good : .bad } ?? .busy
            buffer.fill("█", row: row, columns: (column + min(from, width - 1))..<(column + to), style: style)
        }
    }
}
