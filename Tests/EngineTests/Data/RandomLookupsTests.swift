import CaudalModel
import Engine
import TestSupport
import Testing

/// Enrich stages on random tables, beside a reference that goes row by row.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct RandomLookupsTests {
    @Test(
        "Random lookups add to each row what searching them row by row finds, and lose and multiply none",
        .tags(.property), .timeLimit(.minutes(15)))
    func lookups() async throws {
        try await PropertyRun().check(LookupsCase.self, count: PropertyRun.count(240))
    }
}

/// A lookup of an enrich stage, with its meaning by the words of `docs/pipeline-reference.md`.
private struct NaiveLookup {
    var name: String
    var table: NaiveTable
    var on: [(input: String, lookup: String)]
    var add: [(column: String, name: String)]
    var fallback: Cell?
    var duplicates: String?
    var valid: (from: String, to: String, at: String)?

    /// The lookup has two rows for one row of the input, and does not say which to take.
    struct Ambiguous: Error {}

    /// As one line of `lookups`.
    var yaml: String {
        func mapping(_ pairs: [(String, String)]) -> String {
            let isPlain = pairs.allSatisfy { $0.0 == $0.1 }
            let parts = pairs.map { isPlain ? $0.0.quotedInYAML : "\($0.0.quotedInYAML): \($0.1.quotedInYAML)" }
            let list = parts.joined(separator: ", ")
            return isPlain ? parts.count == 1 ? list : "[\(list)]" : "{\(list)}"
        }
        let period = valid.map {
            ", valid: {from: \($0.from.quotedInYAML), to: \($0.to.quotedInYAML), at: \($0.at.quotedInYAML)}"
        }
        return "{dataset: \(name), on: \(mapping(on.map { ($0.input, $0.lookup) }))"
            + ", add: \(mapping(add.map { ($0.column, $0.name) }))" + (fallback.map { ", default: \($0.yaml)" } ?? "")
            + (duplicates.map { ", duplicates: \($0)" } ?? "") + (period ?? "") + "}"
    }

    /// Adds its columns.
    ///
    /// Assumed, where the manual is silent: a missing key is equal to none; a row of the lookup without a `from`, and a
    /// row of the input without an `at`, are never in time; two rows of the lookup for one key are an error also when no
    /// row of the input has it, with `valid` where their periods overlap; otherwise `duplicates` chooses among the rows
    /// that are found for a row of the input; `default` stands for what is not found, never for a value that the row
    /// found lacks.
    func apply(to input: inout NaiveTable) throws {
        let places = try on.map { (try input.index($0.input), try table.index($0.lookup)) }
        let taken = try add.map { try table.index($0.column) }
        let at = try valid.map { try input.index($0.at) }
        let period = try valid.map { (from: try table.index($0.from), to: try table.index($0.to)) }
        guard
            Set((input.columns.map(\.name) + add.map(\.name)).map { $0.lowercased() }).count
                == input.columns.count + add.count
        else { throw NaiveTable.Unsuitable() }
        for (own, other) in places where input.columns[own].type != table.columns[other].type {
            throw NaiveTable.Unsuitable()
        }
        let refuses = duplicates == nil || duplicates == "error"
        if refuses {
            let byKey = Dictionary(grouping: table.rows) { row in places.map { row[$0.1] } }
            for (key, rows) in byKey where !key.contains(.missing) {
                let rivals = rows.enumerated().flatMap { index, row in rows[(index + 1)...].map { (row, $0) } }
                if rivals.contains(where: { Self.overlap($0, $1, period) }) { throw Ambiguous() }
            }
        }
        for index in input.rows.indices {
            let row = input.rows[index]
            let found = table.rows.filter { other in
                guard places.allSatisfy({ row[$0].order(beside: other[$1]) == 0 }) else { return false }
                guard let at, let period else { return true }
                let hasBegun = row[at].order(beside: other[period.from]).map { $0 >= 0 } ?? false
                let hasNotEnded =
                    other[period.to] == .missing || row[at].order(beside: other[period.to]).map { $0 < 0 } ?? false
                return hasBegun && hasNotEnded
            }
            let chosen = duplicates == "last" ? found.last : found.first
            input.rows[index] += zip(taken, add).map { place, _ in
                chosen?[place] ?? fallback?.widened(to: table.columns[place].type) ?? .missing
            }
        }
        input.columns += zip(taken, add).map { Column($1.name, table.columns[$0].type) }
    }

    /// Whether two rows of one key are both right at some time.
    private static func overlap(_ left: [Cell], _ right: [Cell], _ period: (from: Int, to: Int)?) -> Bool {
        guard let period else { return true }
        func isBefore(_ begin: Cell, _ end: Cell) -> Bool {
            begin != .missing && (end == .missing || begin.order(beside: end).map { $0 < 0 } ?? false)
        }
        return [left, right].allSatisfy { begin in
            [left, right].allSatisfy { end in isBefore(begin[period.from], end[period.to]) }
        }
    }
}

private struct LookupsCase: PropertyCase {
    let table: NaiveTable
    let lookups: [NaiveLookup]
    /// Nil where the stage must fail.
    private let result: NaiveTable?

    init(seed: UInt64) {
        var random = RandomTables(seed: seed)
        while true {
            let table = random.table()
            var columns = table.asRead
            var lookups: [NaiveLookup] = []
            for number in 1...random.chance.number(1...2) {
                let lookup = Self.lookup(number, for: columns, &random)
                lookups.append(lookup)
                // What fails shows its columns all the same.
                var first = lookup
                first.duplicates = first.duplicates ?? "first"
                if first.duplicates == "error" { first.duplicates = "first" }
                try? first.apply(to: &columns)
            }
            guard let made = LookupsCase(table, lookups) else { continue }
            self = made
            return
        }
    }

    private init?(_ table: NaiveTable, _ lookups: [NaiveLookup]) {
        var result = table.asRead
        var isAmbiguous = false
        for lookup in lookups {
            do {
                try lookup.apply(to: &result)
            } catch is NaiveLookup.Ambiguous {
                isAmbiguous = true
                break
            } catch {
                return nil
            }
        }
        (self.table, self.lookups, self.result) = (table, lookups, isAmbiguous ? nil : result)
    }

    /// A lookup whose keys are often those of the input, once or several times.
    private static func lookup(
        _ number: Int, for input: NaiveTable, _ random: inout RandomTables
    ) -> NaiveLookup {
        let isSameName = random.chance.happens(50)
        let keys = (0..<random.chance.number(1...2)).map { _ in random.chance.pick(input.columns) }
            .reduce(into: [Column]()) { if !$0.contains($1) { $0.append($1) } }
        let dates = input.columns.filter { $0.type == .date }
        let at = dates.isEmpty || random.chance.happens(50) ? nil : random.chance.pick(dates)
        let oneType = random.chance.pick([ColumnType.text, .integer, .number, .date, .boolean])
        let isUniform = random.chance.happens(60)
        let added = (0..<random.chance.number(1...3)).map { place in
            Column(
                "v\(place)",
                isUniform ? oneType : random.chance.pick([.text, .integer, .number, .date, .boolean]))
        }
        // The workbench adds a column `x_` to each table, and what is added may have been added before.
        let isTaken = keys.contains { $0.name == "x_" || $0.name.hasPrefix("v") }
        let names = keys.map { isSameName && !isTaken ? $0.name : "key of \($0.name)" }
        var columns = zip(names, keys).map { Column($0, $1.type) } + added
        if at != nil { columns += [Column("begin", .date), Column("end", .date)] }
        var rows: [[Cell]] = []
        for _ in 0..<random.chance.number(0...14) {
            let known = input.rows.isEmpty || random.chance.happens(20) ? nil : random.chance.pick(input.rows)
            var row = keys.map { key in
                random.chance.happens(5)
                    ? .missing
                    : known.flatMap { row in (try? input.index(key.name)).map { row[$0] } } ?? random.value(key.type)
            }
            row += columns.dropFirst(keys.count).map {
                random.chance.happens(20) ? .missing : random.value($0.type)
            }
            rows.append(row)
        }
        let duplicates = random.chance.pick([nil, "error", "first", "last", "first", "last"])
        if duplicates == nil || duplicates == "error", random.chance.happens(70) {
            var seen: Set<[Cell]> = []
            rows = rows.filter { seen.insert(Array($0.prefix(keys.count))).inserted }
        }
        let isRenamed = random.chance.happens(60) || number > 1
        return NaiveLookup(
            name: "table\(number)", table: NaiveTable(columns: columns, rows: rows),
            on: zip(keys, names).map { ($0.name, $1) },
            add: added.map { ($0.name, isRenamed ? "\($0.name) of \(number)" : $0.name) },
            fallback: isUniform && random.chance.happens(50) ? random.value(oneType) : nil, duplicates: duplicates,
            valid: at.map { ("begin", "end", $0.name) })
    }

    var mustFail: Bool { result == nil }

    var yaml: String {
        """
        datasets:
          raw: {path: raw.parquet}
          out: {path: out.parquet}
        \(lookups.map { "  \($0.name): {path: \($0.name).parquet}\n" }.joined())stages:
          enrich:
            type: enrich
            input: raw
            output: out
            lookups:
        \(lookups.map { "      - \($0.yaml)\n" }.joined())
        """
    }

    var rows: String { ([table.listing] + lookups.map { "\($0.name): \($0.table.listing)" }).joined(separator: "\n") }

    func sources(_ bench: StageWorkbench, in place: String) throws -> [DataSource] {
        [try table.source("raw", bench, in: place)]
            + (try lookups.map { try $0.table.source(DatasetName($0.name), bench, in: place) })
    }

    func fault(in outcome: StageWorkbench.Outcome) -> String? {
        guard let result else { return "the stage must fail" }
        if outcome.columns != result.columns { return "the columns are \(outcome.columns), not \(result.columns)" }
        if let difference = PropertyRun.difference(result.rows, outcome.rows) { return difference }
        let count = Int64(table.rows.count)
        let steps = lookups.map { StepCount(step: "look up \($0.name)", rowsIn: count, rowsOut: count) }
        let expected = RowAccount(read: count, written: count, steps: steps)
        guard let account = outcome.account else { return "there is no account of the rows" }
        return account == expected && account.isBalanced ? nil : "the account is \(account), not \(expected)"
    }

    var smaller: [LookupsCase] {
        let fewerLookups = PropertyRun.shorter(lookups).filter { !$0.isEmpty }.compactMap { LookupsCase(table, $0) }
        let fewerRows = PropertyRun.shorter(table.rows).compactMap {
            LookupsCase(NaiveTable(columns: table.columns, rows: $0), lookups)
        }
        let fewerColumns = PropertyRun.shorter(Array(table.columns.indices)).filter { !$0.isEmpty }.compactMap { kept in
            LookupsCase(
                NaiveTable(
                    columns: kept.map { table.columns[$0] }, rows: table.rows.map { row in kept.map { row[$0] } }),
                lookups)
        }
        let fewerLookupRows = lookups.indices.flatMap { index in
            PropertyRun.shorter(lookups[index].table.rows).compactMap { rows in
                var lookups = lookups
                lookups[index].table = NaiveTable(columns: lookups[index].table.columns, rows: rows)
                return LookupsCase(table, lookups)
            }
        }
        return (fewerLookups + fewerRows + fewerLookupRows + fewerColumns).filter { $0.mustFail == mustFail }
    }
}
