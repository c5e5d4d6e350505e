package import CaudalModel

/// Examines the columns of every dataset before anything runs, and finds what does not fit them.
///
/// What cannot be known yet, because a file is not there or the engine is missing, is left open: it shows when the stage
/// runs, with a message of its own.
package struct PipelineExamination {
    /// The results.
    package struct Findings: Sendable {
        /// How the engine writes SQL that was asked.
        let sql: any SQLDialect
        /// The datasets whose columns are known.
        package var sources: [DatasetName: DataSource] = [:]
        /// The columns of user queries, by stage.
        package var queryColumns: [StageID: [Int: [Column]]] = [:]
        /// What does not fit, each with its place.
        package var faults: [ConfigError] = []
        /// The datasets that could not be examined, with the reasons.
        package var unknown: [DatasetName: Failure] = [:]
        /// Why databases do not answer, by the names of their connections.
        var silent: [String: Failure] = [:]
    }

    private let loaded: LoadedPipeline
    private let resolver: SourceResolver
    let store: RunStore?
    let tools: DataTools
    private let tables: TableReader
    let fill: (Template) -> String
    var pipeline: Pipeline { loaded.pipeline }
    /// Finds the outputs of stages that do not take part; nil accepts any existing files.
    private let earlier: EarlierOutputs?
    /// The earlier files that were found.
    package let earlierFiles = EarlierFiles()

    /// - Parameter facts: The values for references in paths; those of items become `*`.
    package init(_ loaded: LoadedPipeline, facts: RunFacts, tools: DataTools, store: RunStore? = nil) {
        earlier = store.map { EarlierOutputs(loaded, facts: facts, store: $0) }
        self.loaded = loaded
        self.store = store
        tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: tools)
        resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
        self.tools = tools
        fill = { template in
            template.filled { reference in
                if case .item = reference { "*" } else { facts.value(of: reference) ?? "" }
            }
        }
    }

    /// Rejects a pipeline in which something does not fit the actual columns.
    ///
    /// - Parameter needsServers: Whether databases must answer, as they must when a run begins.
    /// - Returns: Warnings about what may keep a stage from succeeding.
    /// - Throws: ``InvalidPipeline`` with all faults.
    @discardableResult
    package func check(
        _ chosen: Set<StageID>? = nil, needsServers: Bool = false
    ) async throws(InvalidPipeline) -> [ConfigError] {
        let findings = await findings(of: chosen)
        var faults = findings.faults + (await faultsOfPlaces(chosen, findings.unknown))
        let servers = needsServers ? faultsOfServers(chosen, findings.silent) : []
        faults += servers.filter { $0.severity == .error }
        faults += await faultsOfEarlierOutputs(chosen) + faultsOfFilesOfOthers(chosen)
        if let fault = await programFault(chosen) {
            faults.append(ConfigError(fault.message, remedy: fault.remedy, at: .whole(loaded.pipeline.file)))
        }
        if !faults.isEmpty { throw invalid(faults) }
        return servers
    }

    /// The findings for some stages and all stages that write data for them.
    ///
    /// - Throws: ``InvalidPipeline`` with all faults.
    package func soundFindings(of stages: Set<StageID>) async throws(InvalidPipeline) -> Findings {
        let findings = await findings(of: loaded.pipeline.writersBehind(stages))
        if !findings.faults.isEmpty { throw invalid(findings.faults) }
        return findings
    }

    private func invalid(_ faults: [ConfigError]) -> InvalidPipeline {
        let lines = ConfigSource(file: loaded.pipeline.file, text: loaded.text).lines
        return InvalidPipeline(errors: faults, sources: [loaded.pipeline.file: lines])
    }

    /// Why the engine cannot be used though it is there and a stage needs it; that it is missing is said by the stage.
    private func programFault(_ chosen: Set<StageID>?) async -> Failure? {
        let stages = loaded.pipeline.stages.filter { chosen?.contains($0.id) ?? true }
        guard stages.contains(where: { $0.definition.needsSQLEngine }) else {
            return nil
        }
        if stages.contains(where: { $0.engine == .spark }) {
            do throws(Failure) { _ = try await tools.running(on: .spark).program() } catch { return error }
        }
        do throws(Failure) {
            _ = try await tools.program()
            return nil
        } catch {
            // Where it cannot be found, the failure says so already.
            return tools.engine.isInstalled ? error : nil
        }
    }

    /// Examines every stage in order.
    ///
    /// - Parameter chosen: The stages that take part; nil means all. Stages that write data for them are examined too,
    ///   because the types of a file do not depend on which stages run; their faults are then ignored.
    package func findings(of chosen: Set<StageID>? = nil) async -> Findings {
        var findings = Findings(sql: tools.sql)
        let pipeline = loaded.pipeline
        let needed = chosen.map { pipeline.writersBehind($0) }
        // A cycle was rejected when the file was read.
        let order = (try? TopologicalOrder.of(pipeline.upstream)) ?? []
        for id in order where needed?.contains(id) ?? true {
            guard let stage = pipeline.stage(id) else { continue }
            let count = findings.faults.count
            await look(at: stage, &findings)
            if let chosen, !chosen.contains(id) { findings.faults.removeSubrange(count...) }
        }
        return findings
    }

    /// Whether the existing files of a dataset are what will be read, because no stage of the pipeline writes it.
    private func isAnybodys(_ name: DatasetName) -> Bool { loaded.pipeline.producer(of: name) == nil }

    private func look(at stage: Stage, _ findings: inout Findings) async {
        for name in stage.reads.map(\.value) where findings.sources[name] == nil && findings.unknown[name] == nil {
            await lookFor(name, &findings)
        }
        // What would come out differently on Spark is told too where the size of the inputs decides.
        let runsOnSpark = stage.engine != .duckdb
        let tools = tools.running(on: runsOnSpark ? .spark : .duckdb)
        findings.faults += faultsOfEngine(stage, tools.engine, findings)
        var typing = StageTyping(
            sources: findings.sources, schemas: loaded.schemas, references: loaded.pipeline.referenceTypes,
            itemVariables: stage.fanOut?.variables.map(\.name) ?? [], root: loaded.pipeline.root,
            sql: tools.sql)
        if let output = stage.loadOutput, let dataset = loaded.pipeline.dataset(output) {
            typing.target = await target(of: dataset, &findings)
        }
        // What cannot be read here is reported by the stage that reads it.
        if let name = stage.type.textsReadAsTimes(typing), isAnybodys(name) {
            try? await self.tools.lookForTimes(stage.type, typing, in: &typing.sources)
            findings.sources[name]?.namedTimes = typing.sources[name]?.namedTimes
        }
        do throws(ConfigError) {
            // What the columns of a query on Spark are, Spark is asked when it is run.
            while !runsOnSpark, let question = try stage.type.question(typing) {
                guard let readings = try await answer(question) else { break }
                typing.queryColumns[question.index] = question.columns(readings, tools.sql)
            }
            findings.queryColumns[stage.id] = typing.queryColumns
            let outputs = try stage.type.outputColumns(typing)
            for (name, columns) in outputs {
                if let table = loaded.pipeline.dataset(name)?.table {
                    findings.sources[name] = DataSource(
                        dataset: name, files: [], format: .parquet, columns: columns, isOwn: true, table: table)
                }
                guard let dataset = loaded.pipeline.dataset(name), let format = dataset.format, let path = dataset.path
                else { continue }
                findings.sources[name] = DataSource(
                    dataset: name, files: [PathText.absolute(fill(path), in: loaded.pipeline.root)], format: format,
                    csv: dataset.csv, columns: columns, isOwn: true)
            }
        } catch {
            findings.faults.append(error)
        }
        if !runsOnSpark { await lookAtFanOut(of: stage, &findings) }
        guard let checked = stage.checkedDataset, let source = findings.sources[checked] else { return }
        let references = loaded.pipeline.referenceTypes
        findings.faults += CheckCompiler.faults(
            of: stage.checks, columns: source.columns, references: references, others: findings.sources)
        let compiler = CheckCompiler(
            source: source, checks: stage.checks, references: references, others: findings.sources, sql: tools.sql)
        findings.faults += compiler.obstacles()
        if !runsOnSpark { await ask(stage.checks.indices.compactMap(compiler.question), &findings) }
    }

    /// What of a stage its engine cannot be given.
    private func faultsOfEngine(_ stage: Stage, _ engine: any SQLEngine, _ findings: Findings) -> [ConfigError] {
        var faults = engine.obstacles(to: stage, in: pipeline)
        for read in stage.reads {
            guard let source = findings.sources[read.value] else { continue }
            let validating = stage.definition.validatedInput?.value == read.value
            guard let obstacle = engine.obstacle(toRead: source, validating: validating, root: pipeline.root) else {
                continue
            }
            faults.append(ConfigError(obstacle, remedy: "run the stage on DuckDB: 'engine: duckdb'", at: read.location))
        }
        return faults
    }

    /// The table that a stage loads; nil when it could not be inspected, which is repeated when the stage runs.
    private func target(of dataset: Dataset, _ findings: inout Findings) async -> LoadTarget? {
        let connection = dataset.table?.connection ?? ""
        // An unresponsive database is only waited for once.
        if findings.silent[connection] != nil { return nil }
        do throws(Failure) {
            return try await tables.target(of: dataset, record: nil)
        } catch {
            if error.kind == .silentDatabase { findings.silent[connection] = error }
            return nil
        }
    }

    /// Asks DuckDB whether it accepts the queries that give a fan-out its items.
    private func lookAtFanOut(of stage: Stage, _ findings: inout Findings) async {
        var questions: [ColumnQuestion] = []
        for (name, source) in stage.fanOut?.variables ?? [] {
            guard case .query(let query) = source,
                query.reads.allSatisfy({ findings.sources[$0.value] != nil })
            else { continue }
            var script = SQLScript(title: "the items of \(stage.id)")
            for reference in query.value.references { script.bind(reference, nil, loaded.pipeline.referenceTypes) }
            for read in query.reads {
                guard let other = findings.sources[read.value]?.withoutRows else { continue }
                script.name(read.value.rawValue, as: "SELECT * FROM \(other.fromClause(tools.sql))")
            }
            script.add(
                "the values of \(name)", holding: query,
                .columns(of: "(SELECT * FROM (\n\(tools.sql.bound(query.value))\n))", as: .column))
            questions.append(ColumnQuestion(index: 0, script: script, location: query.location))
        }
        await ask(questions, &findings)
    }

    /// Asks questions for which only errors matter.
    private func ask(_ questions: [ColumnQuestion], _ findings: inout Findings) async {
        for question in questions {
            do throws(ConfigError) { _ = try await answer(question) } catch { findings.faults.append(error) }
        }
    }

    /// The inputs that selected stages would read from stages outside of the run and that are missing: nothing in the
    /// run provides them.
    private func faultsOfEarlierOutputs(_ chosen: Set<StageID>?) async -> [ConfigError] {
        guard let chosen, let earlier else { return [] }
        var seen: Set<DatasetName> = []
        var faults: [ConfigError] = []
        for stage in loaded.pipeline.stages where chosen.contains(stage.id) {
            for read in stage.reads {
                guard let producer = pipeline.producer(of: read.value), !chosen.contains(producer.id),
                    let dataset = pipeline.dataset(read.value), seen.insert(read.value).inserted
                else { continue }
                do {
                    if dataset.table != nil {
                        earlierFiles.add(try await resolver.earlierTable(dataset, producer, earlier))
                        continue
                    }
                    for file in try resolver.earlierFiles(of: dataset, producer, earlier, fill) {
                        earlierFiles.add(file)
                    }
                } catch {
                    let failure = Failure(describing: error)
                    let place = failure.location ?? read.location
                    faults.append(ConfigError(failure.message, remedy: failure.remedy, at: place))
                }
            }
        }
        return faults
    }

    /// The files that selected stages would read by path, that stages outside of the run write, and that those have not
    /// written for this run's values.
    private func faultsOfFilesOfOthers(_ chosen: Set<StageID>?) -> [ConfigError] {
        guard let chosen, let earlier else { return [] }
        var made: [DatasetName: ProducedData] = [:]
        for stage in pipeline.stages where chosen.contains(stage.id) {
            for output in stage.definition.outputs { made[output] = ProducedData(writer: stage.id, artifacts: []) }
        }
        var faults: [ConfigError] = []
        for stage in pipeline.stages where chosen.contains(stage.id) && pipeline.fileEdges[stage.id] != nil {
            var paths = stage.reads.compactMap { read -> (Template, SourceLocation)? in
                guard pipeline.producer(of: read.value) == nil, let dataset = pipeline.dataset(read.value),
                    let path = dataset.path
                else { return nil }
                return (path, dataset.placeLocation)
            }
            for case (_, .files(let pattern)) in stage.fanOut?.variables ?? [] {
                paths.append((pattern, stage.fanOut?.location ?? stage.location))
            }
            for (path, location) in paths {
                do {
                    _ = try resolver.foundFiles(
                        matching: PathText.absolute(fill(path), in: pipeline.root), at: location,
                        DataOrigins(reader: stage.id, made: made, earlier: earlier), fill)
                } catch {
                    let failure = Failure(describing: error)
                    faults.append(ConfigError(failure.message, remedy: failure.remedy, at: location))
                }
            }
        }
        return faults
    }

    /// Inspects a dataset that no earlier stage has made known.
    private func lookFor(_ name: DatasetName, _ findings: inout Findings) async {
        if let writer = loaded.pipeline.producer(of: name), !writer.definition.runsProgram {
            // Existing files from another time say nothing about what the stage will write.
            findings.unknown[name] = Failure(
                "the columns of '\(name)' are not known, because those of stage '\(writer.id)' are not",
                remedy: "look at what 'caudal explain' says of that stage")
            return
        }
        let connection = pipeline.dataset(name)?.table?.connection
        if let connection, let failure = findings.silent[connection] {
            findings.unknown[name] = failure
            return
        }
        do {
            let found = try await resolver.sources(
                of: [name], from: DataOrigins(earlier: earlier),
                fill: fill)
            findings.sources[name] = found[name]
        } catch {
            let failure = Failure(describing: error)
            findings.unknown[name] = failure
            if let connection, failure.kind == .silentDatabase { findings.silent[connection] = failure }
        }
    }

    /// The answer to a question; nil when it could not be asked.
    private func answer(_ question: ColumnQuestion) async throws(ConfigError) -> DataReadings? {
        do throws(Failure) {
            return try await tools.ask(question.script, reading: [], essential: question.essentialStatements)
        } catch {
            // Without the engine nothing can be said; a query that it refuses is the user's to correct.
            if await !isThere() { return nil }
            throw ConfigError(error.message, remedy: error.remedy, at: error.location ?? question.location)
        }
    }

    private func isThere() async -> Bool {
        do throws(Failure) {
            _ = try await tools.program()
            return true
        } catch { return false }
    }
}
