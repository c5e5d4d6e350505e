/// Reads `checks:`.
enum CheckReader {
    static func read(_ nodes: [ConfigNode], _ problems: ConfigProblems) -> [Check] {
        var checks: [Check] = []
        for node in nodes {
            for var check in read(node, problems) {
                if checks.contains(where: { $0.id == check.id }) {
                    let isNamed = node[key: "id"] != nil
                    if isNamed {
                        problems.report(
                            "two checks of this stage have the id '\(check.id)'", remedy: "give one of them another id",
                            at: check.location)
                    }
                    var number = 2
                    while checks.contains(where: { $0.id == "\(check.id)_\(number)" }) { number += 1 }
                    check.id = "\(check.id)_\(number)"
                }
                checks.append(check)
            }
        }
        return checks
    }

    private static let kinds = [
        "not_null", "completeness", "unique", "accepted_values", "range", "matches", "row_count",
        "row_count_variation", "freshness", "schema", "foreign_key", "distinct_count", "sum", "mean", "anomaly", "sql",
    ]

    private static func read(_ node: ConfigNode, _ problems: ConfigProblems) -> [Check] {
        guard case .mapping(let entries) = node.content else {
            problems.report(
                "a check must be a mapping such as {unique: order_id}, not \(node.kindName)", at: node.location)
            return []
        }
        let named = entries.filter { kinds.contains($0.key.value) }
        guard let entry = named.first, named.count == 1 else {
            let place = entries.first?.key
            if named.count > 1 {
                problems.report("this is two checks in one", remedy: "begin each with '- '", at: named[1].key.location)
            } else {
                let phrase = place.map { Suggestion.phrase(for: $0.value, among: kinds) } ?? ""
                problems.report("this check has no kind that is known\(phrase)", at: place?.location ?? node.location)
            }
            return []
        }
        let kind = entry.key.value
        var reader = MappingReader(node, subject: "check '\(kind)'", kind: "check:\(kind)", problems: problems)
        _ = reader.node(kind)
        var checks = kindsOf(kind, entry.value, &reader).map { made in
            var id = kind
            let columns = made.columns
            if !columns.isEmpty { id += "_" + columns.joined(separator: "_") }
            return Check(id: id, kind: made, location: entry.key.location)
        }
        let common = settings(of: kind, &reader)
        reader.finish()
        for index in checks.indices {
            common(&checks[index])
            // One name for a list of columns names a check for each of them.
            if checks.count > 1, node[key: "id"] != nil {
                checks[index].id += "_" + checks[index].kind.columns.joined(separator: "_")
            }
        }
        return checks
    }

    // MARK: - Kinds

    private static func kindsOf(_ kind: String, _ node: ConfigNode, _ reader: inout MappingReader) -> [Check.Kind] {
        let problems = reader.problems
        func column() -> String? {
            if case .scalar(let text, _) = node.content, !text.isEmpty { return text }
            problems.report("'\(kind)' needs a column, not \(node.kindName)", at: node.location)
            return nil
        }
        func names() -> [String] {
            if case .mapping = node.content { return problems.texts(of: node, what: "'\(kind)'").map(\.value) }
            let columns = problems.texts(of: node, what: "'\(kind)'", allowsEmpty: true).map(\.value)
            if !columns.isEmpty, !columns.contains("") { return columns }
            problems.report("'\(kind)' needs a column", remedy: "write '\(kind): order_id'", at: node.location)
            return []
        }
        switch kind {
        case "not_null": return names().map { .notNull(column: $0) }
        case "completeness": return column().map { [.completeness(column: $0)] } ?? []
        case "unique":
            let columns = names()
            return columns.isEmpty ? [] : [.unique(columns: columns)]
        case "accepted_values":
            let values = reader.texts("in", isRequired: true, allowsEmpty: true).map(\.value)
            return column().map { [.acceptedValues(column: $0, values: values)] } ?? []
        case "range": return column().map { [.range(column: $0)] } ?? []
        case "matches":
            let pattern = reader.text("pattern", isRequired: true)
            if let pattern { problems.check(pattern: pattern) }
            return column().map { [.matches(column: $0, pattern: pattern?.value ?? "")] } ?? []
        case "row_count": return [.rowCount]
        case "row_count_variation": return [.rowCountVariation(over: runs(&reader, default: 7))]
        case "freshness": return column().map { [.freshness(column: $0)] } ?? []
        case "schema": return [.schema(columns: columns(node, problems))]
        case "foreign_key":
            let dataset = reader.text("dataset", isRequired: true)
            let key = reader.text("column")
            guard let column = column(), let dataset else { return [] }
            let target = Located(DatasetName(dataset.value), at: dataset.location)
            return [.foreignKey(column: column, dataset: target, key: key?.value ?? column)]
        case "distinct_count": return column().map { [.distinctCount(column: $0)] } ?? []
        case "sum": return column().map { [.sum(column: $0)] } ?? []
        case "mean": return column().map { [.mean(column: $0)] } ?? []
        case "anomaly": return anomaly(node, &reader)
        case "sql":
            guard case .scalar(let text, _) = node.content, !text.isEmpty else {
                problems.report("'sql' needs a query, not \(node.kindName)", at: node.location)
                return []
            }
            guard let query = problems.query(Located(text, at: node.location), hasInput: true) else { return [] }
            return [.sql(query: query)]
        default: return []
        }
    }

    private static func columns(_ node: ConfigNode, _ problems: ConfigProblems) -> [Check.ColumnExpectation] {
        guard case .mapping(let entries) = node.content else {
            problems.report("'schema' needs a mapping from columns to types, not \(node.kindName)", at: node.location)
            return []
        }
        return entries.compactMap { entry in
            guard case .scalar(let text, _) = entry.value.content else { return nil }
            if text == "any" { return Check.ColumnExpectation(name: entry.key.value, type: nil) }
            guard let type = ColumnType(named: text) else {
                problems.report(
                    "'\(text)' is not a type",
                    remedy: "the types are \(ColumnType.names.joined(separator: ", ")) and any",
                    at: entry.value.location)
                return nil
            }
            return Check.ColumnExpectation(name: entry.key.value, type: type)
        }
    }

    private static func anomaly(_ node: ConfigNode, _ reader: inout MappingReader) -> [Check.Kind] {
        let over = runs(&reader, default: 30)
        switch node.content {
        case .scalar("row_count", _): return [.anomaly(measure: .rowCount, over: over)]
        case .mapping(let entries):
            guard entries.count == 1, case .scalar(let column, _) = entries[0].value.content, !column.isEmpty else {
                break
            }
            switch entries[0].key.value {
            case "sum": return [.anomaly(measure: .sum(column), over: over)]
            case "mean": return [.anomaly(measure: .mean(column), over: over)]
            case "distinct_count": return [.anomaly(measure: .distinctCount(column), over: over)]
            case "completeness": return [.anomaly(measure: .completeness(column), over: over)]
            default: break
            }
        case .scalar, .sequence: break
        }
        reader.problems.report(
            "'anomaly' needs row_count, or one of {sum: column}, {mean: column}, {distinct_count: column} and "
                + "{completeness: column}", at: node.location)
        return []
    }

    /// `7 runs`, or a plain number.
    private static func runs(_ reader: inout MappingReader, default fallback: Int) -> Int {
        guard let text = reader.text("over") else { return fallback }
        let digits = text.value.prefix { $0.isNumber }
        let rest = String(text.value.dropFirst(digits.count)).trimmed
        if let count = Int(digits), (1...10_000).contains(count), ["", "run", "runs"].contains(rest) { return count }
        reader.problems.report(
            "'over' must be a number of runs such as '7 runs', not '\(text.value)'", at: text.location)
        return fallback
    }

    // MARK: - Settings

    /// Reads what bounds a check, and gives back what puts it into one.
    private static func settings(of kind: String, _ reader: inout MappingReader) -> (inout Check) -> Void {
        let problems = reader.problems
        let id = reader.name("id")
        let severity = reader.choice("severity", as: Check.Severity.self) ?? .error
        let filter = reader.text("where").flatMap { problems.expression($0) }
        let partition = reader.text("partition_by")
        if let partition, kind == "sql" || kind == "schema" {
            problems.report(
                "'partition_by' does not go with '\(kind)'",
                remedy: kind == "sql" ? "group by '\(partition.value)' in the query" : "remove it",
                at: reader.location(of: "partition_by"))
        }
        let waiver = waiver(&reader)
        var limits = Check.Bounds()
        var warnLimits: Check.Bounds?
        var range = Check.ValueRange()
        if kind == "range" {
            range = Check.ValueRange(min: literal(reader.node("min")), max: literal(reader.node("max")))
            if let min = range.min?.number, let max = range.max?.number, min > max {
                problems.report("'min' is above 'max': nothing lies between them", at: reader.location(of: "min"))
            }
        }
        limits = bounds(of: kind, node: nil, &reader)
        if var warn = reader.mapping("warn", subject: "'warn'", kind: "check warn:\(kind)") {
            warnLimits = bounds(of: kind, node: nil, &warn)
            warn.finish()
        }
        if kind == "range", range.min == nil, range.max == nil {
            problems.report("'range' needs 'min', 'max' or both", at: reader.location)
        }
        return { check in
            if let id { check.id = id.value }
            check.severity = severity
            check.filter = filter
            check.partitionBy = partition?.value
            check.waiver = waiver
            check.limits = limits
            check.warnLimits = warnLimits
            check.values = range
        }
    }

    /// The bounds that suit a kind of check.
    private static func bounds(of kind: String, node: ConfigNode?, _ reader: inout MappingReader) -> Check.Bounds {
        let problems = reader.problems
        switch kind {
        case "not_null", "unique", "accepted_values", "range", "matches", "foreign_key", "sql":
            guard let text = reader.text("max_failing") else { return Check.Bounds(max: 0) }
            if let part = ScalarFormats.percentage(text.value), (0...1).contains(part) {
                return Check.Bounds(max: part, areFractions: true)
            }
            if let count = Int64(text.value), count >= 0 { return Check.Bounds(max: Double(count)) }
            problems.report(
                "'max_failing' must be a number of rows or a percentage, not '\(text.value)'", at: text.location)
            return Check.Bounds(max: 0)
        case "completeness":
            let min = reader.percentage("min")
            let max = reader.percentage("max")
            if !reader.has("min"), !reader.has("max") {
                problems.report("'completeness' needs 'min', such as 95%", at: reader.location)
            }
            return ordered(Check.Bounds(min: min, max: max), &reader)
        case "row_count_variation": return variation(&reader)
        case "freshness":
            guard let age = reader.duration("max_age") else {
                if reader.node("max_age") == nil {
                    problems.report("'freshness' needs 'max_age', such as 24h", at: reader.location)
                }
                return Check.Bounds()
            }
            return Check.Bounds(max: age.seconds)
        case "anomaly": return Check.Bounds(max: reader.number("max", in: 0.1...1000) ?? 3.5)
        case "row_count": return rowCount(&reader)
        case "distinct_count", "sum", "mean":
            let bounds = Check.Bounds(
                min: reader.number("min", in: -1e300...1e300), max: reader.number("max", in: -1e300...1e300))
            if !reader.has("min"), !reader.has("max") {
                problems.report("'\(kind)' needs 'min', 'max' or both", at: reader.location)
            }
            return ordered(bounds, &reader)
        default: return Check.Bounds()
        }
    }

    /// The part that `row_count_variation` names itself, `10%`; below `warn` it is called `max`.
    private static func variation(_ reader: inout MappingReader) -> Check.Bounds {
        let own =
            reader.node("row_count_variation") == nil ? nil : reader.percentage("row_count_variation", in: 0...100)
        let bounds = Check.Bounds(max: own ?? reader.percentage("max", in: 0...100))
        if !reader.has("row_count_variation"), !reader.has("max") {
            reader.problems.report("'row_count_variation' needs a percentage, such as 10%", at: reader.location)
        }
        return bounds
    }

    /// The bounds as they are; a lower one above the upper one is reported, because no value could keep them.
    private static func ordered(_ bounds: Check.Bounds, _ reader: inout MappingReader) -> Check.Bounds {
        if let min = bounds.min, let max = bounds.max, min > max {
            reader.problems.report("'min' is above 'max': nothing lies between them", at: reader.location(of: "min"))
        }
        return bounds
    }

    /// `row_count: {min: 1, max: 100}`, `row_count: 100`, or the bounds beside it.
    private static func rowCount(_ reader: inout MappingReader) -> Check.Bounds {
        var bounds = Check.Bounds()
        if let node = reader.node("row_count"), case .scalar(let text, _) = node.content, !text.isEmpty {
            if let exact = Double(text), exact >= 0 { return Check.Bounds(min: exact, max: exact) }
            reader.problems.report("'row_count' must be a number or {min: …, max: …}, not '\(text)'", at: node.location)
            return bounds
        }
        if var inner = reader.mapping("row_count", subject: "'row_count'", kind: "row_count") {
            bounds = ordered(
                Check.Bounds(min: inner.number("min", in: 0...1e15), max: inner.number("max", in: 0...1e15)), &inner)
            inner.finish()
        } else {
            bounds = ordered(
                Check.Bounds(min: reader.number("min", in: 0...1e15), max: reader.number("max", in: 0...1e15)), &reader)
        }
        if bounds.isEmpty { reader.problems.report("'row_count' needs 'min', 'max' or both", at: reader.location) }
        return bounds
    }

    private static func literal(_ node: ConfigNode?) -> Literal? {
        guard let node, !node.isEmpty, case .scalar(let text, let isQuoted) = node.content else { return nil }
        if !isQuoted, let number = Literal(number: text) { return number }
        if text.count == 10, UTC.milliseconds(ofDate: text) != nil { return .date(text) }
        if text.count > 10, UTC.milliseconds(ofDate: String(text.prefix(10))) != nil { return .timestamp(text) }
        return .text(text)
    }

    private static func waiver(_ parent: inout MappingReader) -> Check.Waiver? {
        guard var reader = parent.mapping("waive", subject: "'waive'", kind: "waive") else { return nil }
        let until = reader.text("until", isRequired: true)
        let reason = reader.prose("reason", isRequired: true)
        reader.finish()
        guard let until, let reason else { return nil }
        guard UTC.milliseconds(ofDate: until.value) != nil else {
            parent.problems.report(
                "'until' must be a date such as 2026-12-31, not '\(until.value)'", at: until.location)
            return nil
        }
        guard reason.value.contains(where: { !$0.isWhitespace }) else {
            parent.problems.report(
                "'reason' is empty", remedy: "say why a breach is accepted for a time", at: reason.location)
            return nil
        }
        return Check.Waiver(until: until.value, reason: reason.value)
    }
}

extension ConfigProblems {
    /// Reads an expression, reporting what is wrong with it at its place in the file.
    package func expression(_ text: Located<String>) -> Located<Expression>? {
        do throws(ExpressionFault) {
            let expression = Located(try ExpressionParser.parse(text.value), at: text.location)
            settle(text.location)
            return expression
        } catch {
            report(error, in: text)
            return nil
        }
    }

    /// Reports what is certainly wrong with a regular expression that DuckDB will be given.
    package func check(pattern: Located<String>) {
        guard let fault = PatternSyntax.fault(in: pattern.value) else { return }
        report(
            "the pattern '\(pattern.value.shortened(to: 60))' cannot be used: \(fault.message)", remedy: fault.remedy,
            at: pattern.location)
    }

    /// Reports a fault of an expression at its place in the file.
    package func report(_ fault: ExpressionFault, in text: Located<String>) {
        report(fault.message, remedy: fault.remedy, at: text.place(of: fault.offset))
    }
}

extension Literal {
    /// The value of a number.
    fileprivate var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .decimal(let text): Double(text)
        case .null, .boolean, .text, .date, .timestamp: nil
        }
    }
}
