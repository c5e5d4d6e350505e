import CaudalModel

/// Suggests checks that the data passes today, as a `checks:` block of a pipeline file.
package struct CheckSuggestion: Sendable {
    private let profile: DataProfile

    package init(_ profile: DataProfile) { self.profile = profile }

    /// The maximum number of values to list as accepted, and the minimum average frequency of each.
    private static let acceptedLimit: Int64 = 12
    private static let repetitions: Int64 = 10
    /// Older data, in seconds, is not expected to be fresh.
    private static let freshLimit = 365 * 86_400.0

    /// The block, to be pasted into a stage.
    package var text: String {
        var lines = ["checks:", "  - row_count: {min: \(max(profile.rows > 0 ? 1 : 0, profile.rows / 2))}"]
        if profile.rows > 0 {
            let full = profile.columns.filter { $0.nulls == 0 }.map { Self.quoted($0.name) }
            if !full.isEmpty { lines.append("  - not_null: [\(full.joined(separator: ", "))]") }
            for column in profile.columns { lines += checks(of: column) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func checks(of column: DataProfile.ColumnProfile) -> [String] {
        let name = Self.quoted(column.name)
        let filled = profile.rows - column.nulls
        guard filled > 0 else { return [] }
        var lines: [String] = []
        if column.nulls > 0 {
            let percent = Int(Double(filled) / Double(profile.rows) * 100)
            if percent > 0 { lines.append("  - {completeness: \(name), min: \(percent)%}") }
        }
        if isKey(column, filled) { lines.append("  - {unique: \(name)}") }
        if let values = accepted(column, filled) {
            lines.append("  - {accepted_values: \(name), in: [\(values.map(Self.quoted).joined(separator: ", "))]}")
        }
        if let range = range(column) { lines.append("  - {range: \(name), \(range)}") }
        if let age = column.age, age < Self.freshLimit {
            // Twice the current age, so that the check holds for a while; at least a day.
            let days = max(1, Int((max(0, age) * 2 / 86_400).rounded(.up)))
            lines.append("  - {freshness: \(name), max_age: \(days)d, severity: warn}")
        }
        return lines
    }

    /// Whether a column looks like a key: its values are unique, and it is not a measure.
    private func isKey(_ column: DataProfile.ColumnProfile, _ filled: Int64) -> Bool {
        guard !profile.isEstimated, filled > 1, column.distinct == filled, column.nulls == 0 else { return false }
        return column.fits == .text || column.fits == .integer
    }

    private func accepted(_ column: DataProfile.ColumnProfile, _ filled: Int64) -> [String]? {
        guard column.type == .text, column.fits == .text, column.distinct <= Self.acceptedLimit,
            filled >= column.distinct * Self.repetitions, Int64(column.top.count) == column.distinct,
            column.top.allSatisfy({ $0.value.count < 200 })
        else { return nil }
        return column.top.map(\.value).sorted()
    }

    private func range(_ column: DataProfile.ColumnProfile) -> String? {
        guard column.fits.isNumeric, let low = column.min.flatMap(Double.init),
            let high = column.max.flatMap(Double.init),
            low.isFinite, high.isFinite, abs(low) < 1e15, abs(high) < 1e15
        else { return nil }
        let min = low >= 0 ? 0 : -Self.roundedUp(-low)
        let max = high <= 0 ? 0 : Self.roundedUp(high)
        return "min: \(min.plain), max: \(max.plain)"
    }

    /// The next number of the form 1, 2 or 5 times a power of ten; 1 for smaller values.
    static func roundedUp(_ value: Double) -> Double {
        var power = 1.0
        while power < 1e300 {
            for factor in [1.0, 2, 5] where factor * power >= value { return factor * power }
            power *= 10
        }
        return value
    }

    /// A text as YAML: plain if it is a plain word, otherwise quoted.
    private static func quoted(_ text: String) -> String {
        let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 == 0x5F }
            && !words.contains(text.lowercased())
        return isPlain ? text : JSONText.quoted(text)
    }
}
