import CaudalModel
import Yams

/// The text of a file in YAML or, by its name, in JSON, and its parsing into ``ConfigNode``s.
package struct ConfigSource: Sendable {
    /// The file as the user named it.
    package let file: String
    package let lines: [String]
    private let text: String

    /// The maximum number of nodes once aliases are expanded: a guard against exponential expansion.
    static let nodeLimit = 1_000_000
    static let depthLimit = 64

    /// The place of the first byte that is not valid UTF-8, if there is one.
    private let invalidByte: SourceLocation?

    package init(file: String, bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        var invalid: SourceLocation?
        if String(validating: bytes, as: UTF8.self) == nil {
            // Decoding replaces invalid bytes by U+FFFD; up to the first of them text and bytes are equal.
            let same = zip(text.utf8, bytes).prefix { $0 == $1 }.count
            let before = Self.lines(of: String(decoding: bytes[..<same], as: UTF8.self))
            invalid = SourceLocation(file: file, line: before.count, column: (before.last?.count ?? 0) + 1)
        }
        self.init(file: file, text: text, invalidByte: invalid)
    }

    package init(file: String, text: String) { self.init(file: file, text: text, invalidByte: nil) }

    private init(file: String, text: String, invalidByte: SourceLocation?) {
        self.file = file
        self.invalidByte = invalidByte
        // libyaml would treat a byte order mark as content and then complain about the second line.
        let content = text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text
        self.text = Self.withLineFeeds(content)
        lines = Self.lines(of: self.text)
    }

    private static func withLineFeeds(_ text: String) -> String {
        guard text.utf8.contains(0x0D) else { return text }
        return text.replacing("\r\n", with: "\n").replacing(scalar: "\r", with: "\n")
    }

    /// The lines of a text as YAML counts them.
    private static func lines(of text: String) -> [String] {
        withLineFeeds(text).unicodeScalars.split(omittingEmptySubsequences: false, whereSeparator: endsLine)
            .map { String($0) }
    }

    static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\n", "\u{85}", "\u{2028}", "\u{2029}": true
        default: false
        }
    }

    /// Parses the text; errors go to `problems`, and the result is nil when there is nothing to read.
    ///
    /// - Parameter emptyRemedy: What to write into an empty file, for the message.
    package func read(
        _ problems: ConfigProblems, emptyRemedy: String = "write at least 'version', 'name' and 'stages'"
    ) -> ConfigNode? {
        if let invalidByte {
            problems.report("the text is not UTF-8", remedy: "save the file as UTF-8", at: invalidByte)
            return nil
        }
        if file.lowercased().hasSuffix(".json"), !text.allSatisfy(\.isWhitespace) {
            var reader = JSONReader(text, file: file, problems)
            return reader.read()
        }
        var text = text
        // Each round repairs one duplicate key, so that one mistake does not hide the other faults.
        for round in 0..<50 {
            do {
                // `.basic` has no rules for tags, which pipeline files do not use and which cost a regular expression for each
                // key.
                guard let root = try Yams.compose(yaml: text, .basic) else {
                    problems.report("the file is empty", remedy: emptyRemedy, at: at(1, 1))
                    return nil
                }
                var budget = Self.nodeLimit
                return node(root, depth: 0, budget: &budget, problems)
            } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
                guard let key = duplicates.first,
                    let repaired = renameDuplicateKey(key, firstAt: context.mark, in: text, round: round, problems)
                else { return nil }
                text = repaired
            } catch let error as YamlError {
                report(error, problems)
                return nil
            } catch {
                problems.report("the file cannot be read as YAML: \(error)", at: at(1, 1))
                return nil
            }
        }
        return nil
    }

    private func at(_ line: Int, _ column: Int) -> SourceLocation {
        SourceLocation(file: file, line: line, column: column)
    }

    /// The location of a mark in characters; the columns of marks count Unicode scalars.
    private func at(_ mark: Mark?) -> SourceLocation {
        guard let mark else { return at(1, 1) }
        guard lines.indices.contains(mark.line - 1) else { return at(mark.line, mark.column) }
        let line = lines[mark.line - 1]
        if line.utf8.count < mark.column || line.utf8.allSatisfy({ $0 < 0x80 }) { return at(mark.line, mark.column) }
        return at(mark.line, String(line.unicodeScalars.prefix(mark.column - 1)).count + 1)
    }

    // MARK: - Nodes

    private func node(
        _ node: Node, depth: Int, budget: inout Int, _ problems: ConfigProblems
    ) -> ConfigNode? {
        budget -= 1
        guard budget > 0, depth < Self.depthLimit else {
            if budget > -1 {
                if depth < Self.depthLimit {
                    problems.report(
                        "the aliases of this file expand to more than \(Self.nodeLimit.counted("value"))",
                        remedy: "use fewer of them", at: at(node.mark))
                } else {
                    problems.report("this is nested deeper than \(Self.depthLimit) levels", at: at(node.mark))
                }
            }
            budget = -1
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            // The location of the text, not of the quotation mark before it.
            let shift = scalar.style == .singleQuoted || scalar.style == .doubleQuoted ? 1 : 0
            return ConfigNode(
                .scalar(scalar.string, isQuoted: isQuoted), at: at(scalar.mark).advanced(by: shift))
        case .sequence(let sequence):
            var nodes: [ConfigNode] = []
            for element in sequence {
                guard let read = self.node(element, depth: depth + 1, budget: &budget, problems) else { return nil }
                nodes.append(read)
            }
            return ConfigNode(.sequence(nodes), at: at(sequence.mark))
        case .mapping(let mapping):
            var entries: [ConfigNode.Entry] = []
            for (key, value) in mapping {
                guard let name = key.string else {
                    problems.report("a key must be text", at: at(key.mark))
                    continue
                }
                if name == "<<" {
                    problems.report(
                        "merge keys are not supported", remedy: "write the keys out, or use 'environments'",
                        at: at(key.mark))
                    continue
                }
                guard let read = self.node(value, depth: depth + 1, budget: &budget, problems) else { return nil }
                if name.unicodeScalars.first.map({ Self.placeholders.contains($0.value) }) ?? false { continue }
                entries.append(ConfigNode.Entry(key: Located(name, at: at(key.mark)), value: read))
            }
            return ConfigNode(.mapping(entries), at: at(mapping.mark))
        case .alias:
            problems.report("this alias is not known", at: at(node.mark))
            return nil
        }
    }

    // MARK: - YAML errors

    private static let placeholders: ClosedRange<UInt32> = 0xE000...0xE100

    /// Reports a duplicate key, and renames its second occurrence to a key that is ignored.
    private func renameDuplicateKey(
        _ key: String, firstAt mark: Mark, in text: String, round: Int, _ problems: ConfigProblems
    ) -> String? {
        var lines = Self.lines(of: text).map { Array($0) }
        let letters = Array(key)
        func stands(_ line: Int, _ column: Int) -> Bool {
            let rest = lines[line].dropFirst(column)
            guard rest.starts(with: letters) else { return false }
            return rest.dropFirst(letters.count).first { $0 != " " } == ":"
        }
        var second: (line: Int, column: Int)?
        // In a flow mapping the second key follows on the same line; in a block mapping it is below in the same column.
        let start = mark.line - 1
        if lines.indices.contains(start) {
            for column in lines[start].indices.dropFirst(mark.column) where second == nil {
                let before = lines[start][column - 1]
                if [" ", ",", "{"].contains(before), stands(start, column) { second = (start, column) }
            }
            for line in lines.indices.dropFirst(start + 1) where second == nil {
                if stands(line, mark.column - 1) { second = (line, mark.column - 1) }
            }
        }
        guard let second, let placeholder = Unicode.Scalar(Self.placeholders.lowerBound + UInt32(round)) else {
            problems.report("'\(key)' is given twice in one mapping", remedy: "remove one of them", at: at(mark))
            return nil
        }
        problems.report(
            "'\(key)' is given twice; the first is on line \(mark.line)", remedy: "remove one of them",
            at: at(second.line + 1, second.column + 1))
        let range = second.column..<(second.column + letters.count)
        lines[second.line].replaceSubrange(
            range, with: [Character](repeating: Character(placeholder), count: letters.count))
        return lines.map { String($0) }.joined(separator: "\n")
    }

    private func report(_ error: YamlError, _ problems: ConfigProblems) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let known = Self.faults.first { problem.contains($0.0) }
            var message = known?.1 ?? problem
            // "while parsing a block mapping": the construct that was begun and is not continued as it should be.
            if let context, context.mark.line != mark.line, let begun = Self.begun.first(where: context.text.contains) {
                message += ", in a \(begun) that begins on line \(context.mark.line)"
            }
            problems.report("this is not well formed YAML: \(message)", remedy: known?.2, at: at(mark))
        case .reader(let problem, let offset, _, let yaml):
            let before = Self.lines(of: String(yaml.prefix(offset ?? 0)))
            let remedy = problem.contains("control characters") ? "remove it, or write it as \"\\x07\"" : nil
            problems.report(
                problem.contains("control characters") ? "a control character is not allowed" : problem,
                remedy: remedy ?? "save the file as UTF-8", at: at(before.count, (before.last?.count ?? 0) + 1))
        default:
            problems.report("the file cannot be read as YAML: \(error)", at: at(1, 1))
        }
    }

    private static let begun = ["block mapping", "block collection", "flow mapping", "flow sequence", "quoted scalar"]

    /// The parser's message, what it means for the user, and how to fix it.
    private static let faults: [(String, String, String?)] = [
        (
            "cannot start any token", "a tab or a special character is not allowed here",
            "indent with spaces, never with tabs, and quote texts that begin with @, ` or %"
        ),
        (
            "did not find expected key", "a key was expected here",
            "look for a missing quote or a line that is indented differently"
        ),
        ("did not find expected '-' indicator", "a '-' was expected here", "indent the lines of a list alike"),
        (
            "did not find expected ',' or '}'", "a ',' or '}' was expected here",
            "close the '{', and quote texts that hold '{', '}' or ','"
        ),
        (
            "did not find expected ',' or ']'", "a ',' or ']' was expected here",
            "close the '[', and quote texts that hold '[', ']' or ','"
        ),
        ("Maximum nesting level", "it is nested deeper than \(depthLimit) levels", nil),
        ("unexpected end of stream", "the file ends inside quotation marks", "add the closing one"),
        ("could not find expected ':'", "this key has no colon", "write 'key: value'"),
        (
            "mapping values are not allowed", "a second ':' is not allowed here",
            "quote the text if it holds ': ', and look at the indentation"
        ),
        ("found another document", "a second document begins here", "keep one pipeline in one file, without '---'"),
        (
            "found undefined alias", "no '&' before this defines the name after '*'",
            "quote the text if the '*' is part of it"
        ),
    ]
}
