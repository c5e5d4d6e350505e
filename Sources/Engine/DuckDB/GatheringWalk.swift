import CaudalModel

/// Finds in the tree of a query what is made of several rows, so that a part of them would give something else.
struct GatheringWalk {
    private typealias Node = [String: Any]

    /// The engine's aggregate functions, in small letters.
    private let aggregates: Set<String>
    private var found: [Query.Gathering] = []
    /// The queries of common table expressions, by their names in small letters.
    private var expressions: [String: Any] = [:]
    /// The query that what is looked at is part of, and whether it chooses rows of that.
    private var (select, isChoosing): (Node, Bool) = ([:], false)
    /// The queries that choose the newest row of a key.
    private var choosing: [Node] = []

    /// What is made of several rows in a statement.
    static func gatherings(in statement: [String: Any], aggregates: Set<String>) -> [Query.Gathering] {
        var walk = GatheringWalk(aggregates: aggregates)
        walk.visit(statement)
        let choosesLast = walk.choosesLast(in: statement)
        /// Whether the statement gives the column by its own name.
        func isGiven(_ column: Query.GatheringColumn) -> Bool {
            column.origins.contains { walk.column($0.value, by: statement).origins[$0.key] == $0.value }
        }
        return walk.found.map { gathering in
            var gathering = gathering
            // Where the newest row is left out behind the part that chooses it, an older one stays in its place.
            let columns = gathering.columns + [gathering.greatest].compactMap { $0 }
            if !choosesLast || !columns.allSatisfy(isGiven) { gathering.greatest = nil }
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
        // The part that goes on from what is there reads it by this name.
        if let name = node["cte_name"] as? String { expressions[name.lowercased()] = node }
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
        case (_, "RECURSIVE_CTE_NODE") where !(node["key_targets"] as? [Node] ?? []).isEmpty:
            add("USING KEY", of: tables(in: node))
        default: break
        }
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

    /// What a name of a column may mean.
    private enum Origin {
        /// A column of a table, by the names of both in small letters.
        case column(String, of: String)
        /// Something else, such as a sum.
        case made
    }

    /// The columns among expressions, with the tables that they are columns of.
    private func columns(_ value: Any?) -> [Query.GatheringColumn] {
        (value as? [Node] ?? []).compactMap { node in
            guard let (name, qualifier) = Self.reference(node) else { return nil }
            return Self.column(origins(of: name, qualifier, in: select["from_table"], behind: []))
        }
    }

    /// The column that a query gives by a name.
    private func column(_ name: String, by query: Any?) -> Query.GatheringColumn {
        Self.column(given(name, by: query, behind: []))
    }

    private static func column(_ origins: [Origin]) -> Query.GatheringColumn {
        var found: [String: String] = [:]
        for case .column(let name, let table) in origins where found[table] == nil { found[table] = name }
        return Query.GatheringColumn(origins: found)
    }

    /// The name of a column and what stands before it, in small letters; nil for other expressions.
    private static func reference(_ node: Node) -> (name: String, qualifier: String?)? {
        guard node["type"] as? String == "COLUMN_REF",
            let names = (node["column_names"] as? [String])?.map({ $0.lowercased() }), let name = names.last
        else { return nil }
        return (name, names.dropLast().last)
    }

    /// What a column may be where it is read, by the order of the tables; empty where nothing there has one of this name.
    ///
    /// `names`: common table expressions that are being looked at.
    private func origins(
        of column: String, _ qualifier: String?, in value: Any?, behind names: Set<String>
    ) -> [Origin] {
        guard let node = value as? Node else { return [] }
        if node["type"] as? String == "JOIN" {
            return ["left", "right"].flatMap { origins(of: column, qualifier, in: node[$0], behind: names) }
        }
        let alias = (node["alias"] as? String ?? "").lowercased()
        let name = (node["table_name"] as? String ?? "").lowercased()
        if let qualifier, qualifier != (alias.isEmpty ? name : alias) { return [] }
        guard (node["column_name_alias"] as? [Any] ?? []).isEmpty else { return [.made] }
        switch node["type"] as? String {
        case "BASE_TABLE":
            guard let expression = expressions[name], !names.contains(name) else {
                return [.column(column, of: name)]
            }
            return given(column, by: expression, behind: names.union([name]))
        case "SUBQUERY": return given(column, by: node["subquery"], behind: names)
        case "EMPTY": return []
        default: return [.made]
        }
    }

    /// What a column that a query gives may be; empty where it gives none of this name.
    private func given(_ column: String, by value: Any?, behind names: Set<String>) -> [Origin] {
        guard let node = value as? Node, (node["aliases"] as? [Any] ?? []).isEmpty else { return [.made] }
        if let inner = node["query"] ?? node["node"] { return given(column, by: inner, behind: names) }
        guard node["type"] as? String == "SELECT_NODE" else { return [.made] }
        // Of several columns with one name, the first is meant.
        for item in node["select_list"] as? [Node] ?? [] {
            let found = given(column, by: item, of: node["from_table"], behind: names)
            if !found.isEmpty { return found }
        }
        return []
    }

    /// What a column may be that an element of a query's list gives.
    private func given(_ column: String, by item: Node, of tables: Any?, behind names: Set<String>) -> [Origin] {
        let alias = (item["alias"] as? String ?? "").lowercased()
        if item["type"] as? String == "STAR", item["columns"] as? Bool != true {
            func entries(_ key: String) -> [(key: String, value: String)] {
                (item[key] as? [Node] ?? []).map { entry in
                    let name = entry["key"] as? String ?? (entry["key"] as? Node)?["column"] as? String ?? ""
                    return (name.lowercased(), (entry["value"] as? String ?? "").lowercased())
                }
            }
            if entries("replace_list").contains(where: { $0.key == column }) { return [.made] }
            let renamed = entries("rename_list")
            let excluded = (item["exclude_list"] as? [String] ?? []).map { $0.lowercased() } + renamed.map(\.key)
            let name = renamed.first { $0.value == column }?.key ?? column
            if name == column, excluded.contains(column) { return [] }
            let relation = (item["relation_name"] as? String ?? "").lowercased()
            let found = origins(of: name, relation.isEmpty ? nil : relation, in: tables, behind: names)
            return Array(found.prefix(1))
        }
        guard let (name, qualifier) = Self.reference(item) else {
            return alias == column || alias.isEmpty && Self.hasStar(item) ? [.made] : []
        }
        guard column == (alias.isEmpty ? name : alias) else { return [] }
        let found = origins(of: name, qualifier, in: tables, behind: names)
        return found.isEmpty ? [.made] : found
    }

    /// Whether an expression stands for several, with the names of their columns.
    private static func hasStar(_ value: Any) -> Bool {
        if let list = value as? [Any] { return list.contains(where: hasStar) }
        guard let node = value as? Node else { return false }
        return node["type"] as? String == "STAR" || node.values.contains(where: hasStar)
    }
}
