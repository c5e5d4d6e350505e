package import CaudalModel

/// Lookups: rows joined with those of another dataset.
extension RelationBuilder {
    /// The relation to join with, named `found`.
    func lookupRelation(_ lookup: Lookup, _ source: DataSource) throws(ConfigError) -> String {
        let keys = try self.keys(lookup, source).map(\.right)
        switch lookup.duplicates {
        case .error: return source.fromClause(sql)
        // With a period of validity, the valid rows are known only after the join.
        case .first where lookup.validity != nil, .last where lookup.validity != nil:
            return source.fromClause(sql, numbersRows: true)
        case .first, .last:
            let row = sql.name(DataSource.rowColumn)
            let order = lookup.duplicates == .first ? "ASC" : "DESC"
            return "(SELECT * FROM \(source.fromClause(sql, numbersRows: true)) "
                + "QUALIFY row_number() OVER (PARTITION BY \(keys.joined(separator: ", ")) ORDER BY \(row) \(order)) = 1)"
        }
    }

    /// SQL that keeps one of several valid rows; empty where there can be only one.
    private func choiceAmongFound(_ lookup: Lookup) -> String {
        guard lookup.validity != nil, lookup.duplicates != .error else { return "" }
        let row = sql.name(DataSource.rowColumn)
        let order = lookup.duplicates == .first ? "ASC" : "DESC"
        return "\nQUALIFY row_number() OVER (PARTITION BY rows.\(row) ORDER BY found.\(row) \(order)) = 1"
    }

    /// The two sides of each key, in comparable types.
    ///
    /// - Parameters:
    ///   - rows: A prefix for the names of the input's columns.
    ///   - found: A prefix for the names of the lookup's columns.
    func keys(
        _ lookup: Lookup, _ source: DataSource, rows: String = "", found: String = ""
    ) throws(ConfigError) -> [(left: String, right: String)] {
        var keys: [(left: String, right: String)] = []
        for pair in lookup.on {
            let left = try column(pair.input)
            let right = try Self.column(pair.lookup, of: source)
            guard
                let sides = sql.comparable(
                    (rows + sql.name(left.name), left.type), (found + sql.name(right.name), right.type),
                    rightZone: source.zone)
            else {
                throw ConfigError(
                    "\(left.type) '\(left.name)' cannot be looked up in \(right.type) '\(right.name)'",
                    remedy: "cast one of them in a process stage", at: pair.input.location)
            }
            keys.append(sides)
        }
        return keys
    }

    private func joinConditions(_ lookup: Lookup, _ source: DataSource) throws(ConfigError) -> [String] {
        var conditions = try keys(lookup, source, rows: "rows.", found: "found.").map { "\($0.left) = \($0.right)" }
        if let validity = lookup.validity {
            let moment = try column(validity.at)
            let type: ColumnType = moment.type == .date ? .date : .timestamp
            func time(_ column: Column, of rows: String, in zone: String?) -> String {
                "(\(sql.inZone(zone).exactCast("\(rows).\(sql.name(column.name))", from: column.type, to: type)))"
            }
            let at = time(moment, of: "rows", in: sql.zone)
            let from = time(try Self.column(validity.from, of: source), of: "found", in: source.zone)
            let last = try Self.column(validity.to, of: source)
            let end = "found.\(sql.name(last.name))"
            // A missing end means that the row is valid forever, but an unreadable end does not: such a row is never
            // valid.
            conditions.append(
                "\(at) >= \(from) AND (\(end) IS NULL OR \(at) < \(time(last, of: "found", in: source.zone)))")
        }
        return conditions
    }

    static func column(_ name: Located<String>, of source: DataSource) throws(ConfigError) -> Column {
        if let column = source.columns.first(where: { $0.name == name.value }) { return column }
        throw ConfigError(
            "'\(source.dataset)' has no column '\(name.value)'"
                + Suggestion.phrase(for: name.value, among: source.columnNames), at: name.location)
    }

    /// A column that a lookup adds: the lookup's own, its name among the rows, and SQL for what stands there when nothing is
    /// found.
    typealias Addition = (column: Column, name: String, standIn: String?)

    /// The columns that a lookup adds.
    func additions(_ lookup: Lookup, _ source: DataSource) throws(ConfigError) -> [Addition] {
        var added: [Addition] = []
        for addition in lookup.add {
            let column = try Self.column(addition.column, of: source)
            if columns.contains(where: { $0.name == addition.name }) {
                throw ConfigError(
                    "there is a column '\(addition.name)' already",
                    remedy: "add it under another name: {\(column.name): other_name}", at: addition.column.location)
            }
            let others = added.map { Column($0.name, $0.column.type) }
            try refuseAlike(Located(addition.name, at: addition.column.location), among: columns + others)
            var standIn: String?
            if let fallback = lookup.fallback?.literal(for: column.type) {
                try require(fallback, fits: column, at: lookup.location)
                standIn = sql.cast(sql.literal(fallback), to: column.type)
            }
            added.append((column, addition.name, standIn))
        }
        return added
    }

    /// Adds the columns of a lookup to the rows.
    ///
    /// - Throws: ``ConfigError`` when a column of the lookup or of the rows is missing, or types cannot be compared.
    package mutating func add(_ lookup: Lookup, in source: DataSource) throws(ConfigError) {
        let conditions = try joinConditions(lookup, source)
        let additions = try additions(lookup, source)
        var list = columns.map { "rows.\(sql.name($0.name))" }
        let key = "found.\(sql.name(lookup.on[0].lookup.value))"
        list += additions.map { addition in
            let value = "found.\(sql.name(addition.column.name))"
            guard let standIn = addition.standIn else { return "\(value) AS \(sql.name(addition.name))" }
            // A found row has its key but may lack the value.
            return "CASE WHEN \(key) IS NULL THEN \(standIn) ELSE \(value) END AS \(sql.name(addition.name))"
        }
        list += hiddenColumns(of: "rows.")
        let name = sql.ownName("step_\(parts.count + 1)")
        let query =
            "SELECT \(list.joined(separator: ",\n       "))\nFROM \(from) AS rows\n"
            + "LEFT JOIN \(try lookupRelation(lookup, source)) AS found\n  ON \(conditions.joined(separator: " AND "))"
            + choiceAmongFound(lookup)
        parts.append(
            (name, "look up \(lookup.dataset.value) by \(lookup.on.map(\.input.value).joined(separator: ", "))", query))
        from = name
        hasLostOrder = true
        take(additions, of: source)
    }

    /// Takes the columns of a lookup among those of the rows.
    mutating func take(_ additions: [Addition], of source: DataSource) {
        columns += additions.map { Column($0.name, $0.column.type) }
        for addition in additions {
            namedTimes?.set(addition.name, like: [addition.column.name], of: source.namedTimes)
        }
    }

    /// The query that counts the rows without a match in the lookup.
    ///
    /// - Throws: ``ConfigError`` when a column of the lookup or of the rows is missing, or types cannot be compared.
    package func countOfUnmatched(_ lookup: Lookup, in source: DataSource) throws(ConfigError) -> String {
        let conditions = try joinConditions(lookup, source)
        var copy = self
        copy.from =
            "\(from) AS rows ANTI JOIN \(source.fromClause(sql)) AS found ON \(conditions.joined(separator: " AND "))"
        return copy.query(selecting: "CAST(count(*) AS BIGINT)")
    }

    /// The statement that fails when a lookup has two rows for one key; nil when the stage settles duplicates.
    ///
    /// - Throws: ``ConfigError`` when a column of the lookup is missing.
    package func refusalOfDuplicates(_ lookup: Lookup, in source: DataSource) throws(ConfigError) -> String? {
        guard lookup.duplicates == .error else { return nil }
        let sides = try self.keys(lookup, source)
        let keys = lookup.on.indices.map { sql.ownName("key_\($0 + 1)") }
        let list = keys.joined(separator: ", ")
        let relation =
            "(SELECT *, \(zip(sides, keys).map { "\($0.right) AS \($1)" }.joined(separator: ", ")) "
            + "FROM \(source.fromClause(sql)))"
        let names = lookup.on.map(\.lookup.value).joined(separator: ", ")
        let place = "\(lookup.dataset.value) has more than one row for some \(names), such as "
        let remedy = "; remove them, or set 'duplicates' to first or last"
        let example = keys.map { sql.cast("min(\($0))", to: .text) }.joined(separator: " || ', ' || ")
        let present = keys.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let repeated: String
        if let validity = lookup.validity {
            func time(_ name: Located<String>) throws(ConfigError) -> String {
                let column = try Self.column(name, of: source)
                return
                    "(\(sql.inZone(source.zone).exactCast(sql.name(column.name), from: column.type, to: .timestamp)))"
            }
            let from = try time(validity.from)
            let end = sql.name(validity.to.value)
            let to = try time(validity.to)
            repeated =
                "SELECT \(list) FROM (SELECT \(list), \(from) AS starts, max(coalesce(\(to), \(sql.endOfTime))) "
                + "OVER (PARTITION BY \(list) ORDER BY \(from) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended "
                + "FROM \(relation) WHERE \(present) AND (\(end) IS NULL OR \(from) < \(to))) "
                + "WHERE starts < ended"
        } else {
            repeated =
                "SELECT \(list) FROM \(relation) WHERE \(present) GROUP BY \(list) HAVING count(*) > 1"
        }
        return
            "SELECT CASE WHEN count(*) > 0 THEN \(sql.refusal([.words(place), .value(example), .words(remedy)])) END "
            + "AS refused\nFROM (\(repeated))"
    }
}
