import CaudalModel
import Engine

/// The stages from which the user came to a stage along edges; going back leads there again.
struct GraphTrail {
    var upstream: StageID?
    var downstream: StageID?
}

/// Moves the selection from place to place in the picture of the graph.
struct GraphWalk {
    let drawing: GraphDrawing
    let state: DashboardState
    /// The item to move from.
    let index: Int

    private var picture: GraphPicture { drawing.picture }

    /// Moves the selection to another item, if there is one in that direction.
    static func go(_ state: inout DashboardState, _ way: (GraphWalk) -> Int?) {
        guard let walk = GraphWalk(state), let target = way(walk) else { return }
        state.select(UnitID(walk.stage(of: target)))
    }

    /// Moves the selection along an edge, and remembers where it came from.
    static func follow(_ state: inout DashboardState, upstream: Bool) {
        guard let walk = GraphWalk(state), let target = walk.along(upstream: upstream) else { return }
        state.follow(to: walk.stage(of: target), upstream: upstream)
    }

    private init?(_ state: DashboardState) {
        guard let stage = state.selectedIndex, let drawing = DashboardLayout(state).drawing,
            let index = drawing.scene.itemOf[stage]
        else { return nil }
        (self.drawing, self.state, self.index) = (drawing, state, index)
    }

    /// The stage that stands for an item: its first one, or the nearest of those that are left out.
    private func stage(of item: Int) -> StageID {
        let plan = state.run.plan
        switch drawing.scene.items[item] {
        case .stage(let stage): return plan.stages[stage].id
        case .chain(let stages): return plan.stages[stages[0]].id
        case .group(_, let stages):
            let worst = stages.min {
                DashboardState.urgency(state.run.stages[$0].status)
                    < DashboardState.urgency(state.run.stages[$1].status)
            }
            return plan.stages[worst ?? stages[0]].id
        case .more(let isUpstream, let stages):
            guard let own = state.selectedIndex else { return state.selection.stage }
            let rest = Set(stages)
            let near = (isUpstream ? plan.upstream : plan.downstream)[own].first { rest.contains($0) }
            return plan.stages[near ?? stages[0]].id
        }
    }

    /// Along an edge: back to where the user came from, otherwise to the item that is nearest in height.
    private func along(upstream: Bool) -> Int? {
        let edges = drawing.scene.edges
        let candidates = edges.compactMap { edge in
            upstream ? (edge.to == index ? edge.from : nil) : (edge.from == index ? edge.to : nil)
        }
        let trail = state.trail[state.selection.stage]
        if let back = upstream ? trail?.upstream : trail?.downstream,
            let stage = state.run.plan.index(of: back),
            let item = drawing.scene.itemOf[stage], candidates.contains(item)
        {
            return item
        }
        return candidates.min {
            abs(picture.frames[$0].row - own.row) < abs(picture.frames[$1].row - own.row)
        }
    }

    /// To the next node of the layer; from the last one, to the nearest node of any layer.
    var below: Int? { beside(1) ?? nearest { picture.frames[$0].row > own.row } }
    var above: Int? { beside(-1) ?? nearest { picture.frames[$0].row < own.row } }

    var first: Int? { picture.layers.first?.first }
    var last: Int? { picture.layers.last { !$0.isEmpty }?.first }

    private var own: GraphPicture.Frame { picture.frames[index] }

    private func beside(_ step: Int) -> Int? {
        let layer = (picture.layers.first { $0.contains(index) } ?? [])
            .sorted { picture.frames[$0].row < picture.frames[$1].row }
        let place = (layer.firstIndex(of: index) ?? 0) + step
        return layer.indices.contains(place) ? layer[place] : nil
    }

    private func nearest(_ fits: (Int) -> Bool) -> Int? {
        func distance(_ other: Int) -> Int {
            abs(picture.frames[other].row - own.row) * 2 + abs(picture.frames[other].column - own.column)
        }
        return picture.frames.indices.filter { $0 != index && fits($0) }.min {
            distance($0) < distance($1)
        }
    }
}

extension DashboardState {
    /// Selects a neighbour, and remembers where the user came from.
    mutating func follow(to stage: StageID, upstream: Bool) {
        let from = selection.stage
        guard from != stage else { return }
        if upstream {
            trail[stage, default: GraphTrail()].downstream = from
        } else {
            trail[stage, default: GraphTrail()].upstream = from
        }
        select(UnitID(stage))
    }
}
