import CaudalModel
import Engine

/// Moves the selection from node to node in the picture of the graph.
struct GraphWalk {
    let picture: GraphPicture
    let plan: RunPlan
    /// The node to move from.
    let index: Int

    /// Moves the selection to another stage, if there is one in that direction.
    static func go(_ state: inout DashboardState, _ way: (GraphWalk) -> Int?) {
        guard let index = state.selectedIndex, let picture = DashboardLayout(state).picture else { return }
        let plan = state.run.plan
        guard let target = way(GraphWalk(picture: picture, plan: plan, index: index)) else { return }
        state.select(UnitID(plan.stages[target].id))
    }

    /// Along an edge, to the node that is nearest in height.
    var upstream: Int? { nearestInHeight(plan.upstream[index]) }
    var downstream: Int? { nearestInHeight(plan.downstream[index]) }

    /// To the next node of the layer; from the last one, to the nearest node of any layer.
    var below: Int? { beside(1) ?? nearest { picture.frames[$0].row > own.row } }
    var above: Int? { beside(-1) ?? nearest { picture.frames[$0].row < own.row } }

    var first: Int? { picture.layers.first?.first }
    var last: Int? { picture.layers.last?.first }

    private var own: GraphPicture.Frame { picture.frames[index] }

    private func nearestInHeight(_ candidates: [Int]) -> Int? {
        candidates.min { abs(picture.frames[$0].row - own.row) < abs(picture.frames[$1].row - own.row) }
    }

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
        return picture.frames.indices.filter { $0 != index && fits($0) }.min { distance($0) < distance($1) }
    }
}
