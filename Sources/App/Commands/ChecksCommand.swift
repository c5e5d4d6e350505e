import CaudalModel
import ArgumentParser
import Engine

/// `caudal checks`: the check results of a run, the history of one check, and a backtest of changed thresholds.
struct ChecksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checks",
        abstract:
            "Show the check results of a run, the history of one check, or a backtest of a file's thresholds.")

    @Argument(help: .run)
    var run: String?

    @Option(
        help: ArgumentHelp(
            "Show the measured values of a check in past runs: its ID, or STAGE/ID.", valueName: "check"))
    var history: String?

    @Option(help: "Apply the thresholds of this pipeline file to the values that past runs measured.")
    var backtest: String?

    @Option(help: "With --history: show only checks of this pipeline.")
    var pipeline: String?

    @Option(name: [.customShort("n"), .long], help: "With --history and --backtest: maximum number of runs.")
    var limit = 30

    @Flag(help: .jsonLine(for: "result"))
    var json = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        let chosen = [run, history, backtest].count { $0 != nil }
        if chosen > 1 { throw ValidationError("a run, --history and --backtest cannot be given together") }
        if pipeline != nil, history == nil { throw ValidationError("--pipeline needs --history") }
        if limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    func run() async throws {
        let store: RunStore
        let answer: any ChecksAnswer
        if let backtest {
            let loaded = try state.project.load(backtest)
            store = try state.openStore()
            answer = try Output.reporting { try BacktestText(loaded.pipeline, store, runs: limit) }
        } else if let history {
            store = try state.openStore()
            try KnownNames.check(pipeline: pipeline, in: store)
            answer = try Output.reporting { try CheckHistoryText(history, pipeline, store, runs: limit) }
        } else {
            store = try state.openStore()
            let found = try Output.reporting { try store.state(of: try store.find(run ?? "last")) }
            let report = RunReport(state: found, now: SystemClock.now)
            if report.checks.isEmpty { Output.error("run \(found.id) has no check results") }
            answer = ChecksText(report)
        }
        if json {
            for line in answer.jsonLines { Output.json(line + "\n") }
        } else {
            for line in answer.lines(Paint(color)) { Output.line(line) }
        }
    }
}

/// Check results as lines for people and as JSON for programs.
private protocol ChecksAnswer {
    var jsonLines: [String] { get }
    func lines(_ paint: Paint) -> [StyledText]
}

/// The check results of a run, as a table.
struct ChecksText: ChecksAnswer {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    /// One result, as JSON.
    private struct Line: Encodable {
        var run: String
        var stage: String
        var item: String?
        var result: CheckResult
    }

    var jsonLines: [String] {
        report.checks.map { line in
            JSONText.encoded(
                Line(
                    run: report.state.id.rawValue, stage: line.stage.rawValue, item: line.item?.rawValue,
                    result: line.check))
        }
    }

    func lines(_ paint: Paint) -> [StyledText] {
        let checks = report.checks
        if checks.isEmpty { return [] }
        let rows = checks.map { line -> [StyledText] in
            let check = line.check
            let value = check.measured.map { CheckPoint.text(of: $0, kind: check.kind) } ?? "—"
            let failing = check.failingRows.map { rows in
                rows.grouped + (check.totalRows.map { " of \($0.grouped)" } ?? "")
            }
            return [
                paint.outcome(check.outcome, check.word), "\(line.name)", "\(value)",
                "\(check.expectation.shortened(to: 44))", "\(failing ?? "—")", "\(check.message)",
            ]
        }
        let titles = ["OUTCOME", "CHECK", "VALUE", "EXPECTED", "FAILING ROWS", "FOUND"]
        var lines = Columns.lines(rows, titles: titles, paint)
        for line in checks where line.check.outcome != .passed {
            let check = line.check
            if check.samples.isEmpty, check.waiver == nil { continue }
            lines += ["", "\(line.name)"]
            if let waiver = check.waiver { lines.append("  \(paint.wait(waiver))") }
            for sample in check.samples.prefix(10) {
                let cells = sample.cells(.max)
                lines.append(paint.dim("  \(sample.row.map { "row \($0.grouped)  " } ?? "")\(cells)"))
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
struct CheckHistoryText: ChecksAnswer {
    private let check: String
    private let series: [(pipeline: String, points: [CheckPoint])]

    /// Reads the history of a check.
    ///
    /// - Throws: ``Failure`` when there is none.
    init(_ name: String, _ pipeline: String?, _ store: RunStore, runs: Int) throws {
        // IDs may have slashes too: what follows the first is taken for the ID only where the whole is none.
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        var (check, owners) = (name, try store.owners(ofCheck: name))
        if owners.isEmpty, parts.count == 2 {
            check = parts[1]
            owners = try store.owners(ofCheck: check).filter { $0.stage.rawValue == parts[0] }
        }
        owners = owners.filter { pipeline == nil || $0.pipeline == pipeline }
        if owners.isEmpty {
            let names = try store.checkNames(of: pipeline)
            throw Failure("no run had a check '\(name)'" + Suggestion.phrase(for: check, among: names))
        }
        self.check = check
        series = try owners.flatMap { [check] owner in
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

    var jsonLines: [String] { series.flatMap { $0.points.map(JSONText.encoded) } }

    func lines(_ paint: Paint) -> [StyledText] {
        series.enumerated().flatMap { index, series -> [StyledText] in
            (index == 0 ? [] : [""]) + lines(of: series.points, series.pipeline, paint)
        }
    }

    private func lines(of points: [CheckPoint], _ pipeline: String, _ paint: Paint) -> [StyledText] {
        let first = points[0]
        let item = first.item.map { "[\($0)]" } ?? ""
        let part = first.part.map { " (\($0))" } ?? ""
        let environment = first.environment.map { " (\($0))" } ?? ""
        var lines: [StyledText] = ["\(pipeline)\(environment) / \(first.stage)\(item) / \(check)\(part)"]
        let rows = points.map { point -> [StyledText] in
            [
                "  \(point.run)", "\(LocalTime.full(point.started))",
                paint.outcome(point.outcome, point.waiver == nil ? point.outcome.rawValue : "waived"),
                "\(point.valueText)", "\(point.expectation.shortened(to: 60))",
            ]
        }
        lines += Columns.lines(rows, titles: ["  RUN", "STARTED", "OUTCOME", "VALUE", "EXPECTED"], paint)
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

/// How often the thresholds of a file would have warned or failed in past runs.
struct BacktestText: ChecksAnswer {
    private let results: [CheckBacktest]
    private let pipeline: String

    init(_ pipeline: Pipeline, _ store: RunStore, runs: Int) throws {
        self.pipeline = pipeline.name
        results = try pipeline.stages.flatMap { stage in
            try stage.checks.map { check in
                let points = try store.checkPoints(of: pipeline.name, stage: stage.id, check: check.id, runs: runs)
                return CheckBacktest(check, stage: stage.id, points: points)
            }
        }
        if results.isEmpty { throw Failure("\(pipeline.file) has no checks") }
    }

    /// One check, as JSON.
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

    var jsonLines: [String] { results.map { JSONText.encoded(Self.line($0)) } }

    func lines(_ paint: Paint) -> [StyledText] {
        let titles = ["CHECK", "RUNS", "VALUES", "WOULD PASS", "WARN", "FAIL", "DID FAIL", "LIMITS"]
        let rows = results.map { result -> [String] in
            func count(_ outcome: CheckResult.Outcome) -> String { String(result.outcomes[outcome] ?? 0) }
            let did = (result.recorded[.failed] ?? 0) + (result.recorded[.error] ?? 0)
            return [
                "\(result.stage)/\(result.check.id)", String(result.runs), String(result.values), count(.passed),
                count(.warned), count(.failed), String(did), result.expectation.shortened(to: 60),
            ]
        }
        var lines = Columns.lines(rows, titles: titles, paint).enumerated().map { index, line -> StyledText in
            guard index > 0 else { return line }
            let outcomes = results[index - 1].outcomes
            if outcomes[.failed] ?? 0 > 0 { return paint(line, .bad) }
            return outcomes[.warned] ?? 0 > 0 ? paint(line, .wait) : line
        }
        for result in results {
            for breach in result.breaches.suffix(3) {
                let part = [breach.point.item.map { "[\($0)]" }, breach.point.part.map { "(\($0))" }].compactMap { $0 }
                let value = CheckPoint.text(of: breach.point.measured ?? 0, kind: breach.point.kind)
                lines.append(
                    "  \(result.stage)/\(result.check.id)\(part.joined(separator: " ")) would have \(breach.outcome.rawValue) in "
                        + "\(breach.point.run): \(breach.point.measured == nil ? "no value" : value)")
            }
            if !result.otherKinds.isEmpty {
                let kinds = result.otherKinds.sorted().joined(separator: ", ")
                lines.append(
                    "  \(result.stage)/\(result.check.id) had another kind (\(kinds)) in some runs, which are left out")
            }
            let errors = result.outcomes[.error] ?? 0
            if errors > 0 {
                lines.append(
                    "  \(result.stage)/\(result.check.id) could not run \(errors.counted("time")); those runs are left out"
                )
            }
        }
        let runs = results.map(\.runs).max() ?? 0
        if runs == 0 { lines.append("no run of '\(pipeline)' has results for these checks yet") }
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
    /// Text in the colour of an outcome.
    func outcome(_ outcome: CheckResult.Outcome, _ word: String) -> StyledText {
        switch outcome {
        case .passed: good(word)
        case .warned: wait(word)
        case .failed, .error: bad(word)
        }
    }
}
