import CaudalModel

/// External JSON: each row is an object with keys and types of its own.
extension DuckDBIntake {
    /// The rows with their JSON text and each column by its name.
    var jsonRows: String {
        let isMany = source.files.count > 1
        let values = columns.map { "\(JSONPredicates.member($0.name, of: "json", sql)) AS \(sql.name($0.name))" }
        let own = ["json AS \(internalName("json"))"] + (isMany ? ["file_index"] : [])
        return "(SELECT \((own + values).joined(separator: ",\n       "))\nFROM \(source.jsonReader(sql)))"
    }

    /// SQL that is true for a line without an object, whether it is malformed or another JSON value.
    func isBrokenJSON(_ json: String) -> String {
        "(json_type(\(json)) IS DISTINCT FROM 'OBJECT' OR \(departures(json).map(\.found).joined(separator: " OR ")))"
    }

    /// What DuckDB reads and JSON (RFC 8259) does not have: SQL that is true for each, and its words.
    ///
    /// Only where there may be one are texts, in which it means nothing, taken out.
    private func departures(_ json: String) -> [(found: String, words: String)] {
        let text = sql.cast(json, to: .text)
        let bare = "regexp_replace(\(text), \(sql.text(#""(?:[^"\\]|\\.)*""#)), '\"\"', 'g')"
        func found(_ pattern: String) -> String {
            "(regexp_matches(\(text), \(sql.text(pattern))) AND regexp_matches(\(bare), \(sql.text(pattern))))"
        }
        return [
            (found(#",[ \t\r\n]*[}\]]"#), "a comma without anything behind it"),
            (found(#"(?i)[\[:,][ \t\r\n]*-?(nan|inf)"#), "NaN or Infinity, which JSON does not have"),
        ]
    }

    /// SQL for what is wrong with such a line.
    func brokenProblem(_ json: String) -> String {
        let cases = departures(json).map { "WHEN \($0.found) THEN '\($0.words)' " }.joined()
        return
            "CASE WHEN \(json) IS NULL THEN 'no json' \(cases)ELSE 'no object, but ' || lower(json_type(\(json))) END"
    }

    /// The conditions of every valid row: it is an object, its keys are its columns, and no key is forbidden or
    /// duplicate.
    func objectConditions(_ json: String) -> [String] {
        let present = columns.map { "CAST(\(sql.name($0.name)) IS NOT NULL AS INTEGER)" }
        return [
            "NOT \(isBrokenJSON(json))",
            "len(json_keys(\(json))) = \(present.isEmpty ? "0" : present.joined(separator: " + "))",
        ]
    }

    private var knownKeys: String {
        "CAST([\(schema.properties.map { sql.text($0.name) }.joined(separator: ", "))] AS VARCHAR[])"
    }

    /// Lists of violations of ``objectConditions(_:)``, in the same form as those of other rules.
    var objectViolations: [String] {
        let json = internalName("json")
        let keys = "json_keys(\(json))"
        // A column of the file would hide a variable of the same name.
        let (key, other) = (sql.ownName("key"), sql.ownName("other"))
        func entries(_ keys: String, _ rule: String) -> String {
            let value = JSONPredicates.member(ofColumn: key, of: json)
            return
                "list_transform(\(keys), lambda \(key): {'column': \(key), 'rule': '\(rule)', 'value': CAST(\(value) AS VARCHAR)})"
        }
        let twice =
            "list_filter(list_distinct(\(keys)), lambda \(key): len(list_filter(\(keys), lambda \(other): \(other) = \(key))) > 1)"
        var lists = [entries(twice, "key stands twice")]
        if schema.additional == .forbidden {
            lists.append(
                entries(
                    "list_filter(list_distinct(\(keys)), lambda \(key): NOT list_contains(\(knownKeys), \(key)))",
                    "additionalProperties: false"))
        }
        return lists
    }

    /// Adds the statement that collects the lines without an object, with their text.
    func addBrokenJSON(to script: inout SQLScript, numbered: String) {
        let json = "CAST(bad[1] AS JSON)"
        let found =
            "SELECT file, ordinal AS \"row\", 0 AS place, \(brokenProblem(json)) AS problem, bad[1] AS line\n"
            + "FROM \(numbered)\nWHERE \(isBrokenJSON(json))"
        guard source.format == .jsonl else {
            script.add("collect the malformed lines", .table("\(found)", as: "broken"))
            return
        }
        script.add("collect the malformed lines", .table("\(found)", as: "broken"))
        var parts: [String] = []
        for file in source.files.indices {
            let (lines, rejects) = ("lines_\(file)", "lines_\(file)_rejects")
            script.add(
                "find the texts of the lines that cannot be read", weight: 3,
                .table(
                    "SELECT n, line\nFROM (SELECT row_number() OVER () AS n, line\n"
                        + "      FROM \(source.lineReader(sql, file: file, rejects: rejects)))\n"
                        + "WHERE NOT json_valid(line) AND trim(line, E' \\t\\r\\n') <> ''", as: lines))
            // A line that is not UTF-8 before another moves its number up by one.
            parts.append(
                "SELECT \(file) AS file, line, n + (SELECT count(*) FROM "
                    + "(SELECT line, row_number() OVER (ORDER BY line) AS place FROM \(rejects)) AS r "
                    + "WHERE r.line - r.place < n) AS number FROM \(lines)\n"
                    + "UNION ALL SELECT \(file), ltrim(csv_line, E'\\r\\n'), line FROM \(rejects)")
        }
        // If both readers disagree about what is unreadable, no line is stated rather than a wrong one.
        script.add(
            "add their texts to their numbers",
            "UPDATE broken SET line = found.line\nFROM (SELECT *, row_number() OVER (PARTITION BY file ORDER BY number) AS nth,"
                + "\n        count(*) OVER (PARTITION BY file) AS size FROM (\(parts.joined(separator: "\nUNION ALL "))\n)) AS found,\n"
                + "     (SELECT file, \"row\", row_number() OVER (PARTITION BY file ORDER BY \"row\") AS nth,\n"
                + "        count(*) OVER (PARTITION BY file) AS size FROM broken WHERE line IS NULL) AS unread\n"
                + "WHERE broken.file = unread.file AND broken.\"row\" = unread.\"row\"\n"
                + "  AND found.file = unread.file AND found.nth = unread.nth AND found.size = unread.size")
    }

    /// Adds the statement that lists the invalid rows with their columns.
    func addInvalidJSON(to script: inout SQLScript, numbered: String) {
        let json = "CAST(bad[1] AS JSON)"
        let values = columns.map { "\(JSONPredicates.member($0.name, of: json, sql)) AS \(sql.name($0.name))" }
        let own = [
            "file AS \(internalName("file"))", "ordinal AS \(sql.name(internalName("row")))",
            "bad[1] AS \(internalName("json"))",
        ]
        script.add(
            "number the invalid rows as they stand in the file",
            .table(
                "SELECT \((own + values).joined(separator: ",\n       "))\nFROM \(numbered)\n"
                    + "WHERE NOT (\(isBrokenJSON(json)))", as: "invalid"))
    }
}
