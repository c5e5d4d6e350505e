import CaudalModel
import Foundation

/// What DuckDB's parser answers about a query.
extension QueryReading {
    /// Reads the answer of `json_serialize_sql`.
    ///
    /// `text`: the query.
    /// `functions`: what is known of those of the engine.
    package init(tree: some Collection<UInt8>, of text: String, functions: EngineFunctions) throws(Fault) {
        guard let answer = (try? JSONSerialization.jsonObject(with: Data(tree))) as? [String: Any] else {
            let isEndless = String(decoding: tree, as: UTF8.self).contains(#/"value":-?Inf/#)
            throw Fault(
                message: isEndless
                    ? "the query has a number that is too large: floating point ends at 1.8e308"
                    : "the query is nested too deeply to be examined")
        }
        if answer["error"] as? Bool == true { throw Self.fault(answer, text) }
        let statements = answer["statements"] as? [[String: Any]] ?? []
        guard statements.count == 1 else {
            throw statements.isEmpty
                ? Fault(message: "the query is empty")
                : Fault(
                    message: "these are \(statements.count) statements, and a query is one", remedy: "keep one of them")
        }
        var walk = TreeWalk(volatile: functions.volatile)
        walk.visit(statements[0], scope: [])
        if let fault = walk.fault { throw fault }
        self.init(
            tables: walk.tables.sorted { ($0.offset ?? .max) < ($1.offset ?? .max) }, unsteady: walk.unsteady,
            gatherings: GatheringWalk.gatherings(in: statements[0], aggregates: functions.aggregates),
            rereads: RepeatedReads.tables(in: statements[0]))
    }

    private static func fault(_ answer: [String: Any], _ text: String) -> Fault {
        let message = answer["error_message"] as? String ?? "it cannot be read"
        guard answer["error_type"] as? String == "not implemented" else {
            // Of syntax errors, and of nothing else, the place is counted in characters.
            let offset = (answer["position"] as? String).flatMap { Int($0) }.map { place in
                String(String.UnicodeScalarView(text.unicodeScalars.prefix(place))).utf8.count
            }
            return Fault(message: message, offset: offset)
        }
        let words = SQLText.words(in: text).map { $0.lowercased() }
        if words.contains(where: ["pivot", "pivot_wider"].contains) {
            return Fault(
                message: "the columns of this PIVOT come from the data, and a stage's columns are known before it runs",
                remedy: "list the values: PIVOT … ON month IN ('jan', 'feb')")
        }
        if message.contains("Only SELECT") {
            return Fault(
                message: "this is not a query: \((words.first ?? "").uppercased()) returns no rows",
                remedy: "begin it with SELECT, FROM, WITH or VALUES")
        }
        return Fault(message: message)
    }
}

/// Goes through the tree that `json_serialize_sql` gives.
private struct TreeWalk {
    let volatile: Set<String>
    var tables: [QueryReading.Table] = []
    var unsteady: [String] = []
    var fault: QueryReading.Fault?

    init(volatile: Set<String>) { self.volatile = volatile }

    /// Table functions that read only their arguments, or files that the stage may read.
    private static let steadyTables: Set<String> = [
        "unnest", "range", "generate_series", "repeat", "repeat_row", "json_each", "json_tree", "read_csv",
        "read_csv_auto", "read_json", "read_json_auto", "read_json_objects", "read_ndjson", "read_parquet",
        "parquet_scan", "read_text", "read_blob",
    ]

    /// Words that DuckDB reads as functions of the clock, unless a column has that name.
    private static let clockWords: Set<String> = [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
    ]

    /// `scope`: the names of the common table expressions that hide tables here, in small letters.
    mutating func visit(_ value: Any, scope: Set<String>) {
        if let list = value as? [Any] {
            for element in list { visit(element, scope: scope) }
        } else if let node = value as? [String: Any] {
            visit(node, scope: scope)
        }
    }

    private mutating func visit(_ node: [String: Any], scope: Set<String>) {
        let type = node["type"] as? String
        note(node, type, scope)
        var scope = scope
        if let map = (node["cte_map"] as? [String: Any])?["map"] as? [[String: Any]] {
            // Each sees those before it, and not itself: there its name is that of a table.
            for entry in map {
                if let value = entry["value"] { visit(value, scope: scope) }
                if let key = (entry["key"] as? String)?.lowercased() { scope.insert(key) }
            }
        }
        let ownName = (node["cte_name"] as? String ?? node["ctename"] as? String)?.lowercased()
        for (key, value) in node where key != "cte_map" {
            // The part that goes on from what is there, and the body behind a common table expression, see its name.
            let seesOwn = type == "RECURSIVE_CTE_NODE" && key == "right" || type == "CTE_NODE" && key == "child"
            visit(value, scope: seesOwn ? scope.union([ownName].compactMap { $0 }) : scope)
        }
    }

    private mutating func note(_ node: [String: Any], _ type: String?, _ scope: Set<String>) {
        if let sample = node["sample"], !(sample is NSNull) {
            note(unsteady: "a sample")
        }
        switch type {
        case "BASE_TABLE": note(table: node, scope)
        case "SHOW_REF" where !(node["query"] is [String: Any]):
            refuse("SHOW names no dataset", node, remedy: "read a dataset, or DESCRIBE one")
        case "TABLE_FUNCTION":
            let name = ((node["function"] as? [String: Any])?["function_name"] as? String)?.lowercased() ?? ""
            if ["query", "query_table"].contains(name) {
                refuse(
                    "\(name)() reads a table that a text names, which is not known in advance", node,
                    remedy: "write the tables themselves")
            } else if !Self.steadyTables.contains(name) {
                note(unsteady: name)
            }
            if Self.readsFiles(name) { refuseFiles(in: (node["function"] as? [String: Any])?["children"]) }
        case "FUNCTION":
            let name = (node["function_name"] as? String)?.lowercased() ?? ""
            let count = (node["children"] as? [Any])?.count ?? 0
            // With one argument it is the time from then until now.
            if volatile.contains(name) || name == "age" && count == 1 { note(unsteady: name) }
        case "COLUMN_REF":
            let names = node["column_names"] as? [String] ?? []
            if names.count == 1, Self.clockWords.contains(names[0].lowercased()) {
                note(unsteady: names[0].lowercased())
            }
        case "OPERATOR_CAST":
            guard let value = ((node["child"] as? [String: Any])?["value"] as? [String: Any])?["value"] as? String
            else { return }
            let word = value.trimmed.lowercased()
            if ["today", "now", "yesterday", "tomorrow"].contains(word) { note(unsteady: "'\(word)'") }
        default: break
        }
    }

    private mutating func note(table node: [String: Any], _ scope: Set<String>) {
        let name = node["table_name"] as? String ?? ""
        let schema = node["schema_name"] as? String ?? ""
        let catalog = node["catalog_name"] as? String ?? ""
        if schema.isEmpty, catalog.isEmpty, scope.contains(name.lowercased()) { return }
        // `recurring.x` is what a recursive expression has found so far.
        if schema.lowercased() == "recurring", scope.contains(name.lowercased()) { return }
        // The engine's own tables tell of the engine.
        let isOwn = ["duckdb_", "pragma_", "sqlite_"].contains(where: name.lowercased().hasPrefix)
        if ["information_schema", "pg_catalog"].contains(schema.lowercased()) || schema.isEmpty && isOwn {
            return note(unsteady: name)
        }
        // Datasets are views of the schema that needs no name.
        let isMain = ["", "main", "temp"].contains(schema.lowercased()) && ["", "temp"].contains(catalog.lowercased())
        let qualifier = isMain ? "" : [catalog, schema].filter { !$0.isEmpty }.joined(separator: ".") + "."
        tables.append(QueryReading.Table(name: name, qualifier: qualifier, offset: offset(of: node)))
    }

    private static func readsFiles(_ function: String) -> Bool {
        function.hasPrefix("read_") || function.hasPrefix("parquet_") || ["glob", "sniff_csv"].contains(function)
    }

    /// Refuses relative paths of files: a query runs in an empty folder of its own, and some functions read a missing file as
    /// one without rows.
    private mutating func refuseFiles(in arguments: Any?) {
        guard let first = (arguments as? [[String: Any]])?.first else { return }
        let isList = first["function_name"] as? String == "list_value"
        for node in isList ? first["children"] as? [[String: Any]] ?? [] : [first] {
            guard let path = (node["value"] as? [String: Any])?["value"] as? String, !path.hasPrefix("/"),
                !path.contains("://")
            else { continue }
            refuse(
                "the query reads the file '\(path)', and a query can only read datasets", node,
                remedy: "add the file as a dataset, and read it by that name")
        }
    }

    private mutating func note(unsteady name: String) { if !unsteady.contains(name) { unsteady.append(name) } }

    private mutating func refuse(_ message: String, _ node: [String: Any], remedy: String) {
        fault = fault ?? QueryReading.Fault(message: message, remedy: remedy, offset: offset(of: node))
    }

    /// The position of a node; the parser writes the largest number where it knows none.
    private func offset(of node: [String: Any]) -> Int? {
        guard let number = (node["query_location"] as? NSNumber)?.doubleValue, number < 1e12 else { return nil }
        return Int(number)
    }
}
