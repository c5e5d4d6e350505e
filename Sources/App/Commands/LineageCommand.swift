import CaudalModel
import ArgumentParser
import Engine

/// `caudal lineage`: which inputs each output was made from.
struct LineageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Show which file versions each output of a run was made from, or the lineage within a pipeline.",
        discussion: CommandHelp.paragraphs(
            """
            For a run, the command lists each published file and its inputs, with sizes and fingerprints. For the path of a
            published file, it uses the run whose version is at that path now; if no run's version is there, it uses the
            newest run that wrote the path. For a pipeline file, it shows datasets.

            --columns shows which columns each column is computed from. For a run, the command then uses the pipeline file as
            recorded with the run, and the columns that external files have now.
            """))

    /// Output formats.
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, dot }

    @Argument(help: "A run (its ID, the start or end of the ID, or 'last'), a published file, or a pipeline file.")
    var subject: String = "last"

    @Flag(help: "Show the lineage of columns.")
    var columns = false

    @Option(help: "Output format: json prints one object per line, dot is for Graphviz.")
    var format: Format = .text

    @Option(name: .environment, help: .environment)
    var environment: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        if [".yaml", ".yml"].contains(where: subject.hasSuffix) {
            let loaded = try state.project.load(subject, environment: environment)
            return show(try await lineage(of: loaded), title: loaded.pipeline.name, showsColumns: columns)
        }
        let store = try state.openStore()
        let (found, only) = try Output.reporting { try chosen(store) }
        guard columns else { return show(RunLineage(found), of: found, only: only) }
        let file = store.folder.run(found.id).pipelineFile
        let loaded = try state.project.load(file, environment: found.plan.environment, root: found.plan.root)
        // Columns do not depend on secrets: if the secret values are lost, the recorded parameters are enough.
        let folder = store.folder.run(found.id)
        let parameters = (try? folder.filled(found.plan.parameters)) ?? found.plan.parameters
        show(
            try await lineage(of: loaded, parameters: parameters),
            title: "\(found.plan.pipeline) \(found.id)", showsColumns: true)
    }

    /// The run, and the file of it that the user asked for.
    private func chosen(_ store: RunStore) throws -> (run: RunState, only: String?) {
        let folder = PathText.folder(of: store.folder.path)
        let path = PathText.absolute(subject, in: state.project.currentFolder)
        // After a restore, the file may be an older run's version again.
        let finder = VersionFinder(store: store, root: folder)
        if let found = try finder.publication(at: path) { return (try store.state(of: found.run), found.artifact.path) }
        for name in [subject, PathText.relative(path, to: folder), path] {
            guard let run = try store.lastWriter(of: name) else { continue }
            Output.error("note: the file at \(name) is not the version of any run; showing what run \(run) published")
            return (try store.state(of: run), name)
        }
        if subject.contains("/") || FileText.exists(path) {
            throw Failure("no run published '\(subject)'", remedy: "'caudal lineage RUN' lists what a run published")
        }
        return (try store.state(of: try store.find(subject)), nil)
    }

    private func lineage(
        of loaded: LoadedPipeline, parameters: [String: String] = [:]
    ) async throws -> PipelineLineage {
        try await state.withReadOnlyServices(root: loaded.pipeline.root) { services in
            try await Output.reporting {
                let now = services.now()
                let known = parameters.filter { given in loaded.pipeline.parameters.contains { $0.name == given.key } }
                let plan = try Planner(
                    loaded, request: RunRequest(parameters: known), now: now, machine: MachineResources.total
                ).plan()
                let findings = await services.examination(of: loaded, plan: plan, takesWhatLies: true).findings()
                if columns, let fault = findings.faults.first { throw fault }
                return try PipelineLineage(loaded, findings)
            }
        }
    }

    // MARK: - Files

    private func show(_ lineage: RunLineage, of run: RunState, only: String?) {
        let outputs = lineage.outputs.filter { only == nil || $0.file.path == only }
        if outputs.isEmpty { return Output.error("run \(run.id) published nothing") }
        switch format {
        case .json: for output in outputs { Output.json(FileLine(output, run.id)) }
        case .dot: Output.document(LineageDot.text(run, outputs))
        case .text:
            Output.line("\(run.plan.pipeline) ▸ \(run.id)")
            for output in outputs {
                let rows = output.rowCount.map { ", \($0.counted("row"))" } ?? ""
                Output.line("")
                Output.line("\(output.file.path)  by \(output.file.writer ?? "")  \(words(output.file))\(rows)")
                if output.inputs.isEmpty { Output.line("  made from no file that the pipeline names") }
                let table = output.inputs.map { input in
                    [
                        "  ← " + input.path, words(input),
                        input.writer.map { "by \($0)" } ?? input.madeBy.map { "by run \($0)" } ?? "from outside",
                    ]
                }
                Output.table(table)
                let roots = output.roots.map(\.path)
                if !roots.isEmpty, output.inputs.contains(where: { $0.writer != nil }) {
                    Output.line(plain: "  original sources: " + roots.joined(separator: ", "))
                }
            }
        }
    }

    private func words(_ file: RunLineage.File) -> String {
        "\(file.sizeInBytes.shortBytes)  \(file.contentHash ?? "—")"
    }

    /// A file and what it was made from, as JSON.
    private struct FileLine: Encodable {
        struct File: Encodable {
            var path: String
            var bytes: Int64
            var hash: String?
            var writer: String?
            var madeBy: String?

            init(_ file: RunLineage.File) {
                (path, bytes, hash, writer) = (file.path, file.sizeInBytes, file.contentHash, file.writer)
                madeBy = file.madeBy?.rawValue
            }
        }

        var run: String
        var file: File
        var dataset: String?
        var rows: Int64?
        var inputs: [File]
        var roots: [File]

        init(_ output: RunLineage.Output, _ id: RunID) {
            run = id.rawValue
            file = File(output.file)
            dataset = output.dataset?.rawValue
            rows = output.rowCount
            inputs = output.inputs.map(File.init)
            roots = output.roots.map(File.init)
        }
    }

    // MARK: - Datasets and columns

    private func show(_ lineage: PipelineLineage, title: String, showsColumns: Bool) {
        switch format {
        case .json: for stage in lineage.stages { Output.json(StageLine(stage, lineage)) }
        case .dot: Output.document(LineageDot.text(title, lineage, columns: showsColumns))
        case .text:
            Output.line(plain: title)
            for stage in lineage.stages {
                Output.line("")
                let outputs = stage.outputs.map(\.rawValue).joined(separator: ", ")
                let inputs = stage.inputs.map(\.rawValue).joined(separator: ", ")
                Output.line(
                    "\(outputs)  by \(stage.stage) (\(stage.type))  ← \(inputs.isEmpty ? "nothing named" : inputs)")
                guard showsColumns else { continue }
                if stage.columns.isEmpty { Output.line("  its columns are known only once it has run") }
                // The program of a command stage may read anything.
                let unknown = stage.inputs.isEmpty ? "not known" : "a constant"
                let table = stage.columns.map { origin -> [String] in
                    let sources = origin.sources.map(\.description).joined(separator: ", ")
                    return [
                        "  " + origin.column, "← " + (sources.isEmpty ? unknown : sources),
                        origin.changes.joined(separator: ", "),
                    ]
                }
                Output.table(table.map { $0.last == "" ? Array($0.dropLast()) : $0 })
            }
        }
    }

    /// A stage's output with its columns, as JSON.
    private struct StageLine: Encodable {
        struct Column: Encodable {
            var name: String
            var from: [String]
            var changes: [String]
            var roots: [String]
        }

        var stage: String
        var type: String
        var inputs: [String]
        var outputs: [String]
        var columns: [Column]

        init(_ line: StageLineage, _ all: PipelineLineage) {
            stage = line.stage.rawValue
            type = line.type
            inputs = line.inputs.map(\.rawValue)
            outputs = line.outputs.map(\.rawValue)
            columns = line.columns.map { origin in
                let roots = Set(origin.sources.flatMap { all.roots(of: $0) }).sorted()
                return Column(
                    name: origin.column, from: origin.sources.map(\.description), changes: origin.changes,
                    roots: roots.map(\.description))
            }
        }
    }
}

/// Lineage for Graphviz.
enum LineageDot {
    static func text(_ run: RunState, _ outputs: [RunLineage.Output]) -> String {
        var nodes: [String] = []
        var edges: [String] = []
        for output in outputs {
            nodes.append(output.file.path)
            for input in output.inputs {
                nodes.append(input.path)
                edges.append(edge(input.path, output.file.path, output.file.writer ?? ""))
            }
        }
        return graph("\(run.plan.pipeline) \(run.id)", nodes, edges)
    }

    static func text(_ title: String, _ lineage: PipelineLineage, columns: Bool) -> String {
        var nodes: [String] = []
        var edges: [String] = []
        for stage in lineage.stages {
            for output in stage.outputs {
                if columns {
                    for origin in stage.columns {
                        nodes.append("\(output).\(origin.column)")
                        nodes += origin.sources.map(\.description)
                        edges += origin.sources.map { source in
                            edge(
                                source.description, "\(output).\(origin.column)", origin.changes.joined(separator: ", ")
                            )
                        }
                    }
                } else {
                    nodes += [output.rawValue] + stage.inputs.map(\.rawValue)
                    for input in stage.inputs {
                        let parts = lineage.parts[input] ?? []
                        nodes += parts.map(\.rawValue)
                        edges += parts.map { edge($0.rawValue, input.rawValue, "by its pattern") }
                    }
                    edges += stage.inputs.map { edge($0.rawValue, output.rawValue, stage.stage.rawValue) }
                }
            }
        }
        return graph(title, nodes, edges)
    }

    private static func graph(_ title: String, _ nodes: [String], _ edges: [String]) -> String {
        var seen: Set<String> = []
        let lines = nodes.filter { seen.insert($0).inserted }.map { "  \(quoted($0));\n" }
        return "digraph \(quoted(title)) {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n\(lines.joined())"
            + "\(edges.joined())}\n"
    }

    private static func edge(_ from: String, _ to: String, _ label: String) -> String {
        "  \(quoted(from)) -> \(quoted(to)) [label=\(quoted(label))];\n"
    }

    private static func quoted(_ name: String) -> String {
        "\""
            + name.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"").replacing(
                scalar: "\n", with: " ") + "\""
    }
}
