import CaudalModel

/// The lines of rows in a CSV file.
///
/// In a file that is read directly, each row is one line. Of other files, plain copies are read, with a list of the lines in
/// which the rows of the original begin.
extension DuckDBIntake {
    /// Whether the line of a row can be computed; it cannot for an item of a fan-out, which does not see all rows.
    func knowsLines(_ partition: [String]) -> Bool {
        source.canHoldBrokenLines && source.table == nil && !source.files.isEmpty && partition.isEmpty
    }

    /// SQL for the rows of a table with the line in which each begins, in a column `line`; null if unknown.
    ///
    /// - Parameter table: A table with columns `file` and `row`.
    func withLines(_ table: String, isKnown: Bool) -> String {
        guard isKnown else { return "(SELECT *, CAST(NULL AS BIGINT) AS line FROM \(table))" }
        let header = source.csv.hasHeader ? 1 : 0
        let told = source.lineFiles.sorted { $0.key < $1.key }.map { file, path in
            "SELECT \(file) AS file, * FROM "
                + sql.read(
                    "read_csv", [path],
                    [
                        "auto_detect = false", "header = false", "delim = ','", "quote = ''", "escape = ''",
                        "columns = {'row': 'BIGINT', 'line': 'BIGINT'}",
                    ])
        }
        guard !told.isEmpty else { return "(SELECT *, \"row\" + \(header) AS line FROM \(table))" }
        return
            "(SELECT \(table).*, \(table).\"row\" + coalesce(told.line - told.\"row\", \(header)) AS line\nFROM \(table) "
            + "ASOF LEFT JOIN (\(told.joined(separator: "\nUNION ALL "))) AS told\n"
            + "  ON \(table).file = told.file AND \(table).\"row\" >= told.\"row\")"
    }
}
