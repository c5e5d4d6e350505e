/// A piece of a pipeline file as our own value: what it holds and where it stands.
package struct ConfigNode: Sendable {
    /// What a piece holds.
    package enum Content: Sendable {
        /// Text as it is written; whether it is a number is decided by whoever reads it.
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

    /// What kind of thing it is, for messages.
    package var kindName: String {
        switch content {
        case .scalar(let text, let isQuoted): text.isEmpty && !isQuoted ? "nothing" : "'\(text.shortened(to: 40))'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Whether nothing is written where a value could be.
    package var isEmpty: Bool {
        if case .scalar(let text, let isQuoted) = content {
            !isQuoted && (text.isEmpty || text == "~" || text == "null")
        } else {
            false
        }
    }

    /// The value of a key, if it is a mapping that has it.
    package subscript(key key: String) -> ConfigNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key.value == key }?.value
    }

    /// This mapping with `other` laid over it, key by key; anything but two mappings is replaced.
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

    /// The node as text that is the same for the same content, whatever its layout: mappings sorted by key.
    package var canonicalText: String {
        switch content {
        case .scalar(let text, _): return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        case .sequence(let nodes): return "[" + nodes.map(\.canonicalText).joined(separator: ", ") + "]"
        case .mapping(let entries):
            let sorted = entries.sorted { $0.key.value < $1.key.value }
            return "{" + sorted.map { "\($0.key.value): \($0.value.canonicalText)" }.joined(separator: ", ") + "}"
        }
    }
}

extension String {
    /// The text, cut after `limit` characters with an ellipsis, without line breaks.
    package func shortened(to limit: Int) -> String {
        let line = replacing("\n", with: " ")
        return line.count <= limit ? line : line.prefix(max(0, limit - 1)) + "…"
    }
}
