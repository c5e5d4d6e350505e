package import CaudalModel
package import Foundation

/// Reads one mapping of a pipeline file key by key, and reports unknown keys.
///
/// Each reading method takes one key; ``finish()`` must be called at the end. An invalid value is reported and then
/// treated as absent, so that one fault does not hide another.
package struct MappingReader {
    package let problems: ConfigProblems
    /// Where the mapping is.
    package let location: SourceLocation
    /// The mapping's name in messages, such as `stage 'load'`.
    package let subject: String
    /// The kind of mapping, under which its known keys are recorded.
    private let kind: String
    private var entries: [ConfigNode.Entry]
    /// The keys that were asked for: few enough that a list is faster than a set.
    private var asked: [String] = []
    /// Whether the node is a mapping at all; if not, only that is reported, and not that keys are missing.
    package let isMapping: Bool

    /// Reads `node` as a mapping; any other node is reported and treated as an empty mapping.
    package init(_ node: ConfigNode, subject: String, kind: String, problems: ConfigProblems) {
        self.problems = problems
        self.subject = subject
        self.kind = kind
        location = node.location
        switch node.content {
        case .mapping(let entries):
            self.entries = entries
            isMapping = true
        case .scalar, .sequence:
            isMapping = node.isEmpty
            if !node.isEmpty {
                problems.report("\(subject) must be a mapping, not \(node.kindName)", at: node.location)
            }
            entries = []
        }
    }

    /// The keys that have not been taken yet, in file order.
    package var remaining: [ConfigNode.Entry] { entries.filter { !asked.contains($0.key.value) } }

    /// Reports the keys that have not been taken.
    package mutating func finish() {
        problems.note(knownKeys: asked, of: kind)
        for entry in remaining {
            let phrase = Suggestion.phrase(for: entry.key.value, among: Set(asked).sorted())
            problems.report("\(subject) has no key '\(entry.key.value)'\(phrase)", at: entry.key.location)
        }
    }

    /// Takes a key with any value.
    package mutating func node(_ key: String) -> ConfigNode? {
        asked.append(key)
        return entries.first { $0.key.value == key }?.value
    }

    /// Takes every remaining key: the entries of a mapping from names.
    package mutating func takeRemaining() -> [ConfigNode.Entry] {
        defer { entries = [] }
        return remaining
    }

    /// The place of a key, or of the mapping if it does not have the key.
    package func location(of key: String) -> SourceLocation {
        entries.first { $0.key.value == key }?.key.location ?? location
    }

    /// Reports that something is missing, unless the whole mapping is.
    package func reportMissing(_ message: String, remedy: String? = nil, at place: SourceLocation? = nil) {
        if isMapping { problems.report(message, remedy: remedy, at: place ?? location) }
    }

    /// Whether a key is present with a value.
    package mutating func has(_ key: String) -> Bool { node(key).map { !$0.isEmpty } ?? false }

    /// The place of a key's value, whether it has been taken or not.
    package func valueLocation(of key: String) -> SourceLocation? {
        entries.first { $0.key.value == key }?.value.location
    }

    // MARK: - Scalars

    /// Takes a text; `isRequired` reports its absence.
    ///
    /// - Parameter allowsEmpty: Whether the empty text is a value; otherwise it is a fault.
    package mutating func text(
        _ key: String, isRequired: Bool = false, allowsEmpty: Bool = false
    ) -> Located<String>? {
        guard let node = node(key), !node.isEmpty else {
            if isRequired { reportMissing("\(subject) needs '\(key)'", at: self.node(key)?.location ?? location) }
            return nil
        }
        guard case .scalar(let text, _) = node.content else {
            problems.report("'\(key)' must be text, not \(node.kindName)", at: node.location)
            return nil
        }
        if text.isEmpty, !allowsEmpty {
            problems.reportEmpty("'\(key)'", at: node.location)
            return nil
        }
        return Located(text, at: node.location)
    }

    /// Takes a text for people, in which no references are replaced.
    package mutating func prose(_ key: String, isRequired: Bool = false) -> Located<String>? {
        let text = text(key, isRequired: isRequired, allowsEmpty: true)
        if let text { problems.settle(text.location) }
        return text
    }

    /// Takes a text that may contain `${…}`.
    package mutating func template(_ key: String, isRequired: Bool = false) -> Located<Template>? {
        guard let text = text(key, isRequired: isRequired) else { return nil }
        if text.value.allSatisfy(\.isWhitespace) {
            problems.reportEmpty("'\(key)'", at: text.location)
            return nil
        }
        return problems.template(text)
    }

    /// Takes a name: letters, digits, `_`, `-` and `.`, beginning with a letter or `_`.
    package mutating func name(_ key: String, isRequired: Bool = false) -> Located<String>? {
        guard let text = text(key, isRequired: isRequired) else { return nil }
        return problems.isName(text, what: "a '\(key)'") ? text : nil
    }

    /// Takes true or false.
    package mutating func boolean(_ key: String) -> Bool? {
        convert(key, "must be true or false") { ["true": true, "false": false][$0] }
    }

    /// Takes an integer within bounds.
    package mutating func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        convert(key, "must be a whole number from \(range.lowerBound)" + upper(range)) {
            Int($0).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    private func upper(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max ? "" : " to \(range.upperBound)"
    }

    /// Takes a number within bounds.
    package mutating func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        // Extreme bounds would tell the user nothing.
        var rule = "must be a number"
        switch (range.lowerBound, range.upperBound) {
        case (0, 1e15...): rule += ", 0 or more"
        case (0..<1e-300, 1e15...): rule += " above 0"
        case (_, 1e15...): break
        case (let low, let high): rule += " from \(low.plain) to \(high.plain)"
        }
        return convert(key, rule) { Double($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    /// Takes a duration; a number without a unit is a fault.
    ///
    /// - Parameter isPositive: Whether zero is a fault too.
    package mutating func duration(_ key: String, isPositive: Bool = false) -> Duration? {
        guard let text = text(key) else { return nil }
        if let duration = ScalarFormats.duration(text.value) {
            if duration > .zero || !isPositive { return duration }
            problems.report(
                "'\(key)' must be longer than 0s", remedy: "remove it if there is none", at: text.location)
            return nil
        }
        let remedy =
            Double(text.value) == nil
            ? "write a number and a unit, such as 30s, 10m or 1h30m"
            : "add a unit, such as \(text.value)s or \(text.value)m"
        problems.report("'\(key)' must be a duration, not '\(text.value)'", remedy: remedy, at: text.location)
        return nil
    }

    /// Takes a size in bytes; a number without a unit is a fault.
    package mutating func size(_ key: String) -> Int64? {
        convert(key, "must be a size such as 512MB or 2GB") { ScalarFormats.size($0) }
    }

    /// Takes a percentage such as `5%`, as a fraction.
    package mutating func percentage(_ key: String, in range: ClosedRange<Double> = 0...1) -> Double? {
        guard let text = text(key) else { return nil }
        if let part = ScalarFormats.percentage(text.value), range.contains(part) { return part }
        var rule = "a percentage such as 5%"
        if range == 0...1 { rule += ", from 0% to 100%" }
        problems.report(
            "'\(key)' must be \(rule), not '\(text.value)'",
            remedy: Double(text.value) == nil ? nil : "write \(text.value)%", at: text.location)
        return nil
    }

    /// Takes one of a few keywords.
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, as type: Value.Type
    ) -> Value? where Value.RawValue == String {
        guard let text = text(key) else { return nil }
        if let value = Value(rawValue: text.value) { return value }
        let words = Value.allCases.map(\.rawValue)
        let phrase = Suggestion.closest(to: text.value, among: words).map { "did you mean '\($0)'?" }
        problems.report(
            "'\(key)' must be \(words.formattedAsChoice), not '\(text.value)'", remedy: phrase, at: text.location)
        return nil
    }

    private mutating func convert<Value>(_ key: String, _ rule: String, _ read: (String) -> Value?) -> Value? {
        guard let text = text(key) else { return nil }
        if let value = read(text.value) { return value }
        problems.report("'\(key)' \(rule), not '\(text.value)'", at: text.location)
        return nil
    }

    /// Takes the name of a time zone, such as `Europe/Berlin`.
    package mutating func timeZone(_ key: String) -> TimeZone? {
        guard let text = text(key) else { return nil }
        // Foundation accepts zones such as `GMT+3`, which other software does not know.
        let isKnown = ["UTC", "GMT"].contains(text.value) || TimeZone.knownTimeZoneIdentifiers.contains(text.value)
        if isKnown, let zone = TimeZone(identifier: text.value) { return zone }
        problems.report(
            "'\(key)' must be the name of a time zone, not '\(text.value)'", remedy: "write, say, Europe/Berlin or UTC",
            at: text.location)
        return nil
    }

    // MARK: - Lists

    /// Takes a list of texts; a single text counts as a list of one.
    ///
    /// - Parameters:
    ///   - allowsEmpty: Whether a text may be empty.
    ///   - needsOne: Whether an empty list is a fault.
    package mutating func texts(
        _ key: String, isRequired: Bool = false, allowsEmpty: Bool = false, needsOne: Bool = false
    ) -> [Located<String>] {
        guard let node = node(key), !node.isEmpty else {
            if isRequired { reportMissing("\(subject) needs '\(key)'", at: location) }
            return []
        }
        let texts = problems.texts(of: node, what: "'\(key)'", allowsEmpty: allowsEmpty)
        if isRequired || needsOne, case .sequence(let nodes) = node.content, nodes.isEmpty {
            problems.report("'\(key)' must not be empty", at: node.location)
        }
        return texts
    }

    /// Takes a list; a single value counts as a list of one.
    package mutating func nodes(_ key: String) -> [ConfigNode] {
        guard let node = node(key), !node.isEmpty else { return [] }
        return node.elements
    }

    /// Takes a mapping as a reader of its own.
    package mutating func mapping(_ key: String, subject: String, kind: String) -> MappingReader? {
        guard let node = node(key), !node.isEmpty else { return nil }
        return MappingReader(node, subject: subject, kind: kind, problems: problems)
    }

    /// Takes a mapping from names to any values, in file order.
    package mutating func named(_ key: String) -> [ConfigNode.Entry] {
        guard let node = node(key), !node.isEmpty else { return [] }
        guard case .mapping(let entries) = node.content else {
            problems.report("'\(key)' must be a mapping from names, not \(node.kindName)", at: node.location)
            return []
        }
        return entries.filter { problems.isName($0.key, what: "a name in '\(key)'") }
    }
}

extension ConfigProblems {
    /// Reads the texts of a list, or a single text.
    ///
    /// - Parameter allowsEmpty: Whether a text may be empty.
    package func texts(of node: ConfigNode, what: String, allowsEmpty: Bool = false) -> [Located<String>] {
        func located(_ text: String, _ node: ConfigNode) -> Located<String>? {
            if allowsEmpty || !text.isEmpty { return Located(text, at: node.location) }
            reportEmpty(what, at: node.location)
            return nil
        }
        switch node.content {
        case .scalar(let text, _): return [located(text, node)].compactMap { $0 }
        case .mapping:
            report("\(what) must be text or a list of texts, not \(node.kindName)", at: node.location)
            return []
        case .sequence(let nodes):
            return nodes.compactMap { node in
                if case .scalar(let text, _) = node.content { return located(text, node) }
                report("\(what) must hold texts, not \(node.kindName)", at: node.location)
                return nil
            }
        }
    }

    /// Reports an empty text where a value is needed.
    func reportEmpty(_ what: String, at location: SourceLocation) {
        report("\(what) is empty", remedy: "write a value, or remove it", at: location)
    }

    /// Parses a template and reports an unknown reference.
    package func template(_ text: Located<String>) -> Located<Template>? {
        do throws(Template.Fault) {
            let template = Located(try Template(parsing: text.value), at: text.location)
            note(template)
            return template
        } catch {
            report(error.message, at: text.place(of: error.offset))
            return nil
        }
    }

    /// Whether a text is a valid name; reports it if not.
    package func isName(_ text: Located<String>, what: String) -> Bool {
        let isFine =
            text.value.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } == true
            && text.value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) }
        if !isFine {
            report(
                "'\(text.value)' cannot be \(what)",
                remedy: "use letters a to z, digits, '_', '-' and '.', beginning with a letter", at: text.location)
        }
        return isFine
    }
}

extension Located where Value == String {
    /// The place of a character of the text, counted from 0; for a text of several lines, the place of its beginning.
    package func place(of offset: Int) -> SourceLocation {
        value.contains("\n") ? location : location.advanced(by: offset)
    }
}

extension Array where Element == String {
    /// `a, b or c`.
    package var formattedAsChoice: String {
        guard count > 1, let last else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " or " + last
    }

    /// `a, b and c`.
    package var formattedAsList: String {
        guard count > 1, let last else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " and " + last
    }
}
