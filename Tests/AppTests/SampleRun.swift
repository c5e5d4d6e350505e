import CaudalModel
@testable import App
import Engine
import Foundation

/// A run of a small sales pipeline, told event by event.
struct SampleRun {
    private(set) var state: RunState
    private(set) var events: [RunEvent] = []
    private(set) var lines = LogLineList()
    /// 2026-11-23 13:04:00 UTC.
    private(set) var now = Moment(wall: 1_795_439_040_000, steady: 100_000)

    init() {
        let stages: [PlannedStage] = [
            Self.stage("generate", expected: .seconds(2)), Self.stage("catalog"),
            Self.stage("validate", needs: ["generate"], type: "validate", expected: .seconds(3)),
            Self.stage("process", needs: ["validate"], type: "process", fanOut: true, expected: .seconds(8)),
            Self.stage("enrich", needs: ["catalog", "process"], type: "enrich", expected: .seconds(4)),
            Self.stage("quality", needs: ["enrich"], type: "check", expected: .seconds(1)),
            Self.stage("report", needs: ["quality"], type: "report", expected: .seconds(1)),
            Self.stage("publish", needs: ["quality"], idempotent: false, expected: .seconds(1)),
        ]
        self.init(stages: stages)
        for name: StageID in ["generate", "catalog"] { succeed(UnitID(name), after: 1200) }
    }

    /// A run of some stages that has just begun.
    init(stages: [PlannedStage], id: RunID = "20261123-130400-k3f9") {
        let plan = RunPlan(pipeline: "sales", file: "config/demo.yaml", maxParallel: 4, stages: stages)
        state = RunState(id: id, plan: plan)
        happen(.runStarted(ProcessIdentity(pid: 41, startTicks: 7, bootID: "boot")))
    }

    static func stage(
        _ id: StageID, needs: [StageID] = [], type: String = "command", idempotent: Bool = true, fanOut: Bool = false,
        expected: Duration? = nil
    ) -> PlannedStage {
        PlannedStage(
            id: id, type: type, upstream: needs, retry: id == "publish" ? RetryPolicy(limit: 1) : .none,
            isIdempotent: idempotent, fanOut: fanOut ? .init(maxParallel: 5, onFailure: .proceed) : nil,
            outputPaths: idempotent ? ["data/\(id).parquet"] : [], expected: expected)
    }

    // MARK: - Telling

    mutating func pass(_ milliseconds: Int64) {
        now.wall += milliseconds
        now.steady += milliseconds
    }

    mutating func happen(_ change: RunChange) {
        events.append(RunEvent(sequence: state.lastSequence + 1, time: now, change: change))
        state.apply(events[events.count - 1])
    }

    mutating func log(_ id: UnitID, _ message: String, _ level: LogLevel = .info) {
        lines.records.append(
            LogRecord(
                time: now.wall, level: level, pipeline: "sales", run: state.id, stage: id.stage, item: id.item,
                attempt: state.unit(id)?.attempts.last?.number, stream: .stdout, message: message))
    }

    mutating func start(_ id: UnitID) {
        happen(.unitQueued(id))
        happen(.attemptStarted(id, attempt: (state.unit(id)?.attempts.last?.number ?? 0) + 1))
        log(id, "started")
    }

    mutating func succeed(_ id: UnitID, after milliseconds: Int64, rows: RowAccount? = nil) {
        start(id)
        pass(milliseconds)
        let number = state.unit(id)?.attempts.last?.number ?? 1
        let result = AttemptResult(ending: .succeeded, duration: .milliseconds(milliseconds), rows: rows)
        happen(.attemptEnded(id, attempt: number, result))
        happen(.unitEnded(id, .succeeded, reason: nil))
        log(id, "succeeded in \(Duration.milliseconds(milliseconds).short)")
    }

    mutating func fail(_ id: UnitID, after milliseconds: Int64, _ failure: Failure, lines last: [String]) {
        start(id)
        pass(milliseconds)
        for line in last { log(id, line, line.contains("ERROR") ? .error : .info) }
        let number = state.unit(id)?.attempts.last?.number ?? 1
        let result = AttemptResult(
            ending: .failed, failure: failure, exit: .exited(75), duration: .milliseconds(milliseconds),
            lastLines: last)
        happen(.attemptEnded(id, attempt: number, result))
        happen(.unitEnded(id, .failed, reason: failure.message))
    }

    // MARK: - Moments of the story

    /// validate has ended, two regions are done, two run, one waits.
    static var inTheMiddle: SampleRun {
        var run = SampleRun()
        run.succeed("validate", after: 2900, rows: RowAccount(read: 1_000_000, written: 994_522, quarantined: 5478))
        run.happen(.unitQueued("process"))
        run.happen(.attemptStarted("process", attempt: 1))
        let items = ["center", "east", "north", "south", "west"].map {
            Item(key: ItemKey($0), values: ["region": $0])
        }
        var found = AttemptResult.succeeded
        found.items = items
        run.happen(.attemptEnded("process", attempt: 1, found))
        run.happen(.itemsFound("process", items))
        let rows = RowAccount(read: 198_904, written: 196_956, duplicates: 1948)
        for key: ItemKey in ["center", "east"] { run.succeed(UnitID("process", key), after: 1400, rows: rows) }
        for key: ItemKey in ["north", "south"] { run.start(UnitID("process", key)) }
        run.happen(.unitQueued(UnitID("process", "west")))
        run.pass(700)
        run.happen(.progressed(UnitID("process", "north"), attempt: 1, Progress(fraction: 0.62)))
        run.happen(.progressed(UnitID("process", "south"), attempt: 1, Progress(fraction: 0.18)))
        return run
    }

    /// A fan-out of six regions has failed in some of them, which blocks what follows.
    static func failing(in regions: Set<ItemKey>) -> SampleRun {
        var run = SampleRun(stages: [
            stage("orders"), stage("customers"), stage("clean", needs: ["orders", "customers"], fanOut: true),
            stage("join", needs: ["clean"]), stage("quality", needs: ["join"]), stage("publish", needs: ["quality"]),
        ])
        for name: StageID in ["orders", "customers"] { run.succeed(UnitID(name), after: 900) }
        let keys: [ItemKey] = ["center", "east", "islands", "north", "south", "west"]
        run.happen(.attemptStarted("clean", attempt: 1))
        var found = AttemptResult.succeeded
        found.items = keys.map { Item(key: $0, values: ["region": $0.rawValue]) }
        run.happen(.attemptEnded("clean", attempt: 1, found))
        run.happen(.itemsFound("clean", found.items ?? []))
        for key in keys {
            let id = UnitID("clean", key)
            if regions.contains(key) {
                run.fail(id, after: 1500, Failure("exit status 1"), lines: ["ERROR 1 row cannot be read"])
            } else {
                run.succeed(id, after: 1500)
            }
        }
        let names = regions.map(\.rawValue).sorted().joined(separator: ", ")
        run.happen(.unitEnded("clean", .failed, reason: "\(regions.count) of 6 items failed: \(names)"))
        for (name, cause) in [("join", "clean"), ("quality", "join"), ("publish", "quality")] {
            run.happen(.unitEnded(UnitID(StageID(name)), .blocked, reason: "\(cause) failed"))
        }
        run.happen(.runEnded(.failed))
        return run
    }

    /// Everything has ended and publish was refused.
    static var failed: SampleRun {
        var run = inTheMiddle
        for key: ItemKey in ["north", "south"] { run.finish(UnitID("process", key), after: 600) }
        run.succeed(UnitID("process", "west"), after: 1300, rows: nil)
        run.happen(.unitEnded("process", .succeeded, reason: nil))
        run.succeed("enrich", after: 3100, rows: RowAccount(read: 984_771, written: 984_771))
        run.start("quality")
        run.pass(400)
        let warned = CheckResult(
            id: "freshness_order_date", kind: "freshness", severity: .warn, outcome: .warned, measured: 176_400,
            expectation: "order_date at most 24 h old", message: "the newest order_date is 2 days old")
        run.happen(.attemptEnded("quality", attempt: 1, AttemptResult(ending: .succeeded, checks: [warned])))
        run.happen(.unitEnded("quality", .succeeded, reason: nil))
        run.log("quality", "check freshness_order_date warned: the newest order_date is 2 days old", .warn)
        run.succeed("report", after: 200)
        run.fail(
            "publish", after: 900,
            Failure("exit status 75: upload refused (SIMULATED)", remedy: "try again once the warehouse takes uploads"),
            lines: ["connecting to warehouse", "sending 24.4 MB", "ERROR upload refused (SIMULATED)"])
        run.happen(.runEnded(.failed))
        return run
    }

    /// Two stages that do harm when they run twice have failed.
    static var twiceHarmful: SampleRun {
        var run = SampleRun(stages: [
            stage("make"), stage("load", needs: ["make"], idempotent: false, expected: .seconds(2)),
            stage("publish", needs: ["make"], idempotent: false, expected: .seconds(1)),
        ])
        run.succeed("make", after: 300)
        for id: UnitID in ["load", "publish"] { run.fail(id, after: 500, Failure("exit status 75"), lines: []) }
        run.happen(.runEnded(.failed))
        return run
    }

    /// A file that changes a stage that has failed and one that had succeeded.
    static func withChangedFile(_ state: RunState) -> ReopenPreview {
        var plan = state.plan
        for (id, line) in [("enrich", "steps[0].filter: total > 0"), ("publish", "run: upload --again")] {
            if let index = plan.index(of: StageID(id)) { plan.stages[index].definitionText = line }
        }
        let change = PlanChange(
            plan: plan,
            differences: [
                PlanDifference(
                    stage: "enrich", kind: .changed,
                    lines: ["- steps[0].filter: total >= 0", "+ steps[0].filter: total > 0"]),
                PlanDifference(
                    stage: "publish", kind: .changed, lines: ["- run: upload", "+ run: upload --again"]),
            ])
        return ReopenPreview(state: state, file: state.plan.file, change: change)
    }

    private mutating func finish(_ id: UnitID, after milliseconds: Int64) {
        pass(milliseconds)
        let result = AttemptResult(ending: .succeeded, duration: .milliseconds(milliseconds))
        happen(.attemptEnded(id, attempt: 1, result))
        happen(.unitEnded(id, .succeeded, reason: nil))
    }

    // MARK: - The dashboard on it

    func dashboard(rows: Int, columns: Int, readOnly: Bool = false, ascii: Bool = false) -> DashboardState {
        DashboardState(
            state, now: now, rows: rows, columns: columns, isReadOnly: readOnly, isASCII: ascii, zone: .gmt)
    }
}

extension UnitID: ExpressibleByStringLiteral {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public init(stringLiteral value: String) { self.init(StageID(value)) }
}
