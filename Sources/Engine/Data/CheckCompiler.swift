/// Compiles the checks of one dataset to SQL: one scan for all that can share it, one statement for each of the rest.
///
/// What comes back is judged by ``CheckJudge``. Rows that fail are looked for only where a check found some.
package struct CheckCompiler {
    private let sql: DuckDBDialect
    private let source: DataSource
    private let checks: [Check]
    private let references: [Template.Reference: ColumnType]
    /// The data of foreign keys and of queries, by name; what is checked is among them, for keys into itself.
    private let others: [DatasetName: DataSource]

    package init(
        source: DataSource, checks: [Check], references: [Template.Reference: ColumnType],
        others: [DatasetName: DataSource]
    ) {
        sql = DuckDBDialect(zone: source.zone)
        self.source = source
        self.checks = checks
        self.references = references
        self.others = others.merging([source.dataset: source]) { $1 }
    }

    /// How many columns of a failing row are kept.
    private static let sampleColumnLimit = 24

    /// The columns of a failing row that are kept: first those that a check is about, then the others in their order.
    static func sampleColumns(of check: Check, among columns: [Column]) -> [Column] {
        var named = check.kind.columns
        let further = (check.filter?.value.columns ?? []) + (check.partitionBy.map { [$0] } ?? [])
        for name in further where !named.contains(name) { named.append(name) }
        let about = named.compactMap { name in columns.first { $0.name == name } }
        let others = columns.filter { !named.contains($0.name) }
        return about + others.prefix(max(0, sampleColumnLimit - about.count))
    }

    // MARK: - Faults that need no data

    /// What is wrong with the checks for these columns, each with its place; found before anything runs.
    ///
    /// `others`: the data of foreign keys, as far as it is known; that which is checked among them.
    package static func faults(
        of checks: [Check], columns: [Column], references: [Template.Reference: ColumnType],
        others: [DatasetName: DataSource] = [:]
    ) -> [ConfigError] {
        checks.compactMap { fault(of: $0, columns: columns, references: references, others) }
    }

    private static func fault(
        of check: Check, columns: [Column], references: [Template.Reference: ColumnType],
        _ others: [DatasetName: DataSource]
    ) -> ConfigError? {
        let names = columns.map(\.name)
        for name in check.kind.columns + (check.partitionBy.map { [$0] } ?? []) where !names.contains(name) {
            return ConfigError(
                "check '\(check.id)' names a column '\(name)' that is not there"
                    + Suggestion.phrase(for: name, among: names),
                at: check.location)
        }
        if let filter = check.filter {
            do throws(ExpressionFault) {
                guard try ExpressionTyping(columns: columns, references: references).type(of: filter.value) == .boolean
                else { return ConfigError("'where' must be true or false for each row", at: filter.location) }
            } catch {
                return ConfigError(error.message, remedy: error.remedy, at: filter.location.advanced(by: error.offset))
            }
        }
        func type(_ name: String) -> ColumnType { columns.first { $0.name == name }?.type ?? .text }
        if case .foreignKey(let column, let dataset, let key) = check.kind, let other = others[dataset.value] {
            guard let target = other.columns.first(where: { $0.name == key }) else {
                return ConfigError(
                    "'\(dataset.value)' has no column '\(key)'" + Suggestion.phrase(for: key, among: other.columnNames),
                    at: check.location)
            }
            if DuckDBDialect().comparable(("", type(column)), ("", target.type)) == nil {
                return ConfigError(
                    "check '\(check.id)' looks up '\(column)', which is \(type(column)), in '\(key)' of "
                        + "'\(dataset.value)', which is \(target.type)",
                    remedy: "cast one of them in a process stage", at: check.location)
            }
        }
        let numeric: String?
        switch check.kind {
        case .sum(let column), .mean(let column): numeric = column
        case .anomaly(.sum(let column), _), .anomaly(.mean(let column), _): numeric = column
        default: numeric = nil
        }
        if let numeric, !type(numeric).isNumeric {
            return ConfigError(
                "check '\(check.id)' needs a number, and '\(numeric)' is \(type(numeric))",
                remedy: "cast it in a process stage", at: check.location)
        }
        if case .acceptedValues(let column, let values) = check.kind,
            let misfit = values.first(where: { WrittenValue($0, as: type(column), DuckDBDialect()) == nil })
        {
            return ConfigError(
                "check '\(check.id)' accepts '\(misfit)', which is no \(type(column)), and '\(column)' is",
                remedy: "write a value of that type", at: check.location)
        }
        if case .range(let column) = check.kind {
            let isNumeric = type(column).isNumeric
            let isTime = type(column).isTime
            for bound in [check.values.min, check.values.max].compactMap({ $0 }) {
                let fits = isNumeric ? bound.type?.isNumeric == true : !isTime || bound.type?.isNumeric == false
                if fits { continue }
                return ConfigError(
                    "check '\(check.id)' compares '\(column)', which is \(type(column)), with '\(bound.words)'",
                    remedy: isTime ? "write a date such as 2026-11-23" : "write a number", at: check.location)
            }
        }
        return nil
    }

    // MARK: - Statements

    /// The name of a check's measure in the results: `m` and its place in the list.
    package static func measureName(_ index: Int) -> String { "m\(index)" }
    /// The name of the number of rows a check looked at.
    package static func totalName(_ index: Int) -> String { "t\(index)" }

    /// Adds the statements to a script.
    ///
    /// Nothing of them is needed to make the data: they come after it, and one that fails harms no other.
    package func add(to script: inout SQLScript) {
        let shared = Self.shared(checks)
        for index in checks.indices { addKnownKeys(index, to: &script) }
        addScan(shared, to: &script)
        for index in checks.indices where !shared.contains(index) { addAlone(index, to: &script) }
        for index in checks.indices { addSamples(index, to: &script) }
    }

    /// The checks that are measured in one scan.
    static func shared(_ checks: [Check]) -> [Int] {
        checks.indices.filter { isShared(checks[$0]) && checks[$0].partitionBy == nil }
    }

    private static let scanned = "caudal_scanned"

    private static func isShared(_ check: Check) -> Bool {
        if case .sql = check.kind { false } else { true }
    }

    private func from(numbersRows: Bool = false) -> String { source.fromClause(sql, numbersRows: numbersRows) }

    private func addScan(_ indices: [Int], to script: inout SQLScript) {
        var list = ["CAST(count(*) AS BIGINT) AS \"rows\""]
        for index in indices { list += measures(index) }
        script.add(
            "measure \(indices.count.counted("check")) in one scan", weight: 10,
            "CREATE TEMP TABLE \(Self.measures) AS\nSELECT \(list.joined(separator: ",\n       "))\nFROM \(from())")
        // When one check cannot be computed, the scan of all of them fails: then each is computed alone. What follows
        // must not fail for want of the table, or its errors would be taken for those of checks.
        let names = indices.map { "NULL AS \(Self.measureName($0)), NULL AS \(Self.totalName($0))" }
        script.add(
            "if the scan failed, there are no measures", weight: 0.1,
            "CREATE TEMP TABLE IF NOT EXISTS \(Self.measures) AS\nSELECT \((["NULL AS \"rows\""] + names).joined(separator: ", "))\n"
                + "WHERE FALSE")
        script.add("give the measures", "SELECT 'measures' AS caudal, *\nFROM \(Self.measures)")
        guard indices.count > 1 else { return }
        script.add(
            "note whether the scan went well", "SET VARIABLE \(Self.scanned) = (SELECT count(*) FROM \(Self.measures))")
        for index in indices {
            script.add(
                "check \(checks[index].id), alone if the scan failed", weight: 0.1,
                "SELECT 'measures' AS caudal, *\nFROM (SELECT CAST(count(*) AS BIGINT) AS \"rows\", "
                    + "\(measures(index).joined(separator: ", "))\nFROM \(from())\nWHERE getvariable('\(Self.scanned)') = 0)\n"
                    + "WHERE getvariable('\(Self.scanned)') = 0")
        }
    }

    /// The measures of a check that shares the scan.
    private func measures(_ index: Int) -> [String] {
        let check = checks[index]
        let measure = Self.measureName(index)
        let filter = check.filter.map { sql.expression($0.value, references: references, columns: source.columns) }
        func both(_ condition: String?) -> String? {
            let conditions = [filter.map { "(\($0))" }, condition].compactMap { $0 }
            return conditions.isEmpty ? nil : conditions.joined(separator: " AND ")
        }
        func whole(_ condition: String?) -> String { both(condition).map { " FILTER (WHERE \($0))" } ?? "" }
        // Of many conditions, counting where one is true takes a tenth less time than choosing the rows and counting them.
        func rows(_ condition: String? = nil) -> String {
            both(condition).map { "coalesce(count_if(\($0)), 0)" } ?? "count(*)"
        }
        let total = "CAST(\(rows()) AS BIGINT) AS \(Self.totalName(index))"
        func aggregate(_ call: String, as type: ColumnType = .number) -> [String] {
            // As text, because JSON has no way to write what is not a number or infinite.
            ["\(sql.cast(sql.cast("\(call)\(whole(nil))", to: type), to: .text)) AS \(measure)", total]
        }
        switch check.kind {
        case .notNull, .acceptedValues, .range, .matches, .foreignKey:
            return ["CAST(\(rows(failing(index) ?? "FALSE")) AS BIGINT) AS \(measure)", total]
        case .unique(let columns):
            let present = columns.map { "\(sql.name($0)) IS NOT NULL" }.joined(separator: " AND ")
            let key = columns.count == 1 ? sql.name(columns[0]) : "(\(columns.map(sql.name).joined(separator: ", ")))"
            return [
                "CAST(\(rows(present)) - count(DISTINCT \(key))\(whole(present)) AS BIGINT) AS \(measure)",
                total,
            ]
        case .completeness(let column), .anomaly(.completeness(let column), _):
            return ["CAST(count(\(sql.name(column)))\(whole(nil)) AS DOUBLE) AS \(measure)", total]
        case .freshness(let column):
            let type = source.columns.first { $0.name == column }?.type ?? .text
            let moment = sql.exactCast(sql.name(column), from: type, to: .timestamp)
            return ["epoch(max(\(moment))\(whole(nil))) AS \(measure)", total]
        case .distinctCount(let column), .anomaly(.distinctCount(let column), _):
            return aggregate("count(DISTINCT \(sql.name(column)))")
        case .sum(let column), .anomaly(.sum(let column), _): return aggregate("sum(\(sql.name(column)))")
        case .mean(let column), .anomaly(.mean(let column), _): return aggregate("avg(\(sql.name(column)))")
        case .rowCount, .rowCountVariation, .anomaly(.rowCount, _):
            return ["CAST(\(rows()) AS DOUBLE) AS \(measure)", total]
        case .schema, .sql: return ["0 AS \(measure)", total]
        }
    }

    /// The name of a view of the keys that a foreign key may have.
    private static func knownName(_ index: Int) -> String { DuckDBDialect().ownName("known_\(index + 1)") }

    /// The name of the table of what a divided check measures.
    private static func partsName(_ index: Int) -> String { DuckDBDialect().ownName("parts_\(index + 1)") }

    /// The table of what one scan measures.
    private static let measures = DuckDBDialect().ownName("measures")

    /// Names the keys of the other dataset, so that the scan only has to look them up.
    ///
    /// A view, because data that cannot be read is then the fault of the check that looks them up.
    private func addKnownKeys(_ index: Int, to script: inout SQLScript) {
        guard case .foreignKey(let column, let dataset, let key) = checks[index].kind,
            let other = others[dataset.value], let target = other.columns.first(where: { $0.name == key }),
            let own = source.columns.first(where: { $0.name == column })
        else { return }
        // Types that have nothing in common are told before anything runs.
        let value = sql.comparable(("", own.type), (sql.name(key), target.type))?.right ?? sql.name(key)
        script.add(
            "name the keys of \(dataset.value) for \(checks[index].id)", weight: 0.1,
            "CREATE TEMP VIEW \(Self.knownName(index)) AS\nSELECT DISTINCT \(value) AS key\n"
                + "FROM \(other.fromClause(sql))\nWHERE \(value) IS NOT NULL")
    }

    /// The own side of a foreign key, as it is compared.
    private func foreignKeyValue(_ check: Check) -> String? {
        guard case .foreignKey(let column, let dataset, let key) = check.kind,
            let target = others[dataset.value]?.columns.first(where: { $0.name == key }),
            let own = source.columns.first(where: { $0.name == column })
        else { return nil }
        return sql.comparable((sql.name(column), own.type), ("", target.type))?.left
    }

    /// SQL that is true for a row that fails a check of single values; for a row without the value it may be NULL.
    private func failing(_ index: Int) -> String? {
        let check = checks[index]
        switch check.kind {
        case .notNull(let column): return "\(sql.name(column)) IS NULL"
        case .acceptedValues(let column, let values):
            let type = source.columns.first { $0.name == column }?.type ?? .text
            let value = sql.name(column)
            // 1 and 1.0 are one number and two texts.
            let list = values.compactMap { WrittenValue($0, as: type, sql)?.sql }
            if list.isEmpty { return "\(value) IS NOT NULL" }
            return "\(value) NOT IN (\(list.joined(separator: ", ")))"
        case .range(let column):
            let type = source.columns.first { $0.name == column }?.type ?? .text
            let bounds = [check.values.min, check.values.max].compactMap { $0?.type }
            // A text that holds numbers or dates is compared as what its bounds are.
            let wanted =
                type == .text
                ? bounds.first.map { $0.isNumeric ? .number : $0 == .localTimestamp ? .timestamp : $0 } ?? .text : type
            let value =
                type == wanted ? sql.name(column) : "(\(sql.exactCast(sql.name(column), from: type, to: wanted)))"
            var breaches: [String] = []
            if let min = check.values.min { breaches.append("\(value) < \(bound(min, as: wanted))") }
            if let max = check.values.max { breaches.append("\(value) > \(bound(max, as: wanted))") }
            // Engines sort NaN above all numbers and infinity within what is bounded on one side: they lie in no range.
            if wanted == .number || wanted.isTime { breaches.append("NOT isfinite(\(value))") }
            if type != wanted { breaches.append("\(value) IS NULL") }
            let present = type == wanted ? "" : "\(sql.name(column)) IS NOT NULL AND "
            return "\(present)(\(breaches.joined(separator: " OR ")))"
        case .matches(let column, let pattern):
            let value = sql.cast(sql.name(column), to: .text)
            return "NOT \(sql.matches(value, pattern: pattern))"
        case .foreignKey(let column, _, _):
            let value = foreignKeyValue(check) ?? sql.name(column)
            return "\(sql.name(column)) IS NOT NULL AND coalesce(\(value) NOT IN (FROM \(Self.knownName(index))), TRUE)"
        default: return nil
        }
    }

    private func bound(_ literal: Literal, as type: ColumnType) -> String {
        guard literal.type != type, !(literal.type?.isNumeric == true && type.isNumeric) else {
            return sql.literal(literal)
        }
        switch literal {
        case .date(let text), .timestamp(let text), .text(let text):
            // Beside local times, one that names an offset is compared as the same time in UTC.
            let wanted = type == .localTimestamp ? .timestamp : type
            return "(\(DuckDBDialect().expression(Expression(.cast(Expression(.literal(.text(text))), wanted)))))"
        case .integer, .number, .decimal, .boolean, .null: return sql.cast(sql.literal(literal), to: type)
        }
    }

    // MARK: - Checks that do not share the scan

    private func addAlone(_ index: Int, to script: inout SQLScript) {
        let check = checks[index]
        let measure = Self.measureName(index)
        let total = Self.totalName(index)
        switch check.kind {
        case .sql(let query):
            nameData(for: query, in: &script)
            script.add(
                "check \(check.id)", weight: 3, holding: query,
                "SET VARIABLE \(measure) = (SELECT CAST(count(*) AS BIGINT) FROM (\n\(SQLText.bound(query.value))\n))")
            script.add(
                "give the measure",
                "SELECT 'measures' AS caudal, getvariable('\(measure)') AS \(measure), "
                    + "(SELECT CAST(count(*) AS BIGINT) FROM \(from())) AS \(total)")
        default:
            guard let part = check.partitionBy else { return }
            let measures = measures(index)
            script.add(
                "check \(check.id) for each \(part)", weight: 5,
                "CREATE TEMP TABLE \(Self.partsName(index)) AS\n\(parts(index, of: part, measures, from: from()))")
            // As for the scan: what follows must not fail for want of the table.
            script.add(
                "if that failed, there are no parts", weight: 0.1,
                "CREATE TEMP TABLE IF NOT EXISTS \(Self.partsName(index)) AS\n"
                    + "SELECT NULL AS caudal, NULL AS \(measure), NULL AS \(total)\nWHERE FALSE")
            script.add("give the parts", "FROM \(Self.partsName(index))")
        }
    }

    /// How many parts of a divided check are judged one by one; more are a mistake in the choice of the column.
    package static let partLimit = 1000

    /// A query that gives one row for each part, and first one row for all: without that one the query did not run.
    private func parts(_ index: Int, of part: String, _ measures: [String], from relation: String) -> String {
        let name = sql.name(part)
        return "SELECT CASE WHEN GROUPING(\(name)) = 1 THEN 'parts' ELSE 'part' END AS caudal, \(index) AS \"check\", "
            + "CAST(\(name) AS VARCHAR) AS part, \(measures.joined(separator: ", "))\nFROM \(relation)\n"
            + "GROUP BY GROUPING SETS ((\(name)), ())\n"
            + "ORDER BY GROUPING(\(name)) DESC, \(name) NULLS FIRST\nLIMIT \(Self.partLimit + 2)"
    }

    /// `input` and the datasets that a query reads, whole and by their names.
    private func nameData(for query: Query, in script: inout SQLScript) {
        script.name(Query.inputName, as: "SELECT * FROM \(from())")
        for read in query.reads {
            guard let other = others[read.value] else { continue }
            script.name(read.value.rawValue, as: "SELECT * FROM \(other.fromClause(sql))")
        }
    }

    /// The question whether the engine understands the query of a check; nil for other checks, and where a dataset that
    /// it reads is not known.
    package func question(_ index: Int) -> ColumnQuestion? {
        guard case .sql(let query) = checks[index].kind else { return nil }
        guard query.reads.allSatisfy({ others[$0.value] != nil }) else { return nil }
        var script = SQLScript(title: "the columns of a check")
        for reference in query.value.references { script.bind(reference, nil, references) }
        let empty = CheckCompiler(
            source: source.withoutRows, checks: checks, references: references,
            others: others.mapValues(\.withoutRows))
        empty.nameData(for: query, in: &script)
        script.add(
            "tell the columns", holding: query,
            OutputSQL.describe("(SELECT * FROM (\n\(SQLText.bound(query.value))\n))"))
        return ColumnQuestion(index: index, script: script, location: query.location)
    }

    // MARK: - Failing rows

    private func addSamples(_ index: Int, to script: inout SQLScript) {
        let check = checks[index]
        let measure = Self.measureName(index)
        let failed: String
        var condition: String?
        var order: [String] = []
        switch check.kind {
        case .notNull, .acceptedValues, .range, .matches, .foreignKey:
            failed = measure
            condition = failing(index)
        case .unique(let columns):
            failed = measure
            let present = columns.map { "\(sql.name($0)) IS NOT NULL" }.joined(separator: " AND ")
            // Rows of a struct are compared with NULL as a value, so that rows without a part have one, too.
            let list = ((check.partitionBy.map { [$0] } ?? []) + columns).map(sql.name).joined(separator: ", ")
            condition =
                "(\(list)) IN (SELECT (\(list)) FROM \(from())\n"
                + "  WHERE \(sampleFilter(check))\(present) GROUP BY \(list) HAVING count(*) > 1)"
            order = columns.map { "\(sql.name($0)) NULLS LAST" }
        case .completeness(let column):
            failed = "\(Self.totalName(index)) - \(measure)"
            condition = "\(sql.name(column)) IS NULL"
        case .sql: failed = measure
        default: return
        }
        let query: String
        let found: String
        if case .sql(let text) = check.kind {
            found = "getvariable('\(measure)')"
            query =
                "\(sampleHead(index))NULL AS \"row\", json_keys(row) AS names,\n"
                + "       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$')"
                + " AS \"values\"\nFROM (SELECT to_json(failing) AS row FROM (\n"
                + "\(SQLText.bound(text.value))\n) AS failing\nWHERE getvariable('found') > 0\n"
                + "LIMIT \(CheckResult.sampleLimit))"
        } else {
            guard let condition else { return }
            let rows = "WHERE getvariable('found') > 0 AND \(sampleFilter(check))\(condition)"
            if let part = check.partitionBy {
                found = "(SELECT max(\(failed)) FROM \(Self.partsName(index)) WHERE caudal = 'part')"
                query = samples(index, of: part, rows, order: order)
            } else {
                found = "(SELECT \(failed) FROM \(Self.measures))"
                let sorted = order.isEmpty ? "" : "ORDER BY \(order.joined(separator: ", ")), \"row\"\n"
                query =
                    "\(sampleHead(index))\(rowNumber) AS \"row\", \(sampleValues(check)) AS \"values\"\n"
                    + "FROM \(from(numbersRows: true))\n\(rows)\n\(sorted)LIMIT \(CheckResult.sampleLimit)"
            }
        }
        script.add("note how many rows fail \(check.id)", weight: 0.1, "SET VARIABLE found = \(found)")
        script.add("rows that fail \(check.id), if there are any", weight: 0.5, query)
    }

    /// A query for failing rows of each part: the first of every part come before the second of any, so that a part with
    /// many hides none with few.
    private func samples(_ index: Int, of part: String, _ rows: String, order: [String]) -> String {
        let names = ["row", "values", "part", "place"].map { sql.ownName("sample_\($0)") }
        let order = (order + [sql.name(DataSource.rowColumn)]).joined(separator: ", ")
        return "\(sampleHead(index))\(names[0]) AS \"row\", \(names[1]) AS \"values\", \(names[2]) AS part\n"
            + "FROM (SELECT \(rowNumber) AS \(names[0]), \(sampleValues(checks[index])) AS \(names[1]), "
            + "CAST(\(sql.name(part)) AS VARCHAR) AS \(names[2]),\n"
            + "             row_number() OVER (PARTITION BY \(sql.name(part)) ORDER BY \(order)) AS \(names[3])\n"
            + "      FROM \(from(numbersRows: true))\n      \(rows))\n"
            + "WHERE \(names[3]) <= \(CheckResult.sampleLimit)\n"
            + "ORDER BY \(names[3]), \(names[2]) NULLS FIRST\nLIMIT \(Self.partLimit)"
    }

    private func sampleHead(_ index: Int) -> String { "SELECT 'sample' AS caudal, \(index) AS \"check\", " }

    private func sampleFilter(_ check: Check) -> String {
        check.filter.map { "(\(sql.expression($0.value, references: references, columns: source.columns))) AND " } ?? ""
    }

    /// The kept columns of a row as a list of texts.
    private func sampleValues(_ check: Check) -> String {
        let columns = Self.sampleColumns(of: check, among: source.columns)
        return "[\(columns.map { sql.shown(sql.name($0.name), $0.type) }.joined(separator: ", "))]"
    }

    /// The number of a row in the data, from 1.
    private var rowNumber: String { "CAST(\(sql.name(DataSource.rowColumn)) + 1 AS BIGINT)" }
}
