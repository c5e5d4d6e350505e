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
        HeaderPane.draw(state, into: &buffer)
        for frame in layout.panes {
            layout.kind(of: frame.pane).draw(
                PaneView(state: state, lines: lines, layout: layout, frame: frame), into: &buffer)
        }
        FooterPane.draw(state, into: &buffer)
        OverlayPane.draw(state, into: &buffer)
        return buffer
    }

    /// One line about the state of the run, for a screen that has no room for more.
    private static func drawTiny(_ state: DashboardState, into buffer: inout CellBuffer) {
        let run = state.run
        let (fraction, _) = run.progress(now: state.now)
        let failed = run.stages.first { $0.unit.status == .failed && !run.isAllowedFailure($0.id) }
        let status = run.status == .running ? "\(Int(fraction * 100))%" : run.status.rawValue
        let text = "\(run.plan.pipeline) \(status)" + (failed.map { " ✗ \($0.id)" } ?? "")
        buffer.write(
            PlainText.sanitized(text), row: 0, column: 0, limit: state.columns, style: failed == nil ? .plain : .bad)
    }
}
