package import CaudalModel

/// One rule that a quarantined row broke; a row that broke several has as many of these.
package struct BrokenRule: Sendable {
    /// The file that the row came from, and its number there, counted from 1.
    package let file: String
    package let row: String
    /// The column; empty for a rule of the whole row and for a malformed line.
    package let column: String
    package let rule: String
    /// The value that broke the rule, or the whole row where no value did.
    package let value: String
}

/// Reads files of quarantined rows.
package struct QuarantineReader: Sendable {
    /// Asks the engine a question: a script, the files that it reads, the folders that it writes to.
    package typealias Question =
        @Sendable (SQLScript, _ reading: [String], _ writing: [String]) async throws(Failure) -> DataReadings

    private let files: [String]
    private let ask: Question
    private let sql: any SQLDialect

    /// - Parameters:
    ///   - files: Absolute paths of quarantine files, of one stage.
    ///   - sql: How the engine that is asked writes SQL.
    package init(_ files: [String], sql: any SQLDialect, ask: @escaping Question) {
        self.files = files
        self.sql = sql
        self.ask = ask
    }

    /// A row of a quarantine, as it comes back.
    private struct QuarantinedRow: Decodable {
        var file: String?
        var row: String?
        var column: String?
        var rule: String?
        var value: String?
        var raw: String?
    }

    /// The rules that the rows broke, in the order of the files.
    ///
    /// `limit`: at most so many.
    package func brokenRules(limit: Int) async throws(Failure) -> [BrokenRule] {
        var script = SQLScript(title: "quarantined rows")
        script.add("show them", .lines(.quarantined, "* FROM \(sql.quarantinedRows(files)) LIMIT \(max(0, limit))"))
        return try await ask(script, files, []).rows(.quarantined, as: QuarantinedRow.self).map { row in
            BrokenRule(
                file: row.file ?? "", row: row.row ?? "", column: row.column ?? "", rule: row.rule ?? "",
                value: row.value ?? row.raw ?? "")
        }
    }

    /// Writes the rows to a CSV file, to be corrected there: one line for each row, with the columns of the
    /// input; or with its text where the input is JSON, or the line is malformed.
    ///
    /// `source`: the input of the validate stage.
    /// - Throws: ``Failure`` when the rows cannot be read, the file cannot be written, or a column has the name of one that says
    ///   which row a line stands for.
    package func export(to file: String, columnsOf source: DataSource) async throws(Failure) {
        let own = [Intake.correctedFile, Intake.correctedRow, Intake.correctedRaw]
        if let taken = source.columnNames.first(where: { own.contains($0.lowercased()) }) {
            throw Failure(
                "'\(source.dataset)' has a column '\(taken)', as a file of corrections has, which would stand for two things",
                remedy: "give it another name in the input, or correct the rows there")
        }
        let isRow = "rule NOT LIKE 'malformed line%'"
        // Rows of JSON have keys and types of their own, which a cell of CSV cannot tell.
        let columns =
            source.isForeignJSON
            ? ["raw AS \(Intake.correctedJSON)"]
            : source.columnNames.map { name in
                "CASE WHEN \(isRow) THEN \(sql.value(of: name, inQuarantined: "raw")) END AS \(sql.name(name))"
            } + ["CASE WHEN NOT (\(isRow)) THEN raw END AS \(Intake.correctedRaw)"]
        let query =
            "SELECT DISTINCT file AS \(Intake.correctedFile), CAST(\"row\" AS BIGINT) AS \(Intake.correctedRow),\n       "
            + columns.joined(separator: ",\n       ") + "\nFROM \(sql.quarantinedRows(files))\nORDER BY 1, 2"
        var script = SQLScript(title: "rows to be corrected")
        script.add("write them", .write(query, to: SQLScript.OutputFile(file, .csv)))
        _ = try await ask(script, files, [PathText.folder(of: file)])
    }
}
