/// Input from the keyboard or the mouse.
enum Key: Hashable, Sendable {
    case character(Character)
    /// A letter with ctrl held down.
    case control(Character)
    case up, down, left, right
    case enter, escape, tab, backTab, backspace, delete
    case home, end, pageUp, pageDown
    case click(row: Int, column: Int)
    case wheelUp(row: Int, column: Int)
    case wheelDown(row: Int, column: Int)
    /// Pasted text: line ends and tabs are replaced by blanks, and its ends are trimmed.
    case paste(String)
    /// Text that arrived at once with an enter behind it: typed by a program, or pasted where the terminal does not say so.
    case line(String)
    /// The size of the terminal has changed.
    case resize
}

extension Key: ExpressibleByExtendedGraphemeClusterLiteral {
    init(extendedGraphemeClusterLiteral value: Character) { self = .character(value) }
}

// MARK: - Names

extension Key {
    /// Groups of keys that share a name.
    private enum Family { case character, arrow, end, page, control, other }

    private var family: Family {
        switch self {
        case .character(" "): .other
        case .character: .character
        case .up, .down, .left, .right: .arrow
        case .home, .end: .end
        case .pageUp, .pageDown: .page
        case .control: .control
        case .enter, .escape, .tab, .backTab, .backspace, .delete, .click, .wheelUp, .wheelDown, .paste, .line, .resize:
            .other
        }
    }

    /// The name of the key; for a page key or a letter with ctrl, the part that differs within its group.
    private var name: String {
        switch self {
        case .character(" "): "space"
        case .character(let character), .control(let character): String(character)
        case .up, .pageUp: "up"
        case .down, .pageDown: "down"
        case .left: "left"
        case .right: "right"
        case .home: "home"
        case .end: "end"
        case .enter: "enter"
        case .escape: "esc"
        case .tab: "tab"
        case .backTab: "shift-tab"
        case .backspace: "backspace"
        case .delete: "delete"
        case .click: "click"
        case .wheelUp, .wheelDown: "wheel"
        case .paste, .line: "paste"
        case .resize: "resize"
        }
    }

    /// The names of keys as screens and the manual print them, such as `j k, up down`.
    static func names(_ keys: [Key]) -> String {
        var families: [(family: Family, names: [String])] = []
        for key in keys {
            if let place = families.firstIndex(where: { $0.family == key.family }) {
                families[place].names.append(key.name)
            } else {
                families.append((key.family, [key.name]))
            }
        }
        return families.map { family, names in
            switch family {
            case .character, .end: names.joined(separator: " ")
            case .arrow where names.count == 4: "arrows"
            case .arrow: ["left", "right", "up", "down"].filter(names.contains).joined(separator: " ")
            case .page: "page " + ["up", "down"].filter(names.contains).joined(separator: "/")
            case .control: "ctrl-" + names.joined(separator: "/")
            case .other: names.joined(separator: ", ")
            }
        }.joined(separator: ", ")
    }
}
