import CaudalModel
import Engine

/// Draws a part of the graph's picture.
///
/// Only what is visible is drawn: the lines of a picture of thousands of stages take longer than a frame.
struct GraphCanvas {
    private let drawing: GraphDrawing
    private let state: DashboardState
    private let rows: Range<Int>
    private let columns: Range<Int>
    private let highlighted: Set<Int>?
    private(set) var buffer: CellBuffer

    private var picture: GraphPicture { drawing.picture }

    init(_ drawing: GraphDrawing, _ state: DashboardState, rows: Range<Int>, columns: Range<Int>) {
        (self.drawing, self.state, self.rows, self.columns) = (drawing, state, rows, columns)
        highlighted = state.standingOut
        buffer = CellBuffer(width: columns.count, height: rows.count)
        drawEdges()
        for index in drawing.scene.items.indices where isSeen(index) { drawNode(index) }
    }

    /// Whether a part of an item is within the view.
    private func isSeen(_ item: Int) -> Bool {
        let frame = picture.frames[item]
        return frame.rows.overlaps(rows) && frame.columns.overlaps(columns)
    }

    /// Whether an item has a highlighted stage, or nothing is highlighted.
    private func stands(_ item: Int) -> Bool {
        guard let highlighted else { return true }
        return drawing.scene.items[item].stages.contains { highlighted.contains($0) }
    }

    // MARK: - Edges

    /// Styles of edges, the most important last.
    private enum EdgeState: UInt8 {
        case waiting = 1
        case satisfied, failed, highlighted

        var style: Style {
            switch self {
            case .satisfied: .plain
            case .failed: Style(.bad)
            case .highlighted: .accent
            case .waiting: .dim
            }
        }
    }

    private func edgeState(_ edge: (from: Int, to: Int)) -> EdgeState {
        if highlighted != nil { return stands(edge.from) && stands(edge.to) ? .highlighted : .waiting }
        // What may fail holds nothing up.
        let statuses = drawing.scene.items[edge.from].stages.map { state.run.stages[$0] }
            .map { state.run.isAllowedFailure($0.id) ? .succeeded : $0.unit.status }
        if statuses.contains(where: { [.failed, .blocked, .cancelled].contains($0) }) {
            return .failed
        }
        return statuses.allSatisfy { $0.outcome?.isSuccess == true } ? .satisfied : .waiting
    }

    private mutating func drawEdges() {
        var grid = LineGrid(rows: rows, columns: columns)
        let selected = state.selectedIndex.flatMap { drawing.scene.itemOf[$0] }
        var heads: [(row: Int, column: Int, style: Style)] = []
        func draw(_ index: Int) {
            let edge = drawing.scene.edges[index]
            let head = picture.heads[index]
            let edgeState = edgeState(edge)
            let isSelected = edge.to == selected || edge.from == selected
            let isHeavy =
                edgeState == .highlighted || (isSelected && state.focus == .graph && highlighted == nil)
            for stroke in picture.strokes[index] {
                grid.add(stroke, weight: isHeavy ? .heavy : .light, priority: edgeState.rawValue)
            }
            heads.append((head.row, head.column, edgeState.style))
        }
        var unseen: [Int] = []
        for (index, edge) in drawing.scene.edges.enumerated() where isNear(index) {
            if isSeen(edge.from) || isSeen(edge.to) { draw(index) } else { unseen.append(index) }
        }
        // A line of which no end is seen tells nothing by itself; where one of the others leaves it, it tells that they part.
        var mayJoin = true
        while mayJoin {
            mayJoin = false
            unseen.removeAll { index in
                guard picture.strokes[index].contains(where: { grid.holdsPart(of: $0) }) else { return false }
                draw(index)
                mayJoin = true
                return true
            }
        }
        for (row, column, crossing) in grid.crossings {
            put(
                LineGrid.glyph(crossing), row, column, EdgeState(rawValue: crossing.priority)?.style ?? .dim
            )
        }
        for head in heads { put("▸", head.row, head.column, head.style) }
    }

    /// Whether a part of an edge is within the view.
    private func isNear(_ edge: Int) -> Bool {
        let head = picture.heads[edge]
        if rows.contains(head.row), columns.contains(head.column) { return true }
        return picture.strokes[edge].contains { stroke in
            switch stroke {
            case .horizontal(let row, let from, let to):
                rows.contains(row) && max(from, to) >= columns.lowerBound && min(from, to) < columns.upperBound
            case .vertical(let column, let from, let to):
                columns.contains(column) && max(from, to) >= rows.lowerBound && min(from, to) < rows.upperBound
            }
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar, _ row: Int, _ column: Int, _ style: Style) {
        buffer.set(
            scalar, row: row - rows.lowerBound, column: column - columns.lowerBound, style: style)
    }

    // MARK: - Nodes

    private mutating func drawNode(_ index: Int) {
        var frame = picture.frames[index]
        frame.row -= rows.lowerBound
        frame.column -= columns.lowerBound
        let item = drawing.scene.items[index]
        let status = state.worstStatus(of: item.stages)
        let isSelected = state.selectedIndex.map { drawing.scene.itemOf[$0] == index } ?? false
        let stands = stands(index)
        var statusStyle = state.style(status)
        if case .stage(let stage) = item {
            statusStyle = state.style(status, of: UnitID(state.run.stages[stage].id))
        }
        if !stands { statusStyle = .dim }
        let inner: (row: Int, column: Int, width: Int)
        switch picture.density {
        case .short: inner = (frame.row, frame.column, frame.width)
        case .detailed:
            inner = (frame.row, frame.column, frame.width)
            write(
                detail(item, width: frame.width - 2), frame.row + 1, frame.column + 2, frame.width - 2,
                stands)
        case .card:
            inner = (frame.row + 1, frame.column + 2, frame.width - 4)
            drawCard(
                frame,
                style: isSelected ? statusStyle.with(.bold) : status == .pending ? .dim : statusStyle,
                isHeavy: isSelected)
            write(detail(item, width: inner.width), frame.row + 2, inner.column, inner.width, stands)
        }
        buffer.write(state.glyph(status), row: inner.row, column: inner.column, style: statusStyle)
        let isFaint = !stands || status == .pending || status == .skipped
        let nameStyle: Style = status == .failed ? statusStyle : isFaint ? .dim : .bold
        if item.stages.contains(where: { state.picked.contains(state.run.stages[$0].id) }) {
            buffer.write("◆", row: inner.row, column: inner.column + 1, style: .accent)
        }
        // At the edges of the view a name is cut with a sign, as everywhere.
        let room = min(inner.width - 2, buffer.width - inner.column - 2)
        let name = name(index, item, room: room)
        let end = buffer.write(name, row: inner.row, column: inner.column + 2, limit: room, style: nameStyle)
        if inner.column < 0, end > 0 { buffer.set("…", row: inner.row, column: 0, style: nameStyle) }
        if isSelected {
            // Outside of a card, lines begin behind the name.
            let last = picture.density == .card ? inner.column + inner.width : end
            buffer.select(row: inner.row, columns: max(0, inner.column)..<max(0, last))
        }
    }

    /// The name of a node: at the right edge, where only its beginning would be seen, what tells it from the others; none where
    /// there is no room for that.
    private func name(_ index: Int, _ item: GraphScene.Item, room: Int) -> String {
        let extra = extra(item)
        let whole = drawing.labels[index] + extra
        guard TextWidth.of(whole) > room, case .stage(let stage) = item else { return whole }
        let left = room - TextWidth.of(extra)
        // Labels of another width are made for all stages at once.
        guard left >= 8, state.run.stages.count <= 1000 else { return "" }
        return (state.graph.label(of: state.run.stages[stage].id, width: left) ?? "") + extra
    }

    private mutating func write(
        _ spans: [Span], _ row: Int, _ column: Int, _ limit: Int, _ stands: Bool
    ) {
        let spans = stands ? spans : spans.map { Span($0.text, .dim) }
        buffer.write(spans, row: row, column: column, limit: limit)
    }

    /// What follows the name: the number of items of a fan-out, or of stages.
    private func extra(_ item: GraphScene.Item) -> String {
        guard case .stage(let index) = item else { return GraphModel.rest(item, isTerse: drawing.isTerse) }
        let stage = state.run.stages[index]
        return stage.hasItems ? " ×\(stage.items.count)" : ""
    }

    private mutating func drawCard(_ frame: GraphPicture.Frame, style: Style, isHeavy: Bool) {
        let glyphs: [Unicode.Scalar] =
            isHeavy ? ["┏", "━", "┓", "┃", "┗", "┛"] : ["╭", "─", "╮", "│", "╰", "╯"]
        let (top, bottom) = (frame.row, frame.row + frame.height - 1)
        let (left, right) = (frame.column, frame.column + frame.width - 1)
        buffer.fill(glyphs[1], row: top, columns: left..<right, style: style)
        buffer.fill(glyphs[1], row: bottom, columns: left..<right, style: style)
        for row in top...bottom {
            buffer.set(glyphs[3], row: row, column: left, style: style)
            buffer.set(glyphs[3], row: row, column: right, style: style)
        }
        buffer.set(glyphs[0], row: top, column: left, style: style)
        buffer.set(glyphs[2], row: top, column: right, style: style)
        buffer.set(glyphs[4], row: bottom, column: left, style: style)
        buffer.set(glyphs[5], row: bottom, column: right, style: style)
    }

    /// The line below a name: a bar while a stage runs, duration and rows afterwards, the states of several stages.
    private func detail(_ item: GraphScene.Item, width: Int) -> [Span] {
        guard case .stage(let index) = item else { return counts(item.stages, width: width) }
        let stage = state.run.stages[index]
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
            let reason = stage.unit.lastResult?.failure?.message ?? stage.unit.reason ?? "failed"
            let tries = state.triesText(id)
            var forms = [[state.timeText(id), reason, tries].joined(separator: "  "), reason]
            if let count = stage.itemCounts[.failed], count > 0 {
                // Where there is no room for their names, how many there are.
                let part = "\(count) of \(stage.items.count)"
                forms += ["\(part) items failed", "\(part) failed", "\(part) \(state.glyph(.failed))"]
            }
            // Where not all of it fits, the reason has the room.
            let style: Style = state.isAllowedFailure(id) ? .wait : .bad
            return [Span(forms.first { TextWidth.of($0) <= width } ?? reason, style)]
        case .pending:
            let usual = state.run.plan.stages[index].expected
            return [Span(usual.map { "usually \($0.short)" } ?? "", .dim)]
        case .running, .queued, .retrying, .blocked, .skipped, .cancelled:
            return state.information(id, width: width)
        }
    }

    /// How many stages are in which state, the worst first; what does not fit is summed up, since a cut number is another
    /// one.
    private func counts(_ stages: [Int], width: Int) -> [Span] {
        var counts: [UnitStatus: Int] = [:]
        for stage in stages { counts[state.run.stages[stage].status, default: 0] += 1 }
        let order = counts.sorted { DashboardState.urgency($0.key) < DashboardState.urgency($1.key) }
        func spans(_ shown: Int) -> [Span] {
            let rest = order.dropFirst(shown).reduce(0) { $0 + $1.value }
            let told = order.prefix(shown).map { Span("\(state.glyph($0.key))\($0.value)", state.style($0.key)) }
            let all = told + (rest > 0 ? [Span("+\(rest)", .dim)] : [])
            return Array(all.map { [$0] }.joined(separator: [Span(" ")]))
        }
        return order.indices.reversed().map { spans($0 + 1) }.first { $0.widthOfText <= width } ?? []
    }
}
