/// A table that is loaded, as it is before the load.
package struct LoadTarget: Sendable {
    /// A column of it.
    package struct TableColumn: Sendable, Hashable {
        package var name: String
        /// Its type as values come back when they are read.
        package var type: ColumnType
        /// What the database calls its type, without a length.
        package var nativeType: String
        /// Whether a row must have a value there and the database has none of its own.
        package var isRequired: Bool
        /// The type as the database writes it where DuckDB takes it for another; nil otherwise.
        package var misreadType: String?

        package init(
            name: String, type: ColumnType, nativeType: String, isRequired: Bool, misreadType: String? = nil
        ) {
            self.name = name
            self.type = type
            self.nativeType = nativeType
            self.isRequired = isRequired
            self.misreadType = misreadType
        }
    }

    package let link: DatabaseLink
    package let table: ConnectionTable
    /// Its columns; nil when there is no such table yet.
    package var columns: [TableColumn]?
    /// What an earlier attempt of the same stage and run recorded.
    package var earlier: LoadRecord?

    package init(
        link: DatabaseLink, table: ConnectionTable, columns: [TableColumn]? = nil, earlier: LoadRecord? = nil
    ) {
        self.link = link
        self.table = table
        self.columns = columns
        self.earlier = earlier
    }

    /// The type that the table has, or will have, for a column that is loaded.
    package func type(for column: Column) -> ColumnType {
        columns?.first { $0.name == column.name }?.type ?? link.kind.stored(column.type)
    }

    /// What keeps columns from being loaded into the table; nil when they fit.
    package func fault(loading given: [Column]) -> (message: String, remedy: String)? {
        if let other = given.first(where: { if case .other = $0.type { columns == nil } else { false } }) {
            return (
                "a table with the column '\(other.name)' (\(other.type)) cannot be made",
                "cast it in a process stage, or make the table by hand"
            )
        }
        guard let columns else { return nil }
        let names = columns.map(\.name)
        for column in given {
            guard let there = columns.first(where: { $0.name == column.name }) else {
                return (
                    "the table '\(table)' has no column '\(column.name)'"
                        + Suggestion.phrase(for: column.name, among: names),
                    "add it to the table, or leave it out with 'select' or 'drop'"
                )
            }
            if !accepts(column.type, there) {
                return (
                    "the column '\(column.name)' is \(column.type), and '\(table)' keeps \(there.type)"
                        + (there.nativeType.isEmpty ? "" : " (\(there.nativeType))") + " there",
                    column.type == .localTimestamp && there.type == .timestamp
                        ? "say with 'timezone' of the dataset that it comes from of which zone its times are"
                        : "cast it in a process stage: '- cast: {\(column.name): \(there.type.castName)}'"
                )
            }
        }
        if let missing = columns.first(where: { column in
            column.isRequired && !given.contains { $0.name == column.name }
        }) {
            return (
                "the table '\(table)' wants a value in '\(missing.name)', which the rows do not have",
                "add it with 'derive', or give the column a default"
            )
        }
        return nil
    }

    /// Whether every value of a type can be kept in a column, besides those that are too large or too long for it.
    private func accepts(_ type: ColumnType, _ column: TableColumn) -> Bool {
        switch (type, column.type) {
        case (let a, let b) where a == b: true
        case (.integer, .number), (.integer, .decimal), (.date, .timestamp), (.date, .localTimestamp): true
        // A column without a zone keeps points in time as UTC shows them; what a local time is elsewhere nobody knows.
        case (.timestamp, .localTimestamp): true
        case (.decimal(let precision, let scale), .decimal(let otherPrecision, let otherScale)):
            otherScale >= scale && otherPrecision - otherScale >= precision - scale
        // A numeric without a precision takes everything and is read as floating point.
        case (.decimal, .number), (.number, .number): column.nativeType == "numeric" || storesAlike(type, column)
        // The database reads texts as its own types: json, uuid, an enumeration.
        case (.text, .other): link.kind == .postgres
        default: storesAlike(type, column)
        }
    }

    private func storesAlike(_ type: ColumnType, _ column: TableColumn) -> Bool {
        link.kind == .sqlite && link.kind.stored(type) == column.type
    }
}

/// What a load leaves in the table `caudal_loads` beside its rows, in the same transaction.
///
/// A process that dies between the commit and its journal finds it there, and does not load the rows again.
package struct LoadRecord: Sendable, Hashable {
    /// The table that keeps the records.
    package static let table = "caudal_loads"

    /// Which load it is.
    package struct Key: Sendable, Hashable {
        package var run: RunID
        package var stage: StageID

        package init(run: RunID, stage: StageID) {
            self.run = run
            self.stage = stage
        }
    }

    /// How many rows were loaded.
    package var rows: Int64
    /// A fingerprint of them that does not depend on their order.
    package var fingerprint: String

    package init(rows: Int64, fingerprint: String) {
        self.rows = rows
        self.fingerprint = fingerprint
    }

    /// Reads what ``Key/query(in:)`` gave.
    init?(_ row: DataReadings.Row) {
        guard let rows = row.integer("rows"), let fingerprint = row.text("fingerprint") else { return nil }
        self.init(rows: rows, fingerprint: fingerprint)
    }
}

extension LoadRecord.Key {
    private static let sql = DuckDBDialect()

    /// SQL that holds for the record of this load.
    package var condition: String {
        "run = \(Self.sql.text(run.rawValue)) AND stage = \(Self.sql.text(stage.rawValue))"
    }

    /// A query for the record: at most one row, of kind `load`.
    package func query(in relation: String) -> String {
        "SELECT 'load' AS caudal, \"rows\", fingerprint\nFROM \(relation)\nWHERE \(condition)"
    }
}
