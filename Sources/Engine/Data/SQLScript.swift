package import CaudalModel

/// The work of one attempt as statements for an engine, which writes each in its own SQL.
package struct SQLScript: Sendable {
    /// The position of a statement in its script, by which its results are found.
    package struct StatementID: Sendable, Hashable {
        /// Counted from 1.
        package let number: Int

        package init(number: Int) { self.number = number }
    }

    /// One statement.
    package struct Statement: Sendable {
        /// The purpose of the statement in a few words; shown as a comment above it and as progress while it runs.
        package var title: String
        package var kind: Kind
        /// Its share of the script's duration: a scan of the data counts as 10.
        package var weight: Double
        /// Where the user wrote the SQL in it; nil for SQL of Caudal.
        package var location: SourceLocation?
        /// The user's query that it contains unchanged, if any.
        package var query: Query?
    }

    /// What a statement is for.
    ///
    /// An engine may do each kind in another way than another engine: the SQL in it is written by the engine's dialect.
    package enum Kind: Sendable {
        /// SQL that is run unchanged; its rows are not read.
        case run(String)
        /// A query whose rows are results, all of one kind; the text after SELECT.
        case lines(RowKind, String)
        /// A query whose rows are results, each with its kind in a column, see ``RowKind/selected``.
        case ownLines(String)
        /// A query for a number, which is a result under its name.
        case measure(CountName, String)
        /// The columns of a relation, as results of a kind.
        case columns(of: String, as: RowKind)
        /// A query whose rows are written to a file; the number of rows is a result.
        case write(String, to: OutputFile)
        /// A query whose rows are kept in a table for later statements; the table's name is given as SQL.
        ///
        /// `ifMissing`: only if there is no such table.
        case table(String, as: String, ifMissing: Bool = false)
        /// A name for a query.
        ///
        /// `isNew`: whether the script has no such name yet.
        case view(String, as: String, isNew: Bool = true)
        /// Drops a table, if there is one of this name.
        case dropTable(String)
        /// A value for later statements, which read it by ``StatementDialect/noted(_:)``.
        case note(String, as: String)
        /// Fails if a query returns other columns than were determined before the run.
        case expect([Column], of: String)
    }

    /// A file that rows are written to.
    package struct OutputFile: Sendable {
        package var path: String
        package var format: Dataset.Format
        package var csv: CSVDialect
        package var hasOneColumn: Bool

        /// `columns`: how many columns the file gets, where that is known.
        package init(
            _ path: String, _ format: Dataset.Format, _ csv: CSVDialect = CSVDialect(), columns: Int? = nil
        ) {
            hasOneColumn = columns == 1
            self.path = path
            self.format = format
            self.csv = csv
        }
    }

    /// The purpose of the script, in a sentence.
    package var title: String
    /// Values that are bound: text, nil for none, and type.
    package private(set) var variables: [(reference: Template.Reference, value: String?, type: ColumnType)] = []
    package private(set) var statements: [Statement] = []

    package init(title: String) { self.title = title }

    /// Adds a statement.
    @discardableResult
    package mutating func add(
        _ title: String, weight: Double = 1, location: SourceLocation? = nil, _ kind: Kind
    ) -> StatementID {
        add(Statement(title: title, kind: kind, weight: weight, location: location))
    }

    /// Adds a statement that holds a query of the user as it is.
    package mutating func add(_ title: String, weight: Double = 1, holding query: Query, _ kind: Kind) {
        add(Statement(title: title, kind: kind, weight: weight, location: query.location, query: query))
    }

    /// Adds SQL that is run as it stands, without a semicolon at its end.
    package mutating func add(_ title: String, weight: Double = 1, location: SourceLocation? = nil, _ sql: String) {
        add(title, weight: weight, location: location, .run(sql))
    }

    /// Adds a statement of another script.
    @discardableResult
    package mutating func add(_ statement: Statement) -> StatementID {
        statements.append(statement)
        return StatementID(number: statements.count)
    }

    /// Gives a relation a dataset's name for user queries; an earlier definition of the name is replaced.
    package mutating func name(_ dataset: String, as relation: String) {
        // A table that an earlier part of the script, or the engine, needed for itself and that nothing asks for any more.
        if dataset.hasPrefix(Self.rejectPrefix) || statements.contains(where: { $0.makesTable(dataset) }) {
            add("make room for \(dataset)", weight: 0.1, .dropTable(dataset))
        }
        let isNew = !statements.contains { $0.makesView(dataset) }
        add("name \(dataset) for queries", weight: 0.1, .view(relation, as: dataset, isNew: isNew))
    }

    /// The names of the tables in which an engine collects the lines of a file that it cannot read.
    static let rejectPrefix = "reject_"

    /// Binds a value.
    ///
    /// - Parameter types: The types of references that are not text.
    package mutating func bind(
        _ reference: Template.Reference, _ value: String?, _ types: [Template.Reference: ColumnType]
    ) {
        if variables.contains(where: { $0.reference == reference }) { return }
        variables.append((reference, value, types[reference] ?? .text))
    }

    /// The completed fraction of the script when `fraction` of statement `index` (from 0) is done.
    package func fraction(statement index: Int, fraction: Double) -> Double {
        let total = statements.reduce(0) { $0 + $1.weight }
        guard total > 0, statements.indices.contains(index) else { return 0 }
        let before = statements[..<index].reduce(0) { $0 + $1.weight }
        return (before + statements[index].weight * fraction) / total
    }
}

extension SQLScript.Statement {
    fileprivate func makesTable(_ name: String) -> Bool {
        if case .table(_, as: name, ifMissing: _) = kind { true } else { false }
    }

    fileprivate func makesView(_ name: String) -> Bool {
        if case .view(_, as: name, isNew: _) = kind { true } else { false }
    }
}
