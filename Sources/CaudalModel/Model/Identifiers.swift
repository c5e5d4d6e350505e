/// A name with its own type, so that a stage's name cannot be passed for a dataset's.
package protocol Name: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// Wraps the text unchecked; the reader of pipeline files has validated it.
    init(_ rawValue: String)
}

extension Name {
    package init(rawValue: String) { self.init(rawValue) }
    package init(stringLiteral value: String) { self.init(value) }
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The name of a stage, unique in its pipeline.
package struct StageID: Name {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The name of a dataset, unique in its pipeline.
package struct DatasetName: Name {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The stable key of one item of a fan-out, such as `north` or `2026-11-23`.
///
/// Keys are compared byte by byte, as SQL engines compare values. Swift treats texts in different Unicode forms as
/// equal, which would merge two items and lose the rows of one.
package struct ItemKey: Name {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }

    /// The key of an item with these values, one for each variable; different values always give different keys.
    ///
    /// Values are written as they are, and a missing one as `(none)`. Values that would be ambiguous are quoted: an
    /// empty text, the text `(none)`, and with several variables a text that contains a comma.
    package init(values: [String?]) {
        self.init(
            values.map { value in
                guard let value else { return Self.missing }
                let isPlain =
                    !value.isEmpty && value != Self.missing && value.utf8.first != UInt8(ascii: "\"")
                    && (values.count == 1 || !value.utf8.contains(UInt8(ascii: ",")))
                return isPlain ? value : "\"" + value.replacing(scalar: "\"", with: "\"\"") + "\""
            }.joined(separator: ","))
    }

    /// How a key writes a missing value.
    private static let missing = "(none)"

    package static func == (left: Self, right: Self) -> Bool { ExactText(left.rawValue) == ExactText(right.rawValue) }
    package func hash(into hasher: inout Hasher) { hasher.combine(ExactText(rawValue)) }
}

/// A text that equals only one of the same bytes, as paths and values are compared outside of Swift.
package struct ExactText: Hashable, Sendable {
    package let text: String
    package init(_ text: String) { self.text = text }

    package static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// The name of a pool of slots.
package struct PoolName: Name, CodingKeyRepresentable {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// One execution of a pipeline, such as `20261123-060000-k3f9`; sorts by the time it started.
package struct RunID: Name {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }

    /// Makes an id from the start time (UTC): the second, two letters for the thousandth, and two random characters.
    ///
    /// Ids sort by start time, to a thousandth of a second.
    package init(startedAt moment: Moment, random: UInt64) {
        let letters = Array("23456789abcdefghijkmnpqrstuvwxyz")
        let count = UInt64(letters.count)
        let part = UInt64(((moment.wall % 1000) + 1000) % 1000) * count * count / 1000
        let suffix = [part / count, part % count, random / count % count, random % count].map { letters[Int($0)] }
        self.init(UTC.compact(moment.wall) + "-" + String(suffix))
    }
}

/// What an attempt is for: a whole stage, or one item of a fan-out.
///
/// A fan-out also has attempts of its own (`item` is nil): they find its items.
package struct UnitID: Hashable, Codable, Sendable, Comparable, CustomStringConvertible {
    /// The stage.
    package let stage: StageID
    /// The item, or nil for the stage itself.
    package let item: ItemKey?

    package init(_ stage: StageID, _ item: ItemKey? = nil) {
        self.stage = stage
        self.item = item
    }

    /// `stage` or `stage/item`, as the command line takes it.
    package var description: String { item.map { "\(stage)/\($0)" } ?? stage.rawValue }

    package static func < (left: UnitID, right: UnitID) -> Bool {
        (left.stage, left.item?.rawValue ?? "") < (right.stage, right.item?.rawValue ?? "")
    }
}
