/// How the meanings of cells look: colours on the terminal's own background, and emphasis.
enum Theme: String, CaseIterable, Sendable {
    /// The sixteen colours that the user's terminal defines.
    case terminal
    /// For a dark and for a light background.
    case dark, light
    /// No colours: bold, underlined and reversed text in the terminal's own colours, and nothing that is dimmed.
    case contrast
    /// Blue for what is well and orange for what is not, which nearly everybody tells apart.
    case colorblind

    /// The colour of each meaning; a terminal of fewer colours has its sixteen, or eight.
    func colors(of count: Int) -> [ColorRole: Int16] {
        let grey: Int16 = count >= 16 ? 8 : -1
        let own: [ColorRole: Int16] = [
            .good: 2, .bad: 1, .wait: 3, .busy: 6, .blocked: 5, .accent: 4, .dim: grey,
            .hue1: 4, .hue2: 3, .hue3: 2, .hue4: 5, .hue5: 6, .hue6: count >= 16 ? 12 : -1,
        ]
        guard count >= 256 else {
            switch self {
            case .terminal, .dark, .light: return own
            case .contrast: return [:]
            case .colorblind: return own.merging([.good: 4, .bad: 3, .wait: 5, .blocked: 7, .accent: 6]) { $1 }
            }
        }
        let hues: [ColorRole: Int16] = [.hue1: 75, .hue2: 179, .hue3: 114, .hue4: 176, .hue5: 80, .hue6: 187]
        switch self {
        // Which of the others can be read on the terminal's background is not known.
        case .terminal: return own
        case .dark:
            return hues.merging(
                [.good: 114, .bad: 203, .wait: 221, .busy: 80, .blocked: 176, .accent: 75, .dim: 245]) { $1 }
        case .light:
            return [
                .good: 28, .bad: 160, .wait: 94, .busy: 24, .blocked: 90, .accent: 25, .dim: 242,
                .hue1: 25, .hue2: 94, .hue3: 22, .hue4: 90, .hue5: 23, .hue6: 130,
            ]
        case .contrast: return [:]
        case .colorblind:
            return [
                .good: 33, .bad: 208, .wait: 178, .busy: 37, .blocked: 139, .accent: 33, .dim: grey,
                .hue1: 33, .hue2: 178, .hue3: 37, .hue4: 139, .hue5: 67, .hue6: 172,
            ]
        }
    }

    /// The emphasis of a style.
    func attributes(of style: Style) -> Style.Attributes {
        guard self == .contrast else { return style.attributes }
        let attributes = style.attributes.subtracting(.dim)
        switch style.role {
        case .bad: return attributes.union([.bold, .reverse])
        case .wait, .blocked: return attributes.union([.bold, .underline])
        case .busy: return attributes.union(.bold)
        case .plain, .good, .dim, .accent, .hue1, .hue2, .hue3, .hue4, .hue5, .hue6: return attributes
        }
    }
}
