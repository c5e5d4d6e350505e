package import CaudalModel

/// Lookups in small datasets: a row's key is turned into the place of the row that has it, and what is added stands at that
/// place of a list. So rows keep their order, where a join would make a sort of whole rows necessary.
extension RelationBuilder {
    /// The greatest size of a dataset that is looked up so, in bytes: of a longer list the engine makes more copies than a sort
    /// costs.
    private static let mostBytes: Int64 = 64 << 10

    /// Whether rows are looked up by their places: in a small file of text, by one key of a type whose values are equal exactly where
    /// their texts are.
    package func looksUpPlaces(_ lookup: Lookup, in source: DataSource) throws(ConfigError) -> Bool {
        guard sql.keepsOrder, lookup.on.count == 1, lookup.validity == nil, source.table == nil, !source.files.isEmpty,
            // How many rows a compressed file has, its size does not tell.
            source.format != .parquet, source.files.allSatisfy({ !$0.hasSuffix(".gz") && !$0.hasSuffix(".zst") }),
            source.files.reduce(0, { $0 + (FileText.size($1) ?? Self.mostBytes) }) < Self.mostBytes
        else { return false }
        let left = try column(lookup.on[0].input).type
        let right = try Self.column(lookup.on[0].lookup, of: source).type
        let compared = left == .text ? right : left
        return [left, right].allSatisfy { $0 == .text || $0 == compared }
            && [.text, .integer, .boolean, .date].contains(compared)
    }

    /// Adds the columns of a lookup to the rows, and to a script the statements that make the lists.
    ///
    /// - Parameter index: The place of the lookup in its stage.
    /// - Throws: ``ConfigError`` when a column of the lookup or of the rows is missing, or types cannot be compared.
    package mutating func addByPlace(
        _ lookup: Lookup, in source: DataSource, index: Int, to script: inout SQLScript
    ) throws(ConfigError) {
        let additions = try additions(lookup, source)
        guard let key = try keys(lookup, source).first else { return }
        let (table, type) = (sql.ownName("lookup_\(index + 1)"), sql.ownName("keys_\(index + 1)"))
        let names = additions.indices.map { "c\($0)" }
        let values = zip(additions, names).map { "\(sql.name($0.column.name)) AS \($1)" }
        script.add(
            "keep the rows of \(lookup.dataset.value)", weight: 0.5,
            .table(
                "SELECT \((["\(sql.cast(key.right, to: .text)) AS key"] + values).joined(separator: ", "))\n"
                    + "FROM \(try lookupRelation(lookup, source))\nWHERE \(key.right) IS NOT NULL", as: table))
        script.add(
            "make a type of their keys", weight: 0.1,
            sql.enumeration(type, of: sql.numberedRows(ofTable: table, columns: "key"), key: "key"))
        let rows = sql.numberedRows(ofTable: table, columns: names.joined(separator: ", "))
        for (addition, name) in zip(additions, names) {
            script.add(
                "list \(addition.column.name)", weight: 0.1,
                .note("(SELECT \(sql.listed(name)) FROM \(rows))", as: Self.list(index, name)))
        }
        let place = sql.ownName("place")
        let list = zip(additions, names).map { addition, name in
            let found = sql.cast(sql.noted(Self.list(index, name), atPlace: place), to: addition.column.type)
            guard let standIn = addition.standIn else { return "\(found) AS \(sql.name(addition.name))" }
            // A found row has its key but may lack the value.
            return "CASE WHEN \(place) IS NULL THEN \(standIn) ELSE \(found) END AS \(sql.name(addition.name))"
        }
        let inside =
            "SELECT *, \(sql.place(of: sql.cast(key.left, to: .text), in: type)) AS \(place)\nFROM \(from)"
        let own = columns.map { sql.name($0.name) } + list + hiddenColumns()
        let name = sql.ownName("step_\(parts.count + 1)")
        let title = "look up \(lookup.dataset.value) by \(lookup.on[0].input.value)"
        parts.append((name, title, "SELECT \(own.joined(separator: ",\n       "))\nFROM (\(inside))"))
        from = name
        take(additions, of: source)
    }

    /// Under which name a list is noted.
    private static func list(_ index: Int, _ name: String) -> String { "lookup_\(index + 1)_\(name)" }
}
