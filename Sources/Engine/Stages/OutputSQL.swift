/// Writes a query's rows to a file.
enum OutputSQL {
    /// The statement that writes `query` to `path`, and gives back how many rows it wrote.
    static func copy(_ query: String, to path: String, format: Dataset.Format, csv: CSVDialect) -> String {
        let sql = DuckDBDialect()
        var options: [String]
        switch format {
        case .parquet: options = ["FORMAT parquet", "RETURN_STATS true"]
        case .csv:
            options = ["FORMAT csv", "HEADER \(csv.hasHeader)", "RETURN_FILES true"]
            if let delimiter = csv.delimiter, delimiter != "," { options.append("DELIMITER \(sql.text(delimiter))") }
            if let null = csv.nullTexts.first, null != "" { options.append("NULLSTR \(sql.text(null))") }
        case .json: options = ["FORMAT json", "ARRAY true", "RETURN_FILES true"]
        case .jsonl: options = ["FORMAT json", "RETURN_FILES true"]
        }
        if format != .parquet, path.hasSuffix(".gz") { options.append("COMPRESSION gzip") }
        if format != .parquet, path.hasSuffix(".zst") { options.append("COMPRESSION zstd") }
        return "COPY (\n\(query)\n) TO \(sql.text(path)) (\(options.joined(separator: ", ")))"
    }

    /// How many rows statement `number` (from 1) of a script wrote.
    static func rowCount(_ readings: DataReadings, statement number: Int) -> Int64? {
        readings.rows.first { $0.statement == number && $0.kind == nil }.flatMap {
            $0.integer("Count") ?? $0.integer("count")
        }
    }

    /// The statement that gives one count by name.
    static func count(_ name: String, _ value: String) -> String {
        "SELECT 'count' AS caudal, '\(name)' AS name, CAST(\(value) AS BIGINT) AS value"
    }

    /// The statement that tells the columns of a relation.
    static func describe(_ relation: String) -> String {
        "SELECT 'column' AS caudal, column_name AS name, column_type AS type\nFROM (DESCRIBE \(relation))"
    }

    /// The statement that fails where a query has other columns than those that were announced before it ran.
    static func refusal(ofOtherColumnsThan columns: [Column], in query: String) -> String {
        let sql = DuckDBDialect()
        let names = columns.map { sql.text($0.name) }.joined(separator: ", ")
        let found = "list(column_name)"
        return
            "SELECT CASE WHEN \(found) <> [\(names)]::VARCHAR[] THEN error(chr(1) || 'the query gives the columns ' || "
            + "array_to_string(\(found), ', ') || ', and before it ran they were ' || array_to_string([\(names)]::VARCHAR[], ', ')) END AS refused\n"
            + "FROM (DESCRIBE (\n\(query)\n))"
    }

    /// The columns that ``describe(_:)`` told.
    static func columns(_ readings: DataReadings) -> [Column] {
        readings.rows("column").compactMap { row in
            guard let name = row.text("name"), let type = row.text("type") else { return nil }
            return Column(name, ColumnType(duckDB: type))
        }
    }
}

extension StageAttempt {
    /// The rows of an input ready for steps: those of the attempt's item.
    func relation(of source: DataSource, numbersRows: Bool) -> RelationBuilder {
        var builder = RelationBuilder(source, numbersRows: numbersRows, references: referenceTypes)
        if item != nil { builder.restrict(to: partitionVariables) }
        return builder
    }

    /// The output of a stage that writes one dataset.
    func output(_ name: DatasetName, columns: [Column]) -> StagedOutput {
        StagedOutput(dataset: name, staged: staged(name), target: target(name), columns: columns)
    }

    /// Adds the checks of the stage's output, and gives what judges them.
    func addChecks(
        on source: DataSource, to script: inout SQLScript
    ) -> @Sendable (DataReadings, [String], [Column]) -> [CheckResult] {
        let checks = stage.checks
        guard !checks.isEmpty else { return { _, _, _ in [] } }
        let others = sources.filter { $0.key != source.dataset }
        CheckCompiler(source: source, checks: checks, references: referenceTypes, others: others).add(to: &script)
        let judge = (stage.id, history, now)
        let (rule, keys, salt) = (samples, keyColumns, "\(pipeline.name)/\(stage.id)")
        let nameOfPart: @Sendable (String, String) -> String = { column, value in
            rule.part(value, of: column, salt: salt, isKey: keys.contains(column))
        }
        return { readings, errors, found in
            var judge = CheckJudge(
                checks: checks, columns: source.columns, stage: judge.0, history: judge.1, now: judge.2)
            judge.nameOfPart = nameOfPart
            return judge.results(readings, errors: errors, found: found.isEmpty ? source.columns : found)
        }
    }

    /// The references of everything the stage says in SQL, to be bound.
    func references(of checks: [Check]) -> [Template.Reference] {
        checks.flatMap { check -> [Template.Reference] in
            var found = check.filter?.value.references ?? []
            if case .sql(let query) = check.kind { found += query.value.references }
            return found
        }
    }

    /// The bound values of an item's own rows.
    var itemReferences: [Template.Reference] { item == nil ? [] : partitionVariables.map { .item($0) } }
}
