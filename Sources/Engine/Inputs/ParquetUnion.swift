import CaudalModel

/// Parquet files of one dataset: their columns are united by name, each with a type that holds every value.
extension SourceResolver {
    /// A column of a Parquet file, with the engine's name of its type.
    private typealias FileColumn = (name: String, type: String)

    /// The columns of Parquet files; for several files, united.
    func readColumns(_ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings) async throws {
        let shown = source.files.map { PathText.relative($0, to: pipeline.root) }
        var found: [[FileColumn]] = source.files.map { _ in [] }
        for column in readings.rows(.column, as: ColumnAnswer.self) {
            found[column.file ?? 0].append((column.name, column.type))
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
                guard let common = tools.sql.commonType(type, other) else {
                    throw refusal(of: name, (shown[file], other), beside: (shown[known[0].file], type), dataset)
                }
                type = common
            }
            columns.append((name, type))
        }
        source.notes += try await losses(of: columns, found, valued, source, dataset, shown)
        source.parts = parts(found, columns, valued)
        source.columns = columns.map { Column($0.name, tools.sql.columnType(named: $0.type)) }
        for (index, column) in source.columns.enumerated() {
            // Such as a point in time with a zone, which is the same point in UTC.
            let carried = tools.sql.carried(column)
            if carried != column {
                source.columns[index] = carried
                source.recast[column.name] = column.type
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
        let sql = tools.sql
        var script = SQLScript(title: "columns without values")
        for (file, columns) in found.enumerated() {
            for column in columns where names.contains(column.name) {
                script.add(
                    "values of \(column.name)",
                    sql.anyRow(
                        ofParquet: source.files[file], where: "\(sql.name(column.name)) IS NOT NULL", .value,
                        column: column.name, file: file))
            }
        }
        var files = Dictionary(uniqueKeysWithValues: names.map { ($0, Set<Int>()) })
        for found in try await tools.ask(script, reading: source.files).rows(.value, as: FoundRow.self) {
            files[found.name]?.insert(found.file)
        }
        return files
    }

    /// A file that has a row of the kind asked for, with the column in question.
    private struct FoundRow: Decodable {
        var name: String
        var file: Int
    }

    /// Rejects values that the common type does not hold.
    ///
    /// - Returns: What is worth knowing of columns whose times lose their nanoseconds.
    private func losses(
        of columns: [FileColumn], _ found: [[FileColumn]], _ valued: [String: Set<Int>], _ source: DataSource,
        _ dataset: Dataset, _ shown: [String]
    ) async throws -> [String] {
        let sql = tools.sql
        var script = SQLScript(title: "whether one type holds all values")
        for (file, fileColumns) in found.enumerated() {
            // Only columns of several types were looked at for values; nanoseconds matter wherever they are.
            for (name, type) in fileColumns where valued[name]?.contains(file) ?? (type == sql.nanosecondType) {
                guard let united = columns.first(where: { $0.name == name })?.type,
                    united != type || united == sql.nanosecondType,
                    let loss = sql.loss(of: sql.name(name), type, as: united)
                else { continue }
                script.add(
                    "the values of \(name)",
                    sql.anyRow(
                        ofParquet: source.files[file], where: loss.condition, loss.kind, column: name, file: file))
            }
        }
        if script.statements.isEmpty { return [] }
        let answer = try await tools.ask(script, reading: source.files)
        if let large = answer.rows(.large, as: FoundRow.self).first {
            throw Failure(
                "column '\(large.name)' is a whole number in \(shown[large.file]) and floating point in another file of "
                    + "'\(dataset.name)', which does not hold all of its values",
                remedy: "write the files with one type", location: dataset.placeLocation)
        }
        let fine = answer.rows(.fine, as: FoundRow.self)
        return columns.compactMap { column in
            fine.first { $0.name == column.name }.map {
                "column '\(column.name)' has times to the nanosecond in \(shown[$0.file]), which are read to the microsecond"
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
                    part.casts[name] = ParquetPart.Cast(
                        own: tools.sql.columnType(named: own ?? type), united: type)
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
