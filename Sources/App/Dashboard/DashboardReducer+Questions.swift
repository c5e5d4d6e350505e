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
        guard allowed(&state) else { return }
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

    func inConfirmation(
        _ key: Key, _ confirmation: Confirmation, _ state: inout DashboardState
    ) -> [DashboardEffect] {
        var confirmation = confirmation
        let count = confirmation.choices.count
        switch key {
        case .escape:
            state.overlay = nil
            return []
        case .tab, .right, .down: confirmation.focus = (confirmation.focus + 1) % count
        case .backTab, .left, .up: confirmation.focus = (confirmation.focus + count - 1) % count
        case .pageDown: confirmation.scroll += Self.page(state)
        case .pageUp: confirmation.scroll = max(0, confirmation.scroll - Self.page(state))
        case .backspace: if !confirmation.typed.isEmpty { confirmation.typed.removeLast() }
        case .character(let character) where confirmation.wanted != nil: confirmation.typed.append(character)
        case .paste(let text) where confirmation.wanted != nil: confirmation.typed += text
        case .paste: state.sayPasted()
        case .character("l"): confirmation.focus = (confirmation.focus + 1) % count
        case .character("h"): confirmation.focus = (confirmation.focus + count - 1) % count
        case .enter:
            guard confirmation.isAllowed else {
                state.say("type \(confirmation.wanted ?? "") to confirm", .wait)
                return []
            }
            state.overlay = nil
            return confirmation.chosen.effect.map { [$0] } ?? []
        default: break
        }
        state.overlay = .confirm(confirmation)
        return []
    }

    /// No more lines than a question shows that does not fit.
    private static func page(_ state: DashboardState) -> Int { max(2, state.rows - 12) }

    func inPrompt(_ key: Key, _ prompt: Prompt, _ state: inout DashboardState) -> [DashboardEffect] {
        var prompt = prompt
        switch key {
        case .escape:
            state.overlay = nil
            return []
        case .enter:
            state.overlay = nil
            state.log.search(for: prompt.text, lines)
            if prompt.text.isEmpty { return [] }
            go(to: .log, &state)
            if state.log.hits.isEmpty {
                state.say("'\(prompt.text)' is not in the log", .wait)
            } else {
                findNext(-1, &state)
            }
            return []
        case .backspace: if !prompt.text.isEmpty { prompt.text.removeLast() }
        case .character(let character): prompt.text.append(character)
        case .paste(let text): prompt.text += text
        default: break
        }
        state.overlay = .prompt(prompt)
        return []
    }

    func inHelp(_ key: Key, _ scroll: Int, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .down, .character("j"): state.overlay = .help(scroll: scroll + 1)
        case .up, .character("k"): state.overlay = .help(scroll: max(0, scroll - 1))
        case .pageDown, .character(" "): state.overlay = .help(scroll: scroll + 10)
        case .pageUp: state.overlay = .help(scroll: max(0, scroll - 10))
        case .paste: state.sayPasted()
        default: state.overlay = nil
        }
        return []
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
