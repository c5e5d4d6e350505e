import CaudalModel
import Engine

/// The signals by which the terminal that shows a run tells of what happens in it, as the pipeline's rules want.
///
/// Only what happens while the run is shown is told: it is fed events as they come.
struct TerminalSignals {
    /// Whether the terminal is tmux's, which passes sequences on only if they are wrapped.
    var isTmux: Bool
    /// What the user wants when a stage fails, and when a run ends, whatever the pipeline says.
    var always: Set<TerminalChannel.Form> = []

    /// The bytes to send for some events.
    ///
    /// `run`: the run after them.
    func bytes(for events: [RunEvent], of run: RunState) -> String {
        let rules = run.plan.notifications ?? []
        if rules.isEmpty, always.isEmpty { return "" }
        return events.map { event in
            Self.happenings(event.change, of: run).map { occasion, stage, words in
                // A rule of the pipeline hears of its stages' failures at the end of the run.
                let isMatter = stage == nil ? occasion != .checkWarned && occasion != .retrying : occasion == .failed
                return TerminalChannel.forms(for: occasion, of: stage, by: rules).union(isMatter ? always : [])
                    .sorted { $0.rawValue < $1.rawValue }
                    .map { sequence($0, title: run.plan.pipeline, text: words) }.joined()
            }.joined()
        }.joined()
    }

    /// What a change means for those who look on, and in words.
    private static func happenings(
        _ change: RunChange, of run: RunState
    ) -> [(NotificationRule.Occasion, StageID?, String)] {
        switch change {
        case .runEnded(let outcome):
            switch outcome {
            case .succeeded, .reused, .skipped: return [(.succeeded, nil, "succeeded")]
            case .failed, .blocked: return [(.failed, nil, "failed")]
            case .cancelled: return [(.cancelled, nil, "was cancelled")]
            }
        case .unitEnded(let unit, let outcome, _) where unit.item == nil:
            switch outcome {
            case .failed: return [(.failed, unit.stage, "\(unit.stage) failed")]
            case .cancelled: return [(.cancelled, unit.stage, "\(unit.stage) was cancelled")]
            case .succeeded, .reused:
                let hasWarned = run.stage(unit.stage)?.checks.contains { $0.outcome == .warned && $0.waiver == nil }
                let words = "checks of \(unit.stage) warned"
                let warned =
                    [(NotificationRule.Occasion.checkWarned, unit.stage, words), (.checkWarned, nil, words)]
                    as [(NotificationRule.Occasion, StageID?, String)]
                return [(.succeeded, unit.stage, "\(unit.stage) succeeded")] + (hasWarned == true ? warned : [])
            case .blocked, .skipped: return []
            }
        case .retryScheduled(let unit, _) where unit.item == nil:
            let words = "\(unit.stage) failed and is tried again"
            return [(.retrying, unit.stage, words), (.retrying, nil, words)]
        default: return []
        }
    }

    /// The bytes of one signal; what is from outside of this program is filtered like all text on the screen.
    private func sequence(_ form: TerminalChannel.Form, title: String, text: String) -> String {
        // A semicolon would end the title.
        let (title, text) = (
            PlainText.sanitized(title).replacing(scalar: ";", with: ","), PlainText.sanitized(text).shortened(to: 120)
        )
        switch form {
        case .bell: return "\u{07}"
        case .osc9: return wrapped("\u{1b}]9;\(title) \(text)\u{07}")
        case .osc777: return wrapped("\u{1b}]777;notify;\(title);\(text)\u{07}")
        }
    }

    private func wrapped(_ sequence: String) -> String {
        isTmux ? "\u{1b}Ptmux;\(sequence.replacing("\u{1b}", with: "\u{1b}\u{1b}"))\u{1b}\\" : sequence
    }
}
