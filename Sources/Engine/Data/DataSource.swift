/// Existing data: the files of a dataset, their format and their columns.
package struct DataSource: Sendable, Hashable {
    /// The dataset.
    package var dataset: DatasetName
    /// Absolute paths, or paths as they are to be printed; their order decides the order of rows.
    package var files: [String]
    package var format: Dataset.Format
    /// The CSV dialect with its detected delimiter and encoding.
    package var csv: CSVDialect
    /// The columns, in order; all are text for a CSV file that Caudal did not write.
    package var columns: [Column]
    /// JSON columns with values of several types, which are read as text.
    package var mixedColumns: Set<String> = []
    /// Why the keys of JSON objects cannot be columns; nil if they can.
    var keyFault: Failure?
    /// Columns known to have no values: their types mean nothing.
    package var emptyColumns: Set<String> = []
    /// Whether Caudal wrote the files, so that values have the declared types.
    package var isOwn: Bool
    /// The rules for copying files before they are read, by position; other files are read directly.
    var copies: [Int: PlainCSV.Rules] = [:]
    /// The original files, if copies are read.
    private var originals: [String]?
    /// For copied files, by position, the file that lists the lines in which their rows begin.
    private(set) var lineFiles: [Int: String] = [:]
    /// Whether all files are copies without a header: DuckDB would take a line end inside of the first row for the end
    /// of every row.
    private var rowsEndInFeeds = false
    /// Notes about the columns for the user, as sentences.
    package var notes: [String] = []
    /// The zone of times without an offset; nil takes them as UTC.
    package var zone: String?
    /// How the text columns state times; nil when that is unknown.
    var namedTimes: NamedTimes?
    /// The columns of Parquet files or of a table with local times in that zone.
    var localTimes: Set<String> = []
    /// Consecutive Parquet files with the same columns, as groups; empty when all files have the same columns.
    var parts: [ParquetPart] = []
    /// The Parquet columns that are read as another type than the file declares.
    var recast: Set<String> = []
    /// The table that the source reads; its files are a copy of the table's rows for one attempt.
    package var table: ConnectionTable?
    /// The database's own names for the types of a table's columns.
    var nativeTypes: [String: String] = [:]
    /// The query that reads the table directly, in SQL that a user runs by hand.
    package var tableQuery: String?

    package init(
        dataset: DatasetName, files: [String], format: Dataset.Format, csv: CSVDialect = CSVDialect(),
        columns: [Column], isOwn: Bool, table: ConnectionTable? = nil
    ) {
        self.dataset = dataset
        self.files = files
        self.format = format
        self.csv = csv
        self.columns = columns
        self.isOwn = isOwn
        self.table = table
    }

    /// Its files as the user knows them.
    package var knownFiles: [String] { originals ?? files }

    /// A plain copy of a file.
    struct Copy: Hashable, Sendable {
        var file: String
        /// The file that lists the lines of the original in which its rows begin, see ``PlainCSV``.
        var lines: String
    }

    /// The source with copies in place of some of its files.
    func reading(_ copies: [Int: Copy]) -> DataSource {
        var source = self
        source.originals = knownFiles
        for (index, copy) in copies {
            source.files[index] = copy.file
            source.lineFiles[index] = copy.lines
        }
        source.copies = [:]
        source.rowsEndInFeeds = !csv.hasHeader && copies.count == files.count
        return source
    }

    /// The source without files, for its columns alone.
    package var withoutRows: DataSource {
        var source = self
        source.files = []
        return source
    }

    /// Interprets local times as times in a zone, which makes them points in time.
    mutating func takeZone(_ name: String?) {
        zone = name
        guard name != nil else { return }
        for index in columns.indices where columns[index].type == .localTimestamp {
            columns[index].type = .timestamp
            localTimes.insert(columns[index].name)
        }
    }

    /// The names of its columns.
    package var columnNames: [String] { columns.map(\.name) }

    /// Whether it may have malformed lines: a CSV file that Caudal did not write.
    package var canHoldBrokenLines: Bool { format == .csv && !isOwn }

    /// Whether its values are JSON with types of their own: a JSON file that Caudal did not write.
    package var isForeignJSON: Bool { (format == .json || format == .jsonl) && !isOwn }

    /// The hidden column with row numbers, for stages that need the order of rows.
    package static let rowColumn = "#caudal.row"

    /// SQL for a FROM clause that returns the columns in order.
    ///
    /// - Parameters:
    ///   - numbersRows: Whether a column ``rowColumn`` numbers the rows from 0. Only Parquet stores such numbers; rows
    ///     of other formats are counted, which is slower.
    ///   - keepsRejects: Whether malformed lines go to DuckDB's reject tables instead of failing the query.
    ///   - numbersFiles: Whether there is a column `file_index` with the position of a row's file in the list.
    package func fromClause(
        _ sql: DuckDBDialect, numbersRows: Bool = false, keepsRejects: Bool = false, numbersFiles: Bool = false
    ) -> String {
        if let tableQuery {
            let rows = localTimes.isEmpty ? tableQuery : "SELECT \(typedColumns(sql)) FROM (\(tableQuery))"
            return counted("(\(rows))", sql, numbersRows)
        }
        guard !files.isEmpty else { return "(\(emptyRelation(sql, numbersRows: numbersRows)))" }
        let list = fileList(sql)
        switch format {
        case .parquet:
            return parquetReader(sql, numbersRows: numbersRows, numbersFiles: numbersFiles)
        case .csv:
            return counted(
                csvReader(list, sql, keepsRejects: keepsRejects, numbersFiles: numbersFiles), sql, numbersRows)
        case .json, .jsonl:
            // Values of several types are read as JSON and returned as text. Points in time are read as text: as times
            // they would lose their offsets.
            let moments = Set(
                isOwn ? [] : columns.filter { [.timestamp, .localTimestamp].contains($0.type) }.map(\.name))
            let shape = columns.map { column in
                let type = moments.contains(column.name) ? .text : column.type
                return
                    "\(sql.text(column.name)): \(sql.text(mixedColumns.contains(column.name) ? "JSON" : sql.type(type)))"
            }.joined(separator: ", ")
            let layout = format == .jsonl ? "newline_delimited" : "auto"
            var reader = "read_json(\(list), format = '\(layout)', columns = {\(shape)})"
            if !mixedColumns.isEmpty || !moments.isEmpty {
                let values = columns.map { column in
                    let name = sql.name(column.name)
                    if moments.contains(column.name) {
                        return "\(MomentSQL.moment(name, DuckDBDialect(zone: zone), isStrict: true)) AS \(name)"
                    }
                    return mixedColumns.contains(column.name) ? "\(name) ->> '$' AS \(name)" : name
                }
                reader = "(SELECT \(values.joined(separator: ", ")) FROM \(reader))"
            }
            return counted(reader, sql, numbersRows)
        }
    }

    /// The columns of a table, cast to the types in which they are read.
    private func typedColumns(_ sql: DuckDBDialect) -> String {
        columns.map { column in
            let name = sql.name(column.name)
            guard let zone, localTimes.contains(column.name) else { return name }
            return "\(MomentSQL.moment(ofLocal: name, zone: zone, sql)) AS \(name)"
        }.joined(separator: ", ")
    }

    /// A reader of Parquet files; groups of files with different columns are read separately and cast to common types.
    private func parquetReader(_ sql: DuckDBDialect, numbersRows: Bool, numbersFiles: Bool) -> String {
        func reader(_ files: some Collection<String>) -> String {
            // For files of a stage, a folder called `key=value` does not add a column.
            "read_parquet(\(fileList(files, sql))\(isOwn ? ", hive_partitioning = false" : ""))"
        }
        if !numbersRows, parts.isEmpty, recast.isEmpty, localTimes.isEmpty { return reader(files) }
        let selects = (parts.isEmpty ? [ParquetPart(files: files.indices)] : parts).map { part in
            var list = columns.map { column in
                let name = sql.name(column.name)
                var value = name
                if let type = part.absent[column.name] {
                    value = "CAST(NULL AS \(type))"
                } else if let type = part.casts[column.name] {
                    value = "CAST(\(name) AS \(type))"
                }
                if let zone, localTimes.contains(column.name) {
                    value = MomentSQL.moment(ofLocal: value, zone: zone, sql)
                } else if recast.contains(column.name) {
                    value = sql.cast(value, to: column.type)
                }
                return value == name ? name : "\(value) AS \(name)"
            }
            let start = part.files.lowerBound
            let index = start == 0 ? "file_index" : "\(start) + file_index"
            if numbersRows {
                // A file has fewer than 2^40 rows.
                list.append(
                    (files.count == 1 ? "" : "CAST(\(index) AS BIGINT) * 1099511627776 + ")
                        + "file_row_number AS \(sql.name(Self.rowColumn))")
            }
            if numbersFiles { list.append("\(index) AS file_index") }
            return "SELECT \(list.joined(separator: ", ")) FROM \(reader(files[part.files]))"
        }
        return "(\(selects.joined(separator: "\nUNION ALL\n")))"
    }

    /// The files as an argument of a reader.
    private func fileList(_ sql: DuckDBDialect) -> String { fileList(files, sql) }

    private func fileList(_ files: some Collection<String>, _ sql: DuckDBDialect) -> String {
        files.count == 1 ? sql.text(files.first ?? "") : "[" + files.map(sql.text).joined(separator: ", ") + "]"
    }

    /// A reader that returns each row as JSON text in a column `json`.
    ///
    /// In JSON lines, an unreadable line gives a null; in other JSON nothing after the fault can be read, and the
    /// reader fails.
    package func jsonReader(_ sql: DuckDBDialect) -> String {
        let layout = format == .jsonl ? "'newline_delimited', ignore_errors = true" : "'auto'"
        return "read_json_objects(\(fileList(sql)), format = \(layout))"
    }

    /// A reader that returns the lines of one JSON file in a column `line`; lines that are not UTF-8 go to the table
    /// `rejects`.
    package func lineReader(_ sql: DuckDBDialect, file: Int, rejects: String) -> String {
        "read_csv(\(sql.text(files[file])), auto_detect = false, header = false, delim = '', quote = '', escape = '', "
            + "strict_mode = false, max_line_size = \(Self.longestObject), columns = {'line': 'VARCHAR'}, "
            + "store_rejects = true, rejects_table = '\(rejects)', rejects_scan = '\(rejects)_scans')"
    }

    /// The maximum length of a CSV line, in bytes.
    package static let longestLine = 67_000_000

    /// DuckDB's default maximum size of a JSON object, in bytes.
    private static let longestObject = 16_777_216

    private func counted(_ reader: String, _ sql: DuckDBDialect, _ numbersRows: Bool) -> String {
        guard numbersRows else { return reader }
        let names = columns.map { sql.name($0.name) }.joined(separator: ", ")
        return "(SELECT \(names), row_number() OVER () - 1 AS \(sql.name(Self.rowColumn)) FROM \(reader))"
    }

    private func csvReader(
        _ list: String, _ sql: DuckDBDialect, keepsRejects: Bool, numbersFiles: Bool
    ) -> String {
        let shape = columns.map { "\(sql.text($0.name)): \(sql.text(sql.type($0.type)))" }.joined(separator: ", ")
        // Caudal writes the first of the null texts.
        var nulls = isOwn ? Array(csv.nullTexts.prefix(1)) : csv.nullTexts
        // In a file with one column DuckDB reads blank lines as rows if the empty text is null. A text that no value
        // can have avoids that.
        let passesBlanks = columns.count == 1 && !isOwn && nulls.contains("")
        if passesBlanks { nulls = nulls.filter { !$0.isEmpty } }
        if nulls.isEmpty { nulls = ["\n"] }
        var options = [
            "auto_detect = false", "header = \(csv.hasHeader)", "delim = \(sql.text(csv.delimiter ?? ","))",
            "quote = \(sql.text(csv.quote))", "escape = \(sql.text(csv.escape))",
            "nullstr = \(nulls.count == 1 ? sql.text(nulls[0]) : "[" + nulls.map(sql.text).joined(separator: ", ") + "]")",
        ]
        // Caudal writes an empty text as "" and null as an empty field; in other files both mean null. A quoted NA is a
        // text, while an empty field means null even in quotation marks.
        let isExact = isOwn || passesBlanks || csv.nullTexts != [""]
        if isExact { options.append("allow_quoted_nulls = false") }
        if let encoding = csv.encoding, encoding != "utf-8" { options.append("encoding = \(sql.text(encoding))") }
        // A value may be as long as the reader's buffer, which has 32 MB by default.
        if !isOwn { options.append("buffer_size = 67108864, max_line_size = \(Self.longestLine)") }
        if keepsRejects { options.append("store_rejects = true") }
        if rowsEndInFeeds { options.append("new_line = '\\n'") }
        options.append("columns = {\(shape)}")
        let reader = "read_csv(\(list), \(options.joined(separator: ", ")))"
        guard isExact, !isOwn, csv.nullTexts.contains("") else { return reader }
        let values = columns.map { "nullif(\(sql.name($0.name)), '') AS \(sql.name($0.name))" }
        return
            "(SELECT \(values.joined(separator: ", "))\(numbersFiles ? ", file_index" : "") FROM \(reader))"
    }

    private func emptyRelation(_ sql: DuckDBDialect, numbersRows: Bool) -> String {
        var list = columns.map { "CAST(NULL AS \(sql.type($0.type))) AS \(sql.name($0.name))" }
        if numbersRows { list.append("CAST(NULL AS BIGINT) AS \(sql.name(Self.rowColumn))") }
        return "SELECT \(list.isEmpty ? "1" : list.joined(separator: ", ")) WHERE FALSE"
    }
}

/// Consecutive Parquet files with the same columns, and the casts of their values to the types of all files.
struct ParquetPart: Hashable, Sendable {
    /// The positions of the files in the source.
    var files: Range<Int>
    /// Columns with another type in these files, with the type for all files.
    var casts: [String: String] = [:]
    /// Columns that these files lack, or in which they have no values, with the type for all files.
    var absent: [String: String] = [:]
}
