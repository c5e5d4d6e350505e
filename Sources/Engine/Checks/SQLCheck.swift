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
            "SET VARIABLE \(data.measureName) = (SELECT CAST(count(*) AS BIGINT) FROM (\n"
                + "\(SQLText.bound(statement.value))\n))")
        script.add(
            "give the measure",
            "SELECT 'measures' AS caudal, getvariable('\(data.measureName)') AS \(data.measureName), "
                + "(SELECT CAST(count(*) AS BIGINT) FROM \(data.from())) AS \(data.totalName)")
    }

    func failingRows(_ data: CheckedData) -> FailingRows? {
        FailingRows(
            count: "getvariable('\(data.measureName)')",
            query: "\(data.sampleHead)NULL AS \"row\", json_keys(row) AS names,\n"
                + "       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$')"
                + " AS \"values\"\nFROM (SELECT to_json(failing) AS row FROM (\n"
                + "\(SQLText.bound(statement.value))\n) AS failing\nWHERE getvariable('found') > 0\n"
                + "LIMIT \(CheckResult.sampleLimit))")
    }

    func words(ofFailing rows: Double) -> String {
        rows == 0 ? "no failing rows" : "\(CheckText.counted(rows, "row")) returned"
    }

    func expectation(_ check: Check, _ limits: String) -> String { "the query returns no row" }
}
