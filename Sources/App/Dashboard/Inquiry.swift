import Engine

/// Something to be asked that needs files and the store first: what each of its answers would bring about.
struct Inquiry: Equatable {
    struct Way: Equatable {
        var label: String
        /// What is asked of the run; nil only lets one go on whose process died.
        var command: RunCommand?
    }

    var title: String
    /// The answer that does nothing, which comes first.
    var no = "Cancel"
    /// The other answers; those that bring about nothing else than the first are left out.
    var ways: [Way]

    /// What is asked before a stage or an item runs again.
    static func retry(_ selection: UnitID, of stage: StageState?) -> Inquiry {
        if let key = selection.item {
            return Inquiry(
                title: "Retry \(selection)?",
                ways: [Way(label: "Retry", command: .retryItems(selection.stage, [key]))])
        }
        let attempt = (stage?.unit.attempts.last?.number ?? 0) + 1
        return Inquiry(
            title: "Retry \(selection.stage)?  attempt \(attempt)",
            ways: [
                Way(label: "Retry", command: .retry(selection.stage, downstream: false)),
                Way(label: "With all downstream", command: .retry(selection.stage, downstream: true)),
            ])
    }
}

/// Finds out what answers would bring about: the part of asking that reads files.
struct InquiryReader {
    /// What comes of it.
    enum Finding {
        case question(Confirmation)
        /// There is nothing to be asked, for a reason.
        case refusal(String, Style)
    }

    let run: RunState
    /// Whether any process runs it.
    let isLive: Bool
    let now: Moment
    /// Finds what stages have written.
    let files: CommandPreview.FileFinder
    /// Finds out what taking the run up again comes to.
    let reopening: (RunState) throws -> ReopenPreview

    func look(_ inquiry: Inquiry) -> Finding {
        if inquiry.ways.contains(where: { $0.command == nil }) { return resumption(inquiry) }
        do {
            let runsAgain = inquiry.ways.contains { $0.command?.runsAgain == true }
            return question(inquiry, !isLive && runsAgain ? try reopening(run) : nil)
        } catch {
            let lines = [
                LabelledLine(text: Output.oneLine(error)),
                LabelledLine(text: "with the version that the run has: caudal retry \(run.id) --as-started"),
            ]
            return .question(
                Confirmation(title: "The pipeline file cannot be used", choices: [.init(label: "Close", lines: lines)]))
        }
    }

    private func question(_ inquiry: Inquiry, _ reopening: ReopenPreview?) -> Finding {
        var commands = inquiry.ways.compactMap { way in way.command.map { (way.label, $0) } }
        if let command = reopening?.commandForOutdated { commands.append(("With changed stages", command)) }
        var choices: [Confirmation.Choice] = []
        var first: CommandPreview?
        for (label, command) in commands {
            let preview = preview(of: command, reopening)
            if first == nil, let refusal = preview.refusal { return .refusal(refusal, .wait) }
            if preview.refusal != nil || first?.runs == preview.runs { continue }
            choices.append(choice(label, command, preview, reopening))
            first = first ?? preview
        }
        choices.insert(.init(label: inquiry.no, lines: choices.first?.lines ?? []), at: 0)
        return .question(Confirmation(title: inquiry.title, choices: choices))
    }

    /// What is asked before a run goes on whose process died.
    private func resumption(_ inquiry: Inquiry) -> Finding {
        do {
            let reopening = try self.reopening(run)
            let preview = reopening.preview(of: nil, files: files, now: now)
            if let refusal = preview.refusal { return .refusal(refusal, .wait) }
            let lines =
                [LabelledLine(text: "What its dead process left running is ended first.")]
                + reopening.lines(preview, remedy: "'caudal retry --changed' runs it again")
            let goesOn = Confirmation.Choice(
                label: inquiry.ways[0].label, effect: .takeUp(nil, reopening.agreement(preview)), lines: lines,
                requires: preview.harmful)
            return .question(
                Confirmation(title: inquiry.title, choices: [.init(label: inquiry.no, lines: lines), goesOn]))
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
        _ label: String, _ command: RunCommand, _ preview: CommandPreview, _ reopening: ReopenPreview?
    ) -> Confirmation.Choice {
        guard let reopening, command.runsAgain else {
            let lines = PreviewText.lines(preview)
            return .init(label: label, effect: .send(command), lines: lines, requires: preview.harmful)
        }
        return .init(
            label: label, effect: .takeUp(command, reopening.agreement(preview)),
            lines: reopening.lines(preview, remedy: "'With changed stages' runs it again"), requires: preview.harmful)
    }
}

extension RunCommand {
    /// Whether it makes something run again, so that a run that no process runs is taken up for it.
    var runsAgain: Bool {
        switch self {
        case .retry, .retryItems, .retryFailed, .retryStages, .mark: true
        case .cancel, .cancelRun, .pause, .unpause: false
        }
    }
}
