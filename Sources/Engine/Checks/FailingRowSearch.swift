import CaudalModel

/// How the failing rows of a check are found, once it has been measured.
enum FailingRows {
    /// One condition tells of each row.
    ///
    /// `count`: SQL for the number of failing rows, over the columns of the table of measures.
    case single(count: String, condition: String)
    /// A row fails because of other rows: a query for the rows, each with the place of the check, its number and its values,
    /// in the order in which they are shown.
    ///
    /// `count`: as for single rows.
    case repeated(count: String, query: (_ reach: Reach, _ condition: String) -> String)
    /// The check has a query of its own: what stands behind SELECT.
    ///
    /// `count`: SQL for the number of failing rows; they are looked for only if there are any.
    case alone(count: String, query: String)

    /// How far a query looks.
    enum Reach {
        /// Through all rows.
        case all
        /// Through so many of the first rows; SQL.
        case first(String)
    }

    /// SQL for the number of failing rows.
    var count: String {
        switch self {
        case .single(let count, _), .repeated(let count, _), .alone(let count, _): count
        }
    }
}

/// Looks for the failing rows of all checks of one dataset together.
///
/// Where many rows fail, enough of them stand among the first, and only those are read. What is not found there is looked
/// for among all rows: in one reading for all checks of single rows, in one for each check of repeated rows. Where nothing
/// fails, nothing is read.
struct FailingRowSearch {
    /// The checks that have failing rows.
    private let checks: [(data: CheckedData, rows: FailingRows)]
    /// Those that are searched together; their places count in what is noted.
    private let together: [(data: CheckedData, rows: FailingRows)]
    private let source: DataSource
    private let sql: any SQLDialect

    init(_ checks: [CheckedData], in source: DataSource, _ sql: any SQLDialect) {
        self.checks = checks.compactMap { data in data.check.kind.failingRows(data).map { (data, $0) } }
        together = self.checks.filter { if case .alone = $0.rows { false } else { true } }
        self.source = source
        self.sql = sql
    }

    /// What is noted for each check: how many of the first rows are looked through, and whether all rows are.
    private static let (near, far) = ("near", "far")

    private var table: String { sql.ownName("failing") }

    /// Adds the statements to a script, after those that measure the checks.
    func add(to script: inout SQLScript) {
        if !sql.keepsOrder {
            addWhole(to: &script)
        } else if !together.isEmpty {
            addFirst(to: &script)
            addOthers(to: &script)
        }
        let inputs = Set(checks.compactMap { check in check.data.check.kind.query.map(check.data.input) })
        for (data, rows) in checks {
            guard case .alone(let count, let query) = rows else { continue }
            let id = data.check.id
            // The name of the input stands for what the last query was to read.
            if inputs.count > 1, let own = data.check.kind.query { data.name(for: own, in: &script) }
            script.add("note how many rows fail \(id)", weight: 0.1, .note(count, as: CheckCompiler.found))
            script.add("rows that fail \(id), if there are any", weight: 0.5, .lines(.sample, query))
        }
    }

    /// Looks for the failing rows of each check in all of its rows, where its measurement says that there are any.
    private func addWhole(to script: inout SQLScript) {
        for (data, rows) in together {
            let wanted = "(SELECT \(rows.count) > 0 FROM \(CheckCompiler.measures(sql)))"
            let query: String
            switch rows {
            case .alone: continue
            case .repeated(_, let rows): query = "\"check\", \"row\", \"values\"\nFROM (\(rows(.all, wanted)))"
            case .single(_, let condition):
                query =
                    "\(data.sampleHead)\(data.rowNumber) AS \"row\", \(data.sampleValues) AS \"values\"\n"
                    + "FROM \(source.fromClause(sql, numbersRows: true))\nWHERE \(wanted) AND \(data.filterPrefix)(\(condition))\n"
                    + "ORDER BY \(sql.name(DataSource.rowColumn))\nLIMIT \(CheckResult.sampleLimit)"
            }
            script.add("find the rows that fail \(data.check.id), if there are any", weight: 2, .lines(.sample, query))
        }
    }

    // MARK: - The first rows

    private func addFirst(to script: inout SQLScript) {
        let reaches = together.map { reach($0.rows) }
        let list = sql.list(reaches + ["greatest(0, \(reaches.joined(separator: ", ")))"])
        script.add(
            "note how many of the first rows to search for failing ones", weight: 0.1,
            .note("(SELECT \(list)\nFROM \(CheckCompiler.measures(sql)))", as: Self.near))
        var queries: [String] = []
        let furthest = "coalesce(\(sql.noted(Self.near, at: together.count)), 0)"
        let rows = "(SELECT * FROM \(source.fromClause(sql, numbersRows: true)) LIMIT (\(furthest)))"
        if let singles = singles(in: rows, { "\(sql.noted(Self.near, at: $0)) > \(sql.name(DataSource.rowColumn))" }) {
            queries.append(singles)
        }
        for (place, check) in together.enumerated() {
            guard case .repeated(_, let query) = check.rows else { continue }
            let reach = sql.noted(Self.near, at: place)
            queries.append(
                "SELECT \"check\", \"row\", row_number() OVER () AS place, \"values\"\n"
                    + "FROM (\(query(.first("coalesce(\(reach), 0)"), "\(reach) > 0")))")
        }
        script.add(
            "find failing rows among the first rows, where many fail",
            .table(queries.joined(separator: "\nUNION ALL\n"), as: table))
        script.add(
            "create an empty table of failing rows if that failed", weight: 0.1,
            .table(
                "SELECT 0 AS \"check\", 0 AS \"row\", 0 AS place, \(sql.list(["''"])) AS \"values\"\nWHERE FALSE",
                as: table, ifMissing: true))
    }

    /// SQL for how many of the first rows surely hold enough failing ones, if those are spread evenly; 0 where that is more
    /// than a quarter of all.
    private func reach(_ rows: FailingRows) -> String {
        let (count, limit) = (rows.count, CheckResult.sampleLimit)
        let (fewest, reach): (Int, String) =
            switch rows {
            // Twice as many as are kept.
            case .single: (8 * limit, "\"rows\" * \(2 * limit) / (\(count))")
            // Of a share of all rows, the square of it repeats a key within the share.
            case .repeated, .alone: (24 * limit, "\"rows\" * sqrt(\(1.5 * Double(limit)) / (\(count)))")
            }
        return "CASE WHEN \(count) >= \(fewest) THEN \(sql.cast(reach, to: .integer)) ELSE 0 END"
    }

    // MARK: - The others

    private func addOthers(to script: inout SQLScript) {
        let missing = together.map { check in
            let found = "(SELECT count(*) FROM \(table) WHERE \"check\" = \(check.data.index))"
            let count = check.rows.count
            return "CASE WHEN \(count) > 0 AND \(found) < least(\(count), \(CheckResult.sampleLimit)) THEN 1 ELSE 0 END"
        }
        script.add(
            "note which checks have their failing rows elsewhere", weight: 0.1,
            .note("(SELECT \(sql.list(missing))\nFROM \(CheckCompiler.measures(sql)))", as: Self.far))
        let isFar = { (place: Int) in "\(sql.noted(Self.far, at: place)) > 0" }
        let isComplete = together.enumerated().map { "\"check\" = \($1.data.index) AND NOT \(isFar($0))" }
        script.add(
            "list the failing rows among the first rows", weight: 0.1,
            .lines(
                .sample,
                "\"check\", \"row\", \"values\"\nFROM \(table)\nWHERE \(isComplete.joined(separator: "\n   OR "))\n"
                    + "ORDER BY \"check\", place"))
        if let singles = singles(in: source.fromClause(sql, numbersRows: true), isFar) {
            script.add(
                "find the failing rows among all rows, if there are any", weight: 2,
                .lines(.sample, "\"check\", \"row\", \"values\"\nFROM (\(singles))\nORDER BY \"check\", place"))
        }
        for (place, check) in together.enumerated() {
            guard case .repeated(_, let query) = check.rows else { continue }
            script.add(
                "find the rows that fail \(check.data.check.id) among all rows, if there are any", weight: 2,
                .lines(.sample, "\"check\", \"row\", \"values\"\nFROM (\(query(.all, isFar(place))))"))
        }
    }

    /// The failing rows of all checks of single rows, from one reading; nil without such a check.
    ///
    /// - Parameters:
    ///   - rows: What is read; its rows have numbers.
    ///   - isWanted: SQL that is true where rows are looked for, by the place of the check.
    private func singles(in rows: String, _ isWanted: (Int) -> String) -> String? {
        let names = ["check", "row", "values"].map { sql.ownName("sample_\($0)") }
        var (indices, values, conditions): ([String], [String], [String]) = ([], [], [])
        for (place, check) in together.enumerated() {
            guard case .single(_, let condition) = check.rows else { continue }
            let fails = "\(isWanted(place)) AND \(check.data.filterPrefix)(\(condition))"
            indices.append("\(check.data.index)")
            values.append("CASE WHEN \(fails)\n            THEN \(check.data.sampleValues) END")
            conditions.append("(\(fails))")
        }
        guard let first = checks.first(where: { if case .single = $0.rows { true } else { false } }) else { return nil }
        return
            "SELECT \(names[0]) AS \"check\", \(names[1]) AS \"row\", \(names[1]) AS place, \(names[2]) AS \"values\"\n"
            + "FROM (SELECT \(sql.spread(indices)) AS \(names[0]), \(first.data.rowNumber) AS \(names[1]),\n"
            + "       \(sql.spread(values)) AS \(names[2])\n"
            + "FROM \(rows)\nWHERE \(conditions.joined(separator: "\n   OR ")))\n"
            + "WHERE \(names[2]) IS NOT NULL\n"
            + "QUALIFY row_number() OVER (PARTITION BY \(names[0]) ORDER BY \(names[1])) <= \(CheckResult.sampleLimit)"
    }
}
