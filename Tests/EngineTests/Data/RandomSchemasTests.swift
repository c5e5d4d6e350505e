import CaudalModel
import Engine
import TestSupport
import Testing

/// Validate stages on random CSV files and schemas, beside a reference that judges row by row.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct RandomSchemasTests {
    @Test(
        "Random schemas let through the rows that keep each rule, and put aside the others with the rules they break",
        .tags(.property), .timeLimit(.minutes(15)))
    func schemas() async throws {
        try await PropertyRun().check(SchemaCase.self, count: PropertyRun.count(100))
    }
}

/// The rules of one property of a JSON Schema, with their meaning by draft 7 and `docs/pipeline-reference.md`.
private struct NaiveRules {
    var name: String
    /// `integer`, `number`, `boolean`, `string`, or no type.
    var type: String?
    var isRequired = false
    /// Keywords with one value, as the schema has it: a JSON text.
    var keywords: [(name: String, value: Cell)] = []
    var allowed: [Cell]?

    var columnType: ColumnType {
        switch type {
        case "integer": .integer
        case "number": .number
        case "boolean": .boolean
        default: keywords.contains { $0.name == "format" } ? .date : .text
        }
    }

    /// As the schema has it.
    var json: String {
        let parts =
            (type.map { ["\"type\": \"\($0)\""] } ?? [])
            + keywords.map { "\"\($0.name)\": \($0.value.yaml)" }
            + (allowed.map { ["\"enum\": [\($0.map(\.yaml).joined(separator: ", "))]"] } ?? [])
        return "\(name.quotedInYAML): {\(parts.joined(separator: ", "))}"
    }

    /// A value of the CSV file as its type; nil when it is of another.
    ///
    /// Assumed: a number is written as in JSON, and `1.0` and `1e2` are integers in CSV too.
    func typed(_ text: String) -> Cell? {
        switch type {
        case "boolean": return text == "true" || text == "false" ? .truth(text == "true") : nil
        case "integer", "number":
            let isNumber = text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
            guard isNumber, let number = Double(text) else { return nil }
            if type == "number" { return .number(number) }
            return number == number.rounded() ? .integer(Int(number)) : nil
        default: return .text(text)
        }
    }

    /// The value in the output, for one that is valid.
    func written(_ text: String?) -> Cell {
        guard let text, let value = typed(text) else { return .missing }
        return columnType == .date ? .date(text) : value
    }

    /// The keywords that a value breaks.
    func broken(by text: String?) -> [String] {
        guard let text else { return isRequired ? ["required"] : [] }
        guard let value = typed(text) else { return ["type"] }
        var broken = keywords.filter { !Self.holds($0.name, $0.value, value, text) }.map(\.name)
        if let allowed, !allowed.contains(where: { $0 == value || $0.double != nil && $0.double == value.double }) {
            // One allowed value is what `const` says too.
            broken.append(allowed.count == 1 ? "const" : "enum")
        }
        return broken
    }

    private static func holds(_ keyword: String, _ bound: Cell, _ value: Cell, _ text: String) -> Bool {
        let limit = bound.double ?? 0
        switch keyword {
        case "minimum": return (value.double ?? limit) >= limit
        case "maximum": return (value.double ?? limit) <= limit
        case "exclusiveMinimum": return value.double.map { $0 > limit } ?? true
        case "exclusiveMaximum": return value.double.map { $0 < limit } ?? true
        case "multipleOf": return ((value.double ?? 0) / limit).rounded() == (value.double ?? 0) / limit
        case "minLength": return text.unicodeScalars.count >= Int(limit)
        case "maxLength": return text.unicodeScalars.count <= Int(limit)
        case "pattern": return NaiveFormula.patterns.first { $0.text == bound.text }?.isFound(text) ?? false
        case "format":
            return text.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}/) != nil && UTC.milliseconds(ofDate: text) != nil
        default: preconditionFailure("no keyword \(keyword)")
        }
    }
}

private struct SchemaCase: PropertyCase {
    let columns: [NaiveRules]
    let values: [[String?]]
    let onInvalid: String

    init(seed: UInt64) {
        var chance = Chance(seed: seed)
        let columns = (1...chance.number(2...5)).map { Self.rules("c\($0)", &chance) }
        let gaps = chance.pick([0, 10, 30])
        values = (0..<chance.number(0...40)).map { _ in
            columns.map { chance.happens(gaps) ? nil : Self.value(for: $0, &chance) }
        }
        self.columns = columns
        onInvalid = chance.pick(["quarantine", "quarantine", "quarantine", "drop"])
    }

    private init(_ columns: [NaiveRules], _ values: [[String?]], _ onInvalid: String) {
        (self.columns, self.values, self.onInvalid) = (columns, values, onInvalid)
    }

    private static let texts = [
        "a", "A", "ab", " a ", "it's", "\"q\"", "x,y", "two\nlines", "ñandú", "é", "e\u{301}", "日本", "🙂", "null",
        "12", "{}", "\\", "abcdef",
    ]
    private static let days = [
        "2026-11-23", "2024-02-29", "2026-02-30", "26-02-01", "2026-2-1", "yesterday", "2026-13-01",
    ]

    private static func rules(_ name: String, _ chance: inout Chance) -> NaiveRules {
        let type = chance.pick(["integer", "number", "boolean", "string", "string", nil])
        var rules = NaiveRules(name: name, type: type)
        rules.isRequired = chance.happens(40)
        switch rules.type {
        case "integer", "number":
            let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
            rules.keywords = bounds.filter { _ in chance.happens(25) }.map { ($0, .integer(chance.number(-3...6))) }
            if chance.happens(20) {
                let steps: [Cell] = [.integer(2), .integer(3), .number(0.5), .number(0.25)]
                rules.keywords.append(("multipleOf", chance.pick(steps)))
            }
            if chance.happens(20) {
                let values: [Cell] = [.integer(1), .integer(5), .number(1.5), .integer(100)]
                rules.allowed = values.filter { _ in chance.happens(60) }
            }
        case "string":
            if chance.happens(25) {
                rules.keywords.append(("format", .text("date")))
                break
            }
            if chance.happens(30) { rules.keywords.append(("minLength", .integer(chance.number(0...3)))) }
            if chance.happens(30) { rules.keywords.append(("maxLength", .integer(chance.number(0...5)))) }
            if chance.happens(30) {
                rules.keywords.append(("pattern", .text(chance.pick(NaiveFormula.patterns.map(\.text)))))
            }
            if chance.happens(20) { rules.allowed = texts.filter { _ in chance.happens(40) }.map { .text($0) } }
        default: break
        }
        if rules.allowed?.isEmpty == true { rules.allowed = nil }
        return rules
    }

    /// A value that is often of the type.
    private static func value(for rules: NaiveRules, _ chance: inout Chance) -> String {
        let numbers = ["0", "1", "-1", "5", "12", "6", "1.5", "-2.25", "1.0", "1e2", "-0", "0.5", "100"]
        let others = ["x", "1,5", "0x10", "1_000", "nan", "inf", "--1", "TRUE", "1.5.2", "9e99x"]
        if rules.columnType == .date, chance.happens(85) { return chance.pick(days) }
        switch rules.type {
        case "integer", "number": return chance.pick(chance.happens(85) ? numbers : others)
        case "boolean": return chance.pick(chance.happens(85) ? ["true", "false"] : others)
        default: return chance.pick(texts)
        }
    }

    // MARK: - Writing

    var mustFail: Bool { false }

    private var schema: String {
        let required = columns.filter(\.isRequired).map(\.name.quotedInYAML).joined(separator: ", ")
        return "{\"type\": \"object\", \"required\": [\(required)], "
            + "\"properties\": {\(columns.map(\.json).joined(separator: ", "))}}"
    }

    var yaml: String {
        """
        datasets:
          raw: {path: raw.csv, schema: \(schemaFile)}
          out: {path: out.parquet}
        stages:
          validate: {type: validate, input: raw, output: out, on_invalid: \(onInvalid), max_invalid: 100%}
        """
    }

    /// Cases that run together must not share one.
    private var schemaFile: String {
        "schema-\(String(schema.utf8.reduce(UInt64(5381)) { ($0 &* 33) ^ UInt64($1) }, radix: 16)).json"
    }

    var rows: String { "\(schemaFile): \(schema)\n\(csv)" }

    private var csv: String {
        let lines =
            [columns.map(\.name).joined(separator: ",")]
            + values.map { row in
                // A text that stands in quotation marks is there, whatever it holds.
                row.map { $0.map { "\"\($0.replacing("\"", with: "\"\""))\"" } ?? "" }.joined(separator: ",")
            }
        return lines.map { $0 + "\n" }.joined()
    }

    func sources(_ bench: StageWorkbench, in place: String) throws -> [DataSource] {
        try bench.folder.write(schemaFile, schema)
        return [try bench.foreign("raw", csv: csv, file: "\(place)/raw.csv")]
    }

    // MARK: - Judging

    func fault(in outcome: StageWorkbench.Outcome) -> String? {
        let broken = values.map { row in
            zip(columns, row).map { ($0, $1, $0.broken(by: $1)) }.filter { !$0.2.isEmpty }
        }
        let valid = zip(values, broken).filter(\.1.isEmpty).map { row, _ in zip(columns, row).map { $0.written($1) } }
        let types = columns.map { Column($0.name, $0.columnType) }
        if outcome.columns != types { return "the columns are \(outcome.columns), not \(types)" }
        if let difference = PropertyRun.difference(valid, outcome.rows) { return difference }
        if onInvalid == "quarantine" {
            let expected = broken.enumerated().flatMap { index, faults in
                faults.flatMap { rules, value, keywords in
                    keywords.map { ["\(index + 1)", rules.name, $0, value ?? ""].description }
                }
            }
            let found = outcome.quarantine.map { row in
                [row[1] ?? "", row[3] ?? "", String((row[4] ?? "").prefix { $0 != ":" }), row[5] ?? ""].description
            }
            if found.sorted() != expected.sorted() {
                return "the quarantine has \(found.sorted()), not \(expected.sorted())"
            }
        }
        guard let account = outcome.account else { return "there is no account of the rows" }
        let invalid = Int64(values.count - valid.count)
        let isKept = onInvalid == "quarantine"
        let expected = RowAccount(
            read: Int64(values.count), written: Int64(valid.count), quarantined: isKept ? invalid : 0,
            dropped: isKept ? 0 : invalid,
            steps: [
                StepCount(
                    step: "validate against \(schemaFile)", rowsIn: Int64(values.count), rowsOut: Int64(valid.count))
            ])
        return account == expected && account.isBalanced ? nil : "the account is \(account), not \(expected)"
    }

    var smaller: [SchemaCase] {
        let fewerRows = PropertyRun.shorter(values).map { SchemaCase(columns, $0, onInvalid) }
        // Two stay, so that a row of one missing value is no blank line.
        let fewerColumns = PropertyRun.shorter(Array(columns.indices)).filter { $0.count > 1 }.map { kept in
            SchemaCase(kept.map { columns[$0] }, values.map { row in kept.map { row[$0] } }, onInvalid)
        }
        let fewerKeywords = columns.indices.flatMap { index in
            PropertyRun.shorter(columns[index].keywords).map { keywords in
                var columns = columns
                columns[index].keywords = keywords
                return SchemaCase(columns, values, onInvalid)
            }
        }
        return fewerRows + fewerColumns + fewerKeywords
    }
}
