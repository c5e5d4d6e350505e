import Yams

/// A pipeline file's text, and its reading as ``ConfigNode``s.
package struct ConfigSource: Sendable {
    /// How the user named the file.
    package let file: String
    package let lines: [String]
    private let text: String

    /// How many nodes a file may have once its aliases are followed: a guard against files made to explode.
    static let nodeLimit = 1_000_000
    static let depthLimit = 64

    package init(file: String, text: String) {
        self.file = file
        // libyaml takes a byte order mark for content and then complains about the second line.
        self.text = text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text
        lines = self.text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    /// Reads the text; faults of the YAML itself go to `problems`, and nil comes back when there is nothing to read.
    package func read(_ problems: ConfigProblems) -> ConfigNode? {
        var text = text
        // Each round mends one key that is given twice, so that one slip does not hide the other faults.
        for round in 0..<50 {
            do {
                guard let root = try Yams.compose(yaml: text) else {
                    problems.report("the file is empty", remedy: "write at least 'name' and 'stages'", at: at(1, 1))
                    return nil
                }
                var budget = Self.nodeLimit
                return node(root, depth: 0, budget: &budget, problems)
            } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
                guard let key = duplicates.first,
                    let mended = mend(key, firstAt: context.mark, in: text, round: round, problems)
                else { return nil }
                text = mended
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

    private func at(_ mark: Mark?) -> SourceLocation { at(mark?.line ?? 1, mark?.column ?? 1) }

    // MARK: - Nodes

    private func node(
        _ node: Node, depth: Int, budget: inout Int, _ problems: ConfigProblems
    ) -> ConfigNode? {
        budget -= 1
        guard budget > 0, depth < Self.depthLimit else {
            let message = depth < Self.depthLimit ? "its aliases make the file too large" : "it is nested too deeply"
            if budget > -1 { problems.report(message, at: at(node.mark)) }
            budget = -1
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            // The place of the text, not of the quotation mark before it.
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

    // MARK: - Faults of the YAML itself

    private static let placeholders: ClosedRange<UInt32> = 0xE000...0xE100

    /// Reports a key that is given twice, and renames its second place to one that is passed over.
    private func mend(
        _ key: String, firstAt mark: Mark, in text: String, round: Int, _ problems: ConfigProblems
    ) -> String? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
        let letters = Array(key)
        func stands(_ line: Int, _ column: Int) -> Bool {
            let rest = lines[line].dropFirst(column)
            guard rest.starts(with: letters) else { return false }
            return rest.dropFirst(letters.count).first { $0 != " " } == ":"
        }
        var second: (line: Int, column: Int)?
        // In a flow mapping the second one follows on the same line; in a block it stands below in the same column.
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
            var remedy = Self.remedies.first { problem.contains($0.key) }?.value
            if let context, context.mark.line != mark.line || context.mark.column != mark.column {
                let opening = "\(context.text.trimmingPrefix("while ")), which begins on line \(context.mark.line)"
                remedy = [remedy, opening].compactMap { $0 }.joined(separator: "; ")
            }
            problems.report("the YAML is not well formed: \(problem)", remedy: remedy, at: at(mark))
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.utf8.prefix(offset ?? 0)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            problems.report("the text cannot be read: \(problem)", remedy: "save the file as UTF-8", at: at(line, 1))
        default:
            problems.report("the file cannot be read as YAML: \(error)", at: at(1, 1))
        }
    }

    private static let remedies = [
        "cannot start any token": "indent with spaces, never with tabs",
        "did not find expected key": "look for a missing quote or a line that is indented differently",
        "could not find expected ':'": "a key needs a colon after it",
        "mapping values are not allowed": "quote the text if it holds ': ', and look at the indentation",
        "found another document": "keep one pipeline in one file, without '---'",
    ]
}
