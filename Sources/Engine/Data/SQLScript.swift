/// The SQL of one attempt, statement by statement, which a user can read and run with the plain `duckdb` program.
package struct SQLScript: Sendable {
    /// One statement.
    package struct Statement: Sendable {
        /// The purpose of the statement in a few words; shown as a comment above it and as progress while it runs.
        package var title: String
        package var sql: String
        /// Its duration relative to other statements: a scan of the data counts as 10.
        package var weight: Double
        /// Where the user wrote the SQL in it; nil for SQL of Caudal.
        package var location: SourceLocation?
        /// The user's query that it contains unchanged, if any.
        package var query: Query?

        /// The place in the user's file of a byte of the statement, counted from 0; nil for SQL of Caudal.
        package func place(of offset: Int?) -> SourceLocation? {
            guard let query, let offset, let start = sql.firstRange(of: SQLText.bound(query.value))?.lowerBound else {
                return location
            }
            let before = sql.utf8.distance(from: sql.startIndex, to: start)
            return offset < before ? location : query.place(of: offset - before)
        }
    }

    /// The purpose of the script, in a sentence.
    package var title: String
    /// Bound values: name, text (nil for null), and type.
    package var variables: [(name: String, value: String?, type: ColumnType)] = []
    package private(set) var statements: [Statement] = []

    package init(title: String) { self.title = title }

    /// Adds a statement, without a semicolon at its end.
    package mutating func add(_ title: String, weight: Double = 1, location: SourceLocation? = nil, _ sql: String) {
        statements.append(Statement(title: title, sql: sql, weight: weight, location: location))
    }

    /// Adds a statement that contains a user's query unchanged.
    package mutating func add(_ title: String, weight: Double = 1, holding query: Query, _ sql: String) {
        statements.append(Statement(title: title, sql: sql, weight: weight, location: query.location, query: query))
    }

    /// Gives a relation a dataset's name for user queries; an earlier definition of the name is replaced.
    package mutating func name(_ dataset: String, as relation: String) {
        let name = DuckDBDialect().name(dataset)
        // A table that an earlier part of the script needed and no longer uses.
        if statements.contains(where: { $0.sql.contains("TABLE \(dataset) AS") }) || dataset.hasPrefix("reject_") {
            add("make room for \(dataset)", weight: 0.1, "DROP TABLE IF EXISTS temp.\(name)")
        }
        let isNew = !statements.contains { $0.sql.contains("VIEW \(name) AS") }
        add(
            "name \(dataset) for queries", weight: 0.1,
            "CREATE \(isNew ? "" : "OR REPLACE ")TEMP VIEW \(name) AS\n\(relation)")
    }

    /// Binds a value.
    ///
    /// - Parameter types: The types of references that are not text.
    package mutating func bind(
        _ reference: Template.Reference, _ value: String?, _ types: [Template.Reference: ColumnType]
    ) {
        let name = DuckDBDialect.variableName(reference)
        if variables.contains(where: { $0.name == name }) { return }
        variables.append((name, value, types[reference] ?? .text))
    }

    /// The text of the script.
    ///
    /// - Parameters:
    ///   - prelude: Settings before the script, one on each line.
    ///   - marksProgress: Whether to print a line `@@n` before statement n, from 1.
    package func text(prelude: [String], marksProgress: Bool) -> String {
        let dialect = DuckDBDialect()
        var lines = ["-- \(Self.comment(title))"] + prelude
        if !variables.isEmpty {
            lines += ["", "-- Values"]
            for variable in variables {
                let text = variable.value.map(dialect.text)
                let value =
                    variable.type == .text && text != nil
                    ? text ?? "" : dialect.cast(text ?? "NULL", to: variable.type)
                lines.append("SET VARIABLE \(dialect.name(variable.name)) = \(value);")
            }
        }
        for (index, statement) in statements.enumerated() {
            lines += ["", "-- \(index + 1). \(Self.comment(statement.title))"]
            if marksProgress { lines.append(".print @@\(index + 1)") }
            // A line of user SQL that begins with a dot would be a command of the shell.
            let isShellCommand = statement.sql.split(separator: "\n").contains { $0.first == "." }
            lines.append(isShellCommand ? SQLText.indented(statement.sql, by: 1) + ";" : statement.sql + ";")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func comment(_ text: String) -> String { text.replacing("\n", with: " ") }

    /// The progress of the script when statement `index` (from 0) has progressed to `fraction`.
    package func fraction(statement index: Int, fraction: Double) -> Double {
        let total = statements.reduce(0) { $0 + $1.weight }
        guard total > 0, statements.indices.contains(index) else { return 0 }
        let before = statements[..<index].reduce(0) { $0 + $1.weight }
        return (before + statements[index].weight * fraction) / total
    }
}
