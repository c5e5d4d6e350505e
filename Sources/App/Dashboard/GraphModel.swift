import CaudalModel
import Engine

/// The run's graph as the dashboard draws it; its layouts are computed when they are first shown, and kept.
struct GraphModel: Sendable {
    /// The name of each stage; that of a fan-out leaves room for the number of its items.
    let names: [String]
    let upstream: [[Int]]
    let downstream: [[Int]]
    /// The stages, each after what it needs.
    let order: [Int]
    /// The group of each stage: its `group:`, otherwise the beginning of its name that others have too.
    let groups: [String?]

    /// The width of the longest name.
    let longestName: Int
    private let groupNames: [String]
    private let isFanOut: [Bool]
    private let places: [StageID: Int]
    private let cache = GraphCache()
    private let rememberedNames = Remembered<Bool, [SearchedName]>()

    /// The names and groups as they are searched.
    var searchedNames: [SearchedName] {
        rememberedNames.value(for: true) { zip(names, groups).map { SearchedName($0, group: $1) } }
    }

    /// A size of nodes: their detail, the minimum width of their text, and the width below which names are not cut.
    private typealias Size = (density: NodeDensity, least: Int, shortest: Int)

    /// The sizes at which a graph is drawn, the most detailed first.
    private static let sizes: [Size] = [
        (.card, 32, 14), (.card, 24, 14), (.card, 18, 14), (.card, 12, 14), (.detailed, 24, 12), (.detailed, 20, 12),
        (.detailed, 16, 12), (.detailed, 11, 12), (.short, 1, 12),
    ]
    /// The size that is better than a picture of which a part is seen.
    private static let smallest: Size = (.short, 1, 8)
    /// The size of what is around a stage where there is hardly any room: enough for a number in a name.
    private static let tersest: Size = (.short, 1, 5)

    /// Above this number of items, pictures have short nodes only.
    private static let detailLimit = 120
    /// The room for the number of a fan-out's items.
    private static let itemsWidth = 5

    init(_ plan: RunPlan) {
        names = plan.stages.map(\.id.rawValue)
        (upstream, downstream) = (plan.upstream, plan.downstream)
        order = CriticalPath.topologicalIndices(of: plan)
        let isFanOut = plan.stages.map { $0.fanOut != nil }
        self.isFanOut = isFanOut
        longestName =
            zip(names, isFanOut).map { TextWidth.of($0) + ($1 ? Self.itemsWidth : 0) }.max() ?? 0
        var places: [StageID: Int] = [:]
        for (index, stage) in plan.stages.enumerated() { places[stage.id] = index }
        self.places = places
        groups = Self.groups(plan)
        groupNames = Set(groups.compactMap(\.self)).sorted()
    }

    private static func groups(_ plan: RunPlan) -> [String?] {
        func beginning(_ name: String) -> String? {
            name.firstIndex { "_-./".contains($0) }.map { String(name[..<$0]) }
        }
        let beginnings = plan.stages.map { beginning($0.id.rawValue) }
        var counts: [String: Int] = [:]
        for beginning in beginnings { if let beginning { counts[beginning, default: 0] += 1 } }
        return zip(plan.stages, beginnings).map { stage, beginning in
            stage.group ?? beginning.flatMap { counts[$0, default: 0] > 1 ? $0 : nil }
        }
    }

    /// The graph as a list with lanes.
    var rail: RailLayout {
        cache.rail { RailLayout(upstream: upstream, downstream: downstream, order: order) }
    }

    /// Above this number of stages a picture of all of them takes longer to lay out than a key may wait.
    private static let quickLimit = 100

    /// Whether a drawing is there, or is in a moment.
    func isAtHand(_ request: GraphRequest) -> Bool {
        guard case .whole = request.kind, names.count > Self.quickLimit else { return true }
        return cache.has(request)
    }

    /// The drawing that somebody wants; see ``drawing(_:rows:columns:fallsBack:)``.
    func drawing(_ request: GraphRequest) -> GraphDrawing? {
        drawing(request.kind, rows: request.rows, columns: request.columns, fallsBack: request.fallsBack)
    }

    /// The most detailed drawing of a scene that fits into some rows and columns.
    ///
    /// `fallsBack`: whether to make a larger one if none fits, which is scrolled; otherwise nil is returned.
    func drawing(_ kind: GraphScene.Kind, rows: Int, columns: Int, fallsBack: Bool) -> GraphDrawing? {
        cache.drawing(GraphRequest(kind: kind, rows: rows, columns: columns, fallsBack: fallsBack)) {
            let (scene, outline) = cache.outline(kind) {
                let scene = GraphScene(kind, of: self)
                return (scene, GraphOutline(nodeCount: scene.items.count, edges: scene.edges))
            }
            let names = scene.items.map(name)
            // The number of a fan-out's items is never cut.
            let (long, terse) = (scene.items.map { extra($0) }, scene.items.map { extra($0, isTerse: true) })
            func drawing(
                _ size: Size, columns: Int, fits: Bool, isTerse: Bool = false, roomOfOthers: Int? = nil
            ) -> GraphDrawing? {
                let extras = isTerse ? terse : long
                let natural = zip(names, extras).map { TextWidth.of($0) + $1 }
                let routing = cache.routing(kind, size.density) {
                    GraphRouting(outline, density: size.density)
                }
                guard !fits || routing.height <= rows,
                    var widths = routing.widths(
                        natural, columns: roomOfOthers ?? columns, least: size.least, shortest: size.shortest)
                else { return nil }
                // The stage that is looked at has its whole name, whatever room is left for those around it.
                if isTerse || roomOfOthers != nil { widths[0] = natural[0] }
                let labels = zip(scene.items, zip(widths, extras)).map { label($0, width: max(2, $1.0 - $1.1)) }
                // A number in place of a name tells nobody anything.
                if fits, labels.contains(where: NameLabels.isNumbered) { return nil }
                let picture = GraphPicture(
                    routing, names: zip(labels, extras).map { TextWidth.of($0) + $1 }, least: size.least)
                if fits, picture.width > columns { return nil }
                return GraphDrawing(
                    kind: kind, scene: scene, picture: picture, labels: labels, isTerse: isTerse, fits: fits)
            }
            let isLarge = scene.items.count > Self.detailLimit
            let sizes =
                Self.sizes.filter { !isLarge || $0.density == .short } + (fallsBack ? [Self.smallest] : [])
            if case .focus = kind {
                // What it takes is taken from the others.
                for size in sizes {
                    for room in stride(from: columns, to: max(columns - 24, 0), by: -2) {
                        if let found = drawing(size, columns: columns, fits: true, roomOfOthers: room) { return found }
                    }
                }
            }
            for size in sizes {
                if let found = drawing(size, columns: columns, fits: true) { return found }
            }
            guard fallsBack else { return nil }
            // What is around a stage is rather scrolled in one direction than in two.
            if case .focus = kind {
                let found = [Self.sizes[Self.sizes.count - 1], Self.smallest, Self.tersest].compactMap {
                    drawing($0, columns: columns, fits: false, isTerse: true)
                }
                if let fitting = found.first(where: { $0.picture.width <= columns }) ?? found.last { return fitting }
            }
            return drawing((.short, 1, 24), columns: .max, fits: false)
        }
    }

    /// The name of a stage in a list, cut to a width where it is longer; nil for a stage that the graph does not have.
    func label(of stage: StageID, width: Int) -> String? {
        places[stage].map { label($0, width: max(2, width)) }
    }

    /// A label by the place of its stage, or behind the stages by that of its group.
    private func label(_ index: Int, width: Int) -> String {
        cache.label(index, width: width) {
            cache.names { NameLabels((names + groupNames).map { PlainText.sanitized($0) }) }.label(index, width: width)
        }
    }

    /// The label of an item.
    private func label(_ item: GraphScene.Item, width: Int) -> String {
        switch item {
        case .stage(let stage): return label(stage, width: width)
        case .group(let name, _):
            return label(names.count + (groupNames.firstIndex(of: name) ?? 0), width: width)
        case .more: return name(item)
        case .chain(let stages):
            let whole = name(item)
            if TextWidth.of(whole) <= width { return whole }
            let room = max(2, (width - 3) / 2)
            return label(stages[0], width: room) + " … " + label(stages[stages.count - 1], width: room)
        }
    }

    /// The name of an item, without what depends on the state of its stages.
    func name(_ item: GraphScene.Item) -> String {
        switch item {
        case .stage(let stage): PlainText.sanitized(names[stage])
        case .chain(let stages):
            PlainText.sanitized("\(names[stages[0]]) … \(names[stages[stages.count - 1]])")
        case .group(let name, _): PlainText.sanitized(name)
        case .more: "⋯"
        }
    }

    /// What follows the name of an item that stands for several stages.
    static func rest(_ item: GraphScene.Item, isTerse: Bool = false) -> String {
        switch item {
        case .stage: ""
        case .more(_, let stages) where isTerse: " \(stages.count)"
        case .chain(let stages), .group(_, let stages): " (\(stages.count))"
        case .more(let isUpstream, let stages): " \(stages.count) \(isUpstream ? "before" : "after")"
        }
    }

    /// The room that an item needs behind its name.
    private func extra(_ item: GraphScene.Item, isTerse: Bool = false) -> Int {
        switch item {
        case .stage(let stage): isFanOut[stage] ? Self.itemsWidth : 0
        case .chain, .group, .more: Self.rest(item, isTerse: isTerse).count
        }
    }
}
