import CaudalModel

/// Scripts as a person may run them with `spark-sql`; ``SparkJob`` is how the driver gets them.
extension SparkDialect {
    package func sql(of kind: SQLScript.Kind) -> String {
        switch kind {
        case .write(let query, to: let file):
            "INSERT OVERWRITE DIRECTORY \(text(file.path)) USING parquet\n\(query)"
        case .table(let query, as: let name, ifMissing: _): "CACHE TABLE \(name) AS\n\(query)"
        case .view(let query, as: let name, isNew: _):
            "CREATE OR REPLACE TEMP VIEW \(self.name(name)) AS\n\(query)"
        case .dropTable(let name): "DROP VIEW IF EXISTS \(self.name(name))"
        case .note(let value, as: let name): "SET VAR \(noted(name)) = \(value)"
        case .expect(_, of: let query): "DESCRIBE QUERY \(query)"
        case .run, .lines, .ownLines, .measure, .columns: query(of: kind) ?? ""
        }
    }

    /// The query that a statement is, whose rows are its results; nil for statements of other kinds.
    func query(of kind: SQLScript.Kind) -> String? {
        switch kind {
        case .run(let sql), .ownLines(let sql): sql
        case .lines(let rows, let sql): "SELECT \(rows.selected), \(sql)"
        case .measure(let name, let value):
            "SELECT \(RowKind.count.selected), '\(name.text)' AS name, CAST(\(value) AS BIGINT) AS value"
        case .columns(of: let relation, as: _):
            relation.hasPrefix("(") ? "SELECT * FROM \(relation)" : relation
        case .write, .table, .view, .dropTable, .note, .expect: nil
        }
    }

    package func noted(_ name: String) -> String { Self.variable(name) }

    package func noted(_ name: String, at place: Int) -> String { "\(Self.variable(name))[\(place)]" }

    package func text(of script: SQLScript, prelude: [String]) -> String {
        func comment(_ text: String) -> String { text.replacing(scalar: "\n", with: " ") }
        var lines = ["-- \(comment(script.title))"] + prelude
        if !script.variables.isEmpty {
            lines += ["", "-- Values"]
            lines += script.variables.map { declaration(of: $0.reference, $0.value, $0.type) + ";" }
        }
        for (index, statement) in script.statements.enumerated() {
            lines += ["", "-- \(index + 1). \(comment(statement.title))", sql(of: statement.kind) + ";"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The statement that gives the session a value.
    func declaration(of reference: Template.Reference, _ value: String?, _ type: ColumnType) -> String {
        let text = value.map(self.text) ?? "NULL"
        return
            "DECLARE OR REPLACE VARIABLE \(name(reference.variableName)) \(self.type(type)) DEFAULT CAST(\(text) AS \(self.type(type)))"
    }
}
