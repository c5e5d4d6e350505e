import CaudalModel
import Engine

/// The glyph and the word of a status; every glyph is one cell wide in all terminals.
enum StatusMark {
    /// The frames of the spinner.
    static let spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    /// The glyph of a run whose process died, and of what that was running.
    static let interrupted = "!"

    static func glyph(_ status: UnitStatus, frame: Int, ascii: Bool) -> String {
        if ascii {
            // None of them is a sign of which lines are drawn: + - | > <
            switch status {
            case .pending: return "."
            case .queued: return "o"
            case .running: return "@"
            case .succeeded: return "v"
            case .failed: return "x"
            case .retrying: return "r"
            case .blocked: return "b"
            case .skipped: return "s"
            case .cancelled: return "c"
            case .reused: return "="
            }
        }
        switch status {
        case .pending: return "·"
        case .queued: return "○"
        case .running: return spinner[frame % spinner.count]
        case .succeeded: return "✓"
        case .failed: return "✗"
        case .retrying: return "↻"
        case .blocked: return "⊖"
        case .skipped: return "⊘"
        case .cancelled: return "⊗"
        case .reused: return "="
        }
    }

    static func word(_ status: UnitStatus) -> String {
        status == .failed ? "FAILED" : status.rawValue
    }

    /// The word of a status in a run; see ``RunState/word(of:)``.
    static func word(_ status: UnitStatus, in run: RunState) -> String {
        run.isInterrupted(status) ? run.word(of: status) : word(status)
    }
}
