import CaudalModel
import Foundation

/// Reads the entries of `datasets:`.
enum DatasetReader {
    static func read(_ entry: ConfigNode.Entry, _ problems: ConfigProblems) -> Dataset {
        let name = entry.key.value
        let subject = "dataset '\(name)'"
        var reader = MappingReader(entry.value, subject: subject, kind: "dataset", problems: problems)
        let path = reader.template("path")
        let connection = reader.text("connection")
        let table = reader.text("table")
        let format = reader.choice("format", as: Dataset.Format.self)
        var place = Dataset.Place.path(Template(text: ""), format: format ?? .csv)
        var placeLocation = entry.key.location
        switch (path, connection, table) {
        case (let path?, nil, nil):
            placeLocation = path.location
            place = .path(path.value, format: format ?? self.format(of: path, problems) ?? .csv)
        case (nil, let connection?, let table?):
            placeLocation = table.location
            place = .table(connection: connection.value, table: table.value)
            if format != nil {
                problems.report("'format' can only be given with 'path'", at: reader.location(of: "format"))
            }
        case (nil, nil, nil) where reader.has("path"): break  // What is wrong with it was reported.
        case (nil, nil, nil):
            reader.reportMissing(
                "\(subject) needs a 'path', or a 'connection' and a 'table'", at: entry.key.location)
        default:
            problems.report(
                "\(subject) needs either a 'path' or both a 'connection' and a 'table'", at: entry.key.location)
        }
        let schema = reader.text("schema")
        let csv = dialect(&reader, format: place)
        let zone = reader.timeZone("timezone")
        let driftRule = reader.choice("on_drift", as: Dataset.DriftRule.self)
        let columnRule = reader.choice("columns", as: Dataset.ColumnRule.self)
        reader.finish()
        var dataset = Dataset(
            name: DatasetName(name), place: place, schema: schema, csv: csv, location: entry.key.location,
            placeLocation: placeLocation)
        dataset.zone = zone?.identifier
        dataset.driftRule = driftRule ?? .warn
        dataset.columnRule = columnRule ?? .byName
        dataset.definitionText = entry.value.definitionLines().joined(separator: "\n")
        return dataset
    }

    private static func format(of path: Located<Template>, _ problems: ConfigProblems) -> Dataset.Format? {
        if let format = Dataset.Format(path: path.value.description) { return format }
        problems.report(
            "the name '\(path.value)' does not tell the format of the file",
            remedy: "add 'format: csv', parquet, json or jsonl", at: path.location)
        return nil
    }

    private static func dialect(_ parent: inout MappingReader, format: Dataset.Place) -> CSVDialect {
        var dialect = CSVDialect()
        guard var reader = parent.mapping("csv", subject: "'csv'", kind: "csv") else { return dialect }
        if case .path(_, .csv) = format {
        } else {
            parent.problems.report("'csv' can only be given for a CSV file", at: reader.location)
        }
        dialect.delimiter = character("delimiter", &reader)
        dialect.quote = character("quote", &reader) ?? dialect.quote
        dialect.escape = character("escape", &reader) ?? dialect.quote
        dialect.hasHeader = reader.boolean("header") ?? true
        dialect.nullTexts = nullTexts(&reader)
        dialect.skip = reader.integer("skip", in: 0...1_000_000) ?? 0
        dialect.comment = character("comment", &reader)
        if let encoding = reader.text("encoding") {
            let known = ["utf-8", "utf-16", "latin-1"]
            if known.contains(encoding.value.lowercased()) {
                dialect.encoding = encoding.value.lowercased()
            } else {
                parent.problems.report(
                    "'encoding' must be \(known.formattedAsChoice), not '\(encoding.value)'", at: encoding.location)
            }
        }
        dialect.columns = reader.texts("columns").map(\.value)
        if !dialect.hasHeader, dialect.columns.isEmpty {
            parent.problems.report(
                "a CSV file without a header needs 'columns'", remedy: "name them in order: columns: [id, day]",
                at: reader.location(of: "header"))
        }
        reader.finish()
        return dialect
    }

    /// A single text is added to the empty text; a list replaces it.
    private static func nullTexts(_ reader: inout MappingReader) -> [String] {
        guard let node = reader.node("null"), !node.isEmpty else { return [""] }
        let texts = reader.problems.texts(of: node, what: "'null'", allowsEmpty: true).map(\.value)
        if case .sequence = node.content { return texts.isEmpty ? [""] : texts }
        return texts == [""] ? texts : texts + [""]
    }

    private static func character(_ key: String, _ reader: inout MappingReader) -> String? {
        guard let text = reader.text(key) else { return nil }
        let value = text.value == "tab" || text.value == "\\t" ? "\t" : text.value
        if value.count == 1, value.utf8.count == 1 { return value }
        reader.problems.report(
            "'\(key)' must be one character, not '\(text.value)'", remedy: "write \";\" or tab", at: text.location)
        return nil
    }
}
