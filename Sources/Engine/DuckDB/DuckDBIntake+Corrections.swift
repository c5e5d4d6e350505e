import CaudalModel

/// Quarantined rows that a user has corrected.
extension DuckDBIntake {
    /// Replaces invalid rows by their corrections.
    ///
    /// A correction for a row that is not invalid, or no longer is, has no effect, so that no row is added twice. If
    /// several files correct a row, the last one applies.
    func addCorrections(_ files: [String], to script: inout SQLScript) {
        let all = sql.read(
            "read_csv", files,
            [
                "header = true", "delim = ','", "quote = '\"'", "escape = '\"'", "all_varchar = true",
                "union_by_name = true", "filename = true",
                // An empty text stands in quotation marks, where a missing value has none.
                "allow_quoted_nulls = false",
            ], isList: true)
        // A malformed line that was left as it was is no correction: it has its text, and none of the columns.
        let raw = "json_extract_string(to_json(line), '$.\(Intake.correctedRaw)')"
        let given = source.isForeignJSON ? [sql.name(Intake.correctedJSON)] : columns.map { sql.name($0.name) }
        let isEmpty = given.map { "nullif(line.\($0), '') IS NULL" }.joined(separator: " AND ")
        let reader = "(SELECT * FROM \(all) AS line WHERE nullif(\(raw), '') IS NULL OR NOT (\(isEmpty)))"
        let place = "\(Intake.correctedFile), CAST(\(Intake.correctedRow) AS BIGINT)"
        script.add(
            "refuse two different corrections of one row",
            "SELECT CASE WHEN count(*) > 0 THEN error(chr(1) || 'the corrections have more than one line for row ' || min(r)) END\n"
                + "FROM (SELECT \(Intake.correctedRow) AS r FROM \(reader) GROUP BY filename, \(Intake.correctedFile), "
                + "\(Intake.correctedRow) HAVING count(*) > 1)")
        let names = fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }.joined(
            separator: " ")
        let (file, row) = (internalName("file"), sql.name(internalName("row")))
        script.add(
            "take the corrected rows in place of the invalid ones",
            .table(
                "SELECT bad.file AS \(file), bad.\"row\" AS \(row),\n       "
                    + correctedColumns.joined(separator: ",\n       ")
                    + "\nFROM (SELECT * FROM \(reader)\n      QUALIFY row_number() OVER (PARTITION BY \(place) ORDER BY filename DESC) = 1) AS given\n"
                    + "JOIN (SELECT \(file) AS file, \(row) AS \"row\" FROM invalid UNION SELECT file, \"row\" FROM broken) AS bad\n"
                    + "  ON bad.\"row\" = CAST(given.\(Intake.correctedRow) AS BIGINT)"
                    + " AND CASE bad.file \(names) END = given.\(Intake.correctedFile)\nORDER BY bad.file, bad.\"row\"",
                as: "corrected"))
        for (table, ownFile, ownRow) in [("invalid", file, row), ("broken", "file", "\"row\"")] {
            script.add(
                "their \(table) forms are gone",
                "DELETE FROM \(table) WHERE EXISTS (SELECT 1 FROM corrected AS c\n"
                    + "  WHERE c.\(file) = \(table).\(ownFile) AND c.\(row) = \(table).\(ownRow))")
        }
        if source.isForeignJSON {
            let text = internalName("text")
            script.add(
                "corrected rows that are no objects",
                "INSERT INTO broken BY NAME\nSELECT \(file) AS file, \(row) AS \"row\", 0 AS place, "
                    + "\(brokenProblem(internalName("json"))) AS problem, \(text) AS line\n"
                    + "FROM corrected WHERE \(isBrokenJSON(internalName("json")))")
            script.add(
                "corrected rows that are still invalid",
                "INSERT INTO invalid BY NAME\nSELECT * EXCLUDE (\(text)) FROM corrected\n"
                    + "WHERE (\(isValid)) IS NOT TRUE AND NOT (\(isBrokenJSON(internalName("json"))))")
        } else {
            script.add(
                "corrected rows that are still invalid",
                "INSERT INTO invalid BY NAME\nSELECT * FROM corrected WHERE (\(isValid)) IS NOT TRUE")
        }
        script.add("count the corrected rows", .measure(.corrected, "(SELECT count(*) FROM corrected)"))
    }

    /// The columns of a corrected row, under the names of an invalid row's columns.
    private var correctedColumns: [String] {
        guard source.isForeignJSON else {
            return columns.map { column in
                var name = "given.\(sql.name(column.name))"
                // Programs that put all cells in quotation marks write empty numbers and days so.
                let rules = schema.rules(of: column.name)
                let isText = column.type == .text && rules?.types?.contains(.string) ?? true && rules?.format == nil
                if !isText { name = "nullif(\(name), '')" }
                let typed = Intake.form(of: column, in: source) == .text ? name : sql.cast(name, to: column.type)
                return "\(typed) AS \(sql.name(column.name))"
            }
        }
        let text = "given.\(sql.name(Intake.correctedJSON))"
        let valid = "CASE WHEN json_valid(\(text)) THEN \(text) END"
        let json = "CAST(\(valid) AS JSON)"
        return ["\(valid) AS \(internalName("json"))", "\(text) AS \(internalName("text"))"]
            + columns.map { "\(JSONPredicates.member($0.name, of: json, sql)) AS \(sql.name($0.name))" }
    }
}
