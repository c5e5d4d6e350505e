package import CaudalModel

/// A column of a dataset, or the whole dataset when the column is unknown.
package struct ColumnSource: Sendable, Hashable, Comparable {
    package var dataset: DatasetName
    /// Nil for an unknown column: user queries and programs are not analysed.
    package var column: String?

    package init(_ dataset: DatasetName, _ column: String?) {
        self.dataset = dataset
        self.column = column
    }

    /// `sales_raw.price`, or `sales_raw.*`.
    package var description: String { "\(dataset).\(column ?? "*")" }

    package static func < (left: ColumnSource, right: ColumnSource) -> Bool {
        (left.dataset, left.column ?? "") < (right.dataset, right.column ?? "")
    }
}

/// The origin of a column's values.
package struct ColumnOrigin: Sendable, Hashable {
    package var column: String
    /// The columns from which its values are computed, sorted; empty for a constant.
    package var sources: [ColumnSource]
    /// The changes made to the values, in order.
    package var changes: [String]
}

/// Traces columns through the steps of a stage, as ``RelationBuilder`` compiles them.
struct ColumnTracker {
    private var sources: [String: Set<ColumnSource>] = [:]
    private var changes: [String: [String]] = [:]

    /// The columns of a source, each with itself as its origin.
    init(_ source: DataSource) {
        for column in source.columnNames { sources[column] = [ColumnSource(source.dataset, column)] }
    }

    /// Follows a step.
    ///
    /// - Parameters:
    ///   - columns: The columns after the step.
    ///   - queried: The datasets that a query names besides the rows so far.
    mutating func follow(_ step: Step, columns: [Column], queried: [DatasetName]) {
        switch step {
        case .deduplicate, .filter, .select, .drop: break
        case .fillMissing(let fills): for fill in fills { note("fill missing", on: fill.column.value) }
        case .cast(let casts): for cast in casts { note("cast to \(cast.type)", on: cast.column.value) }
        case .trim(let names):
            // Without names the step applies to all text columns.
            let texts = columns.filter { $0.type == .text }.map(\.name)
            for name in names.isEmpty ? texts : names.map(\.value) { note("trim", on: name) }
        case .mapValues(let column, _, _): note("map values", on: column.value)
        case .derive(let derivations):
            // A derivation may use an earlier one.
            for derivation in derivations {
                let used = derivation.expression.value.columnNames
                replace(derivation.name.value, by: used, "derive")
            }
        case .rename(let pairs):
            let (oldSources, oldChanges) = (sources, changes)
            for pair in pairs { (sources[pair.from.value], changes[pair.from.value]) = (nil, nil) }
            for pair in pairs {
                sources[pair.to.value] = oldSources[pair.from.value]
                changes[pair.to.value] = (oldChanges[pair.from.value] ?? []) + ["rename"]
            }
        case .split(let column, _, let names):
            for name in names { replace(name.value, by: [column.value], "split") }
        case .sql:
            let all = sources.values.reduce(into: Set<ColumnSource>()) { $0.formUnion($1) }
            let datasets = Set(all.map(\.dataset)).union(queried)
            sources = [:]
            changes = [:]
            for column in columns {
                sources[column.name] = Set(datasets.map { ColumnSource($0, nil) })
                changes[column.name] = ["sql"]
            }
        }
    }

    /// Follows a lookup.
    mutating func follow(_ lookup: Lookup) {
        let keys = lookup.on.map(\.input.value).joined(separator: ", ")
        for addition in lookup.add {
            sources[addition.name] = [ColumnSource(lookup.dataset.value, addition.column.value)]
            changes[addition.name] = ["look up by \(keys)"]
        }
    }

    /// The origins of these columns.
    func origins(of columns: [Column]) -> [ColumnOrigin] {
        columns.map { column in
            ColumnOrigin(
                column: column.name, sources: (sources[column.name] ?? []).sorted(), changes: changes[column.name] ?? []
            )
        }
    }

    private mutating func note(_ change: String, on column: String) { changes[column, default: []].append(change) }

    private mutating func replace(_ name: String, by used: [String], _ change: String) {
        let found = used.reduce(into: Set<ColumnSource>()) { $0.formUnion(sources[$1] ?? []) }
        let earlier = used.flatMap { changes[$0] ?? [] }
        sources[name] = found
        var all: [String] = []
        for text in earlier + [change] where !all.contains(text) { all.append(text) }
        changes[name] = all
    }
}

extension Expression {
    /// The columns it reads, each once, in order of first use.
    package var columnNames: [String] {
        var names: [String] = []
        func visit(_ expression: Expression) {
            switch expression.node {
            case .column(let name): if !names.contains(name) { names.append(name) }
            case .literal, .reference: break
            case .negate(let part), .not(let part), .isNull(let part, _), .isLike(let part, _, _), .cast(let part, _):
                visit(part)
            case .binary(_, let left, let right):
                visit(left)
                visit(right)
            case .isIn(let part, let values, _):
                visit(part)
                values.forEach(visit)
            case .isBetween(let part, let low, let high, _):
                visit(part)
                visit(low)
                visit(high)
            case .cases(let branches, let otherwise):
                for branch in branches {
                    visit(branch.when)
                    visit(branch.then)
                }
                if let otherwise { visit(otherwise) }
            case .call(_, let arguments): arguments.forEach(visit)
            }
        }
        visit(self)
        return names
    }
}
