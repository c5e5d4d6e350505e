import CaudalModel
import Foundation

/// The rules between the parts of a pipeline file, checked once all parts have been read.
enum PipelineRules {
    /// Reports every breach, except those that may only follow from a fault that has been reported.
    static func check(_ pipeline: Pipeline, _ notes: ReadingNotes, _ problems: ConfigProblems) {
        checkNames(pipeline, notes, problems)
        checkTableNames(pipeline, problems)
        checkTables(pipeline, problems)
        checkTypesOfFanOuts(pipeline, problems)
        checkProducers(pipeline, problems)
        checkWatermarks(pipeline, problems)
        checkReferences(pipeline, notes, problems)
        checkVariables(pipeline, problems)
        for stage in pipeline.stages { checkCondition(stage, pipeline, problems) }
        checkSecretsInPaths(pipeline, problems)
        for stage in pipeline.stages where !notes.unsoundStages.contains(stage.id) {
            checkFanOut(stage, pipeline, problems)
        }
        checkCycles(pipeline, problems)
    }

    // MARK: - Names

    private static func checkNames(_ pipeline: Pipeline, _ notes: ReadingNotes, _ problems: ConfigProblems) {
        let stages = pipeline.stages.map(\.id.rawValue)
        let datasets = pipeline.datasets.map(\.name.rawValue)
        for stage in pipeline.stages {
            for need in stage.needs where notes.lacks(need.value.rawValue, in: "stages") {
                problems.report(
                    "stage '\(stage.id)' needs '\(need.value)', which is not defined"
                        + Suggestion.phrase(for: need.value.rawValue, among: stages), at: need.location)
            }
            for need in stage.needs where need.value == stage.id {
                problems.report("stage '\(stage.id)' needs itself", at: need.location)
            }
            for input in stage.reads
            where !input.value.rawValue.isEmpty && notes.lacks(input.value.rawValue, in: "datasets") {
                problems.report(
                    "there is no dataset '\(input.value)'"
                        + Suggestion.phrase(for: input.value.rawValue, among: datasets),
                    at: input.location)
            }
            for output in stage.definition.outputs
            where !output.rawValue.isEmpty && notes.lacks(output.rawValue, in: "datasets") {
                problems.report(
                    "stage '\(stage.id)' writes the dataset '\(output)', which is not defined"
                        + Suggestion.phrase(for: output.rawValue, among: datasets), at: stage.outputLocation)
            }
        }
        for dataset in pipeline.datasets where dataset.name.rawValue.lowercased() == Query.inputName {
            problems.report(
                "a dataset cannot be called '\(dataset.name)': in queries it is the name of the rows so far",
                remedy: "give it another name", at: dataset.location)
        }
        let ofTheEngine = ["duckdb_", "sqlite_", "pragma_"]
        for dataset in pipeline.datasets
        where ofTheEngine.contains(where: dataset.name.rawValue.lowercased().hasPrefix) {
            problems.report(
                "a dataset cannot be called '\(dataset.name)': names of this form are reserved for caudal's own tables",
                remedy: "give it another name", at: dataset.location)
        }
        for input in pipeline.stages.compactMap(\.definition.validatedInput) {
            guard let dataset = pipeline.dataset(input.value), dataset.schema == nil else { continue }
            problems.report(
                "the dataset '\(input.value)' has no schema to validate with",
                remedy: "add 'schema: data/schemas/\(input.value).json' to it", at: input.location)
        }
        for dataset in pipeline.datasets {
            guard let connection = dataset.table?.connection ?? dataset.remote?.connection,
                notes.lacks(connection, in: "connections")
            else { continue }
            problems.report(
                "there is no connection '\(connection)'"
                    + Suggestion.phrase(for: connection, among: pipeline.connections.keys.sorted()),
                at: dataset.location)
        }
    }

    // MARK: - Tables and files

    /// Tables have names that their connections can have.
    private static func checkTableNames(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        for dataset in pipeline.datasets {
            guard let table = dataset.table, let kind = pipeline.connections[table.connection]?.kind,
                table.parts(in: kind) == nil
            else { continue }
            let remedy =
                switch kind {
                case .s3: "write the key of a Parquet object, such as raw/sales.parquet, or a pattern of keys"
                case .delta, .iceberg: "write the path of its folder below that of the connection"
                case .sqlite: "write only its name; 'main' is the only schema"
                case .postgres, .mysql, .duckdb, .http: "write name or schema.name"
                }
            problems.report(
                "'\(table.name)' cannot be a table of the \(kind.rawValue) connection '\(table.connection)'",
                remedy: remedy, at: dataset.placeLocation)
        }
    }

    /// Only data stages read tables of connections; only a load writes one, and it writes nothing else.
    private static func checkTables(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        for stage in pipeline.stages where !stage.definition.runsProgram {
            for dataset in stage.definition.outputs.compactMap(pipeline.dataset) {
                checkForm(of: dataset, writtenBy: stage, problems)
            }
        }
        for stage in pipeline.stages {
            if stage.definition.runsProgram {
                refuseTables(readBy: stage, pipeline, problems)
            } else {
                for dataset in stage.definition.outputs.compactMap(pipeline.dataset) {
                    checkZone(of: dataset, writtenBy: stage, problems)
                }
            }
            if let dataset = stage.definition.mergedOutput.flatMap(pipeline.dataset), dataset.format != .parquet {
                problems.report(
                    "stage '\(stage.id)' merges rows into '\(dataset.name)', which is no Parquet file",
                    remedy: "let its path end in .parquet: other files do not keep the types of their columns",
                    at: dataset.placeLocation)
            }
            if let dataset = stage.definition.loadedTable.flatMap(pipeline.dataset), let table = dataset.table {
                checkLoad(of: table, dataset, by: stage, pipeline, problems)
            }
            for dataset in stage.definition.outputs.compactMap(pipeline.dataset) {
                checkPlace(of: dataset, writtenBy: stage, pipeline, problems)
            }
        }
    }

    /// Caudal writes no Excel files, and CSV in one way.
    private static func checkForm(of dataset: Dataset, writtenBy stage: Stage, _ problems: ConfigProblems) {
        if dataset.format == .xlsx {
            problems.report(
                "'\(stage.id)' writes '\(dataset.name)', and Excel files are only read",
                remedy: "write CSV, which Excel opens, or let a command write the file", at: dataset.placeLocation)
        }
        guard let key = dataset.csv.keyOfReading else { return }
        problems.report(
            "'\(stage.id)' writes '\(dataset.name)', and '\(key)' is only for files that others write: Caudal writes "
                + "UTF-8, beginning with the header",
            remedy: "remove it", at: dataset.location)
    }

    private static func checkZone(of dataset: Dataset, writtenBy stage: Stage, _ problems: ConfigProblems) {
        guard dataset.zone != nil, dataset.table == nil else { return }
        problems.report(
            "'timezone' of '\(dataset.name)' has no effect: stage '\(stage.id)' writes it, and knows the zone of its times",
            remedy: "set it on the dataset that the times come from", at: dataset.location)
    }

    private static func refuseTables(readBy stage: Stage, _ pipeline: Pipeline, _ problems: ConfigProblems) {
        for input in stage.definition.inputs {
            guard let table = pipeline.dataset(input.value)?.table else { continue }
            problems.report(
                "a command reads files, and '\(input.value)' is the table '\(table.name)' of '\(table.connection)'",
                remedy: "let an sql stage write it to a file first", at: input.location)
        }
    }

    /// An object is replaced as a whole, and is one; tables of some kinds are only read.
    private static func checkLoad(
        of table: ConnectionTable, _ dataset: Dataset, by stage: Stage, _ pipeline: Pipeline, _ problems: ConfigProblems
    ) {
        guard let kind = pipeline.connections[table.connection]?.kind else { return }
        if kind == .s3, let mode = stage.definition.loadMode, mode != .replace {
            problems.report(
                "'mode: \(mode.rawValue)' of '\(stage.id)' is not possible: an object can only be replaced as a whole",
                remedy: "write 'mode: replace'", at: stage.outputLocation)
        }
        if kind == .s3, table.isPattern {
            problems.report(
                "'\(stage.id)' loads '\(dataset.name)', whose key is a pattern", remedy: "write the key of one object",
                at: dataset.placeLocation)
        }
        if kind.isOnlyRead {
            let place = kind == .duckdb ? "a DuckDB file" : kind == .delta ? "Delta" : "Iceberg"
            problems.report(
                "'\(dataset.name)' is a table of \(place), and those are only read",
                remedy: "write a Parquet file, which others read as well", at: stage.outputLocation)
        }
    }

    /// A load writes to a table, and every other stage to a file of this machine.
    private static func checkPlace(
        of dataset: Dataset, writtenBy stage: Stage, _ pipeline: Pipeline, _ problems: ConfigProblems
    ) {
        if let remote = dataset.remote {
            let isBucket = remote.connection.flatMap { pipeline.connections[$0] }?.kind == .s3
            return problems.report(
                "'\(dataset.name)' lies on a server, and '\(stage.id)' cannot write there",
                remedy: isBucket
                    ? "let a load put a Parquet object there, whose key ends in .parquet"
                    : "write to a file, and let a command send it", at: stage.outputLocation)
        }
        switch (stage.definition.loadedTable != nil, dataset.table) {
        case (true, nil):
            problems.report(
                "a load writes to a table, and '\(dataset.name)' is a file",
                remedy: "give the dataset a 'connection' and a 'table'", at: stage.outputLocation)
        case (false, let table?):
            problems.report(
                "'\(dataset.name)' is the table '\(table.name)' of '\(table.connection)', and only a stage of type load "
                    + "writes to tables",
                remedy: "write to a file, and load that", at: stage.outputLocation)
        case (true, _?), (false, nil): break
        }
    }

    /// What a stage reads must not depend on the day of the run where its output tells what is new: behind a later day, the
    /// rows of an earlier one would never be read.
    private static func checkWatermarks(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        let days = Set(pipeline.parameters.filter { $0.kind == .date }.map(\.name))
        for stage in pipeline.stages {
            guard let watermark = stage.definition.watermark else { continue }
            let behind = pipeline.stages.filter { pipeline.writersBehind([stage.id]).contains($0.id) }
            let places = behind.flatMap(\.reads).compactMap { pipeline.dataset($0.value) }.flatMap { dataset in
                ((dataset.path ?? dataset.remote?.name)?.references ?? []).map { ($0, dataset.placeLocation) }
            }
            let references = behind.flatMap(allReferences) + places
            checkValues(of: stage, references, behind, days, pipeline, problems)
            let found = references.first { reference, _ in
                switch reference {
                case .param(let name): days.contains(name)
                case .slotTime, .slotDate, .runStarted: true
                case .environment, .runID, .item, .input, .stageOutput: false
                }
            }
            guard let (reference, location) = found else { continue }
            problems.report(
                "'\(stage.id)' reads what is newer than its output, and that depends on ${\(reference)} "
                    + "(line \(location.line)): behind a later day, the rows of an earlier one would never be read",
                remedy: "read all days, or leave 'watermark' out: with 'mode: merge' days run in any order",
                at: watermark.location)
        }
    }

    private static func checkProducers(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        var producers: [DatasetName: StageID] = [:]
        for stage in pipeline.stages {
            for output in stage.definition.outputs where !output.rawValue.isEmpty {
                if let other = producers[output] {
                    problems.report(
                        "both '\(other)' and '\(stage.id)' write the dataset '\(output)'",
                        remedy: "give one of them a dataset of its own", at: stage.outputLocation)
                }
                producers[output] = stage.id
                if stage.reads.contains(where: { $0.value == output }) {
                    problems.report(
                        "stage '\(stage.id)' reads and writes '\(output)'", remedy: "let it write a dataset of its own",
                        at: stage.outputLocation)
                }
                guard let dataset = pipeline.dataset(output) else { continue }
                guard let path = dataset.path else { continue }
                if path.description.contains("*") {
                    problems.report(
                        "'\(path)' is written by '\(stage.id)', and a stage cannot write to a pattern",
                        at: dataset.placeLocation)
                }
            }
        }
    }

    // MARK: - Fan-out and cycles

    /// Reports `foreach` on a stage type that cannot have it, whatever else is wrong with the stage.
    private static func checkTypesOfFanOuts(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        for stage in pipeline.stages {
            guard let fanOut = stage.fanOut, let (message, remedy) = stage.definition.fanOutObstacle else { continue }
            problems.report(message, remedy: remedy, at: fanOut.location)
        }
    }

    private static func checkFanOut(_ stage: Stage, _ pipeline: Pipeline, _ problems: ConfigProblems) {
        guard let fanOut = stage.fanOut else { return }
        for output in stage.definition.outputs {
            guard let dataset = pipeline.dataset(output), let path = dataset.path else { continue }
            let missing = fanOut.variables.map(\.name).filter { !path.itemVariables.contains($0) }
            if let name = missing.first {
                problems.report(
                    "every item of '\(stage.id)' would write '\(path)'",
                    remedy: "make the path different for each, such as with '\(name)=${item.\(name)}'",
                    at: dataset.placeLocation)
            }
        }
        for fault in stage.type.merge?.faults(of: fanOut) ?? [] {
            problems.report(fault.message, remedy: fault.remedy, at: fault.location)
        }
    }

    /// Warns about paths that contain a secret: they are visible on the disk, on screens and in the history.
    ///
    /// This is not an error, because a name such as `sort_key` may not denote a secret.
    private static func checkSecretsInPaths(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        var warned: Set<SourceLocation> = []
        let addresses = pipeline.datasets.compactMap { dataset in
            dataset.remote.map { (path: $0.name, location: dataset.placeLocation) }
        }
        for (path, location) in pipeline.paths().map({ (path: $0, location: $1) }) + addresses {
            let names = path.references.compactMap { reference in
                switch reference {
                case .param(let name), .environment(let name): pipeline.secretNames.isSecret(name) ? name : nil
                case .item, .input, .stageOutput, .runID, .runStarted, .slotTime, .slotDate: nil
                }
            }
            guard let name = names.first, warned.insert(location).inserted else { continue }
            problems.warn(
                "'\(name)' is a secret by its name, and '\(path)' shows its value to everyone who sees the path: paths are "
                    + "not masked",
                remedy: "use something else in the path, or rename the value if it is not a secret",
                at: location)
        }
    }

    private static func checkCycles(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        let names = Set(pipeline.stages.map(\.id))
        let upstream = pipeline.upstream.mapValues { $0.intersection(names) }
        do throws(GraphError) {
            _ = try TopologicalOrder.of(upstream)
        } catch {
            guard case .cycle(let stages) = error, let first = stages.first, let stage = pipeline.stage(first) else {
                return
            }
            // A stage that needs itself, or reads its own output, has been reported by name.
            if Set(stages).count == 1 { return }
            problems.report(
                "the stages wait for each other: \(stages.map(\.rawValue).joined(separator: " → "))",
                remedy: "remove one of these edges", at: stage.location)
        }
    }
}
