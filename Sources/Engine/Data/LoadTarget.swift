package import CaudalModel

/// The table of a load, as it is before the load.
package struct LoadTarget: Sendable {
    /// A column of the table.
    package struct TableColumn: Sendable, Hashable {
        package var name: String
        /// Its type when its values are read back.
        package var type: ColumnType
        /// The database's name for its type, without a length.
        package var nativeType: String
        /// Whether it requires a value and the database has no default.
        package var isRequired: Bool
        /// Whether the database puts a value of its own where it is given none, as MySQL numbers rows.
        package var isFilled = false
        /// The type with its length, or a type of the database with conditions of its own, and the one that holds what it cuts or
        /// rounds; nil where the type holds all of its values.
        package var limit: (exact: String, wide: String)? {
            exactType.flatMap { exact in wideType.map { (exact, $0) } }
        }
        var exactType: String?
        var wideType: String?
        /// The type as the database writes it where engines take it for another; nil otherwise.
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
    /// How MySQL stores the table; nil for views, and for other databases.
    package var storage: String?
    /// Its columns; nil when the table does not exist yet.
    package var columns: [TableColumn]?
    /// The record of an earlier attempt of the same stage and run.
    package var earlier: LoadRecord?

    package init(
        link: DatabaseLink, table: ConnectionTable, columns: [TableColumn]? = nil, earlier: LoadRecord? = nil
    ) {
        self.link = link
        self.table = table
        self.columns = columns
        self.earlier = earlier
    }

    /// The type that the table has, or will have, for a loaded column.
    package func type(for column: Column) -> ColumnType {
        columns?.first { $0.name == column.name }?.type ?? link.kind.stored(column.type)
    }

    /// Why columns cannot be loaded into the table; nil if they can.
    package func fault(loading given: [Column]) -> (message: String, remedy: String)? {
        if let other = given.first(where: { if case .other = $0.type { columns == nil } else { false } }) {
            return (
                "a table with the column '\(other.name)' (\(other.type)) cannot be made",
                "cast it in a process stage, or make the table by hand"
            )
        }
        guard let columns else { return nil }
        if let storage, storage.lowercased() != "innodb" {
            return (
                "the table '\(table)' is stored by \(storage), which has no transactions: a load that fails would leave a part of its rows",
                "turn it into one of InnoDB: ALTER TABLE … ENGINE = InnoDB"
            )
        }
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
                let change =
                    if case .other = there.type {
                        "change the type of the column in the table, or leave it out with 'drop'"
                    } else {
                        "cast it in a process stage: '- cast: {\(column.name): \(there.type.castName)}'"
                    }
                return (
                    "the column '\(column.name)' is \(column.type), and '\(table)' keeps \(there.type)"
                        + (there.nativeType.isEmpty ? "" : " (\(there.nativeType))") + " there",
                    column.type == .localTimestamp && there.type == .timestamp
                        ? "say with 'timezone' of the dataset that it comes from of which zone its times are"
                        : change
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

    /// Whether every value of a type can be stored in a column, apart from values that are too large or too long.
    private func accepts(_ type: ColumnType, _ column: TableColumn) -> Bool {
        if link.kind == .mysql, !MySQLColumn(name: column.name, native: column.nativeType).takesValues { return false }
        return switch (type, column.type) {
        case (let a, let b) where a == b: true
        case (.integer, .number), (.integer, .decimal), (.date, .timestamp), (.date, .localTimestamp): true
        // A column without a zone stores points in time in UTC; the zone of a local time is unknown.
        case (.timestamp, .localTimestamp): true
        case (.decimal(let precision, let scale), .decimal(let otherPrecision, let otherScale)):
            otherScale >= scale && otherPrecision - otherScale >= precision - scale
        // A numeric without precision accepts every number and is read as floating point.
        case (.decimal, .number), (.number, .number): column.nativeType == "numeric" || storesAlike(type, column)
        // The database converts texts to its own types: json, uuid, an enumeration.
        case (.text, .other): link.kind == .postgres
        default: storesAlike(type, column)
        }
    }

    private func storesAlike(_ type: ColumnType, _ column: TableColumn) -> Bool {
        [.sqlite, .mysql].contains(link.kind) && link.kind.stored(type) == column.type
    }
}

/// The record that a load writes to the table `caudal_loads` in the transaction of its rows.
///
/// A process that dies between the commit and its journal finds it there, and does not load the rows again.
package struct LoadRecord: Sendable, Hashable, Decodable {
    /// The table that keeps the records.
    package static let table = "caudal_loads"

    /// What identifies a load.
    package struct Key: Sendable, Hashable {
        package var run: RunID
        package var stage: StageID

        package init(run: RunID, stage: StageID) {
            self.run = run
            self.stage = stage
        }
    }

    /// The number of rows loaded.
    package var rows: Int64
    /// A hash of the rows that does not depend on their order.
    package var fingerprint: String

    package init(rows: Int64, fingerprint: String) {
        self.rows = rows
        self.fingerprint = fingerprint
    }
}

extension LoadRecord.Key {
    /// SQL that holds for the record of this load.
    package func condition(_ sql: any SQLDialect) -> String {
        "run = \(sql.text(run.rawValue)) AND stage = \(sql.text(stage.rawValue))"
    }

    /// A query for the record: at most one row, of kind `load`.
    package func query(in relation: String, _ sql: any SQLDialect) -> SQLScript.Kind {
        .lines(.load, "\"rows\", fingerprint\nFROM \(relation)\nWHERE \(condition(sql))")
    }
}
