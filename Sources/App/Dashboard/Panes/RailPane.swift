import CaudalModel
import Engine

/// The graph as a list: lanes at the left show the dependencies between rows; the facts of each stage follow.
enum RailPane: StageList {
    static let title = "graph as a rail"

    /// One line of the list.
    struct Row {
        let id: UnitID
        /// The stage's row of the rail.
        let rail: RailLayout.Row
        /// Whether the row's number in the rail is odd.
        let isOdd: Bool
        /// The connector of the row that it shows; nil for the stage or an item of it.
        var connector: Int?
    }

    /// The lanes for a pane, and the cells that they take.
    struct Lanes {
        let count: Int
        /// Whether some stages have lines that are not shown.
        let isCut: Bool

        init(_ rail: RailLayout, columns: Int) {
            // What follows the lanes comes first: all of it fits into 100 columns.
            let most = columns < 110 ? 4 : min(RailLayout.shownLanes, 8 + max(0, columns - 120) / 5)
            count = min(most, rail.laneCount)
            isCut = rail.laneCount > count
        }

        /// Two cells for each lane; a mark for what is not shown, and a place for the glyph of its stage.
        var width: Int { count * 2 + (isCut ? 3 : 0) }
    }

    static func listed(_ state: DashboardState) -> [UnitID] { rows(state).listed }

    /// The number of lines that the list has.
    static func lineCount(_ state: DashboardState) -> Int {
        guard state.filter.isEmpty else { return rows(state).all.count }
        return state.unfolded.reduce(state.graph.rail.lineCount) {
            $0 + (state.run.stage($1)?.items.count ?? 0)
        }
    }

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        let head = headRows(view.frame.columns.count)
        let rows = visibleRows(state, height: view.frame.rows.count - 1 - head)
        if rows.indices.contains(row - head) { state.select(rows[row - head].id) }
    }

    /// The lines of the list, computed once for each change of the run.
    struct Rows {
        let all: [Row]
        /// The stage or item of each line; a connector is no place for the selection.
        let ids: [UnitID]
        let listed: [UnitID]

        init(_ all: [Row]) {
            self.all = all
            ids = all.map { $0.connector == nil ? $0.id : UnitID("") }
            listed = all.filter { $0.connector == nil }.map(\.id)
        }
    }

    static func rows(_ state: DashboardState) -> Rows {
        state.rememberedRail.value(for: state.railKey) { Rows(makeRows(state)) }
    }

    private static func makeRows(_ state: DashboardState) -> [Row] {
        state.graph.rail.rows.enumerated().flatMap { number, row -> [Row] in
            let isOdd = number % 2 == 1
            let stage = state.run.stages[row.node]
            if !state.filter.isEmpty, !state.filter.matches(row.node, state) { return [] }
            let id = UnitID(stage.id)
            // Between rows that the filter has put side by side there are no lines.
            let connectors =
                state.filter.isEmpty
                ? row.connectors.indices.map { Row(id: id, rail: row, isOdd: isOdd, connector: $0) } : []
            let head = connectors + [Row(id: id, rail: row, isOdd: isOdd)]
            guard state.unfolded.contains(stage.id), stage.hasItems else { return head }
            return head + state.itemsWorstFirst(stage).map { Row(id: $0, rail: row, isOdd: isOdd) }
        }
    }

    /// The visible lines, including the selected one.
    static func visibleRows(_ state: DashboardState, height: Int) -> [Row] {
        let rows = rows(state)
        return Array(rows.all[visible(rows.ids, state, height: height)])
    }

    /// Wide panes name the columns.
    static func headRows(_ columns: Int) -> Int { columns >= 110 ? 1 : 0 }

    /// The columns of the rows.
    static func table(_ frame: DashboardLayout.Frame, _ state: DashboardState) -> StageTable {
        let lanes = Lanes(state.graph.rail, columns: frame.columns.count)
        return StageTable(state, width: frame.columns.count - lanes.width - 3)
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, frame) = (view.state, view.frame)
        let head = headRows(frame.columns.count)
        let shown = visibleRows(state, height: frame.rows.count - 1 - head)
        let total = lineCount(state)
        let folded = state.run.stages.reduce(0) {
            $0 + ($1.hasItems && !state.unfolded.contains($1.id) ? $1.items.count : 0)
        }
        let lanes = Lanes(state.graph.rail, columns: frame.columns.count)
        var facts = [Span(state.run.stages.count.counted("stage"))]
        if folded > 0 { facts.append(Span("  +\(folded) folded", .dim)) }
        if shown.count < total { facts.append(Span("  \(shown.count) of \(total) lines", .dim)) }
        if lanes.isCut { facts.append(Span("  ~ more lanes", .dim)) }
        if !state.filter.isEmpty { facts.append(Span("  filter \(state.filter.text)", .accent)) }
        if let highlight = state.highlightWords { facts.append(Span("  \(highlight)", .accent)) }
        if let words = state.pickWords { facts.append(words) }
        let title = view.layout.awaited == nil ? "GRAPH  rail" : "GRAPH  laying out the picture …"
        buffer.rule(frame, title: title, facts: facts, isFocused: view.isFocused)

        let start = frame.columns.lowerBound + 1
        let table = table(frame, state)
        if head > 0 {
            table.drawHead(row: frame.rows.lowerBound + 1, column: start + lanes.width + 1, into: &buffer)
        }
        for (index, row) in shown.enumerated() {
            let line = frame.rows.lowerBound + 1 + head + index
            drawLanes(row, lanes, state, row: line, column: start, into: &buffer)
            guard row.connector == nil else { continue }
            let end = table.draw(row.id, state, row: line, column: start + lanes.width + 1, into: &buffer)
            let last = table.timeline > 0 ? end : frame.columns.upperBound
            if row.id == state.selection {
                buffer.select(row: line, columns: frame.columns.lowerBound..<last)
            }
        }
    }

    /// Draws the lanes of a row, and the glyph of its stage or item in them.
    static func drawLanes(
        _ row: Row, _ lanes: Lanes, _ state: DashboardState, row line: Int, column start: Int,
        into buffer: inout CellBuffer
    ) {
        guard let stage = state.run.stage(row.id.stage), let unit = state.run.unit(row.id) else {
            return
        }
        let status = row.id.item == nil ? stage.status : unit.status
        let style = state.isDimmed(row.id.stage) ? .dim : state.style(status, of: row.id)
        // Between rows that the filter has put side by side there are no lines.
        guard state.filter.isEmpty else {
            buffer.write(
                state.glyph(status), row: line, column: start + max(0, lanes.width - 2), style: style)
            return
        }
        let rail = row.rail
        guard row.id.item == nil else {
            for lane in rail.open where lane < lanes.count {
                buffer.set("│", row: line, column: start + lane * 2, style: .dim)
            }
            buffer.write(state.glyph(status), row: line, column: start + lanes.width, style: style)
            return
        }
        let limit = lanes.count * 2
        let cells = row.connector.map { rail.connectors[$0] } ?? rail.cells
        for (index, crossing) in cells.enumerated() where index < limit && crossing.sides != .zero {
            buffer.set(LineGrid.glyph(crossing), row: line, column: start + index, style: .dim)
        }
        let isInLane = rail.lane < lanes.count
        // Marks of lanes that are not shown never stand directly below each other, as those do that are connected.
        let isFirst = row.connector == nil && !isInLane && row.isOdd
        if lanes.isCut,
            rail.isHidden || rail.lane >= lanes.count || cells.dropFirst(limit).contains(where: { $0.sides != .zero })
        {
            buffer.set("~", row: line, column: start + limit + (isFirst ? 1 : 0), style: .dim)
        }
        guard row.connector == nil else { return }
        let column = isInLane ? rail.lane * 2 : isFirst ? limit : limit + 1
        buffer.write(state.glyph(status), row: line, column: start + column, style: style)
    }
}
