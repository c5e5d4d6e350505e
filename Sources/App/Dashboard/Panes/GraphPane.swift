import CaudalModel
import Engine

/// The graph from left to right, as a picture.
enum GraphPane: DashboardPane {
    static let title = "graph"

    static let bindings = [
        Binding(["h", .left], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.upstream) }),
        Binding(["j", .down], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.below) }),
        Binding(["k", .up], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.above) }),
        Binding(["l", .right], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.downstream) }),
        Binding(["g", .home], .move, PaneLabels.ends, change: { GraphWalk.go(&$1, \.first) }),
        Binding(["G", .end], .move, PaneLabels.ends, change: { GraphWalk.go(&$1, \.last) }),
        RailPane.folding,
    ]

    /// The view follows the selected node, so there is nothing to scroll.
    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {}

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        guard let picture = view.layout.picture else { return }
        let (room, origin) = place(of: picture, view)
        let (row, column) = (row - top(picture, room) + origin.row, column - 1 + origin.column)
        let hit = picture.frames.firstIndex { frame in
            (frame.row..<(frame.row + frame.height)).contains(row)
                && (frame.column..<(frame.column + frame.width)).contains(column)
        }
        if let hit { state.select(UnitID(state.run.plan.stages[hit].id)) }
    }

    /// The visible part of a picture, around the selected node.
    private static func place(
        of picture: GraphPicture, _ view: PaneView
    ) -> (room: (rows: Int, columns: Int), origin: (row: Int, column: Int)) {
        let room = (rows: view.frame.rows.count - 1, columns: view.frame.columns.count - 2)
        guard let index = view.state.selectedIndex else { return (room, (0, 0)) }
        let frame = picture.frames[index]
        let row = max(0, min(frame.row - room.rows / 2, picture.height - room.rows))
        let column = max(0, min(frame.column - room.columns / 2, picture.width - room.columns))
        return (room, (row, column))
    }

    /// The first line of a small picture, which is centred.
    private static func top(_ picture: GraphPicture, _ room: (rows: Int, columns: Int)) -> Int {
        max(0, (room.rows - picture.height) / 2)
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        guard let picture = view.layout.picture else { return }
        let (state, frame) = (view.state, view.frame)
        let (room, scroll) = place(of: picture, view)
        let folded = state.run.stages.reduce(0) { $0 + ($1.hasItems ? $1.items.count : 0) }
        var facts = [Span(state.run.stages.count.counted("stage"))]
        if folded > 0 { facts.append(Span("   +\(folded) folded", .dim)) }
        facts.append(
            Span(picture.height <= room.rows && picture.width <= room.columns ? "   fits" : "   scrolls", .dim))
        buffer.rule(frame, title: "GRAPH", facts: facts, isFocused: view.isFocused)

        // Drawn into a buffer and copied, so that nothing leaves the pane; small pictures are centred.
        let canvas = canvas(state, picture)
        let top = frame.rows.lowerBound + 1 + top(picture, room)
        let left = frame.columns.lowerBound + 1
        for row in 0..<min(room.rows, picture.height - scroll.row) {
            for column in 0..<min(room.columns, picture.width - scroll.column) {
                let cell = canvas[row: row + scroll.row, column: column + scroll.column]
                guard cell != .blank else { continue }
                if cell.content >= Cell.firstCluster || cell.content == Cell.continuation {
                    buffer.write(canvas.text(of: cell), row: top + row, column: left + column, style: cell.style)
                } else {
                    buffer[row: top + row, column: left + column] = cell
                }
            }
        }
        drawOutside(state, picture, room, scroll, frame, into: &buffer)
    }

    /// The whole picture.
    static func canvas(_ state: DashboardState, _ picture: GraphPicture) -> CellBuffer {
        var canvas = CellBuffer(width: picture.width, height: picture.height)
        drawEdges(state, picture, into: &canvas)
        for index in state.run.stages.indices { drawNode(state, index, picture, into: &canvas) }
        return canvas
    }

    // MARK: - Edges

    /// Styles of edges, the most important last.
    private enum EdgeState: UInt8 {
        case waiting = 1
        case satisfied, failed
    }

    private static func drawEdges(_ state: DashboardState, _ picture: GraphPicture, into canvas: inout CellBuffer) {
        var grid = LineGrid(width: picture.width, height: picture.height)
        let selected = state.selectedIndex
        for (index, edge) in state.graph.edges.enumerated() {
            let source = state.run.stages[edge.from].unit.status
            let edgeState: EdgeState =
                source.outcome?.isSuccess == true
                ? .satisfied
                : [.failed, .blocked, .cancelled].contains(source) ? .failed : .waiting
            let isHeavy = edge.to == selected || edge.from == selected
            let weight: LineGrid.Weight = isHeavy && state.focus == .graph ? .heavy : .light
            for stroke in picture.strokes[index] {
                grid.add(stroke, weight: weight, priority: edgeState.rawValue)
            }
        }
        for (row, column, crossing) in grid.crossings {
            canvas.set(
                LineGrid.glyph(crossing), row: row, column: column, style: style(EdgeState(rawValue: crossing.priority))
            )
        }
        for (index, head) in picture.heads.enumerated() {
            let source = state.run.stages[state.graph.edges[index].from].unit.status
            let edgeState: EdgeState =
                source.outcome?.isSuccess == true ? .satisfied : source == .failed ? .failed : .waiting
            canvas.set("▸", row: head.row, column: head.column, style: style(edgeState))
        }
    }

    private static func style(_ edgeState: EdgeState?) -> Style {
        switch edgeState {
        case .satisfied: .plain
        case .failed: Style(.bad)
        case .waiting, nil: .dim
        }
    }

    // MARK: - Nodes

    private static func drawNode(
        _ state: DashboardState, _ index: Int, _ picture: GraphPicture, into canvas: inout CellBuffer
    ) {
        let frame = picture.frames[index]
        let stage = state.run.stages[index]
        let status = stage.status
        let isSelected = state.selection.stage == stage.id
        let name = Span(state.name(of: stage)).text
        let statusStyle = state.style(status, of: UnitID(stage.id))
        let inner: (row: Int, column: Int, width: Int)
        switch picture.density {
        case .short: inner = (frame.row, frame.column, frame.width)
        case .detailed:
            inner = (frame.row, frame.column, frame.width)
            canvas.write(
                detail(state, stage, width: frame.width - 2), row: frame.row + 1, column: frame.column + 2,
                limit: frame.width - 2)
        case .card:
            inner = (frame.row + 1, frame.column + 2, frame.width - 4)
            drawCard(
                frame, style: isSelected ? statusStyle.with(.bold) : status == .pending ? .dim : statusStyle,
                isHeavy: isSelected, into: &canvas)
            canvas.write(
                detail(state, stage, width: inner.width), row: frame.row + 2, column: inner.column, limit: inner.width)
        }
        canvas.write(state.glyph(status), row: inner.row, column: inner.column, style: statusStyle)
        let nameStyle: Style = status == .failed ? statusStyle : status == .pending || status == .skipped ? .dim : .bold
        canvas.write(
            name.cutInMiddle(inner.width - 2), row: inner.row, column: inner.column + 2, limit: inner.width - 2,
            style: nameStyle)
        if isSelected { canvas.select(row: inner.row, columns: inner.column..<(inner.column + inner.width)) }
    }

    private static func drawCard(
        _ frame: GraphPicture.Frame, style: Style, isHeavy: Bool, into canvas: inout CellBuffer
    ) {
        let glyphs: [Unicode.Scalar] = isHeavy ? ["┏", "━", "┓", "┃", "┗", "┛"] : ["╭", "─", "╮", "│", "╰", "╯"]
        let (top, bottom) = (frame.row, frame.row + frame.height - 1)
        let (left, right) = (frame.column, frame.column + frame.width - 1)
        canvas.fill(glyphs[1], row: top, columns: left..<right, style: style)
        canvas.fill(glyphs[1], row: bottom, columns: left..<right, style: style)
        for row in top...bottom {
            canvas.set(glyphs[3], row: row, column: left, style: style)
            canvas.set(glyphs[3], row: row, column: right, style: style)
        }
        canvas.set(glyphs[0], row: top, column: left, style: style)
        canvas.set(glyphs[2], row: top, column: right, style: style)
        canvas.set(glyphs[4], row: bottom, column: left, style: style)
        canvas.set(glyphs[5], row: bottom, column: right, style: style)
    }

    /// The line below a name: a bar while the stage runs, duration and rows afterwards.
    private static func detail(_ state: DashboardState, _ stage: StageState, width: Int) -> [Span] {
        let id = UnitID(stage.id)
        switch stage.status {
        case .succeeded, .reused:
            let time = state.timeText(id)
            let count = stage.rows?.written
            let forms = [count?.shortCounted("row"), count?.short].map {
                [time, $0].compactMap { $0 }.joined(separator: "  ")
            }
            // If both do not fit, the number alone is more useful than a cut text.
            return [Span(forms.first { TextWidth.of($0) <= width } ?? time, .dim)]
        case .failed:
            // The exit status of the DuckDB process is of no use to the reader; the message has the reason.
            let reason = stage.unit.lastResult?.failure?.message ?? "failed"
            let tries = state.triesText(id)
            return [Span([state.timeText(id), reason, tries].joined(separator: "  "), .bad)]
        case .pending:
            let usual = state.run.plan.index(of: stage.id).flatMap { state.run.plan.stages[$0].expected }
            return [Span(usual.map { "usually \($0.short)" } ?? "", .dim)]
        case .running, .queued, .retrying, .blocked, .skipped, .cancelled: return state.information(id, width: width)
        }
    }

    /// The numbers of nodes outside of the view, by side.
    private static func drawOutside(
        _ state: DashboardState, _ picture: GraphPicture, _ room: (rows: Int, columns: Int),
        _ scroll: (row: Int, column: Int),
        _ frame: DashboardLayout.Frame, into buffer: inout CellBuffer
    ) {
        var left = 0
        var right = 0
        for node in picture.frames {
            if node.column + node.width <= scroll.column { left += 1 }
            if node.column >= scroll.column + room.columns { right += 1 }
        }
        let row = frame.rows.upperBound - 1
        if left > 0 {
            buffer.write(" ◂ \(left) ", row: row, column: frame.columns.lowerBound, style: Style(.plain, .reverse))
        }
        if right > 0 {
            let text = " \(right) ▸ "
            buffer.write(text, row: row, column: frame.columns.upperBound - text.count, style: Style(.plain, .reverse))
        }
    }
}
