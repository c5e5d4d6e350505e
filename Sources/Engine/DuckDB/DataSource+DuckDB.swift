import CaudalModel

/// How DuckDB reads the files of a source.
extension DataSource {
    /// SQL that stands after FROM and gives the columns in order; broken lines that are kept go to DuckDB's tables of rejects.
    func relation(_ sql: DuckDBDialect, _ reading: SourceReading) -> String {
        let (numbersRows, numbersFiles) = (reading.numbersRows, reading.numbersFiles)
        if let tableQuery {
            let rows = localTimes.isEmpty ? tableQuery : "SELECT \(typedColumns(sql)) FROM (\(tableQuery))"
            return counted("(\(rows))", sql, numbersRows)
        }
        guard !files.isEmpty else { return "(\(emptyRelation(sql, numbersRows: numbersRows)))" }
        if part != nil {
            let names = (columnNames + (numbersRows ? [Self.rowColumn] : [])).map(sql.name).joined(separator: ", ")
            return "(SELECT \(names) FROM \(sql.read("read_parquet", files, [DuckDBDialect.noPartitions])))"
        }
        switch format {
        case .parquet:
            return parquetReader(sql, numbersRows: numbersRows, numbersFiles: numbersFiles)
        case .csv:
            return counted(
                csvReader(sql, keepsRejects: reading.keepsRejects, numbersFiles: numbersFiles), sql, numbersRows)
        // Of sheets, copies in CSV are read.
        case .xlsx: return "(\(emptyRelation(sql, numbersRows: numbersRows)))"
        case .json, .jsonl: return counted(jsonRecords(sql), sql, numbersRows)
        }
    }

    /// The columns of a table as the types that they are read as.
    private func typedColumns(_ sql: DuckDBDialect) -> String {
        columns.map { column in
            let name = sql.name(column.name)
            guard let zone, localTimes.contains(column.name) else { return name }
            return "\(sql.moment(ofLocal: name, zone: zone)) AS \(name)"
        }.joined(separator: ", ")
    }

    /// A reader of Parquet; files with different columns are read separately, each cast to the types of all files.
    private func parquetReader(_ sql: DuckDBDialect, numbersRows: Bool, numbersFiles: Bool) -> String {
        func reader(_ files: some Collection<String>) -> String {
            // A folder called `key=value` says nothing about rows that a stage wrote.
            sql.read(
                "read_parquet", files,
                isOwn ? [DuckDBDialect.noPartitions] : folders == .ignored ? [] : sql.options(for: folders))
        }
        if !numbersRows, parts.isEmpty, recast.isEmpty, localTimes.isEmpty { return reader(files) }
        let selects = (parts.isEmpty ? [ParquetPart(files: files.indices)] : parts).map { part in
            var list = columns.map { column in
                let name = sql.name(column.name)
                var value = name
                if let type = part.absent[column.name] {
                    value = "CAST(NULL AS \(type))"
                } else if let cast = part.casts[column.name] {
                    let own = Column(column.name, cast.own)
                    value =
                        cast.own != column.type && sql.carried(own).type == column.type
                        ? sql.narrowedValue(of: own) : "CAST(\(name) AS \(cast.united))"
                }
                if let zone, localTimes.contains(column.name) {
                    value = sql.moment(ofLocal: value, zone: zone)
                } else if let own = recast[column.name] {
                    value =
                        value == name && own != column.type
                        ? sql.narrowedValue(of: Column(column.name, own)) : sql.cast(value, to: column.type)
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

    private func counted(_ reader: String, _ sql: DuckDBDialect, _ numbersRows: Bool) -> String {
        guard numbersRows else { return reader }
        let names = columns.map { sql.name($0.name) }.joined(separator: ", ")
        return "(SELECT \(names), row_number() OVER () - 1 AS \(sql.name(Self.rowColumn)) FROM \(reader))"
    }

    private func csvReader(_ sql: DuckDBDialect, keepsRejects: Bool, numbersFiles: Bool) -> String {
        let shape = columns.map { "\(sql.text($0.name)): \(sql.text(sql.type($0.type)))" }.joined(separator: ", ")
        // Caudal writes the first of the texts that stand for no value.
        var nulls = isOwn ? Array(csv.nullTexts.prefix(1)) : csv.nullTexts
        // Of one column DuckDB takes blank lines for rows where nothing is a null text. What no value can be is none.
        let passesBlanks = columns.count == 1 && !isOwn && nulls.contains("")
        if passesBlanks { nulls = nulls.filter { !$0.isEmpty } }
        if nulls.isEmpty { nulls = ["\n"] }
        var options = [
            "auto_detect = false", "header = \(csv.hasHeader)", "delim = \(sql.text(csv.delimiter ?? ","))",
            "quote = \(sql.text(csv.quote))", "escape = \(sql.text(csv.escape))",
            "nullstr = \(nulls.count == 1 ? sql.text(nulls[0]) : "[" + nulls.map(sql.text).joined(separator: ", ") + "]")",
        ]
        // Caudal writes an empty text as "" and nothing for null; elsewhere both mean that there is no value.
        // A quoted NA is a text, and only nothing is nothing in quotation marks too.
        let isExact = isOwn || passesBlanks || csv.nullTexts != [""]
        if isExact { options.append("allow_quoted_nulls = false") }
        // Caudal writes UTF-8.
        if let encoding = csv.encoding, encoding != "utf-8", !isOwn {
            options.append("encoding = \(sql.text(encoding))")
        }
        // A value may be as long as the reader's buffer, which is 32 MB unless it is told otherwise.
        if !isOwn { options.append("buffer_size = 67108864, max_line_size = \(Self.longestLine)") }
        if keepsRejects { options.append("store_rejects = true") }
        if rowsEndInFeeds { options.append("new_line = '\\n'") }
        options.append("columns = {\(shape)}")
        let reader = sql.read("read_csv", files, options)
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
