/// Data with a name: files, or a table of a connection.
package struct Dataset: Sendable, Equatable {
    /// The ways data is written down.
    package enum Format: String, Sendable, CaseIterable, Codable {
        case csv, parquet, json, jsonl

        /// The format that the name of a file tells, or nil when it tells none.
        package init?(path: String) {
            var name = path.lowercased()
            for ending in [".gz", ".zst"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
            let endings: [(String, Format)] = [
                (".csv", .csv), (".tsv", .csv), (".parquet", .parquet), (".json", .json), (".jsonl", .jsonl),
                (".ndjson", .jsonl),
            ]
            guard let format = endings.first(where: { name.hasSuffix($0.0) })?.1 else { return nil }
            self = format
        }
    }

    /// What is done where the files of one dataset have different columns.
    package enum ColumnRule: String, Sendable, CaseIterable {
        /// They are united by name, with a type that holds every value; a file has no value where it lacks a column.
        case byName = "by_name"
        /// That is an error; a different order is none.
        case same
    }

    /// What is done where the columns of what comes in are not those of the last success.
    package enum DriftRule: String, Sendable, CaseIterable { case warn, fail, ignore }

    /// Where the data is.
    package enum Place: Sendable, Equatable {
        /// Files; the path may hold references and, when it is only read, `*` and `**`.
        case path(Template, format: Format)
        /// A table of a connection.
        case table(connection: String, table: String)
    }

    /// Its name.
    package var name: DatasetName
    /// Where it is.
    package var place: Place
    /// A JSON Schema file that describes its rows.
    package var schema: Located<String>?
    /// How its CSV files are written.
    package var csv: CSVDialect
    /// Where it is declared.
    package var location: SourceLocation
    /// Where its path or table is written.
    package var placeLocation: SourceLocation
    /// The zone of times in it that name no offset; nil takes them as UTC.
    package var zone: String?
    /// What is done where its files have different columns.
    package var columnRule = ColumnRule.byName
    /// What is done where its columns are not those of the last time.
    package var driftRule = DriftRule.warn
    /// Its resolved text, the same for the same meaning.
    package var definitionText = ""

    package init(
        name: DatasetName, place: Place, schema: Located<String>? = nil, csv: CSVDialect = CSVDialect(),
        location: SourceLocation, placeLocation: SourceLocation
    ) {
        self.name = name
        self.place = place
        self.schema = schema
        self.csv = csv
        self.location = location
        self.placeLocation = placeLocation
    }

    /// The path's template, for files.
    package var path: Template? { if case .path(let template, _) = place { template } else { nil } }

    /// The format, for files.
    package var format: Format? { if case .path(_, let format) = place { format } else { nil } }
}

/// How a CSV file is written.
package struct CSVDialect: Sendable, Hashable, Codable {
    /// One character between values; nil means it is found out from the file's first lines.
    package var delimiter: String?
    /// The character around values that hold a delimiter.
    package var quote: String
    /// The character before a quote inside a quoted value.
    package var escape: String
    /// Whether the first line holds the names; nil means it does.
    package var hasHeader: Bool
    /// The texts that stand for no value; the first is the one that is written.
    ///
    /// Where it is not among them, nothing at all is an empty text.
    package var nullTexts: [String]
    /// `utf-8`, `utf-16` or `latin-1`; nil means it is found out from the file's first bytes.
    package var encoding: String?
    /// The names of the columns when there is no header, or in place of those in the header.
    package var columns: [String]
    /// How many lines stand before the first one that counts.
    package var skip = 0
    /// The character that begins a line which is a comment; nil means that there are none.
    package var comment: String?

    package init(
        delimiter: String? = nil, quote: String = "\"", escape: String = "\"", hasHeader: Bool = true,
        nullTexts: [String] = [""], encoding: String? = nil, columns: [String] = []
    ) {
        self.delimiter = delimiter
        self.quote = quote
        self.escape = escape
        self.hasHeader = hasHeader
        self.nullTexts = nullTexts
        self.encoding = encoding
        self.columns = columns
    }
}

/// A database that stages read from and load into.
package struct Connection: Sendable, Equatable {
    /// The kinds of database.
    package enum Kind: String, Sendable, CaseIterable { case postgres, sqlite }

    package var name: String
    package var kind: Kind
    /// Host, port, database, user: never the password.
    package var settings: [String: Template]
    /// The password; it reaches the database program only through its environment.
    package var password: Template?
    /// Where it is declared.
    package var location: SourceLocation

    package init(
        name: String, kind: Kind, settings: [String: Template], password: Template?, location: SourceLocation
    ) {
        self.name = name
        self.kind = kind
        self.settings = settings
        self.password = password
        self.location = location
    }
}
