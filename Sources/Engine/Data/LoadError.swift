package import CaudalModel

/// Why rows are not loaded into a table.
package enum LoadError: DomainError {
    /// The engine did not report the rows that it counted.
    case notCounted
    /// Rows have no value in a column of the key.
    case rowsWithoutKey(Int64, key: [String])
    /// Values of the key are in more than one row.
    case repeatedKeys(Int64, key: [String])
    /// An earlier attempt of the run has appended rows, and the rows to append are others now.
    case appendedOtherRows(to: String, earlier: Int64, now: Int64)
}

extension LoadError {
    package var failure: Failure {
        switch self {
        case .notCounted: .uncounted
        case .rowsWithoutKey(let count, let key):
            Failure(
                "\(count.counted("row")) without a value in the key (\(key.joined(separator: ", ")))",
                remedy: "filter them out, or choose another 'key'; nothing was loaded")
        case .repeatedKeys(let count, let key):
            Failure(
                "\(count.counted("value")) of the key (\(key.joined(separator: ", "))) in more than one row",
                remedy: "deduplicate by it first, or choose another 'key'; nothing was loaded")
        case .appendedOtherRows(let table, let earlier, let now):
            Failure(
                "this run has appended \(earlier.counted("row")) to '\(table)' already, and its rows are others now "
                    + "(\(now.grouped))",
                remedy: "rows that were appended cannot be told from others: use 'mode: upsert', or remove them and "
                    + "their line in '\(LoadRecord.table)' by hand")
        }
    }
}
