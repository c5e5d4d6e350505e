import CaudalModel

/// Draws the stages of a run and their dependencies, laid out as in the dashboard.
struct GraphSVG {
    private let report: RunReport
    private let graph: LayeredGraph
    private let rows: [Int]
    private let edges: [(from: Int, to: Int)]

    private static let card = (width: 190.0, height: 46.0)
    /// The distance of two rows; a card takes two rows, a passing line takes one.
    private static let rowHeight = 33.0
    /// The distance between the left edges of adjacent layers.
    private static let layerWidth = 250.0
    private static let margin = 8.0
    private static let nameLength = 22

    init(_ report: RunReport) {
        self.report = report
        let plan = report.state.plan
        edges = plan.upstream.enumerated().flatMap { to, needs in needs.map { (from: $0, to: to) } }
        graph = LayeredGraph(nodeCount: plan.stages.count, edges: edges)
        let none = [Int](repeating: 0, count: graph.layerOf.count)
        rows = RowAssignment(graph, above: none, below: none, gap: 1).rows()
    }

    var text: String {
        let width = Double(max(0, graph.layers.count - 1)) * Self.layerWidth + Self.card.width + 2 * Self.margin
        let height = Double(rows.max() ?? 0) * Self.rowHeight + Self.card.height + 2 * Self.margin
        let lines = zip(edges, graph.chains).map { edge, chain in line(edge, chain) }.joined(separator: "\n")
        let cards = report.stageLines.enumerated().map { card($0.element, $0.offset) }.joined(separator: "\n")
        let size = "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\""
        return "<div class=\"scroll\"><svg class=\"graph\" \(size) style=\"max-width:\(Self.number(width))px;"
            + "min-width:\(Self.number(width * 0.6))px\" role=\"img\"><title>The stages and what they wait for</title>\n"
            + "\(lines)\n\(cards)</svg></div>\n"
    }

    private static func number(_ value: Double) -> String { Sparkline.text(value) }

    private func middle(_ vertex: Int) -> (x: Double, y: Double) {
        (
            Self.margin + Double(graph.layerOf[vertex]) * Self.layerWidth,
            Self.margin + Double(rows[vertex]) * Self.rowHeight + Self.card.height / 2
        )
    }

    /// An edge: curves between layers, and straight lines through the layers that it passes.
    private func line(_ edge: (from: Int, to: Int), _ chain: [Int]) -> String {
        guard let first = chain.first else { return "" }
        var (x, y) = (middle(first).x + Self.card.width, middle(first).y)
        var path = "M\(Self.number(x)),\(Self.number(y))"
        for vertex in chain.dropFirst() {
            let next = middle(vertex)
            let half = (x + next.x) / 2
            path += "C\(Self.number(half)),\(Self.number(y)) \(Self.number(half)),\(Self.number(next.y)) "
            path += "\(Self.number(next.x)),\(Self.number(next.y))"
            (x, y) = next
            if vertex >= graph.nodeCount {
                x += Self.card.width
                path += "H\(Self.number(x))"
            }
        }
        let isBlocked = report.state.stages[edge.to].status == .blocked
        return "<path class=\"edge\(isBlocked ? " blocked" : "")\" d=\"\(path)\"/>"
            + "<path class=\"head\" d=\"M\(Self.number(x)),\(Self.number(y))l-7,-4v8z\"/>"
    }

    private func card(_ line: RunReport.StageLine, _ vertex: Int) -> String {
        let (x, y) = (middle(vertex).x, middle(vertex).y - Self.card.height / 2)
        let tone = line.tone
        let name = line.planned.id.rawValue
        let size = "width=\"\(Self.number(Self.card.width))\" height=\"\(Self.number(Self.card.height))\""
        return "<g class=\"node \(tone.rawValue)\" transform=\"translate(\(Self.number(x)),\(Self.number(y)))\">"
            + "<title>\(HTMLText.escaped("\(name): \(line.status)"))</title>"
            + "<rect class=\"card\" \(size) rx=\"7\"/><rect class=\"side\" width=\"5\" height=\"\(Self.number(Self.card.height))\" rx=\"2.5\"/>"
            + "<text class=\"name\" x=\"16\" y=\"20\">\(HTMLText.escaped(name.shortened(to: Self.nameLength)))</text>"
            + "<text class=\"facts\" x=\"16\" y=\"36\">\(tone.mark) \(HTMLText.escaped(facts(line).shortened(to: 30)))</text></g>"
    }

    private func facts(_ line: RunReport.StageLine) -> String {
        var facts = [line.stage.status == .succeeded ? line.duration?.short ?? "" : line.status]
        if line.stage.hasItems { facts.append(line.stage.items.count.counted("item")) }
        if let rows = line.stage.rows { facts.append(rows.written.shortCounted("row")) }
        return facts.filter { !$0.isEmpty }.joined(separator: " · ")
    }
}
