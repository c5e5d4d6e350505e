import CaudalModel

/// Reads `foreach:`.
enum FanOutReader {
    static func read(_ node: ConfigNode, _ problems: ConfigProblems) -> FanOut {
        var reader = MappingReader(node, subject: "'foreach'", kind: "foreach", problems: problems)
        let count = problems.errors.count
        let maxParallel = reader.integer("max_parallel", in: 1...4096)
        let onFailure = reader.choice("on_failure", as: FanOut.OnFailure.self) ?? .proceed
        let partitions = reader.boolean("partition") ?? true
        let variables = reader.takeRemaining().compactMap { entry -> (String, FanOut.Source)? in
            guard problems.isName(entry.key, what: "a fan-out variable"),
                let source = source(entry.value, of: entry.key.value, problems)
            else { return nil }
            return (entry.key.value, source)
        }
        reader.finish()
        if variables.isEmpty, problems.errors.count == count {
            problems.report(
                "'foreach' names no variable", remedy: "write, say, 'region: [north, south]'", at: node.location)
        }
        return FanOut(
            variables: variables, maxParallel: maxParallel, onFailure: onFailure, partitions: partitions,
            location: node.location)
    }

    private static func source(_ node: ConfigNode, of name: String, _ problems: ConfigProblems) -> FanOut.Source? {
        if case .sequence = node.content {
            let values = problems.texts(of: node, what: "'\(name)'", allowsEmpty: true).compactMap {
                problems.template($0)
            }
            if Set(values.map { ItemKey($0.value.description) }).count != values.count {
                problems.report("'\(name)' holds a value twice", at: node.location)
            }
            return .values(values)
        }
        if case .scalar = node.content {
            problems.report(
                "'\(name)' needs a list, or one of 'sql', 'files' and 'days', not \(node.kindName)", at: node.location)
            return nil
        }
        var reader = MappingReader(node, subject: "'\(name)'", kind: "foreach source", problems: problems)
        let query = reader.text("sql").flatMap { problems.query($0) }
        let files = reader.template("files")
        var days: FanOut.Source?
        if var inner = reader.mapping("days", subject: "'days'", kind: "days") {
            let from = inner.template("from", isRequired: true)
            let to = inner.template("to", isRequired: true)
            inner.finish()
            if let from, let to {
                days = .days(from: from.value, to: to.value)
                check(from, to, problems)
            }
        }
        let given = [query.map { FanOut.Source.query($0) }, files.map { .files($0.value) }, days].compactMap { $0 }
        let keys = ["sql", "files", "days"].count { reader.has($0) }
        if keys != 1 {
            problems.report(
                "'\(name)' needs a list, or one of 'sql', 'files' and 'days'", at: node.location)
        }
        reader.finish()
        return given.first
    }

    /// Reports certain faults of dates that the file contains as literals.
    private static func check(_ from: Located<Template>, _ to: Located<Template>, _ problems: ConfigProblems) {
        let days = [from, to].map { end -> Int64? in
            let text = end.value.description
            guard end.value.references.isEmpty, text != "today", text != "yesterday" else { return nil }
            let day = UTC.milliseconds(ofDate: text)
            if day == nil {
                problems.report(
                    "'\(text)' is not a date", remedy: "write it as 2026-11-23, today or yesterday", at: end.location)
            }
            return day
        }
        if let first = days[0], let last = days[1], last < first {
            problems.report(
                "the days end on \(to.value), before they begin on \(from.value): there are none",
                remedy: "exchange 'from' and 'to'", at: to.location)
        }
        if from.value.description == "today", to.value.description == "yesterday" {
            problems.report(
                "the days end yesterday, before they begin today: there are none", remedy: "exchange 'from' and 'to'",
                at: to.location)
        }
    }
}
