/// Unites the columns of a dataset's Parquet files by name, each with a type that holds every value.
enum ParquetUnion {
    /// Adds the statements that describe the columns of each file.
    static func add(_ files: [String], to script: inout SQLScript) {
        let sql = DuckDBDialect()
        for (index, file) in files.enumerated() {
            script.add(
                "the columns of file \(index + 1)",
                "SELECT 'column' AS caudal, \(index) AS file, column_name AS name, column_type AS type\n"
                    + "FROM (DESCRIBE SELECT * FROM read_parquet(\(sql.text(file))))")
        }
    }

    /// A type that holds every value of two types, by their names in DuckDB; nil when there is none.
    ///
    /// Integers united with floating point may be too large for it: see ``isLarge(_:)``.
    static func common(_ left: String, _ right: String) -> String? {
        if left == right { return left }
        if let first = whole(left), let second = whole(right) { return common(first, second) }
        if isFloating(left), isFloating(right) { return "DOUBLE" }
        if let digits = digits(isFloating(left) ? right : left), isFloating(left) || isFloating(right) {
            return digits.scale == 0 ? "DOUBLE" : nil
        }
        if let first = digits(left), let second = digits(right) {
            let scale = max(first.scale, second.scale)
            let precision = max(first.precision - first.scale, second.precision - second.scale) + scale
            return precision <= 38 ? "DECIMAL(\(precision),\(scale))" : nil
        }
        let times = ["DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"]
        if times.contains(left), times.contains(right) {
            return [left, right].contains("TIMESTAMP_NS") ? "TIMESTAMP_NS" : "TIMESTAMP"
        }
        if Set([left, right]) == ["VARCHAR", "UUID"] { return "VARCHAR" }
        // Element types are not examined, so only types that certainly hold every value are united.
        if left.hasSuffix("[]"), right.hasSuffix("[]") {
            let (first, second) = (String(left.dropLast(2)), String(right.dropLast(2)))
            let isAlike = whole(first) != nil && whole(second) != nil || isFloating(first) && isFloating(second)
            return isAlike ? common(first, second).map { $0 + "[]" } : nil
        }
        return nil
    }

    /// Whether values of a type may lose digits as floating point, so that they must be examined.
    static func isLarge(_ type: String) -> Bool {
        digits(type).map { $0.scale == 0 && $0.precision > 15 && whole(type)?.bits ?? 64 > 32 } ?? false
    }

    private typealias Whole = (bits: Int, isSigned: Bool)

    private static func whole(_ type: String) -> Whole? {
        let signed = ["TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64]
        if let bits = signed[type] { return (bits, true) }
        return type.hasPrefix("U") ? signed[String(type.dropFirst())].map { ($0, false) } : nil
    }

    private static func common(_ left: Whole, _ right: Whole) -> String {
        let bits =
            left.isSigned == right.isSigned
            ? max(left.bits, right.bits)
            : max(left.isSigned ? left.bits : left.bits * 2, right.isSigned ? right.bits : right.bits * 2)
        let names = [8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"]
        let sign = left.isSigned || right.isSigned ? "" : "U"
        return names[bits].map { sign + $0 } ?? "DECIMAL(20,0)"
    }

    private static func isFloating(_ type: String) -> Bool { type == "FLOAT" || type == "DOUBLE" }

    /// The maximum number of digits of a type, and how many of them are after the point.
    private static func digits(_ type: String) -> (precision: Int, scale: Int)? {
        if let whole = whole(type) { return (whole.bits <= 32 ? 10 : whole.isSigned ? 19 : 20, 0) }
        guard type.hasPrefix("DECIMAL("), case .decimal(let precision, let scale)? = ColumnType(named: type) else {
            return nil
        }
        return (precision, scale)
    }
}

extension SourceResolver {
    /// A column of a Parquet file, with the type's name in DuckDB.
    private typealias FileColumn = (name: String, type: String)

    /// The columns of Parquet files; for several files, united.
    func readColumns(_ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings) async throws {
        let shown = source.files.map { PathText.relative($0, to: pipeline.root) }
        var found: [[FileColumn]] = source.files.map { _ in [] }
        for row in readings.rows("column") {
            guard let name = row.text("name"), let type = row.text("type") else { continue }
            found[Int(row.integer("file") ?? 0)].append((name, type))
        }
        source.notes += try ColumnUnion(dataset: dataset, files: shown).differences(found.map { $0.map(\.name) })
        let names = try names(found, dataset)
        let differing = names.filter { name in Set(found.joined().filter { $0.name == name }.map(\.type)).count > 1 }
        // A column without values has an arbitrary type chosen by its writer.
        let valued = try await filesWithValues(of: differing, found, source)
        var columns: [FileColumn] = []
        for name in names {
            let all = found.enumerated().compactMap { index, file in
                file.first { $0.name == name }.map { (file: index, type: $0.type) }
            }
            let known = all.filter { valued[name]?.contains($0.file) ?? true }
            var type = known.first?.type ?? all[0].type
            for (file, other) in known.dropFirst() {
                guard let common = ParquetUnion.common(type, other) else {
                    throw refusal(of: name, (shown[file], other), beside: (shown[known[0].file], type), dataset)
                }
                type = common
            }
            columns.append((name, type))
        }
        try await refuseLosses(&columns, found, valued, source, dataset, shown)
        source.parts = parts(found, columns, valued)
        source.columns = columns.map { Column($0.name, ColumnType(duckDB: $0.type)) }
        for (index, column) in source.columns.enumerated() {
            // A point in time with a zone is the same point in UTC.
            if column.type == .other("TIMESTAMP WITH TIME ZONE") {
                source.columns[index].type = .timestamp
                source.recast.insert(column.name)
            } else if column.type == .localTimestamp,
                found.joined().contains(where: { $0 == (column.name, "TIMESTAMP_NS") })
            {
                // Nanosecond times that are whole microseconds are read as ordinary times.
                source.recast.insert(column.name)
            }
        }
        source.takeZone(dataset.zone)
    }

    private func names(_ found: [[FileColumn]], _ dataset: Dataset) throws -> [String] {
        var names: [String] = []
        for (name, _) in found.joined() where !names.contains(name) {
            // DuckDB treats the two as one column in some places and as two in others.
            if let alike = names.first(where: { $0.lowercased() == name.lowercased() }) {
                throw Failure(
                    "the files of '\(dataset.name)' have columns '\(alike)' and '\(name)', which differ in "
                        + "case alone", remedy: "write them with one name", location: dataset.placeLocation)
            }
            names.append(name)
        }
        return names
    }

    /// The files in which some columns have values.
    private func filesWithValues(
        of names: [String], _ found: [[FileColumn]], _ source: DataSource
    ) async throws -> [String: Set<Int>] {
        if names.isEmpty { return [:] }
        let sql = DuckDBDialect()
        var script = SQLScript(title: "columns without values")
        for (file, columns) in found.enumerated() {
            for column in columns where names.contains(column.name) {
                script.add(
                    "values of \(column.name)",
                    question("value", column.name, file, source, "\(sql.name(column.name)) IS NOT NULL"))
            }
        }
        var files = Dictionary(uniqueKeysWithValues: names.map { ($0, Set<Int>()) })
        for row in try await tools.ask(script, reading: source.files).rows("value") {
            guard let name = row.text("name"), let file = row.integer("file") else { continue }
            files[name]?.insert(Int(file))
        }
        return files
    }

    /// A statement that returns one row if the file has a row that satisfies a condition.
    private func question(
        _ kind: String, _ name: String, _ file: Int, _ source: DataSource, _ condition: String
    ) -> String {
        let sql = DuckDBDialect()
        return "SELECT '\(kind)' AS caudal, \(sql.text(name)) AS name, \(file) AS file FROM read_parquet("
            + "\(sql.text(source.files[file]))) WHERE \(condition) LIMIT 1"
    }

    /// Rejects values that the common type does not hold; nanosecond columns get a wider type if all values are whole
    /// microseconds.
    private func refuseLosses(
        _ columns: inout [FileColumn], _ found: [[FileColumn]], _ valued: [String: Set<Int>], _ source: DataSource,
        _ dataset: Dataset, _ shown: [String]
    ) async throws {
        let sql = DuckDBDialect()
        var script = SQLScript(title: "whether one type holds all values")
        for (file, fileColumns) in found.enumerated() {
            // Only columns of several types were examined for values; nanoseconds matter in every column.
            for (name, type) in fileColumns where valued[name]?.contains(file) ?? (type == "TIMESTAMP_NS") {
                guard let united = columns.first(where: { $0.name == name })?.type,
                    united != type || united == "TIMESTAMP_NS"
                else { continue }
                let value = sql.name(name)
                func add(_ kind: String, _ condition: String) {
                    script.add("the values of \(name)", question(kind, name, file, source, condition))
                }
                if united == "DOUBLE", ParquetUnion.isLarge(type) {
                    add(
                        "large",
                        "TRY_CAST(CAST(\(value) AS DOUBLE) AS DECIMAL(38,0)) IS DISTINCT FROM CAST(\(value) AS DECIMAL(38,0))"
                    )
                } else if united == "TIMESTAMP_NS" {
                    if type == united {
                        add("fine", "CAST(CAST(\(value) AS TIMESTAMP) AS TIMESTAMP_NS) <> \(value)")
                    } else {
                        add(
                            "far",
                            "CAST(\(value) AS TIMESTAMP) NOT BETWEEN '1677-09-22' AND '2262-04-11' AND isfinite(\(value))"
                        )
                    }
                }
            }
        }
        if script.statements.isEmpty { return }
        let answer = try await tools.ask(script, reading: source.files)
        if let row = answer.rows("large").first, let name = row.text("name"), let file = row.integer("file") {
            throw Failure(
                "column '\(name)' is a whole number in \(shown[Int(file)]) and floating point in another file of "
                    + "'\(dataset.name)', which does not hold all of its values",
                remedy: "write the files with one type", location: dataset.placeLocation)
        }
        for (index, column) in columns.enumerated() where column.type == "TIMESTAMP_NS" {
            let far = answer.rows("far").first { $0.text("name") == column.name }
            let isFine = answer.rows("fine").contains { $0.text("name") == column.name }
            if !isFine { columns[index].type = "TIMESTAMP" }
            if isFine, let file = far?.integer("file") {
                throw Failure(
                    "column '\(column.name)' has times to the nanosecond in one file of '\(dataset.name)', and in "
                        + "\(shown[Int(file)]) times that are too far away for that",
                    remedy: "write the files with one type", location: dataset.placeLocation)
            }
        }
    }

    private func refusal(
        of name: String, _ type: (file: String, type: String), beside other: (file: String, type: String),
        _ dataset: Dataset
    ) -> Failure {
        // Different Parquet types may be one type here and still not be compatible: the message uses their own names.
        let isAlike = ColumnType(duckDB: type.type) == ColumnType(duckDB: other.type)
        func words(_ type: String) -> String { isAlike ? type : ColumnType(duckDB: type).description }
        return Failure(
            "column '\(name)' of \(type.file) is \(words(type.type)), and of \(other.file) "
                + "it is \(words(other.type)): reading both as one type could change values",
            remedy: "write the files of '\(dataset.name)' with one type", location: dataset.placeLocation)
    }

    /// The files in groups with the same columns; empty when all files have the same columns.
    private func parts(
        _ found: [[FileColumn]], _ columns: [FileColumn], _ valued: [String: Set<Int>]
    ) -> [ParquetPart] {
        if found.dropFirst().allSatisfy({ $0.elementsEqual(found[0], by: ==) }) { return [] }
        var parts: [ParquetPart] = []
        for (index, file) in found.enumerated() {
            var part = ParquetPart(files: index..<index + 1)
            for (name, type) in columns {
                let own = file.first { $0.name == name }?.type
                if own == nil || valued[name]?.contains(index) == false {
                    part.absent[name] = type
                } else if own != type {
                    part.casts[name] = type
                }
            }
            if index > 0, file.elementsEqual(found[index - 1], by: ==), let last = parts.last,
                last.casts == part.casts, last.absent == part.absent
            {
                parts[parts.count - 1].files = last.files.lowerBound..<index + 1
            } else {
                parts.append(part)
            }
        }
        return parts
    }
}
