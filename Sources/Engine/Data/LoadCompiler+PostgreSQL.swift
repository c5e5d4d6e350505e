import CaudalModel

/// Loads into PostgreSQL, which receives the rows once, into a staging table, and does the rest itself.
extension LoadCompiler {
    /// Adds the statements that load the rows.
    func addPostgres(to script: inout SQLScript, _ schema: String, _ name: String, _ load: LoadRecord.Key) {
        let staging = "caudal_staging_\(load.run.rawValue)_\(load.stage.rawValue)".shortened(toBytes: 63)
        addStaging(to: &script, at: target.link.relation(schema, staging), isTemporary: false)
        let table = "\(sql.name(schema)).\(sql.name(name))"
        let rows = "\(sql.name(schema)).\(sql.name(staging))"
        func add(_ title: String, weight: Double = 1, block: String) {
            script.add(title, weight: weight, target.link.ownStatement("DO $$ \(block) $$"))
        }
        if let lossless = lossless(rows) { add("refuse values that their columns would cut or round", block: lossless) }
        // Readers continue with the old rows; other writers wait, so that two loads do not insert the same key.
        script.add(
            "lock the table against other writers", weight: 0,
            target.link.ownStatement("LOCK TABLE \(table) IN SHARE ROW EXCLUSIVE MODE"))
        if mode == .replace { add("refuse to take rows of other tables along", weight: 0, block: noCascade(to: table)) }
        add("count its rows, if it has triggers or rules", block: ruledCount(table))
        addMoves(to: &script, rows: rows, table) { [link = target.link] in link.ownStatement($0) }
        add(
            "refuse a table that left rows out",
            block: "BEGIN IF current_setting('caudal.rows_before', true) <> '' AND "
                + "\(leavesOut(rows, table, before: "current_setting('caudal.rows_before')::bigint")) THEN "
                + "\(Self.refusal(sql.text(leftOut))); END IF; END")
        script.add("drop the staging table", "DROP TABLE \(target.link.relation(schema, staging))")
    }

    private static func refusal(_ message: String) -> String { "RAISE EXCEPTION USING MESSAGE = \(message)" }

    /// A block that counts the rows of a table before they change, where rules or triggers of its own may leave out some of
    /// what it is given.
    private func ruledCount(_ table: String) -> String {
        let place = "\(sql.text(table))::regclass"
        let isRuled =
            "EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = \(place) AND NOT tgisinternal) "
            + "OR (SELECT relhasrules FROM pg_class WHERE oid = \(place))"
        return "BEGIN PERFORM set_config('caudal.rows_before', CASE WHEN \(isRuled) "
            + "THEN (SELECT count(*) FROM \(table))::text ELSE '' END, true); END"
    }

    /// A block that refuses to delete the rows of a table where rows of other tables would go or change with them.
    private func noCascade(to table: String) -> String {
        let message =
            "\(sql.text("replace deletes the rows of '\(target.table.name)', and with them the foreign key '")) || key.conname "
            + "|| \(sql.text("' would delete or change rows of ")) || key.place || "
            + sql.text("; load with mode upsert, or make that key one without ON DELETE")
        return
            "DECLARE key record; is_filled boolean; BEGIN FOR key IN SELECT conname, conrelid::regclass::text AS place "
            + "FROM pg_constraint WHERE contype = 'f' AND confrelid = \(sql.text(table))::regclass AND conrelid <> confrelid "
            + "AND confdeltype IN ('c', 'n', 'd') LOOP "
            + "EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || key.place || ')' INTO is_filled; "
            + "IF is_filled THEN \(Self.refusal(message)); END IF; END LOOP; END"
    }

    /// A block that refuses values of which their columns would keep others; nil where no column does.
    ///
    /// An explicit cast cuts texts and rounds times without a word.
    private func lossless(_ rows: String) -> String? {
        var found: [(column: Column, isChanged: String, type: String)] = []
        for column in source.columns {
            guard let limit = target.columns?.first(where: { $0.name == column.name })?.limit else { continue }
            let name = "s.\(sql.name(column.name))"
            let given =
                target.type(for: column) == .timestamp ? "(CAST(\(name) AS timestamp) AT TIME ZONE 'UTC')" : name
            var isChanged =
                "CAST(CAST(\(given) AS \(limit.exact)) AS \(limit.wide)) IS DISTINCT FROM CAST(\(given) AS \(limit.wide))"
            // What else stands for an amount in a text, such as $1.50, is the database's to read.
            if limit.wide == "numeric", column.type == .text {
                isChanged = "CASE WHEN \(name) ~ '^[+-]?[0-9]*[.]?[0-9]+$' THEN \(isChanged) ELSE false END"
            }
            found.append((column, isChanged, limit.exact))
        }
        if found.isEmpty { return nil }
        let refusals = found.map { column, isChanged, type in
            let words =
                "', of which \(type) would keep another; make the column wider, or cut or round the values before"
            let message = "\(sql.text("column '\(column.name)' has the value '")) || given || \(sql.text(words))"
            return
                "SELECT left(s.\(sql.name(column.name))::text, 100) INTO given FROM \(rows) AS s WHERE \(isChanged) LIMIT 1; "
                + "IF FOUND THEN \(Self.refusal(message)); END IF;"
        }
        return "DECLARE given text; BEGIN IF EXISTS (SELECT 1 FROM \(rows) AS s WHERE "
            + "\(found.map(\.isChanged).joined(separator: " OR "))) THEN \(refusals.joined(separator: " ")) END IF; END"
    }
}

extension String {
    /// The text truncated to a number of bytes, as databases truncate long names, with a hash of the whole text at its
    /// end.
    fileprivate func shortened(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        let mark = String(ContentHash.of(self).suffix(16))
        var start = ""
        for character in self where start.utf8.count + String(character).utf8.count <= limit - 17 {
            start.append(character)
        }
        return start + "_" + mark
    }
}
