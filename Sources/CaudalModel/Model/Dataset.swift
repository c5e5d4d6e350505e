/// A named set of data: files, or a table of a connection.
package struct Dataset: Sendable, Equatable {
    /// The ways data is written down.
    package enum Format: String, Sendable, CaseIterable, Codable {
        case csv, parquet, json, jsonl
        /// Excel, which is only read.
        case xlsx

        /// The format that a file name's extension implies; nil when it implies none.
        package init?(path: String) {
            var name = path.lowercased()
            if [".xlsx", ".xlsm"].contains(where: name.hasSuffix) {
                self = .xlsx
                return
            }
            for ending in [".gz", ".zst"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
            let endings: [(String, Format)] = [
                (".csv", .csv), (".tsv", .csv), (".parquet", .parquet), (".json", .json), (".jsonl", .jsonl),
                (".ndjson", .jsonl),
            ]
            guard let format = endings.first(where: { name.hasSuffix($0.0) })?.1 else { return nil }
            self = format
        }
    }

    /// How files of one dataset with different columns are read.
    package enum ColumnRule: String, Sendable, CaseIterable {
        /// Columns are united by name, with a type that holds every value; a column that a file lacks is null in its
        /// rows.
        case byName = "by_name"
        /// Different columns are an error; a different order is not.
        case same
    }

    /// What happens when the columns of a source differ from those of the last success.
    package enum DriftRule: String, Sendable, CaseIterable { case warn, fail, ignore }

    /// Where the data is.
    package enum Place: Sendable, Equatable {
        /// Files; the path may hold references and, when it is only read, `*` and `**`.
        case path(Template, format: Format)
        /// A table of a connection.
        case table(connection: String, table: String)
        /// Files on a server, which stages only read.
        case remote(RemoteFiles)
    }

    /// Its name.
    package var name: DatasetName
    /// Where it is.
    package var place: Place
    /// A JSON Schema file that describes its rows.
    package var schema: Located<String>?
    /// How its CSV files are written.
    package var csv: CSVDialect
    /// Which cells of its Excel files are rows.
    package var sheet = SheetDialect()
    /// Where it is declared.
    package var location: SourceLocation
    /// Where its path or table is written.
    package var placeLocation: SourceLocation
    /// The zone of times in it that name no offset; nil takes them as UTC.
    package var zone: String?
    /// How its files with different columns are read.
    package var columnRule = ColumnRule.byName
    /// What happens when its columns differ from those of the last success.
    package var driftRule = DriftRule.warn
    /// Its resolved definition; equal definitions have equal texts.
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

    /// The files on a server; nil for all others.
    package var remote: RemoteFiles? { if case .remote(let files) = place { files } else { nil } }

    /// The format, for files.
    package var format: Format? {
        switch place {
        case .path(_, let format): format
        case .remote(let files): files.format
        case .table: nil
        }
    }
}

/// Files that lie on a server: one at an address, or objects of a bucket.
package struct RemoteFiles: Sendable, Equatable {
    /// The connection; nil where `name` is the whole address.
    package var connection: String?
    /// The address, the path below the address of a connection, or the key of an object or a pattern of keys.
    package var name: Template
    package var format: Dataset.Format

    package init(connection: String?, name: Template, format: Dataset.Format) {
        self.connection = connection
        self.name = name
        self.format = format
    }

    /// Whether a text begins like an address that can be fetched.
    package static func isAddress(_ text: String) -> Bool {
        let start = text.prefix(8).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }
}

/// How a CSV file is written.
package struct CSVDialect: Sendable, Hashable, Codable {
    /// The character between values; nil detects it from the file's first lines.
    package var delimiter: String?
    /// The character around values that hold a delimiter.
    package var quote: String
    /// The character before a quote inside a quoted value.
    package var escape: String
    /// Whether the first line holds the column names.
    package var hasHeader: Bool
    /// The texts that mean a missing value; the first one is written.
    ///
    /// If the empty text is not in the list, an empty field is an empty text.
    package var nullTexts: [String]
    /// One of ``encodings``; nil detects it from the file's first bytes.
    package var encoding: String?
    /// The column names when there is no header, or instead of those in the header.
    package var columns: [String]
    /// How many lines to skip before the header or the first row.
    package var skip = 0
    /// The character that begins a comment line; nil when there are no comments.
    package var comment: String?

    /// A key that was given and that says how a file that somebody else wrote is read; nil when none was.
    package var keyOfReading: String? {
        if let encoding, encoding != "utf-8" { return "encoding" }
        return skip > 0 ? "skip" : comment != nil ? "comment" : nil
    }

    /// The names of the encodings: those that are detected or read as they are, and those that the C library turns into
    /// UTF-8, in all of which a line feed and a quotation mark are the bytes that they are in ASCII.
    package static let encodings =
        ["utf-8", "utf-16", "latin-1"] + (1250...1258).map { "windows-\($0)" }
        + [2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16].map { "iso-8859-\($0)" }
        + ["koi8-r", "koi8-u", "macintosh", "ibm437", "ibm850", "ibm852", "ibm866"]
        + ["shift_jis", "euc-jp", "euc-kr", "gb18030", "big5"]

    /// Whether a copy in UTF-8 is read.
    package var isRecoded: Bool { encoding.map { !["utf-8", "latin-1"].contains($0) } ?? false }

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

/// A database, a bucket of an object store or a web server, that stages read from and load into.
package struct Connection: Sendable, Equatable {
    /// The kinds of database.
    package enum Kind: String, Sendable, CaseIterable { case postgres, mysql, sqlite, duckdb, delta, iceberg, s3, http }

    package var name: String
    package var kind: Kind
    /// Host, port, database, user; of a bucket its name, region, endpoint and key: never the password.
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
