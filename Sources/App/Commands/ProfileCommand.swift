import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal profile`: statistics of a dataset, and checks that it passes now.
struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Show statistics of a file or of a dataset of a pipeline, or suggest checks that it passes.")

    @Argument(
        help: "A file (.csv, .tsv, .parquet, .json, .jsonl, .xlsx; '*' matches several), or a dataset of --pipeline.")
    var subject: String

    @Option(help: "The pipeline file that the dataset belongs to.")
    var pipeline: String?

    @Flag(help: "Print a 'checks:' block that the data passes, to paste into a stage of a pipeline file.")
    var suggest = false

    @Flag(help: "Print the profile as JSON.")
    var json = false

    @Option(name: .environment, help: .environment)
    var environment: String?

    @Option(
        name: [.customLong("param"), .short], help: "Set a parameter of the pipeline, as name=value; may be repeated.")
    var parameters: [String] = []

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        if suggest, json { throw ValidationError("--suggest and --json cannot be given together") }
        if pipeline == nil, !parameters.isEmpty || environment != nil {
            throw ValidationError("--param and --env need --pipeline")
        }
    }

    func run() async throws {
        let loaded = try pipeline.map { try state.project.load($0, environment: environment) } ?? single()
        let name = DatasetName(pipeline == nil ? Self.single : subject)
        guard loaded.pipeline.dataset(name) != nil else {
            let names = loaded.pipeline.datasets.map(\.name.rawValue)
            throw ValidationError(
                "\(loaded.pipeline.file) has no dataset '\(subject)'" + Suggestion.phrase(for: subject, among: names))
        }
        let given = try NameValueArguments.parameters(parameters, of: loaded.pipeline)
        let found = try await state.withReadOnlyServices(root: loaded.pipeline.root) { services in
            try await Output.reporting { try await profile(of: name, loaded, given, services) }
        }
        if json { return Output.json(found) }
        if suggest {
            Output.line("# passed by the \(found.rows.counted("row")) of \(subject) now")
            return Output.document(CheckSuggestion(found).text)
        }
        for line in ProfileText(found, title: subject).lines(Paint(color)) { Output.line(line) }
    }

    private func profile(
        of name: DatasetName, _ loaded: LoadedPipeline, _ given: [String: String], _ services: RunServices
    ) async throws -> DataProfile {
        let now = services.now()
        let plan = try Planner(
            loaded, request: RunRequest(parameters: given), now: now, machine: MachineResources.total
        ).plan()
        let facts = loaded.facts(of: "profiled", started: now, parameters: plan.parameters)
        let tools = services.tools(
            for: loaded, parameters: plan.parameters, folder: services.state.path + "/questions")
        let tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: tools)
        let resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
        let found = try await resolver.sources(of: [name], from: DataOrigins()) { template in
            // The outputs of all items of a fan-out are one dataset.
            template.filled { reference in if case .item = reference { "*" } else { facts.value(of: reference) ?? "" } }
        }
        guard var source = found[name] else { throw Failure("the dataset '\(name)' was not found") }
        let copies = tools.folder + "/tables-\(UInt64.random(in: 0 ... .max))"
        // A copy that cannot be removed is left: nothing reads it again.
        defer { try? FileManager.default.removeItem(atPath: copies) }
        if source.table != nil {
            try FileManager.default.createDirectory(
                atPath: copies, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            source.files = [copies + "/table.parquet"]
            try await tables.copy(source, to: source.files[0])
        }
        for note in source.notes { Output.error("note: \(note)") }
        source = try await source.madePlain(in: copies + "/plain", tools)
        if loaded.pipeline.producer(of: name) != nil, source.format == .csv {
            // The columns of a CSV file that a stage wrote have the types that the stage gives them.
            let known = await services.examination(of: loaded, plan: plan).findings().sources[name]
            if let known, known.columnNames == source.columnNames {
                (source.columns, source.isOwn) = (known.columns, known.isOwn)
            }
        }
        return try await Profiler(source, tools: tools, now: now).profile()
    }

    // MARK: - A file alone

    private static let single = "data"

    /// A pipeline of one dataset: the file that the user named.
    private func single() throws -> LoadedPipeline {
        let path = PathText.absolute(subject, in: state.project.currentFolder)
        guard let format = Dataset.Format(path: subject) else {
            throw ValidationError(
                "'\(subject)' does not end in .csv, .tsv, .parquet, .json, .jsonl or .xlsx; for a dataset, give its --pipeline"
            )
        }
        let place = SourceLocation.whole(subject)
        let dataset = Dataset(
            name: DatasetName(Self.single), place: .path(Template(text: path), format: format), location: place,
            placeLocation: place)
        let root = state.project.chosenFolder ?? state.project.currentFolder
        return LoadedPipeline(of: dataset, file: subject, root: root, variables: state.variables)
    }
}

/// Formats a profile as lines.
struct ProfileText {
    private let profile: DataProfile
    private let title: String

    init(_ profile: DataProfile, title: String) {
        self.profile = profile
        self.title = title
    }

    func lines(_ paint: Paint) -> [StyledText] {
        let size = "\(profile.rows.counted("row")), \(profile.columns.count.counted("column"))"
        let files = profile.files > 1 ? ", \(profile.files.counted("file"))" : ""
        var lines: [StyledText] = ["\(title)  \(size)\(files)"]
        if profile.brokenLines > 0 {
            lines.append(
                "\(profile.brokenLines.counted("malformed line")) skipped; a validate stage lists them")
        }
        if profile.isEstimated { lines.append(paint.dim("distinct values and quantiles are estimates (≈)")) }
        for column in profile.columns { lines += [""] + self.lines(of: column, paint) }
        return lines
    }

    private func lines(of column: DataProfile.ColumnProfile, _ paint: Paint) -> [StyledText] {
        let fits = column.fits == column.type ? "" : " that is always \(column.fits)"
        let about = profile.isEstimated ? "≈" : ""
        let missing = profile.rows == 0 ? 0 : Double(column.nulls) / Double(profile.rows) * 100
        let nulls = column.nulls == 0 ? "no nulls" : "\(column.nulls.grouped) nulls (\(missing.rounded(to: 2))%)"
        let filled = profile.rows - column.nulls
        let mostly = column.mostly.map { " (\($0.rows.grouped) of \(filled.grouped) look like \($0.type))" } ?? ""
        let facts = "\(column.type)\(fits)\(mostly), \(nulls), \(about)\(column.distinct.grouped) distinct"
        var lines: [StyledText] = ["\(column.name)  \(paint.dim(facts))"]
        func add(_ name: String, _ value: String) {
            let label = name + String(repeating: " ", count: max(0, 10 - name.count))
            lines.append("  \(paint.dim(label))\(value)")
        }
        if let min = column.min, let max = column.max {
            add("range", "\(min.shortened(to: 60)) to \(max.shortened(to: 60))")
        }
        if column.notFinite > 0 { add("odd", "\(column.notFinite.grouped) NaN or infinite") }
        if let missing = column.missing { add("missing", missing) }
        if let mean = column.mean {
            add("mean", "\(mean.rounded(to: 4))" + (column.deviation.map { ", deviation \($0.rounded(to: 4))" } ?? ""))
        }
        if column.quantiles.count == 5 {
            let names = ["5%", "25%", "50%", "75%", "95%"]
            add("quantiles", zip(names, column.quantiles).map { "\($0) \($1)" }.joined(separator: "   "))
        }
        if column.histogram.contains(where: { $0 > 0 }) { add("histogram", Self.blocks(column.histogram)) }
        let isKey = column.distinct == profile.rows - column.nulls
        if !isKey || profile.rows < 6 {
            let top = column.top.prefix(5).map { "\($0.value.shortened(to: 30)) ×\($0.rows.grouped)" }
            if !top.isEmpty { add("top", top.joined(separator: "   ")) }
        }
        return lines
    }

    /// A histogram in blocks of eight heights; a bin with any row is never blank.
    static func blocks(_ counts: [Int64]) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let most = max(1, counts.max() ?? 1)
        return String(
            counts.map { count in
                count == 0 ? " " : blocks[min(7, Int(Double(count) / Double(most) * 8))]
            })
    }
}
