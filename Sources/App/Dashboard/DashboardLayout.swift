import Engine

/// The position of each pane, which depends only on the size and the state.
struct DashboardLayout {
    /// The cells of one pane, including its rule.
    struct Frame {
        let pane: DashboardState.Pane
        let rows: Range<Int>
        let columns: Range<Int>
    }

    private(set) var panes: [Frame] = []
    /// Whether the graph is drawn as a rail, which replaces the list of stages.
    private(set) var drawsRail = true
    /// The drawing of the graph, if it is not drawn as a rail.
    private(set) var drawing: GraphDrawing?
    /// The drawing that is being laid out, in place of which the rail is shown.
    private(set) var awaited: GraphRequest?
    /// The pane that receives keys, which is always one on the screen.
    private(set) var focus = DashboardState.Pane.graph
    /// Whether there is room for more than a line.
    let isTiny: Bool

    /// Whether the screen has room for one pane only, which is chosen by tabs.
    private(set) var isTabbed = false

    static let headerRows = 2
    static let footerRows = 2

    /// Above this number of stages a picture of all of them is not read any more.
    static let wholeLimit = 40

    init(_ state: DashboardState) {
        let (rows, columns) = (state.rows, state.columns)
        isTiny = rows < 8 || columns < 30
        guard !isTiny else { return }
        let body = Self.headerRows..<(rows - Self.footerRows)
        if let pane = state.zoomed {
            draw(
                Self.kind(state, columns), state, body.count - 1, columns - 2,
                isRequired: state.view != .automatic)
            panes = [Frame(pane: pane, rows: body, columns: 0..<columns)]
        } else if body.count < 8 {
            isTabbed = true
            draw(
                state.view == .automatic ? nil : Self.kind(state, columns), state, body.count - 1, columns - 2,
                isRequired: true)
            panes = [Frame(pane: state.focus, rows: body, columns: 0..<columns)]
        } else if columns >= 120, rows >= 24, case .focus = Self.kind(state, columns) {
            layOutFocus(state, body, columns)
        } else if columns >= 160, rows >= 45 {
            layOutLarge(state, body, columns)
        } else if columns >= 100, rows >= 30 {
            layOutMedium(state, body, columns)
        } else {
            layOutSmall(state, body, columns)
        }
        let shown = panes.map(\.pane)
        focus = shown.contains(state.focus) ? state.focus : shown.first ?? .graph
    }

    /// The position of a pane; nil if it is not on the screen.
    func frame(of pane: DashboardState.Pane) -> Frame? { panes.first { $0.pane == pane } }

    // MARK: - Graph

    /// The scene to draw; nil for the rail.
    private static func kind(_ state: DashboardState, _ columns: Int) -> GraphScene.Kind? {
        let focus = state.selectedIndex.map { GraphScene.Kind.focus(stage: $0, hops: state.hops) }
        switch state.view {
        case .rail: return nil
        case .graph: return .whole(chains: [])
        case .focus: return focus
        case .groups: return .groups(open: state.openGroups)
        case .automatic:
            if state.graph.names.count <= wholeLimit { return .whole(chains: state.foldedChains) }
            return columns >= 120 ? focus : nil
        }
    }

    /// Draws a scene in a room, or the rail where it does not fit and is not required.
    private mutating func draw(
        _ kind: GraphScene.Kind?, _ state: DashboardState, _ rows: Int, _ columns: Int, isRequired: Bool
    ) {
        if let kind, state.laysOutAside {
            let request = GraphRequest(kind: kind, rows: rows, columns: columns, fallsBack: isRequired)
            if !state.graph.isAtHand(request) {
                (awaited, drawing, drawsRail) = (request, nil, true)
                return
            }
        }
        drawing = kind.flatMap { kind in
            let graph = state.graph
            guard case .focus(let stage, let hops) = kind, !state.choosesHops else {
                return graph.drawing(kind, rows: rows, columns: columns, fallsBack: isRequired)
            }
            // The nearest stages, with names that can be read, say more than a part of all that are near.
            let kinds = (1...hops).reversed().map { GraphScene.Kind.focus(stage: stage, hops: $0) }
            let fitting = kinds.lazy.compactMap {
                graph.drawing($0, rows: rows, columns: columns, fallsBack: false)
            }
            return fitting.first
                ?? kinds.last.flatMap { graph.drawing($0, rows: rows, columns: columns, fallsBack: isRequired) }
        }
        drawsRail = drawing == nil
    }

    private static func isRequired(_ state: DashboardState) -> Bool { state.view != .automatic }

    // MARK: - Sizes

    /// How many of some rows the log leaves to others, because it has nothing to put there.
    ///
    /// What is shown of the log changes while somebody reads it or filters it; then its size stays.
    private static func spare(_ rows: Int, ofLog state: DashboardState) -> Int {
        guard let count = state.log.count, state.focus != .log, !state.log.isFiltered else { return 0 }
        return max(0, rows - max(Self.leastLog, count + 1))
    }

    /// The rows of the log that it has always: some lines show whether it goes on.
    private static let leastLog = 4

    /// How many rows the inspector takes so that all of its text is seen.
    private static func inspectorRows(_ state: DashboardState, _ columns: Range<Int>) -> Int {
        InspectorText(state, width: columns.count).lines.count + 1
    }

    /// One column: the rail, and below it the log or the inspector.
    private mutating func layOutSmall(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        // There is no room for a picture, unless the user wants one.
        let kind = state.view == .automatic ? nil : Self.kind(state, columns)
        draw(kind, state, body.count, columns - 2, isRequired: true)
        let least = body.count < 14 ? 3 : 7
        let wanted = (drawing.map(\.picture.height) ?? RailPane.lineCount(state)) + 1
        let upper = max(min(wanted, body.count - least), min(4, body.count - least))
        let split = body.lowerBound + upper
        panes = [
            Frame(pane: .graph, rows: body.lowerBound..<split, columns: 0..<columns),
            Frame(
                pane: state.showsInspector ? .inspector : .log, rows: split..<body.upperBound,
                columns: 0..<columns),
        ]
    }

    /// The graph above, stages and inspector side by side below it, and the log at the bottom.
    private mutating func layOutMedium(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let most = max(6, body.count * 2 / 5)
        draw(
            Self.kind(state, columns), state, most - 1, columns - 2, isRequired: Self.isRequired(state))
        let listed = state.listed.count
        // A rail replaces the list of stages.
        let railRows = RailPane.lineCount(state) + 1 + RailPane.headRows(columns)
        let graphRows =
            drawsRail ? min(railRows, body.count / 2) : min((drawing?.picture.height ?? 5) + 2, most)
        // Whoever inspects a stage wants to read, and gets more of the room.
        let inspects = state.focus == .inspector
        let below = (body.count - graphRows) * (inspects ? 3 : 2) / (inspects ? 5 : 4)
        let middle = max(8, min(inspects ? below : drawsRail ? 12 : max(listed + 2, 9), below))
        let first = body.lowerBound + graphRows
        let split = columns * (inspects ? 2 : 3) / 5
        let inspector = drawsRail ? 0..<columns : (split + 1)..<columns
        let spare = Self.spare(body.count - graphRows - middle, ofLog: state)
        let wanted = spare > 0 ? max(listed + 2, Self.inspectorRows(state, inspector)) : 0
        let second = min(body.upperBound - Self.leastLog, first + middle + max(0, min(spare, wanted - middle)))
        panes = [Frame(pane: .graph, rows: body.lowerBound..<first, columns: 0..<columns)]
        if drawsRail {
            panes.append(Frame(pane: .inspector, rows: first..<second, columns: inspector))
        } else {
            panes.append(Frame(pane: .stages, rows: first..<second, columns: 0..<split))
            panes.append(Frame(pane: .inspector, rows: first..<second, columns: inspector))
        }
        panes.append(Frame(pane: .log, rows: second..<body.upperBound, columns: 0..<columns))
    }

    /// Graph and inspector side by side, then stages, then the log; a graph that needs it gets the whole width.
    private mutating func layOutLarge(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let split = columns * 2 / 3
        let most = body.count / 2 - 4
        let kind = Self.kind(state, columns)
        draw(kind, state, most - 1, split - 2, isRequired: Self.isRequired(state))
        if awaited == nil, layOutWide(state, kind, body, columns) { return }
        let railRows = RailPane.lineCount(state) + 1 + RailPane.headRows(split)
        let picture =
            drawsRail
            ? min(max(railRows, 16), body.count / 2)
            : min(max((drawing?.picture.height ?? 5) + 2, 16), most)
        let listed = drawsRail ? 0 : state.listed.count + 2
        let list = drawsRail ? 0 : max(5, min(listed, body.count / 4))
        // What the log does not need goes to the list, then to the inspector beside the picture.
        let spare = Self.spare(body.count - picture - list, ofLog: state)
        let listRows = list + max(0, min(spare, listed - list))
        let rest = spare - (listRows - list)
        let wanted = rest > 0 ? Self.inspectorRows(state, (split + 1)..<columns) : 0
        let first = body.lowerBound + picture + max(0, min(rest, wanted - picture))
        let second = min(body.upperBound - (drawsRail ? 0 : Self.leastLog), first + listRows)
        panes = [
            Frame(pane: .graph, rows: body.lowerBound..<first, columns: 0..<split),
            Frame(pane: .inspector, rows: body.lowerBound..<first, columns: (split + 1)..<columns),
        ]
        if drawsRail {
            panes.append(Frame(pane: .log, rows: first..<body.upperBound, columns: 0..<columns))
        } else {
            panes.append(Frame(pane: .stages, rows: first..<second, columns: 0..<columns))
            panes.append(Frame(pane: .log, rows: second..<body.upperBound, columns: 0..<columns))
        }
    }

    /// The graph over the whole width, the other panes below it, if the graph is drawn in more detail so.
    ///
    /// - Returns: Whether it is.
    private mutating func layOutWide(
        _ state: DashboardState, _ kind: GraphScene.Kind?, _ body: Range<Int>, _ columns: Int
    ) -> Bool {
        let least = 11
        let narrow = drawing.flatMap { $0.fits ? $0.picture.density : nil }
        guard let kind, narrow != .card else { return false }
        let request = GraphRequest(kind: kind, rows: body.count - least - 1, columns: columns - 2, fallsBack: false)
        guard !state.laysOutAside || state.graph.isAtHand(request) else {
            awaited = request
            return false
        }
        guard let wide = state.graph.drawing(request), narrow.map({ wide.picture.density > $0 }) ?? true
        else { return false }
        (drawing, drawsRail) = (wide, false)
        let first = body.lowerBound + wide.picture.height + 1
        let below = first..<body.upperBound
        panes = [Frame(pane: .graph, rows: body.lowerBound..<first, columns: 0..<columns)]
        guard below.count >= 20 else {
            let (first, second) = (columns * 9 / 25, columns * 31 / 50)
            panes += [
                Frame(pane: .stages, rows: below, columns: 0..<first),
                Frame(pane: .inspector, rows: below, columns: (first + 1)..<second),
                Frame(pane: .log, rows: below, columns: (second + 1)..<columns),
            ]
            return true
        }
        let split = columns * 3 / 5
        let spare = Self.spare(below.count / 2, ofLog: state)
        let second = body.upperBound - below.count / 2 + spare
        panes += [
            Frame(pane: .stages, rows: first..<second, columns: 0..<split),
            Frame(pane: .inspector, rows: first..<second, columns: (split + 1)..<columns),
            Frame(pane: .log, rows: second..<body.upperBound, columns: 0..<columns),
        ]
        return true
    }

    /// For large graphs: the list of stages, beside it the surroundings of the selected one, then inspector and log.
    private mutating func layOutFocus(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let isWide = columns >= 160
        // The list needs no more than its columns; the picture gets what is left.
        let split = min(columns * 9 / 20, 92)
        let first = body.lowerBound + body.count * (body.count >= 40 ? 11 : 12) / 20
        draw(
            Self.kind(state, columns), state, first - body.lowerBound - 1, columns - split - 3,
            isRequired: true)
        let least = max(0, min(12, (body.upperBound - first - 6)))
        let spare = isWide ? 0 : Self.spare(body.upperBound - first - least, ofLog: state)
        let wanted = spare > 0 ? Self.inspectorRows(state, 0..<columns) : 0
        let second = first + least + max(0, min(spare, wanted - least))
        // The list is longer than what there is to say of one stage, unless somebody reads that.
        let listEnd = isWide && state.focus != .inspector ? body.lowerBound + body.count * 13 / 20 : first
        panes = [
            Frame(pane: .stages, rows: body.lowerBound..<listEnd, columns: 0..<split),
            Frame(pane: .graph, rows: body.lowerBound..<first, columns: (split + 1)..<columns),
        ]
        if isWide {
            panes.append(Frame(pane: .inspector, rows: listEnd..<body.upperBound, columns: 0..<split))
            panes.append(Frame(pane: .log, rows: first..<body.upperBound, columns: (split + 1)..<columns))
        } else if second - first >= 6 {
            panes.append(Frame(pane: .inspector, rows: first..<second, columns: 0..<columns))
            panes.append(Frame(pane: .log, rows: second..<body.upperBound, columns: 0..<columns))
        } else {
            panes.append(
                Frame(
                    pane: state.showsInspector ? .inspector : .log, rows: first..<body.upperBound,
                    columns: 0..<columns))
        }
    }
}
