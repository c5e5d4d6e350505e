/// Finds out about the columns of every dataset before anything runs, and what does not fit them.
///
/// What cannot be known yet, because a file is not there or DuckDB is missing, is left open: it shows when the stage
/// runs, with a message of its own.
package struct PipelineExamination {
    /// What was found.
    package struct Findings: Sendable {
        /// The datasets whose columns are known.
        package var sources: [DatasetName: DataSource] = [:]
        /// The columns of queries of the user, by stage.
        package var queryColumns: [StageID: [Int: [Column]]] = [:]
        /// What does not fit, each with its place.
        package var faults: [ConfigError] = []
        /// What could not be looked at, and why.
        package var unknown: [DatasetName: Failure] = [:]
    }

    private let loaded: LoadedPipeline
    private let resolver: SourceResolver
    private let tools: DataTools
    private let tables: TableReader
    private let fill: (Template) -> String
    /// Finds what stages wrote that take no part; nil takes whatever lies there.
    private let earlier: EarlierOutputs?
    /// What was found of it.
    package let earlierFiles = EarlierFiles()

    /// `facts`: what the references of paths are filled with; those of items become `*`.
    package init(_ loaded: LoadedPipeline, facts: RunFacts, tools: DataTools, store: RunStore? = nil) {
        earlier = store.map { EarlierOutputs(loaded, facts: facts, store: $0) }
        self.loaded = loaded
        tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: tools)
        resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
        self.tools = tools
        fill = { template in
            template.filled { reference in
                if case .item = reference { "*" } else { facts.value(of: reference) ?? "" }
            }
        }
    }

    /// Refuses a pipeline in which something does not fit the columns that are there.
    ///
    /// - Throws: ``InvalidPipeline`` with everything that was found.
    package func check(_ chosen: Set<StageID>? = nil) async throws(InvalidPipeline) {
        var faults = await findings(of: chosen).faults
        if let fault = await programFault(chosen) {
            faults.append(ConfigError(fault.message, remedy: fault.remedy, at: .whole(loaded.pipeline.file)))
        }
        if faults.isEmpty { return }
        let lines = ConfigSource(file: loaded.pipeline.file, text: loaded.text).lines
        throw InvalidPipeline(errors: faults, sources: [loaded.pipeline.file: lines])
    }

    /// Why DuckDB cannot be used though it is there and a stage needs it; that it is missing is said by the stage.
    private func programFault(_ chosen: Set<StageID>?) async -> Failure? {
        let stages = loaded.pipeline.stages.filter { chosen?.contains($0.id) ?? true }
        guard stages.contains(where: { !($0.definition is CommandStage || $0.definition is ReportStage) }) else {
            return nil
        }
        do throws(Failure) {
            _ = try await tools.program()
            return nil
        } catch {
            // Where it cannot be found, the failure says so already.
            let isThere = (try? DuckDBProgram.find(root: loaded.pipeline.root, variables: loaded.variables)) != nil
            return isThere ? error : nil
        }
    }

    /// Looks at every stage in order.
    ///
    /// `chosen`: the stages that take part; nil means all.
    package func findings(of chosen: Set<StageID>? = nil) async -> Findings {
        var findings = Findings()
        let pipeline = loaded.pipeline
        // A cycle was refused when the file was read.
        let order = (try? TopologicalOrder.of(pipeline.upstream)) ?? []
        for id in order where chosen?.contains(id) ?? true {
            guard let stage = pipeline.stage(id) else { continue }
            await look(at: stage, among: chosen, &findings)
        }
        return findings
    }

    private func look(at stage: Stage, among chosen: Set<StageID>?, _ findings: inout Findings) async {
        for name in names(of: stage) where findings.sources[name] == nil && findings.unknown[name] == nil {
            await lookFor(name, &findings)
            // Nothing in the run will bring it.
            if let failure = findings.unknown[name], let producer = loaded.pipeline.producer(of: name), earlier != nil,
                chosen?.contains(producer.id) == false
            {
                findings.faults.append(
                    ConfigError(failure.message, remedy: failure.remedy, at: failure.location ?? stage.location))
            }
        }
        var typing = StageTyping(
            sources: findings.sources, schemas: loaded.schemas, references: loaded.pipeline.referenceTypes,
            itemVariables: stage.fanOut?.variables.map(\.name) ?? [], root: loaded.pipeline.root)
        if let output = stage.loadOutput, let dataset = loaded.pipeline.dataset(output) {
            // A database that does not answer now is asked again when the stage runs.
            typing.target = try? await tables.target(of: dataset, record: nil)
        }
        do throws(ConfigError) {
            while let question = try stage.type.question(typing) {
                guard let readings = try await answer(question) else { break }
                typing.queryColumns[question.index] = OutputSQL.columns(readings)
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
        let output = stage.loadOutput == nil ? stage.definition.outputs.first : nil
        guard let checked = output ?? stage.definition.inputs.first?.value,
            let source = findings.sources[checked]
        else { return }
        findings.faults += CheckCompiler.faults(
            of: stage.checks, columns: source.columns, references: loaded.pipeline.referenceTypes)
    }

    private func names(of stage: Stage) -> [DatasetName] {
        stage.reads.map(\.value)
            + stage.checks.compactMap { check in
                if case .foreignKey(_, let dataset, _) = check.kind { dataset.value } else { nil }
            }
    }

    /// Looks at a dataset that no stage before this one has made known.
    private func lookFor(_ name: DatasetName, _ findings: inout Findings) async {
        do {
            let found = try await resolver.sources(
                of: [name], from: DataOrigins(earlier: earlier, tell: { [earlierFiles] in earlierFiles.add($0) }),
                fill: fill)
            findings.sources[name] = found[name]
        } catch let failure as Failure {
            findings.unknown[name] = failure
        } catch {
            findings.unknown[name] = Failure(error.reason)
        }
    }

    /// The answer to a question; nil when it could not be asked.
    private func answer(_ question: ColumnQuestion) async throws(ConfigError) -> DataReadings? {
        do throws(Failure) {
            return try await tools.ask(question.script, reading: [])
        } catch {
            // Without DuckDB nothing can be said; a query that it refuses is the user's to mend.
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
