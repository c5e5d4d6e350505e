/// Writes a query's rows to a file.
enum OutputSQL {
    /// The statement that writes `query` to `path` and returns the number of rows.
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

    /// The number of rows that statement `number` (from 1) of a script wrote.
    static func rowCount(_ readings: DataReadings, statement number: Int) -> Int64? {
        readings.rows.first { $0.statement == number && $0.kind == nil }.flatMap {
            $0.integer("Count") ?? $0.integer("count")
        }
    }

    /// The statement that returns a named count.
    static func count(_ name: String, _ value: String) -> String {
        "SELECT 'count' AS caudal, '\(name)' AS name, CAST(\(value) AS BIGINT) AS value"
    }

    /// The statement that describes the columns of a relation.
    static func describe(_ relation: String, as kind: String = "column") -> String {
        "SELECT '\(kind)' AS caudal, column_name AS name, column_type AS type\nFROM (DESCRIBE \(relation))"
    }

    /// The statement that fails when the columns of a query differ from those announced before it ran.
    static func refusal(ofOtherColumnsThan columns: [Column], in query: String) -> String {
        let sql = DuckDBDialect()
        let names = columns.map { sql.text($0.name) }.joined(separator: ", ")
        let found = "list(column_name)"
        return
            "SELECT CASE WHEN \(found) <> [\(names)]::VARCHAR[] THEN error(chr(1) || 'the query gives the columns ' || "
            + "array_to_string(\(found), ', ') || ', and before it ran they were ' || array_to_string([\(names)]::VARCHAR[], ', ')) END AS refused\n"
            + "FROM (DESCRIBE (\n\(query)\n))"
    }

    /// The columns from the results of ``describe(_:)``.
    static func columns(_ readings: DataReadings) -> [Column] {
        readings.rows("column").compactMap { row in
            guard let name = row.text("name"), let type = row.text("type") else { return nil }
            return Column(name, ColumnType(duckDB: type))
        }
    }
}
