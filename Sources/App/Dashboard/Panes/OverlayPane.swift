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
        let texts = confirmation.choices.map(\.lines)
        let widest = texts.joined().map { TextWidth.of($0.lead + $0.text) }.max() ?? 0
        let choicesWidth = confirmation.choices.reduce(0) { $0 + $1.label.count + 5 }
        let wanted = max(widest, choicesWidth, 52)
        let width = buffer.boxWidth(for: wanted)
        // All choices' texts get the same room, so that the box does not jump while one chooses.
        let wrapped = texts.map { $0.flatMap { $0.wrapped(width) } }
        let count = wrapped.map(\.count).max() ?? 0
        let choices = choiceRows(confirmation.choices, width: width)
        let needsName = confirmation.choices.contains { $0.wanted != nil }
        let foot = choices.count + (needsName ? 1 : 0)
        // Where there is little room it goes to the text.
        let gap = count + foot <= buffer.boxHeight - (needsName ? 2 : 1) ? 1 : 0
        let place = buffer.box(
            title: confirmation.title, lines: count + foot + gap * (needsName ? 2 : 1), width: wanted)
        var row = place.row
        let room = max(0, place.height - foot - gap * (needsName ? 2 : 1))
        for line in cut(wrapped[confirmation.focus], to: room, from: confirmation.scroll) {
            buffer.write(line, row: row, column: place.column, limit: place.width)
            row += 1
        }
        row = place.row + room + gap
        if needsName {
            drawTyped(confirmation, row: row, column: place.column, width: place.width, into: &buffer)
            row += 1 + gap
        }
        for indices in choices where row < place.row + place.height {
            drawChoices(confirmation, indices, row: row, column: place.column, width: place.width, into: &buffer)
            row += 1
        }
    }

    /// As many lines as there is room for; the last one says how many there are below.
    private static func cut(_ lines: [[Span]], to room: Int, from scroll: Int) -> [[Span]] {
        let start = max(0, min(scroll, lines.count - room))
        let rest = lines.count - start - room
        guard rest > 0, room > 0 else { return Array(lines.dropFirst(start).prefix(room)) }
        return lines.dropFirst(start).prefix(room - 1)
            + [[Span("… and \((rest + 1).counted("more line")): page down", .wait)]]
    }

    /// What is to be typed for the focused choice, as far as it was.
    private static func drawTyped(
        _ confirmation: Confirmation, row: Int, column: Int, width: Int, into buffer: inout CellBuffer
    ) {
        guard let wanted = confirmation.wanted else { return }
        let isOne = confirmation.chosen.requires.count == 1
        let short = isOne ? "type its name: " : "type: "
        let long = "running \(isOne ? "it" : "them") twice does harm; \(short)"
        let what = TextWidth.of(long + wanted) < width ? long : short
        var place = buffer.write(what, row: row, column: column, limit: width, style: .wait)
        let left = { max(0, column + width - $0) }
        place = buffer.write(
            confirmation.typed, row: row, column: place, limit: left(place),
            style: wanted.hasPrefix(confirmation.typed) ? .bold : .bad)
        guard confirmation.typed != wanted else { return }
        buffer.write(
            "▏\(wanted.dropFirst(confirmation.typed.count))", row: row, column: place, limit: left(place), style: .dim)
    }

    /// The choices in as many rows as they take, by their places.
    private static func choiceRows(_ choices: [Confirmation.Choice], width: Int) -> [[Int]] {
        var rows: [[Int]] = [[]]
        var taken = 0
        for (index, choice) in choices.enumerated() {
            let wide = choice.label.count + 5
            if taken > 0, taken + wide > width {
                rows.append([])
                taken = 0
            }
            rows[rows.count - 1].append(index)
            taken += wide
        }
        return rows
    }

    private static func drawChoices(
        _ confirmation: Confirmation, _ indices: [Int], row: Int, column: Int, width: Int,
        into buffer: inout CellBuffer
    ) {
        var place = column
        for index in indices {
            let choice = confirmation.choices[index]
            let isFocused = index == confirmation.focus
            let isAllowed = choice.wanted == nil || isFocused && confirmation.isAllowed
            let text = isFocused ? " ❯ \(choice.label) " : "   \(choice.label) "
            let style = isFocused ? Style(isAllowed ? .plain : .dim, [.reverse, .bold]) : Style(.plain)
            place =
                buffer.write(text, row: row, column: place, limit: max(0, column + width - place), style: style) + 1
        }
    }

    private static func drawHelp(_ state: DashboardState, _ scroll: Int, into buffer: inout CellBuffer) {
        let lines = HelpText.lines(hasMouse: state.hasMouse)
        let place = buffer.box(title: "Help", lines: min(lines.count, state.rows - 6), width: 72)
        let start = max(0, min(scroll, lines.count - place.height))
        // All keys get the same room, so that the texts stand below each other wherever one has scrolled to.
        let keyWidth = lines.filter { !$0.1.isEmpty }.map { TextWidth.of($0.0) }.max() ?? 0
        let indent = 2 + keyWidth + 2
        for (offset, line) in lines.dropFirst(start).prefix(place.height).enumerated() {
            let (key, text) = line
            let row = place.row + offset
            if text.isEmpty {
                buffer.write(key, row: row, column: place.column, limit: place.width, style: Style(.accent, .bold))
            } else {
                buffer.write(key, row: row, column: place.column + 2, limit: keyWidth, style: .bold)
                buffer.write(text, row: row, column: place.column + indent, limit: place.width - indent)
            }
        }
    }
}

/// The keys and what they do; a text without a second part is a heading.
enum HelpText {
    static func lines(hasMouse: Bool) -> [(String, String)] {
        sections + [
            ("APP", ""),
            ("M", mouse(hasMouse)),
            ("ctrl-l ctrl-z", "draw anew; to the shell and back with fg"),
            ("?", "this help"),
            ("q", "quit; asks first while the run goes on"),
            ("", " "),
            ("", "caudal run --plain prints lines instead"),
        ]
    }

    /// What the key for the mouse would do now.
    static func mouse(_ hasMouse: Bool) -> String {
        hasMouse ? "leave the mouse to the terminal, to select text" : "take the mouse back, to click and scroll"
    }

    private static let sections: [(String, String)] = [
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
    ]
}

extension ToldLine {
    /// The line in lines of at most `width` cells, the further ones below its text where there is room for that.
    fileprivate func wrapped(_ width: Int) -> [[Span]] {
        let indent = TextWidth.of(lead)
        let hang = width - indent >= 20 ? indent : min(2, indent)
        let lines = PlainText.sanitized(text).wrapped(width - indent, further: width - hang)
        return lines.enumerated().map { index, line in
            [Span((index == 0 ? lead : String(repeating: " ", count: hang)) + line, style)]
        }
    }
}
