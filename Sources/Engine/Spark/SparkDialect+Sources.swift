package import CaudalModel

/// How Spark reads data: Parquet, and in validate stages plain CSV.
///
/// Whatever else a stage reads is made into Parquet before (``OutputFinishing`` is the way back).
extension SparkDialect {
    package func rows(of source: DataSource, _ reading: SourceReading) -> String {
        guard !source.files.isEmpty else { return "(\(noRows(of: source, reading)))" }
        let selects = source.files.enumerated().map { index, file in
            var list = source.columns.map { column in
                let name = name(column.name)
                return column.type == .integer ? "CAST(\(name) AS BIGINT) AS \(name)" : name
            }
            if reading.numbersRows {
                // A file has fewer than 2^40 rows.
                list.append(
                    (index == 0 ? "" : "\(Int64(index) << 40) + ")
                        + "_metadata.row_index AS \(name(DataSource.rowColumn))")
            }
            return "SELECT \(list.isEmpty ? "1" : list.joined(separator: ", ")) FROM \(rows(ofParquet: file))"
        }
        return "(\(selects.joined(separator: "\nUNION ALL\n")))"
    }

    private func noRows(of source: DataSource, _ reading: SourceReading) -> String {
        var list = source.columns.map { "CAST(NULL AS \(type($0.type))) AS \(name($0.name))" }
        if reading.numbersRows { list.append("CAST(NULL AS BIGINT) AS \(name(DataSource.rowColumn))") }
        return "SELECT \(list.isEmpty ? "1" : list.joined(separator: ", ")) WHERE FALSE"
    }

    package func rows(ofParquet file: String) -> String { "parquet.\(name(Self.exactly(file)))" }

    /// A path in which no sign makes a pattern.
    static func exactly(_ path: String) -> String {
        path.utf8.contains { "*?[]{}\\".utf8.contains($0) }
            ? path.replacing(#/[*?\[\]{}\\]/#) { "\\\($0.output)" } : path
    }

    package func everything(of relation: String) -> String { "SELECT * FROM \(relation)" }

    package func namedValues(
        ofQuery query: String, where condition: String, limit: Int, names: String, values: String
    ) -> String {
        "map_keys(row) AS \(names), map_values(row) AS \(values)\n"
            + "FROM (SELECT from_json(to_json(struct(failing.*), map('ignoreNullFields', 'false')), 'map<string,string>') AS row\n"
            + "FROM (\n\(query)\n) AS failing\nWHERE \(condition)\nLIMIT \(limit))"
    }

    package func statements(of intake: Intake) -> any IntakeStatements { SparkIntake(intake, self) }

    // MARK: - What stages on Spark are not given

    package func numberedRows(ofTable table: String, columns: String) -> String {
        "(SELECT \(beyond("numbers of the rows of a query")))"
    }
    package func bucket(of values: [String], among count: Int) -> String { beyond("divided inputs") }
    package func division(of query: String, by column: String, into folder: String) -> String {
        "SELECT \(beyond("divided inputs"))"
    }
    package var countOfBrokenLines: String { beyond("counts of malformed lines") }
    package func unreadableLines(of source: DataSource) -> SQLScript.Kind { refused("lines that are too long") }
    package func quarantinedRows(_ files: [String]) -> String { "(SELECT \(beyond("rows that were put aside")))" }
    package func value(of column: String, inQuarantined row: String) -> String { beyond("rows that were put aside") }
    package func inspection(of source: DataSource) -> [(title: String, kind: SQLScript.Kind)] {
        [("the columns", refused("files whose columns are not known"))]
    }
    package func columnsWithoutValues(_ columns: [String], of source: DataSource) -> SQLScript.Kind { refused("JSON") }
    package func offsets(ofKeys columns: [String], of source: DataSource) -> SQLScript.Kind { refused("JSON") }
    package func largeNumbers(_ columns: [(name: String, paths: [ColumnType.NumberPath])], of source: DataSource)
        -> SQLScript.Kind
    {
        refused("JSON")
    }
    package func looseTimes(_ columns: [String], of source: DataSource) -> SQLScript.Kind { refused("JSON") }
    package func anyRow(
        ofParquet file: String, where condition: String, _ kind: RowKind, column: String, file index: Int
    ) -> SQLScript.Kind { refused("files whose columns are not known") }
    package func commonType(_ left: String, _ right: String) -> String? { nil }
    package var nanosecondType: String { "timestamp_ns" }
    package func loss(of value: String, _ type: String, as united: String) -> (kind: RowKind, condition: String)? {
        nil
    }

    private func refused(_ what: String) -> SQLScript.Kind { .run("SELECT \(beyond(what))") }

    // MARK: - Places and connections

    package func enumeration(_ type: String, of rows: String, key: String) -> String {
        "SELECT \(beyond("lookups by places"))"
    }
    package func place(of text: String, in type: String) -> String { beyond("lookups by places") }
    package func listed(_ value: String) -> String { beyond("lookups by places") }
    package func noted(_ name: String, atPlace place: String) -> String { beyond("lookups by places") }

    package func alias(of connection: String) -> String { connection }
    package func attachment(
        _ target: String, of connection: String, _ kind: Connection.Kind, isReadOnly: Bool
    ) -> String { "SELECT \(beyond("databases"))" }
    package func access(to store: ObjectStore, of connection: String) -> String { "SELECT \(beyond("buckets"))" }
    package func rows(of version: TableVersion) -> String { "(SELECT \(beyond("tables of folders")))" }
    package func rows(ofObjects urls: [String], _ folders: FolderColumns) -> String { "(SELECT \(beyond("buckets")))" }
    package func ownQuery(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "(SELECT \(beyond("databases")))"
    }
    package func ownStatement(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        "SELECT \(beyond("databases"))"
    }
    package func preparation(for kind: Connection.Kind) -> [String] { [] }
}
