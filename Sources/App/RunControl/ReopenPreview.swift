import CaudalModel
import Engine

/// What reopening a run would do; its pipeline file may have changed since the run began.
struct ReopenPreview {
    let state: RunState
    /// The pipeline file, as the user named it.
    let file: String
    /// How the pipeline file changes the run's plan; nil if it does not.
    let change: PlanChange?
    /// Whether the file is missing, so that the run continues with its recorded copy.
    var fileIsGone = false
    /// The usual durations of stages now; the run may have started without any history.
    var usual: [StageID: Duration] = [:]

    /// The plan that the run would continue with.
    var plan: RunPlan { change?.plan ?? state.plan }

    // MARK: - Changed stages

    /// The stages that succeeded with another definition than the one that the run would continue with.
    ///
    /// The file may have changed before an earlier retry, which left them as they were.
    var outdated: [StageID] { plan.stages.map(\.id).filter { state.isOutdated($0, by: plan) } }

    /// A command that reruns outdated stages, everything downstream of them, and what failed; nil if none is outdated.
    var commandForOutdated: RunCommand? {
        var again = Set(outdated.compactMap { plan.index(of: $0) })
        if again.isEmpty { return nil }
        for index in again { again.formUnion(plan.allDownstream(of: index)) }
        for (index, stage) in plan.stages.enumerated() {
            if hasFailed(stage.id) { again.insert(index) }
        }
        let stages = again.sorted().map { plan.stages[$0].id }
        return .retryStages(stages.filter { state.stage($0)?.unit.isSkippedByHand != true })
    }

    private func hasFailed(_ id: StageID) -> Bool {
        let status = state.stage(id)?.unit.status
        return status == .failed || status == .cancelled
    }

    /// Adapts a command to the plan that the run would continue with; nil lets it continue with what is left.
    func command(for command: RunCommand?) -> RunCommand? {
        // The file no longer has the stages that failed; stages that are new in it run without a command.
        let isDone = change != nil && !plan.stages.contains { hasFailed($0.id) }
        return command == .retryFailed && isDone ? nil : command
    }

    // MARK: - Texts

    /// The effects of a command, which ``command(for:)`` has adapted.
    func preview(of command: RunCommand?, files: @escaping CommandPreview.FileFinder, now: Moment) -> CommandPreview {
        CommandPreview(reopening: state, change: change, command: command, usual: usual, files: files, now: now)
    }

    /// Describes the changes of the file, then the effects of a command.
    ///
    /// `remedy`: how the user can rerun changed stages that had succeeded.
    /// `isShort`: whether of many stages only some are named.
    func lines(_ preview: CommandPreview, remedy: String, isShort: Bool = false) -> [LabelledLine] {
        var lines: [LabelledLine] = []
        if fileIsGone { lines.append(LabelledLine(text: fileNote)) }
        if state.isPaused { lines.append(LabelledLine(text: "the run was paused; continuing it ends the pause")) }
        if let change {
            lines.append(
                LabelledLine(
                    text:
                        "\(change.isOfVariablesAlone ? "a variable that \(file) names" : file) has changed since the run began:"
                ))
            lines += PlanChangeText.lines(change.differences)
        }
        if outdated.contains(where: preview.stays.contains) {
            lines.append(LabelledLine(text: outdatedLine(remedy: remedy)))
        }
        return lines + PreviewText.lines(preview, isShort: isShort)
    }

    /// What the user confirms after reading ``lines(_:remedy:)``.
    func agreement(_ preview: CommandPreview) -> ReopenAgreement {
        ReopenAgreement(differences: change?.differences ?? [], harmful: preview.harmful)
    }

    /// The note that the pipeline file is missing.
    var fileNote: String { "\(file) is missing; the run continues with the pipeline recorded with it" }

    /// The note about changed stages that do not rerun.
    func outdatedLine(remedy: String) -> String {
        let names = outdated.map(\.rawValue).joined(separator: ", ")
        return "changed in the file but not rerun, because it had succeeded: \(names) (\(remedy))"
    }
}

/// What the user has confirmed about reopening a run.
struct ReopenAgreement: Equatable {
    let differences: [PlanDifference]
    let harmful: [StageID]

    /// Whether the confirmation still holds: the file may have changed again since.
    func covers(_ change: PlanChange?, harmful now: [StageID]) -> Bool {
        differences == change?.differences ?? [] && Set(harmful).isSuperset(of: now)
    }
}
