import CaudalModel

/// Finds in the tree of a query what is made of several rows, so that a part of them would give something else.
struct GatheringWalk {
    private typealias Node = [String: Any]

    /// The engine's aggregate functions, in small letters.
    private let aggregates: Set<String>
    private var found: [Query.Gathering] = []
    /// The queries of common table expressions, by their names in small letters.
    private var expressions: [String: Any] = [:]
    /// The names of columns that are made of something else, such as by `upper(k) AS k`.
    private var made: Set<String> = []
    /// The query that what is looked at is part of, and whether it chooses rows of that.
    private var (select, isChoosing): (Node, Bool) = ([:], false)
    /// The queries that choose the newest row of a key.
    private var choosing: [Node] = []

    /// What is made of several rows in a statement.
    static func gatherings(in statement: [String: Any], aggregates: Set<String>) -> [Query.Gathering] {
        var walk = GatheringWalk(aggregates: aggregates)
        walk.visit(statement)
        let choosesLast = walk.choosesLast(in: statement)
        return walk.found.map { gathering in
            var gathering = gathering
            func isMade(_ column: Query.GatheringColumn) -> Bool { walk.made.contains(column.name.lowercased()) }
            // Where the newest row is left out behind the part that chooses it, an older one stays in its place.
            if !choosesLast || gathering.columns.contains(where: isMade) || gathering.greatest.map(isMade) == true {
                gathering.greatest = nil
            }
            gathering.columns.removeAll(where: isMade)
            return gathering
        }
    }

    private init(aggregates: Set<String>) { self.aggregates = aggregates }

    // MARK: - The walk

    private mutating func visit(_ value: Any) {
        if let list = value as? [Any] {
            for element in list { visit(element) }
        } else if let node = value as? Node {
            visit(node)
        }
    }

    private mutating func visit(_ node: Node) {
        for entry in (node["cte_map"] as? Node)?["map"] as? [Node] ?? [] {
            guard let key = (entry["key"] as? String)?.lowercased(), let value = entry["value"] else { continue }
            visit(value)
            expressions[key] = value
        }
        let outer = (select, isChoosing)
        if node["type"] as? String == "SELECT_NODE" { (select, isChoosing) = (node, false) }
        note(node)
        for (key, value) in node where key != "cte_map" {
            let before = isChoosing
            isChoosing = before || key == "qualify"
            visit(value)
            isChoosing = before
        }
        (select, isChoosing) = outer
    }

    private mutating func add(_ word: String, of tables: Set<String>, by columns: [Query.GatheringColumn] = []) {
        if !tables.isEmpty { found.append(Query.Gathering(word: word, columns: columns, tables: tables)) }
    }

    private mutating func note(_ node: Node) {
        if let sample = node["sample"], sample is Node { add("a sample", of: tables(in: node)) }
        noteModifiers(node)
        switch (node["class"] as? String, node["type"] as? String) {
        case ("WINDOW", _): noteWindow(node)
        case ("SUBQUERY", _): add("a query inside of an expression", of: tables(in: node["subquery"]))
        case (_, "SELECT_NODE"): noteAggregate(node)
        case (_, "JOIN"): noteJoin(node)
        case (_, "PIVOT") where !(node["aggregates"] as? [Node] ?? []).isEmpty:
            add("PIVOT", of: tables(in: node["source"]))
        case (_, "SET_OPERATION_NODE") where node["setop_type"] as? String == "EXCEPT":
            add("EXCEPT", of: tables(in: node["right"]))
        default: break
        }
        // A name for something else.
        let alias = (node["alias"] as? String ?? "").lowercased()
        if node["class"] is String, !alias.isEmpty, Self.plainName(node)?.lowercased() != alias { made.insert(alias) }
        for entry in node["replace_list"] as? [Node] ?? [] { made.insert((entry["key"] as? String ?? "").lowercased()) }
        for name in node["column_name_alias"] as? [String] ?? [] { made.insert(name.lowercased()) }
    }

    private mutating func noteModifiers(_ node: Node) {
        for modifier in node["modifiers"] as? [Node] ?? [] {
            let targets = modifier["distinct_on_targets"] as? [Node] ?? []
            if !targets.isEmpty { add("DISTINCT ON", of: tables(in: node), by: columns(targets)) }
            if (modifier["type"] as? String)?.hasPrefix("LIMIT") == true { add("LIMIT", of: tables(in: node)) }
        }
    }

    /// Functions over other rows that number the rows; `QUALIFY` takes the newest of those with a key by them.
    private static let numberings: Set<String> = ["WINDOW_ROW_NUMBER", "WINDOW_RANK", "WINDOW_RANK_DENSE"]

    private mutating func noteWindow(_ node: Node) {
        var gathering = Query.Gathering(
            word: node["function_name"] as? String ?? "a window", columns: columns(node["partitions"]),
            tables: tables(in: select["from_table"]))
        let first = (node["orders"] as? [Node])?.first
        if isChoosing, choosesFirst, Self.numberings.contains(node["type"] as? String ?? ""),
            first?["type"] as? String == "DESCENDING", first?["null_order"] as? String != "NULLS FIRST",
            let column = columns([first?["expression"] ?? [:]]).first
        {
            gathering.greatest = column
            choosing.append(select)
        }
        found.append(gathering)
    }

    /// Whether the query takes the rows with the number 1 and no other ones: `qualify … = 1`.
    private var choosesFirst: Bool {
        guard let qualify = select["qualify"] as? Node, qualify["type"] as? String == "COMPARE_EQUAL" else {
            return false
        }
        let sides = [qualify["left"], qualify["right"]].compactMap { $0 as? Node }
        return sides.contains { $0["class"] as? String == "WINDOW" }
            && sides.contains { ($0["value"] as? Node)?["value"] as? Int == 1 }
    }

    private mutating func noteAggregate(_ node: Node) {
        let list = node["select_list"] as? [Node] ?? []
        guard let word = aggregate(in: [list, node["having"] ?? [], node["qualify"] ?? [], node["modifiers"] ?? []])
        else { return }
        let groups = node["group_expressions"] as? [Node] ?? []
        var keys = groups.map { group -> [Query.GatheringColumn] in
            // `group by 1` means the first of the list.
            if let place = (group["value"] as? Node)?["value"] as? Int, list.indices.contains(place - 1) {
                return columns([list[place - 1]])
            }
            return columns([group])
        }
        if node["aggregate_handling"] as? String == "FORCE_AGGREGATES" { keys = [columns(list)] }
        // Of several sets of groups, each has to keep the values apart.
        let sets = node["group_sets"] as? [[Int]] ?? []
        if let first = sets.first {
            let common = sets.reduce(Set(first)) { $0.intersection($1) }
            keys = common.sorted().filter(keys.indices.contains).map { keys[$0] }
        }
        add(word, of: tables(in: node["from_table"]), by: keys.flatMap { $0 })
    }

    /// The first aggregate function in a part of a query, besides those of queries in it.
    private func aggregate(in value: Any) -> String? {
        if let list = value as? [Any] { return list.lazy.compactMap { aggregate(in: $0) }.first }
        guard let node = value as? Node else { return nil }
        if ["SUBQUERY", "WINDOW"].contains(node["class"] as? String) { return nil }
        if node["type"] as? String == "FUNCTION", let name = (node["function_name"] as? String)?.lowercased(),
            aggregates.contains(name)
        {
            return name
        }
        return node.values.lazy.compactMap { aggregate(in: $0) }.first
    }

    /// Notes a join for which it matters that a table has no partner for a row, or which one is the nearest.
    private mutating func noteJoin(_ node: Node) {
        let (kind, way) = (node["join_type"] as? String ?? "", node["ref_type"] as? String ?? "")
        var sides =
            [
                "LEFT": ["right"], "RIGHT": ["left"], "FULL": ["left", "right"], "OUTER": ["left", "right"],
                "ANTI": ["right"],
            ][kind] ?? []
        if way == "ASOF" { sides.append("right") }
        if way == "POSITIONAL" { sides = ["left", "right"] }
        let names = sides.reduce(into: Set<String>()) { $0.formUnion(tables(in: node[$1])) }
        let word = ["ASOF", "POSITIONAL"].contains(way) ? way : kind == "OUTER" ? "FULL" : kind
        add("\(word == "ANTI" || word == "ASOF" ? "an" : "a") \(word) JOIN", of: names)
    }

    /// Whether nothing behind the part that chooses the newest row can leave it out.
    private func choosesLast(in statement: Node) -> Bool {
        guard choosing.count == 1 else { return false }
        let select = choosing[0]
        let own = tables(in: select["from_table"])
        // What it reads comes before it, and what reads other tables has other rows.
        func omissions(in value: Any?) -> Int {
            if let list = value as? [Any] { return list.reduce(0) { $0 + omissions(in: $1) } }
            guard let node = value as? Node else { return 0 }
            if let key = (node["key"] as? String)?.lowercased(), expressions[key] != nil, node["value"] is Node,
                own.contains(key) || tables(in: node["value"]).isDisjoint(with: own)
            {
                return 0
            }
            if node["type"] as? String == "SUBQUERY", node["class"] == nil, tables(in: node).isDisjoint(with: own) {
                return 0
            }
            var count = ["where_clause", "having", "qualify"].count { node[$0] is Node }
            if node["type"] as? String == "JOIN", !["LEFT", "FULL", "OUTER"].contains(node["join_type"] as? String) {
                count += 1
            }
            if let operation = node["setop_type"] as? String, !operation.hasPrefix("UNION") { count += 1 }
            // An empty list gives no row.
            if (node["function_name"] as? String)?.lowercased() == "unnest" { count += 1 }
            return node.values.reduce(count) { $0 + omissions(in: $1) }
        }
        return omissions(in: statement) == omissions(in: select.filter { $0.key != "select_list" })
    }

    // MARK: - Where names come from

    /// The names of the tables in a part of a query, also those that its common table expressions read.
    private func tables(in value: Any?) -> Set<String> { tables(in: value, behind: []) }

    private func tables(in value: Any?, behind names: Set<String>) -> Set<String> {
        if let list = value as? [Any] { return list.reduce(into: []) { $0.formUnion(tables(in: $1, behind: names)) } }
        guard let node = value as? Node else { return [] }
        if node["type"] as? String == "BASE_TABLE", let name = (node["table_name"] as? String)?.lowercased() {
            if names.contains(name) { return [name] }
            return Set([name]).union(tables(in: expressions[name], behind: names.union([name])))
        }
        return node.values.reduce(into: []) { $0.formUnion(tables(in: $1, behind: names)) }
    }

    /// The columns among expressions, with the tables that they are columns of.
    private func columns(_ value: Any?) -> [Query.GatheringColumn] {
        (value as? [Node] ?? []).compactMap { node in
            guard node["type"] as? String == "COLUMN_REF", let names = node["column_names"] as? [String],
                let name = names.last
            else { return nil }
            let qualifier = names.count > 1 ? names[names.count - 2] : nil
            return Query.GatheringColumn(
                name: name, tables: origins(of: name, qualifier, in: select["from_table"], behind: []))
        }
    }

    private static func plainName(_ node: Node) -> String? {
        node["type"] as? String == "COLUMN_REF" ? (node["column_names"] as? [String])?.last : nil
    }

    /// The tables that a column of this name, as it is, may be one of.
    ///
    /// `names`: common table expressions that are being looked at.
    private func origins(
        of column: String, _ qualifier: String?, in value: Any?, behind names: Set<String>
    ) -> Set<String> {
        guard let node = value as? Node else { return [] }
        let alias = node["alias"] as? String ?? ""
        func isMeant(_ name: String) -> Bool {
            qualifier.map { $0.lowercased() == (alias.isEmpty ? name : alias).lowercased() } ?? true
        }
        switch node["type"] as? String {
        case "JOIN":
            return origins(of: column, qualifier, in: node["left"], behind: names)
                .union(origins(of: column, qualifier, in: node["right"], behind: names))
        case "BASE_TABLE":
            guard let name = (node["table_name"] as? String)?.lowercased(), isMeant(name),
                (node["column_name_alias"] as? [Any] ?? []).isEmpty
            else { return [] }
            guard let expression = expressions[name], !names.contains(name) else { return [name] }
            return given(column, by: expression, behind: names.union([name]))
        case "SUBQUERY":
            guard isMeant(""), (node["column_name_alias"] as? [Any] ?? []).isEmpty else { return [] }
            return given(column, by: node["subquery"], behind: names)
        default: return []
        }
    }

    /// The tables that a column of a query may be one of.
    private func given(_ column: String, by value: Any?, behind names: Set<String>) -> Set<String> {
        guard let node = value as? Node else { return [] }
        if let inner = node["query"] ?? node["node"] { return given(column, by: inner, behind: names) }
        guard node["type"] as? String == "SELECT_NODE" else { return [] }
        var found: Set<String> = []
        for item in node["select_list"] as? [Node] ?? [] {
            if item["type"] as? String == "STAR" {
                let relation = item["relation_name"] as? String ?? ""
                found.formUnion(
                    origins(of: column, relation.isEmpty ? nil : relation, in: node["from_table"], behind: names))
                continue
            }
            // A column with another name behind it is among those that are made of something else.
            guard Self.plainName(item)?.lowercased() == column.lowercased() else { continue }
            let parts = item["column_names"] as? [String] ?? []
            found.formUnion(
                origins(
                    of: column, parts.count > 1 ? parts[parts.count - 2] : nil, in: node["from_table"], behind: names))
        }
        return found
    }
}
