import CaudalModel

/// The lines of rows in a CSV file.
///
/// In a file that is read as it lies there each row is one line. Of others, plain copies are read, and the code that made a copy
/// has told in which lines its rows begin.
extension DuckDBIntake {
    /// Whether lines of the input can be told from rows; an item of a fan-out does not see all of them.
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
            "SELECT \(file) AS file, * FROM read_csv(\(sql.text(path)), auto_detect = false, header = false, delim = ',', "
                + "quote = '', escape = '', columns = {'row': 'BIGINT', 'line': 'BIGINT'})"
        }
        guard !told.isEmpty else { return "(SELECT *, \"row\" + \(header) AS line FROM \(table))" }
        return
            "(SELECT \(table).*, \(table).\"row\" + coalesce(told.line - told.\"row\", \(header)) AS line\nFROM \(table) "
            + "ASOF LEFT JOIN (\(told.joined(separator: "\nUNION ALL "))) AS told\n"
            + "  ON \(table).file = told.file AND \(table).\"row\" >= told.\"row\")"
    }
}
