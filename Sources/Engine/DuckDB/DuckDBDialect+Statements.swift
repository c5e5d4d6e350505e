import CaudalModel

/// Scripts in the form that the `duckdb` program reads.
extension DuckDBDialect {
    package func sql(of kind: SQLScript.Kind) -> String {
        switch kind {
        case .run(let sql), .ownLines(let sql): sql
        case .lines(let rows, let sql): "SELECT \(rows.selected), \(sql)"
        case .measure(let name, let value):
            "SELECT \(RowKind.count.selected), '\(name.text)' AS name, CAST(\(value) AS BIGINT) AS value"
        case .columns(of: let relation, as: let rows):
            "SELECT \(rows.selected), column_name AS name, column_type AS type\nFROM (DESCRIBE \(relation))"
        case .write(let query, to: let file): "COPY (\n\(query)\n) TO \(text(file.path)) (\(options(file)))"
        case .table(let query, as: let name, ifMissing: let ifMissing):
            "CREATE TEMP TABLE \(ifMissing ? "IF NOT EXISTS " : "")\(name) AS\n\(query)"
        case .view(let query, as: let name, isNew: let isNew):
            "CREATE \(isNew ? "" : "OR REPLACE ")TEMP VIEW \(self.name(name)) AS\n\(query)"
        case .dropTable(let name): "DROP TABLE IF EXISTS temp.\(self.name(name))"
        case .note(let value, as: let name): "SET VARIABLE \(name) = \(value)"
        case .expect(let columns, of: let query): refusal(ofOtherColumnsThan: columns, in: query)
        }
    }

    package func noted(_ name: String) -> String { "getvariable('\(name)')" }

    package func noted(_ name: String, at place: Int) -> String { "getvariable('\(name)')[\(place + 1)]" }

    /// The options of `COPY` for a file; with them its result tells the number of rows written.
    private func options(_ file: SQLScript.OutputFile) -> String {
        var options: [String]
        switch file.format {
        case .parquet: options = ["FORMAT parquet", "RETURN_STATS true"]
        case .csv:
            options = ["FORMAT csv", "HEADER \(file.csv.hasHeader)", "RETURN_FILES true"]
            if let delimiter = file.csv.delimiter, delimiter != "," { options.append("DELIMITER \(text(delimiter))") }
            if let null = file.csv.nullTexts.first, null != "" { options.append("NULLSTR \(text(null))") }
            if (file.csv.quote, file.csv.escape) != ("\"", "\"") {
                options.append("QUOTE \(text(file.csv.quote)), ESCAPE \(text(file.csv.escape))")
            }
            // An empty text alone in its line would be a blank line, which is no row.
            if file.hasOneColumn, file.csv.nullTexts.first != "" { options.append("FORCE_QUOTE *") }
        case .json: options = ["FORMAT json", "ARRAY true", "RETURN_FILES true"]
        case .jsonl: options = ["FORMAT json", "RETURN_FILES true"]
        // No stage writes it: the rules of pipelines refuse it.
        case .xlsx: options = ["FORMAT xlsx"]
        }
        if file.format != .parquet, file.path.hasSuffix(".gz") { options.append("COMPRESSION gzip") }
        if file.format != .parquet, file.path.hasSuffix(".zst") { options.append("COMPRESSION zstd") }
        return options.joined(separator: ", ")
    }

    /// The statement that fails if a query returns other columns than were determined before the run.
    private func refusal(ofOtherColumnsThan columns: [Column], in query: String) -> String {
        let names = columns.map { text($0.name) }.joined(separator: ", ")
        let found = "list(column_name)"
        return
            "SELECT CASE WHEN \(found) <> [\(names)]::VARCHAR[] THEN error(chr(1) || 'the query gives the columns ' || "
            + "array_to_string(\(found), ', ') || ', and before it ran they were ' || array_to_string([\(names)]::VARCHAR[], ', ')) END AS refused\n"
            + "FROM (DESCRIBE (\n\(query)\n))"
    }

    // MARK: - The script

    package func text(of script: SQLScript, prelude: [String]) -> String {
        text(of: script, prelude: prelude, marksProgress: false)
    }

    /// `marksProgress`: whether a line `@@n` goes to the output before statement n, from 1.
    func text(of script: SQLScript, prelude: [String], marksProgress: Bool) -> String {
        var lines = ["-- \(Self.comment(script.title))"] + prelude
        if !script.variables.isEmpty {
            lines += ["", "-- Values"]
            for variable in script.variables {
                let text = variable.value.map(self.text)
                let value =
                    variable.type == .text && text != nil ? text ?? "" : cast(text ?? "NULL", to: variable.type)
                lines.append("SET VARIABLE \(name(Self.variableName(variable.reference))) = \(value);")
            }
        }
        for (index, statement) in script.statements.enumerated() {
            lines += ["", "-- \(index + 1). \(Self.comment(statement.title))"]
            if marksProgress { lines.append(".print @@\(index + 1)") }
            let sql = sql(of: statement.kind)
            // A line of user SQL that begins with a dot would be a command of the shell.
            let isShellCommand = sql.split(whereSeparator: \.isNewline).contains { $0.first == "." }
            lines.append(isShellCommand ? SQLText.indented(sql, by: 1) + ";" : sql + ";")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func comment(_ text: String) -> String { text.replacing(scalar: "\n", with: " ") }

    /// The place in the user's file of a byte of a statement, from 0; nil where it holds nothing of the user.
    func place(of offset: Int?, in statement: SQLScript.Statement) -> SourceLocation? {
        let sql = sql(of: statement.kind)
        guard let query = statement.query, let offset, let start = sql.firstRange(of: bound(query.value))?.lowerBound
        else { return statement.location }
        let before = sql.utf8.distance(from: sql.startIndex, to: start)
        return offset < before ? statement.location : query.place(of: offset - before)
    }
}
