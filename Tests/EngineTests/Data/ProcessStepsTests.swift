import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Process steps on random tables, against a reference that goes row by row.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct ProcessStepsTests {
    @Test("Random steps on random rows give what going row by row gives", .tags(.property), .timeLimit(.minutes(15)))
    func randomSteps() async throws {
        for seed in UInt64(0)..<40 {
            var random = SplitMix64(seed: seed)
            var reference = ReferenceTable.random(&random)
            let bench = try StageWorkbench()
            let source = try bench.source("raw", reference.columns, reference.rows)
            reference.add(column: Column("x_", .text), value: "x")
            var steps: [String] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) { steps.append(reference.step(&random)) }
            let outcome = try await bench.run(Self.pipeline(steps), [source])
            let about = "seed \(seed):\n\(steps.joined(separator: "\n"))"
            #expect(outcome.columns == reference.columns, "\(about)")
            #expect(Self.sorted(outcome.rows) == Self.sorted(reference.rows), "\(about)")
            #expect(outcome.account?.isBalanced == true, "\(about)")
        }
    }

    @Test("Rows that a query makes are counted as made, and not as rows that came in")
    func madeRows() async throws {
        let bench = try StageWorkbench()
        let source = try bench.foreign("raw", csv: "id\n1\n2\n3\n")
        let outcome = try await bench.run(
            Self.pipeline([
                #"sql: "SELECT * FROM input UNION ALL SELECT * FROM input UNION ALL SELECT '9'""#,
                "deduplicate: {by: [id]}",
            ]), [source])
        let account = try #require(outcome.account)
        #expect(account.read == 3 && account.made == 4 && account.written == 4 && account.duplicates == 3)
        #expect(account.isBalanced)
        let kept = try JSONDecoder().decode(RowAccount.self, from: JSONEncoder().encode(account))
        #expect(kept == account)
    }

    private static func pipeline(_ steps: [String]) -> String {
        """
        datasets:
          raw: {path: raw.parquet}
          out: {path: out.parquet}
        stages:
          process:
            type: process
            input: raw
            output: out
            steps:
        \(steps.map { "      - \($0)\n" }.joined())
        """
    }

    private static func sorted(_ rows: [[String?]]) -> [String] {
        rows.map { row in row.map { $0.map { "'\($0)'" } ?? "null" }.joined(separator: ", ") }.sorted()
    }
}

/// A table as text, and what each step makes of it by the words of the manual.
private struct ReferenceTable {
    var columns: [Column]
    var rows: [[String?]]

    static func random(_ random: inout SplitMix64) -> ReferenceTable {
        let texts = ["", "a", "A", " a ", "a-b", "a-b-c", "-", "it's", "\"q\"", "ñ,é", "null"]
        let rows = (0..<Int.random(in: 0...25, using: &random)).map { _ -> [String?] in
            func maybe(_ value: String) -> String? { Int.random(in: 0..<5, using: &random) == 0 ? nil : value }
            return [
                maybe(String(Int.random(in: 0...4, using: &random))),
                maybe(String(Int.random(in: -3...3, using: &random))),
                maybe("\(Double(Int.random(in: -4...4, using: &random)) / 2)"),
                maybe(texts.randomElement(using: &random) ?? ""), maybe(texts.randomElement(using: &random) ?? ""),
            ]
        }
        return ReferenceTable(
            columns: [
                Column("k", .integer), Column("n", .integer), Column("x", .number), Column("s", .text),
                Column("odd, name", .text),
            ], rows: rows)
    }

    private func index(_ name: String) -> Int { columns.firstIndex { $0.name == name } ?? 0 }

    mutating func add(column: Column, value: String?) {
        columns.append(column)
        for row in rows.indices { rows[row].append(value) }
    }

    /// Chooses a step, carries it out here, and gives it as a pipeline file writes it.
    mutating func step(_ random: inout SplitMix64) -> String {
        let texts = columns.filter { $0.type == .text }
        let numbers = columns.filter { $0.type == .integer }
        let column = columns.randomElement(using: &random) ?? columns[0]
        let text = texts.randomElement(using: &random)
        let number = numbers.randomElement(using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return deduplicate(&random)
        case 1:
            let value = column.type == .text ? "'none'" : "7"
            let filled = column.type == .text ? "none" : column.type == .number ? "7.0" : "7"
            for row in rows.indices where rows[row][index(column.name)] == nil {
                rows[row][index(column.name)] = filled
            }
            return "fill_missing: {\"\(column.name)\": \(value)}"
        case 2:
            guard let number else { break }
            let place = index(number.name)
            let name = "d\(columns.count)"
            columns.append(Column(name, .integer))
            for row in rows.indices {
                rows[row].append(rows[row][place].flatMap { Int($0) }.map { String($0 * 2 + 1) })
            }
            return "derive: {\(name): '\"\(number.name)\" * 2 + 1'}"
        case 3:
            guard let number else { break }
            let place = index(number.name)
            rows.removeAll { ($0[place].flatMap { Int($0) } ?? 0) <= 0 }
            return "filter: '\"\(number.name)\" > 0'"
        case 4:
            let kept = columns.filter { _ in Bool.random(using: &random) }.shuffled(using: &random)
            guard !kept.isEmpty else { break }
            let places = kept.map { index($0.name) }
            rows = rows.map { row in places.map { row[$0] } }
            columns = kept
            return "select: [\(kept.map { "\"\($0.name)\"" }.joined(separator: ", "))]"
        case 5:
            guard columns.count > 1 else { break }
            let place = index(column.name)
            columns.remove(at: place)
            for row in rows.indices { rows[row].remove(at: place) }
            return "drop: [\"\(column.name)\"]"
        case 6:
            let name = "Select \(columns.count)\(column.name.count)"
            guard !columns.contains(where: { $0.name == name }) else { break }
            columns[index(column.name)].name = name
            return "rename: {\"\(column.name)\": \"\(name)\"}"
        case 7:
            guard let number else { break }
            let place = index(number.name)
            let type: ColumnType = Bool.random(using: &random) ? .number : .text
            columns[place].type = type
            if type == .number {
                for row in rows.indices { rows[row][place] = rows[row][place].flatMap { Double($0) }.map { "\($0)" } }
            }
            return "cast: {\"\(number.name)\": \(type)}"
        case 8:
            guard let text else { break }
            let place = index(text.name)
            for row in rows.indices { rows[row][place] = rows[row][place]?.trimmed }
            return "trim: [\"\(text.name)\"]"
        case 9:
            guard let text else { break }
            let place = index(text.name)
            for row in rows.indices where rows[row][place] == "a" { rows[row][place] = "it's b" }
            return "map_values: {column: \"\(text.name)\", values: {a: \"it's b\"}}"
        case 10:
            guard let text else { break }
            let place = index(text.name)
            let names = ["p\(columns.count)", "q\(columns.count)"]
            guard !columns.contains(where: { names.contains($0.name) }) else { break }
            columns += names.map { Column($0, .text) }
            for row in rows.indices {
                let parts =
                    rows[row][place]?.split(separator: "-", omittingEmptySubsequences: false).map(String.init) ?? []
                for part in 0..<2 { rows[row].append(part < parts.count && !parts[part].isEmpty ? parts[part] : nil) }
            }
            return "split: {column: \"\(text.name)\", separator: \"-\", into: [\(names.joined(separator: ", "))]}"
        default:
            let place = index(column.name)
            rows.removeAll { $0[place] == nil }
            return "sql: 'select * from input where \"\(column.name)\" is not null'"
        }
        return nothing
    }

    /// A step that changes nothing, where the chosen one does not suit the columns.
    private var nothing: String { "filter: 'true'" }

    private mutating func deduplicate(_ random: inout SplitMix64) -> String {
        let keys = columns.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random))
        let keep = Bool.random(using: &random) ? "first" : "last"
        let order = Bool.random(using: &random) ? columns.first { $0.type == .integer } : nil
        let places = keys.map { index($0.name) }
        func value(_ row: Int) -> Int? { order.flatMap { rows[row][index($0.name)] }.flatMap { Int($0) } }
        var groups: [[String]: [Int]] = [:]
        for row in rows.indices {
            let key = places.compactMap { rows[row][$0] }
            if key.count == places.count { groups[key, default: []].append(row) }
        }
        var gone: Set<Int> = []
        for group in groups.values where group.count > 1 {
            var kept = group[0]
            for row in group.dropFirst() {
                guard order != nil else {
                    if keep == "last" { kept = row }
                    continue
                }
                // Rows without a value come after all others for "first", and before all for "last".
                switch (value(row), value(kept)) {
                case (let new?, let old?): if keep == "first" ? new < old : new >= old { kept = row }
                case (.some, nil): kept = row
                case (nil, .some): break
                case (nil, nil): if keep == "last" { kept = row }
                }
            }
            gone.formUnion(group.filter { $0 != kept })
        }
        rows = rows.indices.filter { !gone.contains($0) }.map { rows[$0] }
        let by = keys.map { "\"\($0.name)\"" }.joined(separator: ", ")
        return "deduplicate: {by: [\(by)], keep: \(keep)" + (order.map { ", order_by: \"\($0.name)\"" } ?? "") + "}"
    }
}
