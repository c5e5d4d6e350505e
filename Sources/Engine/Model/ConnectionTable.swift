/// A table of a connection, as a pipeline file names it.
package struct ConnectionTable: Sendable, Hashable, CustomStringConvertible {
    /// The connection's name.
    package var connection: String
    /// The table's name, such as `sales`, or `analytics.sales` with its schema where the database has schemas.
    package var name: String

    package init(connection: String, name: String) {
        self.connection = connection
        self.name = name
    }

    /// How artifacts and messages name it: `warehouse.sales`.
    package var description: String { "\(connection).\(name)" }
}

extension Dataset {
    /// The table it is, for a table of a connection.
    package var table: ConnectionTable? {
        if case .table(let connection, let name) = place {
            ConnectionTable(connection: connection, name: name)
        } else {
            nil
        }
    }
}

extension Connection.Kind {
    /// The type of a column that a load makes for values of `type`, as it comes back when it is read.
    ///
    /// SQLite has no dates, truths and exact decimals: it keeps texts, 0 and 1, and floating point where that is exact.
    package func stored(_ type: ColumnType) -> ColumnType {
        guard self == .sqlite else { return type }
        switch type {
        case .date, .timestamp: return .text
        case .boolean: return .integer
        case .decimal(let precision, _): return precision <= 15 ? .number : .text
        case .text, .integer, .number, .other: return type
        }
    }
}
