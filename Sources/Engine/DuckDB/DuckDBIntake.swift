import CaudalModel

/// Separates the rows that break a schema in one scan, which keeps the values of valid rows with their types, and the
/// fields of invalid rows as they were read.
///
/// Own files, which are Parquet in most cases, are scanned twice instead: to read their columns again costs less than to
/// keep them.
///
/// DuckDB itself collects malformed lines, in its tables of rejects.
struct DuckDBIntake: IntakeStatements {
    let intake: Intake
    let sql: DuckDBDialect

    init(_ intake: Intake, _ sql: DuckDBDialect) {
        self.intake = intake
        self.sql = sql
    }

    var source: DataSource { intake.source }
    var schema: RowSchema { intake.schema }
    var columns: [Column] { intake.columns }
    var fileNames: [String] { intake.fileNames }

    /// The relation that is read, with its columns under their names.
    private var from: String {
        source.isForeignJSON
            ? jsonRows
            : source.fromClause(
                sql, keepsRejects: source.canHoldBrokenLines, numbersFiles: source.files.count > 1)
    }

    /// SQL that is true for a valid row, and false or null for an invalid one.
    var isValid: String { isValid(intake.predicates) }

    private func isValid(_ predicates: SchemaPredicates) -> String {
        let conditions = intake.ruledColumns.compactMap { column, rules, isRequired in
            predicates.isValid(
                column.name, rules, form: Intake.form(of: column, in: source), isRequired: isRequired)
        }
        let all = (source.isForeignJSON ? objectConditions(internalName("json")) : []) + conditions
        guard all.isEmpty else { return all.joined(separator: "\n   AND ") }
        // Bytes that are no text are found only in columns that are looked at.
        return source.canHoldBrokenLines
            ? "len([\(columns.map { sql.name($0.name) }.joined(separator: ", "))]) > 0" : "TRUE"
    }

    /// Whether the scan keeps the values of valid rows.
    ///
    /// What a server or a program changes while it is read is then read as it was once.
    private var keepsValues: Bool {
        source.isForeignJSON || source.table != nil || source.format == .csv || source.format == .json
            || source.format == .jsonl
    }

    /// The values that the scan keeps, each with its name in the table.
    private var keptValues: [(column: String, name: String, sql: String)] {
        guard keepsValues else { return [] }
        return intake.typedColumns.enumerated().map { ($0.element.name, "v\($0.offset)", $0.element.sql) }
    }

    /// The values of text columns that the scan keeps with another type: a name and the SQL of each, by the column.
    private var castTexts: [String: (name: String, sql: String)] {
        let texts = columns.filter { Intake.form(of: $0, in: source) == .text }.map(\.name)
        let cast = keptValues.filter { texts.contains($0.column) && $0.sql != sql.name($0.column) }
        return Dictionary(uniqueKeysWithValues: cast.map { ($0.column, (internalName($0.name), $0.sql)) })
    }

    /// The query of the scan: the fields of each invalid row in `bad`, which is null for a valid one, and the values of
    /// valid rows.
    private func scan(_ fields: String, isMany: Bool, partition: [String]) -> String {
        let file = isMany ? ["CAST(file_index AS INTEGER) AS file"] : []
        let item = isOfItem(partition).map { "\nWHERE \($0)" } ?? ""
        let values = keptValues
        // A value of JSON has its type only where the row is valid; texts are tried, whatever they hold.
        guard source.isForeignJSON else {
            let casts = castTexts
            let predicates = intake.predicates.reading(typed: casts.mapValues(\.name))
            let kept = values.map { "\(casts[$0.column]?.name ?? $0.sql) AS \($0.name)" }
            let list = ["\(bad(fields, predicates)) AS bad"] + kept + file
            // Each text is cast once, below what judges it.
            let read = columns.map { sql.name($0.name) } + (isMany ? ["file_index"] : [])
            let typed = columns.compactMap { casts[$0.name].map { "\($0.sql) AS \($0.name)" } }
            let rows = "SELECT \((read + typed).joined(separator: ",\n       "))\nFROM \(from)\(item)"
            let all = typed.isEmpty ? "\(from)\(item)" : "(\(rows))"
            return "SELECT \(list.joined(separator: ",\n       "))\nFROM \(all)"
        }
        let isBad = internalName("bad")
        let list =
            ["\(isBad) AS bad"] + values.map { "CASE WHEN \(isBad) IS NULL THEN \($0.sql) END AS \($0.name)" } + file
        let judged = "(SELECT *, \(bad(fields, intake.predicates)) AS \(isBad)\nFROM \(from)\(item))"
        return "SELECT \(list.joined(separator: ",\n       "))\nFROM \(judged)"
    }

    /// The fields of an invalid row; null for a valid one.
    private func bad(_ fields: String, _ predicates: SchemaPredicates) -> String {
        "CASE WHEN \(isValid(predicates))\n       THEN NULL ELSE [\(fields)] END"
    }

    private func isOfItem(_ partition: [String]) -> String? {
        let conditions = columns.filter { partition.contains($0.name) }.map { column in
            guard source.isForeignJSON else { return sql.isOfItem(column) }
            return sql.isOfItem(column, writtenAs: "(\(sql.name(column.name)) ->> '$')")
        }
        guard !conditions.isEmpty else { return nil }
        let all = conditions.joined(separator: " AND ")
        // A broken line is of no item, and each of them tells of it.
        return source.isForeignJSON ? "(\(isBrokenJSON(internalName("json"))) OR \(all))" : all
    }

    /// A name for a column of our own beside those of the file.
    func internalName(_ name: String) -> String {
        var name = name
        while columns.contains(where: { $0.name.lowercased() == name }) { name += "_" }
        return name
    }

    // MARK: - Statements

    package func addSearch(to script: inout SQLScript, partition: [String], corrections: [String]) {
        let isMany = source.files.count > 1
        let fields =
            source.isForeignJSON
            ? sql.cast(internalName("json"), to: .text)
            : columns.map { sql.shown(sql.name($0.name), Intake.type(of: $0, in: source)) }.joined(separator: ", ")
        script.add(
            keepsValues ? "scan the input" : "scan the input, and keep the fields of invalid rows only",
            weight: keepsValues ? 15 : 10, .table(scan(fields, isMany: isMany, partition: partition), as: "intake"))
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
        script.add("count the rows", .measure(.read, read))
        if !corrections.isEmpty { addCorrections(corrections, to: &script) }
        script.add("list every broken rule of every row", violations)
        script.add("count the invalid rows", .measure(.invalid, "(SELECT count(*) FROM invalid)"))
        script.add("count the malformed lines", .measure(.rejected, "(SELECT count(*) FROM broken)"))
        script.add(
            "count the lines that are not in the file's encoding",
            .measure(
                .odd,
                "(SELECT count(*) FROM broken WHERE contains(problem, \(sql.text(TornRow.Problem.invalidEncoding.rawValue))))"
            ))
        script.add(
            "list the rules that most rows break",
            .lines(
                .violation,
                "\"column\", rule, count(*) AS \"rows\", min(\"row\") AS \"row\", "
                    + "arg_min(value, \"row\") AS value\nFROM violations\nGROUP BY \"column\", rule\n"
                    + "ORDER BY \"rows\" DESC, \"column\" NULLS FIRST, rule\nLIMIT \(CheckResult.sampleLimit)"))
    }

    private func addInvalid(to script: inout SQLScript, numbered: String) {
        let values = columns.enumerated().map { index, column in
            let value = "bad[\(index + 1)]"
            let typed = Intake.form(of: column, in: source) == .text ? value : sql.cast(value, to: column.type)
            return "\(typed) AS \(sql.name(column.name))"
        }
        // A broken line before a row moves the row's number up by one.
        script.add(
            "number the invalid rows as they stand in the file",
            .table(
                "SELECT file AS \(internalName("file")), ordinal + (SELECT count(*) FROM broken\n"
                    + "         WHERE broken.file = numbered.file AND broken.\"row\" - broken.place < ordinal) AS "
                    + "\(sql.name(internalName("row"))),\n       \(values.joined(separator: ",\n       "))\nFROM \(numbered)",
                as: "invalid"))
    }

    private func addRejects(to script: inout SQLScript, isMany: Bool) {
        guard source.canHoldBrokenLines else {
            script.add(
                "create an empty table of malformed lines, which such a file cannot have",
                .table(
                    "SELECT 0 AS file, 0 AS \"row\", 0 AS place, '' AS problem, '' AS line WHERE FALSE", as: "broken"))
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
            "collect the malformed lines",
            .table(
                "SELECT \(file) AS file, CAST(line AS BIGINT) - \(header) AS \"row\",\n"
                    + "       row_number() OVER (PARTITION BY file_id ORDER BY line) AS place,\n"
                    + "       \(torn.problem) AS problem,\n       \(torn.line) AS line\nFROM reject_errors\nGROUP BY file_id, line",
                as: "broken"))
        script.add("look for faults that cannot be quarantined line by line", sql.unreadableLines(of: source))
    }

    /// The statement that lists each broken rule of each invalid row.
    private var violations: SQLScript.Kind {
        var cases: [String] = []
        for (column, rules, isRequired) in intake.ruledColumns {
            let list = intake.predicates.rules(
                column.name, rules, form: Intake.form(of: column, in: source), isRequired: isRequired)
            for rule in list {
                let entry =
                    "{'column': \(sql.text(rule.column)), 'rule': \(sql.text(rule.label)), "
                    + "'value': \(sql.shown(sql.name(rule.column), Intake.type(of: column, in: source)))}"
                cases.append("CASE WHEN \(rule.isBroken)\n           THEN \(entry) END")
            }
        }
        let fields = columns.map { column in
            let (name, type) = (sql.name(column.name), Intake.type(of: column, in: source))
            return "\(sql.text(column.name)): \(type.isTime ? sql.shown(name, type) : name)"
        }.joined(separator: ", ")
        let raw = source.isForeignJSON ? internalName("json") : "CAST(to_json({\(fields)}) AS VARCHAR)"
        let broken =
            "SELECT file, \"row\", NULL AS \"column\", 'malformed line: ' || problem AS rule, NULL AS value, line AS raw\nFROM broken"
        let lists =
            (cases.isEmpty ? [] : ["[\n         \(cases.joined(separator: ",\n         "))\n       ]"])
            + (source.isForeignJSON ? objectViolations : [])
        guard !lists.isEmpty else { return .table(broken, as: "violations") }
        // Our own names become plain ones only where the columns of the file are out of sight.
        return .table(
            "SELECT file, \"row\", v.\"column\" AS \"column\", v.rule AS rule, "
                + "v.value AS value, raw\n"
                + "FROM (SELECT \(internalName("file")) AS file, \(sql.name(internalName("row"))) AS \"row\", \(raw) AS raw,\n"
                + "       unnest(\(lists.joined(separator: " || "))) AS v FROM invalid)\nWHERE v IS NOT NULL\nUNION ALL\n\(broken)",
            as: "violations")
    }

    package func quarantineQuery(partition: [String]) -> String {
        let names = fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }.joined(
            separator: " ")
        let file = source.files.isEmpty ? "NULL" : "CASE file \(names) END"
        return "SELECT \(file) AS file, \"row\", line, \"column\", rule, value, raw\n"
            + "FROM \(withLines("violations", isKnown: knowsLines(partition))) AS listed\nORDER BY listed.file, \"row\", \"column\" NULLS FIRST, rule"
    }

    package func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool) -> String {
        func selected(_ values: [String]) -> String {
            let list = zip(intake.typedColumns, values).map { column, value in
                sql.written(Column(column.name, column.type), as: value, in: format)
            }
            return "SELECT \(list.joined(separator: ",\n       "))"
        }
        let typed = selected(intake.typedColumns.map(\.sql))
        let item = isOfItem(partition).map { "\n   AND \($0)" } ?? ""
        let valid =
            keepsValues
            ? "\(selected(keptValues.map(\.name)))\nFROM intake\nWHERE bad IS NULL"
            : "\(typed)\nFROM \(from)\nWHERE \(isValid)\(item)"
        guard isCorrected else { return valid }
        return "\(valid)\nUNION ALL\n\(typed)\nFROM corrected\nWHERE \(isValid)"
    }
}
