package import CaudalModel

/// The differences between two versions of a dataset, by rows.
package struct VersionDiff: Sendable, Encodable {
    /// A row that is only in one version, or whose values changed.
    package struct Sample: Sendable, Encodable {
        package enum Kind: String, Sendable, Encodable, CaseIterable {
            case added, removed, changed

            /// How a row tells that it is of this kind.
            fileprivate var rowKind: RowKind {
                switch self {
                case .added: .added
                case .removed: .removed
                case .changed: .changed
                }
            }

            /// What the number of such rows is called.
            fileprivate var count: CountName {
                switch self {
                case .added: .added
                case .removed: .removed
                case .changed: .changed
                }
            }
        }

        package var kind: Kind
        /// The values of the key's columns, in order; empty without a key.
        package var key: [String?]
        /// The values in the first version, in the order of ``VersionDiff/columns``; empty for an added row.
        package var before: [String?]
        /// The values in the second version; empty for a removed row.
        package var after: [String?]
    }

    /// The columns that identify a row; empty when whole rows are compared.
    package var key: [String]
    /// The columns that both versions have, in the order of the second.
    package var columns: [String]
    /// Columns that only the second or only the first version has, and columns whose type changed, such as `n: integer
    /// → text`.
    package var columnsAdded: [String]
    package var columnsRemoved: [String]
    package var typesChanged: [String]
    package var rowsBefore: Int64 = 0
    package var rowsAfter: Int64 = 0
    package var added: Int64 = 0
    package var removed: Int64 = 0
    /// Rows with the same key and different values; 0 without a key.
    package var changed: Int64 = 0
    /// The number of rows in which each column changed; columns without changes are left out.
    package var changedColumns: [String: Int64] = [:]
    /// The first rows of each kind.
    package var samples: [Sample] = []

    /// Whether both versions have the same rows and columns.
    package var isEmpty: Bool {
        added == 0 && removed == 0 && changed == 0 && columnsAdded.isEmpty && columnsRemoved.isEmpty
            && typesChanged.isEmpty
    }

    /// Compares two versions; the engine does the work.
    ///
    /// - Parameters:
    ///   - key: The columns that identify a row; if empty, whole rows are compared with their multiplicity.
    ///   - limit: How many rows of each kind are kept as samples.
    /// - Throws: ``Failure`` when the key is unsuitable: a column is missing, or a value is duplicate or null.
    package init(
        _ before: DataSource, _ after: DataSource, key: [String], limit: Int, tools: DataTools
    ) async throws {
        let first = Dictionary(before.columns.map { ($0.name, $0.type) }) { kept, _ in kept }
        let second = Dictionary(after.columns.map { ($0.name, $0.type) }) { kept, _ in kept }
        let common = after.columns.filter { first[$0.name] != nil }
        self.key = key
        columns = common.map(\.name)
        columnsAdded = after.columnNames.filter { first[$0] == nil }
        columnsRemoved = before.columnNames.filter { second[$0] == nil }
        typesChanged = common.compactMap { column in
            guard let old = first[column.name], old != column.type else { return nil }
            return "\(column.name): \(old) → \(column.type)"
        }
        for name in key where first[name] == nil || second[name] == nil {
            throw Failure(
                "the key column '\(name)' is not in both versions" + Suggestion.phrase(for: name, among: columns))
        }
        guard !columns.isEmpty else { throw Failure("the two versions have no column in common") }
        let script = Self.script(before, after, common, first, key, limit, tools.sql)
        let readings = try await tools.ask(script, reading: before.files + after.files)
        if let repeated = readings.count(.repeated), repeated > 0 {
            throw Failure(
                "'\(key.joined(separator: ", "))' is no key: \(repeated.counted("value")) "
                    + "\(repeated == 1 ? "occurs" : "occur") in several rows, or in none",
                remedy: "name other columns with --key, or compare whole rows without it")
        }
        rowsBefore = readings.count(.before) ?? 0
        rowsAfter = readings.count(.after) ?? 0
        added = readings.count(.added) ?? 0
        removed = readings.count(.removed) ?? 0
        changed = readings.count(.changed) ?? 0
        for (index, name) in columns.enumerated() {
            if let count = readings.count(.changedColumn(index)), count > 0 { changedColumns[name] = count }
        }
        samples = Sample.Kind.allCases.flatMap { kind in
            readings.rows(kind.rowKind, as: ChangedRow.self).map { row in
                Sample(kind: kind, key: row.key ?? [], before: row.before ?? [], after: row.after ?? [])
            }
        }
    }

    /// A row that is different, as it comes back.
    private struct ChangedRow: Decodable {
        var key: [String?]?
        var before: [String?]?
        var after: [String?]?
    }

    // MARK: - SQL

    private static func script(
        _ before: DataSource, _ after: DataSource, _ columns: [Column], _ types: [String: ColumnType], _ key: [String],
        _ limit: Int, _ sql: any SQLDialect
    ) -> SQLScript {
        // Values of two types are compared as the texts they are shown as.
        func list(_ isBefore: Bool) -> String {
            columns.enumerated().map { index, column in
                let name = sql.name(column.name)
                let value = types[column.name] == column.type ? name : sql.cast(name, to: .text)
                return "\(value) AS \(sql.name(place(index)))"
            }.joined(separator: ", ")
        }
        var script = SQLScript(title: "what is different in two versions of \(after.dataset)")
        script.add(
            "read the first version", weight: 10,
            .table("SELECT \(list(true)) FROM \(before.fromClause(sql))", as: first))
        script.add(
            "read the second version", weight: 10,
            .table("SELECT \(list(false)) FROM \(after.fromClause(sql))", as: second))
        script.add("count the rows of the first version", .measure(.before, "(SELECT count(*) FROM \(first))"))
        script.add("count the rows of the second version", .measure(.after, "(SELECT count(*) FROM \(second))"))
        if key.isEmpty {
            addWholeRows(columns, limit, sql, to: &script)
        } else {
            addKeyed(columns, key, limit, sql, to: &script)
        }
        return script
    }

    private static let (first, second) = ("\"#caudal.before\"", "\"#caudal.after\"")
    private static func place(_ index: Int) -> String { "#caudal.\(index)" }

    /// A list of a row's values as texts.
    private static func texts(_ columns: [Int], of table: String = "", _ sql: any SQLDialect) -> String {
        let prefix = table.isEmpty ? "" : table + "."
        return sql.list(columns.map { sql.cast(prefix + sql.name(place($0)), to: .text) })
    }

    private static func addWholeRows(
        _ columns: [Column], _ limit: Int, _ sql: any SQLDialect, to script: inout SQLScript
    ) {
        let all = Array(columns.indices)
        let sides: [(Sample.Kind, String, String, String)] = [
            (.added, second, first, "after"), (.removed, first, second, "before"),
        ]
        for (kind, from, without, side) in sides {
            let table = "\"#caudal.\(kind)\""
            script.add(
                "rows \(kind)", weight: 10,
                .table("\(sql.everything(of: from)) EXCEPT ALL \(sql.everything(of: without))", as: table))
            script.add("count them", .measure(kind.count, "(SELECT count(*) FROM \(table))"))
            script.add(
                "the first of them",
                .lines(kind.rowKind, "\(texts(all, sql)) AS \(side) FROM \(table) ORDER BY ALL LIMIT \(limit)"))
        }
    }

    private static func addKeyed(
        _ columns: [Column], _ key: [String], _ limit: Int, _ sql: any SQLDialect, to script: inout SQLScript
    ) {
        let keys = key.compactMap { name in columns.firstIndex { $0.name == name } }
        let names = keys.map { sql.name(place($0)) }
        func unusable(_ table: String) -> String {
            let isNull = names.map { "\($0) IS NULL" }.joined(separator: " OR ")
            return "(SELECT count(*) FROM (SELECT 1 FROM \(table) GROUP BY \(names.joined(separator: ", ")) "
                + "HAVING count(*) > 1 OR bool_or(\(isNull))))"
        }
        script.add(
            "count the values of the key that do not identify a row", weight: 5,
            .measure(.repeated, "\(unusable(first)) + \(unusable(second))"))
        let on = names.map { "b.\($0) = a.\($0)" }.joined(separator: " AND ")
        let all = Array(columns.indices)
        func differs(_ index: Int) -> String {
            "b.\(sql.name(place(index))) IS DISTINCT FROM a.\(sql.name(place(index)))"
        }
        let others = all.filter { !keys.contains($0) }
        let anyDiffers = others.isEmpty ? "FALSE" : others.map(differs).joined(separator: " OR ")
        let join = "\(first) AS b FULL JOIN \(second) AS a ON \(on)"
        let (keyBefore, keyAfter) = ("b.\(names[0])", "a.\(names[0])")
        let conditions: [(kind: Sample.Kind, condition: String)] = [
            (.added, "\(keyBefore) IS NULL"), (.removed, "\(keyAfter) IS NULL"),
            (.changed, "\(keyBefore) IS NOT NULL AND \(keyAfter) IS NOT NULL AND (\(anyDiffers))"),
        ]
        script.add(
            "find the rows that differ", weight: 10,
            .table(
                "SELECT CASE "
                    + conditions.map { "WHEN \($1) THEN '\($0)'" }.joined(separator: " ")
                    + " END AS kind, \(texts(keys, of: "b", sql)) AS key_before, \(texts(keys, of: "a", sql)) AS key_after, "
                    + "\(texts(all, of: "b", sql)) AS before, \(texts(all, of: "a", sql)) AS after"
                    + others.map { ", \(differs($0)) AS \(sql.name("differs \($0)"))" }.joined()
                    + " FROM \(join) WHERE \(conditions.map { "(\($1))" }.joined(separator: " OR "))",
                as: "\"#caudal.pairs\""))
        for (kind, _) in conditions {
            script.add(
                "count those \(kind)",
                .measure(kind.count, "(SELECT count(*) FROM \"#caudal.pairs\" WHERE kind = '\(kind)')"))
            let side = kind == .added ? "after" : "before"
            let values = kind == .changed ? "before, after" : side
            script.add(
                "the first of them",
                .ownLines(
                    "SELECT kind AS \(RowKind.field), key_\(side) AS key, \(values) FROM \"#caudal.pairs\" WHERE kind = '\(kind)' "
                        + "ORDER BY try_cast(key_\(side)[1] AS DOUBLE), key_\(side) LIMIT \(limit)"))
        }
        for index in others {
            script.add(
                "how often \(columns[index].name) changed",
                .measure(
                    .changedColumn(index),
                    "(SELECT count(*) FROM \"#caudal.pairs\" WHERE kind = 'changed' AND \(sql.name("differs \(index)")))"
                ))
        }
    }
}

/// A version of a dataset that a run published, for comparison.
package struct PublishedVersion: Sendable {
    package let source: DataSource
    /// The key that a check of its stage declares unique; empty when there is none.
    package let checkedKey: [String]

    /// Finds the version.
    ///
    /// - Parameter loaded: The run's pipeline, from the texts that the run kept.
    /// - Throws: ``Failure`` when the run published no such dataset, or its version is no longer kept.
    package init(of name: DatasetName, in run: RunState, _ loaded: LoadedPipeline, _ services: RunServices) async throws
    {
        guard let dataset = loaded.pipeline.dataset(name), dataset.table == nil else {
            let names = loaded.pipeline.datasets.filter { $0.table == nil }.map(\.name.rawValue)
            throw Failure(
                "run \(run.id) has no dataset '\(name)' of files" + Suggestion.phrase(for: name.rawValue, among: names))
        }
        let finder = VersionFinder(store: services.store, root: run.plan.root)
        let artifacts = run.stages.flatMap(\.artifacts).filter { $0.dataset == name }
        guard !artifacts.isEmpty else {
            throw Failure(
                "run \(run.id) published nothing of '\(name)'", remedy: "'caudal show \(run.id)' lists its files")
        }
        let files = try artifacts.map { artifact in
            guard let place = finder.place(of: artifact) else {
                throw finder.missing(artifact, of: run.id)
            }
            return place
        }
        let columns = artifacts.first?.columns ?? []
        let tools = services.tools(
            for: loaded, parameters: run.plan.parameters, folder: services.state.path + "/questions")
        if columns.isEmpty {
            let facts = loaded.facts(of: run.id, started: services.now(), parameters: run.plan.parameters)
            let tables = TableReader(pipeline: loaded.pipeline, facts: facts, tools: tools)
            let resolver = SourceResolver(pipeline: loaded.pipeline, tools: tools, tables: tables)
            source = try await resolver.source(published: files, of: dataset)
        } else {
            source = DataSource(
                dataset: name, files: files, format: dataset.format ?? .parquet, csv: dataset.csv, columns: columns,
                isOwn: true)
        }
        let checks = loaded.pipeline.producer(of: name)?.checks ?? []
        checkedKey = checks.filter { $0.filter == nil }.map(\.kind.keyColumns).first { !$0.isEmpty } ?? []
    }
}
