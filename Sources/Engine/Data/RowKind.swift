/// The kinds of rows in the results of a script.
package enum RowKind: String, Sendable, Hashable, CaseIterable {
    /// A number by its name.
    case count
    // Columns.
    case column, zoned, localized, key, fileKey, valued, empty, offset, offsets
    // Values that one type does not hold.
    case value, large, fine, loose
    // What makes a file unreadable, and rules that rows break.
    case unreadable, violation
    // Checks.
    case measures, parts, part, sample
    // Items of a fan-out, those that mean no value or the same as another, and the part of the input that has the rows of each.
    case item, misfit, share
    // Tables of connections, and what was loaded into them.
    case target, exists, odd, load, loaded, asked
    // A profile.
    case types, figures, mean, quantiles, newest, top
    // Two versions.
    case added, removed, changed
    // A quarantine.
    case quarantined
    // What an output has already.
    case mark

    /// The name of the column in which a row says its kind.
    package static let field = "caudal"

    /// The kind as an element of a list of columns.
    package var selected: String { "'\(rawValue)' AS \(Self.field)" }
}

/// What a number in the results of a script counts.
package enum CountName: Sendable, Hashable {
    case read, invalid, rejected, odd, corrected
    /// Rows behind a step of a `process` stage, by the step's place.
    case rowsAfter(step: Int)
    /// Rows for which a lookup finds nothing, by the lookup's place.
    case unmatched(lookup: Int)
    /// Rows that the items of a fan-out divide.
    case divided
    /// Those of them that have none of the values that were found in their own column.
    case stray
    case keyless, doubles
    /// New rows that nobody knows to be new, and whether they are ahead of what was read.
    case unmarked, ahead
    /// New rows whose text in the watermark has another form than the greatest one.
    case uneven
    /// Rows that came later than others which an output has, and rows that are other ones than it has.
    case behind, altered
    /// Changes of rows that are older than what is there.
    case late
    /// Malformed lines.
    case broken
    case before, after, added, removed, changed, repeated
    /// Rows in which a column changed, by the column's place.
    case changedColumn(Int)

    /// The name in the script and in its results.
    package var text: String {
        switch self {
        case .rowsAfter(let step): "after_\(step)"
        case .unmatched(let lookup): "unmatched_\(lookup)"
        case .changedColumn(let column): "column \(column)"
        case .read, .invalid, .rejected, .odd, .corrected, .divided, .stray, .keyless, .doubles, .broken, .before,
            .after,
            .added,
            .removed, .changed, .repeated, .unmarked, .ahead, .uneven, .late, .behind, .altered:
            "\(self)"
        }
    }
}
