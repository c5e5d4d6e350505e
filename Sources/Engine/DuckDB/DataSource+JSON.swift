import CaudalModel

/// How DuckDB reads JSON.
extension DataSource {
    /// A reader of records, one column for each key.
    func jsonRecords(_ sql: DuckDBDialect) -> String {
        let reads = columns.map { isOwn ? JSONRead(own: $0, dataset, sql) : foreignRead(of: $0, sql) }
        let shape = zip(columns, reads).map { "\(sql.text($0.name)): \(sql.text($1.type))" }.joined(separator: ", ")
        let layout = format == .jsonl ? "newline_delimited" : "auto"
        // Of one column DuckDB would take any value for a row where one is no object, and the objects for its texts.
        let reader = sql.read(
            "read_json", files, ["format = '\(layout)'", "records = true", "columns = {\(shape)}"])
        if reads.allSatisfy({ $0.value == nil }) { return reader }
        let values = zip(columns, reads).map { column, read in
            let name = sql.name(column.name)
            return read.value.map { "\($0) AS \(name)" } ?? name
        }
        return "(SELECT \(values.joined(separator: ", ")) FROM \(reader))"
    }

    private func foreignRead(of column: Column, _ sql: DuckDBDialect) -> JSONRead {
        let name = sql.name(column.name)
        // Texts that name points in time are read as they are: as times they would lose their offsets.
        if [.timestamp, .localTimestamp].contains(column.type) {
            let type = mixedColumns.contains(column.name) ? "JSON" : sql.type(.text)
            return JSONRead(type: type, value: DuckDBDialect(zone: zone).moment(name, isStrict: true))
        }
        // Values of several types are read as JSON and given as the texts that they are.
        if mixedColumns.contains(column.name) { return JSONRead(type: "JSON", value: "\(name) ->> '$'") }
        return JSONRead(type: sql.type(column.type), value: nil)
    }

    /// A reader that gives each row as its JSON text, in a column `json`.
    ///
    /// In JSON lines, a malformed line gives a null; in other JSON files, nothing can be read after it, and the query fails.
    ///
    /// - Parameter options: Further options of DuckDB's reader.
    func jsonReader(_ sql: DuckDBDialect, _ options: [String] = []) -> String {
        let layout = format == .jsonl ? "'newline_delimited', ignore_errors = true" : "'auto'"
        return sql.read("read_json_objects", files, ["format = \(layout)"] + options)
    }

    /// A reader that returns the lines of one JSON file unchanged, in a column `line`; lines that are not UTF-8 go to the
    /// table `rejects`.
    func lineReader(_ sql: DuckDBDialect, file: Int, rejects: String) -> String {
        sql.read(
            "read_csv", [files[file]],
            [
                "auto_detect = false", "header = false", "delim = ''", "quote = ''", "escape = ''",
                "strict_mode = false",
                "max_line_size = \(Self.longestObject)", "columns = {'line': 'VARCHAR'}", "store_rejects = true",
                "rejects_table = '\(rejects)'", "rejects_scan = '\(rejects)_scans'",
            ])
    }

    /// The maximum size of a JSON object that DuckDB reads by default, in bytes.
    private static let longestObject = 16_777_216
}

/// How the values of one key are read.
private struct JSONRead {
    /// The type that DuckDB's reader makes of them.
    var type: String
    /// SQL of the column's value; nil for what the reader gives.
    var value: String?
}

extension JSONRead {
    /// Of a file that Caudal wrote, whose values are to be what they were.
    init(own column: Column, _ dataset: DatasetName, _ sql: DuckDBDialect) {
        let name = sql.name(column.name)
        type = sql.type(column.type)
        // Bytes are written as a text with `\x00`, whose backslashes the reader would take for bytes.
        let texts = type.replacing(#/\bBLOB\b/#, with: "VARCHAR")
        if texts != type { value = "CAST(\(name) AS \(type))" }
        if let longest = Self.digits(of: type), longest > Self.exactDigits {
            value = Self.exact(value ?? name, column, dataset, sql)
        }
        type = texts
    }

    /// The decimal digits that floating point gives back; DuckDB reads every number of JSON that has a decimal point as that.
    private static let exactDigits = 15

    /// The digits of the longest decimals of a type; nil where none has places behind the point.
    private static func digits(of type: String) -> Int? {
        type.matches(of: #/DECIMAL\((\d+),[1-9]/#).compactMap { Int($0.1) }.max()
    }

    /// A value with decimals: one that the reader cannot have read as it was written fails the statement.
    private static func exact(
        _ name: String, _ column: Column, _ dataset: DatasetName, _ sql: DuckDBDialect
    ) -> String {
        let message =
            "column '\(column.name)' of '\(dataset)' has a number of more than \(exactDigits) digits, which is read from JSON as "
            + "another one; let the stage that writes it write Parquet or CSV"
        let isLong: String
        if case .decimal(_, let scale) = column.type {
            isLong = "abs(\(name)) >= 1e\(exactDigits - scale)"
        } else {
            let numbers = "regexp_extract_all(CAST(\(name) AS VARCHAR), '[0-9]+[.][0-9]+')"
            let digits = "length(ltrim(replace(n, '.', ''), '0'))"
            isLong = "len(list_filter(\(numbers), lambda n: \(digits) > \(exactDigits))) > 0"
        }
        return "CASE WHEN \(isLong) THEN \(sql.refusal([.words(message)])) ELSE \(name) END"
    }
}
