package import CaudalModel

/// How DuckDB reads files, and finds out about files whose columns are not known.
extension DuckDBDialect {
    package func rows(of source: DataSource, _ reading: SourceReading) -> String { source.relation(self, reading) }

    package func rows(ofParquet file: String) -> String { read("read_parquet", [file]) }

    /// A call of one of DuckDB's readers for exactly these files: what their names and folders would mean to it, as patterns
    /// and as `column=value`, is turned off.
    ///
    /// - Parameter isList: Whether one file is given as a list too.
    func read(
        _ reader: String, _ files: some Collection<String>, _ options: [String] = [], isList: Bool = false
    ) -> String {
        var all = [argument(files, isList: isList)] + options
        let isAsked = options.contains(Self.noPartitions) || options.contains(Self.partitions)
        if !isAsked, files.contains(where: { $0.contains("=") }) { all.append(Self.noPartitions) }
        return "\(reader)(\(all.joined(separator: ", ")))"
    }

    /// The text that means one path to a reader, and no other that its signs would match.
    static func exactly(_ path: String) -> String {
        // Nearly all paths are without them, and there may be thousands.
        path.utf8.contains { "*?[".utf8.contains($0) } ? path.replacing(#/[*?\[]/#) { "[\($0.output)]" } : path
    }

    static let (partitions, noPartitions) = ("hive_partitioning = true", "hive_partitioning = false")

    /// What a reader is told of folders that say something of their files.
    func options(for folders: FolderColumns) -> [String] {
        switch folders {
        case .ignored: return [Self.noPartitions]
        case .asFound: return [Self.partitions]
        case .typed(let types):
            let list = types.sorted { $0.key < $1.key }.map { "\(name($0.key)): \($0.value)" }
            return [Self.partitions, "hive_types = {\(list.joined(separator: ", "))}"]
        }
    }

    /// Files as the argument of a reader, none of them a pattern.
    func argument(_ files: some Collection<String>, isList: Bool = false) -> String {
        let names = files.map { text(Self.exactly($0)) }
        return names.count == 1 && !isList ? names[0] : list(names)
    }

    package func numberedRows(ofTable table: String, columns: String) -> String {
        "(SELECT \(columns), rowid AS \(name(DataSource.rowColumn)) FROM \(table))"
    }

    package func everything(of relation: String) -> String { "FROM \(relation)" }

    package func bucket(of values: [String], among count: Int) -> String {
        "CAST(hash(\(values.joined(separator: ", "))) % \(count) AS INTEGER)"
    }

    package func division(of query: String, by column: String, into folder: String) -> String {
        // Small groups of rows, because each file has one in memory; not packed, because they are read once and soon.
        "COPY (\n\(query)\n) TO \(text(folder)) (FORMAT parquet, PARTITION_BY (\(name(column))), ROW_GROUP_SIZE 16384, "
            + "COMPRESSION uncompressed)"
    }

    package func namedValues(
        ofQuery query: String, where condition: String, limit: Int, names: String, values: String
    ) -> String {
        "json_keys(row) AS \(names),\n"
            + "       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$')"
            + " AS \(values)\nFROM (SELECT to_json(failing) AS row FROM (\n"
            + "\(query)\n) AS failing\nWHERE \(condition)\nLIMIT \(limit))"
    }

    package var countOfBrokenLines: String {
        "(SELECT count(*) FROM (SELECT DISTINCT file_id, line FROM reject_errors))"
    }

    package func unreadableLines(of source: DataSource) -> SQLScript.Kind {
        let file = source.files.count > 1 ? "CAST(file_id AS INTEGER)" : "0"
        return .lines(
            .unreadable,
            "\(file) AS file, min(CAST(line AS BIGINT)) AS line\nFROM reject_errors\n"
                + "WHERE error_type = 'LINE SIZE OVER MAXIMUM'\nGROUP BY ALL\nORDER BY file, line")
    }

    package func statements(of intake: Intake) -> any IntakeStatements { DuckDBIntake(intake, self) }

    package func quarantinedRows(_ files: [String]) -> String {
        files.allSatisfy { $0.hasSuffix(".parquet") }
            ? read("read_parquet", files, isList: true)
            : read(
                "read_csv", files,
                ["header = true", "all_varchar = true", "delim = ','", "quote = '\"'", "escape = '\"'"], isList: true)
    }

    package func value(of column: String, inQuarantined row: String) -> String {
        "json_extract_string(\(row), \(text("$.\"\(column.replacing(scalar: "\"", with: "\\\""))\"")))"
    }

    // MARK: - Files whose columns are not known

    package func inspection(of source: DataSource) -> [(title: String, kind: SQLScript.Kind)] {
        var statements: [(title: String, kind: SQLScript.Kind)] = []
        if source.format == .parquet, source.files.count > 1 {
            for (index, file) in source.files.enumerated() {
                statements.append(
                    (
                        "the columns of file \(index + 1)",
                        .lines(
                            .column,
                            "\(index) AS file, column_name AS name, column_type AS type\n"
                                + "FROM (DESCRIBE SELECT * FROM \(read("read_parquet", [file])))")
                    ))
            }
        } else {
            var reader = read("read_parquet", source.files, isList: true)
            if source.format != .parquet {
                // A line that cannot be read is a matter of the stage that reads it, which counts it.
                let layout = source.format == .jsonl ? "'newline_delimited', ignore_errors = true" : "'auto'"
                reader = read(
                    "read_json", source.files,
                    ["format = \(layout)", "sample_size = -1", "union_by_name = true", "map_inference_threshold = -1"],
                    isList: true)
                // Where a line is no object, the description is that of one column for everything.
                let structure = JSONPredicates.member(ofColumn: "name", of: "structure")
                statements.append(
                    (
                        "the keys",
                        .lines(
                            .key,
                            "name, CAST(\(structure) AS VARCHAR) AS structure, nulls\n"
                                + "FROM (SELECT structure, nulls, unnest(json_keys(structure)) AS name\n"
                                + "FROM (SELECT json_group_structure(CASE json_type(json) WHEN 'OBJECT' THEN json END) AS structure,\n"
                                + "             count(*) FILTER (WHERE json_type(json) = 'NULL') AS nulls\n"
                                + "      FROM \(source.jsonReader(self))))"
                        )
                    ))
            }
            if source.format != .parquet, source.files.count > 1 {
                // The name of a file is given back as it is, however it was asked for.
                let index = "list_position([\(source.files.map(text).joined(separator: ", "))], filename) - 1"
                statements.append(
                    (
                        "the keys of each file",
                        .lines(
                            .fileKey,
                            "file, name\nFROM (SELECT DISTINCT \(index) AS file, unnest(json_keys(json)) AS name\n"
                                + "FROM \(source.jsonReader(self, ["filename = true"])) WHERE json_type(json) = 'OBJECT')"
                        )
                    ))
            }
            statements.append(("the columns", .columns(of: "SELECT * FROM \(reader)", as: .column)))
        }
        guard source.format == .parquet else { return statements }
        let files = argument(source.files, isList: true)
        // Of a column inside of another the path is told; files may leave the number out, and do so of the type of nothing.
        statements.append(
            (
                "the columns with values",
                .ownLines(
                    "SELECT DISTINCT \(RowKind.valued.selected), path_in_schema AS name FROM parquet_metadata(\(files))\n"
                        + "WHERE (stats_null_count IS NULL OR stats_null_count < num_values)\n"
                        + "  AND (file_name, path_in_schema) NOT IN "
                        + "(SELECT (file_name, name) FROM parquet_schema(\(files)) WHERE logical_type = 'NullType()')")
            ))
        return statements
    }

    package func columnsWithoutValues(_ columns: [String], of source: DataSource) -> SQLScript.Kind {
        overObjects(of: source, .empty, columns) { index, json in
            "count(*) FILTER (WHERE json_type(\(json)) <> 'NULL') = 0 AS c\(index)"
        }
    }

    package func offsets(ofKeys columns: [String], of source: DataSource) -> SQLScript.Kind {
        overObjects(of: source, .offsets, columns) { index, json in
            let isNamed = namesOffset("(\(json) ->> '$')")
            return
                "coalesce(bool_or(\(isNamed)), FALSE) AS w\(index), coalesce(bool_or(NOT \(isNamed)), FALSE) AS n\(index)"
        }
    }

    package func largeNumbers(_ columns: [(name: String, paths: [ColumnType.NumberPath])], of source: DataSource)
        -> SQLScript.Kind
    {
        func isLarge(_ text: String, _ path: ColumnType.NumberPath) -> String {
            "regexp_full_match(\(text), '-?[0-9]{16,}') AND TRY_CAST(\(text) AS BIGINT) "
                + (path.isFloatingPoint
                    ? "IS DISTINCT FROM TRY_CAST(TRY_CAST(\(text) AS DOUBLE) AS HUGEINT)" : "IS NULL")
        }
        return overObjects(of: source, .large, columns.map(\.name)) { index, json in
            let tests = columns[index].paths.map { number in
                let path = text(number.path)
                if !number.path.contains("*") { return isLarge("(\(json) ->> \(path))", number) }
                return "len(list_filter(\(json) ->> \(path), lambda v: \(isLarge("v", number)))) > 0"
            }
            return "coalesce(bool_or(\(tests.joined(separator: " OR "))), FALSE) AS c\(index)"
        }
    }

    package func looseTimes(_ columns: [String], of source: DataSource) -> SQLScript.Kind {
        overObjects(of: source, .loose, columns) { index, json in
            "coalesce(bool_or(NOT regexp_full_match(\(json) ->> '$', '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:.*)?')), FALSE) AS c\(index)"
        }
    }

    /// Aggregates over the objects of JSON files.
    ///
    /// `test`: one about a column, given its place and the value as JSON.
    private func overObjects(
        of source: DataSource, _ kind: RowKind, _ columns: [String], _ test: (Int, String) -> String
    ) -> SQLScript.Kind {
        let tests = columns.enumerated().map { index, column in
            test(index, JSONPredicates.member(column, of: "json", self))
        }
        return .lines(
            kind,
            "\(tests.joined(separator: ",\n       "))\nFROM \(source.jsonReader(self))\n"
                + "WHERE json_type(json) = 'OBJECT'")
    }

    package func anyRow(
        ofParquet file: String, where condition: String, _ kind: RowKind, column: String, file index: Int
    ) -> SQLScript.Kind {
        .lines(
            kind,
            "\(text(column)) AS name, \(index) AS file FROM \(rows(ofParquet: file)) WHERE \(condition) LIMIT 1")
    }
}
