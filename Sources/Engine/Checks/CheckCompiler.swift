package import CaudalModel

/// Compiles the checks of one dataset to SQL: one shared scan where possible, one statement for each other check.
///
/// ``CheckJudge`` judges the results. Failing rows are only looked for where a check found some.
package struct CheckCompiler {
    /// The dialect for times of the source's zone.
    private let sql: any SQLDialect
    private let source: DataSource
    private let checks: [Check]
    private let references: [Template.Reference: ColumnType]
    /// The data of foreign keys and queries, by name; including the checked dataset, for keys that refer to itself.
    private let others: [DatasetName: DataSource]

    package init(
        source: DataSource, checks: [Check], references: [Template.Reference: ColumnType],
        others: [DatasetName: DataSource], sql: any SQLDialect
    ) {
        self.sql = sql.inZone(source.zone)
        self.source = source
        self.checks = checks
        self.references = references
        self.others = others.merging([source.dataset: source]) { $1 }
    }

    /// The maximum number of columns kept of a failing row.
    private static let sampleColumnLimit = 24

    /// The columns kept of a failing row: first those that a check names, then the others in order.
    static func sampleColumns(of check: Check, among columns: [Column]) -> [Column] {
        var named = check.definition.columns
        let further = (check.filter?.value.columns ?? []) + (check.partitionBy.map { [$0] } ?? [])
        for name in further where !named.contains(name) { named.append(name) }
        let about = named.compactMap { name in columns.first { $0.name == name } }
        let others = columns.filter { !named.contains($0.name) }
        return about + others.prefix(max(0, sampleColumnLimit - about.count))
    }

    // MARK: - Faults that need no data

    /// The faults of checks for these columns, each with its place; reported before anything runs.
    ///
    /// - Parameter others: The data of foreign keys, as far as it is known; including the checked dataset.
    package static func faults(
        of checks: [Check], columns: [Column], references: [Template.Reference: ColumnType],
        others: [DatasetName: DataSource] = [:]
    ) -> [ConfigError] {
        let checked = CheckedColumns(columns: columns, others: others)
        return checks.compactMap { fault(of: $0, checked, references) ?? $0.kind.fault(in: $0, checked) }
    }

    /// What of the checks would come out differently on the engine that measures them.
    package func obstacles() -> [ConfigError] {
        let typing = ExpressionTyping(columns: source.columns, references: references)
        return checks.indices.compactMap { index in
            let (check, data) = (checks[index], data(index))
            if let filter = check.filter, let fault = sql.obstacle(to: filter.value, typing) {
                return ConfigError(fault.message, remedy: fault.remedy, at: filter.location.advanced(by: fault.offset))
            }
            let part = check.partitionBy.flatMap { sql.obstacle(toCast: data.type(of: $0), to: .text) }
            guard let obstacle = check.kind.obstacle(data) ?? part else { return nil }
            return ConfigError("check '\(check.id)': \(obstacle)", at: check.location)
        }
    }

    /// The faults that checks of every kind may have.
    private static func fault(
        of check: Check, _ checked: CheckedColumns, _ references: [Template.Reference: ColumnType]
    ) -> ConfigError? {
        let names = checked.columns.map(\.name)
        for name in check.definition.columns + (check.partitionBy.map { [$0] } ?? []) where !names.contains(name) {
            return ConfigError(
                "check '\(check.id)' names a column '\(name)' that is not there"
                    + Suggestion.phrase(for: name, among: names),
                at: check.location)
        }
        guard let filter = check.filter else { return nil }
        do throws(ExpressionFault) {
            let typing = ExpressionTyping(columns: checked.columns, references: references)
            if try typing.type(of: filter.value) == .boolean { return nil }
            return ConfigError("'where' must be true or false for each row", at: filter.location)
        } catch {
            return ConfigError(error.message, remedy: error.remedy, at: filter.location.advanced(by: error.offset))
        }
    }

    // MARK: - Statements

    /// The name of a check's measure in the results: `m` and its position in the list.
    static func measureName(_ index: Int) -> String { "m\(index)" }
    /// The name of the number of rows that a check looked at.
    static func totalName(_ index: Int) -> String { "t\(index)" }

    /// The table of what one scan measures.
    static func measures(_ sql: any SQLDialect) -> String { sql.ownName("measures") }

    /// Under which name is noted how many rows fail a check.
    static let found = "found"

    /// The maximum number of parts of a divided check; more suggest a wrongly chosen column.
    package static let partLimit = 1000

    /// The checks that are measured in the shared scan.
    static func shared(_ checks: [Check]) -> [Int] {
        checks.indices.filter { checks[$0].kind.sharesScan && checks[$0].partitionBy == nil }
    }

    private static let scanned = "caudal_scanned"

    /// Adds the statements to a script.
    ///
    /// They come after the statements that produce the data, and each may fail independently.
    package func add(to script: inout SQLScript) {
        let shared = Self.shared(checks)
        for index in checks.indices { checks[index].kind.prepare(data(index), &script) }
        addScan(shared, to: &script)
        for index in checks.indices where !shared.contains(index) { addAlone(index, to: &script) }
        FailingRowSearch(checks.indices.map(data), in: source, sql).add(to: &script)
    }

    private func data(_ index: Int) -> CheckedData {
        CheckedData(
            check: checks[index], index: index, source: source, others: others, references: references, sql: sql)
    }

    private func addScan(_ indices: [Int], to script: inout SQLScript) {
        let from = source.fromClause(sql)
        let measures = Self.measures(sql)
        let list = ["CAST(count(*) AS BIGINT) AS \"rows\""] + indices.flatMap { data($0).measures }
        script.add(
            "measure \(indices.count.counted("check")) in one scan", weight: 10,
            .table("SELECT \(list.joined(separator: ",\n       "))\nFROM \(from)", as: measures))
        // When one check cannot be computed, the scan of all of them fails: then each is computed alone. What follows
        // must not fail for want of the table, or its errors would be taken for those of checks.
        let names = indices.map { "NULL AS \(Self.measureName($0)), NULL AS \(Self.totalName($0))" }
        script.add(
            "create an empty table of measurements if the scan failed", weight: 0.1,
            .table(
                "SELECT \((["NULL AS \"rows\""] + names).joined(separator: ", "))\nWHERE FALSE", as: measures,
                ifMissing: true))
        script.add("list the measurements", .lines(.measures, "*\nFROM \(measures)"))
        guard indices.count > 1 else { return }
        script.add(
            "note whether the scan succeeded", .note("(SELECT count(*) FROM \(measures))", as: Self.scanned))
        let failed = "\(sql.noted(Self.scanned)) = 0"
        for index in indices {
            script.add(
                "check \(checks[index].id), alone if the scan failed", weight: 0.1,
                .lines(
                    .measures,
                    "*\nFROM (SELECT CAST(count(*) AS BIGINT) AS \"rows\", "
                        + "\(data(index).measures.joined(separator: ", "))\nFROM \(from)\nWHERE \(failed))\n"
                        + "WHERE \(failed)"))
        }
    }

    /// Measures a check outside of the shared scan.
    private func addAlone(_ index: Int, to script: inout SQLScript) {
        let check = checks[index]
        let data = data(index)
        guard check.kind.sharesScan, let part = check.partitionBy else {
            return check.kind.addMeasure(data, &script)
        }
        script.add(
            "check \(check.id) for each \(part)", weight: 5,
            .table(data.parts(by: part), as: data.partsName))
        // As for the scan: what follows must not fail for want of the table.
        script.add(
            "create an empty table of parts if that failed", weight: 0.1,
            .table(
                "SELECT NULL AS \(RowKind.field), NULL AS \(data.measureName), NULL AS \(data.totalName)\nWHERE FALSE",
                as: data.partsName, ifMissing: true))
        script.add("list the results of the parts", .ownLines(sql.everything(of: data.partsName)))
    }

    /// The question whether the SQL engine accepts the query of a check; nil for other checks, and when a dataset that
    /// it reads is unknown.
    package func question(_ index: Int) -> ColumnQuestion? {
        guard let query = checks[index].definition.query else { return nil }
        guard query.reads.allSatisfy({ others[$0.value] != nil }) else { return nil }
        var script = SQLScript(title: "the columns of a check")
        for reference in query.value.references { script.bind(reference, nil, references) }
        let empty = CheckCompiler(
            source: source.withoutRows, checks: checks, references: references,
            others: others.mapValues(\.withoutRows), sql: sql)
        empty.data(index).name(for: query, in: &script)
        script.add(
            "describe the columns", holding: query,
            .columns(of: "(SELECT * FROM (\n\(sql.bound(query.value))\n))", as: .column))
        return ColumnQuestion(index: index, script: script, location: query.location)
    }
}
