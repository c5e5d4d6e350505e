import CaudalModel
import Engine

/// The stages as a table; those that need attention come first.
enum StagePane: StageList {
    static let title = "stages"

    static var bindings: [Binding] {
        scrolling { _ in 10 } + edges + [
            folding, filtering, picking,
            Binding(
                "sort", ["s"], .view, "sort stages by state, file order or time", hint: .always("sort", rank: 6),
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
        let ids = listed(state)
        return Array(ids[visible(ids, state, height: height)])
    }

    /// The columns of the rows.
    static func table(_ frame: DashboardLayout.Frame, _ state: DashboardState) -> StageTable {
        StageTable(state, width: frame.columns.count - 4)
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, frame) = (view.state, view.frame)
        let shown = visibleRows(state, height: frame.rows.count - 2)
        let total = state.listed.count
        var facts = [Span("sort \(state.order.rawValue)", .dim)]
        if !state.filter.isEmpty {
            facts.insert(Span("filter \(state.filter.text)   ", .accent), at: 0)
        }
        if shown.count < total || !state.filter.isEmpty {
            facts.append(Span("   \(shown.count) of \(total)", .dim))
        }
        if let words = state.pickWords { facts.append(words) }
        buffer.rule(frame, title: "STAGES", facts: facts, isFocused: view.isFocused)
        let table = table(frame, state)
        table.drawHead(
            row: frame.rows.lowerBound + 1, column: frame.columns.lowerBound + 3, into: &buffer)
        for (line, id) in shown.enumerated() {
            guard let stage = state.run.stage(id.stage), let unit = state.run.unit(id) else { continue }
            let status = id.item == nil ? stage.status : unit.status
            let row = frame.rows.lowerBound + 2 + line
            buffer.write(
                state.glyph(status), row: row, column: frame.columns.lowerBound + 1,
                style: state.isDimmed(id.stage) ? .dim : state.style(status, of: id))
            let end = table.draw(id, state, row: row, column: frame.columns.lowerBound + 3, into: &buffer)
            let last = table.timeline > 0 ? end : frame.columns.upperBound
            if id == state.selection { buffer.select(row: row, columns: frame.columns.lowerBound..<last) }
        }
    }
}
