/// What a person does at the keyboard or with the mouse.
enum Key: Hashable, Sendable {
    case character(Character)
    /// A letter with ctrl held.
    case control(Character)
    case up, down, left, right
    case enter, escape, tab, backTab, backspace, delete
    case home, end, pageUp, pageDown
    case click(row: Int, column: Int)
    case wheelUp(row: Int, column: Int)
    case wheelDown(row: Int, column: Int)
    /// Text that came all at once, not key by key: line ends and tabs are blanks, and none stand at its ends.
    case paste(String)
    /// The terminal has another size now.
    case resize
}

extension Key: ExpressibleByExtendedGraphemeClusterLiteral {
    init(extendedGraphemeClusterLiteral value: Character) { self = .character(value) }
}

// MARK: - Names

extension Key {
    /// Keys whose names are told together.
    private enum Family { case character, arrow, end, page, control, other }

    private var family: Family {
        switch self {
        case .character(" "): .other
        case .character: .character
        case .up, .down, .left, .right: .arrow
        case .home, .end: .end
        case .pageUp, .pageDown: .page
        case .control: .control
        case .enter, .escape, .tab, .backTab, .backspace, .delete, .click, .wheelUp, .wheelDown, .paste, .resize: .other
        }
    }

    /// What the key is called; of a page key and of a letter with ctrl, what tells it from others of its family.
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
        case .paste: "paste"
        case .resize: "resize"
        }
    }

    /// What keys are called where a screen or the manual tells of them, such as `j k, up down`.
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
