import Engine

// Questions before something is done, and lines of text that are typed.
extension DashboardReducer {
    func askToRetry(_ state: inout DashboardState) {
        let selection = state.selection
        if let key = selection.item {
            return ask("Retry \(selection)?", [("Retry", .retryItems(selection.stage, [key]))], &state)
        }
        let attempt = (state.selectedStage?.unit.attempts.last?.number ?? 0) + 1
        ask(
            "Retry \(selection.stage)?  attempt \(attempt)",
            [
                ("Retry", .retry(selection.stage, downstream: false)),
                ("With all downstream", .retry(selection.stage, downstream: true)),
            ], &state)
    }

    /// Asks before a command is sent: what comes first does nothing.
    ///
    /// `ways`: the commands that can be chosen; those that bring about nothing else than the first are left out.
    func ask(
        _ title: String, no: String = "Cancel", _ ways: [(label: String, RunCommand)], _ state: inout DashboardState
    ) {
        var reopening: Reopening?
        do {
            if !state.isLive, ways.contains(where: \.1.runsAgain) { reopening = try self.reopening(state.run) }
        } catch {
            return tell(error, &state)
        }
        var ways = ways
        if let command = reopening?.commandForOutdated { ways.append(("With changed stages", command)) }
        var choices: [Confirmation.Choice] = []
        var first: CommandPreview?
        for (label, command) in ways {
            let preview = preview(of: command, reopening, state)
            if first == nil, let refusal = preview.refusal { return state.say(refusal, .wait) }
            if preview.refusal != nil || first?.runs == preview.runs { continue }
            choices.append(choice(label, command, preview, reopening))
            first = first ?? preview
        }
        choices.insert(.init(label: no, lines: choices[0].lines), at: 0)
        state.overlay = .confirm(Confirmation(title: title, choices: choices))
    }

    /// Asks before a run goes on whose process died.
    ///
    /// - Throws: what is wrong with its file.
    func askToResume(_ title: String, _ state: inout DashboardState) throws {
        let reopening = try self.reopening(state.run)
        let preview = reopening.preview(of: nil, files: files, now: state.now)
        if let refusal = preview.refusal { return state.say(refusal, .wait) }
        let agreement = Agreement(differences: reopening.change?.differences ?? [], harmful: preview.harmful)
        let lines =
            [ToldLine(text: "What its dead process left running is ended first.")]
            + reopening.lines(preview, remedy: "'caudal retry --changed' runs it again")
        state.overlay = .confirm(
            Confirmation(
                title: title,
                choices: [
                    .init(label: "Cancel", lines: lines),
                    .init(
                        label: "Go on", effect: .takeUp(nil, agreement), lines: lines, requires: preview.harmful),
                ]))
    }

    /// Says why a run cannot be taken up again with its file as it is.
    private func tell(_ error: any Error, _ state: inout DashboardState) {
        let lines = [
            ToldLine(text: Output.oneLine(error)),
            ToldLine(text: "with the version that the run has: caudal retry \(state.run.id) --as-started"),
        ]
        state.overlay = .confirm(
            Confirmation(
                title: "The pipeline file cannot be used", choices: [.init(label: "Close", effect: nil, lines: lines)]))
    }

    private func preview(of command: RunCommand, _ reopening: Reopening?, _ state: DashboardState) -> CommandPreview {
        guard let reopening, command.runsAgain else {
            return CommandPreview(of: command, on: state.run, files: files, now: state.now)
        }
        return reopening.preview(of: reopening.command(for: command), files: files, now: state.now)
    }

    private func choice(
        _ label: String, _ command: RunCommand, _ preview: CommandPreview, _ reopening: Reopening?
    ) -> Confirmation.Choice {
        guard let reopening, command.runsAgain else {
            let lines = PreviewText.lines(preview)
            return .init(label: label, effect: .send(command), lines: lines, requires: preview.harmful)
        }
        let agreement = Agreement(differences: reopening.change?.differences ?? [], harmful: preview.harmful)
        return .init(
            label: label, effect: .takeUp(command, agreement),
            lines: reopening.lines(preview, remedy: "'With changed stages' runs it again"), requires: preview.harmful)
    }

    /// Does what the focused choice is for.
    func accept(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .confirm(let question) = state.overlay else { return [] }
        guard question.isAllowed else {
            state.say("type \(question.wanted ?? "") to confirm", .wait)
            return []
        }
        state.overlay = nil
        return question.chosen.effect.map { [$0] } ?? []
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
