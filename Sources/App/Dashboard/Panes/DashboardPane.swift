import Engine

extension DashboardState {
    /// The panes, by the number that leads to each; ``DashboardLayout`` says where they stand.
    enum Pane: Int, CaseIterable {
        case graph = 1
        case stages, log, inspector

        /// What draws it, and takes its keys and clicks; the graph is drawn as a picture or as a rail.
        var kinds: [any DashboardPane.Type] {
            switch self {
            case .graph: [GraphPane.self, RailPane.self]
            case .stages: [StagePane.self]
            case .log: [LogPane.self]
            case .inspector: [InspectorPane.self]
            }
        }
    }
}

/// A part of the dashboard below its header: what it draws, and what keys and the mouse do in it.
protocol DashboardPane: SendableMetatype {
    typealias Binding = KeyBinding<DashboardReducer>

    /// How the manual calls it.
    static var title: String { get }
    /// The keys of this pane, besides those of every pane.
    static var bindings: [Binding] { get }
    /// How far a turn of the wheel scrolls.
    static var wheelStep: Int { get }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer)

    /// Moves what is selected, or what is seen, down by some lines; up when `step` is negative.
    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState)

    /// Does what a click means on a cell, counted from the pane's first one below its rule.
    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState)
}

extension DashboardPane {
    static var wheelStep: Int { 1 }
    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {}

    /// The keys that scroll it line by line, by pages and to both ends.
    ///
    /// - Parameter page: How many lines a page has.
    static func scrolling(page: @escaping @Sendable (DashboardState) -> Int) -> [Binding] {
        func binding(
            _ keys: [Key], _ label: String, _ step: @escaping @Sendable (DashboardState) -> Int
        ) -> Binding {
            Binding(keys, .move, label, change: { scroll(step($1), $0, &$1) })
        }
        // Further than anything is long, and far from where adding overflows.
        let all = Int(Int32.max)
        return [
            binding(["j", .down], PaneLabels.step) { _ in 1 }, binding(["k", .up], PaneLabels.step) { _ in -1 },
            binding([.pageUp, .control("u")], "a page") { -page($0) },
            binding([.pageDown, .control("d")], "a page") { page($0) },
            binding(["g", .home], PaneLabels.ends) { _ in -all }, binding(["G", .end], PaneLabels.ends) { _ in all },
        ]
    }
}

/// What the help says of keys that several panes have.
enum PaneLabels {
    static let step = "along edges in the graph, up and down in lists"
    static let ends = "first and last; G in the log follows it again"
    static let items = "open or fold the items of a fan-out"
    static let page = "a page down in the log and the inspector"
}

/// What there is to draw in a pane, and where.
struct PaneView {
    let state: DashboardState
    /// The lines of the log.
    let lines: any LogLines
    let layout: DashboardLayout
    let frame: DashboardLayout.Frame

    var isFocused: Bool { frame.pane == layout.focus }
}

extension DashboardLayout {
    /// What draws a pane now, and takes its keys and clicks.
    func kind(of pane: DashboardState.Pane) -> any DashboardPane.Type {
        pane == .graph && drawsRail ? RailPane.self : pane.kinds[0]
    }
}

/// A pane with a list of stages, one of which is selected.
protocol StageList: DashboardPane {
    /// What is listed, from the top.
    static func listed(_ state: DashboardState) -> [UnitID]
}

extension StageList {
    static var bindings: [Binding] { scrolling { _ in 10 } + [folding] }

    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {
        let ids = listed(state)
        guard let place = place(of: state.selection, in: ids) else { return }
        state.select(ids[min(max(0, place + step), ids.count - 1)])
    }

    /// Where the selected stage or item stands, or its stage; nil when nothing is listed.
    private static func place(of selection: UnitID, in ids: [UnitID]) -> Int? {
        if ids.isEmpty { return nil }
        return ids.firstIndex(of: selection) ?? ids.firstIndex { $0.stage == selection.stage } ?? 0
    }

    /// The places of the lines that are visible, with the selected one among them.
    static func visible(_ state: DashboardState, height: Int) -> Range<Int> {
        let ids = listed(state)
        let start = max(0, min((place(of: state.selection, in: ids) ?? 0) - height / 2, ids.count - height))
        return start..<min(ids.count, start + max(0, height))
    }

    /// The key that opens the selected fan-out.
    static var folding: Binding {
        Binding(
            [" "], .view, PaneLabels.items,
            hint: .when(rank: 4) { $0.selectedStage?.hasItems == true ? "items" : nil }, change: { $1.foldSelection() })
    }
}
