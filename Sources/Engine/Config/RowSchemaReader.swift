package import CaudalModel

/// Reads a JSON Schema file; an unknown keyword is a fault and never ignored.
package enum RowSchemaReader {
    /// Keywords that do not affect validity.
    private static let annotations = ["$schema", "$id", "$comment", "title", "description", "default", "examples"]

    /// Keywords of draft 7 that are not supported, listed for a better message.
    package static let unsupported = [
        "patternProperties", "propertyNames", "minProperties", "maxProperties", "dependencies", "items",
        "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "allOf", "anyOf", "oneOf", "not", "if",
        "then", "else", "$ref", "definitions", "contentEncoding", "contentMediaType", "readOnly", "writeOnly",
    ]

    /// What to write into an empty schema file.
    package static let emptyRemedy = "write a JSON Schema, at least {}"

    /// Reads `text`, the content of the schema file named `file`.
    ///
    /// - Returns: The schema, or nil when the file is no schema; faults go to `problems`.
    package static func read(_ text: String, file: String, _ problems: ConfigProblems) -> RowSchema? {
        guard let root = ConfigSource(file: file, text: text).read(problems, emptyRemedy: emptyRemedy) else {
            return nil
        }
        return read(root, file: file, problems)
    }

    package static func read(_ root: ConfigNode, file: String, _ problems: ConfigProblems) -> RowSchema? {
        var schema = RowSchema(file: file, properties: [], required: [], additional: .allowed)
        schema.definitionText = root.definitionLines().joined(separator: "\n")
        if case .scalar("true", isQuoted: false) = root.content { return schema }
        if case .scalar("false", isQuoted: false) = root.content {
            problems.report(
                "the schema 'false' lets no row through", remedy: "describe the rows that are valid",
                at: root.location)
            return nil
        }
        guard case .mapping = root.content else {
            problems.report("a JSON Schema must be an object, not \(root.kindName)", at: root.location)
            return nil
        }
        var reader = MappingReader(root, subject: "the schema", kind: "schema", problems: problems)
        for key in annotations { _ = reader.node(key) }
        if let type = reader.text("type"), type.value != "object" {
            problems.report("a row is an object: 'type' must be object, not '\(type.value)'", at: type.location)
        }
        if let node = reader.node("properties") {
            guard case .mapping(let entries) = node.content else {
                problems.report("'properties' must be an object, not \(node.kindName)", at: node.location)
                return nil
            }
            schema.properties = entries.map { entry in
                RowSchema.Property(
                    name: entry.key.value, rules: rules(entry.value, of: "property '\(entry.key.value)'", problems),
                    location: entry.key.location)
            }
        }
        schema.required = reader.texts("required", allowsEmpty: true).map(\.value)
        if let node = reader.node("additionalProperties") {
            switch node.content {
            case .scalar("true", _): schema.additional = .allowed
            case .scalar("false", _): schema.additional = .forbidden
            default: schema.additional = .ruled(rules(node, of: "'additionalProperties'", problems))
            }
        }
        refuseUnsupported(&reader)
        reader.finish()
        return schema
    }

    private static func refuseUnsupported(_ reader: inout MappingReader) {
        for entry in reader.remaining where unsupported.contains(entry.key.value) {
            _ = reader.node(entry.key.value)
            reader.problems.report(
                "the keyword '\(entry.key.value)' is not supported, and ignoring it would accept rows that it forbids",
                remedy: "remove it, or test what it says with a check of kind sql", at: entry.key.location)
        }
    }

    // MARK: - One value

    /// A number that values are compared with.
    private static func bound(_ key: String, _ reader: inout MappingReader, in range: ClosedRange<Double>) -> Double? {
        if let text = reader.text(key) { refuseRounded(text.value, at: text.location, reader.problems) }
        return reader.number(key, in: range)
    }

    /// Refuses a whole number that floating point would make another one of.
    private static func refuseRounded(_ text: String, at location: SourceLocation, _ problems: ConfigProblems) {
        guard text.contains(#/^-?\d{16,}$/#), let number = Double(text), abs(number) < 1e300,
            Int64(text).map({ Int64(exactly: number) != $0 }) ?? (abs(number) < 9.3e18)
        else { return }
        problems.report(
            "the whole number \(text) is compared as \(Int64(exactly: number).map(String.init) ?? number.plain), which is another one",
            remedy: "above 9007199254740992 name one that floating point holds, or test it with a check of kind sql",
            at: location)
    }

    private static func rules(_ node: ConfigNode, of subject: String, _ problems: ConfigProblems) -> ValueRules {
        var rules = ValueRules()
        if case .scalar(let text, isQuoted: false) = node.content, text == "true" || text == "false" {
            rules.isImpossible = text == "false"
            return rules
        }
        var reader = MappingReader(node, subject: subject, kind: "schema value", problems: problems)
        for key in annotations { _ = reader.node(key) }
        rules.types = types(&reader)
        let all = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        rules.minimum = bound("minimum", &reader, in: all)
        rules.maximum = bound("maximum", &reader, in: all)
        rules.exclusiveMinimum = bound("exclusiveMinimum", &reader, in: all)
        rules.exclusiveMaximum = bound("exclusiveMaximum", &reader, in: all)
        rules.multipleOf = reader.number(
            "multipleOf", in: Double.leastNonzeroMagnitude...Double.greatestFiniteMagnitude)
        rules.minLength = length("minLength", &reader)
        rules.maxLength = length("maxLength", &reader)
        if let pattern = reader.text("pattern") {
            problems.check(pattern: pattern)
            rules.pattern = pattern.value
        }
        if let format = reader.text("format") {
            rules.format = ValueRules.Format(rawValue: format.value)
            if rules.format == nil {
                let names = ValueRules.Format.allCases.map(\.rawValue)
                problems.report(
                    "the format '\(format.value)' is not supported",
                    remedy: "use \(names.formattedAsChoice), or 'pattern'",
                    at: format.location)
            }
        }
        if let node = reader.node("enum") {
            if case .sequence(let nodes) = node.content {
                for case .scalar(let text, isQuoted: false) in nodes.map(\.content) {
                    refuseRounded(text, at: node.location, problems)
                }
                rules.allowed = nodes.map(constant)
            } else {
                problems.report("'enum' must be a list, not \(node.kindName)", at: node.location)
            }
        }
        if let node = reader.node("const") {
            if case .scalar(let text, isQuoted: false) = node.content {
                refuseRounded(text, at: node.location, problems)
            }
            let value = constant(node)
            rules.allowed = rules.allowed?.filter { $0 == value } ?? [value]
        }
        refuseUnsupported(&reader)
        if let node = reader.node("properties") ?? reader.node("required") ?? reader.node("additionalProperties") {
            problems.report(
                "\(subject) is nested, and rows are flat", remedy: "describe columns that hold single values",
                at: node.location)
        }
        reader.finish()
        return rules
    }

    /// A length: an integer, which JSON may write as 2.0.
    private static func length(_ key: String, _ reader: inout MappingReader) -> Int? {
        guard let number = reader.number(key, in: 0...1e15) else { return nil }
        if number == number.rounded() { return Int(number) }
        reader.problems.report("'\(key)' must be a whole number, not \(number)", at: reader.location(of: key))
        return nil
    }

    private static func types(_ reader: inout MappingReader) -> [ValueRules.JSONType]? {
        let texts = reader.texts("type")
        guard !texts.isEmpty else { return nil }
        return texts.compactMap { text in
            if let type = ValueRules.JSONType(rawValue: text.value) { return type }
            let names = ValueRules.JSONType.allCases.map(\.rawValue)
            reader.problems.report(
                "'\(text.value)' is not a type of JSON" + Suggestion.phrase(for: text.value, among: names),
                at: text.location)
            return nil
        }
    }

    private static func constant(_ node: ConfigNode) -> ValueRules.Constant {
        switch node.content {
        case .scalar(let text, isQuoted: true): .text(text)
        case .scalar("null", _): .null
        case .scalar("true", _): .boolean(true)
        case .scalar("false", _): .boolean(false)
        case .scalar(let text, _): Double(text).map { .number($0) } ?? .text(text)
        case .sequence(let nodes): .list(nodes.map(constant))
        case .mapping(let entries):
            .object(Dictionary(entries.map { ($0.key.value, constant($0.value)) }) { _, last in last })
        }
    }
}

extension ValueRules.Constant {
    /// The value as JSON; a single text without quotation marks.
    package var description: String {
        if case .text(let text) = self { return text }
        return json
    }

    private var json: String {
        switch self {
        case .text(let text): JSONText.quoted(text)
        case .number(let number): number.plain
        case .boolean(let truth): String(truth)
        case .null: "null"
        case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map { JSONText.quoted($0.key) + ":" + $0.value.json }
                .joined(separator: ",") + "}"
        }
    }
}
