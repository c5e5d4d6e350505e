package import CaudalModel

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
    var copies: [Int: CopyRules] = [:]
    /// The original files, if copies are read.
    private var originals: [String]?
    /// For copied files, by position, the file that lists the lines in which their rows begin.
    private(set) var lineFiles: [Int: String] = [:]
    /// Whether all files are copies without a header: of a line end within a first row DuckDB would think that all rows end so.
    private(set) var rowsEndInFeeds = false
    /// The encoding of the original files, where the copies are in UTF-8 instead.
    var recodedFrom: String?
    /// What is worth knowing of its columns, in sentences.
    package var notes: [String] = []
    /// The zone of times without an offset; nil takes them as UTC.
    package var zone: String?
    /// How the text columns state times; nil when that is unknown.
    var namedTimes: NamedTimes?
    /// The columns of Parquet files or of a table with local times in that zone.
    var localTimes: Set<String> = []
    /// Consecutive Parquet files with the same columns, as groups; empty when all files have the same columns.
    var parts: [ParquetPart] = []
    /// Whether folders such as `day=2026-11-23` are columns of its Parquet files, which have no columns of these names.
    package var folders = FolderColumns.ignored
    /// The objects of a bucket that the table stands for.
    package var objects: [StoredObject] = []
    /// The columns of Parquet files or of a table that are read as another type, with their own.
    var recast: [String: ColumnType] = [:]
    /// For a part of a divided input, what is known of it.
    private(set) var part: PartOfRows?
    /// The table that the source reads; its files are a copy of the table's rows for one attempt.
    package var table: ConnectionTable?
    /// Which version of the table is read, where it has several.
    package var version: TableVersion?
    /// Whether the database itself is asked for the rows of its table, because the engine would read others.
    var isAskedOfDatabase = false
    /// The database's own names for the types of a table's columns.
    var nativeTypes: [String: String] = [:]
    /// The addresses of files that were fetched, by their paths.
    package var addresses: [String: String] = [:]
    /// Whether its files are copies that were made for one attempt.
    package var isCopied: Bool { table != nil || !addresses.isEmpty }
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

    /// Its files as messages name them: what was fetched by its address, others from a folder on.
    package func shownFiles(root: String) -> [String] {
        table.map { [$0.description] } ?? knownFiles.map { addresses[$0] ?? PathText.relative($0, to: root) }
    }

    /// A plain copy of a file.
    struct Copy: Hashable, Sendable {
        var file: String
        /// The file that lists the lines of the original in which its rows begin, see ``PlainCSV``.
        var lines: String
    }

    /// Whether a message of a reader is about one of its copies in UTF-8.
    func isRecodedCopy(in message: String) -> Bool { recodedFrom != nil && files.contains(where: message.contains) }

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

    /// The same rows in a Parquet file that was made of them.
    func readingParquet(_ file: String) -> DataSource {
        var source = DataSource(dataset: dataset, files: [file], format: .parquet, columns: columns, isOwn: true)
        source.originals = knownFiles
        source.namedTimes = namedTimes
        source.emptyColumns = emptyColumns
        source.notes = notes
        source.addresses = addresses
        source.table = table
        return source
    }

    /// Stands for another source, of whose rows its files hold a part.
    mutating func takePlace(of whole: DataSource, as part: PartOfRows) {
        self.part = part
        originals = whole.knownFiles
        zone = whole.zone
        namedTimes = whole.namedTimes
        emptyColumns = whole.emptyColumns
        notes = whole.notes
    }

    /// The source with second names of some of its files.
    func lying(at places: [Int: String]) -> DataSource {
        if places.isEmpty { return self }
        var source = self
        source.originals = knownFiles
        for (index, place) in places { source.files[index] = place }
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

    /// What is wrong with the first column whose name cannot be used, in words: it numbers the rows or files where they are read,
    /// by Caudal or by its engine, or has the end of a line in it that not every reader takes for a part of it.
    var nameFault: String? {
        var reserved: [String] = []
        if format == .parquet { reserved.append("file_row_number") }
        if files.count > 1 { reserved.append("file_index") }
        for name in columnNames {
            let small = name.lowercased()
            if small.hasPrefix(OwnName.prefix) || reserved.contains(small) {
                return "a column '\(name)', and that is the name under which rows are numbered here"
            }
            if name.unicodeScalars.contains("\r") {
                return "a column '\(name.replacing(scalar: "\r", with: "\\r"))', whose name has a carriage return in it"
            }
        }
        return nil
    }

    /// SQL for a FROM clause that returns the columns in order.
    ///
    /// `numbersRows`, `keepsRejects`, `numbersFiles`: see ``SourceReading``.
    package func fromClause(
        _ sql: any SQLDialect, numbersRows: Bool = false, keepsRejects: Bool = false, numbersFiles: Bool = false
    ) -> String {
        let reading = SourceReading(numbersRows: numbersRows, keepsRejects: keepsRejects, numbersFiles: numbersFiles)
        return sql.rows(of: self, reading)
    }

    /// The maximum length of a CSV line, in bytes.
    package static let longestLine = 67_000_000
}

/// Consecutive Parquet files with the same columns, and the casts of their values to the types of all files.
struct ParquetPart: Hashable, Sendable {
    /// The positions of the files in the source.
    var files: Range<Int>
    /// Columns with another type in these files, with that and the type for all files.
    var casts: [String: Cast] = [:]
    /// Columns that these files lack, or in which they have no values, with the type for all files.
    var absent: [String: String] = [:]

    struct Cast: Hashable, Sendable {
        var own: ColumnType
        var united: String
    }
}
