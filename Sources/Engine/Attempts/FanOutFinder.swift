package import CaudalModel

/// Finds the items of a fan-out, and prepares what they share.
struct FanOutFinder {
    /// The maximum number of items; more suggest a mistake in a query.
    static let limit = 100_000

    private let attempt: StageAttempt
    /// The files of variables that list files, relative to the project's root; others are looked up.
    private let listed: [String: [String]]

    init(_ attempt: StageAttempt, listed: [String: [String]] = [:]) {
        self.attempt = attempt
        self.listed = listed
    }

    /// The script for finding items and preparing shared data; nil when none is needed.
    func script() throws -> SQLScript? {
        let stage = attempt.stage
        var script = SQLScript(title: "\(attempt.pipeline.name) / \(stage.id): the items of the fan-out")
        let sql = attempt.sql
        for (name, source) in stage.fanOut?.variables ?? [] {
            guard case .query(let query) = source else { continue }
            attempt.bind(query.value.references, in: &script)
            for dataset in stage.fanOutReads {
                guard let source = attempt.sources[dataset.value] else { continue }
                // A point in time is an item with its offset.
                let list = ZonedView.list(source.columns, sql)
                script.name(dataset.value.rawValue, as: "SELECT \(list) FROM \(source.fromClause(sql))")
            }
            script.add(
                "the values of \(name)", weight: 5, holding: query,
                .lines(
                    .item,
                    "\(sql.text(name)) AS name, \(sql.itemText("found.\"value\"")) AS value\n"
                        + "FROM (\n\(sql.bound(query.value))\n) AS found(\"value\")\nLIMIT \(Self.limit + 1)"))
        }
        if let source = dividedInput {
            script.add(
                "count the rows that the items divide", weight: 3,
                .measure(.divided, "(SELECT count(*) FROM \(source.fromClause(sql)))"))
            if let condition = strayCondition(source) {
                script.add(
                    "count the rows that none of the values means", weight: 3,
                    .measure(
                        .stray, "(SELECT count(*) FROM \(source.fromClause(sql)) AS divided WHERE \(condition))"))
            }
        }
        try addMisfits(to: &script)
        let prepared = try stage.type.preparation(for: attempt)
        if !prepared.isEmpty { attempt.bind((stage.definition.references).map(\.0), in: &script) }
        for statement in prepared { script.add(statement) }
        return script.statements.isEmpty ? nil : script
    }

    /// The input whose rows the items divide: that of a stage with one main input which has the items' columns.
    var dividedInput: DataSource? {
        mainInput.flatMap { attempt.partitionVariables.allSatisfy($0.columnNames.contains) ? $0 : nil }
    }

    /// The input of which items may get their rows alone.
    private var mainInput: DataSource? {
        guard !attempt.partitionVariables.isEmpty, attempt.stage.definition.dividesRows else { return nil }
        return attempt.stage.definition.inputs.first.flatMap { attempt.sources[$0.value] }
    }

    /// Refuses a variable that is a column but for the case of its letters: each item would have all rows.
    private func refuseAlike() throws(Failure) {
        guard let source = mainInput else { return }
        for name in attempt.partitionVariables where !source.columnNames.contains(name) {
            guard let close = source.columnNames.first(where: { $0.lowercased() == name.lowercased() }) else {
                continue
            }
            throw Failure(
                "'\(name)' of foreach is no column of '\(source.dataset)', and each item would have all rows",
                remedy: "write it '\(close)', or 'partition: false' if the items do not divide the rows",
                location: attempt.stage.fanOut?.location)
        }
    }

    /// Adds the search for items that mean no value of the column whose rows they divide, or the same value as another.
    private func addMisfits(to script: inout SQLScript) throws(Failure) {
        try refuseAlike()
        guard let source = mainInput else { return }
        let sql = attempt.sql
        for (name, values) in attempt.stage.fanOut?.variables ?? [] {
            guard let type = source.columns.first(where: { $0.name == name })?.type, type != .text else { continue }
            let texts: String
            if case .query(let query) = values {
                texts =
                    "SELECT DISTINCT \(sql.itemText("found.\"value\"")) AS item FROM (\n\(sql.bound(query.value))\n) "
                    + "AS found(\"value\")"
            } else {
                let listed = try self.values(of: name, values, nil).prefix(Self.limit).compactMap { $0.map(sql.text) }
                if listed.isEmpty { continue }
                texts = "SELECT item FROM (VALUES \(listed.map { "(\($0))" }.joined(separator: ", "))) AS listed(item)"
            }
            script.add(
                "the items that mean no value of \(name), or the same", weight: 5,
                .lines(
                    .misfit,
                    "\(sql.text(name)) AS name, min(item) AS one, max(item) AS other, meant IS NULL AS \"isNone\"\n"
                        + "FROM (SELECT item, \(sql.itemValue("item", as: type)) AS meant\n      FROM (\(texts)) AS items\n"
                        + "      WHERE item IS NOT NULL) AS meanings\n"
                        + "GROUP BY meant\nHAVING meant IS NULL OR count(*) > 1\nORDER BY one\nLIMIT 1"))
        }
    }

    /// Items that mean no value of their column, or the same.
    private struct Misfit: Decodable {
        var name: String
        var one: String
        var other: String
        var isNone: Bool
    }

    /// Rejects items that mean no value of the column whose rows they divide, or the same value as another.
    private func refuseMisfits(_ readings: DataReadings?) throws(Failure) {
        guard let misfit = readings?.rows(.misfit, as: Misfit.self).first, let source = mainInput,
            let column = source.columns.first(where: { $0.name == misfit.name })
        else { return }
        let place = "of '\(column.name)' of '\(source.dataset)', which is \(column.type)"
        throw Failure(
            misfit.isNone
                ? "the item '\(misfit.one)' is no value \(place)"
                : "the items '\(misfit.one)' and '\(misfit.other)' are one value \(place): both would have its rows",
            remedy: misfit.isNone
                ? "leave it out, or write 'partition: false' if the items do not divide the rows"
                : "leave one of them out; in a query, cast the values to that type",
            location: attempt.stage.fanOut?.location)
    }

    /// What is true for rows of no item although all items are values of their own column, written as text.
    ///
    /// - Returns: Nil where the items come from elsewhere, or their texts mean the values for certain.
    private func strayCondition(_ source: DataSource) -> String? {
        let sql = attempt.sql
        var conditions: [String] = []
        for (name, values) in attempt.stage.fanOut?.variables ?? [] {
            guard case .query(let query) = values, isOwnColumn(name, query.value, source.dataset),
                let type = source.columns.first(where: { $0.name == name })?.type
            else { return nil }
            if [.text, .integer, .boolean, .date].contains(type) { continue }
            let value = sql.itemValue(sql.itemText("found.\"value\""), as: type)
            conditions.append(
                "NOT EXISTS (SELECT 1 FROM (\n\(sql.bound(query.value))\n) AS found(\"value\") "
                    + "WHERE divided.\(sql.name(name)) IS NOT DISTINCT FROM \(value))")
        }
        return conditions.isEmpty ? nil : conditions.joined(separator: " OR ")
    }

    /// Whether a query gives all values of a column, such as `select distinct g from src order by g`.
    private func isOwnColumn(_ column: String, _ query: Template, _ dataset: DatasetName) -> Bool {
        guard query.references.isEmpty else { return false }
        let words = SQLText.words(in: query.description).map { $0.lowercased() }
        let wanted = ["select", "distinct", column.lowercased(), "from", dataset.rawValue.lowercased()]
        return words.starts(with: wanted)
            && (words.count == wanted.count
                || words.dropFirst(wanted.count).starts(with: ["order", "by", column.lowercased()])
                    && words.count <= wanted.count + 4)
    }

    /// The items, from the results of the script.
    ///
    /// - Throws: ``Failure`` where some would share a file or rows, or rows that they should divide belong to none of them.
    func items(_ readings: DataReadings?) throws(Failure) -> [Item] {
        try refuseMisfits(readings)
        if let stray = readings?.count(.stray), stray > 0, let source = dividedInput {
            throw Failure(
                "\(stray.counted("row")) of '\(source.dataset)' would belong to no item, although the items are the values of "
                    + "that column: as text they do not mean the values that they were",
                remedy: "cast the column to text in a stage before this one", location: attempt.stage.fanOut?.location)
        }
        let variables = attempt.stage.fanOut?.variables ?? []
        var lists: [[String?]] = [[]]
        for (name, source) in variables {
            let values = try values(of: name, source, readings)
            lists = lists.flatMap { list in values.map { list + [$0] } }
            if lists.count > Self.limit {
                throw Failure(
                    "'foreach' gives \(lists.count.counted("item")), and at most \(Int64(Self.limit).grouped) are allowed",
                    location: attempt.stage.fanOut?.location)
            }
        }
        let items = lists.map { list in
            Item(key: ItemKey(values: list), values: Dictionary(uniqueKeysWithValues: zip(variables.map(\.name), list)))
        }
        try refuseSharedPlaces(items)
        return items
    }

    /// Rejects items that would write the same file: the rows of all but one would be lost.
    private func refuseSharedPlaces(_ items: [Item]) throws(Failure) {
        guard items.count > 1 else { return }
        for output in attempt.stage.definition.outputs {
            guard attempt.pipeline.dataset(output)?.path != nil else { continue }
            var writers: [ExactText: ItemKey] = [:]
            for item in items {
                var asked = attempt
                asked.item = item
                let target = asked.target(output)
                guard let other = writers.updateValue(item.key, forKey: ExactText(target)) else { continue }
                throw Failure(
                    "the items \(other) and \(item.key) would both write "
                        + PathText.relative(target, to: attempt.pipeline.root),
                    remedy: "put something between the variables in the path of dataset '\(output)', such as a slash",
                    location: attempt.pipeline.dataset(output)?.placeLocation)
            }
        }
    }

    /// A value that a query gave for a variable.
    private struct FoundValue: Decodable {
        var name: String
        var value: String?
    }

    private func values(
        of name: String, _ source: FanOut.Source, _ readings: DataReadings?
    ) throws(Failure) -> [String?] {
        switch source {
        case .values(let templates):
            var seen: Set<ItemKey> = []
            return try templates.map { template throws(Failure) in
                let value = template.value.filled { attempt.value(of: $0) ?? "" }
                if seen.insert(ItemKey(value)).inserted { return value }
                throw Failure(
                    "'\(name)' holds '\(value)' twice with the values of this run", remedy: "remove one of them",
                    location: template.location)
            }
        case .query:
            var seen: Set<ItemKey?> = []
            return (readings?.rows(.item, as: FoundValue.self) ?? []).filter { $0.name == name }.map(\.value)
                .filter { seen.insert($0.map { ItemKey($0) }).inserted }
        case .files(let pattern):
            if let files = listed[name] { return files }
            let path = PathText.absolute(attempt.path(pattern), in: attempt.pipeline.root)
            do throws(Failure) {
                return try Glob.files(matching: path).map { PathText.relative($0, to: attempt.pipeline.root) }
            } catch {
                throw Failure(error.message, remedy: error.remedy, location: attempt.stage.fanOut?.location)
            }
        case .days(let from, let to):
            guard let first = UTC.milliseconds(ofDate: day(from)), let last = UTC.milliseconds(ofDate: day(to)) else {
                throw Failure(
                    "the days of the fan-out are not dates: from '\(day(from))' to '\(day(to))'",
                    remedy: "write them as 2026-11-23, today or yesterday", location: attempt.stage.fanOut?.location)
            }
            return stride(from: first, through: last, by: 86_400_000).map { UTC.date($0) }
        }
    }

    private func day(_ template: Template) -> String {
        // Of the run, as parameters are: also where the items are looked for after midnight, or in a retry days later.
        let today =
            attempt.facts.slot?.localDate
            ?? UTC.date(attempt.facts.started.wall, in: attempt.pipeline.timeZone)
        return switch template.filled({ attempt.value(of: $0) ?? "" }) {
        case "today": today
        case "yesterday": UTC.dayBefore(today)
        case let text: text
        }
    }
}

/// The items of a fan-out, for callers that only show them.
package struct FanOutItems {
    private let attempt: StageAttempt

    package init(_ attempt: StageAttempt) { self.attempt = attempt }

    /// The first item, or nil when there is none; asks the engine when a query has to tell.
    ///
    /// - Throws: ``Failure`` where the engine refuses the query, or an item cannot be made of its answer.
    package func first(_ tools: DataTools) async throws -> Item? {
        var asked = attempt
        asked.sharedFolder = nil
        let finder = FanOutFinder(asked)
        let files = asked.sources.values.flatMap(\.files)
        let readings: DataReadings? =
            if let script = try finder.script() { try await tools.ask(script, reading: files) } else { nil }
        return try finder.items(readings).first
    }
}
