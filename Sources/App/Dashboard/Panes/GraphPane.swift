import CaudalModel
import Engine

/// The graph from left to right, as a picture.
enum GraphPane: DashboardPane {
    static let title = "graph"

    static let bindings = [
        Binding(
            ["h", .left], .move, PaneLabels.step, change: { GraphWalk.follow(&$1, upstream: true) }
        ).alone("go upstream along an edge"),
        Binding(["j", .down], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.below) })
            .alone("go to what is below"),
        Binding(["k", .up], .move, PaneLabels.step, change: { GraphWalk.go(&$1, \.above) })
            .alone("go to what is above"),
        Binding(
            ["l", .right], .move, PaneLabels.step, change: { GraphWalk.follow(&$1, upstream: false) }
        ).alone("go downstream along an edge"),
        Binding(["g", .home], .move, PaneLabels.ends, change: { GraphWalk.go(&$1, \.first) })
            .alone(PaneLabels.first),
        Binding(["G", .end], .move, PaneLabels.ends, change: { GraphWalk.go(&$1, \.last) })
            .alone(PaneLabels.last),
        RailPane.folding, RailPane.filtering, RailPane.picking,
        Binding(
            "more-hops", ["+"], .view, PaneLabels.hops, hint: .when(rank: 5) { showsFocus($0) ? "hops" : nil },
            refusal: { showsFocus($0) ? nil : PaneLabels.noFocus }, change: { $1.changeHops(1) }
        ).alone("show more around the selected stage (focus view)"),
        Binding(
            "fewer-hops", ["-"], .view, PaneLabels.hops, hint: .when(rank: 5) { showsFocus($0) ? "hops" : nil },
            refusal: { showsFocus($0) ? nil : PaneLabels.noFocus }, change: { $1.changeHops(-1) }
        ).alone("show less around the selected stage (focus view)"),
    ]

    private static func showsFocus(_ state: DashboardState) -> Bool {
        if case .focus = DashboardLayout(state).drawing?.kind { true } else { false }
    }

    /// The view follows the selected node, so there is nothing to scroll.
    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {}

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        guard let drawing = view.layout.drawing else { return }
        let window = GraphWindow(drawing, view)
        let (row, column) = (
            row + window.rows.lowerBound - window.top, column - 1 + window.columns.lowerBound
        )
        let hit = drawing.picture.frames.firstIndex {
            $0.rows.contains(row) && $0.columns.contains(column)
        }
        guard let hit, let stage = drawing.scene.items[hit].stages.first else { return }
        state.select(UnitID(state.run.plan.stages[stage].id))
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        guard let drawing = view.layout.drawing else { return }
        let (state, frame) = (view.state, view.frame)
        let window = GraphWindow(drawing, view)
        buffer.rule(
            frame, title: title(drawing), facts: facts(state, drawing, window) + [state.pickWords].compactMap(\.self),
            isFocused: view.isFocused)

        // Drawn into a buffer and copied, so that nothing leaves the pane; small pictures are centred.
        let canvas = GraphCanvas(drawing, state, rows: window.rows, columns: window.columns).buffer
        let (top, left) = (frame.rows.lowerBound + 1 + window.top, frame.columns.lowerBound + 1)
        for row in 0..<canvas.height {
            for column in 0..<canvas.width {
                let cell = canvas[row: row, column: column]
                guard cell != .blank else { continue }
                if cell.content >= Cell.firstCluster || cell.content == Cell.continuation {
                    buffer.write(
                        canvas.text(of: cell), row: top + row, column: left + column, style: cell.style)
                } else {
                    buffer[row: top + row, column: left + column] = cell
                }
            }
        }
        window.drawOutside(state, frame, into: &buffer)
    }

    private static func title(_ drawing: GraphDrawing) -> String {
        switch drawing.kind {
        case .whole: "GRAPH"
        case .focus(_, let hops): "GRAPH  focus, \(hops.counted("hop"))"
        case .groups: "GRAPH  groups"
        }
    }

    private static func facts(_ state: DashboardState, _ drawing: GraphDrawing, _ window: GraphWindow)
        -> [Span]
    {
        let folded = state.run.stages.reduce(0) { $0 + ($1.hasItems ? $1.items.count : 0) }
        var facts: [Span] = []
        if !state.filter.isEmpty {
            let fitting = state.standingOut?.count ?? 0
            facts.append(Span("filter \(state.filter.text): \(fitting)   ", .accent))
        }
        facts.append(Span(counted(drawing.scene, of: state.run.stages.count)))
        if folded > 0 { facts.append(Span("   +\(folded) folded", .dim)) }
        if let highlight = state.highlightWords { facts.append(Span("   \(highlight)", .accent)) }
        facts.append(Span(window.showsAll ? "   fits" : "   scrolls", .dim))
        return facts
    }

    /// What is drawn of all stages: `9 of 200 stages`, `200 stages in 14 groups`.
    private static func counted(_ scene: GraphScene, of all: Int) -> String {
        let groups = scene.items.count { if case .group = $0 { true } else { false } }
        let shown = scene.itemOf.count
        return (shown < all ? "\(shown) of " : "") + all.counted("stage")
            + (groups > 0 ? " in \(groups.counted("group"))" : "")
    }
}

/// The visible part of a picture, around the selected node.
struct GraphWindow {
    private let drawing: GraphDrawing
    let rows: Range<Int>
    let columns: Range<Int>
    /// The first line of a small picture in its pane.
    let top: Int

    var showsAll: Bool {
        rows.count == drawing.picture.height && columns.count == drawing.picture.width
    }

    init(_ drawing: GraphDrawing, _ view: PaneView) {
        self.drawing = drawing
        let picture = drawing.picture
        let room = (
            rows: max(0, view.frame.rows.count - 1), columns: max(0, view.frame.columns.count - 2)
        )
        let item = view.state.selectedIndex.flatMap { drawing.scene.itemOf[$0] }
        let selected = item.map { picture.frames[$0] }
        func part(_ start: Int, _ length: Int, _ whole: Int, _ room: Int) -> Range<Int> {
            let first = max(0, min(start + length / 2 - room / 2, whole - room))
            return first..<min(whole, first + room)
        }
        rows = part(selected?.row ?? 0, selected?.height ?? 0, picture.height, room.rows)
        columns = part(selected?.column ?? 0, selected?.width ?? 0, picture.width, room.columns)
        top = max(0, (room.rows - picture.height) / 2)
    }

    /// The numbers of nodes outside of the view at each edge, with the failed ones, and a map of the picture.
    func drawOutside(
        _ state: DashboardState, _ frame: DashboardLayout.Frame, into buffer: inout CellBuffer
    ) {
        guard !showsAll else { return }
        func text(_ arrow: String, isBefore: Bool, _ isOutside: (GraphPicture.Frame) -> Bool) -> String? {
            let outside = drawing.picture.frames.indices.filter { isOutside(drawing.picture.frames[$0]) }
            guard !outside.isEmpty else { return nil }
            let failed = outside.count {
                state.worstStatus(of: drawing.scene.items[$0].stages) == .failed
            }
            let words = "\(outside.count)" + (failed > 0 ? " \(state.glyph(.failed))\(failed)" : "")
            return isBefore ? " \(arrow) \(words) " : " \(words) \(arrow) "
        }
        let nodes = drawing.picture.frames.filter { $0.rows.overlaps(rows) && $0.columns.overlaps(columns) }
        /// Whether a place is in a node, or right beside one.
        func touchesNode(_ row: Int, _ place: Range<Int>) -> Bool {
            let (row, place) = (
                row - frame.rows.lowerBound - 1 - top + rows.lowerBound,
                (place.lowerBound - frame.columns.lowerBound - 2 + columns.lowerBound)..<(place.upperBound
                    - frame.columns.lowerBound + columns.lowerBound)
            )
            return nodes.contains { $0.rows.contains(row) && $0.columns.overlaps(place) }
        }
        /// Writes at the first of some places with a blank around it, else over lines; nowhere beside or over a name.
        func put(_ text: String?, _ places: [(row: Int, column: Int)]) {
            guard let text else { return }
            let style = Style(text.contains(state.glyph(.failed)) ? .bad : .plain, .reverse)
            let width = TextWidth.of(text)
            let apart = places.filter { !touchesNode($0.row, $0.column..<($0.column + width)) }
            let free = apart.first { place in
                let around =
                    max(
                        frame.columns.lowerBound, place.column - 1)..<min(
                        frame.columns.upperBound, place.column + width + 1)
                return buffer.isBlank(row: place.row, columns: around)
            }
            guard let place = free ?? apart.first else { return }
            buffer.write(text, row: place.row, column: place.column, style: style)
        }
        func fromMiddle(_ range: Range<Int>) -> [Int] {
            let middle = (range.lowerBound + range.upperBound) / 2
            return range.sorted { abs($0 - middle) < abs($1 - middle) }
        }
        let inside = (frame.rows.lowerBound + 1)..<frame.rows.upperBound
        let first = frame.columns.lowerBound + 1
        let centres = fromMiddle(first..<max(first + 1, frame.columns.upperBound - 9))
        let left = text("◂", isBefore: true) { $0.columns.upperBound <= columns.lowerBound }
        put(left, fromMiddle(inside).map { ($0, frame.columns.lowerBound) })
        let right = text("▸", isBefore: false) { $0.columns.lowerBound >= columns.upperBound }
        put(right, fromMiddle(inside).map { ($0, frame.columns.upperBound - TextWidth.of(right ?? "")) })
        let above = text("▴", isBefore: true) { $0.rows.upperBound <= rows.lowerBound }
        put(above, centres.map { (inside.lowerBound, $0) })
        let below = text("▾", isBefore: false) { $0.rows.lowerBound >= rows.upperBound }
        put(below, centres.map { (inside.upperBound - 1, $0) })
        drawMap(state, frame, into: &buffer)
    }

    /// A map of the picture in the corner: the worst state of each part, and the visible part in reverse.
    private func drawMap(
        _ state: DashboardState, _ frame: DashboardLayout.Frame, into buffer: inout CellBuffer
    ) {
        let picture = drawing.picture
        let (height, width) = (min(6, (picture.height + 5) / 6), min(24, (picture.width + 11) / 12))
        guard frame.columns.count >= width * 3, frame.rows.count >= height * 3, height > 0, width > 0
        else { return }
        // In a corner where it covers nothing.
        let corners = [frame.rows.upperBound - height, frame.rows.lowerBound + 1].flatMap { row in
            [frame.columns.upperBound - width - 1, frame.columns.lowerBound + 1].map { (row: row, column: $0) }
        }
        let free = corners.first { corner in
            (corner.row..<(corner.row + height)).allSatisfy { row in
                buffer.isBlank(row: row, columns: corner.column..<(corner.column + width))
            }
        }
        guard let origin = free else { return }
        var worst: [Int: UnitStatus] = [:]
        func place(_ row: Int, _ column: Int) -> (row: Int, column: Int) {
            (row * height / max(1, picture.height), column * width / max(1, picture.width))
        }
        for (index, node) in picture.frames.enumerated() {
            let cell = place(node.row, node.column + node.width / 2)
            let status = state.worstStatus(of: drawing.scene.items[index].stages)
            let key = cell.row * width + cell.column
            if worst[key].map({ DashboardState.urgency(status) < DashboardState.urgency($0) }) ?? true {
                worst[key] = status
            }
        }
        let first = place(rows.lowerBound, columns.lowerBound)
        let last = place(
            max(rows.lowerBound, rows.upperBound - 1), max(columns.lowerBound, columns.upperBound - 1))
        for row in 0..<height {
            for column in 0..<width {
                let isVisible =
                    (first.row...last.row).contains(row) && (first.column...last.column).contains(column)
                let status = worst[row * width + column]
                let style = status.map(\.style) ?? .dim
                buffer.write(
                    status.map { state.glyph($0) } ?? " ", row: origin.row + row,
                    column: origin.column + column,
                    style: isVisible ? Style(style.role, .reverse) : style)
            }
        }
    }
}
