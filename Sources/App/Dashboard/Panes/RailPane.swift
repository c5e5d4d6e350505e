import CaudalModel
import Engine

/// The graph as a list: lanes at the left show the dependencies between rows; the facts of each stage follow.
enum RailPane: StageList {
    static let title = "graph as a rail"

    static func listed(_ state: DashboardState) -> [UnitID] { rows(state).map(\.id) }

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        let rows = visibleRows(state, height: view.frame.rows.count - 1)
        if rows.indices.contains(row) { state.select(rows[row].id) }
    }

    /// One line of the list.
    struct Row {
        let id: UnitID
        /// The stage's row of the rail; nil for an item, which is listed below its stage.
        let rail: RailLayout.Row?
    }

    /// The maximum number of lanes; more would be hard to read and take the room of the names.
    private static let laneLimit = 8

    static func rows(_ state: DashboardState) -> [Row] {
        state.graph.rail.rows.flatMap { row -> [Row] in
            let stage = state.run.stages[row.node]
            let head = Row(id: UnitID(stage.id), rail: row)
            guard state.unfolded.contains(stage.id), stage.hasItems else { return [head] }
            return [head] + stage.items.map { Row(id: UnitID(stage.id, $0.item.key), rail: nil) }
        }
    }

    /// The visible lines, including the selected one.
    static func visibleRows(_ state: DashboardState, height: Int) -> [Row] {
        Array(rows(state)[visible(state, height: height)])
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, frame) = (view.state, view.frame)
        let all = rows(state)
        let shown = visibleRows(state, height: frame.rows.count - 1)
        let folded = state.run.stages.reduce(0) {
            $0 + ($1.hasItems && !state.unfolded.contains($1.id) ? $1.items.count : 0)
        }
        var facts = [Span(state.run.stages.count.counted("stage"))]
        if folded > 0 { facts.append(Span("  +\(folded) folded", .dim)) }
        if shown.count < all.count { facts.append(Span("  \(shown.count) of \(all.count) lines", .dim)) }
        buffer.rule(frame, title: "GRAPH  rail", facts: facts, isFocused: view.isFocused)

        let lanes = min(laneLimit, state.graph.rail.laneCount)
        let laneWidth = lanes > 3 ? lanes : lanes * 2
        for (line, row) in shown.enumerated() {
            drawRow(
                state, row, at: frame.rows.lowerBound + 1 + line, frame, lanes: lanes, laneWidth: laneWidth,
                into: &buffer)
        }
    }

    private static func drawRow(
        _ state: DashboardState, _ row: Row, at line: Int, _ frame: DashboardLayout.Frame, lanes: Int, laneWidth: Int,
        into buffer: inout CellBuffer
    ) {
        guard let stage = state.run.stage(row.id.stage), let unit = state.run.unit(row.id) else { return }
        let status = row.id.item == nil ? stage.status : unit.status
        let style = state.style(status, of: row.id)
        let start = frame.columns.lowerBound + 1
        let step = lanes > 3 ? 1 : 2
        if let rail = row.rail {
            for (index, crossing) in rail.cells.enumerated() where crossing.sides != [0, 0, 0, 0] {
                // Narrow lanes have no cells between them.
                if step == 1, index % 2 == 1 { continue }
                let column = start + (step == 1 ? index / 2 : index)
                if index / 2 < lanes { buffer.set(LineGrid.glyph(crossing), row: line, column: column, style: .dim) }
            }
            let lane = min(rail.lane, lanes - 1)
            buffer.write(state.glyph(status), row: line, column: start + lane * step, style: style)
        } else {
            buffer.write(state.glyph(status), row: line, column: start + laneWidth, style: style)
        }
        let name = row.id.item.map { "  \($0)" } ?? state.name(of: stage)
        let columns = Columns(width: frame.columns.count - laneWidth - 2)
        var place = start + laneWidth + 1
        buffer.write(
            Span(name).text.cutInMiddle(columns.name).fitted(columns.name), row: line, column: place,
            style: status == .failed ? style : .plain)
        place += columns.name + 1
        if columns.word > 0 {
            buffer.write(state.word(status, of: row.id).fitted(columns.word), row: line, column: place, style: style)
        }
        place += columns.word + (columns.word > 0 ? 1 : 0)
        buffer.write(
            state.information(row.id, width: columns.information), row: line, column: place, limit: columns.information)
        place += columns.information + 1
        buffer.write(state.timeText(row.id).rightAligned(columns.time), row: line, column: place, style: .plain)
        place += columns.time
        if columns.tries > 0 {
            buffer.write(state.triesText(row.id).rightAligned(columns.tries), row: line, column: place, style: .dim)
        }
        if row.id == state.selection {
            buffer.select(row: line, columns: frame.columns.lowerBound..<frame.columns.upperBound)
        }
    }

    /// The widths of a line's columns; if there is little room, the least important are dropped first.
    struct Columns {
        let name: Int
        let word: Int
        let information: Int
        let time: Int
        let tries: Int

        init(width: Int) {
            time = 7
            tries = width >= 50 ? 6 : 0
            word = width >= 44 ? 9 : 0
            let rest = max(12, width - time - tries - word - 4)
            name = max(8, min(28, rest * 2 / 5))
            information = max(0, rest - name)
        }
    }
}
