import Engine

/// Two lines at the bottom: what just happened, and the keys that matter now.
enum FooterPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        let row = state.rows - 2
        let toast = state.standingToast
        buffer.fill("─", row: row, columns: 0..<state.columns, style: .dim)
        if let toast {
            let text = " \(toast.text) "
            buffer.write(text, row: row, column: 1, limit: state.columns - 2, style: toast.style)
        } else if let text = standing(state) {
            buffer.write(
                " \(text.text) ", row: row, column: 1, limit: state.columns - 2, style: text.style)
        }
        drawKeys(state, row: state.rows - 1, into: &buffer)
    }

    /// What is worth saying as long as it is so.
    private static func standing(_ state: DashboardState) -> Span? {
        if case .prompt = state.overlay { return nil }
        if state.run.status == .interrupted {
            return Span("its process died — go on with: caudal resume \(state.run.id)", .bad)
        }
        let all = state.run.stages.filter { $0.unit.status == .failed }
        let failed = all.filter { !state.run.isAllowedFailure($0.id) }
        if let first = failed.first {
            let others = failed.count > 1 ? " and \(failed.count - 1) more" : ""
            return Span("\(state.glyph(.failed)) \(first.id)\(others) failed — r retries, enter shows why", .bad)
        }
        switch state.run.status {
        case .running where state.run.isPaused: return Span("paused: nothing new starts — p goes on", .wait)
        case .succeeded:
            let flow = RowFlow(state.run).map { ": \($0.sentence)" } ?? ""
            guard let first = all.first else { return Span("\(state.glyph(.succeeded)) done\(flow)", .good) }
            let others = all.count > 1 ? " and \(all.count - 1) more" : ""
            return Span("\(state.glyph(.succeeded)) done\(flow) — \(first.id)\(others) failed (allowed)", .wait)
        case .cancelled: return Span("\(state.glyph(.cancelled)) the run was cancelled", .plain)
        case .running, .failed, .interrupted: return nil
        }
    }

    private static func drawKeys(_ state: DashboardState, row: Int, into buffer: inout CellBuffer) {
        if case .prompt(let prompt) = state.overlay {
            let place = buffer.write(" \(prompt.label): ", row: row, column: 0, style: .accent)
            let end = buffer.write(prompt.text, row: row, column: place)
            buffer.write("▏", row: row, column: end, style: .bold)
            return
        }
        var hints = hints(state)
        func width() -> Int { hints.reduce(1) { $0 + TextWidth.of($1.key) + TextWidth.of($1.what) + 4 } }
        // The least important goes first; help and quit stay.
        while width() > state.columns, let worst = hints.map(\.rank).max(), worst > 0 {
            if let index = hints.lastIndex(where: { $0.rank == worst }) { hints.remove(at: index) }
        }
        var place = 1
        for (index, hint) in hints.enumerated() {
            if index == hints.count - 1 {
                place = max(place, state.columns - TextWidth.of(hint.key) - TextWidth.of(hint.what) - 2)
            }
            place = buffer.write(hint.key, row: row, column: place, style: .accent)
            place = buffer.write(" " + hint.what, row: row, column: place, style: .dim) + 3
        }
    }

    private static func hints(_ state: DashboardState) -> [(key: String, what: String, rank: Int)] {
        if case .confirm = state.overlay { return [("tab", "choose", 1), ("enter", "accept", 0), ("esc", "close", 0)] }
        if case .help = state.overlay { return [("j k", "scroll", 1), ("esc", "close", 0)] }
        var hints: [(String, String, Int)] = []
        let finished = state.selectedStage?.unit.status.isFinished == true
        if state.focus == .inspector { hints.append(("esc", "back", 1)) } else { hints.append(("enter", "inspect", 1)) }
        if !state.isReadOnly {
            if finished {
                hints.append(("r", "retry", 1))
            } else if state.run.status == .running {
                hints.append(("x", "cancel", 2))
            }
            if state.run.stages.count(where: { $0.unit.status == .failed }) > 1 {
                hints.append(("R", "retry all failed", 4))
            }
        }
        hints.append(("L", state.log.only == nil ? "its log" : "all log", 3))
        if state.run.stages.contains(where: { $0.unit.status == .failed }) { hints.append(("e", "next failure", 5)) }
        if state.selectedStage?.hasItems == true { hints.append(("space", "items", 4)) }
        hints += [("/", "search", 5), ("f", "level", 7), ("v", "view", 6), ("z", "zoom", 7)]
        if state.focus == .stages { hints.append(("s", "sort", 6)) }
        hints += [("?", "help", 0), ("q", "quit", 0)]
        return hints
    }
}
