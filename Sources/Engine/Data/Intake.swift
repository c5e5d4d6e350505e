/// Takes a file in that somebody else wrote: what is malformed or breaks a rule of its schema is kept apart with the
/// reason, and nothing is lost on the way.
package struct Intake {
    private let sql = DuckDBDialect()
    private let source: DataSource
    private let schema: RowSchema
    private let predicates: SchemaPredicates
    /// The files as people know them: relative to the project's root where they lie below it.
    private let fileNames: [String]
    /// The columns of the result, in the file's order and then those that the file lacks.
    package let typedColumns: [(name: String, type: ColumnType, sql: String)]

    /// Compiles a schema for a file's columns.
    ///
    /// - Throws: ``ConfigError`` when the file lacks a required column or has one that the schema forbids.
    package init(
        source: DataSource, schema: RowSchema, root: String, isStrict: Bool, stageLocation: SourceLocation
    ) throws(ConfigError) {
        self.source = source
        self.schema = schema
        predicates = SchemaPredicates(dialect: sql, isStrict: isStrict)
        let names = source.columnNames
        fileNames = source.table.map { [$0.description] } ?? source.files.map { PathText.relative($0, to: root) }
        let files = fileNames.count == 1 ? fileNames[0] : "'\(source.dataset)'"
        for required in schema.required where !names.contains(required) {
            let place = schema.properties.first { $0.name == required }?.location ?? stageLocation
            throw ConfigError(
                "\(files) has no column '\(required)', which the schema requires"
                    + Suggestion.phrase(for: required, among: names), at: place)
        }
        if schema.additional == .forbidden {
            let known = schema.properties.map(\.name)
            if let extra = names.first(where: { !known.contains($0) }) {
                throw ConfigError(
                    "\(files) has a column '\(extra)', which the schema does not allow",
                    remedy: "add it to 'properties', or allow 'additionalProperties'", at: stageLocation)
            }
        }
        var typed: [(String, ColumnType, String)] = []
        for column in source.columns {
            let form = Self.form(of: column, in: source)
            let made = predicates.typed(column.name, schema.rules(of: column.name) ?? ValueRules(), form: form)
            typed.append((column.name, made.type, made.sql))
        }
        for property in schema.properties where !names.contains(property.name) {
            let type = property.rules.columnType
            typed.append((property.name, type, sql.cast("NULL", to: type)))
        }
        typedColumns = typed
    }

    private static func form(of column: Column, in source: DataSource) -> SchemaPredicates.Form {
        source.format == .csv && !source.isOwn ? .text : .typed(column.type)
    }

    private func from(keepsRejects: Bool) -> String {
        source.fromClause(sql, keepsRejects: keepsRejects && source.canHoldBrokenLines)
    }

    /// SQL that is true for a valid row, and false or null for an invalid one.
    private var isValid: String {
        let conditions = source.columns.compactMap { column -> String? in
            guard let rules = schema.rules(of: column.name) else { return nil }
            return predicates.isValid(
                column.name, rules, form: Self.form(of: column, in: source),
                isRequired: schema.required.contains(column.name))
        }
        return conditions.isEmpty ? "TRUE" : conditions.joined(separator: "\n   AND ")
    }

    private func isOfItem(_ partition: [String]) -> String? {
        let conditions = source.columns.filter { partition.contains($0.name) }.map { column in
            "\(sql.name(column.name)) IS NOT DISTINCT FROM \(sql.variable(.item(column.name), as: column.type))"
        }
        return conditions.isEmpty ? nil : conditions.joined(separator: " AND ")
    }

    // MARK: - Statements

    /// Adds the statements that find the invalid rows and count everything.
    ///
    /// `corrections`: files of rows that somebody corrected.
    package func addSearch(to script: inout SQLScript, partition: [String], corrections: [String] = []) {
        let fields = source.columns.map { sql.cast(sql.name($0.name), to: .text) }.joined(separator: ", ")
        let isMany = source.files.count > 1
        let file = isMany ? "CAST(file_index AS INTEGER)" : "0"
        let item = isOfItem(partition)
        script.add(
            "scan the input; keep the fields of invalid rows only", weight: 10,
            "CREATE TEMP TABLE intake AS\nSELECT CASE WHEN \(isValid)\n       THEN NULL ELSE [\(fields)] END AS bad"
                + (isMany ? ",\n       \(file) AS file" : "") + "\nFROM \(from(keepsRejects: true))"
                + (item.map { "\nWHERE \($0)" } ?? ""))
        addRejects(to: &script, isMany: isMany)
        let start = isMany ? "(SELECT min(other.rowid) FROM intake AS other WHERE other.file = intake.file)" : "0"
        let columns = source.columns.enumerated().map { index, column in
            let value = "bad[\(index + 1)]"
            let typed = Self.form(of: column, in: source) == .text ? value : sql.cast(value, to: column.type)
            return "\(typed) AS \(sql.name(column.name))"
        }
        // A broken line before a row moves the row's number up by one.
        script.add(
            "number the invalid rows as they stand in the file",
            "CREATE TEMP TABLE invalid AS\nSELECT file, ordinal + (SELECT count(*) FROM broken\n"
                + "         WHERE broken.file = numbered.file AND broken.\"row\" - broken.place < ordinal) AS \"row\","
                + "\n       \(columns.joined(separator: ",\n       "))\nFROM (SELECT bad, "
                + (isMany ? "file" : "0 AS file") + ", rowid - \(start) + 1 AS ordinal\n"
                + "      FROM intake WHERE bad IS NOT NULL) AS numbered")
        script.add(
            "count the rows", OutputSQL.count("read", "(SELECT count(*) FROM intake) + (SELECT count(*) FROM broken)"))
        if !corrections.isEmpty { addCorrections(corrections, to: &script) }
        script.add("list every rule that is broken", violations)
        script.add("count the invalid rows", OutputSQL.count("invalid", "(SELECT count(*) FROM invalid)"))
        script.add("count the broken lines", OutputSQL.count("rejected", "(SELECT count(*) FROM broken)"))
        script.add(
            "show the rules that are broken most",
            "SELECT 'violation' AS caudal, \"column\", rule, count(*) AS \"rows\", min(\"row\") AS \"row\", "
                + "arg_min(value, \"row\") AS value\nFROM violations\nGROUP BY \"column\", rule\n"
                + "ORDER BY \"rows\" DESC, \"column\" NULLS FIRST, rule\nLIMIT \(CheckResult.sampleLimit)")
    }

    private func addRejects(to script: inout SQLScript, isMany: Bool) {
        guard source.canHoldBrokenLines else {
            script.add(
                "no line of such a file can be broken",
                "CREATE TEMP TABLE broken AS\nSELECT 0 AS file, 0 AS \"row\", 0 AS place, '' AS problem, '' AS line WHERE FALSE"
            )
            return
        }
        let header = source.csv.hasHeader ? 1 : 0
        let file = isMany ? "CAST(file_id AS INTEGER)" : "0"
        script.add(
            "collect the lines that are no rows",
            "CREATE TEMP TABLE broken AS\nSELECT \(file) AS file, CAST(line AS BIGINT) - \(header) AS \"row\",\n"
                + "       row_number() OVER (PARTITION BY file_id ORDER BY line) AS place,\n"
                + "       lower(string_agg(DISTINCT CAST(error_type AS VARCHAR), ', ' ORDER BY CAST(error_type AS VARCHAR))) AS problem,\n"
                + "       min(csv_line) AS line\nFROM reject_errors\nGROUP BY file_id, line")
    }

    /// The statement that lists each broken rule of each invalid row.
    private var violations: String {
        var cases: [String] = []
        for column in source.columns {
            guard let rules = schema.rules(of: column.name) else { continue }
            let list = predicates.rules(
                column.name, rules, form: Self.form(of: column, in: source),
                isRequired: schema.required.contains(column.name))
            for rule in list {
                let entry =
                    "{'column': \(sql.text(rule.column)), 'rule': \(sql.text(rule.label)), "
                    + "'value': \(sql.cast(sql.name(rule.column), to: .text))}"
                cases.append("CASE WHEN \(rule.isBroken)\n           THEN \(entry) END")
            }
        }
        let raw =
            "CAST(to_json({\(source.columns.map { "\(sql.text($0.name)): \(sql.name($0.name))" }.joined(separator: ", "))}) AS VARCHAR)"
        let broken =
            "SELECT file, \"row\", NULL AS \"column\", 'malformed line: ' || problem AS rule, NULL AS value, line AS raw\nFROM broken"
        guard !cases.isEmpty else { return "CREATE TEMP TABLE violations AS\n\(broken)" }
        return "CREATE TEMP TABLE violations AS\nSELECT file, \"row\", v.\"column\", v.rule, v.value, raw\n"
            + "FROM (SELECT file, \"row\", \(raw) AS raw, unnest([\n         \(cases.joined(separator: ",\n         "))\n"
            + "       ]) AS v FROM invalid)\nWHERE v IS NOT NULL\nUNION ALL\n\(broken)"
    }

    /// The rows of the quarantine: one for each broken rule, in the order of the file.
    package var quarantineQuery: String {
        let names = fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }.joined(
            separator: " ")
        let file = source.files.isEmpty ? "NULL" : "CASE file \(names) END"
        return "SELECT \(file) AS file, \"row\", \"column\", rule, value, raw\nFROM violations\n"
            + "ORDER BY violations.file, \"row\", \"column\" NULLS FIRST, rule"
    }

    // MARK: - Corrections

    /// The columns of a file of corrections that say which row of which file each line stands for.
    package static let correctedFile = "quarantine_file"
    package static let correctedRow = "quarantine_row"

    /// Puts rows that somebody corrected in the place of the invalid ones they stand for.
    ///
    /// A row that is not invalid, or not any more, is left as it is: nothing comes in twice. Of several files the last
    /// one that has a row counts.
    private func addCorrections(_ files: [String], to script: inout SQLScript) {
        let list = "[" + files.map(sql.text).joined(separator: ", ") + "]"
        let reader =
            "read_csv(\(list), header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, "
            + "union_by_name = true, filename = true)"
        let place = "\(Self.correctedFile), CAST(\(Self.correctedRow) AS BIGINT)"
        script.add(
            "refuse corrections that say two things of a row",
            "SELECT CASE WHEN count(*) > 0 THEN error('the corrections have more than one line for row ' || min(r)) END\n"
                + "FROM (SELECT \(Self.correctedRow) AS r FROM \(reader) GROUP BY filename, \(Self.correctedFile), "
                + "\(Self.correctedRow) HAVING count(*) > 1)")
        let names = fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }.joined(
            separator: " ")
        let columns = source.columns.map { column in
            let name = "given.\(sql.name(column.name))"
            let typed = Self.form(of: column, in: source) == .text ? name : sql.cast(name, to: column.type)
            return "\(typed) AS \(sql.name(column.name))"
        }
        script.add(
            "take the corrected rows in place of the invalid ones",
            "CREATE TEMP TABLE corrected AS\nSELECT bad.file, bad.\"row\",\n       "
                + columns.joined(separator: ",\n       ")
                + "\nFROM (SELECT * FROM \(reader)\n      QUALIFY row_number() OVER (PARTITION BY \(place) ORDER BY filename DESC) = 1) AS given\n"
                + "JOIN (SELECT file, \"row\" FROM invalid UNION SELECT file, \"row\" FROM broken) AS bad\n"
                + "  ON bad.\"row\" = CAST(given.\(Self.correctedRow) AS BIGINT)"
                + " AND CASE bad.file \(names) END = given.\(Self.correctedFile)")
        for table in ["invalid", "broken"] {
            script.add(
                "their \(table) forms are gone",
                "DELETE FROM \(table) WHERE EXISTS (SELECT 1 FROM corrected AS c\n"
                    + "  WHERE c.file = \(table).file AND c.\"row\" = \(table).\"row\")")
        }
        let all = source.columns.map { sql.name($0.name) }.joined(separator: ", ")
        script.add(
            "corrected rows that are still invalid",
            "INSERT INTO invalid (file, \"row\", \(all))\nSELECT file, \"row\", \(all) FROM corrected WHERE (\(isValid)) IS NOT TRUE"
        )
        script.add("count the corrected rows", OutputSQL.count("corrected", "(SELECT count(*) FROM corrected)"))
    }

    /// The valid rows with their types.
    ///
    /// `isCorrected`: whether rows were corrected, whose valid ones come behind the others.
    package func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool = false) -> String {
        let list = typedColumns.map { sql.written(Column($0.name, $0.type), as: $0.sql, in: format) }
        let item = isOfItem(partition).map { "\n   AND \($0)" } ?? ""
        let selected = "SELECT \(list.joined(separator: ",\n       "))"
        let valid = "\(selected)\nFROM \(from(keepsRejects: true))\nWHERE \(isValid)\(item)"
        guard isCorrected else { return valid }
        return "\(valid)\nUNION ALL\n\(selected)\nFROM corrected\nWHERE \(isValid)"
    }
}
