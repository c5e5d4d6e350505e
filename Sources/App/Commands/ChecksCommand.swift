import ArgumentParser
import Engine

/// `caudal checks`: what the checks of a run found, how one went over time, and what other thresholds would have said.
struct ChecksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checks",
        abstract:
            "Show what the checks of a run found, the history of one, or what a file's thresholds would have said.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String?

    @Option(help: "Show what this check measured in past runs, by its id.")
    var history: String?

    @Option(help: "Judge what past runs measured by the thresholds of this pipeline file.")
    var backtest: String?

    @Option(help: "With --history: only checks of this pipeline.")
    var pipeline: String?

    @Option(name: [.customShort("n"), .long], help: "With --history and --backtest: at most so many runs.")
    var limit = 30

    @Flag(help: "Print lines of JSON.")
    var json = false

    @Option(help: "Colours: auto, always, never.")
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        let chosen = [run, history, backtest].count { $0 != nil }
        if chosen > 1 { throw ValidationError("a run, --history and --backtest do not go together") }
        if pipeline != nil, history == nil { throw ValidationError("--pipeline goes with --history") }
        if limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    func run() async throws {
        let store: RunStore
        let lines: [String]
        if let backtest {
            let loaded = try state.project.load(backtest)
            store = try state.openStore()
            lines = try Output.reporting {
                try BacktestText(loaded.pipeline, store, runs: limit, json: json).lines(paint)
            }
        } else if let history {
            store = try state.openStore()
            try Known.check(pipeline: pipeline, in: store)
            lines = try Output.reporting {
                try CheckHistoryText(history, pipeline, store, runs: limit, json: json).lines(paint)
            }
        } else {
            store = try state.openStore()
            let found = try Output.reporting { try store.state(of: try store.find(run ?? "last")) }
            lines = ChecksText(RunReport(state: found, now: SystemClock.now), json: json).lines(paint)
            if lines.isEmpty { Output.error("run \(found.id) has no results of checks") }
        }
        for line in lines { Output.line(line) }
    }

    private var paint: Paint { Paint(color) }
}

/// What the checks of a run found, as a table.
struct ChecksText {
    private let report: RunReport
    private let json: Bool

    init(_ report: RunReport, json: Bool) {
        self.report = report
        self.json = json
    }

    /// One result, for programs.
    private struct Line: Encodable {
        var run: String
        var stage: String
        var item: String?
        var result: CheckResult
    }

    func lines(_ paint: Paint) -> [String] {
        let checks = report.checks
        if checks.isEmpty { return [] }
        if json {
            return checks.map { line in
                JSONLine.text(
                    Line(
                        run: report.state.id.rawValue, stage: line.stage.rawValue, item: line.item?.rawValue,
                        result: line.check))
            }
        }
        let head = ["OUTCOME", "CHECK", "VALUE", "EXPECTED", "FAILING ROWS", "FOUND"]
        let rows = checks.map { line -> [String] in
            let check = line.check
            let value = check.measured.map { CheckPoint.text(of: $0, kind: check.kind) } ?? "—"
            let failing = check.failingRows.map { rows in
                rows.grouped + (check.totalRows.map { " of \($0.grouped)" } ?? "")
            }
            return [
                check.word, PlainText.sanitized(line.name), value,
                PlainText.sanitized(check.expectation.shortened(to: 44)),
                failing ?? "—", PlainText.sanitized(check.message),
            ]
        }
        var lines = Columns.lines([head] + rows).enumerated().map { index, line in
            index == 0 ? paint.dim(line) : paint.outcome(checks[index - 1].check, in: line)
        }
        for line in checks where line.check.outcome != .passed {
            let check = line.check
            if check.samples.isEmpty, check.waiver == nil { continue }
            lines += ["", PlainText.sanitized(line.name)]
            if let waiver = check.waiver { lines.append("  " + paint.wait(PlainText.sanitized(waiver))) }
            for sample in check.samples.prefix(10) {
                let cells = sample.cells(.max)
                lines.append(
                    paint.dim("  \(sample.row.map { "row \($0.grouped)  " } ?? "")\(PlainText.sanitized(cells))"))
            }
            let more = check.samples.count - 10
            if more > 0 {
                lines.append(paint.dim("  and \(more) more are kept: caudal checks \(report.state.id) --json"))
            }
        }
        return lines
    }
}

/// What one check measured over time.
struct CheckHistoryText {
    private let check: String
    private let series: [(pipeline: String, points: [CheckPoint])]
    private let json: Bool

    /// Reads the history of a check.
    ///
    /// - Throws: ``Failure`` when there is none.
    init(_ check: String, _ pipeline: String?, _ store: RunStore, runs: Int, json: Bool) throws {
        self.check = check
        self.json = json
        let owners = try store.owners(ofCheck: check).filter { pipeline == nil || $0.pipeline == pipeline }
        if owners.isEmpty {
            let names = try store.checkNames(of: pipeline)
            throw Failure("no run had a check '\(check)'" + Suggestion.phrase(for: check, among: names))
        }
        series = try owners.flatMap { owner in
            let points = try store.checkPoints(of: owner.pipeline, stage: owner.stage, check: check, runs: runs)
            return Dictionary(grouping: points, by: \.key).values
                .sorted {
                    Self.place($0[0].key).lexicographicallyPrecedes(Self.place($1[0].key))
                }
                .map { (owner.pipeline, $0) }
        }
    }

    private static func place(_ key: CheckPoint.Key) -> [String] {
        [key.environment ?? "", key.item?.rawValue ?? "", key.part ?? ""]
    }

    func lines(_ paint: Paint) -> [String] {
        if json { return series.flatMap { $0.points.map(JSONLine.text) } }
        return series.enumerated().flatMap { index, series in
            (index == 0 ? [] : [""]) + lines(of: series.points, series.pipeline, paint)
        }
    }

    private func lines(of points: [CheckPoint], _ pipeline: String, _ paint: Paint) -> [String] {
        let first = points[0]
        let item = first.item.map { "[\($0)]" } ?? ""
        let part = first.part.map { " (\($0))" } ?? ""
        let environment = first.environment.map { " (\($0))" } ?? ""
        var lines = [PlainText.sanitized("\(pipeline)\(environment) / \(first.stage)\(item) / \(check)\(part)")]
        let rows = points.map { point in
            [
                "  " + point.run.rawValue, LocalTime.full(point.started),
                point.waiver == nil ? point.outcome.rawValue : "waived",
                point.valueText, PlainText.sanitized(point.expectation.shortened(to: 60)),
            ]
        }
        let table = Columns.lines([["  RUN", "STARTED", "OUTCOME", "VALUE", "EXPECTED"]] + rows)
        lines += table.enumerated().map { index, line in
            index == 0 ? paint.dim(line) : paint.outcome(points[index - 1].outcome, rows[index - 1][2], in: line)
        }
        let values = points.compactMap(\.measured)
        guard let median = values.median, let deviation = values.map({ abs($0 - median) }).median else { return lines }
        let line = Sparkline(points.compactMap { point in point.measured.map { Sparkline.Point($0, point.outcome) } })
        func text(_ value: Double) -> String { CheckPoint.text(of: value, kind: first.kind) }
        lines.append(
            "  \(line.blocks())  median \(text(median)), MAD \(text(deviation)), "
                + "\(text(values.min() ?? 0)) to \(text(values.max() ?? 0)) in \(points.count.counted("run"))")
        return lines
    }
}

/// How often the thresholds of a file would have warned or failed.
struct BacktestText {
    private let results: [CheckBacktest]
    private let pipeline: String
    private let json: Bool

    init(_ pipeline: Pipeline, _ store: RunStore, runs: Int, json: Bool) throws {
        self.json = json
        self.pipeline = pipeline.name
        results = try pipeline.stages.flatMap { stage in
            try stage.checks.map { check in
                let points = try store.checkPoints(of: pipeline.name, stage: stage.id, check: check.id, runs: runs)
                return CheckBacktest(check, stage: stage.id, points: points)
            }
        }
        if results.isEmpty { throw Failure("\(pipeline.file) has no checks") }
    }

    /// One check, for programs.
    private struct Line: Encodable {
        var stage: String
        var check: String
        var runs: Int
        var values: Int
        var outcomes: [String: Int]
        var recorded: [String: Int]
        var breaches: [Breach]

        struct Breach: Encodable {
            var run: String
            var item: String?
            var part: String?
            var measured: Double?
            var outcome: String
        }
    }

    func lines(_ paint: Paint) -> [String] {
        json ? results.map { JSONLine.text(Self.line($0)) } : table(paint)
    }

    private func table(_ paint: Paint) -> [String] {
        let head = ["CHECK", "RUNS", "VALUES", "WOULD PASS", "WARN", "FAIL", "DID FAIL", "LIMITS"]
        let rows = results.map { result -> [String] in
            func count(_ outcome: CheckResult.Outcome) -> String { String(result.outcomes[outcome] ?? 0) }
            let did = (result.recorded[.failed] ?? 0) + (result.recorded[.error] ?? 0)
            return [
                "\(result.stage)/\(result.check.id)", String(result.runs), String(result.values), count(.passed),
                count(.warned), count(.failed), String(did), PlainText.sanitized(result.expectation.shortened(to: 60)),
            ]
        }
        var lines = Columns.lines([head] + rows).enumerated().map { index, line in
            guard index > 0 else { return paint.dim(line) }
            let outcomes = results[index - 1].outcomes
            return outcomes[.failed] ?? 0 > 0 ? paint.bad(line) : outcomes[.warned] ?? 0 > 0 ? paint.wait(line) : line
        }
        for result in results {
            for breach in result.breaches.suffix(3) {
                let part = [breach.point.item.map { "[\($0)]" }, breach.point.part.map { "(\($0))" }].compactMap { $0 }
                let value = CheckPoint.text(of: breach.point.measured ?? 0, kind: breach.point.kind)
                lines.append(
                    PlainText.sanitized(
                        "  \(result.stage)/\(result.check.id)\(part.joined(separator: " ")) would have \(breach.outcome.rawValue) in "
                            + "\(breach.point.run): \(breach.point.measured == nil ? "no value" : value)"))
            }
            if !result.otherKinds.isEmpty {
                let kinds = result.otherKinds.sorted().joined(separator: ", ")
                lines.append(
                    "  \(result.stage)/\(result.check.id) was of another kind (\(kinds)) in runs that are left out")
            }
            let errors = result.outcomes[.error] ?? 0
            if errors > 0 {
                lines.append(
                    "  \(result.stage)/\(result.check.id) could not run \(errors.counted("time")); that is not judged")
            }
        }
        let runs = results.map(\.runs).max() ?? 0
        if runs == 0 { lines.append("no run of '\(pipeline)' has results of these checks yet") }
        return lines
    }

    private static func line(_ result: CheckBacktest) -> Line {
        func named(_ counts: [CheckResult.Outcome: Int]) -> [String: Int] {
            Dictionary(counts.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first })
        }
        return Line(
            stage: result.stage.rawValue, check: result.check.id, runs: result.runs, values: result.values,
            outcomes: named(result.outcomes), recorded: named(result.recorded),
            breaches: result.breaches.map { breach in
                Line.Breach(
                    run: breach.point.run.rawValue, item: breach.point.item?.rawValue, part: breach.point.part,
                    measured: breach.point.measured, outcome: breach.outcome.rawValue)
            })
    }
}

extension Paint {
    /// A line with the word of a check's outcome in its colour.
    func outcome(_ check: CheckResult, in line: String) -> String { outcome(check.outcome, check.word, in: line) }

    /// A line with a word in the colour of an outcome.
    func outcome(_ outcome: CheckResult.Outcome, _ word: String, in line: String) -> String {
        let painted: String
        switch outcome {
        case .passed: painted = good(word)
        case .warned: painted = wait(word)
        case .failed, .error: painted = bad(word)
        }
        return line.replacing(word, with: painted, maxReplacements: 1)
    }
}
