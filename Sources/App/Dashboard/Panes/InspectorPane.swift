import CaudalModel
import Engine

/// What the inspector shows of the selected stage or item.
enum InspectorTab: String, CaseIterable, Sendable {
    case facts, log, attempts, data, command, neighbours, history
}

/// Everything about the selected stage: why it failed, its attempts, its checks with failing rows, its last lines.
enum InspectorPane: DashboardPane {
    static let title = "inspector"
    static let wheelStep = 3

    static var bindings: [Binding] {
        scrolling { max(1, height($0) - 1) } + [
            Binding([" "], .move, PaneLabels.page, change: { scroll(max(1, height($1) - 1), $0, &$1) }),
            Binding("next-page", ["]"], .move, tabs, hint: .always("next page", rank: 2), change: { turn(1, &$1) })
                .alone("next page of the inspector"),
            Binding("previous-page", ["["], .move, tabs, change: { turn(-1, &$1) })
                .alone("previous page of the inspector"),
            Binding([.left, "h"], .move, "scroll wide pages of the inspector", change: { shift(-1, &$1) })
                .alone("scroll wide pages of the inspector to their beginning"),
            Binding([.right, "l"], .move, "scroll wide pages of the inspector", change: { shift(1, &$1) })
                .alone("scroll wide pages of the inspector to their end"),
        ]
    }

    private static let tabs = "facts, log, attempts, data, command, neighbours, history in the inspector"

    private static func height(_ state: DashboardState) -> Int {
        (DashboardLayout(state).frame(of: .inspector)?.rows.count ?? 10) - 1
    }

    private static func width(_ state: DashboardState) -> Int {
        max(1, (DashboardLayout(state).frame(of: .inspector)?.columns.count ?? 60) - 1)
    }

    private static func turn(_ step: Int, _ state: inout DashboardState) {
        let all = InspectorTab.allCases
        let place = (all.firstIndex(of: state.tab) ?? 0) + step
        (state.tab, state.inspectorScroll, state.inspectorShift) = (all[(place + all.count) % all.count], 0, 0)
    }

    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {
        let most = InspectorText(state).lines.count - height(state)
        state.inspectorScroll = max(0, min(state.inspectorScroll + step, most))
    }

    private static func shift(_ halves: Int, _ state: inout DashboardState) {
        let most = InspectorText(state).width - width(state) + 1
        state.inspectorShift = max(0, min(state.inspectorShift + halves * max(1, width(state) / 2), most))
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, frame) = (view.state, view.frame)
        let text = InspectorText(state, width: frame.columns.count)
        let height = frame.rows.count - 1
        let scroll = max(0, min(state.inspectorScroll, text.lines.count - height))
        let below = text.lines.count - scroll - height
        var facts = text.facts
        if below > 0 { facts.append(Span("   \(below) more", .dim)) }
        let title = "INSPECT  " + name(state, width: frame.columns.count - 36)
        let room = frame.columns.count - TextWidth.of(title) - facts.reduce(0) { $0 + TextWidth.of($1.text) } - 12
        var tabs = tabBar(state.tab, room: room)
        // Where there is little room, how much more there is tells more than the names of the other pages.
        func isTooWide() -> Bool { !facts.isEmpty && tabs.reduce(0) { $0 + TextWidth.of($1.text) } > room }
        if isTooWide() { tabs = tabBar(state.tab, room: 0) }
        if isTooWide() {
            let isApart = facts.first?.text.hasPrefix(" ") == true
            tabs = [Span(state.tab.rawValue, Style(.accent, .bold)), Span(isApart ? "" : "  ")]
        }
        buffer.rule(frame, title: title, facts: tabs + facts, isFocused: view.isFocused)
        let (start, limit) = (frame.columns.lowerBound + 1, frame.columns.count - 1)
        for (offset, line) in text.lines.dropFirst(scroll).prefix(max(0, height)).enumerated() {
            let row = frame.rows.lowerBound + 1 + offset
            let shown = line.droppingCells(state.inspectorShift)
            buffer.write(shown, row: row, column: start, limit: limit)
            // A line that goes on at a side says so there.
            if shown.widthOfText > limit {
                buffer.set("›", row: row, column: start + limit - 1, style: .accent)
            }
            if state.inspectorShift > 0, !line.isEmpty { buffer.set("‹", row: row, column: start - 1, style: .accent) }
        }
        // A line divides two panes side by side.
        if frame.columns.lowerBound > 0 {
            for row in frame.rows.dropFirst() {
                buffer.set("│", row: row, column: frame.columns.lowerBound - 1, style: .dim)
            }
            buffer.set("─", row: frame.rows.lowerBound, column: frame.columns.lowerBound - 1, style: .dim)
        }
    }

    /// The name of what is selected; of an item, its key rather than the whole of its stage's name.
    private static func name(_ state: DashboardState, width: Int) -> String {
        let whole = Span(state.selection.description).text
        guard TextWidth.of(whole) > width, let item = state.selection.item else { return whole }
        let end = "/" + Span("\(item)").text
        return state.label(of: state.selection.stage, width: max(8, width - TextWidth.of(end))) + end
    }

    /// The names of all pages, or where there is no room that of the one that is shown.
    private static func tabBar(_ tab: InspectorTab, room: Int) -> [Span] {
        let all = InspectorTab.allCases
        let length = all.reduce(0) { $0 + $1.rawValue.count + 1 }
        guard length <= room else {
            let place = (all.firstIndex(of: tab) ?? 0) + 1
            return [Span(tab.rawValue, Style(.accent, .bold)), Span(" \(place)/\(all.count)   ", .dim)]
        }
        let spans = all.flatMap { one in
            [Span(one.rawValue, one == tab ? Style(.accent, [.bold, .underline]) : .dim), Span(" ")]
        }
        return spans + [Span("  ")]
    }
}

extension [Span] {
    /// How wide a line is without the blanks at its end, which are nothing to scroll to.
    var widthOfText: Int {
        guard let last = lastIndex(where: { span in span.text.contains { $0 != " " } }) else { return 0 }
        let blanks = self[last].text.reversed().prefix { $0 == " " }.count
        return self[...last].reduce(0) { $0 + TextWidth.of($1.text) } - blanks
    }

    /// What is left of a line that is scrolled to the left.
    func droppingCells(_ count: Int) -> [Span] {
        guard count > 0 else { return self }
        var left = count
        return compactMap { span in
            let width = TextWidth.of(span.text)
            defer { left = Swift.max(0, left - width) }
            if left <= 0 { return span }
            if width <= left { return nil }
            return Span(span.text.bytes(span.text.cells(from: left, width: width)), span.style)
        }
    }
}
