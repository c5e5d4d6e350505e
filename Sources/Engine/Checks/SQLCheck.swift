import CaudalModel

/// `sql`: a query that returns the failing rows.
struct SQLCheck: RowCheck {
    static let typeName = "sql"
    private var statement: Query

    var query: Query? {
        get { statement }
        set { statement = newValue ?? statement }
    }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [SQLCheck] {
        guard case .scalar(let text, _) = subject.node.content, !text.isEmpty else {
            reader.problems.report("'sql' needs a query, not \(subject.node.kindName)", at: subject.node.location)
            return []
        }
        return reader.problems.query(Located(text, at: subject.node.location), hasInput: true)
            .map { [SQLCheck(statement: $0)] } ?? []
    }

    static func insteadOfParts(by column: String) -> String? { "group by '\(column)' in the query" }

    var sharesScan: Bool { false }

    /// Nothing is measured in the shared scan.
    func measure(_ data: CheckedData) -> String { "0" }

    func addMeasure(_ data: CheckedData, _ script: inout SQLScript) {
        data.name(for: statement, in: &script)
        script.add(
            "check \(data.check.id)", weight: 3, holding: statement,
            .note(
                "(SELECT CAST(count(*) AS BIGINT) FROM (\n\(data.sql.bound(statement.value))\n))", as: data.measureName)
        )
        script.add(
            "list the measurement",
            .lines(
                .measures,
                "\(data.sql.noted(data.measureName)) AS \(data.measureName), "
                    + "(SELECT CAST(\(data.rows()) AS BIGINT) FROM \(data.from())) AS \(data.totalName)"))
    }

    func failingRows(_ data: CheckedData) -> FailingRows? {
        let rows = data.sql.namedValues(
            ofQuery: data.sql.bound(statement.value), where: data.hasFailingRows, limit: CheckResult.sampleLimit,
            names: "names", values: "\"values\"")
        return .alone(
            count: data.sql.noted(data.measureName), query: "\(data.sampleHead)NULL AS \"row\", \(rows)")
    }

    func words(ofFailing rows: Double) -> String {
        rows == 0 ? "no failing rows" : "\(CheckText.counted(rows, "row")) returned"
    }

    func expectation(_ check: Check, _ limits: String) -> String {
        "the query returns no row" + check.filterWords
    }
}
