import CaudalModel
import Engine
import TestSupport
import Testing

/// Process stages on random tables, beside a reference that goes row by row.
///
/// A failure names its seed and prints the simplest form of the case that was found; `CAUDAL_PROPERTY_CASES` sets the
/// number of cases.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct RandomStepsTests {
    @Test(
        "Random steps give the rows that going row by row gives, in their order, and account for each of them",
        .tags(.property), .timeLimit(.minutes(15)))
    func steps() async throws {
        try await PropertyRun().check(StepsCase.self, count: PropertyRun.count(400))
    }
}

private struct StepsCase: PropertyCase {
    let table: NaiveTable
    let steps: [NaiveStep]
    private let result: NaiveTable

    init(seed: UInt64) {
        var random = RandomTables(seed: seed)
        table = random.table()
        var result = table.asRead
        steps = random.steps(random.chance.number(0...6), on: &result)
        self.result = result
    }

    /// The same with other steps or rows, where the steps still have a meaning.
    private init?(_ table: NaiveTable, _ steps: [NaiveStep]) {
        var result = table.asRead
        for step in steps { guard (try? step.apply(to: &result)) != nil else { return nil } }
        (self.table, self.steps, self.result) = (table, steps, result)
    }

    var mustFail: Bool { false }

    var yaml: String {
        """
        datasets:
          raw: {path: raw.parquet}
          out: {path: out.parquet}
        stages:
          process:
            type: process
            input: raw
            output: out
        \(steps.isEmpty ? "" : "    steps:\n" + steps.map { "      - \($0.yaml)\n" }.joined())
        """
    }

    var rows: String { table.listing }

    func sources(_ bench: StageWorkbench, in place: String) throws -> [DataSource] {
        [try table.source("raw", bench, in: place)]
    }

    func fault(in outcome: StageWorkbench.Outcome) -> String? {
        if outcome.columns != result.columns { return "the columns are \(outcome.columns), not \(result.columns)" }
        if let difference = PropertyRun.difference(result.rows, outcome.rows) { return difference }
        guard let account = outcome.account else { return "there is no account of the rows" }
        let steps = account.steps.map { "\($0.step.prefix { $0 != " " }): \($0.rowsIn) to \($0.rowsOut)" }
        let expectedSteps = result.counts.map { "\($0.kind): \($0.rowsIn) to \($0.rowsOut)" }
        if steps != expectedSteps { return "the steps are counted as \(steps), not \(expectedSteps)" }
        let expected = RowAccount(
            read: Int64(table.rows.count), written: Int64(result.rows.count),
            duplicates: Int64(result.rowsGone(by: "deduplicate")), dropped: Int64(result.rowsGone(by: "filter")),
            steps: account.steps)
        return account == expected && account.isBalanced ? nil : "the account is \(account), not \(expected)"
    }

    var smaller: [StepsCase] {
        let fewerSteps = PropertyRun.shorter(steps).compactMap { StepsCase(table, $0) }
        let fewerRows = PropertyRun.shorter(table.rows).compactMap {
            StepsCase(NaiveTable(columns: table.columns, rows: $0), steps)
        }
        let fewerColumns = PropertyRun.shorter(Array(table.columns.indices)).filter { !$0.isEmpty }.compactMap { kept in
            StepsCase(
                NaiveTable(
                    columns: kept.map { table.columns[$0] }, rows: table.rows.map { row in kept.map { row[$0] } }),
                steps)
        }
        let simplerSteps = steps.indices.flatMap { index in
            steps[index].simpler.compactMap { simpler in
                var steps = steps
                steps[index] = simpler
                return StepsCase(table, steps)
            }
        }
        return fewerSteps + fewerRows + fewerColumns + simplerSteps
    }
}
