import CaudalModel
import Foundation

/// Reads the entries of `datasets:`.
enum DatasetReader {
    /// - Parameter kinds: What kinds of connection there are, by their names.
    static func read(
        _ entry: ConfigNode.Entry, _ kinds: [String: Connection.Kind], _ problems: ConfigProblems
    ) -> Dataset {
        let name = entry.key.value
        let subject = "dataset '\(name)'"
        var reader = MappingReader(entry.value, subject: subject, kind: "dataset", problems: problems)
        let path = reader.template("path")
        let connection = reader.text("connection")
        let kind = connection.flatMap { kinds[$0.value] }
        let isOfFiles = kind == .s3 || kind == .http
        let table =
            isOfFiles
            ? reader.template("table") : reader.text("table").map { Located(Template(text: $0.value), at: $0.location) }
        let format = reader.choice("format", as: Dataset.Format.self)
        var place = Dataset.Place.path(Template(text: ""), format: format ?? .csv)
        var placeLocation = entry.key.location
        switch (path, connection, table) {
        case (let path?, nil, nil) where RemoteFiles.isAddress(path.value.description):
            placeLocation = path.location
            checkAddress(path, problems)
            place = .remote(remote(nil, path, format, problems))
        case (let path?, nil, nil):
            placeLocation = path.location
            place = .path(path.value, format: format ?? self.format(of: path, problems) ?? .csv)
        case (nil, let connection?, let table?):
            placeLocation = table.location
            // Rows of Parquet have types of their own, as those of a table have, and a load writes them.
            let isOfRows = table.value.description.hasSuffix(".parquet") && table.value.references.isEmpty
            if kind == .http || kind == .s3 && !isOfRows {
                place = .remote(remote(connection.value, table, format, problems))
                if kind == .http { refuseItems(table, problems) }
                break
            }
            place = .table(connection: connection.value, table: table.value.filled { _ in "" })
            if format != nil, kind != .s3 || format != .parquet {
                problems.report("'format' can only be given for files", at: reader.location(of: "format"))
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
        let sheet = SheetDialectReader.read(&reader, place)
        let zone = reader.timeZone("timezone")
        let driftRule = reader.choice("on_drift", as: Dataset.DriftRule.self)
        let columnRule = reader.choice("columns", as: Dataset.ColumnRule.self)
        reader.finish()
        var dataset = Dataset(
            name: DatasetName(name), place: place, schema: schema, csv: csv, location: entry.key.location,
            placeLocation: placeLocation)
        dataset.sheet = sheet
        dataset.zone = zone?.identifier
        dataset.driftRule = driftRule ?? .warn
        dataset.columnRule = columnRule ?? .byName
        dataset.definitionText = entry.value.definitionLines().joined(separator: "\n")
        return dataset
    }

    private static func remote(
        _ connection: String?, _ name: Located<Template>, _ format: Dataset.Format?, _ problems: ConfigProblems
    ) -> RemoteFiles {
        var path = name.value.description
        // What asks a server for something is no part of the file's name.
        if let query = path.firstIndex(of: "?"), connection == nil { path = String(path[..<query]) }
        let told = Dataset.Format(path: path)
        if format == nil, told == nil {
            problems.report(
                "the name '\(name.value)' does not tell the format of the file",
                remedy: "add 'format: csv', parquet, json, jsonl or xlsx", at: name.location)
        }
        if connection != nil, path.contains("**") {
            problems.report(
                "'**' does not stand for folders here", remedy: "write a '*' for each", at: name.location)
        }
        if connection != nil, path.hasPrefix("/") || path.contains("//") {
            problems.report(
                "'\(name.value)' is no path below an address, and no key",
                remedy: "write it without slashes that name nothing",
                at: name.location)
        }
        return RemoteFiles(connection: connection, name: name.value, format: format ?? told ?? .csv)
    }

    /// Refuses an address that holds a password, or stands for several files.
    private static func checkAddress(_ path: Located<Template>, _ problems: ConfigProblems) {
        let written = path.value.description
        if written.firstMatch(of: #/^[A-Za-z]+:\/\/[^\/?#]*@/#) != nil {
            problems.report(
                "an address must not hold a user or a password",
                remedy: "name a connection {type: http, endpoint, user, password: \"${env.PASSWORD}\"}",
                at: path.location)
        }
        refuseItems(path, problems)
        let plain = written.replacing(#/\$\{[^}]*\}/#, with: "").prefix { $0 != "?" }
        if plain.contains("*") {
            problems.report(
                "a web server has no list of its files, and '\(path.value)' is a pattern",
                remedy: "name each file, or read a bucket", at: path.location)
        }
    }

    private static func refuseItems(_ name: Located<Template>, _ problems: ConfigProblems) {
        if name.value.itemVariables.isEmpty { return }
        problems.report(
            "a web server has no list of its files, and '\(name.value)' stands for one of each item",
            remedy: "let the command of each item fetch it, or read a bucket", at: name.location)
    }

    private static func format(of path: Located<Template>, _ problems: ConfigProblems) -> Dataset.Format? {
        if let format = Dataset.Format(path: path.value.description) { return format }
        problems.report(
            "the name '\(path.value)' does not tell the format of the file",
            remedy: "add 'format: csv', parquet, json, jsonl or xlsx", at: path.location)
        return nil
    }

    private static func dialect(_ parent: inout MappingReader, format: Dataset.Place) -> CSVDialect {
        var dialect = CSVDialect()
        guard var reader = parent.mapping("csv", subject: "'csv'", kind: "csv") else { return dialect }
        let isOfCSV =
            switch format {
            case .path(_, .csv): true
            case .remote(let files): files.format == .csv
            default: false
            }
        if !isOfCSV {
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
            let known = CSVDialect.encodings
            if known.contains(encoding.value.lowercased()) {
                dialect.encoding = encoding.value.lowercased()
            } else {
                parent.problems.report(
                    "there is no encoding '\(encoding.value)'"
                        + Suggestion.phrase(for: encoding.value.lowercased(), among: known),
                    remedy: "the reference lists them; turn other files into UTF-8 first, for instance with iconv",
                    at: encoding.location)
            }
        }
        dialect.columns = reader.texts("columns").map(\.value)
        checkSigns(of: dialect, reader)
        if !dialect.hasHeader, dialect.columns.isEmpty {
            parent.problems.report(
                "a CSV file without a header needs 'columns'", remedy: "name them in order: columns: [id, day]",
                at: reader.location(of: "header"))
        }
        reader.finish()
        return dialect
    }

    /// Reports a character that would mean two things, or be part of a text that stands for no value.
    private static func checkSigns(of dialect: CSVDialect, _ reader: MappingReader) {
        let signs: [(key: String, value: String)] = [
            ("delimiter", dialect.delimiter ?? ""), ("quote", dialect.quote), ("comment", dialect.comment ?? ""),
            ("escape", dialect.escape == dialect.quote ? "" : dialect.escape),
        ].filter { !$0.value.isEmpty }
        if dialect.nullTexts.contains(where: { $0.contains(where: \.isNewline) }) {
            reader.problems.report(
                "'null' has a text with a line break, which is no value of a file", remedy: "leave it out",
                at: reader.location(of: "null"))
        }
        for (place, sign) in signs.enumerated() {
            if let earlier = signs[..<place].first(where: { $0.value == sign.value }) {
                reader.problems.report(
                    "'\(earlier.key)' and '\(sign.key)' are the same character", remedy: "give one of them another",
                    at: reader.location(of: sign.key))
            }
            guard sign.key != "comment", let null = dialect.nullTexts.first(where: { $0.contains(sign.value) }) else {
                continue
            }
            reader.problems.report(
                "'null' has the text '\(null)' with the character of '\(sign.key)' in it, which the file cannot tell apart",
                remedy: "leave the text out of 'null', and make nothing of it with map_values in a stage",
                at: reader.location(of: "null"))
        }
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
