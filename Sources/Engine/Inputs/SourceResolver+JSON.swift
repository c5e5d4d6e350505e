import CaudalModel
import Foundation

/// A key that objects of a file have.
private struct KeyOfFile: Decodable {
    /// The position of the file in the list.
    var file: Int
    var name: String
}

/// A column of which a question about files told something.
struct FoundKey: Decodable {
    var name: String
    /// What its values of JSON are made of.
    var structure: String?
    /// How many rows of the files are `null`, where this was asked.
    var nulls: Int?

    /// The type of values that are alike, as the engine calls it, where a line that is no object has hidden it.
    var simpleType: ColumnType? {
        switch structure {
        // They may have more than 64 bits.
        case "\"UBIGINT\"", "\"BIGINT\"", "\"HUGEINT\"": .other("HUGEINT")
        case "\"DOUBLE\"": .number
        case "\"BOOLEAN\"": .boolean
        case "\"VARCHAR\"": .text
        default: nil
        }
    }
}

extension SourceResolver {
    /// Finds the columns of JSON files: the keys of their objects.
    func readKeys(_ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings) async throws {
        let answers = readings.rows(.key, as: FoundKey.self)
        let described = readings.columns(tools.sql)
        let columns = answers.compactMap { key in
            described.first { $0.name == key.name } ?? key.simpleType.map { Column(key.name, $0) }
        }
        let types = Dictionary(columns.map { ($0.name, tools.sql.carried($0).type) }) { first, _ in first }
        let found = answers.map { (name: $0.name, structure: $0.structure ?? "") }
        let shown = source.files.map { PathText.relative($0, to: pipeline.root) }
        source.takeAlikeKeys(found, shown: shown, dataset)
        try noteDifferences(&source, dataset, readings, shown)
        let (keys, alike) = (found.map(\.name), source.mixedColumns)
        // The engine reads `null` as an object without keys.
        if let nulls = answers.first?.nulls, nulls > 0, source.keyFault == nil {
            source.keyFault = Failure(
                "\(shown.joined(separator: ", ").shortened(to: 200)) has \(nulls.counted("row")) with null in place of an object",
                remedy:
                    "remove \(nulls == 1 ? "it" : "them"), or let a validate stage put \(nulls == 1 ? "it" : "them") aside",
                location: dataset.placeLocation)
        }
        if keys.contains(""), source.keyFault == nil {
            source.keyFault = Failure(
                "\(shown.joined(separator: ", ").shortened(to: 200)) has a key without a name, which no column can have",
                remedy: "give it a name, or leave it out", location: dataset.placeLocation)
        }
        if keys.isEmpty, source.keyFault == nil {
            let isMarked = source.files.contains { Self.beginsWithMark($0) }
            source.keyFault = Failure(
                "\(shown.joined(separator: ", ").shortened(to: 200)) has no JSON object with a key, so that there are no columns",
                remedy: isMarked
                    ? "write it without the mark of UTF-8 (EF BB BF) at its beginning, which JSON does not have"
                    : "look whether it is JSON, in UTF-8, whose lines end in line feeds",
                location: dataset.placeLocation)
        }
        let mixed = keys.filter { alike.contains($0) || (types[$0] ?? .other("JSON")) == .other("JSON") }
        // Neither floating point nor 64 bits hold every integer: if a value is too large, the column is read as text.
        let large = try await Self.columnsWithLargeNumbers(
            columns.filter { !mixed.contains($0.name) }, source, tools)
        // What is only much like a time stays the text that it is: `1-2-3` is a version, and no day of the year 1.
        let loose = try await Self.columnsWithLooseTimes(
            keys.filter { [.date, .localTimestamp].contains(types[$0]) }, source, tools)
        let times = keys.filter { types[$0] == .localTimestamp && !loose.contains($0) }
        let offsets = try await Self.offsets(of: times, source, tools)
        let mixedTimes = dataset.zone == nil ? times.filter { offsets[$0] == [true, false] } : []
        source.mixedColumns = Set(mixed + large + loose + mixedTimes)
        source.emptyColumns = try await Self.columnsWithoutValues(mixed, source, tools)
        source.notes += large.map {
            "column '\($0)' of '\(dataset.name)' has whole numbers that numbers of 64 bits do not hold: it is read as text"
        }
        source.notes += mixedTimes.map {
            "column '\($0)' of '\(dataset.name)' has times with an offset from UTC and times without one: it is read as "
                + "text; say with 'timezone' of which zone the latter are"
        }
        source.columns = keys.map { name in
            if source.mixedColumns.contains(name) { return Column(name, .text) }
            let isPoint = dataset.zone != nil || offsets[name]?.contains(true) == true
            let type = (types[name] ?? .text).withTextsForTimes
            return Column(name, type == .localTimestamp && isPoint ? .timestamp : type)
        }
    }

    /// Whether a file begins with the mark that some programs write before UTF-8.
    private static func beginsWithMark(_ file: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: file) else { return false }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 3)).map { $0.elementsEqual([0xEF, 0xBB, 0xBF]) } ?? false
    }

    /// Tells which files lack keys that others have; a file without objects lacks none.
    ///
    /// - Throws: ``Failure`` where a file has none of the keys of another, or the dataset requires the same ones in all files.
    private func noteDifferences(
        _ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings, _ shown: [String]
    ) throws(Failure) {
        let keys = Dictionary(grouping: readings.rows(.fileKey, as: KeyOfFile.self), by: \.file)
        let files = keys.keys.sorted().filter(shown.indices.contains)
        let names = files.map { (keys[$0] ?? []).map(\.name).sorted() }
        source.notes += try ColumnUnion(dataset: dataset, files: files.map { shown[$0] }).differences(names)
    }

    /// Those JSON columns in which every value is null.
    private static func columnsWithoutValues(
        _ columns: [String], _ source: DataSource, _ tools: DataTools
    ) async throws -> Set<String> {
        if columns.isEmpty { return [] }
        var script = SQLScript(title: "columns without values")
        script.add("look for them", tools.sql.columnsWithoutValues(columns, of: source))
        let row = try await tools.ask(script, reading: source.files).rows(.empty).first
        return Set(columns.indices.filter { row?.fields["c\($0)"] == .boolean(true) }.map { columns[$0] })
    }

    /// Whether times in some JSON columns state an offset: for each column `true`, `false` or both.
    private static func offsets(
        of columns: [String], _ source: DataSource, _ tools: DataTools
    ) async throws -> [String: Set<Bool>] {
        if columns.isEmpty { return [:] }
        var script = SQLScript(title: "times with an offset")
        script.add("look for them", tools.sql.offsets(ofKeys: columns, of: source))
        let row = try await tools.ask(script, reading: source.files).rows(.offsets).first
        var found: [String: Set<Bool>] = [:]
        for (index, column) in columns.enumerated() {
            found[column] = Set(
                [(true, "w"), (false, "n")].filter { row?.fields["\($0.1)\(index)"] == .boolean(true) }.map(\.0))
        }
        return found
    }

    /// Those JSON columns with an integer that what it is read as cannot hold: floating point, or 64 bits.
    private static func columnsWithLargeNumbers(
        _ columns: [Column], _ source: DataSource, _ tools: DataTools
    ) async throws -> [String] {
        // What cannot be asked for is taken for too large.
        let odd = columns.filter { $0.type.pathsToNumbers == nil }.map(\.name)
        let columns = columns.map { (name: $0.name, paths: $0.type.pathsToNumbers ?? []) }.filter { !$0.paths.isEmpty }
        if columns.isEmpty { return odd }
        var script = SQLScript(title: "large numbers")
        script.add("look for them", tools.sql.largeNumbers(columns, of: source))
        let row = try await tools.ask(script, reading: source.files).rows(.large).first
        return odd + columns.indices.filter { row?.fields["c\($0)"] == .boolean(true) }.map { columns[$0].name }
    }

    /// Those JSON columns of times with a text that is no time as ISO 8601 writes it.
    private static func columnsWithLooseTimes(
        _ columns: [String], _ source: DataSource, _ tools: DataTools
    ) async throws -> [String] {
        if columns.isEmpty { return [] }
        var script = SQLScript(title: "texts that are much like times")
        script.add("look for them", tools.sql.looseTimes(columns, of: source))
        let row = try await tools.ask(script, reading: source.files).rows(.loose).first
        return columns.indices.filter { row?.fields["c\($0)"] == .boolean(true) }.map { columns[$0] }
    }
}
