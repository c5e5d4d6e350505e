package import CaudalModel

/// Reads the `steps:` of a process stage.
enum StepReader {
    private static let names = [
        "deduplicate", "fill_missing", "derive", "filter", "select", "drop", "rename", "cast", "trim", "map_values",
        "split", "sql",
    ]

    static func read(_ nodes: [ConfigNode], _ problems: ConfigProblems) -> [Located<Step>] {
        nodes.compactMap { node in
            guard case .mapping(let entries) = node.content, let entry = entries.first else {
                if case .scalar("trim", _) = node.content { return Located(.trim([]), at: node.location) }
                problems.report(
                    "a step must be a mapping such as {filter: quantity > 0}, not \(node.kindName)", at: node.location)
                return nil
            }
            if entries.count > 1 {
                problems.report(
                    "this is \(entries.count) steps in one, and their order would be lost",
                    remedy: "begin each with '- '", at: entries[1].key.location)
            }
            guard names.contains(entry.key.value) else {
                problems.report(
                    "there is no step '\(entry.key.value)'" + Suggestion.phrase(for: entry.key.value, among: names),
                    at: entry.key.location)
                return nil
            }
            return step(entry, problems).map { Located($0, at: entry.key.location) }
        }
    }

    private static func step(_ entry: ConfigNode.Entry, _ problems: ConfigProblems) -> Step? {
        let node = entry.value
        switch entry.key.value {
        case "deduplicate": return deduplicate(node, problems)
        case "fill_missing":
            return .fillMissing(
                pairs(of: node, "fill_missing", problems).compactMap { pair in
                    value(pair.value, problems).map { (pair.key, $0) }
                })
        case "derive":
            return .derive(
                pairs(of: node, "derive", problems).compactMap { pair in
                    text(of: pair.value, problems).flatMap { problems.expression($0) }.map {
                        Step.Derivation(name: pair.key, expression: $0)
                    }
                })
        case "filter":
            return text(of: node, problems).flatMap { problems.expression($0) }.map { .filter($0) }
        case "select": return select(node, problems)
        case "drop": return .drop(problems.texts(of: node, what: "'drop'"))
        case "rename":
            return .rename(
                pairs(of: node, "rename", problems).compactMap { pair in
                    guard let name = text(of: pair.value, problems) else { return nil }
                    if name.value.isEmpty {
                        problems.reportEmpty("the new name of '\(pair.key.value)'", at: name.location)
                    }
                    return (pair.key, name)
                })
        case "cast":
            return .cast(
                pairs(of: node, "cast", problems).compactMap { pair in
                    guard let text = text(of: pair.value, problems) else { return nil }
                    if let type = ColumnType(named: text.value) { return (pair.key, type) }
                    problems.report(
                        "'\(text.value)' is not a type",
                        remedy: "the types are \(ColumnType.names.joined(separator: ", "))",
                        at: text.location)
                    return nil
                })
        case "trim":
            let names = problems.texts(of: node, what: "'trim'")
            if case .sequence(let nodes) = node.content, nodes.isEmpty {
                problems.report(
                    "'trim' names no column", remedy: "write 'trim: all' for all of them", at: node.location)
            }
            return .trim(names.count == 1 && names[0].value == "all" ? [] : names)
        case "map_values": return mapValues(node, problems)
        case "split": return split(node, problems)
        case "sql":
            guard let text = text(of: node, problems), let query = problems.query(text, hasInput: true)
            else { return nil }
            return .sql(query)
        default: return nil
        }
    }

    private static func select(_ node: ConfigNode, _ problems: ConfigProblems) -> Step? {
        let names = problems.texts(of: node, what: "'select'")
        if names.isEmpty, case .sequence = node.content {
            problems.report("'select' needs at least one column", at: node.location)
        }
        for (index, name) in names.enumerated() where names[..<index].contains(where: { $0.value == name.value }) {
            problems.report("'\(name.value)' is selected twice", remedy: "remove one of them", at: name.location)
        }
        return names.isEmpty ? nil : .select(names)
    }

    private static func deduplicate(_ node: ConfigNode, _ problems: ConfigProblems) -> Step {
        var reader = MappingReader(node, subject: "'deduplicate'", kind: "step:deduplicate", problems: problems)
        let keys = reader.texts("by", isRequired: true)
        let keep = reader.choice("keep", as: Step.Keep.self) ?? .first
        let order = reader.text("order_by")
        reader.finish()
        return .deduplicate(by: keys, keep: keep, orderBy: order)
    }

    private static func mapValues(_ node: ConfigNode, _ problems: ConfigProblems) -> Step? {
        var reader = MappingReader(node, subject: "'map_values'", kind: "step:map_values", problems: problems)
        let column = reader.text("column", isRequired: true)
        let values = reader.node("values").map { pairs(of: $0, "values", problems) } ?? []
        if values.isEmpty { problems.report("'map_values' needs 'values'", at: node.location) }
        let otherwise = reader.node("otherwise").flatMap { value($0, problems) }
        reader.finish()
        guard let column else { return nil }
        let mapped = values.compactMap { pair -> Step.MappedValue? in
            if case .scalar(_, isQuoted: false) = pair.value.content, pair.value.isEmpty {
                return Step.MappedValue(from: pair.key, to: nil)
            }
            return text(of: pair.value, problems).map { Step.MappedValue(from: pair.key, to: $0) }
        }
        return .mapValues(column: column, values: mapped, otherwise: otherwise)
    }

    private static func split(_ node: ConfigNode, _ problems: ConfigProblems) -> Step? {
        var reader = MappingReader(node, subject: "'split'", kind: "step:split", problems: problems)
        let column = reader.text("column", isRequired: true)
        let separator = reader.text("separator", isRequired: true)
        let into = reader.texts("into", isRequired: true)
        reader.finish()
        guard let column, let separator else { return nil }
        return .split(column: column, separator: separator.value, into: into)
    }

    // MARK: - Parts

    private static func pairs(
        of node: ConfigNode, _ what: String, _ problems: ConfigProblems
    ) -> [(key: Located<String>, value: ConfigNode)] {
        guard case .mapping(let entries) = node.content, !entries.isEmpty else {
            problems.report("'\(what)' must be a mapping from columns, not \(node.kindName)", at: node.location)
            return []
        }
        return entries.map { ($0.key, $0.value) }
    }

    private static func text(of node: ConfigNode, _ problems: ConfigProblems) -> Located<String>? {
        if case .scalar(let text, _) = node.content { return Located(text, at: node.location) }
        problems.report("this must be text, not \(node.kindName)", at: node.location)
        return nil
    }

    /// A YAML scalar as a value: a quoted one is always text.
    static func value(_ node: ConfigNode, _ problems: ConfigProblems) -> Step.GivenValue? {
        guard case .scalar(let text, let isQuoted) = node.content else {
            problems.report("this must be one value, not \(node.kindName)", at: node.location)
            return nil
        }
        if isQuoted { return Step.GivenValue(value: .text(text), text: text) }
        return Step.GivenValue(value: node.isEmpty ? .null : literal(text), text: text)
    }

    private static func literal(_ text: String) -> Literal {
        if text == "true" || text == "false" { return .boolean(text == "true") }
        // A code such as 007 is no number.
        let isCode = text.count > 1 && text.first == "0" && text.dropFirst().first?.isNumber == true
        if !isCode, let number = Literal(number: text) { return number }
        if text.count == 10, UTC.milliseconds(ofDate: text) != nil { return .date(text) }
        return .text(text)
    }
}

extension ConfigProblems {
    /// Reads user SQL; a reference in quotation marks is a fault, because values are bound and never pasted.
    ///
    /// - Parameter hasInput: Whether the query reads rows as `input`.
    package func query(_ text: Located<String>, hasInput: Bool = false) -> Query? {
        guard let query = template(text) else { return nil }
        if let quoted = SQLText.quotedReferences(in: query.value).first {
            report(
                "'${\(quoted)}' is in quotation marks, and a value is never pasted into SQL",
                remedy: "remove the quotation marks; the value is bound as text", at: text.location)
        }
        return Query(query.value, at: text.location, hasInput: hasInput)
    }
}
