import CaudalModel
import ArgumentParser
import Engine

/// `caudal graph`: draws the stages and their dependencies.
struct GraphCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Draw the graph of a pipeline: its stages and their dependencies.")

    /// Output formats.
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, dot, mermaid }

    @Argument(help: .pipelineFile)
    var file: String

    @Option(help: "Output format; dot is for Graphviz.")
    var format: Format = .text

    @Option(name: .environment, help: .environment)
    var environment: String?

    @OptionGroup var selection: SelectOptions

    @Flag(help: "Draw with ASCII characters only.")
    var ascii = false

    @OptionGroup var project: ProjectOptions

    func run() async throws {
        let pipeline = try project.load(file, environment: environment).pipeline
        var stages = pipeline.stages.map(\.id)
        if let chosen = try selection.stages(of: pipeline) { stages.removeAll { !chosen.contains($0) } }
        let upstream = pipeline.upstream.mapValues { needs in stages.filter(needs.contains) }
        switch format {
        case .dot: Output.document(GraphText.dot(pipeline.name, stages, upstream))
        case .mermaid: Output.document(GraphText.mermaid(stages, upstream))
        case .text: for line in GraphText.picture(stages, upstream, ascii: ascii) { Output.line(plain: line) }
        }
    }
}

/// Prints a graph as text for other programs, and as a drawing.
enum GraphText {
    private static func quoted(_ name: String) -> String { "\"" + name.replacing(scalar: "\"", with: "\\\"") + "\"" }

    static func dot(_ name: String, _ stages: [StageID], _ upstream: [StageID: [StageID]]) -> String {
        var text = "digraph \(quoted(name)) {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n"
        for stage in stages { text += "  \(quoted(stage.rawValue));\n" }
        for stage in stages {
            for need in upstream[stage] ?? [] { text += "  \(quoted(need.rawValue)) -> \(quoted(stage.rawValue));\n" }
        }
        return text + "}\n"
    }

    /// The graph from left to right, as the dashboard draws it, without states.
    static func picture(_ stages: [StageID], _ upstream: [StageID: [StageID]], ascii: Bool) -> [String] {
        var places: [StageID: Int] = [:]
        for (place, stage) in stages.enumerated() { places[stage] = place }
        let edges = stages.enumerated().flatMap { to, stage in
            (upstream[stage] ?? []).compactMap { places[$0] }.map { (from: $0, to: to) }
        }
        let canvas = canvas(stages.map(\.rawValue), edges)
        let lines = (0..<canvas.height).map { canvas.text(row: $0) }
        return ascii ? lines.map(ASCIIDrawing.text(of:)) : lines
    }

    /// The cells of the drawing.
    static func canvas(_ names: [String], _ edges: [(from: Int, to: Int)]) -> CellBuffer {
        let picture = GraphPicture(
            nodeCount: names.count, edges: edges, names: names.map(TextWidth.of), least: 1,
            density: .short)
        var canvas = CellBuffer(width: picture.width, height: picture.height)
        var grid = LineGrid(width: picture.width, height: picture.height)
        for stroke in picture.strokes.joined() { grid.add(stroke, weight: .light, priority: 1) }
        for (row, column, crossing) in grid.crossings {
            canvas.set(LineGrid.glyph(crossing), row: row, column: column, style: .plain)
        }
        for head in picture.heads { canvas.set("▸", row: head.row, column: head.column, style: .plain) }
        for (name, frame) in zip(names, picture.frames) {
            canvas.write("● " + name, row: frame.row, column: frame.column)
        }
        return canvas
    }

    static func mermaid(_ stages: [StageID], _ upstream: [StageID: [StageID]]) -> String {
        var names: [StageID: String] = [:]
        for (index, stage) in stages.enumerated() { names[stage] = "s\(index)" }
        var text = "flowchart LR\n"
        for stage in stages {
            text += "  \(names[stage] ?? "")[\"\(stage.rawValue.replacing(scalar: "\"", with: "#quot;"))\"]\n"
        }
        for stage in stages {
            for need in upstream[stage] ?? [] { text += "  \(names[need] ?? "") --> \(names[stage] ?? "")\n" }
        }
        return text
    }
}
