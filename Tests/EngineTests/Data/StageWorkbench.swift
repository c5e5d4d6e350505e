import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Runs one data stage of an inline pipeline on rows of a test, with the real DuckDB.
struct StageWorkbench {
    let folder: ScratchFolder
    /// What DuckDB gave back, with the rows of the output where the stage writes one.
    struct Outcome {
        var execution: Execution
        /// The output's rows as text, in order.
        var rows: [[String?]]
        /// The rows of the quarantine, where the stage writes one as CSV.
        var quarantine: [[String?]] = []
        var columns: [Column]
        var checks: [CheckResult]
        var account: RowAccount?
        /// What the stage wrote, absolute.
        var staged: [String] = []
    }

    init() throws { folder = try ScratchFolder() }

    /// Rows as a file that Caudal wrote: typed, an empty text apart from no value.
    ///
    /// `file`: its name, where several sources have the name of one dataset.
    func source(
        _ name: DatasetName, _ columns: [Column], _ rows: [[String?]], file: String? = nil
    ) throws -> DataSource {
        func field(_ value: String?) -> String {
            value.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" } ?? ""
        }
        // One column more, so that a row of one missing value is not an empty line.
        let lines = [columns.map { field($0.name) }] + rows.map { $0.map(field) }
        let text = lines.map { ($0 + ["\"x\""]).joined(separator: ",") + "\n" }.joined()
        let file = try folder.write(file ?? "\(name).csv", text)
        return DataSource(
            dataset: name, files: [file], format: .csv, columns: columns + [Column("x_", .text)], isOwn: true)
    }

    /// A file of somebody else: all text.
    func foreign(_ name: DatasetName, csv: String, file: String? = nil) throws -> DataSource {
        let file = try folder.write(file ?? "\(name).csv", csv)
        let header = String(csv.prefix { !$0.isNewline })
        let columns = CSVHeader.values(of: header, delimiter: ",", quote: "\"").map { Column($0, .text) }
        return DataSource(dataset: name, files: [file], format: .csv, columns: columns, isOwn: false)
    }

    /// Lines of JSON of somebody else, with the keys that its rows have.
    func foreign(_ name: DatasetName, lines: [String], keys: [Column]) throws -> DataSource {
        let file = try folder.write("\(name).jsonl", lines.map { $0 + "\n" }.joined())
        return DataSource(dataset: name, files: [file], format: .jsonl, columns: keys, isOwn: false)
    }

    /// Runs the only stage of a pipeline.
    func run(
        _ yaml: String, _ sources: [DataSource], parameters: [String: String] = [:],
        history: any CheckHistory = NoCheckHistory(), now: Moment = Moment(wall: 1_795_392_000_000, steady: 0)
    ) async throws -> Outcome {
        let work = try await work(yaml, sources, parameters: parameters, history: history, now: now)
        let execution = try await DuckDB(in: folder).run(work.script, essential: work.essentialStatements)
        if let failure = execution.failure { throw failure }
        return try outcome(of: work, execution)
    }

    /// Runs the only stage of each pipeline, all of them in one process.
    ///
    /// - Throws: What went wrong in the first that failed.
    func run(together stages: [(yaml: String, sources: [DataSource])]) async throws -> [Outcome] {
        var works: [DataWork] = []
        for stage in stages { works.append(try await work(stage.yaml, stage.sources)) }
        let readings = try await DuckDB(in: folder).run(together: works.map(\.script))
        return try zip(works, readings).map { try outcome(of: $0, Execution(readings: $1)) }
    }

    /// The work of the only stage of a pipeline, with a statement more that gives the output's rows.
    private func work(
        _ yaml: String, _ sources: [DataSource], parameters: [String: String] = [:],
        history: any CheckHistory = NoCheckHistory(), now: Moment = Moment(wall: 1_795_392_000_000, steady: 0)
    ) async throws -> DataWork {
        let loaded = try LoadedPipeline(yaml: yaml, in: folder)
        let stage = try #require(loaded.pipeline.stages.first)
        let staging = folder.path("staged-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: staging, withIntermediateDirectories: true)
        var attempt = StageAttempt(
            pipeline: loaded.pipeline, stage: stage,
            facts: RunFacts(
                runID: "run", started: Moment(wall: 0, steady: 0), parameters: parameters, environment: [:]),
            sql: DuckDBDialect(), sources: Dictionary(uniqueKeysWithValues: sources.map { ($0.dataset, $0) }),
            schemas: loaded.schemas,
            stagingFolder: staging, history: history, now: now)
        // Queries of the user: DuckDB is asked for their columns, as it is before a run.
        while let question = try stage.type.question(attempt.typing) {
            let execution = try await DuckDB(in: folder).run(question.script)
            if let failure = execution.failure { throw failure }
            attempt.queryColumns[question.index] = execution.readings?.columns(DuckDBDialect())
        }
        guard case .data(var work) = try stage.type.work(for: attempt) else {
            throw Failure("the stage is no data stage")
        }
        if let quarantine = work.outputs.first(where: { $0.dataset == nil && $0.staged.hasSuffix(".csv") }) {
            work.script.addRows(of: "SELECT * FROM read_csv('\(quarantine.staged)', header = true, all_varchar = true)")
        }
        if let output = work.outputs.last {
            work.script.addRows(of: "SELECT * FROM read_parquet('\(output.staged)')")
        }
        return work
    }

    private func outcome(of work: DataWork, _ execution: Execution) throws -> Outcome {
        let readings = try #require(execution.readings)
        let concluded = try work.conclude(readings)
        if let failure = concluded.failure { throw failure }
        let last = work.script.statements.count
        return Outcome(
            execution: execution, rows: readings.askedRows(statement: last),
            quarantine: readings.askedRows(statement: last - 1), columns: work.outputs.last?.columns ?? [],
            checks: concluded.checks + work.judge(readings, execution.errors, []), account: concluded.rows,
            staged: work.outputs.map(\.staged))
    }
}
