/// The columns that a check looks at, before anything runs.
struct CheckedColumns {
    let columns: [Column]
    /// The data of other datasets, as far as it is known; that which is checked among them.
    let others: [DatasetName: DataSource]

    /// The type of a column that is there.
    func type(of column: String) -> ColumnType { columns.first { $0.name == column }?.type ?? .text }
}

/// The data that one check looks at, as SQL: what its kind makes statements of.
struct CheckedData {
    let check: Check
    /// The place of the check in the list of checks.
    let index: Int
    let source: DataSource
    /// The data of foreign keys and of queries, by name; what is checked is among them.
    let others: [DatasetName: DataSource]
    let references: [Template.Reference: ColumnType]
    let sql: DuckDBDialect

    /// The name of what the check measures.
    var measureName: String { CheckCompiler.measureName(index) }
    /// The name of the number of rows that the check looks at.
    var totalName: String { CheckCompiler.totalName(index) }

    func type(of column: String) -> ColumnType { source.columns.first { $0.name == column }?.type ?? .text }

    func from(numbersRows: Bool = false) -> String { source.fromClause(sql, numbersRows: numbersRows) }

    // MARK: - Measuring

    /// What the check measures in one scan, and of how many rows.
    var measures: [String] {
        ["\(check.kind.measure(self)) AS \(measureName)", "CAST(\(rows()) AS BIGINT) AS \(totalName)"]
    }

    /// SQL for the number of rows that the check looks at and for which a condition holds.
    func rows(_ condition: String? = nil) -> String {
        // Of many conditions, counting where one is true takes a tenth less time than choosing the rows and counting them.
        filtered(condition).map { "coalesce(count_if(\($0)), 0)" } ?? "count(*)"
    }

    /// SQL for an aggregate over the rows that the check looks at and for which a condition holds.
    func aggregate(_ call: String, where condition: String? = nil) -> String {
        filtered(condition).map { "\(call) FILTER (WHERE \($0))" } ?? call
    }

    /// SQL for an aggregate that gives a number.
    func number(_ call: String) -> String {
        // As text, because JSON has no way to write what is not a number or infinite.
        sql.cast(sql.cast(aggregate(call), to: .number), to: .text)
    }

    private var filter: String? {
        check.filter.map { "(\(sql.expression($0.value, references: references, columns: source.columns)))" }
    }

    private func filtered(_ condition: String?) -> String? {
        let conditions = [filter, condition].compactMap { $0 }
        return conditions.isEmpty ? nil : conditions.joined(separator: " AND ")
    }

    /// Names `input` and the datasets that a query reads, whole and by their names.
    func name(for query: Query, in script: inout SQLScript) {
        let isZoned = ZonedView.isWanted(by: query.value.description)
        func list(_ source: DataSource) -> String { isZoned ? ZonedView.list(source.columns) : "*" }
        script.name(Query.inputName, as: "SELECT \(list(source)) FROM \(from())")
        for read in query.reads {
            guard let other = others[read.value] else { continue }
            script.name(read.value.rawValue, as: "SELECT \(list(other)) FROM \(other.fromClause(sql))")
        }
    }

    // MARK: - Divided checks

    /// The table of what a divided check measures.
    var partsName: String { sql.ownName("parts_\(index + 1)") }

    /// A query that gives one row for each part, and first one row for all: without that one the query did not run.
    func parts(by column: String) -> String {
        let name = sql.name(column)
        return "SELECT CASE WHEN GROUPING(\(name)) = 1 THEN 'parts' ELSE 'part' END AS caudal, \(index) AS \"check\", "
            + "CAST(\(name) AS VARCHAR) AS part, \(measures.joined(separator: ", "))\nFROM \(from())\n"
            + "GROUP BY GROUPING SETS ((\(name)), ())\n"
            + "ORDER BY GROUPING(\(name)) DESC, \(name) NULLS FIRST\nLIMIT \(CheckCompiler.partLimit + 2)"
    }

    // MARK: - Failing rows

    /// The rows that the check looks at and for which a condition holds.
    ///
    /// `count`: SQL for how many there are, where that is not what was measured.
    /// `order`: what they are sorted by before their numbers.
    func failingRows(where condition: String, count: String? = nil, order: [String] = []) -> FailingRows {
        let count = count ?? measureName
        let rows = "WHERE getvariable('found') > 0 AND \(filterPrefix)\(condition)"
        if let part = check.partitionBy {
            return FailingRows(
                count: "(SELECT max(\(count)) FROM \(partsName) WHERE caudal = 'part')",
                query: failingRows(ofEach: part, rows, order: order))
        }
        let sorted = order.isEmpty ? "" : "ORDER BY \(order.joined(separator: ", ")), \"row\"\n"
        return FailingRows(
            count: "(SELECT \(count) FROM \(CheckCompiler.measures))",
            query: "\(sampleHead)\(rowNumber) AS \"row\", \(sampleValues) AS \"values\"\n"
                + "FROM \(from(numbersRows: true))\n\(rows)\n\(sorted)LIMIT \(CheckResult.sampleLimit)")
    }

    /// A query for failing rows of each part: the first of every part come before the second of any, so that a part with
    /// many hides none with few.
    private func failingRows(ofEach part: String, _ rows: String, order: [String]) -> String {
        let names = ["row", "values", "part", "place"].map { sql.ownName("sample_\($0)") }
        let order = (order + [sql.name(DataSource.rowColumn)]).joined(separator: ", ")
        return "\(sampleHead)\(names[0]) AS \"row\", \(names[1]) AS \"values\", \(names[2]) AS part\n"
            + "FROM (SELECT \(rowNumber) AS \(names[0]), \(sampleValues) AS \(names[1]), "
            + "CAST(\(sql.name(part)) AS VARCHAR) AS \(names[2]),\n"
            + "             row_number() OVER (PARTITION BY \(sql.name(part)) ORDER BY \(order)) AS \(names[3])\n"
            + "      FROM \(from(numbersRows: true))\n      \(rows))\n"
            + "WHERE \(names[3]) <= \(CheckResult.sampleLimit)\n"
            + "ORDER BY \(names[3]), \(names[2]) NULLS FIRST\nLIMIT \(CheckCompiler.partLimit)"
    }

    /// The beginning of a query for failing rows.
    var sampleHead: String { "SELECT 'sample' AS caudal, \(index) AS \"check\", " }

    /// SQL for the condition of `where` before another one.
    var filterPrefix: String { filter.map { "\($0) AND " } ?? "" }

    /// The kept columns of a row as a list of texts.
    private var sampleValues: String {
        let columns = CheckCompiler.sampleColumns(of: check, among: source.columns)
        return "[\(columns.map { sql.shown(sql.name($0.name), $0.type) }.joined(separator: ", "))]"
    }

    /// The number of a row in the data, from 1.
    private var rowNumber: String { "CAST(\(sql.name(DataSource.rowColumn)) + 1 AS BIGINT)" }
}

/// How the rows that fail a check are found, once it is measured.
struct FailingRows {
    /// SQL for how many there are: they are looked for only where there are some.
    let count: String
    /// A query for some of them.
    let query: String
}
