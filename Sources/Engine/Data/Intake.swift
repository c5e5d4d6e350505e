/// Reads a file that Caudal did not write: rows that are malformed or break a rule of its schema are quarantined with
/// the reason, and no row is lost.
package struct Intake {
    let sql: DuckDBDialect
    let source: DataSource
    let schema: RowSchema
    private let predicates: SchemaPredicates
    /// The files as the user knows them: relative to the project's root when they are below it.
    let fileNames: [String]
    /// The columns that are read: those of the file, and for JSON also those that the schema names.
    let columns: [Column]
    /// The columns of the result, in the file's order and then those that the file lacks.
    package let typedColumns: [(name: String, type: ColumnType, sql: String)]

    /// Compiles a schema for a file's columns.
    ///
    /// - Throws: ``ConfigError`` when the file lacks a required column or has one that the schema forbids. In JSON,
    ///   each row is judged by itself.
    package init(
        source: DataSource, schema: RowSchema, root: String, isStrict: Bool, stageLocation: SourceLocation
    ) throws(ConfigError) {
        sql = DuckDBDialect(zone: source.zone)
        self.source = source
        self.schema = schema
        // CSV has dates in the ways people write them; in JSON the format must be exact.
        predicates = SchemaPredicates(
            dialect: sql, isStrict: isStrict || source.isForeignJSON, namedTimes: source.namedTimes)
        fileNames = source.table.map { [$0.description] } ?? source.knownFiles.map { PathText.relative($0, to: root) }
        let files = fileNames.count == 1 ? fileNames[0] : "'\(source.dataset)'"
        if source.isForeignJSON {
            columns = try Self.jsonColumns(of: source, schema, files: files, at: stageLocation)
        } else {
            columns = source.columns
            try Self.checkColumns(columns.map(\.name), schema, files: files, at: stageLocation)
        }
        var typed: [(String, ColumnType, String)] = []
        for column in columns {
            let form = Self.form(of: column, in: source)
            let made = predicates.typed(column.name, schema.rules(of: column.name) ?? ValueRules(), form: form)
            typed.append((column.name, made.type, made.sql))
        }
        for property in schema.properties where !columns.contains(where: { $0.name == property.name }) {
            let type = property.rules.columnType
            typed.append((property.name, type, sql.cast("NULL", to: type)))
        }
        guard !typed.isEmpty else {
            throw ConfigError(
                "the rows of \(files) have no columns, and the schema names none", remedy: "name them in 'properties'",
                at: stageLocation)
        }
        typedColumns = typed
    }

    private static func checkColumns(
        _ names: [String], _ schema: RowSchema, files: String, at location: SourceLocation
    ) throws(ConfigError) {
        for required in schema.required where !names.contains(required) {
            let place = schema.properties.first { $0.name == required }?.location ?? location
            throw ConfigError(
                "\(files) has no column '\(required)', which the schema requires"
                    + Suggestion.phrase(for: required, among: names), at: place)
        }
        if schema.additional == .forbidden {
            let known = schema.properties.map(\.name)
            if let extra = names.first(where: { !known.contains($0) }) {
                throw ConfigError(
                    "\(files) has a column '\(extra)', which the schema does not allow",
                    remedy: "add it to 'properties', or allow 'additionalProperties'", at: location)
            }
        }
    }

    static func form(of column: Column, in source: DataSource) -> SchemaPredicates.Form {
        if source.isForeignJSON { return .json(column.type) }
        return source.format == .csv && !source.isOwn ? .text : .typed(column.type)
    }

    /// The type of a column in the relation.
    private static func type(of column: Column, in source: DataSource) -> ColumnType {
        form(of: column, in: source) == .typed(column.type) ? column.type : .text
    }

    /// The relation that is read, with named columns.
    private var from: String {
        source.isForeignJSON
            ? jsonRows
            : source.fromClause(
                sql, keepsRejects: source.canHoldBrokenLines, numbersFiles: source.files.count > 1)
    }

    /// The columns with rules.
    private var ruledColumns: [(column: Column, rules: ValueRules, isRequired: Bool)] {
        columns.compactMap { column in
            let isRequired = schema.required.contains(column.name)
            let rules = schema.rules(of: column.name) ?? (isRequired ? ValueRules() : nil)
            return rules.map { (column, $0, isRequired) }
        }
    }

    /// SQL that is true for a valid row, and false or null for an invalid one.
    var isValid: String {
        let conditions = ruledColumns.compactMap { column, rules, isRequired in
            predicates.isValid(
                column.name, rules, form: Self.form(of: column, in: source), isRequired: isRequired)
        }
        let all = (source.isForeignJSON ? objectConditions(internalName("json")) : []) + conditions
        guard all.isEmpty else { return all.joined(separator: "\n   AND ") }
        // Bytes that are invalid text are only found in columns that are read.
        return source.canHoldBrokenLines
            ? "len([\(columns.map { sql.name($0.name) }.joined(separator: ", "))]) > 0" : "TRUE"
    }

    private func isOfItem(_ partition: [String]) -> String? {
        let conditions = columns.filter { partition.contains($0.name) }.map { column in
            guard source.isForeignJSON else {
                return
                    "\(sql.name(column.name)) IS NOT DISTINCT FROM \(sql.variable(.item(column.name), as: column.type))"
            }
            return "(\(sql.name(column.name)) ->> '$') IS NOT DISTINCT FROM "
                + sql.variable(.item(column.name), as: .text)
        }
        guard !conditions.isEmpty else { return nil }
        let all = conditions.joined(separator: " AND ")
        // A malformed line belongs to no item, and each item reports it.
        return source.isForeignJSON ? "(\(isBrokenJSON(internalName("json"))) OR \(all))" : all
    }

    /// A name for an internal column that no column of the file has.
    func internalName(_ name: String) -> String {
        var name = name
        while columns.contains(where: { $0.name.lowercased() == name }) { name += "_" }
        return name
    }

    // MARK: - Statements

    /// Adds the statements that find the invalid rows and count all rows.
    ///
    /// - Parameter corrections: Files of corrected rows.
    package func addSearch(to script: inout SQLScript, partition: [String], corrections: [String] = []) {
        let isMany = source.files.count > 1
        let fields =
            source.isForeignJSON
            ? sql.cast(internalName("json"), to: .text)
            : columns.map { sql.shown(sql.name($0.name), Self.type(of: $0, in: source)) }.joined(separator: ", ")
        script.add(
            "scan the input; keep the fields of invalid rows only", weight: 10,
            "CREATE TEMP TABLE intake AS\nSELECT CASE WHEN \(isValid)\n       THEN NULL ELSE [\(fields)] END AS bad"
                + (isMany ? ",\n       CAST(file_index AS INTEGER) AS file" : "") + "\nFROM \(from)"
                + (isOfItem(partition).map { "\nWHERE \($0)" } ?? ""))
        let start = isMany ? "(SELECT min(other.rowid) FROM intake AS other WHERE other.file = intake.file)" : "0"
        let numbered =
            "(SELECT bad, " + (isMany ? "file" : "0 AS file") + ", rowid - \(start) + 1 AS ordinal\n"
            + "      FROM intake WHERE bad IS NOT NULL) AS numbered"
        if source.isForeignJSON {
            addBrokenJSON(to: &script, numbered: numbered)
            addInvalidJSON(to: &script, numbered: numbered)
        } else {
            addRejects(to: &script, isMany: isMany)
            addInvalid(to: &script, numbered: numbered)
        }
        let read =
            source.isForeignJSON
            ? "(SELECT count(*) FROM intake)" : "(SELECT count(*) FROM intake) + (SELECT count(*) FROM broken)"
        script.add("count the rows", OutputSQL.count("read", read))
        if !corrections.isEmpty { addCorrections(corrections, to: &script) }
        script.add("list every rule that is broken", violations)
        script.add("count the invalid rows", OutputSQL.count("invalid", "(SELECT count(*) FROM invalid)"))
        script.add("count the broken lines", OutputSQL.count("rejected", "(SELECT count(*) FROM broken)"))
        script.add(
            "count the lines that are not text",
            OutputSQL.count("odd", "(SELECT count(*) FROM broken WHERE contains(problem, 'invalid encoding'))"))
        script.add(
            "show the rules that are broken most",
            "SELECT 'violation' AS caudal, \"column\", rule, count(*) AS \"rows\", min(\"row\") AS \"row\", "
                + "arg_min(value, \"row\") AS value\nFROM violations\nGROUP BY \"column\", rule\n"
                + "ORDER BY \"rows\" DESC, \"column\" NULLS FIRST, rule\nLIMIT \(CheckResult.sampleLimit)")
    }

    private func addInvalid(to script: inout SQLScript, numbered: String) {
        let values = columns.enumerated().map { index, column in
            let value = "bad[\(index + 1)]"
            let typed = Self.form(of: column, in: source) == .text ? value : sql.cast(value, to: column.type)
            return "\(typed) AS \(sql.name(column.name))"
        }
        // An earlier malformed line shifts the row's number by one.
        script.add(
            "number the invalid rows as they stand in the file",
            "CREATE TEMP TABLE invalid AS\nSELECT file AS \(internalName("file")), ordinal + (SELECT count(*) FROM broken\n"
                + "         WHERE broken.file = numbered.file AND broken.\"row\" - broken.place < ordinal) AS "
                + "\(sql.name(internalName("row"))),\n       \(values.joined(separator: ",\n       "))\nFROM \(numbered)"
        )
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
        let torn = TornRow.sql(
            source.csv, line: "ltrim(min(csv_line), E'\\r\\n')",
            problem:
                "lower(string_agg(DISTINCT CAST(error_type AS VARCHAR), ', ' ORDER BY CAST(error_type AS VARCHAR)))",
            sql)
        script.add(
            "collect the lines that are no rows",
            "CREATE TEMP TABLE broken AS\nSELECT \(file) AS file, CAST(line AS BIGINT) - \(header) AS \"row\",\n"
                + "       row_number() OVER (PARTITION BY file_id ORDER BY line) AS place,\n"
                + "       \(torn.problem) AS problem,\n       \(torn.line) AS line\nFROM reject_errors\nGROUP BY file_id, line"
        )
        script.add("look for what cannot be put aside line by line", BrokenLines.question(of: source))
    }

    /// The fault that makes the file unreadable, from the results of the search; nil when each line is a row or
    /// quarantined.
    package func fault(in readings: DataReadings) -> Failure? { BrokenLines.fault(in: readings, files: fileNames) }

    /// The statement that lists each broken rule of each invalid row.
    private var violations: String {
        var cases: [String] = []
        for (column, rules, isRequired) in ruledColumns {
            let list = predicates.rules(
                column.name, rules, form: Self.form(of: column, in: source), isRequired: isRequired)
            for rule in list {
                let entry =
                    "{'column': \(sql.text(rule.column)), 'rule': \(sql.text(rule.label)), "
                    + "'value': \(sql.shown(sql.name(rule.column), Self.type(of: column, in: source)))}"
                cases.append("CASE WHEN \(rule.isBroken)\n           THEN \(entry) END")
            }
        }
        let fields = columns.map { column in
            let (name, type) = (sql.name(column.name), Self.type(of: column, in: source))
            return "\(sql.text(column.name)): \(type.isTime ? sql.shown(name, type) : name)"
        }.joined(separator: ", ")
        let raw = source.isForeignJSON ? internalName("json") : "CAST(to_json({\(fields)}) AS VARCHAR)"
        let broken =
            "SELECT file, \"row\", NULL AS \"column\", 'malformed line: ' || problem AS rule, NULL AS value, line AS raw\nFROM broken"
        let lists =
            (cases.isEmpty ? [] : ["[\n         \(cases.joined(separator: ",\n         "))\n       ]"])
            + (source.isForeignJSON ? objectViolations : [])
        guard !lists.isEmpty else { return "CREATE TEMP TABLE violations AS\n\(broken)" }
        // Internal names become plain ones where the columns of the file are not visible.
        return
            "CREATE TEMP TABLE violations AS\nSELECT file, \"row\", v.\"column\" AS \"column\", v.rule AS rule, "
            + "v.value AS value, raw\n"
            + "FROM (SELECT \(internalName("file")) AS file, \(sql.name(internalName("row"))) AS \"row\", \(raw) AS raw,\n"
            + "       unnest(\(lists.joined(separator: " || "))) AS v FROM invalid)\nWHERE v IS NOT NULL\nUNION ALL\n\(broken)"
    }

    /// The rows of the quarantine: one for each broken rule, in the file's order.
    package func quarantineQuery(partition: [String]) -> String {
        let names = fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }.joined(
            separator: " ")
        let file = source.files.isEmpty ? "NULL" : "CASE file \(names) END"
        return "SELECT \(file) AS file, \"row\", line, \"column\", rule, value, raw\n"
            + "FROM \(withLines("violations", isKnown: knowsLines(partition))) AS listed\nORDER BY listed.file, \"row\", \"column\" NULLS FIRST, rule"
    }

    /// The valid rows with their types.
    ///
    /// - Parameter isCorrected: Whether rows were corrected; valid corrections come after the other rows.
    package func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool = false) -> String {
        let list = typedColumns.map { sql.written(Column($0.name, $0.type), as: $0.sql, in: format) }
        let item = isOfItem(partition).map { "\n   AND \($0)" } ?? ""
        let selected = "SELECT \(list.joined(separator: ",\n       "))"
        let valid = "\(selected)\nFROM \(from)\nWHERE \(isValid)\(item)"
        guard isCorrected else { return valid }
        return "\(valid)\nUNION ALL\n\(selected)\nFROM corrected\nWHERE \(isValid)"
    }
}
