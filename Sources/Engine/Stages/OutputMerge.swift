package import CaudalModel

/// How the rows of a query are merged into those that its output has: a row takes the place of one with the same key.
package struct OutputMerge: Sendable {
    /// What becomes of the rows that an output has.
    enum Mode: String, CaseIterable { case replace, merge }

    /// The columns that identify a row.
    package var key: [Located<String>]
    /// The column by which of two rows with one key the greater stays; nil always takes the new one.
    package var order: Located<String>?

    /// Reads `mode`, `key` and `order_by`; nil where the output is replaced.
    static func read(_ reader: inout MappingReader, _ problems: ConfigProblems) -> OutputMerge? {
        let mode = reader.choice("mode", as: Mode.self) ?? .replace
        let key = reader.texts("key")
        let order = reader.text("order_by")
        if mode == .merge, key.isEmpty {
            reader.reportMissing(
                "'mode: merge' needs 'key'", remedy: "name the columns that identify a row: key: [id]",
                at: reader.location(of: "mode"))
        }
        for (name, isThere) in [("key", !key.isEmpty), ("order_by", order != nil)] where isThere && mode == .replace {
            problems.report("'\(name)' belongs to 'mode: merge'", at: reader.location(of: name))
        }
        return mode == .merge ? OutputMerge(key: key, order: order.map { Located($0.value, at: $0.location) }) : nil
    }

    /// - Throws: ``ConfigError`` for a column that the query does not give.
    func check(_ columns: [Column]) throws(ConfigError) {
        for name in key + [order].compactMap({ $0 }) where !columns.contains(where: { $0.name == name.value }) {
            throw ConfigError(
                "the query gives no column '\(name.value)'"
                    + Suggestion.phrase(for: name.value, among: columns.map(\.name)), at: name.location)
        }
    }

    /// Adds the statements that tell whether the key identifies the new rows.
    func addMeasures(of rows: String, to script: inout SQLScript, _ sql: any SQLDialect) {
        let keys = key.map { sql.name($0.value) }.joined(separator: ", ")
        let missing = key.map { "\(sql.name($0.value)) IS NULL" }.joined(separator: " OR ")
        script.add(
            "count the rows without a key", weight: 2,
            .measure(.keyless, "(SELECT count(*) FROM \(rows) WHERE \(missing))"))
        script.add(
            "count the keys that several rows have", weight: 3,
            .measure(.doubles, "(SELECT count(*) FROM (SELECT 1 FROM \(rows) GROUP BY \(keys) HAVING count(*) > 1))"))
    }

    /// Why the new rows cannot be merged; nil where they can.
    func fault(_ readings: DataReadings) -> Failure? {
        let names = key.map(\.value).joined(separator: ", ")
        if let count = readings.count(.keyless), count > 0 {
            return Failure(
                "\(count.counted("row")) of the query without a value in the key (\(names))",
                remedy: "leave them out, or choose another 'key'; nothing was published", location: key.first?.location)
        }
        if let count = readings.count(.doubles), count > 0 {
            return Failure(
                "\(count.counted("value")) of the key (\(names)) in more than one row of the query",
                remedy: "keep one of them, such as with 'qualify row_number() over (partition by \(names)) = 1', or "
                    + "choose another 'key'; nothing was published", location: key.first?.location)
        }
        return nil
    }

    /// The rows of both: `new` and `old` are relations with the same columns.
    func query(_ columns: [Column], new: String, old: String, _ sql: any SQLDialect) -> String {
        let names = columns.map { sql.name($0.name) }.joined(separator: ", ")
        let same = key.map { "n.\(sql.name($0.value)) = o.\(sql.name($0.value))" }.joined(separator: " AND ")
        // A row without a value in that column is older than any other.
        let oldWins = order.map { order -> String in
            let (n, o) = ("n.\(sql.name(order.value))", "o.\(sql.name(order.value))")
            return "coalesce(\(o) > \(n) OR (\(n) IS NULL AND \(o) IS NOT NULL), false)"
        }
        let replaced = oldWins.map { "\(same) AND NOT \($0)" } ?? same
        var text =
            "SELECT \(names) FROM \(old) AS o\nWHERE NOT EXISTS (SELECT 1 FROM \(new) AS n WHERE \(replaced))\n"
            + "UNION ALL\nSELECT \(names) FROM \(new) AS n"
        if let oldWins { text += "\nWHERE NOT EXISTS (SELECT 1 FROM \(old) AS o WHERE \(same) AND \(oldWins))" }
        return text
    }
}
