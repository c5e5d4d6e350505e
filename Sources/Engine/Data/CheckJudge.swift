/// What is known of a check from earlier runs.
package protocol CheckHistory: Sendable {
    /// What a check of this stage measured in its last runs that did not fail it, newest first, at most `limit`.
    ///
    /// `part`: the part of the data, such as `region=north`, for a check that is divided.
    func measures(of check: String, part: String?, stage: StageID, limit: Int) throws -> [Double]

    /// The parts of the data, such as `region=north`, of which a check of this stage found rows in one of its last runs.
    ///
    /// Runs in which it failed for any part do not count: what is missing stays missing until somebody says otherwise.
    func parts(of check: String, stage: StageID, runs: Int) throws -> Set<String>
}

/// A history with nothing in it.
package struct NoCheckHistory: CheckHistory {
    package init() {}
    package func measures(of check: String, part: String?, stage: StageID, limit: Int) -> [Double] { [] }
    package func parts(of check: String, stage: StageID, runs: Int) -> Set<String> { [] }
}

/// Decides what each check found, from what was measured and what earlier runs measured.
package struct CheckJudge {
    private let checks: [Check]
    private let columns: [Column]
    let stage: StageID
    let history: any CheckHistory
    private let now: Moment
    /// How the value of a column that divides a check is kept and told.
    var nameOfPart: @Sendable (_ column: String, _ value: String) -> String = { $1 }

    /// A judge of `checks` over data with these columns, as the check's statements saw them.
    package init(checks: [Check], columns: [Column], stage: StageID, history: any CheckHistory, now: Moment) {
        self.checks = checks
        self.columns = columns
        self.stage = stage
        self.history = history
        self.now = now
    }

    /// The results, in the order of the checks; one for each part of a check that is divided.
    ///
    /// `readings`: what the statements of ``CheckCompiler`` gave.
    /// `errors`: what the engine said about statements that failed, in order.
    /// `found`: the columns and types that the data really has.
    package func results(_ readings: DataReadings, errors: [String], found: [Column]) -> [CheckResult] {
        var measures: [String: DataReadings.Value] = [:]
        for row in readings.rows("measures") { measures.merge(row.fields) { old, new in new == .null ? old : new } }
        let reasons = reasons(for: checks.indices.filter { !isMeasured($0, measures, readings) }, errors)
        return checks.indices.flatMap { index -> [CheckResult] in
            let check = checks[index]
            if let reason = reasons[index] { return [make(check, .error, nil, nil, "could not run: \(reason)")] }
            if case .schema(let expected) = check.kind { return [schema(check, expected, found)] }
            do {
                if check.partitionBy != nil { return try parts(of: check, index, readings) }
                let total = measures[CheckCompiler.totalName(index)]?.number ?? 0
                let measure = measures[CheckCompiler.measureName(index)]?.number
                var result = try judge(check, measure: measure, total: total)
                result.samples = samples(index, readings)[nil] ?? []
                return [result]
            } catch {
                // Without earlier runs it would pass, and nobody knows that there are none.
                return [make(check, .error, nil, nil, "earlier runs cannot be looked at: \(error.reason)")]
            }
        }
    }

    /// Whether the statements of a check gave what it is judged by.
    private func isMeasured(
        _ index: Int, _ measures: [String: DataReadings.Value], _ readings: DataReadings
    ) -> Bool {
        let check = checks[index]
        if check.partitionBy != nil {
            return readings.rows("parts").contains { $0.integer("check") == Int64(index) }
        }
        guard measures[CheckCompiler.totalName(index)]?.number != nil else {
            if case .schema = check.kind { return true }
            return false
        }
        switch check.kind {
        // Their rows are counted apart from all rows, so that one count can be there without the other.
        case .foreignKey, .sql: return measures[CheckCompiler.measureName(index)]?.number != nil
        default: return true
        }
    }

    /// What the engine said about each check that could not run.
    private func reasons(for failed: [Int], _ errors: [String]) -> [Int: String] {
        let shared = CheckCompiler.shared(checks)
        var unused = errors[...]
        // The scan of all checks fails first, with the error of one of them that comes again when that is tried alone.
        if shared.count > 1, failed.contains(where: shared.contains) { unused = unused.dropFirst() }
        var reasons: [Int: String] = [:]
        for index in failed.filter(shared.contains) + failed.filter({ !shared.contains($0) }) {
            reasons[index] = unused.popFirst() ?? "it gave no result"
        }
        return reasons
    }

    // MARK: - One check

    func judge(_ check: Check, part: String? = nil, measure: Double?, total: Double) throws -> CheckResult {
        switch check.kind {
        case .notNull, .unique, .acceptedValues, .range, .matches, .foreignKey, .sql:
            return judgeRows(check, failing: measure ?? 0, total: total)
        case .completeness:
            let part = total == 0 ? 1 : (measure ?? 0) / total
            let words =
                total == 0
                ? "no rows"
                : "\(Self.percent(part)) of \(Self.counted(total, "row")) \(total == 1 ? "has" : "have") a value"
            var result = bounded(check, part, words, show: Self.percent)
            result.failingRows = Int64(total - (measure ?? 0))
            result.totalRows = Int64(total)
            return result
        case .freshness:
            guard let newest = measure else {
                return make(check, breach(check), nil, total, "there is no value to tell the age from")
            }
            let age = Double(now.wall) / 1000 - newest
            if age < -Self.futureLimit {
                return make(
                    check, breach(check), age, nil,
                    "the newest value lies \(Self.age(-age)) in the future, and tells nothing of the age")
            }
            return bounded(check, age, "the newest value is \(Self.age(age)) old", show: Self.age)
        case .rowCount: return bounded(check, total, Self.counted(total, "row"), show: Self.count)
        case .distinctCount:
            return bounded(check, measure ?? 0, Self.counted(measure ?? 0, "distinct value"), show: Self.count)
        case .sum, .mean:
            let word = check.typeName
            guard let measure else {
                return make(check, breach(check), nil, total, "there is no value to take the \(word) of")
            }
            return bounded(check, measure, "the \(word) is \(measure.rounded(to: 4))", isSound: measure.isFinite) {
                $0.plain
            }
        case .rowCountVariation(let over):
            return variation(check, rows: total, past: try past(check, part, over))
        case .anomaly(let kind, let over):
            let past = try past(check, part, over)
            guard case .completeness = kind else { return anomaly(check, measure, past: past) }
            return anomaly(check, total == 0 ? 1 : (measure ?? 0) / total, past: past)
        case .schema: return make(check, .error, nil, total, "not judged here")
        }
    }

    /// How far ahead of now, in seconds, a newest value may be: clocks differ, and so do the days of time zones.
    static let futureLimit = 86_400.0

    private func judgeRows(_ check: Check, failing: Double, total: Double) -> CheckResult {
        let value = check.limits.areFractions ? (total == 0 ? 0 : failing / total) : failing
        let isPart = check.limits.areFractions
        let show: (Double) -> String = { isPart ? Self.percent($0) : Self.count($0) }
        let rows = Self.counted(failing, "row")
        let what: String
        switch check.kind {
        case .notNull: what = "\(rows) without a value"
        case .unique:
            what = failing == 0 ? "every key stands once" : "\(rows) \(failing == 1 ? "repeats" : "repeat") a key"
        case .acceptedValues: what = "\(rows) with other values"
        case .range: what = "\(rows) out of range"
        case .matches: what = "\(rows) \(failing == 1 ? "does" : "do") not match"
        case .foreignKey: what = "\(rows) without a counterpart"
        default: what = failing == 0 ? "no failing rows" : "\(rows) returned"
        }
        var result = bounded(check, value, "\(what) of \(Self.count(total))", show: show)
        result.measured = failing
        if isPart { result.scaleLimits { $0 * total } }
        result.failingRows = Int64(failing)
        result.totalRows = Int64(total)
        return result
    }

    private func past(_ check: Check, _ part: String?, _ runs: Int) throws -> [Double] {
        try history.measures(of: check.id, part: part, stage: stage, limit: runs)
    }

    private func variation(_ check: Check, rows: Double, past: [Double]) -> CheckResult {
        guard let median = past.median else {
            return make(check, .passed, rows, rows, "\(Self.counted(rows, "row")); no earlier run to compare with yet")
        }
        let change = Deviation.change(of: rows, from: median)
        var result = bounded(
            check, change,
            "\(Self.counted(rows, "row")), \(Self.percent(change)) from the median \(Self.count(median)) of "
                + past.count.counted("run"),
            show: Self.percent)
        result.measured = rows
        result.spreadLimits(around: median, by: median)
        return result
    }

    private func anomaly(_ check: Check, _ value: Double?, past: [Double]) -> CheckResult {
        guard let value else {
            guard past.count >= Deviation.minimum else { return make(check, .passed, nil, nil, "no values") }
            var word = "mean"
            if case .anomaly(.sum, _) = check.kind { word = "sum" }
            return make(
                check, breach(check), nil, nil,
                "there is no value to take the \(word) of; \(past.count.counted("earlier run")) had one")
        }
        guard value.isFinite else {
            return make(check, breach(check), nil, nil, "the value is \(value.rounded(to: 4))")
        }
        guard past.count >= Deviation.minimum, let median = past.median else {
            return make(
                check, .passed, value, nil,
                "\(value.rounded(to: 4)); judged from \(Deviation.minimum) earlier runs on, there are \(past.count)")
        }
        let distance = Deviation.distance(of: value, from: past, median: median)
        var result = bounded(
            check, distance,
            "\(value.rounded(to: 4)) lies \(distance.rounded(to: 1)) deviations from the median \(median.rounded(to: 4)) "
                + "of \(past.count.counted("run"))", show: Self.deviations)
        result.measured = value
        result.spreadLimits(around: median, by: Deviation.spread(of: past, median: median))
        return result
    }

    private func schema(_ check: Check, _ expected: [Check.ColumnExpectation], _ found: [Column]) -> CheckResult {
        var drift: [String] = []
        for column in expected {
            guard let real = found.first(where: { $0.name == column.name }) else {
                drift.append("'\(column.name)' is missing")
                continue
            }
            if let type = column.type, type != real.type {
                drift.append("'\(column.name)' is \(real.type), not \(type)")
            }
        }
        for column in found where !expected.contains(where: { $0.name == column.name }) {
            drift.append("'\(column.name)' (\(column.type)) is new")
        }
        let message = drift.isEmpty ? "\(found.count.counted("column")) as expected" : drift.joined(separator: ", ")
        return make(check, drift.isEmpty ? .passed : breach(check), Double(drift.count), nil, message)
    }

    /// The failing rows of a check by the part they lie in; those of a check that is not divided have none.
    func samples(_ index: Int, _ readings: DataReadings) -> [String?: [SampleRow]] {
        let rows = readings.rows("sample").filter { $0.integer("check") == Int64(index) }
        return Dictionary(grouping: rows) { $0.text("part") }.mapValues { samples(index, $0) }
    }

    private func samples(_ index: Int, _ rows: [DataReadings.Row]) -> [SampleRow] {
        let names = CheckCompiler.sampleColumns(of: checks[index], among: columns).map(\.name)
        return rows.map { row in
            func list(_ name: String) -> [String?] {
                if case .list(let list)? = row.fields[name] { list.map(\.text) } else { [] }
            }
            let own = row.fields["names"] == nil ? names : list("names").map { $0 ?? "" }
            let values = list("values")
            guard case .sql(let query) = checks[index].kind, own.count == values.count else {
                return SampleRow(row: row.integer("row"), columns: own, values: values)
            }
            let order = Self.order(of: own, in: query.value.description)
            return SampleRow(row: row.integer("row"), columns: order.map { own[$0] }, values: order.map { values[$0] })
        }
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

    // MARK: - Outcomes

    /// A result whose outcome follows from bounds.
    ///
    /// `isSound`: whether the value is one that can lie within limits; an infinite sum lies in none.
    private func bounded(
        _ check: Check, _ value: Double, _ message: String, isSound: Bool = true, show: (Double) -> String
    ) -> CheckResult {
        var outcome = check.outcome(of: value)
        if outcome == .failed || !isSound { outcome = breach(check) }
        var result = make(check, outcome, value, nil, message)
        // What breaks no more than the closer limits needs no waiver.
        if isSound, check.limits.contain(value) { result.waiver = nil }
        result.limits = check.limits
        result.warnLimits = check.warnLimits
        result.expectation = Self.expectation(check, show: show)
        return result
    }

    /// What a breach means: a warning where the check says so or as long as it is waived.
    private func breach(_ check: Check) -> CheckResult.Outcome {
        check.severity == .warn || isWaived(check) ? .warned : .failed
    }

    private func isWaived(_ check: Check) -> Bool { check.waiver.map { $0.until >= UTC.date(now.wall) } ?? false }

    func make(
        _ check: Check, _ outcome: CheckResult.Outcome, _ measured: Double?, _ total: Double?, _ message: String
    ) -> CheckResult {
        let waiver = check.waiver.flatMap { waiver in
            isWaived(check) && outcome == .warned ? "waived until \(waiver.until): \(waiver.reason)" : nil
        }
        return CheckResult(
            id: check.id, kind: check.typeName, severity: check.severity, outcome: outcome,
            // What is not a number cannot be kept, and no history could use it.
            measured: measured.flatMap { $0.isFinite ? $0 : nil },
            expectation: Self.expectation(check, show: Self.unit(of: check)), message: message,
            totalRows: total.map { Int64($0) },
            waiver: waiver)
    }

    // MARK: - Words

    /// How the limits of a check are written.
    static func unit(of check: Check) -> (Double) -> String {
        switch check.kind {
        case .completeness, .rowCountVariation: return { percent($0) }
        case .anomaly: return { deviations($0) }
        case .freshness: return { age($0) }
        default: break
        }
        let areFractions = check.limits.areFractions
        return { number in areFractions ? percent(number) : number.plain }
    }

    static func expectation(_ check: Check, show: (Double) -> String) -> String {
        func bounds(_ bounds: Check.Bounds) -> String {
            switch (bounds.min, bounds.max) {
            case (nil, nil): "anything"
            case (let min?, nil): "at least \(show(min))"
            case (nil, let max?): "at most \(show(max))"
            case (let min?, let max?): min == max ? "exactly \(show(min))" : "\(show(min)) to \(show(max))"
            }
        }
        let filter = check.filter == nil ? "" : ", of the rows it looks at"
        switch check.kind {
        case .notNull(let column): return "\(column) has a value" + filter
        case .unique(let columns): return "\(columns.joined(separator: ", ")) is unique" + filter
        case .acceptedValues(let column, let values):
            return "\(column) is \(values.formattedAsChoice.shortened(to: 80))" + filter
        case .range(let column):
            let low = check.values.min.map { "at least \($0.words)" }
            let high = check.values.max.map { "at most \($0.words)" }
            return "\(column) is \([low, high].compactMap { $0 }.joined(separator: " and "))" + filter
        case .matches(let column, let pattern): return "\(column) matches \(pattern)" + filter
        case .foreignKey(let column, let dataset, let key):
            return "\(column) stands in \(dataset.value).\(key)" + filter
        case .sql: return "the query returns no row"
        case .schema: return "the columns are as listed"
        case .completeness(let column): return "\(bounds(check.limits)) of \(column) filled" + filter
        case .freshness(let column): return "\(column) \(bounds(check.limits)) old"
        case .rowCount: return bounds(check.limits) + ((check.limits.max ?? check.limits.min) == 1 ? " row" : " rows")
        case .rowCountVariation(let over):
            return "\(bounds(check.limits)) from the last \(over == 1 ? "run" : over.counted("run"))"
        case .distinctCount(let column): return "\(bounds(check.limits)) distinct \(column)"
        case .sum(let column): return "sum of \(column) \(bounds(check.limits))"
        case .mean(let column): return "mean of \(column) \(bounds(check.limits))"
        case .anomaly: return "\(bounds(check.limits)) from the usual"
        }
    }

    static func deviations(_ number: Double) -> String { "\(number.rounded(to: 1)) deviations" }

    static func percent(_ part: Double) -> String {
        let percent = (part * 100).rounded(to: 2)
        return "\(percent)%"
    }

    static func count(_ number: Double) -> String { Int64(number).grouped }

    static func counted(_ number: Double, _ word: String) -> String { Int64(number).counted(word) }

    static func age(_ seconds: Double) -> String {
        let days = seconds / 86_400
        if abs(days) >= 2 { return "\(days.rounded(to: 1)) days" }
        if abs(seconds) >= 7200 { return "\((seconds / 3600).rounded(to: 1)) h" }
        return abs(seconds) >= 120 ? "\((seconds / 60).rounded(to: 1)) min" : "\(seconds.rounded(to: 0)) s"
    }
}

extension Literal {
    /// The value as people write it.
    package var words: String {
        switch self {
        case .null: "nothing"
        case .boolean(let truth): String(truth)
        case .integer(let number): String(number)
        case .number(let number): number.plain
        case .decimal(let text), .text(let text), .date(let text), .timestamp(let text): text
        }
    }
}

extension Array where Element == Double {
    /// The middle value; of an even count, the mean of the two in the middle; nil of nothing.
    package var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Double {
    /// The number with at most `places` digits after the point, without needless zeros.
    package func rounded(to places: Int) -> String {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        return ((self * factor).rounded() / factor).plain
    }
}

extension Int64 {
    /// The number with its thousands apart: `1,234,567`.
    package var grouped: String {
        let digits = String(magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return self < 0 ? "-" + text : text
    }
}
