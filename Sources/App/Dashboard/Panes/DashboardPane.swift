import CaudalModel
import Engine

extension DashboardState {
    /// The panes, by the number key of each; ``DashboardLayout`` determines their positions.
    enum Pane: Int, CaseIterable {
        case graph = 1
        case stages, log, inspector

        /// The types that draw the pane and handle its input; the graph has two, for the picture and the rail.
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

/// A part of the dashboard below its header: its drawing, its key bindings and its mouse actions.
protocol DashboardPane: SendableMetatype {
    typealias Binding = KeyBinding<DashboardReducer>

    /// The name of the pane in the manual.
    static var title: String { get }
    /// The bindings of this pane, in addition to those of every pane.
    static var bindings: [Binding] { get }
    /// The number of lines that one step of the wheel scrolls.
    static var wheelStep: Int { get }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer)

    /// Moves the selection, or scrolls, down by a number of lines, or up if `step` is negative.
    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState)

    /// Handles a click on a cell, counted from the first cell below the pane's rule.
    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState)
}

extension DashboardPane {
    static var wheelStep: Int { 1 }
    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {}

    /// The bindings that scroll the pane by lines, by pages and to both ends.
    ///
    /// `page`: the number of lines of a page.
    static func scrolling(page: @escaping @Sendable (DashboardState) -> Int) -> [Binding] {
        func binding(
            _ keys: [Key], _ label: String, _ own: String, _ step: @escaping @Sendable (DashboardState) -> Int
        ) -> Binding {
            Binding(keys, .move, label, change: { scroll(step($1), $0, &$1) }).alone(own)
        }
        // Larger than any list, but small enough that sums do not overflow.
        let all = Int(Int32.max)
        return [
            binding(["j", .down], PaneLabels.step, "move down") { _ in 1 },
            binding(["k", .up], PaneLabels.step, "move up") { _ in -1 },
            binding([.pageUp, .control("u")], "scroll by a page", "scroll up by a page") { -page($0) },
            binding([.pageDown, .control("d")], "scroll by a page", "scroll down by a page") { page($0) },
            binding(["g", .home], PaneLabels.ends, PaneLabels.first) { _ in -all },
            binding(["G", .end], PaneLabels.ends, PaneLabels.last) { _ in all },
        ]
    }
}

/// Labels of bindings that several panes have.
enum PaneLabels {
    static let step = "move along edges, up and down"
    static let ends = "go to the first and last; G in the log follows new lines"
    static let first = "go to the first"
    static let last = "go to the last; in the log, follow new lines"
    static let items = "unfold or fold items of a fan-out, a group, a finished chain"
    static let filter = "list only stages with all of: word, !word, state:failed, group:x, slow"
    static let hops = "show more or less around the selected stage (focus view)"
    static let noFocus = "this view has no focus: press v until it says focus"
    static let page = "scroll down a page in the log and the inspector"
}

/// The content of a pane to draw, and its position.
struct PaneView {
    let state: DashboardState
    /// The lines of the log.
    let lines: any LogLines
    let layout: DashboardLayout
    let frame: DashboardLayout.Frame

    var isFocused: Bool { frame.pane == layout.focus }
}

extension DashboardLayout {
    /// The type that draws a pane now and handles its input.
    func kind(of pane: DashboardState.Pane) -> any DashboardPane.Type {
        pane == .graph && drawsRail ? RailPane.self : pane.kinds[0]
    }
}

/// A pane with a list of stages and a selection.
protocol StageList: DashboardPane {
    /// The listed rows, from the top.
    static func listed(_ state: DashboardState) -> [UnitID]
}

extension StageList {
    static var bindings: [Binding] { scrolling { _ in 10 } + edges + [folding, filtering, picking] }

    /// The bindings that lead along the edges of the graph, also where these are not drawn.
    static var edges: [Binding] {
        [
            Binding(["h", .left], .move, PaneLabels.step, change: { follow(&$1, upstream: true) })
                .alone("go to what the stage needs"),
            Binding(["l", .right], .move, PaneLabels.step, change: { follow(&$1, upstream: false) })
                .alone("go to what needs the stage"),
        ]
    }

    /// Selects a neighbour of the selected stage in the graph: the one that the user came from, otherwise the nearest that
    /// is listed.
    private static func follow(_ state: inout DashboardState, upstream: Bool) {
        guard let index = state.selectedIndex else { return }
        let places = Dictionary(
            listed(state).enumerated().filter { $0.element.item == nil }.map { ($0.element.stage, $0.offset) },
            uniquingKeysWith: { first, _ in first })
        let plan = state.run.plan
        let neighbours = (upstream ? plan.upstream : plan.downstream)[index].map { plan.stages[$0].id }
        let own = places[state.selection.stage] ?? 0
        let near = neighbours.filter { places[$0] != nil }
            .min { abs((places[$0] ?? 0) - own) < abs((places[$1] ?? 0) - own) }
        let trail = state.trail[state.selection.stage]
        let back = (upstream ? trail?.upstream : trail?.downstream).flatMap { neighbours.contains($0) ? $0 : nil }
        guard let target = back.flatMap({ places[$0] == nil ? nil : $0 }) ?? near else {
            let what = upstream ? "needs" : "leads to"
            return state.say(
                "\(state.selection.stage) \(what) \(neighbours.isEmpty ? "nothing" : "nothing that is listed")")
        }
        state.follow(to: target, upstream: upstream)
    }

    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {
        let ids = listed(state)
        guard let place = place(of: state.selection, in: ids) else { return }
        state.select(ids[min(max(0, place + step), ids.count - 1)])
    }

    /// The row of the selected stage or item, or of the item's stage; nil if nothing is listed.
    private static func place(of selection: UnitID, in ids: [UnitID]) -> Int? {
        if ids.isEmpty { return nil }
        return ids.firstIndex(of: selection) ?? ids.firstIndex { $0.stage == selection.stage } ?? 0
    }

    /// The indexes of the visible rows among all, including the selected one.
    static func visible(_ ids: [UnitID], _ state: DashboardState, height: Int) -> Range<Int> {
        let start = max(
            0, min((place(of: state.selection, in: ids) ?? 0) - height / 2, ids.count - height))
        return start..<min(ids.count, start + max(0, height))
    }

    /// The binding that unfolds the selected fan-out.
    static var folding: Binding {
        Binding(
            "items", [" "], .view, PaneLabels.items,
            hint: .when(rank: 4) { $0.selectedStage?.hasItems == true ? "items" : nil }, change: { $1.foldSelection() })
    }

    /// The binding that picks stages.
    static var picking: Binding {
        Binding(
            "pick", ["m"], .act, "pick the selected stage, to retry several together; again to drop it",
            refusal: { $0.steeringRefusal }, change: { $1.pickStage() })
    }

    /// The binding that filters the stages.
    static var filtering: Binding {
        Binding(
            "filter", ["f"], .view, PaneLabels.filter, hint: .always("filter", rank: 6),
            change: { $1.overlay = .prompt(Prompt(.stageFilter, text: $1.filter.text, in: $1)) })
    }
}
