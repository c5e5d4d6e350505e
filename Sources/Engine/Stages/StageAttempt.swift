/// Everything an attempt may know: which stage and item it is for, what its values are and where its data lies.
package struct StageAttempt: Sendable {
    package var pipeline: Pipeline
    package var stage: Stage
    /// The item, for an attempt of a fan-out's item.
    package var item: Item?
    package var facts: RunFacts
    /// The inputs as they lie there, and the data that checks and fan-outs name.
    package var sources: [DatasetName: DataSource]
    package var schemas: [DatasetName: RowSchema]
    /// Where outputs are written before they are published; nil writes them in place, for SQL that a person runs.
    package var stagingFolder: String?
    /// Where a fan-out keeps what its items share; nil when there is nothing shared.
    package var sharedFolder: String?
    package var history: any CheckHistory
    package var now: Moment
    /// The run so far, for reports; nil where there is no run.
    package var state: RunState?
    /// What a report shows besides the run's state.
    package var background = RunBackground()
    /// The columns of the stage's queries, which the engine has told.
    package var queryColumns: [Int: [Column]] = [:]
    /// Files of rows that somebody corrected after an earlier attempt put them aside, first to last.
    package var corrections: [String] = []
    /// The files that it reads, as they were when they were found.
    package var marks = FileMarks([])
    /// What it reads of stages that take no part in the run.
    package let earlier = EarlierFiles()
    /// The table that the stage loads, as it is now.
    package var loadTarget: LoadTarget?

    package init(
        pipeline: Pipeline, stage: Stage, item: Item? = nil, facts: RunFacts,
        sources: [DatasetName: DataSource] = [:], schemas: [DatasetName: RowSchema] = [:],
        stagingFolder: String? = nil, sharedFolder: String? = nil, history: any CheckHistory = NoCheckHistory(),
        now: Moment, state: RunState? = nil
    ) {
        self.pipeline = pipeline
        self.stage = stage
        self.item = item
        self.facts = facts
        self.sources = sources
        self.schemas = schemas
        self.stagingFolder = stagingFolder
        self.sharedFolder = sharedFolder
        self.history = history
        self.now = now
        self.state = state
    }

    // MARK: - Values

    /// The value a reference stands for; nil where an item has none.
    package func value(of reference: Template.Reference) -> String? {
        switch reference {
        case .param, .environment, .runID, .runStarted: facts.value(of: reference)
        case .item(let name): item?.values[name] ?? nil
        case .input(let name): sources[DatasetName(name)]?.files.joined(separator: "\n")
        case .stageOutput: stage.definition.outputs.first.map { staged($0) }
        }
    }

    /// The types of bound values: those of the parameters; everything else is text.
    package var referenceTypes: [Template.Reference: ColumnType] { pipeline.referenceTypes }

    /// Binds every reference of a list in a script.
    package func bind(_ references: [Template.Reference], in script: inout SQLScript) {
        for reference in references { script.bind(reference, value(of: reference), referenceTypes) }
    }

    // MARK: - Places

    /// The place of a dataset, absolute; for a fan-out, that of the attempt's item.
    package func target(_ name: DatasetName) -> String {
        pipeline.dataset(name)?.path.map(path) ?? ""
    }

    /// A path of the pipeline file, filled and absolute.
    package func path(_ template: Template) -> String {
        let filled = template.filled { reference in
            let value = value(of: reference)
            if case .item = reference { return PathComponent.of(value) }
            return value ?? ""
        }
        return stagingFolder == nil ? filled : PathText.absolute(filled, in: pipeline.root)
    }

    /// Where a dataset is written first.
    package func staged(_ name: DatasetName) -> String {
        guard let stagingFolder else { return target(name) }
        return stagingFolder + "/" + PathText.lastComponent(of: target(name))
    }

    /// Where a file is written first that belongs to no dataset.
    package func staged(path: String) -> String {
        guard let stagingFolder else { return path }
        return stagingFolder + "/" + PathText.lastComponent(of: path)
    }

    /// The source of an input.
    ///
    /// - Throws: ``Failure`` when it is not there, which a reader of this file must have prevented.
    package func source(_ name: DatasetName) throws(Failure) -> DataSource {
        guard let source = sources[name] else { throw Failure("the dataset '\(name)' was not found") }
        return source
    }

    /// The data that checks and fan-outs name besides one input, in the order of their names.
    package func otherSources(than name: DatasetName) -> [DataSource] {
        sources.filter { $0.key != name }.sorted { $0.key < $1.key }.map(\.value)
    }

    /// How much of failing rows is kept.
    package var samples: SampleRule { stage.samples ?? pipeline.samples }

    /// What is kept of results: no more of failing rows than the file allows.
    package func kept(_ results: [CheckResult]) -> [CheckResult] {
        results.map { samples.applied(to: $0, keys: keyColumns) }
    }

    /// The columns of which a check of the stage says that they tell which row is which.
    var keyColumns: Set<String> { Set(stage.checks.flatMap(\.kind.keyColumns)) }

    /// How many threads a data stage may use; nil means as many as there are processors.
    package var threads: Int? { stage.resources.cpu.map { max(1, Int($0.rounded())) } }

    /// The typing of this attempt's columns.
    package var typing: StageTyping {
        var typing = StageTyping(
            sources: sources, schemas: schemas, references: referenceTypes, itemVariables: partitionVariables,
            root: pipeline.root)
        typing.queryColumns = queryColumns
        typing.target = loadTarget
        return typing
    }

    /// The fan-out variables whose columns divide the input; none where the file says that items see all rows.
    package var partitionVariables: [String] {
        guard let fanOut = stage.fanOut, fanOut.partitions else { return [] }
        return fanOut.variables.map(\.name)
    }
}

/// What is the same for all attempts of a run.
package struct RunFacts: Sendable {
    package var runID: RunID
    package var started: Moment
    /// Every parameter with its value.
    package var parameters: [String: String]
    /// The environment variables that `${env.…}` may name.
    package var environment: [String: String]

    package init(runID: RunID, started: Moment, parameters: [String: String], environment: [String: String]) {
        self.runID = runID
        self.started = started
        self.parameters = parameters
        self.environment = environment
    }

    /// The value of a reference that does not depend on stage or item.
    package func value(of reference: Template.Reference) -> String? {
        switch reference {
        case .param(let name): parameters[name]
        case .environment(let name): environment[name]
        case .runID: runID.rawValue
        case .runStarted: UTC.iso(started.wall)
        case .item, .input, .stageOutput: nil
        }
    }
}

extension Pipeline {
    /// The types of bound values: those of the parameters; everything else is text.
    package var referenceTypes: [Template.Reference: ColumnType] {
        var types: [Template.Reference: ColumnType] = [:]
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
