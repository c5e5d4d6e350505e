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
    /// The picture of the graph, if it is not drawn as a rail.
    private(set) var picture: GraphPicture?
    /// The pane that receives keys, which is always one on the screen.
    private(set) var focus = DashboardState.Pane.graph
    /// Whether there is room for more than a line.
    let isTiny: Bool

    static let headerRows = 2
    static let footerRows = 2

    init(_ state: DashboardState) {
        let (rows, columns) = (state.rows, state.columns)
        isTiny = rows < 8 || columns < 30
        guard !isTiny else { return }
        let body = Self.headerRows..<(rows - Self.footerRows)
        if let pane = state.zoomed {
            drawsRail = Self.wantsRail(state, body.count - 1, columns - 2)
            picture = drawsRail ? nil : Self.picture(state, body.count - 1, columns - 2)
            panes = [Frame(pane: pane, rows: body, columns: 0..<columns)]
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

    private static func wantsRail(_ state: DashboardState, _ rows: Int, _ columns: Int) -> Bool {
        switch state.view {
        case .rail: true
        case .graph: false
        case .automatic: state.graph.picture(fitting: rows, columns) == nil
        }
    }

    private static func picture(_ state: DashboardState, _ rows: Int, _ columns: Int) -> GraphPicture? {
        state.graph.picture(fitting: rows, columns) ?? state.graph.pictures.last
    }

    // MARK: - Sizes

    /// One column: the rail, and below it the log or the inspector.
    private mutating func layOutSmall(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let listed = RailPane.rows(state).count
        let wantsGraph = state.view == .graph
        drawsRail = !wantsGraph
        picture = wantsGraph ? Self.picture(state, body.count, columns - 2) : nil
        let least = body.count < 14 ? 3 : 7
        let wanted = wantsGraph ? (picture?.height ?? 5) + 1 : listed + 1
        let upper = max(min(wanted, body.count - least), min(4, body.count - least))
        let split = body.lowerBound + upper
        panes = [
            Frame(pane: .graph, rows: body.lowerBound..<split, columns: 0..<columns),
            Frame(pane: state.showsInspector ? .inspector : .log, rows: split..<body.upperBound, columns: 0..<columns),
        ]
    }

    /// The graph above, stages and inspector side by side below it, and the log at the bottom.
    private mutating func layOutMedium(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let most = max(6, body.count * 2 / 5)
        drawsRail = Self.wantsRail(state, most - 1, columns - 2)
        picture = drawsRail ? nil : Self.picture(state, most - 1, columns - 2)
        let listed = state.listed.count
        // A rail replaces the list of stages.
        let graphRows =
            drawsRail ? min(RailPane.rows(state).count + 1, body.count / 2) : min((picture?.height ?? 5) + 2, most)
        let middle = max(8, min(drawsRail ? 12 : max(listed + 2, 9), (body.count - graphRows) / 2))
        let first = body.lowerBound + graphRows
        let second = min(body.upperBound - 4, first + middle)
        let split = columns * 3 / 5
        panes = [Frame(pane: .graph, rows: body.lowerBound..<first, columns: 0..<columns)]
        if drawsRail {
            panes.append(Frame(pane: .inspector, rows: first..<second, columns: 0..<columns))
        } else {
            panes.append(Frame(pane: .stages, rows: first..<second, columns: 0..<split))
            panes.append(Frame(pane: .inspector, rows: first..<second, columns: (split + 1)..<columns))
        }
        panes.append(Frame(pane: .log, rows: second..<body.upperBound, columns: 0..<columns))
    }

    /// Graph and inspector side by side, then stages, then the log.
    private mutating func layOutLarge(_ state: DashboardState, _ body: Range<Int>, _ columns: Int) {
        let split = columns * 2 / 3
        let most = body.count / 2 - 4
        drawsRail = Self.wantsRail(state, most - 1, split - 2)
        picture = drawsRail ? nil : Self.picture(state, most - 1, split - 2)
        let graphRows =
            drawsRail
            ? min(max(RailPane.rows(state).count + 1, 16), body.count / 2)
            : min(max((picture?.height ?? 5) + 2, 16), most)
        let first = body.lowerBound + graphRows
        let listed = state.listed.count
        let second = min(body.upperBound - 8, first + max(5, min(listed + 2, body.count / 4)))
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
}
