import CaudalModel
import Engine

/// Draws the whole dashboard into a buffer; the result depends only on the state and the log.
enum DashboardScreen {
    static func draw(_ state: DashboardState, _ lines: any LogLines) -> CellBuffer {
        var buffer = CellBuffer(width: state.columns, height: state.rows)
        let layout = DashboardLayout(state)
        guard !layout.isTiny else {
            drawTiny(state, into: &buffer)
            return buffer
        }
        var state = state
        state.shortNames = ScreenNames(layout, state)
        HeaderPane.draw(state, into: &buffer)
        for frame in layout.panes {
            layout.kind(of: frame.pane).draw(
                PaneView(state: state, lines: lines, layout: layout, frame: frame), into: &buffer)
        }
        if layout.isTabbed { drawTabs(layout, state, into: &buffer) }
        FooterPane.draw(state, into: &buffer)
        OverlayPane.draw(state, into: &buffer)
        return buffer
    }

    /// The names of all panes in place of the rule of the one that is shown.
    private static func drawTabs(_ layout: DashboardLayout, _ state: DashboardState, into buffer: inout CellBuffer) {
        let row = DashboardLayout.headerRows
        buffer.fill("━", row: row, columns: 0..<buffer.width, style: Style(.accent, .bold))
        var column = 1
        for pane in DashboardState.Pane.allCases {
            let isShown = pane == layout.focus
            // What leaves something out is told before the names of the other panes.
            let filter = pane == .log ? state.log.narrowing : state.filter.isEmpty ? nil : state.filter.text
            if isShown, let filter {
                let tab = Span(" \(pane.rawValue) \("\(pane)".uppercased()) ", Style(.plain, [.bold, .reverse]))
                buffer.fill("━", row: row, columns: 0..<buffer.width, style: Style(.accent, .bold))
                buffer.write([tab, Span(" f \(filter) ", .wait)], row: row, column: 1, limit: buffer.width - 2)
                return
            }
            let name = isShown ? "\(pane)".uppercased() : "\(pane)"
            column = buffer.write(
                " \(pane.rawValue) \(name) ", row: row, column: column, limit: max(0, buffer.width - column),
                style: isShown ? Style(.plain, [.bold, .reverse]) : .plain)
        }
    }

    /// One line about the state of the run, for a screen that has no room for more.
    private static func drawTiny(_ state: DashboardState, into buffer: inout CellBuffer) {
        let run = state.run
        let (fraction, _) = state.digest.progress
        let failed = run.stages.first { $0.unit.status == .failed && !run.isAllowedFailure($0.id) }
        let status =
            run.status != .running
            ? run.status.rawValue : run.isCancelled ? "cancelling" : "\(Int(fraction * 100))%"
        let text = "\(run.plan.pipeline) \(status)" + (failed.map { " ✗ \($0.id)" } ?? "")
        buffer.write(
            PlainText.sanitized(text), row: 0, column: 0, limit: state.columns, style: failed == nil ? .plain : .bad)
        if state.rows > 1 {
            buffer.write("make it larger", row: 1, column: 0, limit: state.columns, style: .dim)
        }
    }
}
