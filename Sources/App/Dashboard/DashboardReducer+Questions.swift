import Engine

// Questions before something is done, and lines of text that are typed.
extension DashboardReducer {
    func askToRetry(_ state: inout DashboardState) {
        guard allowed(&state) else { return }
        let selection = state.selection
        if let key = selection.item {
            return ask(.retryItems(selection.stage, [key]), "Retry \(selection)?", &state)
        }
        let alone = CommandPreview(
            of: .retry(selection.stage, downstream: false), on: state.run, files: files, now: state.now)
        if let refusal = alone.refusal { return state.say(refusal, .wait) }
        let whole = CommandPreview(
            of: .retry(selection.stage, downstream: true), on: state.run, files: files, now: state.now)
        var choices = [
            Confirmation.Choice(label: "Cancel", effect: nil),
            .init(label: "Retry", effect: .send(.retry(selection.stage, downstream: false)), requires: alone.harmful),
        ]
        if whole.refusal == nil, whole.runs != alone.runs {
            choices.append(
                .init(
                    label: "With all downstream", effect: .send(.retry(selection.stage, downstream: true)),
                    requires: whole.harmful))
        }
        let attempt = (state.selectedStage?.unit.attempts.last?.number ?? 0) + 1
        state.overlay = .confirm(
            Confirmation(
                title: "Retry \(selection.stage)?  attempt \(attempt)",
                lines: { choice in
                    guard case .send(.retry(_, let downstream))? = choice.effect else {
                        return PreviewText.lines(alone)
                    }
                    return PreviewText.lines(downstream ? whole : alone)
                },
                choices: choices))
    }

    func ask(_ command: RunCommand, _ title: String, _ state: inout DashboardState) {
        guard allowed(&state) else { return }
        let preview = CommandPreview(of: command, on: state.run, files: files, now: state.now)
        if let refusal = preview.refusal { return state.say(refusal, .wait) }
        state.overlay = .confirm(
            Confirmation(
                title: title, lines: { _ in PreviewText.lines(preview) },
                choices: [
                    .init(label: "No", effect: nil),
                    .init(label: "Yes", effect: .send(command), requires: preview.harmful),
                ]))
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
        // A page is what the smallest box shows.
        case .pageDown: confirmation.scroll += 3
        case .pageUp: confirmation.scroll = max(0, confirmation.scroll - 3)
        case .backspace: if !confirmation.typed.isEmpty { confirmation.typed.removeLast() }
        case .character(let character) where confirmation.wanted != nil: confirmation.typed.append(character)
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
        default: state.overlay = nil
        }
        return []
    }
}
