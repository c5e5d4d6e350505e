import CaudalModel

/// The history of rows: each version with the time from which and the time up to which it was so.
///
/// What `enrich` looks up with `valid: {from: valid_from, to: valid_to, at: …}`.
package struct RowHistory: Sendable {
    /// The column that says when a row was changed; nil takes the time of the run.
    var changed: Located<String>?
    /// Whether the last version of a key ends when the key is not there any more.
    var endsMissing: Bool

    static let from = "valid_from"
    static let to = "valid_to"

    /// What becomes of keys that are not there any more.
    private enum Missing: String, CaseIterable { case keep, end }

    /// Reads `changed_at` and `missing`.
    static func read(_ reader: inout MappingReader, _ problems: ConfigProblems, isWanted: Bool) -> RowHistory? {
        let changed = reader.text("changed_at")
        let missing = reader.choice("missing", as: Missing.self)
        guard isWanted else {
            for (name, isThere) in [("changed_at", changed != nil), ("missing", missing != nil)] where isThere {
                problems.report("'\(name)' belongs to 'mode: snapshot'", at: reader.location(of: name))
            }
            return nil
        }
        if changed != nil, missing == .end {
            problems.report(
                "'missing: end' needs a time at which a row went, and no row says that",
                remedy: "leave 'changed_at' out, which takes the time of the run", at: reader.location(of: "missing"))
        }
        return RowHistory(changed: changed.map { Located($0.value, at: $0.location) }, endsMissing: missing == .end)
    }

    /// - Throws: ``ConfigError`` for columns that the stage does not give, or that have the names of the times.
    func check(_ columns: [Column], at location: SourceLocation) throws(ConfigError) {
        for name in [Self.from, Self.to] where columns.contains(where: { $0.name == name }) {
            throw ConfigError(
                "the stage gives a column '\(name)', and that is what 'mode: snapshot' adds",
                remedy: "give the column another name", at: location)
        }
        guard let changed else { return }
        guard let type = columns.first(where: { $0.name == changed.value })?.type else {
            throw ConfigError(
                "the query gives no column '\(changed.value)'"
                    + Suggestion.phrase(for: changed.value, among: columns.map(\.name)), at: changed.location)
        }
        guard [.date, .timestamp, .localTimestamp].contains(type) else {
            throw ConfigError(
                "'\(changed.value)' is \(type), and no time", remedy: "convert it", at: changed.location)
        }
    }

    /// The type of the times.
    private func type(_ columns: [Column]) -> ColumnType {
        columns.first { $0.name == changed?.value }?.type ?? .timestamp
    }

    /// The columns of the output, for those that the stage gives.
    func written(_ columns: [Column]) -> [Column] {
        columns + [Column(Self.from, type(columns)), Column(Self.to, type(columns))]
    }

    /// SQL of one attempt.
    struct Writing {
        let history: RowHistory
        let columns: [Column]
        let key: [String]
        /// The time of the run.
        let now: String
        let new: String
        let sql: any SQLDialect

        private var names: [String] { columns.map { sql.name($0.name) } }
        private var same: String {
            key.map { "n.\(sql.name($0)) = o.\(sql.name($0))" }.joined(separator: " AND ")
        }
        private var differs: String {
            let rest = columns.map(\.name).filter { !key.contains($0) && $0 != history.changed?.value }
            if rest.isEmpty { return "false" }
            return "(" + rest.map { "n.\(sql.name($0)) IS DISTINCT FROM o.\(sql.name($0))" }.joined(separator: " OR ")
                + ")"
        }
        private var at: String { history.changed.map { "n.\(sql.name($0.value))" } ?? now }
        private var from: String { sql.name(RowHistory.from) }
        private var to: String { sql.name(RowHistory.to) }
        /// Whether no new row has the key of an old one.
        private var gone: String { "NOT EXISTS (SELECT 1 FROM \(new) AS n WHERE \(same))" }
        /// New rows that are no version that goes on.
        private func versions(_ old: String?) -> String {
            guard let old else { return "\(new) AS n" }
            return
                "\(new) AS n\nWHERE NOT EXISTS (SELECT 1 FROM \(old) AS o WHERE o.\(to) IS NULL AND \(same) AND NOT \(differs))"
        }

        /// The rows of the output.
        func query(old: String?) -> String {
            let open = sql.cast("NULL", to: history.type(columns))
            let begun =
                "SELECT \(names.map { "n." + $0 }.joined(separator: ", ")), \(at) AS \(from), \(open) AS \(to) FROM \(versions(old))"
            guard let old else { return begun }
            let kept = names.map { "o." + $0 }.joined(separator: ", ") + ", o.\(from)"
            var parts = [
                "SELECT \(kept), o.\(to) FROM \(old) AS o\nWHERE o.\(to) IS NOT NULL OR NOT EXISTS "
                    + "(SELECT 1 FROM \(new) AS n WHERE \(same) AND \(differs))"
                    + (history.endsMissing ? " AND NOT (\(gone))" : ""),
                "SELECT \(kept), \(at) AS \(to) FROM \(old) AS o JOIN \(new) AS n ON \(same)\n"
                    + "WHERE o.\(to) IS NULL AND \(differs)",
            ]
            if history.endsMissing {
                parts.append("SELECT \(kept), \(now) AS \(to) FROM \(old) AS o\nWHERE o.\(to) IS NULL AND \(gone)")
            }
            return (parts + [begun]).joined(separator: "\nUNION ALL\n")
        }

        /// Adds the statements that tell whether the new rows are later than what is there.
        func addMeasures(old: String?, to script: inout SQLScript) {
            if let changed = history.changed {
                script.add(
                    "count the rows without a time", weight: 2,
                    .measure(.unmarked, "(SELECT count(*) FROM \(new) WHERE \(sql.name(changed.value)) IS NULL)"))
            }
            guard let old else { return }
            let followed =
                "(SELECT count(*) FROM \(versions(old)) AND EXISTS (SELECT 1 FROM \(old) AS o WHERE \(same) AND "
                + "(o.\(from) >= \(at) OR o.\(to) > \(at))))"
            let ended =
                history.endsMissing
                ? " + (SELECT count(*) FROM \(old) AS o WHERE o.\(to) IS NULL AND o.\(from) >= \(now) AND \(gone))" : ""
            script.add(
                "count the changes that are older than what is there", weight: 3,
                .measure(.late, "(\(followed)\(ended))"))
        }
    }

    /// Why the new rows cannot follow those that are there; nil where they can.
    func fault(_ readings: DataReadings, key: [Located<String>]) -> Failure? {
        if let count = readings.count(.unmarked), count > 0 {
            return Failure(
                "\(count.counted("row")) without a value in '\(changed?.value ?? "")', which says since when it is so",
                remedy: "leave them out; nothing was published", location: changed?.location)
        }
        if let count = readings.count(.late), count > 0 {
            return Failure(
                "\(count.counted("row")) with a change that is older than a later one of the same key that is there",
                remedy: "run it in the order of time; nothing was published",
                location: changed?.location ?? key.first?.location)
        }
        return nil
    }
}
