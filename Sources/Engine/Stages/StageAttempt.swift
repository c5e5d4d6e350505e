package import CaudalModel
package import Foundation

/// Everything that an attempt is given: its stage and item, its values, and the places of its data.
package struct StageAttempt: Sendable {
    package var pipeline: Pipeline
    package var stage: Stage
    /// The item, for an attempt of a fan-out's item.
    package var item: Item?
    package var facts: RunFacts
    /// The engine that does its work.
    package var engine = EngineChoice.duckdb
    /// How that engine writes SQL.
    package var sql: any SQLDialect
    /// The inputs as they lie there, and the data that checks and fan-outs name.
    package var sources: [DatasetName: DataSource]
    package var schemas: [DatasetName: RowSchema]
    /// The folder for outputs before publication; nil writes them in place, for SQL that a user runs by hand.
    package var stagingFolder: String?
    /// The folder that the items of a fan-out share; nil when they share nothing.
    package var sharedFolder: String?
    package var history: any CheckHistory
    package var now: Moment
    /// The state of the run, for reports; nil outside of runs.
    package var state: RunState?
    /// What a report shows in addition to the run's state.
    package var background = RunBackground()
    /// The columns of the stage's queries, as described by the SQL engine.
    package var queryColumns: [Int: [Column]] = [:]
    /// Files of corrected rows for quarantined ones, oldest first.
    package var corrections: [String] = []
    /// The marks of its input files from when they were found.
    package var marks = FileMarks([])
    /// Its input files from stages that do not take part in the run.
    package let earlier = EarlierFiles()
    /// The output as it is, for a stage that adds to it; nil where there is none.
    package var existing: DataSource?
    /// Where the rows begin that are new to it; nil where all rows are.
    package var start: WatermarkStart?
    /// Where the rows begin that are read; nil where all rows are.
    package var readingStart: WatermarkStart? { start?.late == .ignore ? start : nil }
    /// The table that the stage loads, with its current columns.
    package var loadTarget: LoadTarget?

    package init(
        pipeline: Pipeline, stage: Stage, item: Item? = nil, facts: RunFacts, sql: any SQLDialect,
        sources: [DatasetName: DataSource] = [:], schemas: [DatasetName: RowSchema] = [:],
        stagingFolder: String? = nil, sharedFolder: String? = nil, history: any CheckHistory = NoCheckHistory(),
        now: Moment, state: RunState? = nil
    ) {
        self.pipeline = pipeline
        self.stage = stage
        self.item = item
        self.facts = facts
        self.sql = sql
        self.sources = sources
        self.schemas = schemas
        self.stagingFolder = stagingFolder
        self.sharedFolder = sharedFolder
        self.history = history
        self.now = now
        self.state = state
    }

    // MARK: - Values

    /// The value of a reference; nil for an item's missing value.
    package func value(of reference: Template.Reference) -> String? {
        switch reference {
        case .param, .environment, .runID, .runStarted, .slotTime, .slotDate: facts.value(of: reference)
        case .item(let name): item?.values[name] ?? nil
        case .input(let name): sources[DatasetName(name)]?.files.joined(separator: "\n")
        case .stageOutput: stage.definition.outputs.first.map { staged($0) }
        }
    }

    /// The types of bound values: those of the parameters; all others are text.
    package var referenceTypes: [Template.Reference: ColumnType] { pipeline.referenceTypes }

    /// Binds the values of references in a script.
    package func bind(_ references: [Template.Reference], in script: inout SQLScript) {
        for reference in references { script.bind(reference, value(of: reference), referenceTypes) }
    }

    // MARK: - Places

    /// The absolute path of a dataset; for a fan-out, that of the attempt's item.
    package func target(_ name: DatasetName) -> String {
        pipeline.dataset(name)?.path.map(path) ?? ""
    }

    /// A path of the pipeline file, filled in and absolute.
    package func path(_ template: Template) -> String {
        let filled = template.filled { reference in
            let value = value(of: reference)
            if case .item = reference { return PathComponent.of(value) }
            return value ?? ""
        }
        return stagingFolder == nil ? filled : PathText.absolute(filled, in: pipeline.root)
    }

    /// Where a dataset is staged.
    package func staged(_ name: DatasetName) -> String {
        guard let stagingFolder else { return target(name) }
        return stagingFolder + "/" + PathText.lastComponent(of: target(name))
    }

    /// Where a file that belongs to no dataset is staged.
    package func staged(path: String) -> String {
        guard let stagingFolder else { return path }
        return stagingFolder + "/" + PathText.lastComponent(of: path)
    }

    /// The same for a file that the stage writes besides a dataset: both may have one name in different folders.
    package func staged(path: String, beside name: DatasetName) -> String {
        let place = staged(path: path)
        guard let stagingFolder, place == staged(name) else { return place }
        return stagingFolder + "/beside-" + PathText.lastComponent(of: path)
    }

    /// The source of an input.
    ///
    /// - Throws: ``Failure`` when the attempt has no such source, which the readers of the pipeline file rule out.
    package func source(_ name: DatasetName) throws(Failure) -> DataSource {
        guard let source = sources[name] else { throw Failure("the dataset '\(name)' was not found") }
        return source
    }

    /// The sources besides one input, which checks and fan-outs read, sorted by name.
    package func otherSources(than name: DatasetName) -> [DataSource] {
        sources.filter { $0.key != name }.sorted { $0.key < $1.key }.map(\.value)
    }

    /// How much of the failing rows is kept.
    package var samples: SampleRule { stage.samples ?? pipeline.samples }

    /// The results with as much of their failing rows as the file allows.
    package func kept(_ results: [CheckResult]) -> [CheckResult] {
        results.map { samples.applied(to: $0, keys: keyColumns) }
    }

    /// The columns that a check of the stage declares to identify a row.
    var keyColumns: Set<String> { Set(stage.checks.flatMap(\.kind.keyColumns)) }

    /// The number of threads for a data stage; nil means one for each processor.
    package var threads: Int? { stage.resources.cpu.map { max(1, Int($0.rounded())) } }

    /// What is known about the attempt's columns.
    package var typing: StageTyping {
        var typing = StageTyping(
            sources: sources, schemas: schemas, references: referenceTypes, itemVariables: partitionVariables,
            root: pipeline.root, sql: sql)
        typing.queryColumns = queryColumns
        typing.target = loadTarget
        return typing
    }

    /// The fan-out variables whose columns divide the input; empty when every item sees all rows.
    package var partitionVariables: [String] {
        guard let fanOut = stage.fanOut, fanOut.partitions else { return [] }
        return fanOut.variables.map(\.name)
    }
}

/// The values that all attempts of a run share.
package struct RunFacts: Sendable {
    package var runID: RunID
    package var started: Moment
    /// All parameters with their values.
    package var parameters: [String: String]
    /// The environment variables that `${env.…}` can refer to.
    package var environment: [String: String]
    /// The slot that the run is for; nil when no schedule started it.
    package var slot: ScheduleSlot?
    /// The time zone of the pipeline.
    package var zone: TimeZone
    /// The span that the run belongs to; nil where it was started outside of a trace.
    package var traceParent: TraceContext?

    package init(
        runID: RunID, started: Moment, parameters: [String: String], environment: [String: String],
        slot: ScheduleSlot? = nil, zone: TimeZone = .gmt
    ) {
        self.runID = runID
        self.started = started
        self.parameters = parameters
        self.environment = environment
        self.slot = slot
        self.zone = zone
    }

    /// The date that `today` means: that of the run's slot; without a slot, the one in the pipeline's zone.
    package func today(at now: Moment) -> String { slot?.localDate ?? UTC.date(now.wall, in: zone) }

    /// The time since when what a run finds is so: that of its slot, or of its start, to the millisecond, because another
    /// run may have begun in the same second.
    var historyTime: String { UTC.iso(slot?.planned ?? started.wall) }

    /// The value of a reference that depends on neither stage nor item.
    package func value(of reference: Template.Reference) -> String? {
        switch reference {
        case .param(let name): parameters[name]
        case .environment(let name): environment[name]
        case .runID: runID.rawValue
        case .runStarted: UTC.iso(started.wall)
        case .slotTime: UTC.isoSecond(slot?.planned ?? started.wall)
        case .slotDate: today(at: started)
        case .item, .input, .stageOutput: nil
        }
    }
}

extension LoadedPipeline {
    /// The facts of a run of the pipeline.
    ///
    /// - Parameters:
    ///   - parameters: All parameters with their values, secret ones too.
    ///   - slot: The slot that the run is for, if a schedule started it.
    package func facts(
        of run: RunID, started: Moment, parameters: [String: String], slot: ScheduleSlot? = nil
    ) -> RunFacts {
        RunFacts(
            runID: run, started: started, parameters: parameters, environment: variables, slot: slot,
            zone: pipeline.timeZone)
    }
}

extension Pipeline {
    /// The types of bound values: those of the parameters; all others are text.
    package var referenceTypes: [Template.Reference: ColumnType] {
        var types: [Template.Reference: ColumnType] = [.slotDate: .date]
        for parameter in parameters {
            switch parameter.kind {
            case .integer: types[.param(parameter.name)] = .integer
            case .number: types[.param(parameter.name)] = .number
            case .boolean: types[.param(parameter.name)] = .boolean
            case .date: types[.param(parameter.name)] = .date
            case .string, .choice: break
            }
        }
        return types
    }
}
