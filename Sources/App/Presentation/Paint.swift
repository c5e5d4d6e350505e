import CaudalModel
import Engine
import Foundation

/// Colours plain output, if the user wants colours.
struct Paint {
    /// When to use colours.
    enum Choice: String, CaseIterable { case auto, always, never }

    let isOn: Bool

    init(_ choice: Choice, descriptor: Int32 = STDOUT_FILENO) {
        switch choice {
        case .always: isOn = true
        case .never: isOn = false
        case .auto:
            let variables = ProcessInfo.processInfo.environment
            isOn = isatty(descriptor) == 1 && (variables["NO_COLOR"] ?? "").isEmpty && variables["TERM"] != "dumb"
        }
    }

    /// Text with a style, if colours are on.
    func callAsFunction(_ text: StyledText, _ style: Style) -> StyledText { isOn ? text.styled(style) : text }
    func callAsFunction(_ text: String, _ style: Style) -> StyledText { self(StyledText(text), style) }

    func good(_ text: String) -> StyledText { self(text, .good) }
    func bad(_ text: String) -> StyledText { self(text, .bad) }
    func wait(_ text: String) -> StyledText { self(text, .wait) }
    func busy(_ text: String) -> StyledText { self(text, .busy) }
    func dim(_ text: String) -> StyledText { self(text, .dim) }
    func dim(_ text: StyledText) -> StyledText { self(text, .dim) }

    func status(_ status: UnitStatus, _ text: String) -> StyledText { self(text, status.style) }

    func status(_ status: RunState.Status, _ text: String) -> StyledText {
        switch status {
        case .succeeded: good(text)
        case .failed, .interrupted: bad(text)
        case .running: busy(text)
        case .cancelled: dim(text)
        }
    }
}
