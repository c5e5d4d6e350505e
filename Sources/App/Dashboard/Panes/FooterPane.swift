import CaudalModel
import Engine

/// Two lines at the bottom: the latest message, and the keys that are useful now.
enum FooterPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        let row = state.rows - 2
        var hasKeys = true
        buffer.fill("─", row: row, columns: 0..<state.columns, style: .dim)
        if let caption = state.caption {
            buffer.write(
                " \(caption) ", row: row, column: 1, limit: state.columns - 2, style: Style(.accent, [.bold, .reverse]))
        } else if let toast = state.standingToast {
            let isTyping = if case .prompt = state.overlay { true } else { false }
            hasKeys = MessageRows.draw(
                Span(toast.text, toast.style), above: row + 1, coversKeys: !isTyping && !state.isAsking, into: &buffer)
        } else if let replay = state.replay {
            buffer.write(
                ReplayBar.line(replay, isASCII: state.isASCII), row: row, column: 1, limit: state.columns - 2)
        } else if let text = standing(state) {
            _ = MessageRows.draw(text, above: row + 1, coversKeys: false, into: &buffer)
        }
        if hasKeys { drawKeys(state, row: state.rows - 1, into: &buffer) }
    }

    /// The message about the present state of the run.
    private static func standing(_ state: DashboardState) -> Span? {
        if case .prompt = state.overlay { return nil }
        if let fault = state.fault { return Span(fault, .bad) }
        if state.run.status == .interrupted {
            return Span("its process died — continue it with: \(state.hint("resume \(state.run.id)"))", .bad)
        }
        let (failed, allowed) = (state.digest.failed, state.digest.allowed)
        // Whoever comes to a run that is paused has to know it first: a retry starts nothing either.
        let isPaused = state.run.isPaused && state.run.status == .running
        let goesOn = state.steeringRefusal == nil ? " — \(state.keys.key("pause", "P")) continues" : ""
        if let first = failed.first {
            let others = failed.count > 1 ? " and \(failed.count - 1) more" : ""
            let retried = state.wayOn(after: first).map { " — \($0)" } ?? ""
            let pause = isPaused ? "paused\(goesOn); " : ""
            return Span("\(pause)\(state.glyph(.failed)) \(first)\(others) failed\(retried)", .bad)
        }
        if isPaused { return Span("paused: nothing new starts\(goesOn)", .wait) }
        switch state.run.status {
        case .succeeded:
            let flow = state.digest.flow.map { ": \($0.sentence)" } ?? ""
            let words = "\(state.glyph(.succeeded)) succeeded\(flow)"
            guard let first = allowed.first else { return Span(words, .good) }
            let others = allowed.count > 1 ? " and \(allowed.count - 1) more" : ""
            return Span("\(words) — \(first)\(others) failed (allowed)", .wait)
        case .cancelled: return Span("\(state.glyph(.cancelled)) the run was cancelled", .plain)
        case .running, .failed, .interrupted: return nil
        }
    }

    private static func drawKeys(_ state: DashboardState, row: Int, into buffer: inout CellBuffer) {
        if case .prompt(let prompt) = state.overlay {
            let place = buffer.write(
                " \(state.columns < 60 ? prompt.shortLabel : prompt.label): ", row: row, column: 0, style: .accent)
            let end = buffer.write(prompt.text, row: row, column: place)
            let behind = buffer.write("▏", row: row, column: end, style: .bold)
            buffer.write("  " + note(prompt, state), row: row, column: behind, style: .dim)
            return
        }
        buffer.write(KeyHint.list(DashboardKeys.bindings(state), state), row: row)
    }

    /// What is found of what the user types, or what may be typed.
    private static func note(_ prompt: Prompt, _ state: DashboardState) -> String {
        switch prompt.purpose {
        case .stageSearch where prompt.text.isEmpty: "name, group, state, or words of a failure"
        case .stageSearch:
            state.search?.found.isEmpty == false
                ? "\(state.foundPlace ?? "")  \(state.selection)" : "no stage; enter searches the log"
        case .stageFilter where prompt.text.isEmpty: "word, !word, state:failed, group:x, slow"
        case .stageFilter: state.listed.count.counted("stage")
        case .logSearch where prompt.text.isEmpty: "a regular expression"
        case .logSearch: LogSearch(prompt.text)?.fault.map { "taken as text: it \($0.words)" } ?? ""
        case .reason: prompt.text.isEmpty ? "why it is skipped, or counts as succeeded" : ""
        case .logFilter where prompt.text.isEmpty:
            "word, !word, \"two words\", stage:, item:, attempt:, level:, since:, until:"
        case .logFilter: LogFilter(prompt.text, changing: prompt.before.log.shown, in: state).fault ?? ""
        }
    }
}

extension DashboardState {
    /// What the number of stages depends on that a stage blocks.
    struct BlockedKey: Hashable {
        let sequence: Int64
        let stage: Int
    }

    /// What the key that retries would do now, or the one that goes to what has failed, behind the name of a stage; nil where
    /// neither would do anything.
    func wayOn(after named: StageID) -> String? {
        guard steeringRefusal == nil, let index = selectedIndex, let status = run.unit(selection)?.status,
            status.isFinished, status != .blocked
        else { return selection.stage == named ? nil : "\(keys.key("next-failure", "e")) goes to it" }
        if pickedStages.isEmpty, selection.stage != named { return "\(keys.key("next-failure", "e")) goes to it" }
        if !pickedStages.isEmpty {
            return "\(keys.key("retry", "r")) retries the \(pickedStages.count.counted("picked stage"))"
        }
        // While other items stay failed, what needs all of them stays blocked.
        let others =
            selection.item == nil
            ? 0
            : run.stage(selection.stage)?.items.count {
                $0.unit.status == .failed && $0.item.key != selection.item
            } ?? 0
        let blocked =
            others > 0
            ? 0
            : rememberedBlocked.value(for: BlockedKey(sequence: run.lastSequence, stage: index)) {
                released(by: index)
            }
        let then = blocked > 0 ? ", then the \(blocked == 1 ? "stage" : blocked.counted("stage")) blocked by it" : ""
        let what = selection == UnitID(named) ? "it" : selection.description
        return "\(keys.key("retry", "r")) retries \(what)\(then)"
    }

    /// The number of stages that are blocked by nothing but this one, directly or by each other.
    private func released(by index: Int) -> Int {
        let statuses = digest.statuses
        let downstream = Set(run.plan.allDownstream(of: index))
        var released = Set([index])
        for follower in graph.order where downstream.contains(follower) && statuses[follower] == .blocked {
            let isFree = run.plan.upstream[follower].allSatisfy {
                released.contains($0) || ![.failed, .blocked, .cancelled].contains(statuses[$0])
            }
            if isFree { released.insert(follower) }
        }
        return released.count - 1
    }
}
