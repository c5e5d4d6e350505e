import CaudalModel
import Engine

/// Boxes over the panes: questions and help.
enum OverlayPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        switch state.overlay {
        case .help(let scroll):
            drawHelp(
                KeyHelp(DashboardKeys.all, state), scroll: scroll, note: "caudal run --plain prints lines instead",
                into: &buffer)
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
        // All choices get the same room, so that the size of the box does not change between them.
        let wrapped = texts.map { $0.flatMap { $0.wrapped(width) } }
        let count = wrapped.map(\.count).max() ?? 0
        let choices = choiceRows(confirmation.choices, width: width)
        let needsName = confirmation.choices.contains { $0.requiredText != nil }
        let foot = choices.count + (needsName ? 1 : 0)
        // If there is little room, the text gets it.
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

    /// The lines that fit; the last one shows the number of further lines.
    private static func cut(_ lines: [[Span]], to room: Int, from scroll: Int) -> [[Span]] {
        let start = max(0, min(scroll, lines.count - room))
        let rest = lines.count - start - room
        guard rest > 0, room > 0 else { return Array(lines.dropFirst(start).prefix(room)) }
        return lines.dropFirst(start).prefix(room - 1)
            + [[Span("… and \((rest + 1).counted("more line")): page down", .wait)]]
    }

    /// The text field of the focused choice.
    private static func drawTyped(
        _ confirmation: Confirmation, row: Int, column: Int, width: Int, into buffer: inout CellBuffer
    ) {
        guard let wanted = confirmation.requiredText else { return }
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

    /// The choices, laid out in rows, by index.
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
            let isAllowed = choice.requiredText == nil || isFocused && confirmation.isAllowed
            let text = isFocused ? " ❯ \(choice.label) " : "   \(choice.label) "
            let style = isFocused ? Style(isAllowed ? .plain : .dim, [.reverse, .bold]) : Style(.plain)
            place =
                buffer.write(text, row: row, column: place, limit: max(0, column + width - place), style: style) + 1
        }
    }

    /// Draws the help, from a line on.
    ///
    /// `note`: an additional line at the end.
    static func drawHelp(_ help: KeyHelp, scroll: Int = 0, note: String = "", into buffer: inout CellBuffer) {
        // A text without keys is a heading.
        var lines: [(keys: String, text: String, isHeading: Bool)] = []
        var section: HelpSection?
        for entry in help.entries {
            if entry.section != section { lines.append(("", entry.section.rawValue.uppercased(), true)) }
            section = entry.section
            lines.append((Key.names(entry.keys), entry.text, false))
        }
        if !note.isEmpty { lines += [("", "", false), ("", note, false)] }
        // The column of keys has the same width at every scroll position, so that the texts stay aligned.
        let keyWidth = lines.map { TextWidth.of($0.keys) }.max() ?? 0
        let indent = 2 + keyWidth + 2
        let widest = lines.map { indent + TextWidth.of($0.text) }.max() ?? 0
        let place = buffer.box(title: "Help", lines: min(lines.count, buffer.height - 6), width: max(72, widest))
        let start = max(0, min(scroll, lines.count - place.height))
        for (offset, line) in lines.dropFirst(start).prefix(place.height).enumerated() {
            let row = place.row + offset
            if line.isHeading {
                buffer.write(
                    line.text, row: row, column: place.column, limit: place.width, style: Style(.accent, .bold))
            } else {
                buffer.write(line.keys, row: row, column: place.column + 2, limit: keyWidth, style: .bold)
                buffer.write(line.text, row: row, column: place.column + indent, limit: place.width - indent)
            }
        }
    }
}

extension LabelledLine {
    /// Wraps the line at `width` cells; further lines are aligned with its text if there is room.
    fileprivate func wrapped(_ width: Int) -> [[Span]] {
        let indent = TextWidth.of(lead)
        let hang = width - indent >= 20 ? indent : min(2, indent)
        let lines = PlainText.sanitized(text).wrapped(width - indent, further: width - hang)
        return lines.enumerated().map { index, line in
            [Span((index == 0 ? lead : String(repeating: " ", count: hang)) + line, style)]
        }
    }
}
