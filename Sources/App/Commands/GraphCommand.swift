import ArgumentParser
import Engine

/// `caudal graph`: the stages and what they wait for.
struct GraphCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Draw a pipeline's stages and edges.")

    /// The forms a graph comes in.
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, dot, mermaid }

    @Argument(help: "The pipeline file.")
    var file: String

    @Option(help: "text, dot (Graphviz) or mermaid.")
    var format: Format = .text

    @Option(name: [.customLong("env"), .short], help: "One of the file's environments.")
    var environment: String?

    @Option(help: "Draw these stages only: 'stage', '+stage', 'stage+', 'group:x'.")
    var select: String?

    @Flag(help: "Draw with ASCII characters only.")
    var ascii = false

    @OptionGroup var project: ProjectOptions

    func run() async throws {
        let pipeline = try project.load(file, environment: environment).pipeline
        var stages = pipeline.stages.map(\.id)
        if let select {
            do throws(Selector.Fault) {
                let chosen = try Selector(select).stages(among: pipeline.candidates)
                stages.removeAll { !chosen.contains($0) }
            } catch { throw ValidationError(error.message) }
        }
        let upstream = pipeline.upstream.mapValues { needs in stages.filter(needs.contains) }
        switch format {
        case .dot: Output.write(GraphText.dot(pipeline.name, stages, upstream), to: 1)
        case .mermaid: Output.write(GraphText.mermaid(stages, upstream), to: 1)
        case .text: for line in GraphText.list(stages, upstream) { Output.line(line) }
        }
    }
}

/// A graph as text for other programs, and as a picture in cells.
enum GraphText {
    private static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\\\"") + "\"" }

    static func dot(_ name: String, _ stages: [StageID], _ upstream: [StageID: [StageID]]) -> String {
        var text = "digraph \(quoted(name)) {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n"
        for stage in stages { text += "  \(quoted(stage.rawValue));\n" }
        for stage in stages {
            for need in upstream[stage] ?? [] { text += "  \(quoted(need.rawValue)) -> \(quoted(stage.rawValue));\n" }
        }
        return text + "}\n"
    }

    static func list(_ stages: [StageID], _ upstream: [StageID: [StageID]]) -> [String] {
        stages.map { stage in
            let needs = upstream[stage] ?? []
            return needs.isEmpty ? stage.rawValue : "\(stage) ← \(needs.map(\.rawValue).joined(separator: ", "))"
        }
    }

    static func mermaid(_ stages: [StageID], _ upstream: [StageID: [StageID]]) -> String {
        var names: [StageID: String] = [:]
        for (index, stage) in stages.enumerated() { names[stage] = "s\(index)" }
        var text = "flowchart LR\n"
        for stage in stages {
            text += "  \(names[stage] ?? "")[\"\(stage.rawValue.replacing("\"", with: "#quot;"))\"]\n"
        }
        for stage in stages {
            for need in upstream[stage] ?? [] { text += "  \(names[need] ?? "") --> \(names[stage] ?? "")\n" }
        }
        return text
    }
}
