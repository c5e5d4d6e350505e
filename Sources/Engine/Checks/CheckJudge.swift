package import CaudalModel

/// What earlier runs recorded about a check.
package protocol CheckHistory: Sendable {
    /// The values of a check in the stage's last runs that did not fail it, newest first, at most `limit`.
    ///
    /// - Parameter part: The part of the data, such as `region=north`, for a divided check.
    /// - Throws: ``StoreError`` when the run store cannot be read.
    func measures(of check: String, part: String?, stage: StageID, limit: Int) throws -> [Double]

    /// The parts of the data, such as `region=north`, for which a check of this stage found rows in one of its last
    /// runs.
    ///
    /// Runs in which it failed for any part do not count, so that a missing part is reported until it is back.
    ///
    /// - Throws: ``StoreError`` when the run store cannot be read.
    func parts(of check: String, stage: StageID, runs: Int) throws -> Set<ExactText>
}

/// An empty history.
package struct NoCheckHistory: CheckHistory {
    package init() {}
    package func measures(of check: String, part: String?, stage: StageID, limit: Int) -> [Double] { [] }
    package func parts(of check: String, stage: StageID, runs: Int) -> Set<ExactText> { [] }
}

extension DataReadings {
    /// How many rows the data has that the statements of ``CheckCompiler`` scanned; nil where none of them could.
    package var measuredRows: Int64? { rows(.measures).compactMap { $0.integer("rows") }.first }
}

/// Decides what each check found, from what was measured and what earlier runs measured.
package struct CheckJudge {
    private let checks: [Check]
    private let columns: [Column]
    let stage: StageID
    let history: any CheckHistory
    let now: Moment
    /// How a value of the column that divides a check is stored and shown.
    var nameOfPart: @Sendable (_ column: String, _ value: String) -> String = { $1 }

    /// A judge of `checks` over data with these columns, as the check's statements saw them.
    package init(checks: [Check], columns: [Column], stage: StageID, history: any CheckHistory, now: Moment) {
        self.checks = checks
        self.columns = columns
        self.stage = stage
        self.history = history
        self.now = now
    }

    /// The results in the order of the checks; one for each part of a divided check.
    ///
    /// - Parameters:
    ///   - readings: The results of the statements of ``CheckCompiler``.
    ///   - errors: The SQL engine's errors for statements that failed, in order.
    ///   - found: The actual columns and types of the data.
    package func results(_ readings: DataReadings, errors: [String], found: [Column]) -> [CheckResult] {
        var measures: [String: DataReadings.Value] = [:]
        for row in readings.rows(.measures) { measures.merge(row.fields) { old, new in new == .null ? old : new } }
        let reasons = reasons(for: checks.indices.filter { !isMeasured($0, measures, readings) }, errors)
        return checks.indices.flatMap { index -> [CheckResult] in
            let check = checks[index]
            if let reason = reasons[index] { return [check.result(.error, "could not run: \(reason)", now: now)] }
            do {
                if check.partitionBy != nil { return try parts(of: check, index, readings) }
                let total = measures[CheckCompiler.totalName(index)]?.number ?? 0
                let measure = measures[CheckCompiler.measureName(index)]
                var result = try judge(check, measure: measure, total: total, found: found)
                result.samples = samples(index, readings)[nil] ?? []
                return [result]
            } catch {
                // Treated as a first run it would pass, although earlier runs may exist.
                return [check.result(.error, "earlier runs cannot be looked at: \(error.reason)", now: now)]
            }
        }
    }

    /// Whether the statements of a check returned what it is judged by.
    private func isMeasured(
        _ index: Int, _ measures: [String: DataReadings.Value], _ readings: DataReadings
    ) -> Bool {
        let check = checks[index]
        if check.partitionBy != nil {
            return readings.rows(.parts).contains { $0.integer("check") == Int64(index) }
        }
        return check.kind.isMeasured(
            measures[CheckCompiler.measureName(index)]?.number,
            total: measures[CheckCompiler.totalName(index)]?.number)
    }

    /// The SQL engine's error for each check that could not run.
    private func reasons(for failed: [Int], _ errors: [String]) -> [Int: String] {
        let shared = CheckCompiler.shared(checks)
        var unused = errors[...]
        // The shared scan fails first, with the error of one check, which fails with it again when it is tried alone.
        if shared.count > 1, failed.contains(where: shared.contains) { unused = unused.dropFirst() }
        var reasons: [Int: String] = [:]
        for index in failed.filter(shared.contains) + failed.filter({ !shared.contains($0) }) {
            reasons[index] = unused.popFirst() ?? "it gave no result"
        }
        return reasons
    }

    // MARK: - One check

    /// The result of a check for the whole data or one part of it.
    ///
    /// - Parameter found: The actual columns and types of the data.
    func judge(
        _ check: Check, part: String? = nil, measure: DataReadings.Value?, total: Double, found: [Column] = []
    ) throws -> CheckResult {
        let measurement = CheckMeasurement(
            check: check, measure: measure?.number, digits: measure?.text, total: total, columns: found, now: now
        ) {
            try history.measures(of: check.id, part: part, stage: stage, limit: $0)
        }
        return try check.kind.judge(measurement)
    }

    /// The failing rows of a check by part; nil is the key for a check that is not divided.
    func samples(_ index: Int, _ readings: DataReadings) -> [ExactText?: [SampleRow]] {
        let rows = readings.rows(.sample, as: FailingRow.self).filter { $0.check == index }
        return Dictionary(grouping: rows) { $0.part.map(ExactText.init) }.mapValues { samples(index, $0) }
    }

    private func samples(_ index: Int, _ rows: [FailingRow]) -> [SampleRow] {
        let names = CheckCompiler.sampleColumns(of: checks[index], among: columns).map(\.name)
        return rows.map { row in
            let own = row.names.map { $0.map { $0 ?? "" } } ?? names
            guard let query = checks[index].definition.query, own.count == row.values.count else {
                return SampleRow(row: row.row, columns: own, values: row.values)
            }
            let order = Self.order(of: own, in: query.value.description)
            return SampleRow(row: row.row, columns: order.map { own[$0] }, values: order.map { row.values[$0] })
        }
    }

    /// A failing row as it comes back.
    private struct FailingRow: Decodable {
        /// The place of the check in the list.
        var check: Int
        var row: Int64?
        /// The part of the data that it lies in, for a check that is divided.
        var part: String?
        /// What its values are called, where a query gave them.
        var names: [String?]?
        var values: [String?]
    }

    /// The places of a row's columns: first those that a query names, since it is about them, then the others.
    private static func order(of columns: [String], in query: String) -> [Int] {
        let text = query.lowercased()
        let words = Set(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
        let isNamed = columns.map { column in
            words.contains(column.lowercased()) || text.contains("\"\(column.lowercased())\"")
        }
        return columns.indices.filter { isNamed[$0] } + columns.indices.filter { !isNamed[$0] }
    }
}
