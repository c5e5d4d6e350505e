package import CaudalModel

/// How the rows of a stage are added to those that its output has.
package struct OutputMerge: Sendable {
    /// What becomes of the rows that an output has.
    enum Mode: String, CaseIterable {
        case replace
        /// They stay, and new ones come behind them.
        case append
        /// They stay as far as no new row has the same key.
        case merge
        /// They stay, and each says until when it was so.
        case snapshot
    }

    /// The columns that identify a row; empty where rows are appended.
    package var key: [Located<String>]
    /// The column by which of two rows with one key the greater stays; nil always takes the new one.
    package var order: Located<String>?
    /// What tells which rows are new; nil takes all of them.
    package var watermark: Watermark?
    /// Set where the versions of rows are kept.
    package var history: RowHistory?

    /// Reads `mode` and what belongs to it; nil where the output is replaced.
    static func read(_ reader: inout MappingReader, _ problems: ConfigProblems) -> OutputMerge? {
        let mode = reader.choice("mode", as: Mode.self) ?? .replace
        let key = reader.texts("key")
        let order = reader.text("order_by")
        let watermark = Watermark.read(&reader, problems, appends: mode == .append)
        let history = RowHistory.read(&reader, problems, isWanted: mode == .snapshot)
        func refuse(_ name: String, _ isThere: Bool, _ modes: String) {
            if isThere { problems.report("'\(name)' belongs to \(modes)", at: reader.location(of: name)) }
        }
        if mode != .merge {
            refuse("key", !key.isEmpty && mode != .snapshot, "'mode: merge' and 'mode: snapshot'")
            refuse("order_by", order != nil, "'mode: merge'")
            refuse(
                "lookback", watermark?.lookback != nil,
                "'mode: merge': with 'mode: append', 'late' says what becomes of rows that come late")
        }
        func requireKey() {
            guard key.isEmpty else { return }
            reader.reportMissing(
                "'mode: \(mode.rawValue)' needs 'key'", remedy: "name the columns that identify a row: key: [id]",
                at: reader.location(of: "mode"))
        }
        switch mode {
        case .replace, .snapshot:
            refuse("watermark", watermark != nil, "'mode: merge' or 'mode: append'")
            if mode == .replace { return nil }
            requireKey()
        case .append:
            if watermark == nil {
                reader.reportMissing(
                    "'mode: append' needs 'watermark': without it, a second run would add its rows again",
                    remedy: "name the column that tells what is new, such as watermark: seen",
                    at: reader.location(of: "mode"))
            }
        case .merge: requireKey()
        }
        return OutputMerge(key: key, order: order, watermark: watermark, history: history)
    }

    /// - Throws: ``ConfigError`` for a column that the stage does not give.
    func check(_ columns: [Column]) throws(ConfigError) {
        for name in key + [order].compactMap({ $0 }) where !columns.contains(where: { $0.name == name.value }) {
            throw ConfigError(
                "the query gives no column '\(name.value)'"
                    + Suggestion.phrase(for: name.value, among: columns.map(\.name)), at: name.location)
        }
        if let location = key.first?.location { try history?.check(columns, at: location) }
    }

    /// What is wrong where items write outputs of their own: a row that comes to have another item's value, or is there no
    /// more, is looked for in the output of its own item alone.
    func faults(of fanOut: FanOut) -> [ConfigError] {
        if !fanOut.partitions { return [] }
        var faults: [ConfigError] = []
        let names = fanOut.variables.map(\.name)
        if let first = key.first, let name = names.first(where: { name in !key.contains { $0.value == name } }) {
            faults.append(
                ConfigError(
                    "'key' lacks '\(name)', by which items divide the rows: a row whose '\(name)' changes would be in the outputs "
                        + "of two items",
                    remedy: "add '\(name)' to 'key', or merge in one stage without 'foreach'", at: first.location))
        }
        if history?.endsMissing == true {
            faults.append(
                ConfigError(
                    "'missing: end' cannot end what an item had whose last row is gone: no item of it runs then",
                    remedy: "leave out 'missing', or keep the history in one stage without 'foreach'",
                    at: fanOut.location))
        }
        return faults
    }

    /// The columns of the output, for those that the stage gives.
    func written(_ columns: [Column]) -> [Column] { history?.written(columns) ?? columns }

    /// How an attempt writes the history of its rows; nil where it keeps none.
    ///
    /// - Parameter new: The relation of its rows.
    func writing(_ columns: [Column], new: String, for attempt: StageAttempt) -> RowHistory.Writing? {
        history.map {
            RowHistory.Writing(
                history: $0, columns: columns, key: key.map(\.value),
                now: attempt.sql.literal(moment: attempt.facts.historyTime), new: new, sql: attempt.sql)
        }
    }

    /// - Throws: ``Failure`` for an output with other columns: rows of different columns are not added to each other.
    func refuse(
        _ existing: DataSource, _ columns: [Column], at location: SourceLocation?, root: String
    ) throws(Failure) {
        func words(_ columns: [Column]) -> String {
            columns.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        }
        guard existing.columns != columns else { return }
        throw Failure(
            "\(existing.shownFiles(root: root).joined(separator: ", ")) has the columns \(words(existing.columns)), and the "
                + "stage gives \(words(columns))",
            remedy: history == nil
                ? "give these columns, or begin anew with --full-refresh"
                : "give these columns, or move the file away to begin another history", location: location)
    }

    /// What queries see of the rows that they read by a name; nil where that is all of them, or is meant.
    func newRowsAlone(named name: DatasetName) -> NewRowsAlone? {
        guard let watermark, watermark.late == .ignore, !watermark.isPartial else { return nil }
        return NewRowsAlone(
            column: watermark.column, name: name, key: key.map(\.value),
            deciding: order?.value)
    }

    // MARK: - What is measured

    /// Adds the statements that tell whether the new rows can be added.
    ///
    /// - Parameters:
    ///   - read: The relation of what was read of the input that the watermark is about.
    ///   - start: Where the new rows begin.
    func addMeasures(
        of rows: String, reading read: String?, from start: WatermarkStart?, to script: inout SQLScript,
        _ sql: any SQLDialect
    ) {
        if !key.isEmpty {
            let keys = key.map { sql.name($0.value) }.joined(separator: ", ")
            let missing = key.map { "\(sql.name($0.value)) IS NULL" }.joined(separator: " OR ")
            script.add(
                "count the rows without a key", weight: 2,
                .measure(.keyless, "(SELECT count(*) FROM \(rows) WHERE \(missing))"))
            script.add(
                "count the keys that several rows have", weight: 3,
                .measure(
                    .doubles, "(SELECT count(*) FROM (SELECT 1 FROM \(rows) GROUP BY \(keys) HAVING count(*) > 1))"))
        }
        guard let watermark, let read else { return }
        let column = sql.name(watermark.column.value)
        if key.isEmpty {
            script.add(
                "count the rows of which nobody knows whether they are new", weight: 2,
                .measure(.unmarked, "(SELECT count(*) FROM \(rows) WHERE \(column) IS NULL)"))
        }
        if let form = start?.form {
            script.add(
                "look for texts of another form", weight: 2,
                .measure(.uneven, "(SELECT count(*) FROM \(read) WHERE \(form.isOther(column, sql)))"))
        }
        let (made, had) = ("(SELECT max(\(column)) FROM \(rows))", "(SELECT max(\(column)) FROM \(read))")
        script.add(
            "compare what is new with what was read", weight: 2,
            .measure(
                .ahead,
                "(SELECT CASE WHEN \(made) IS NOT NULL AND (\(had) IS NULL OR \(made) > \(had)) THEN 1 ELSE 0 END)"))
    }

    /// Adds the statements that compare the new rows with those that are there, where rows are appended.
    ///
    /// - Parameters:
    ///   - old: The relation of those that are there.
    ///   - start: Where the new rows begin.
    func addMeasures(
        of new: String, beside old: String, _ columns: [Column], from start: WatermarkStart?,
        to script: inout SQLScript,
        _ sql: any SQLDialect
    ) {
        guard key.isEmpty, history == nil, let start else { return }
        let appended = AppendedRows(columns: columns, new: new, old: old, start: start, sql: sql)
        script.add("count the rows that came late", weight: 2, .measure(.behind, appended.countOfLate))
        script.add("count the rows that are other ones now", weight: 2, .measure(.altered, appended.countOfAltered))
    }

    /// What is worth telling of rows that were added.
    func notes(_ readings: DataReadings, from start: WatermarkStart?) -> [String] {
        guard let start, start.late == .add, let count = readings.count(.behind), count > 0 else { return [] }
        return ["added \(count.counted("row")) with a '\(start.column.name)' below \(start.greatest), which came late"]
    }

    /// Why the new rows cannot be added; nil where they can.
    ///
    /// - Parameter start: Where they begin; nil where all rows are new.
    func fault(_ readings: DataReadings, from start: WatermarkStart?) -> Failure? {
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
        if let fault = history?.fault(readings, key: key) { return fault }
        guard let column = watermark?.column else { return nil }
        if let count = readings.count(.unmarked), count > 0 {
            return Failure(
                "\(count.counted("row")) without a value in '\(column.value)', of which nobody knows whether they are new",
                remedy: "leave them out, or write 'mode: merge' with a key; nothing was published",
                location: column.location)
        }
        if let count = readings.count(.ahead), count > 0 {
            return Failure(
                "the rows have a greater value of '\(column.value)' than any row that was read: what lies between would "
                    + "never be read",
                remedy: "give the column as it is read; nothing was published", location: column.location)
        }
        guard let start else { return nil }
        if let count = readings.count(.uneven), count > 0 {
            return Failure(
                "\(count.counted("row")) with a text in '\(column.value)' that has another form than '\(start.greatest)', the greatest "
                    + "one of the output: texts are compared sign by sign, and nobody can tell whether they are newer",
                remedy:
                    "make a number, a date or a time of it in a stage before this one, with a step 'cast'; nothing was published",
                location: column.location)
        }
        if start.late == .fail, let count = readings.count(.behind), count > 0 {
            return Failure(
                "\(count.counted("row")) with a '\(column.value)' below \(start.greatest) came late: the output does not have "
                    + "\(count == 1 ? "it" : "them"), and 'mode: append' adds only what is newer",
                remedy:
                    "write 'late: add' to add such rows, 'late: ignore' to leave them out, or 'mode: merge' with a key; "
                    + "--full-refresh makes the output anew; nothing was published", location: column.location)
        }
        if let count = readings.count(.altered), count > 0 {
            return Failure(
                "\(count.counted("row")) with a '\(column.value)' that the output has already "
                    + "\(count == 1 ? "is another one" : "are other ones") now: appended, both would be there",
                remedy:
                    "write 'mode: merge' with a key, and leave out of the rows what changes by itself, such as the time "
                    + "of the run; --full-refresh makes the output anew; nothing was published",
                location: column.location)
        }
        return nil
    }

    // MARK: - The rows of both

    /// The rows of both: `new` and `old` are relations with the same columns.
    ///
    /// - Parameter start: Where the new rows begin; nil where all of the input was read.
    func query(
        _ columns: [Column], new: String, old: String, from start: WatermarkStart?, _ sql: any SQLDialect
    ) -> String {
        let names = columns.map { sql.name($0.name) }.joined(separator: ", ")
        if key.isEmpty {
            guard let start else { return "SELECT \(names) FROM \(old)\nUNION ALL\nSELECT \(names) FROM \(new)" }
            return AppendedRows(columns: columns, new: new, old: old, start: start, sql: sql).query
        }
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
