import CaudalModel
import Engine

/// What a screen needs of a run besides what is recorded of it: its pipeline file, and the files of its rows.
struct RunFiles: Sendable {
    /// Previews the reopening of the run, if no process runs it.
    let previewReopening: @Sendable (RunState) throws -> ReopenPreview
    /// Writes the rows that a validate stage quarantined to a new file, one line each.
    let exportRows: @Sendable (RunState, StageID, _ file: String) async throws -> Void
    /// Keeps corrected rows of a validate stage with the run, and returns their file.
    let keepRows: @Sendable (RunState, StageID, _ text: String) async throws -> String?
    /// Removes corrected rows that no output was made from.
    let removeRows: @Sendable (RunID, _ file: String) -> Void
}

/// Quarantined rows that a user has corrected.
struct CorrectedRows: Equatable, Sendable {
    let stage: StageID
    /// The rows that the user changed, as CSV with a header.
    let text: String
    /// Their number.
    let count: Int
}

extension RunState {
    /// How many rows the last attempt of a validate stage quarantined that looked at them, also where it failed; nil for
    /// other stages.
    func quarantinedRows(of stage: StageID) -> Int64? {
        guard let index = plan.index(of: stage), plan.stages[index].type == ValidateStage.typeName else { return nil }
        return stages[index].units.reduce(0) { sum, unit in
            sum + (unit.state.attempts.compactMap(\.result?.quarantinedRows).last ?? 0)
        }
    }
}
