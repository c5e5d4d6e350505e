import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal explain`: the SQL of a stage.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Print the SQL of a data stage as a script for plain duckdb or Spark, or what a stage of another type runs.",
        discussion: CommandHelp.paragraphs(
            """
            To run the script, save it and call 'duckdb -f FILE' in the project's folder; it writes the outputs in place.
            Secrets are printed as ••••; replace them before running the script.
            """))

    @Argument(help: .pipelineFile)
    var file: String

    @Argument(help: "The stage.")
    var stage: String

    @Option(name: .environment, help: .environment)
    var environment: String?

    @Option(name: [.customLong("param"), .short], help: "Set a parameter, as name=value; may be repeated.")
    var parameters: [String] = []

    @Option(help: "The item of a fan-out, as name=value (default: the first item).")
    var item: [String] = []

    @Option(help: "The engine whose SQL is printed, duckdb or spark (default: the one that the stage runs on).")
    var engine: EngineChoice?

    @OptionGroup var state: StateOptions

    func run() async throws {
        var loaded = try state.project.load(file, environment: environment)
        if engine == .auto {
            throw ValidationError("'--engine' is duckdb or spark: 'auto' depends on the size of the inputs")
        }
        for index in loaded.pipeline.stages.indices where loaded.pipeline.stages[index].definition.runsOnSpark {
            // What decides by size is shown for one machine unless it is asked for.
            let own = loaded.pipeline.stages[index].engine
            loaded.pipeline.stages[index].engine = engine ?? (own == .auto ? .duckdb : own)
        }
        guard let stage = loaded.pipeline.stage(StageID(self.stage)) else {
            let names = loaded.pipeline.stages.map(\.id.rawValue)
            throw ValidationError(
                "\(file) has no stage '\(self.stage)'" + Suggestion.phrase(for: self.stage, among: names))
        }
        let given = try NameValueArguments.parameters(parameters, of: loaded.pipeline)
        let text = try await state.withReadOnlyServices(root: loaded.pipeline.root) { [loaded] services in
            try await Output.reporting { try await explain(stage, loaded, given, services) }
        }
        Output.document(text)
    }

    private func explain(
        _ stage: Stage, _ loaded: LoadedPipeline, _ given: [String: String], _ services: RunServices
    ) async throws -> String {
        let now = services.now()
        let request = RunRequest(parameters: given)
        let plan = try Planner(loaded, request: request, now: now, machine: MachineResources.total).plan()
        let facts = loaded.facts(of: "explained", started: now, parameters: plan.parameters)
        let looking = services.tools(
            for: loaded, parameters: plan.parameters, folder: services.state.path + "/questions")
        let tools = looking.running(on: stage.engine)
        let masker = tools.masker
        var attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: stage, facts: facts, sql: tools.sql, schemas: loaded.schemas,
            now: now)
        attempt.engine = stage.engine
        if let words = stage.type.explanation(for: attempt) { return masker.masked(words) + "\n" }
        let examination = PipelineExamination(loaded, facts: facts, tools: looking)
        let findings = try await examination.soundFindings(of: [stage.id])
        for name in stage.reads.map(\.value) { if let failure = findings.unknown[name] { throw failure } }
        // No more than the stage reads: what others will write need not be there.
        let names = Set(stage.reads.map(\.value))
        attempt.sources = findings.sources.filter { names.contains($0.key) }
        attempt.queryColumns = findings.queryColumns[stage.id] ?? [:]
        // What could not be answered is asked once more, and then it is a fault: SQL without it would be other SQL.
        try await attempt.findQueryColumns(tools)
        if stage.fanOut != nil { attempt.item = try await chosenItem(attempt, tools) }
        // From here on paths are as the file writes them, so that the SQL runs in the project's folder.
        var fetched: [String] = []
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            attempt.sources[name]?.files = source.files.enumerated().map { index, file in
                guard let address = source.addresses[file] else {
                    return PathText.relative(file, to: loaded.pipeline.root)
                }
                let place = "fetched/\(name)/\(index)/\(PathText.lastComponent(of: file))"
                fetched.append("\(stage.definition.runsProgram ? "#" : "--") Fetch \(address) as \(place) first.\n")
                return place
            }
        }
        let tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: looking)
        var links: [DatasetName: DatabaseLink] = [:]
        if stage.engine == .spark {
            fetched += attempt.nameParquet(for: tools.engine)
        } else {
            if !stage.definition.runsProgram { fetched += attempt.nameCopies() }
            links = try await findTables(&attempt, tables)
        }
        try await findExisting(&attempt, SourceResolver(pipeline: loaded.pipeline, tools: looking, tables: tables))
        await tools.engine.close()
        return masker.masked(
            fetched.joined()
                + text(
                    of: try stage.type.work(for: attempt), tools, loaded.pipeline.secretNames, links,
                    root: loaded.pipeline.root))
    }

    /// Finds what the output of a stage holds that adds to it: without that, the SQL run by hand would replace it.
    private func findExisting(_ attempt: inout StageAttempt, _ resolver: SourceResolver) async throws {
        guard let output = attempt.stage.definition.mergedOutput, let dataset = attempt.pipeline.dataset(output) else {
            return
        }
        let path = attempt.target(output)
        let place = PathText.absolute(path, in: attempt.pipeline.root)
        guard FileText.exists(place) else { return }
        attempt.existing = try await resolver.source(published: [place], of: dataset)
        // Whether its times are points in time only the run knows that wrote it: they are taken for what the stage gives.
        for column in try attempt.stage.type.outputColumns(attempt.typing)[output] ?? [] where column.type == .timestamp
        {
            guard let index = attempt.existing?.columns.firstIndex(of: Column(column.name, .localTimestamp)) else {
                continue
            }
            attempt.existing?.columns[index] = column
        }
        if let existing = attempt.existing, let watermark = attempt.stage.type.merge?.watermark {
            attempt.start = try await watermark.start(in: existing, resolver.tools, root: attempt.pipeline.root)
        }
        attempt.existing?.files = [path]
    }

    private func chosenItem(_ attempt: StageAttempt, _ tools: DataTools) async throws -> Item {
        if !item.isEmpty {
            let values = try NameValueArguments.read(item, option: "--item")
            let names = attempt.stage.fanOut?.variables.map(\.name) ?? []
            return Item(key: ItemKey(values: names.map { values[$0] }), values: values.mapValues { $0 })
        }
        // The engine would only say that it cannot read the file.
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) where source.table == nil {
            guard !source.files.isEmpty, try source.files.allSatisfy({ try Glob.files(matching: $0).isEmpty }) else {
                continue
            }
            throw Failure(
                "the items of '\(attempt.stage.id)' are found in its data, and '\(name)' is not there yet",
                remedy: "run the pipeline first, or name an item with --item name=value")
        }
        let finder = FanOutItems(attempt)
        guard let first = try await finder.first(tools) else {
            throw Failure("'foreach' of this stage gives no items now", remedy: "name one with --item name=value")
        }
        return first
    }

    /// Lets a stage read tables where they are, and finds the one that it loads.
    private func findTables(
        _ attempt: inout StageAttempt, _ tables: TableReader
    ) async throws -> [DatasetName: DatabaseLink] {
        var links: [DatasetName: DatabaseLink] = [:]
        let names = attempt.stage.dataNames
        for (name, source) in attempt.sources {
            guard let table = source.table, names.contains(name) else { continue }
            let link = try tables.link(of: table)
            links[name] = link
            attempt.sources[name]?.tableQuery = link.query(source)
        }
        if let output = attempt.stage.loadOutput, let dataset = attempt.pipeline.dataset(output) {
            attempt.loadTarget = try await tables.target(of: dataset, record: nil)
        }
        return links
    }

    /// What brings a database into a script; a password is found by the database's own library.
    private func attachment(
        of link: DatabaseLink, isReadOnly: Bool, root: String, _ sql: any SQLDialect
    ) -> [String] {
        sql.preparation(for: link.kind)
            + (link.kind.isFolderOfTables ? [] : [link.printedAttachment(isReadOnly: isReadOnly, root: root) + ";"])
    }

    private func text(
        of work: StageWork, _ tools: DataTools, _ names: SecretNames, _ links: [DatasetName: DatabaseLink], root: String
    ) -> String {
        switch work {
        case .command(let command):
            let words = command.arguments.map(ShellText.word).joined(separator: " ")
            let variables = names.hidden(command.environment).sorted { $0.key < $1.key }.map { name, value in
                "#   \(name)=\(value)\n"
            }.joined()
            return words + "\n" + (variables.isEmpty ? "" : "# with these variables besides its own:\n" + variables)
        case .load(let work):
            let record = LoadRecord(rows: 0, fingerprint: "(of the rows)")
            let examination = text(of: .data(work.examination), tools, names, links, root: root)
            if let store = work.target.link.store {
                return examination + "\n-- What is put at \(store.url(of: work.target.table.name))\n"
                    + tools.sql.text(of: work.load(record), prelude: [])
            }
            return examination + "\n-- The transaction\n"
                + attachment(of: work.target.link, isReadOnly: false, root: root, tools.sql).joined(separator: "\n")
                + "\n" + tools.sql.text(of: work.load(record), prelude: [])
        case .inProcess: return "-- this stage has no SQL: caudal does its work itself\n"
        case .data(let work):
            var databases: [String] = []
            var attached: Set<String> = []
            for link in work.reads.compactMap({ links[$0.dataset] }) where attached.insert(link.name).inserted {
                databases += attachment(of: link, isReadOnly: true, root: root, tools.sql)
            }
            let folders = Set(work.outputs.map { PathText.folder(of: $0.target) }).filter { !$0.isEmpty }.sorted()
            let settings = tools.engine.settings(
                memory: work.memory ?? tools.defaultMemory, threads: work.threads, attaching: databases,
                folders: folders)
            return tools.sql.text(of: work.script, prelude: settings)
        }
    }
}
