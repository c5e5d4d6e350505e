import Engine

/// What taking a run up again comes to that no process runs: its pipeline may have been changed since it began.
struct ReopenPreview {
    let state: RunState
    /// The pipeline file, as the user named it.
    let file: String
    /// What the file changes in the run's plan; nil when it says what it said.
    let change: PlanChange?
    /// Whether the file is gone, so that the run goes on with the version that it has.
    var fileIsGone = false
    /// How long stages usually take by now: at its start the run may have had no history.
    var usual: [StageID: Duration] = [:]

    /// The plan that the run would go on with.
    var plan: RunPlan { change?.plan ?? state.plan }

    // MARK: - Stages that were changed

    /// The stages whose success was made by another definition than the one that the run would go on with.
    var outdated: [StageID] {
        guard let change else { return [] }
        return change.differences.compactMap(\.stage).filter { stage in
            guard state.stage(stage)?.unit.status.outcome?.isSuccess == true, let old = state.plan.index(of: stage),
                let new = change.plan.index(of: stage)
            else { return false }
            return state.plan.stages[old].workLines != change.plan.stages[new].workLines
        }
    }

    /// A command that runs outdated stages again, with what follows them and what failed; nil when there are none.
    var commandForOutdated: RunCommand? {
        var again = Set(outdated.compactMap { plan.index(of: $0) })
        if again.isEmpty { return nil }
        for index in again { again.formUnion(plan.allDownstream(of: index)) }
        for (index, stage) in plan.stages.enumerated() {
            if hasFailed(stage.id) { again.insert(index) }
        }
        let stages = again.sorted().map { plan.stages[$0].id }
        return .retryStages(stages.filter { state.stage($0)?.unit.isMarked != true })
    }

    private func hasFailed(_ id: StageID) -> Bool {
        let status = state.stage(id)?.unit.status
        return status == .failed || status == .cancelled
    }

    /// What is asked of the run with its plan as it would be; nil only lets it go on.
    func command(for command: RunCommand?) -> RunCommand? {
        // The stages that failed are gone from the file: what is new in it runs by itself.
        let isDone = change != nil && !plan.stages.contains { hasFailed($0.id) }
        return command == .retryFailed && isDone ? nil : command
    }

    // MARK: - What there is to say

    /// What a command would bring about; `command` is that of ``command(for:)``.
    func preview(of command: RunCommand?, files: @escaping CommandPreview.FileFinder, now: Moment) -> CommandPreview {
        CommandPreview(reopening: state, change: change, command: command, usual: usual, files: files, now: now)
    }

    /// What was changed, then what a command would bring about.
    ///
    /// - Parameter remedy: How changed stages that had succeeded are run again.
    func lines(_ preview: CommandPreview, remedy: String) -> [LabelledLine] {
        var lines: [LabelledLine] = []
        if fileIsGone { lines.append(LabelledLine(text: fileNote)) }
        if state.isPaused { lines.append(LabelledLine(text: "the run was paused; taking it up ends the pause")) }
        if let change {
            lines.append(LabelledLine(text: "\(file) has changed since the run began:"))
            lines += PlanChangeText.lines(change.differences)
            if outdated.contains(where: preview.stays.contains) {
                lines.append(LabelledLine(text: outdatedLine(remedy: remedy)))
            }
        }
        return lines + PreviewText.lines(preview)
    }

    /// What somebody agrees to who was told ``lines(_:remedy:)``.
    func agreement(_ preview: CommandPreview) -> ReopenAgreement {
        ReopenAgreement(differences: change?.differences ?? [], harmful: preview.harmful)
    }

    /// That the file is gone.
    var fileNote: String { "there is no file \(file) here; the run goes on with the version that it has" }

    /// Which changed stages stay as they are.
    func outdatedLine(remedy: String) -> String {
        let names = outdated.map(\.rawValue).joined(separator: ", ")
        return "changed in the file and not run again, because it had succeeded: \(names) (\(remedy))"
    }
}

/// What somebody was told of taking a run up again, and agreed to.
struct ReopenAgreement: Equatable {
    let differences: [PlanDifference]
    let harmful: [StageID]

    /// Whether it holds for what would be done now: the file may have been changed once more.
    func covers(_ change: PlanChange?, harmful now: [StageID]) -> Bool {
        differences == change?.differences ?? [] && Set(harmful).isSuperset(of: now)
    }
}
