import CaudalModel
import Engine

/// The run's graph as the dashboard draws it, computed once from the plan.
struct GraphModel: Sendable {
    let names: [String]
    let edges: [(from: Int, to: Int)]
    /// The graph drawn at several sizes, the most detailed first.
    let pictures: [GraphPicture]
    let rail: RailLayout

    /// The sizes at which a graph is drawn: the detail of a node, and the minimum and maximum width of its text.
    private static let sizes: [(density: NodeDensity, least: Int, most: Int)] = [
        (.card, 16, 26), (.card, 11, 22), (.detailed, 16, 24), (.detailed, 12, 20), (.short, 4, 18), (.short, 4, 12),
    ]

    /// Above this number of stages, pictures have short nodes only.
    private static let detailLimit = 120

    init(_ plan: RunPlan) {
        names = plan.stages.map(\.id.rawValue)
        let edges = plan.upstream.enumerated().flatMap { to, needs in needs.map { (from: $0, to: to) } }
        self.edges = edges
        // The name of a fan-out is followed by the number of its items.
        let widths = plan.stages.map { TextWidth.of($0.id.rawValue) + ($0.fanOut == nil ? 0 : 4) }
        let sizes = plan.stages.count > Self.detailLimit ? [Self.sizes[4]] : Self.sizes
        pictures = sizes.map { size in
            GraphPicture(
                nodeCount: plan.stages.count, edges: edges, names: widths, least: size.least, most: size.most,
                density: size.density)
        }
        rail = RailLayout(nodeCount: plan.stages.count, edges: edges, layers: pictures.last?.layers ?? [])
    }

    /// The most detailed picture that fits into the given size; nil if none fits.
    func picture(fitting rows: Int, _ columns: Int) -> GraphPicture? {
        pictures.first { $0.height <= rows && $0.width <= columns }
    }
}
