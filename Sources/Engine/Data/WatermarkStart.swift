package import CaudalModel

/// What becomes of rows below the greatest value of an output that came later than those it has.
package enum LateRows: String, Sendable, CaseIterable {
    /// The attempt fails.
    case fail
    /// They are added too.
    case add
    /// They are not read.
    case ignore
}

/// Where the rows of an input begin that an output does not have yet.
package struct WatermarkStart: Sendable, Hashable {
    /// The column by which they are told.
    package var column: Column
    /// The greatest value that the output has, as the engine writes it.
    package var greatest: String
    /// The value from which on rows are read, which may be smaller.
    package var start: String
    /// What becomes of rows before it; all but ``LateRows/ignore`` read every row.
    package var late: LateRows

    package init(column: Column, greatest: String, start: String, late: LateRows = .ignore) {
        self.column = column
        self.greatest = greatest
        self.start = start
        self.late = late
    }

    /// The greatest value in SQL.
    func greatestValue(_ sql: any SQLDialect) -> String { sql.cast(sql.text(greatest), to: column.type) }

    /// The condition for rows that are read, besides those without a value.
    func condition(_ sql: any SQLDialect) -> String {
        "\(sql.name(column.name)) >= \(sql.cast(sql.text(start), to: column.type))"
    }
}

extension RelationBuilder {
    /// Keeps the rows that are new to an output, and those of which nobody knows.
    mutating func restrict(from start: WatermarkStart) {
        add(
            "rows that are new", columns.map { sql.name($0.name) },
            "WHERE \(start.condition(sql)) OR \(sql.name(start.column.name)) IS NULL")
    }
}
