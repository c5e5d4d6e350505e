import Synchronization

/// A scene of the graph with its layout and the labels of its items.
struct GraphDrawing: Sendable {
    let kind: GraphScene.Kind
    let scene: GraphScene
    let picture: GraphPicture
    let labels: [String]
    /// Whether of the stages that are left out only the number is told, because there is little room.
    var isTerse = false
    /// Whether it is as small as the room that it was made for.
    let fits: Bool
}

/// A drawing that somebody wants: of a scene, in some rows and columns.
struct GraphRequest: Hashable, Sendable {
    let kind: GraphScene.Kind
    let rows: Int
    let columns: Int
    /// Whether a larger one, which is scrolled, is better than none.
    let fallsBack: Bool
}

/// Layouts that were computed: they depend on the plan alone, so that a frame only looks them up.
final class GraphCache: Sendable {
    private struct RoutingKey: Hashable {
        let kind: GraphScene.Kind
        let density: NodeDensity
    }

    private struct LabelKey: Hashable {
        let index: Int
        let width: Int
    }

    private struct Kept {
        var drawings: [GraphRequest: GraphDrawing?] = [:]
        var routings: [RoutingKey: GraphRouting] = [:]
        var outlines: [GraphScene.Kind: (scene: GraphScene, outline: GraphOutline)] = [:]
        var labels: [LabelKey: String] = [:]
        var names: NameLabels?
        var rail: RailLayout?
    }

    private let kept = Mutex(Kept())

    /// Above this number of entries, all are forgotten: whoever walks through a graph sees each focus once.
    private static let limit = 200

    /// Whether a drawing was computed.
    func has(_ key: GraphRequest) -> Bool { kept.withLock { $0.drawings[key] != nil } }

    func drawing(_ key: GraphRequest, _ make: () -> GraphDrawing?) -> GraphDrawing? {
        if let known = kept.withLock({ $0.drawings[key] }) { return known }
        let made = make()
        kept.withLock { kept in
            if kept.drawings.count >= Self.limit {
                kept = Kept(labels: kept.labels, names: kept.names, rail: kept.rail)
            }
            kept.drawings[key] = .some(made)
        }
        return made
    }

    func outline(
        _ kind: GraphScene.Kind, _ make: () -> (scene: GraphScene, outline: GraphOutline)
    ) -> (scene: GraphScene, outline: GraphOutline) {
        if let known = kept.withLock({ $0.outlines[kind] }) { return known }
        let made = make()
        kept.withLock { $0.outlines[kind] = made }
        return made
    }

    func routing(_ kind: GraphScene.Kind, _ density: NodeDensity, _ make: () -> GraphRouting)
        -> GraphRouting
    {
        let key = RoutingKey(kind: kind, density: density)
        if let known = kept.withLock({ $0.routings[key] }) { return known }
        let made = make()
        kept.withLock { $0.routings[key] = made }
        return made
    }

    func names(_ make: () -> NameLabels) -> NameLabels {
        if let known = kept.withLock({ $0.names }) { return known }
        let made = make()
        kept.withLock { $0.names = made }
        return made
    }

    func label(_ index: Int, width: Int, _ make: () -> String) -> String {
        let key = LabelKey(index: index, width: width)
        if let known = kept.withLock({ $0.labels[key] }) { return known }
        let made = make()
        kept.withLock { $0.labels[key] = made }
        return made
    }

    func rail(_ make: () -> RailLayout) -> RailLayout {
        if let known = kept.withLock({ $0.rail }) { return known }
        let made = make()
        kept.withLock { $0.rail = made }
        return made
    }
}
