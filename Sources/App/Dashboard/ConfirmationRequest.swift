import CaudalModel
import Engine

/// A question to the user whose answers must be previewed first, from files and the run store.
struct ConfirmationRequest: Equatable {
    struct Answer: Equatable {
        var label: String
        /// The command to the run; nil resumes an interrupted run.
        var command: RunCommand?
    }

    var title: String
    /// The label of the first answer, which does nothing.
    var dismissal = "Cancel"
    /// The other answers; one that would do the same as the first of them is left out.
    var answers: [Answer]
    /// The corrected rows that every answer takes into the run.
    var rows: CorrectedRows?
    /// What has happened before, which is told with the question or with why there is none.
    var note: String?

    /// The question before a stage or an item is stopped.
    static func cancel(_ selection: UnitID) -> ConfirmationRequest {
        let yes = Answer(label: "Yes", command: .cancel(selection))
        return ConfirmationRequest(title: "Cancel \(selection)?", dismissal: "No", answers: [yes])
    }

    /// The question before a validate stage takes corrected rows in.
    static func replay(_ rows: CorrectedRows) -> ConfirmationRequest {
        let replay = Answer(label: "Replay", command: .retry(rows.stage, downstream: true))
        return ConfirmationRequest(
            title: "Take \(Int64(rows.count).counted("corrected row")) into \(rows.stage)?", answers: [replay],
            rows: rows)
    }

    /// The question before the run goes on with a file that has the stage no more at which it was edited.
    static func goOn(without gone: GoneStage) -> ConfirmationRequest {
        ConfirmationRequest(
            title: "Go on with the changed file?", answers: [Answer(label: "Go on", command: .retryFailed)],
            note: gone.words)
    }

    /// The question before several stages rerun together.
    static func retry(_ stages: [StageID]) -> ConfirmationRequest {
        let retry = Answer(label: "Retry", command: .retryStages(stages))
        return ConfirmationRequest(title: "Retry the \(stages.count.counted("picked stage"))?", answers: [retry])
    }

    /// The question before a stage or an item is marked.
    static func mark(_ selection: UnitID, reason: String) -> ConfirmationRequest {
        ConfirmationRequest(
            title: "Mark \(selection) as skipped or succeeded?",
            answers: [
                Answer(label: "Skipped", command: .mark(selection, .skipped, reason: reason)),
                Answer(label: "Succeeded", command: .mark(selection, .succeeded, reason: reason)),
            ])
    }

    /// The question before a stage or an item reruns.
    static func retry(_ selection: UnitID, of stage: StageState?) -> ConfirmationRequest {
        if let key = selection.item {
            return ConfirmationRequest(
                title: "Retry \(selection)?",
                answers: [
                    Answer(label: "Retry", command: .retryItems(selection.stage, [key])),
                    Answer(
                        label: "With all downstream", command: .retryItems(selection.stage, [key], downstream: true)),
                ])
        }
        // The items of a fan-out have attempts of their own.
        let attempt =
            stage?.hasItems == true ? "" : "  attempt \((stage?.unit.attempts.last?.number ?? 0) + 1)"
        return ConfirmationRequest(
            title: "Retry \(selection.stage)?\(attempt)",
            answers: [
                Answer(label: "Retry", command: .retry(selection.stage, downstream: false)),
                Answer(label: "With all downstream", command: .retry(selection.stage, downstream: true)),
            ])
    }
}

/// Previews what the answers to a question would do; this is the part that reads files.
struct ConfirmationBuilder {
    /// The result of a preview.
    enum Outcome {
        case question(Confirmation)
        /// There is nothing to ask, for this reason.
        case refusal(String, Style)
    }

    let run: RunState
    /// Whether a process runs the run.
    let isLive: Bool
    /// Whether the run has ended in this process, which can reopen it.
    var isOpenHere = false
    let now: Moment
    /// Finds existing outputs of stages.
    let files: CommandPreview.FileFinder
    /// Writes the commands that the user may type next.
    var hint = CommandHint()
    /// Previews the reopening of the run.
    let previewReopening: (RunState) throws -> ReopenPreview

    func build(_ request: ConfirmationRequest) -> Outcome {
        if request.answers.contains(where: { $0.command == nil }) { return resumption(request) }
        do {
            let runsAgain = request.answers.contains { $0.command?.runsAgain == true }
            let reopening = runsAgain && (!isLive || isOpenHere) ? try previewReopening(run) : nil
            // Where the file is as it was, the session that is open goes on.
            return question(request, isLive && reopening?.change == nil ? nil : reopening)
        } catch {
            let lines =
                request.noteLines + [
                    LabelledLine(text: Output.oneLine(error)),
                    LabelledLine(
                        text: "to use the pipeline recorded with the run: \(hint("retry \(run.id) --as-started"))"),
                ]
            return .question(
                Confirmation(title: "The pipeline file cannot be used", choices: [.init(label: "Close", lines: lines)]))
        }
    }

    private func question(_ request: ConfirmationRequest, _ reopening: ReopenPreview?) -> Outcome {
        var commands = request.answers.compactMap { answer in answer.command.map { (answer.label, $0) } }
        if let command = reopening?.commandForOutdated { commands.append(("With changed stages", command)) }
        var choices: [Confirmation.Choice] = []
        var first: CommandPreview?
        for (label, command) in commands {
            let preview = preview(of: command, reopening)
            if first == nil, let refusal = preview.refusal {
                return .refusal((request.note.map { $0 + "; " } ?? "") + refusal, .wait)
            }
            let isSame = first.map { $0.runs == preview.runs && $0.marked?.outcome == preview.marked?.outcome } ?? false
            if preview.refusal != nil || isSame { continue }
            choices.append(choice(label, command, preview, reopening, request))
            first = first ?? preview
        }
        choices.insert(.init(label: request.dismissal, lines: choices.first?.lines ?? []), at: 0)
        return .question(Confirmation(title: request.title, choices: choices))
    }

    /// The question before an interrupted run is resumed.
    private func resumption(_ request: ConfirmationRequest) -> Outcome {
        do {
            let reopening = try previewReopening(run)
            let preview = reopening.preview(of: nil, files: files, now: now)
            if let refusal = preview.refusal { return .refusal(refusal, .wait) }
            let lines =
                [LabelledLine(text: "Processes that its dead caudal process left running are ended first.")]
                + reopening.lines(preview, remedy: "'caudal retry --changed' reruns it", isShort: true)
            let goesOn = Confirmation.Choice(
                label: request.answers[0].label, effect: .reopen(nil, reopening.agreement(preview)), lines: lines,
                requires: preview.harmful)
            return .question(
                Confirmation(title: request.title, choices: [.init(label: request.dismissal, lines: lines), goesOn]))
        } catch {
            return .refusal(Output.oneLine(error), .bad)
        }
    }

    private func preview(of command: RunCommand, _ reopening: ReopenPreview?) -> CommandPreview {
        guard let reopening, command.runsAgain else {
            return CommandPreview(of: command, on: run, files: files, now: now)
        }
        return reopening.preview(of: reopening.command(for: command), files: files, now: now)
    }

    private func choice(
        _ label: String, _ command: RunCommand, _ preview: CommandPreview, _ reopening: ReopenPreview?,
        _ request: ConfirmationRequest
    ) -> Confirmation.Choice {
        let effect: DashboardEffect
        var lines: [LabelledLine]
        if let reopening, command.runsAgain {
            effect = .reopen(command, reopening.agreement(preview))
            lines = reopening.lines(preview, remedy: "'With changed stages' reruns it", isShort: true)
        } else {
            (effect, lines) = (.send(command), PreviewText.lines(preview, isShort: true))
        }
        lines = request.noteLines + lines
        guard let rows = request.rows else {
            return .init(label: label, effect: effect, lines: lines, requires: preview.harmful)
        }
        lines.insert(
            LabelledLine(text: "each corrected row takes the place of the quarantined row with its file and number"),
            at: 0)
        return .init(label: label, effect: .replay(rows, effect), lines: lines, requires: preview.harmful)
    }
}

extension ConfirmationRequest {
    fileprivate var noteLines: [LabelledLine] { note.map { [LabelledLine(text: $0, style: .wait)] } ?? [] }
}

extension RunCommand {
    /// Whether the command makes stages run, so that a run that is not live must be reopened for it.
    var runsAgain: Bool {
        switch self {
        case .retry, .retryItems, .retryFailed, .retryStages, .mark: true
        case .cancel, .cancelRun, .pause, .unpause, .setLimit: false
        }
    }
}
