/// Everything that determines the output of a stage or an item, as one fingerprint for each part.
///
/// Two attempts with the same key produce the same outputs. The time, the run, the order and the attempt's number are
/// not part of the key.
package struct ReuseKey: Sendable, Hashable, Codable {
    /// The kinds of part, as their names begin.
    package enum Kind: String, Sendable, CaseIterable {
        /// A key of the stage's definition, or a dataset or schema that the definition names.
        case definition
        case parameter
        case variable
        /// A file that the stage reads, including a command's own script.
        case input
        /// The values of the fan-out's item.
        case item
        /// A program that does the work; its version in plain text.
        case program
    }

    /// Fingerprints by kind and name, such as `input data/raw/sales.csv`.
    package private(set) var parts: [String: String] = [:]

    package init() {}

    /// Adds a part.
    package mutating func add(_ kind: Kind, _ name: String, _ fingerprint: String) {
        parts["\(kind.rawValue) \(name)"] = fingerprint
    }

    /// The parts in a fixed order, for one fingerprint of all.
    package var text: String {
        parts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
    }

    /// The differences from an earlier key, in words: `definition changed: steps; input data/x.csv changed`.
    package func difference(from earlier: ReuseKey) -> String {
        let names = Set(parts.keys).union(earlier.parts.keys).filter { parts[$0] != earlier.parts[$0] }.sorted()
        var sentences: [String] = []
        for kind in Kind.allCases {
            let changed = names.filter { $0.hasPrefix(kind.rawValue + " ") }
            let shown = changed.prefix(3).map { String($0.dropFirst(kind.rawValue.count + 1)) }
            guard !shown.isEmpty else { continue }
            let more = changed.count > shown.count ? ", +\(changed.count - shown.count) more" : ""
            let list = shown.joined(separator: ", ") + more
            switch kind {
            case .definition: sentences.append("definition changed: \(list)")
            case .parameter: sentences.append("parameter \(list) changed")
            case .variable: sentences.append("variable \(list) changed")
            case .input:
                let isNew = changed.allSatisfy { earlier.parts[$0] == nil }
                let isGone = changed.allSatisfy { parts[$0] == nil }
                sentences.append("input \(list) \(isNew ? "is new" : isGone ? "is no longer read" : "changed")")
            case .item: sentences.append("the item's values changed")
            case .program:
                sentences += changed.prefix(3).map { name in
                    let program = name.dropFirst(kind.rawValue.count + 1)
                    return "\(program) is \(parts[name] ?? "not used"), was \(earlier.parts[name] ?? "not used")"
                }
            }
        }
        return sentences.joined(separator: "; ")
    }
}
