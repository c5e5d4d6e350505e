package import CaudalModel

/// One step of a `process` stage: rows in, rows out.
package enum Step: Sendable {
    /// Which of several rows with the same key stays.
    package enum Keep: String, Sendable, CaseIterable { case first, last }

    /// A new column and its expression.
    package struct Derivation: Sendable, Equatable {
        package var name: Located<String>
        package var expression: Located<Expression>
    }

    /// A value and its replacement, which may be null.
    package struct MappedValue: Sendable, Equatable {
        package var from: Located<String>
        package var to: Located<String>?
    }

    /// A value as a pipeline file gives it.
    package struct GivenValue: Sendable, Equatable {
        package var value: Literal
        package var text: String

        /// The value for a column of a type: in texts it is what the file says to the letter, such as `1e3` or `+49`, and for times
        /// a text that names one is a time.
        func literal(for type: ColumnType) -> Literal {
            switch (type, value) {
            case (_, .null): .null
            case (.text, _): .text(text)
            case (.timestamp, .text), (.localTimestamp, .text): WrittenValue.isTime(text) ? .timestamp(text) : value
            default: value
            }
        }
    }

    /// Keeps one row for each key; rows without a key are never duplicates.
    case deduplicate(by: [Located<String>], keep: Keep, orderBy: Located<String>?)
    case fillMissing([(column: Located<String>, value: GivenValue)])
    case derive([Derivation])
    case filter(Located<Expression>)
    case select([Located<String>])
    case drop([Located<String>])
    case rename([(from: Located<String>, to: Located<String>)])
    /// Fails for a value that does not fit.
    case cast([(column: Located<String>, type: ColumnType)])
    case trim([Located<String>])
    /// Replaces values; others are kept, or become `otherwise` if it is given.
    case mapValues(column: Located<String>, values: [MappedValue], otherwise: GivenValue?)
    /// Splits a text column into new columns.
    case split(column: Located<String>, separator: String, into: [Located<String>])
    /// A query over the rows so far, which it reads as `input`.
    case sql(Query)

    /// What it does, in a few words.
    package var title: String {
        switch self {
        case .deduplicate(let keys, let keep, let order):
            "deduplicate by \(keys.list), keep the \(keep.rawValue)" + (order.map { " by \($0.value)" } ?? "")
        case .fillMissing(let fills): "fill missing \(fills.map(\.column).list)"
        case .derive(let derivations): "derive \(derivations.map(\.name).list)"
        case .filter: "filter"
        case .select(let columns): "select \(columns.list)"
        case .drop(let columns): "drop \(columns.list)"
        case .rename(let pairs): "rename " + pairs.map { "\($0.from.value) to \($0.to.value)" }.joined(separator: ", ")
        case .cast(let casts): "cast " + casts.map { "\($0.column.value) to \($0.type)" }.joined(separator: ", ")
        case .trim(let columns): columns.isEmpty ? "trim every text" : "trim \(columns.list)"
        case .mapValues(let column, _, _): "map values of \(column.value)"
        case .split(let column, _, let names): "split \(column.value) into \(names.list)"
        case .sql: "sql"
        }
    }

    /// Whether it can change the number of rows.
    package var changesRowCount: Bool {
        switch self {
        case .deduplicate, .filter, .sql: true
        case .fillMissing, .derive, .select, .drop, .rename, .cast, .trim, .mapValues, .split: false
        }
    }

    /// Whether rows may have other values in some columns behind it.
    package func changes(_ names: [String]) -> Bool {
        let made: [String]
        switch self {
        case .deduplicate, .filter, .select, .drop: return false
        case .sql: return true
        case .fillMissing(let fills): made = fills.map(\.column.value)
        case .derive(let derivations): made = derivations.map(\.name.value)
        case .rename(let pairs): made = pairs.map(\.to.value)
        case .cast(let casts): made = casts.map(\.column.value)
        case .trim(let columns): made = columns.isEmpty ? names : columns.map(\.value)
        case .mapValues(let column, _, _): made = [column.value]
        case .split(_, _, let into): made = into.map(\.value)
        }
        return !Set(made).isDisjoint(with: names)
    }

    /// Whether it converts texts to times.
    package var castsToTimestamp: Bool {
        switch self {
        case .cast(let list): list.contains { $0.type == .timestamp }
        case .derive(let derivations): derivations.contains { $0.expression.value.castsToTimestamp }
        case .filter(let condition): condition.value.castsToTimestamp
        case .deduplicate, .fillMissing, .select, .drop, .rename, .trim, .mapValues, .split, .sql: false
        }
    }

    /// The references to bound values in it.
    package var references: [Template.Reference] {
        switch self {
        case .derive(let derivations): derivations.flatMap(\.expression.value.references)
        case .filter(let expression): expression.value.references
        case .sql(let query): query.value.references
        case .deduplicate, .fillMissing, .select, .drop, .rename, .cast, .trim, .mapValues, .split: []
        }
    }
}

extension Sequence where Element == Located<String> {
    fileprivate var list: String { map(\.value).joined(separator: ", ") }
}

/// A table of names and facts that rows are joined with.
package struct Lookup: Sendable {
    /// What is done when the lookup has two rows for one key.
    package enum Duplicates: String, Sendable, CaseIterable {
        /// The stage fails: a join would multiply rows, and a choice would hide the problem.
        case error
        case first, last
    }

    /// The period of validity of a lookup's row: from its first column to just before its second.
    package struct Validity: Sendable, Equatable {
        package var from: Located<String>
        /// The column with the end; a row without an end is valid forever.
        package var to: Located<String>
        /// The input's column that must be within the period.
        package var at: Located<String>
    }

    package var dataset: Located<DatasetName>
    /// Pairs of columns to compare: one of the input, one of the lookup.
    package var on: [(input: Located<String>, lookup: Located<String>)]
    /// The added columns: columns of the lookup, with their new names.
    package var add: [(column: Located<String>, name: String)]
    /// The value for rows without a match; nil leaves it missing.
    package var fallback: Step.GivenValue?
    package var duplicates: Duplicates
    package var validity: Validity?
    package var location: SourceLocation
}
