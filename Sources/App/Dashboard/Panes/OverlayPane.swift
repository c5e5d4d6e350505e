import CaudalModel
import Engine

/// Boxes over the panes: questions and help.
enum OverlayPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        switch state.overlay {
        case .help(let help):
            drawHelp(
                helpLines(state, help), scroll: help.scroll,
                title: help.search.map { "Help  /\($0)▏" } ?? "Help", into: &buffer)
        case .palette(let palette): drawPalette(state, palette, into: &buffer)
        case .copying: drawCopying(state, into: &buffer)
        case .history(let page): HistoryPane.draw(state, page, into: &buffer)
        case .comparison(let page): ComparisonPane.draw(state, page, into: &buffer)
        case .limits(let page): LimitsPane.draw(state, page, into: &buffer)
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

    // MARK: - Help

    /// A line of the help: a text without keys is a heading, or a note.
    struct HelpLine {
        var keys = ""
        var text: String
        var isHeading = false
    }

    /// The number of lines of the help that are seen on a screen.
    static func helpHeight(_ rows: Int) -> Int { max(1, rows - 6) }

    /// The lines of the dashboard's help: the keys of the focused pane first, then all of them.
    static func helpLines(_ state: DashboardState, _ page: HelpPage) -> [HelpLine] {
        var behind = state
        behind.overlay = nil
        let layout = DashboardLayout(behind)
        let pane = layout.kind(of: layout.focus)
        let own = KeyHelp([(pane.title, behind.keys.applied(to: pane.bindings))], behind)
        let note = HelpLine(text: "caudal run --plain prints lines instead")
        var lines = [HelpLine(text: "IN THE \(pane.title.uppercased())", isHeading: true)] + entries(own.entries)
        lines += self.lines(KeyHelp(DashboardKeys.all(behind.keys), behind)) + [HelpLine(text: ""), note]
        guard let search = page.search, !search.isEmpty else { return wrapped(lines, columns: state.columns) }
        let ranked = KeyHelp(DashboardKeys.all(behind.keys), behind).entries.compactMap { entry in
            (Key.names(entry.keys).contains(search) ? 0 : PaletteEntry.rank(entry.text, search))
                .map { (entry: entry, rank: $0) }
        }
        // Letters in their order count only where no word fits, as in the palette.
        let fits = ranked.contains { $0.rank < PaletteEntry.loose }
        let found = ranked.filter { !fits || $0.rank < PaletteEntry.loose }.map(\.entry)
        let sections = found.reduce(into: [HelpSection]()) { if !$0.contains($1.section) { $0.append($1.section) } }
        let listed = sections.flatMap { section in
            [HelpLine(text: section.rawValue.uppercased(), isHeading: true)]
                + entries(found.filter { $0.section == section })
        }
        return wrapped(listed.isEmpty ? [HelpLine(text: "no key does that")] : listed, columns: state.columns)
    }

    /// The lines, those that are too long for a screen in several.
    static func wrapped(_ lines: [HelpLine], columns: Int) -> [HelpLine] {
        let buffer = CellBuffer(width: columns, height: 1)
        let indent = helpIndent(lines, columns: columns)
        let widest = lines.map { indent + TextWidth.of($0.text) }.max() ?? 0
        let width = max(8, buffer.boxWidth(for: max(72, widest)) - indent)
        return lines.flatMap { line -> [HelpLine] in
            if line.isHeading { return [line] }
            let (keys, texts) = (line.keys.wrapped(indent - 4), line.text.wrapped(width))
            return (0..<max(keys.count, texts.count)).map { row in
                HelpLine(
                    keys: keys.indices.contains(row) ? keys[row] : "",
                    text: texts.indices.contains(row) ? texts[row] : "")
            }
        }
    }

    /// The column at which the texts of the help begin.
    private static func helpIndent(_ lines: [HelpLine], columns: Int) -> Int {
        2 + min(columns < 60 ? 9 : 24, lines.map { TextWidth.of($0.keys) }.max() ?? 0) + 2
    }

    private static func entries(_ entries: [KeyHelp.Entry]) -> [HelpLine] {
        entries.map { HelpLine(keys: Key.names($0.keys), text: $0.text) }
    }

    /// The lines of a help, by its sections.
    static func lines(_ help: KeyHelp) -> [HelpLine] {
        HelpSection.allCases.flatMap { section -> [HelpLine] in
            let own = help.entries.filter { $0.section == section }
            return own.isEmpty ? [] : [HelpLine(text: section.rawValue.uppercased(), isHeading: true)] + entries(own)
        }
    }

    /// Draws the help, from a line on.
    static func drawHelp(
        _ lines: [HelpLine], scroll: Int = 0, title: String = "Help", into buffer: inout CellBuffer
    ) {
        // The column of keys has the same width at every scroll position, so that the texts stay aligned.
        let indent = helpIndent(lines, columns: buffer.width)
        let keyWidth = indent - 4
        let widest = lines.map { indent + TextWidth.of($0.text) }.max() ?? 0
        let room = helpHeight(buffer.height)
        let start = max(0, min(scroll, lines.count - room))
        let below = lines.count - start - room
        let more = below > 0 ? "  \(below.counted("more line")) below" : ""
        let place = buffer.box(title: title + more, lines: min(lines.count, room), width: max(72, widest))
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

    // MARK: - Palette and copying

    private static func drawPalette(_ state: DashboardState, _ palette: Palette, into buffer: inout CellBuffer) {
        let entries = PaletteEntry.list(state, palette.text)
        // What is typed stays where it is, below the header, however many actions fit.
        let all = PaletteEntry.list(state, "")
        let height = max(buffer.height - 10, min(4, buffer.boxHeight - 2))
        let most = max(1, min(all.count, height))
        let room = max(1, min(entries.count, most))
        let widest = all.map { TextWidth.of($0.title) }.max() ?? 0
        let place = buffer.box(
            title: "Actions  \(entries.count)", lines: room + 2, of: most + 2, width: max(84, widest + 17))
        let end = buffer.write(
            ": \(palette.text)", row: place.row, column: place.column, limit: place.width - 1, style: .bold)
        buffer.write("▏", row: place.row, column: end, limit: 1, style: .accent)
        if entries.isEmpty {
            buffer.write("no action fits; backspace deletes", row: place.row + 2, column: place.column, style: .dim)
        }
        let start = max(0, min(palette.choice - room / 2, entries.count - room))
        let shownKeys = entries.dropFirst(start).prefix(room).map {
            $0.completion == nil ? Key.names($0.keys) : "tab …"
        }
        let keyWidth = min(14, shownKeys.map { TextWidth.of($0) }.max() ?? 0)
        for (offset, entry) in entries.dropFirst(start).prefix(room).enumerated() {
            let row = place.row + 2 + offset
            guard row < place.row + place.height else { break }
            let isChosen = start + offset == palette.choice
            let style: Style = entry.refusal == nil ? .plain : .dim
            let width = place.width - keyWidth - 3
            buffer.write(isChosen ? "❯ " : "  ", row: row, column: place.column, style: .accent)
            buffer.write(entry.title, row: row, column: place.column + 2, limit: width, style: style)
            let keys = entry.completion == nil ? Key.names(entry.keys) : "tab …"
            buffer.write(
                keys.fitted(keyWidth), row: row, column: place.column + place.width - keyWidth, limit: keyWidth,
                style: .bold)
            if isChosen { buffer.select(row: row, columns: (place.column)..<(place.column + place.width)) }
        }
    }

    private static func drawCopying(_ state: DashboardState, into buffer: inout CellBuffer) {
        let bindings = DashboardKeys.copying
        let place = buffer.box(
            title: "Copy of \(Span(state.selection.description).text)", lines: bindings.count, width: 46)
        for (offset, binding) in bindings.enumerated() {
            let row = place.row + offset
            let isOff = binding.label == "copy the error" && state.errorText == nil
            buffer.write(Key.names(binding.keys), row: row, column: place.column, style: Style(.accent, .bold))
            buffer.write(
                isOff ? "copy its name: it has not failed" : binding.label, row: row, column: place.column + 6,
                limit: place.width - 6, style: isOff ? .dim : .plain)
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
