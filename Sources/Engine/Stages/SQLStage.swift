/// `sql`: any query over named datasets, written to one.
package struct SQLStage: StageType {
    package static let typeName = "sql"

    package var inputs: [Located<DatasetName>]
    package var output: DatasetName
    package var query: Located<Template>

    package var outputs: [DatasetName] { [output] }
    package var references: [(Template.Reference, SourceLocation)] {
        query.value.references.map { ($0, query.location) }
    }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> SQLStage {
        let named = reader.texts("inputs").map { Located(DatasetName($0.value), at: $0.location) }
        let output = reader.text("output", isRequired: true)
        let text = reader.text("query", isRequired: true)
        let query =
            text.flatMap { context.problems.query($0) } ?? Located(Template(text: "SELECT 1"), at: reader.location)
        // A dataset that the query names is an input, said or not: the order of stages must follow from it.
        let found = SQLText.datasets(in: query, among: context.datasetNames).filter { found in
            !named.contains { $0.value == found.value } && found.value.rawValue != output?.value
        }
        return SQLStage(inputs: named + found, output: DatasetName(output?.value ?? ""), query: query)
    }

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        typing.queryColumns[0].map { [output: $0.map(\.narrowed)] } ?? [:]
    }

    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? {
        guard typing.queryColumns[0] == nil, inputs.allSatisfy({ typing.sources[$0.value] != nil }) else { return nil }
        let sql = DuckDBDialect()
        var script = SQLScript(title: "the columns of a query")
        for reference in query.value.references { script.bind(reference, nil) }
        for input in inputs {
            guard var source = typing.sources[input.value] else { continue }
            source.files = []
            script.add(
                "name \(input.value)",
                "CREATE TEMP VIEW \(sql.name(input.value.rawValue)) AS SELECT * FROM \(source.fromClause(sql))")
        }
        let text = "(SELECT * FROM (\n\(SQLText.bound(query.value))\n))"
        script.add("tell the columns", location: query.location, OutputSQL.describe(text))
        return ColumnQuestion(index: 0, script: script, location: query.location)
    }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        guard let dataset = attempt.pipeline.dataset(output) else { throw Failure("there is no dataset '\(output)'") }
        let sql = DuckDBDialect()
        var script = SQLScript(title: "\(attempt.pipeline.name) / \(attempt.stage.id): a query")
        attempt.bind(
            query.value.references + attempt.itemReferences + attempt.references(of: attempt.stage.checks), in: &script)
        for input in inputs {
            let source = try attempt.source(input.value)
            let rows = attempt.relation(of: source, numbersRows: false)
            script.add(
                "name \(input.value)", weight: 0.1,
                "CREATE TEMP VIEW \(sql.name(input.value.rawValue)) AS\n\(rows.query())")
        }
        let text = SQLText.bound(query.value)
        script.add(
            "name the result", weight: 0.1, location: query.location,
            "CREATE TEMP VIEW \"result of the query\" AS\nSELECT * FROM (\n\(text)\n)")
        let found = attempt.queryColumns[0] ?? []
        // Sums of whole numbers have 128 bits, which Parquet keeps as floating point: what does not fit into 64 fails.
        let columns = found.map(\.narrowed)
        let output = attempt.output(self.output, columns: columns)
        let list = zip(columns, found).map { column, found in
            let value = found == column ? nil : sql.narrowed(found)
            return sql.written(column, as: value, in: dataset.format ?? .parquet)
        }.joined(separator: ", ")
        script.add(
            "write the result", weight: 12, location: query.location,
            OutputSQL.copy(
                "SELECT \(list) FROM \"result of the query\"", to: output.staged,
                format: dataset.format ?? .parquet, csv: dataset.csv))
        let written = script.statements.count
        let result = DataSource(
            dataset: self.output, files: [output.staged], format: dataset.format ?? .parquet, csv: dataset.csv,
            columns: columns, isOwn: true)
        let judge = attempt.addChecks(on: result, to: &script)
        return .data(
            DataWork(
                script: script, reads: attempt.sources.sorted { $0.key < $1.key }.map(\.value), outputs: [output],
                essentialStatements: written, threads: attempt.threads, memory: attempt.stage.resources.memory,
                conclude: { readings in
                    guard let count = OutputSQL.rowCount(readings, statement: written) else {
                        throw Failure("the rows could not be counted")
                    }
                    return DataOutcome(
                        rows: RowAccount(read: count, written: count, isReadKnown: false),
                        outputRows: [output.staged: count])
                },
                judge: judge))
    }
}
