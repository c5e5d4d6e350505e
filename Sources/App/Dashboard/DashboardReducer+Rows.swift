import CaudalModel
import Engine

/// Rows that were quarantined, corrected and taken in again.
extension DashboardReducer {
    /// Opens the rows that the selected stage quarantined in the user's editor.
    func correctRows(_ state: inout DashboardState) -> [DashboardEffect] {
        if let reason = state.correctionRefusal {
            state.say(reason, .wait)
            return []
        }
        return [.correct(state.selection.stage)]
    }

    /// Asks whether the stage takes the corrected rows in.
    func corrected(_ rows: CorrectedRows, _ state: inout DashboardState) -> [DashboardEffect] {
        guard rows.count > 0 else {
            state.say("no row was corrected")
            return []
        }
        return [.prepare(.replay(rows))]
    }
}

extension DashboardState {
    /// Whether rows of the selected stage can be corrected.
    var canCorrectRows: Bool { run.quarantinedRows(of: selection.stage) ?? 0 > 0 && correctionRefusal == nil }

    /// Why no rows of the selected stage can be corrected; nil if they can.
    var correctionRefusal: String? {
        guard let index = selectedIndex, let stage = selectedStage else { return "no stage is selected" }
        guard let count = run.quarantinedRows(of: stage.id) else {
            let others = run.plan.allUpstream(of: index).map { run.plan.stages[$0].id }
                .filter { run.quarantinedRows(of: $0) ?? 0 > 0 }
            let remedy =
                others.first.map { "select \($0), which quarantined some" }
                ?? "change what it reads, or its checks (\(keys.key("edit", "O")))"
            return "only rows that a validate stage quarantined are corrected: \(remedy)"
        }
        if stage.hasItems { return "\(stage.id) has 'foreach': correct its input, and retry it" }
        if !stage.unit.status.isFinished { return "\(stage.id) has not ended yet" }
        return count > 0 ? nil : "\(stage.id) quarantined no rows"
    }
}
