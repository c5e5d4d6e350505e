import CaudalModel

/// The columns that a check looks at, before anything runs.
struct CheckedColumns {
    let columns: [Column]
    /// The data of other datasets, as far as it is known; including the checked dataset.
    let others: [DatasetName: DataSource]

    /// The type of an existing column.
    func type(of column: String) -> ColumnType { columns.first { $0.name == column }?.type ?? .text }
}

/// The data that one check looks at, as SQL from which its kind builds statements.
struct CheckedData {
    let check: Check
    /// The position of the check in the list of checks.
    let index: Int
    let source: DataSource
    /// The data of foreign keys and queries, by name; including the checked dataset, for keys that refer to itself.
    let others: [DatasetName: DataSource]
    let references: [Template.Reference: ColumnType]
    /// The dialect for times of the source's zone.
    let sql: any SQLDialect

    /// The name of the check's measure.
    var measureName: String { CheckCompiler.measureName(index) }
    /// The name of the number of rows that the check looks at.
    var totalName: String { CheckCompiler.totalName(index) }

    func type(of column: String) -> ColumnType { source.columns.first { $0.name == column }?.type ?? .text }

    func from(numbersRows: Bool = false) -> String { source.fromClause(sql, numbersRows: numbersRows) }

    // MARK: - Measuring

    /// The check's measure and its number of rows, for a scan.
    var measures: [String] {
        ["\(check.kind.measure(self)) AS \(measureName)", "CAST(\(rows()) AS BIGINT) AS \(totalName)"]
    }

    /// SQL for the number of rows that the check looks at and that satisfy a condition.
    func rows(_ condition: String? = nil) -> String {
        // With many conditions, `count_if` takes a tenth less time than filtering the rows and counting them.
        filtered(condition).map { "coalesce(count_if(\($0)), 0)" } ?? "count(*)"
    }

    /// SQL for an aggregate over the rows that the check looks at and that satisfy a condition.
    func aggregate(_ call: String, where condition: String? = nil) -> String {
        filtered(condition).map { "\(call) FILTER (WHERE \($0))" } ?? call
    }

    /// SQL for an aggregate that returns a number.
    func number(_ call: String) -> String {
        // As text, because JSON cannot represent NaN and infinity; and by way of the text, whose number is the nearest.
        sql.cast(sql.cast(sql.cast(aggregate(call), to: .text), to: .number), to: .text)
    }

    private var filter: String? {
        check.filter.map { "(\(sql.expression($0.value, references: references, columns: source.columns)))" }
    }

    /// SQL for the condition of `where` behind a FROM clause; empty without one.
    private var filterClause: String { filter.map { "\nWHERE \($0)" } ?? "" }

    private func filtered(_ condition: String?) -> String? {
        let conditions = [filter, condition].compactMap { $0 }
        return conditions.isEmpty ? nil : conditions.joined(separator: " AND ")
    }

    /// Defines `input`, the rows that the check looks at, and the datasets that a query reads, by their names.
    func name(for query: Query, in script: inout SQLScript) {
        script.name(Query.inputName, as: input(for: query))
        for read in query.reads {
            guard let other = others[read.value] else { continue }
            script.name(read.value.rawValue, as: "SELECT \(list(other, for: query)) FROM \(other.fromClause(sql))")
        }
    }

    /// The rows that a query of the user reads as its input.
    func input(for query: Query) -> String { "SELECT \(list(source, for: query)) FROM \(from())\(filterClause)" }

    private func list(_ source: DataSource, for query: Query) -> String {
        ZonedView.isWanted(by: query.value.description) ? ZonedView.list(source.columns, sql) : "*"
    }

    // MARK: - Divided checks

    /// The table with the measures of a divided check.
    var partsName: String { sql.ownName("parts_\(index + 1)") }

    /// A query with one row for each part that has rows to look at, preceded by one row for the whole: if that row is missing, the query did not
    /// run.
    func parts(by column: String) -> String {
        let name = sql.name(column)
        let kind = "CASE WHEN GROUPING(\(name)) = 1 THEN '\(RowKind.parts)' ELSE '\(RowKind.part)' END"
        return "SELECT \(kind) AS \(RowKind.field), \(index) AS \"check\", "
            + "\(sql.cast(name, to: .text)) AS part, \(measures.joined(separator: ", "))\nFROM \(from())\(filterClause)\n"
            + "GROUP BY GROUPING SETS ((\(name)), ())\n"
            + "ORDER BY GROUPING(\(name)) DESC, \(name) NULLS FIRST\nLIMIT \(CheckCompiler.partLimit + 2)"
    }

    // MARK: - Failing rows

    /// The rows that the check looks at and that satisfy a condition, which tells of each row by itself.
    ///
    /// - Parameter count: SQL for their number, if that is not the measure.
    func failingRows(where condition: String, count: String? = nil) -> FailingRows {
        let count = count ?? measureName
        if let part = check.partitionBy { return failingRows(ofEach: part, where: condition, count: count) }
        return .single(count: count, condition: condition)
    }

    /// The rows that the check looks at and that satisfy a condition about other rows.
    ///
    /// - Parameters:
    ///   - condition: The condition, for a relation that has these other rows.
    ///   - order: The sort order before the row number.
    func failingRows(order: [String], where condition: @escaping (_ from: String) -> String) -> FailingRows {
        if let part = check.partitionBy {
            return failingRows(ofEach: part, where: condition(from()), count: measureName, order: order)
        }
        return .repeated(count: measureName) { reach, isWanted in
            var (rows, others) = (from(numbersRows: true), from())
            if case .first(let limit) = reach {
                rows = "(SELECT * FROM \(rows) LIMIT (\(limit)))"
                others = "(SELECT * FROM \(others) LIMIT (\(limit)))"
            }
            return "SELECT \(sampleHead)\(rowNumber) AS \"row\", \(sampleValues) AS \"values\"\n"
                + "FROM \(rows)\nWHERE \(isWanted) AND \(filterPrefix)\(condition(others))\n"
                + "ORDER BY \(order.joined(separator: ", ")), \"row\"\nLIMIT \(CheckResult.sampleLimit)"
        }
    }

    /// A query for failing rows of each part: the first row of every part comes before the second of any, so that parts
    /// with few failing rows are shown too.
    private func failingRows(
        ofEach part: String, where condition: String, count: String, order: [String] = []
    ) -> FailingRows {
        let names = ["row", "values", "part", "place"].map { sql.ownName("sample_\($0)") }
        let order = (order + [sql.name(DataSource.rowColumn)]).joined(separator: ", ")
        let query =
            "\(sampleHead)\(names[0]) AS \"row\", \(names[1]) AS \"values\", \(names[2]) AS part\n"
            + "FROM (SELECT \(rowNumber) AS \(names[0]), \(sampleValues) AS \(names[1]), "
            + "\(sql.cast(sql.name(part), to: .text)) AS \(names[2]),\n"
            + "             row_number() OVER (PARTITION BY \(sql.name(part)) ORDER BY \(order)) AS \(names[3])\n"
            + "      FROM \(from(numbersRows: true))\n      WHERE \(hasFailingRows) AND \(filterPrefix)\(condition))\n"
            + "WHERE \(names[3]) <= \(CheckResult.sampleLimit)\n"
            + "ORDER BY \(names[3]), \(names[2]) NULLS FIRST\nLIMIT \(CheckCompiler.partLimit)"
        return .alone(
            count: "(SELECT max(\(count)) FROM \(partsName) WHERE \(RowKind.field) = '\(RowKind.part)')", query: query)
    }

    /// The beginning of what is selected of failing rows.
    var sampleHead: String { "\(index) AS \"check\", " }

    /// SQL that is true where the check found failing rows.
    var hasFailingRows: String { "\(sql.noted(CheckCompiler.found)) > 0" }

    /// SQL for the condition of `where`, to be followed by another condition.
    var filterPrefix: String { filter.map { "\($0) AND " } ?? "" }

    /// The kept columns of a row, as a list of texts.
    var sampleValues: String {
        let columns = CheckCompiler.sampleColumns(of: check, among: source.columns)
        return sql.list(columns.map { sql.shown(sql.name($0.name), $0.type) })
    }

    /// The number of a row in the data, from 1.
    var rowNumber: String {
        // What several tasks write has no order before it is one file.
        sql.keepsOrder ? "CAST(\(sql.name(DataSource.rowColumn)) + 1 AS BIGINT)" : "CAST(NULL AS BIGINT)"
    }
}
