/// Finds in the tree of a query the tables of which several rows may meet in one row that the query gives.
///
/// Where only a part of the rows is read, a row does not meet those that are left out.
enum RepeatedReads {
    private typealias Node = [String: Any]
    /// How many rows of each table, by its name in small letters, one row may be made of: one, or 2 for several.
    private typealias Counts = [String: Int]

    /// The names, in small letters, of the tables that a statement reads in several places whose rows meet.
    static func tables(in statement: [String: Any]) -> Set<String> {
        Set(counts(in: statement, [:]).filter { $0.value > 1 }.keys)
    }

    private static func add(_ first: Int, _ second: Int) -> Int { min(first + second, 2) }

    /// `expressions`: the counts of the common table expressions that can be read here, by their names in small letters.
    private static func counts(in value: Any?, _ expressions: [String: Counts]) -> Counts {
        if let list = value as? [Any] {
            return list.reduce(into: [:]) { $0.merge(counts(in: $1, expressions), uniquingKeysWith: add) }
        }
        guard let node = value as? Node else { return [:] }
        var expressions = expressions
        for entry in (node["cte_map"] as? Node)?["map"] as? [Node] ?? [] {
            guard let key = (entry["key"] as? String)?.lowercased() else { continue }
            expressions[key] = counts(in: entry["value"], expressions)
        }
        switch node["type"] as? String {
        case "BASE_TABLE": return read(node, expressions)
        case "RECURSIVE_CTE_NODE":
            guard let name = (node["cte_name"] as? String)?.lowercased() else { return [:] }
            let first = counts(in: node["left"], expressions)
            // What meets a row of the second round meets one of each further round.
            let second = counts(in: node["right"], expressions.merging([name: first]) { $1 })
            let third = counts(in: node["right"], expressions.merging([name: second]) { $1 })
            return first.merging(third, uniquingKeysWith: max)
        default: break
        }
        func sum(besides keys: Set<String>) -> Counts {
            node.reduce(into: [:]) {
                if !keys.contains($1.key) { $0.merge(counts(in: $1.value, expressions), uniquingKeysWith: add) }
            }
        }
        guard (node["setop_type"] as? String)?.hasPrefix("UNION") == true else { return sum(besides: ["cte_map"]) }
        // A row of a union is one of its sides.
        let sides = ["left", "right"].map { counts(in: node[$0], expressions) }
        return sum(besides: ["cte_map", "left", "right"])
            .merging(sides[0].merging(sides[1], uniquingKeysWith: max), uniquingKeysWith: add)
    }

    private static func read(_ node: Node, _ expressions: [String: Counts]) -> Counts {
        guard let name = (node["table_name"] as? String)?.lowercased() else { return [:] }
        let schema = (node["schema_name"] as? String ?? "").lowercased()
        // `recurring.x` is what a recursive expression has found so far.
        if ["", "recurring"].contains(schema), let counts = expressions[name] { return counts }
        return [name: 1]
    }
}
