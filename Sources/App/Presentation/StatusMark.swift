import Engine

/// How a status is drawn: a glyph that is one cell wide everywhere, and a word.
enum StatusMark {
    /// The frames of the turning mark of something that runs.
    static let spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

    static func glyph(_ status: UnitStatus, frame: Int, ascii: Bool) -> String {
        if ascii {
            switch status {
            case .pending: return "."
            case .queued: return "o"
            case .running: return ">"
            case .succeeded: return "+"
            case .failed: return "x"
            case .retrying: return "!"
            case .blocked: return "b"
            case .skipped: return "-"
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
        switch status {
        case .succeeded: "ok"
        case .failed: "FAILED"
        case .pending, .queued, .running, .retrying, .blocked, .skipped, .cancelled, .reused: status.rawValue
        }
    }
}
