import Engine

/// Boxes over the panes: questions and help.
enum OverlayPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        switch state.overlay {
        case .help(let scroll): drawHelp(state, scroll, into: &buffer)
        case .confirm(let confirmation): drawConfirmation(state, confirmation, into: &buffer)
        case .prompt, nil: break
        }
    }

    private static func drawConfirmation(
        _ state: DashboardState, _ confirmation: Confirmation, into buffer: inout CellBuffer
    ) {
        // All choices' texts get the same room, so that the box does not jump while one chooses.
        let texts = confirmation.choices.map { confirmation.lines($0) }
        let count = texts.map(\.count).max() ?? 0
        let widest = texts.joined().map { TextWidth.of($0) }.max() ?? 0
        let needsName = confirmation.choices.contains { !$0.requires.isEmpty }
        let choicesWidth = confirmation.choices.reduce(0) { $0 + $1.label.count + 5 }
        let place = buffer.box(
            title: confirmation.title, lines: count + 2 + (needsName ? 2 : 0), width: max(widest, choicesWidth, 52))
        var row = place.row
        for line in confirmation.lines(confirmation.chosen) {
            buffer.write(PlainText.sanitized(line), row: row, column: place.column, limit: place.width)
            row += 1
        }
        row = place.row + count + 1
        if needsName {
            if let wanted = confirmation.wanted {
                let what =
                    confirmation.chosen.requires.count > 1
                    ? "them twice does harm; type" : "it twice does harm; type its name:"
                let end = buffer.write(
                    "running \(what) ", row: row, column: place.column, limit: place.width,
                    style: .wait)
                let typedStyle: Style = wanted.hasPrefix(confirmation.typed) ? .bold : .bad
                let stop = buffer.write(
                    confirmation.typed, row: row, column: end, limit: max(0, place.column + place.width - end),
                    style: typedStyle)
                if confirmation.typed != wanted {
                    buffer.write(
                        "▏\(wanted.dropFirst(min(confirmation.typed.count, wanted.count)))", row: row,
                        column: stop,
                        limit: max(0, place.column + place.width - stop), style: .dim)
                }
            }
            row += 2
        }
        var column = place.column + 2
        for (index, choice) in confirmation.choices.enumerated() {
            let isFocused = index == confirmation.focus
            let isAllowed = choice.requires.isEmpty || isFocused && confirmation.isAllowed
            let text = isFocused ? " ❯ \(choice.label) " : "   \(choice.label) "
            let style = isFocused ? Style(isAllowed ? .plain : .dim, [.reverse, .bold]) : Style(.plain)
            column =
                buffer.write(
                    text, row: row, column: column, limit: max(0, place.column + place.width - column), style: style)
                + 1
        }
    }

    private static func drawHelp(_ state: DashboardState, _ scroll: Int, into buffer: inout CellBuffer) {
        let lines = HelpText.lines
        let place = buffer.box(title: "Help", lines: min(lines.count, state.rows - 6), width: 72)
        let start = max(0, min(scroll, lines.count - place.height))
        for (offset, line) in lines.dropFirst(start).prefix(place.height).enumerated() {
            let (key, text) = line
            let row = place.row + offset
            if text.isEmpty {
                buffer.write(key, row: row, column: place.column, limit: place.width, style: Style(.accent, .bold))
            } else {
                buffer.write(key, row: row, column: place.column + 2, limit: 18, style: .bold)
                buffer.write(text, row: row, column: place.column + 20, limit: place.width - 20)
            }
        }
    }
}

/// The keys and what they do; a text without a second part is a heading.
enum HelpText {
    static let lines: [(String, String)] = [
        ("MOVE", ""),
        ("arrows, h j k l", "along edges in the graph, up and down in lists"),
        ("g G, home end", "first and last; G in the log follows it again"),
        ("page up, page down", "a page; ctrl-u and ctrl-d too"),
        ("1 2 3 4, tab", "panes: graph, stages, log, inspector"),
        ("e E", "next and previous failure"),
        ("enter, esc", "inspect the selected stage, and back"),
        ("VIEW", ""),
        ("z", "give the pane the whole screen, and back"),
        ("v", "graph as a picture, as a rail, or what fits"),
        ("space", "open or fold the items of a fan-out"),
        ("s", "order of the stages: by state, by file, by time"),
        ("LOG", ""),
        ("L", "only the selected stage's lines, and all again"),
        ("f", "level: all, warnings, errors"),
        ("/ n N", "search, next, previous"),
        ("left, right", "move long lines"),
        ("ACT", ""),
        ("r", "retry the selected stage or item"),
        ("R", "retry everything that failed"),
        ("x X", "cancel the selected stage, the whole run"),
        ("P", "pause: start nothing new; once more goes on"),
        ("y", "copy the selected line, or what the inspector says"),
        ("APP", ""),
        ("M", "leave the mouse to the terminal, to select text"),
        ("ctrl-l ctrl-z", "draw anew; to the shell and back with fg"),
        ("?", "this help"),
        ("q", "quit; asks first while the run goes on"),
        ("", " "),
        ("", "caudal run --plain prints lines instead of this screen"),
    ]
}
