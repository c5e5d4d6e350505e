/// A node of a pipeline file: its content and its place.
package struct ConfigNode: Sendable {
    /// The content of a node.
    package enum Content: Sendable {
        /// Text as it is written; the reader of the node decides whether it is a number.
        case scalar(String, isQuoted: Bool)
        case sequence([ConfigNode])
        case mapping([Entry])
    }

    /// A key with its value.
    package struct Entry: Sendable {
        package var key: Located<String>
        package var value: ConfigNode

        package init(key: Located<String>, value: ConfigNode) {
            self.key = key
            self.value = value
        }
    }

    package var content: Content
    package var location: SourceLocation

    package init(_ content: Content, at location: SourceLocation) {
        self.content = content
        self.location = location
    }

    /// The kind of node, for messages.
    package var kindName: String {
        switch content {
        case .scalar(let text, let isQuoted): text.isEmpty && !isQuoted ? "nothing" : "'\(text.shortened(to: 40))'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Whether there is no value where there could be one.
    package var isEmpty: Bool {
        if case .scalar(let text, let isQuoted) = content {
            !isQuoted && (text.isEmpty || text == "~" || text == "null")
        } else {
            false
        }
    }

    /// The entries of a mapping; nil for other nodes.
    package var entries: [Entry]? { if case .mapping(let entries) = content { entries } else { nil } }

    /// The elements of a list; another node counts as a list of itself.
    package var elements: [ConfigNode] { if case .sequence(let nodes) = content { nodes } else { [self] } }

    /// The value of a key; nil when the node is no mapping or does not have the key.
    package subscript(key key: String) -> ConfigNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key.value == key }?.value
    }

    /// This mapping with `other` merged into it, key by key; anything but two mappings is replaced.
    package func overlaid(with other: ConfigNode) -> ConfigNode {
        guard case .mapping(var entries) = content, case .mapping(let overlay) = other.content else { return other }
        for entry in overlay {
            if let index = entries.firstIndex(where: { $0.key.value == entry.key.value }) {
                entries[index].value = entries[index].value.overlaid(with: entry.value)
            } else {
                entries.append(entry)
            }
        }
        return ConfigNode(.mapping(entries), at: location)
    }

    /// The node as lines that are the same for the same content, whatever its layout: one value on each, after the keys
    /// that lead to it: `steps[1].filter: total > 0`.
    ///
    /// The top keys are sorted; below them the order of the file may be significant, as it is for derived columns. A
    /// text of several lines becomes several lines, so that a changed line of a query shows as one.
    package func definitionLines(_ path: String = "") -> [String] {
        switch content {
        case .scalar(let text, let isQuoted):
            let name = path.isEmpty ? "" : path + ": "
            // Quotation marks are significant only around a text that would have another type without them.
            if text.isEmpty || isQuoted && Self.hasOtherType(text) { return [name + JSONText.quoted(text)] }
            return text.split(separator: "\n", omittingEmptySubsequences: false).map { name + $0 }
        case .sequence(let nodes):
            if nodes.isEmpty { return [path + ": []"] }
            return nodes.enumerated().flatMap { $0.element.definitionLines("\(path)[\($0.offset)]") }
        case .mapping(let entries):
            if entries.isEmpty { return [path + ": {}"] }
            let inOrder = path.isEmpty ? entries.sorted { $0.key.value < $1.key.value } : entries
            return inOrder.flatMap { entry in
                entry.value.definitionLines(path.isEmpty ? entry.key.value : "\(path).\(entry.key.value)")
            }
        }
    }

    /// Whether a text without quotation marks would be a number, a date or a keyword.
    private static func hasOtherType(_ text: String) -> Bool {
        ["true", "false", "null", "~"].contains(text.lowercased())
            || text.first.map { $0.isNumber || "+-.".contains($0) } == true
                && text.allSatisfy { $0.isNumber || "+-.:TZe ".contains($0) }
    }
}

extension String {
    /// The text without line breaks, truncated after `limit` characters with an ellipsis.
    package func shortened(to limit: Int) -> String {
        let line = replacing("\n", with: " ")
        return line.count <= limit ? line : line.prefix(max(0, limit - 1)) + "…"
    }
}
