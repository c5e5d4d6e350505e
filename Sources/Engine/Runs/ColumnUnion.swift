/// What is done where the files of one dataset have different columns.
struct ColumnUnion {
    let dataset: Dataset
    /// The files as people know them.
    let files: [String]

    /// What is different, in sentences; a different order is no difference.
    ///
    /// - Throws: ``Failure`` where the dataset wants the same columns in all files.
    func differences(_ names: [[String]]) throws(Failure) -> [String] {
        guard let first = names.first else { return [] }
        var notes: [String] = []
        for (index, others) in names.enumerated().dropFirst() {
            let extra = others.filter { !first.contains($0) }
            let missing = first.filter { !others.contains($0) }
            guard !extra.isEmpty || !missing.isEmpty else { continue }
            let difference = [("has", extra), ("has no", missing)].filter { !$0.1.isEmpty }
                .map { "\($0.0) column \($0.1.map { "'\($0)'" }.joined(separator: ", "))" }.joined(separator: " and ")
            if dataset.columnRule == .same {
                throw Failure(
                    "\(files[index]) \(difference), unlike \(files[0])",
                    remedy:
                        "give the files of '\(dataset.name)' the same columns, or unite them with 'columns: by_name'",
                    location: dataset.placeLocation)
            }
            // One file tells of the kind of difference; a thousand would hide everything else.
            if notes.count < 3 {
                notes.append(
                    "\(files[index]) \(difference), unlike \(files[0]): the files of '\(dataset.name)' are united by "
                        + "name, and a column that a file lacks has no value there")
            }
        }
        return notes
    }
}

/// Parquet files of one dataset: their columns are united by name, each with a type that holds every value.
enum ParquetUnion {
    /// Adds the statements that tell the columns of each file.
    static func add(_ files: [String], to script: inout SQLScript) {
        let sql = DuckDBDialect()
        for (index, file) in files.enumerated() {
            script.add(
                "the columns of file \(index + 1)",
                "SELECT 'column' AS caudal, \(index) AS file, column_name AS name, column_type AS type\n"
                    + "FROM (DESCRIBE SELECT * FROM read_parquet(\(sql.text(file))))")
        }
    }

    /// The type that holds every value of two, as DuckDB unites them; nil where none does.
    static func common(_ left: String, _ right: String) -> String? {
        if left == right { return left }
        let whole = ["TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64]
        let unsigned = ["UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64]
        func bits(_ type: String) -> Int? { whole[type] ?? unsigned[type].map { $0 < 64 ? $0 * 2 : 128 } }
        func isFloating(_ type: String) -> Bool { type == "FLOAT" || type == "DOUBLE" }
        if let first = bits(left), let second = bits(right) {
            return max(first, second) <= 64 ? whole.first { $0.value == max(first, second) }?.key : nil
        }
        if isFloating(left), isFloating(right) { return "DOUBLE" }
        // Whole numbers of 32 bits stand in floating point of 64 bits exactly; of larger ones only those that are not too
        // large. With floating point of 32 bits the engine unites them in that, which holds those of 16 bits alone.
        func floating(_ type: String, _ bits: Int) -> String? { bits <= (type == "FLOAT" ? 16 : 64) ? "DOUBLE" : nil }
        if let first = bits(left), isFloating(right) { return floating(right, first) }
        if isFloating(left), let second = bits(right) { return floating(left, second) }
        if let first = decimal(left) ?? bits(left).map({ ($0 <= 32 ? 10 : 19, 0) }),
            let second = decimal(right) ?? bits(right).map({ ($0 <= 32 ? 10 : 19, 0) })
        {
            let scale = max(first.1, second.1)
            let precision = max(first.0 - first.1, second.0 - second.1) + scale
            return precision <= 38 ? "DECIMAL(\(precision),\(scale))" : nil
        }
        let times = ["DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"]
        if times.contains(left), times.contains(right) {
            return [left, right].contains("TIMESTAMP_NS") ? nil : "TIMESTAMP"
        }
        return nil
    }

    /// Whether values of a type could lose something as floating point, so that they must be looked at.
    static func isLarge(_ type: String) -> Bool { ["BIGINT", "UINTEGER"].contains(type) }

    private static func decimal(_ type: String) -> (Int, Int)? {
        guard type.hasPrefix("DECIMAL("), case .decimal(let precision, let scale)? = ColumnType(named: type) else {
            return nil
        }
        return (precision, scale)
    }
}

extension SourceResolver {
    /// The columns of Parquet files; of several, united.
    func readColumns(_ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings) async throws {
        let shown = source.files.map { PathText.relative($0, to: pipeline.root) }
        var found: [[(name: String, type: String)]] = source.files.map { _ in [] }
        for row in readings.rows("column") {
            guard let name = row.text("name"), let type = row.text("type") else { continue }
            found[Int(row.integer("file") ?? 0)].append((name, type))
        }
        source.notes += try ColumnUnion(dataset: dataset, files: shown).differences(found.map { $0.map(\.name) })
        var columns: [(name: String, type: String)] = []
        // Columns of large whole numbers that become floating point, with the files that have them.
        var large: [String: [Int]] = [:]
        for (index, file) in found.enumerated() {
            for (name, type) in file {
                guard let place = columns.firstIndex(where: { $0.name == name }) else {
                    // The engine takes the two for one column in one place and for two in another.
                    if let alike = columns.first(where: { $0.name.lowercased() == name.lowercased() }) {
                        throw Failure(
                            "the files of '\(dataset.name)' have columns '\(alike.name)' and '\(name)', which differ in "
                                + "case alone", remedy: "write them with one name", location: dataset.placeLocation)
                    }
                    columns.append((name, type))
                    continue
                }
                guard let common = ParquetUnion.common(columns[place].type, type) else {
                    let first = found.firstIndex { $0.contains { $0.name == name } } ?? 0
                    let (other, isAlike) = (
                        columns[place].type, ColumnType(duckDB: columns[place].type) == ColumnType(duckDB: type)
                    )
                    // Two types of Parquet can be one here, and yet not be united: they are told by their own names.
                    func words(_ type: String) -> String { isAlike ? type : ColumnType(duckDB: type).description }
                    throw Failure(
                        "column '\(name)' of \(shown[index]) is \(words(type)), and of \(shown[first]) "
                            + "it is \(words(other)): reading both as one type could change values",
                        remedy: "write the files of '\(dataset.name)' with one type", location: dataset.placeLocation)
                }
                columns[place].type = common
            }
        }
        for (name, type) in columns where type == "DOUBLE" {
            let files = found.indices.filter { found[$0].contains { $0.name == name && ParquetUnion.isLarge($0.type) } }
            if !files.isEmpty { large[name] = files }
        }
        try await refuseLarge(large, source, dataset, shown)
        source.unitesColumns = found.dropFirst().contains { file in
            !file.elementsEqual(found[0], by: ==)
        }
        source.columns = columns.map { Column($0.name, ColumnType(duckDB: $0.type)) }
        for (index, column) in source.columns.enumerated() {
            // A point in time with a zone is the same point in UTC.
            if column.type == .other("TIMESTAMP WITH TIME ZONE") {
                source.columns[index].type = .timestamp
                source.recast.insert(column.name)
            } else if source.unitesColumns, case .decimal = column.type {
                source.recast.insert(column.name)
            }
        }
        source.takeZone(dataset.zone)
    }

    /// Refuses whole numbers that floating point does not hold.
    private func refuseLarge(
        _ large: [String: [Int]], _ source: DataSource, _ dataset: Dataset, _ shown: [String]
    ) async throws {
        if large.isEmpty { return }
        let sql = DuckDBDialect()
        var script = SQLScript(title: "whether whole numbers fit floating point")
        for (name, files) in large.sorted(by: { $0.key < $1.key }) {
            for file in files {
                script.add(
                    "the largest of \(name)",
                    "SELECT 'large' AS caudal, \(sql.text(name)) AS name, \(file) AS file FROM read_parquet("
                        + "\(sql.text(source.files[file]))) WHERE \(sql.name(name)) NOT BETWEEN -9007199254740992 AND "
                        + "9007199254740992 LIMIT 1")
            }
        }
        let answer = try await tools.ask(script, reading: source.files)
        guard let row = answer.rows("large").first, let name = row.text("name"), let file = row.integer("file") else {
            return
        }
        throw Failure(
            "column '\(name)' is a whole number in \(shown[Int(file)]) and floating point in another file of "
                + "'\(dataset.name)', which does not hold all of its values",
            remedy: "write the files with one type", location: dataset.placeLocation)
    }
}
