import ArgumentParser
import Engine
import Foundation

/// `caudal runs`: lists runs.
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "runs", abstract: "List runs, newest first.")

    @Option(help: "Only runs of this pipeline.")
    var pipeline: String?

    @Option(
        name: .customLong("status"),
        help: "Only runs that stand so: running, succeeded, failed, cancelled, interrupted.")
    var status: String?

    @Option(name: [.customShort("n"), .long], help: "At most so many.")
    var limit = 20

    @Flag(help: "Print lines of JSON.")
    var json = false

    @Option(help: "Colours: auto, always, never.")
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        let wanted = try status.map { text in
            guard let status = RunState.Status(rawValue: text) else {
                throw ValidationError(
                    "'\(text)' is not one of \(RunState.Status.allCases.map(\.rawValue).formattedAsChoice)")
            }
            return status
        }
        let all = try Output.reporting { try store.runs(pipeline: pipeline, limit: wanted == nil ? limit : 10_000) }
        let runs = all.filter { wanted == nil || $0.trueStatus == wanted }.prefix(limit)
        if json {
            if runs.isEmpty { try Known.check(pipeline: pipeline, in: store) }
            for run in runs { Output.line(Self.json(run)) }
            return
        }
        if runs.isEmpty {
            try Known.check(pipeline: pipeline, in: store)
            Output.error("no runs" + (pipeline.map { " of \($0)" } ?? ""))
            return
        }
        let paint = Paint(color)
        let rows =
            [["RUN", "PIPELINE", "STATE", "STARTED", "TOOK", "STAGES"]]
            + runs.map { run in
                [
                    run.id.rawValue, run.pipeline, run.trueStatus.rawValue, LocalTime.full(run.started),
                    run.duration?.short ?? "—", String(run.stageCount),
                ]
            }
        for (index, line) in Columns.lines(rows).enumerated() {
            guard index > 0 else {
                Output.line(paint.dim(line))
                continue
            }
            let status = Array(runs)[index - 1].trueStatus
            Output.line(
                line.replacing(status.rawValue, with: paint.status(status, status.rawValue), maxReplacements: 1))
        }
    }

    private static func json(_ run: RunSummary) -> String {
        var text = "{\"run\":\(JSONText.quoted(run.id.rawValue)),\"pipeline\":\(JSONText.quoted(run.pipeline))"
        text +=
            ",\"state\":\"\(run.trueStatus.rawValue)\",\"live\":\(run.isLive),\"started\":\"\(UTC.iso(run.started))\""
        if let ended = run.ended { text += ",\"ended\":\"\(UTC.iso(ended))\"" }
        if let duration = run.duration { text += ",\"durationMs\":\(duration.milliseconds)" }
        return text + ",\"stages\":\(run.stageCount),\"file\":\(JSONText.quoted(run.file))}"
    }
}

/// `caudal show`: one run in full.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run: its stages, rows, checks, files, and why something failed.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String = "last"

    @Flag(help: "Print the run as JSON; with --follow, every event as a line of JSON.")
    var json = false

    @Flag(help: "Print what happens until the run ends, also when another process runs it; ends as 'caudal run' would.")
    var follow = false

    @Option(help: "Colours: auto, always, never.")
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        if follow { return try await self.follow(in: store) }
        let found = try Output.reporting { try store.state(of: try store.find(run)) }
        if json {
            let background = try Output.reporting { try RunBackground(of: found, in: store) }
            let report = RunReport(state: found, background: background, now: SystemClock.now)
            Output.write(report.text(in: .json), to: STDOUT_FILENO)
            return
        }
        for line in ShowText(state: found, paint: Paint(color), now: SystemClock.now).lines { Output.line(line) }
    }

    private func follow(in store: RunStore) async throws {
        try await Output.reporting {
            let follower = try RunFollower(try store.find(run), in: store)
            try await FollowPrinter(follower: follower, json: json, paint: Paint(color)).run()
        }
    }
}

/// A run in full, as lines.
struct ShowText {
    let state: RunState
    let paint: Paint
    let now: Moment

    var lines: [String] {
        let plan = state.plan
        var lines = RunWords.summary(state, now: now, paint: paint)
        lines.append(paint.dim("  \(plan.file), started \(state.startedAt.map { LocalTime.full($0.wall) } ?? "—")"))
        if !plan.parameters.isEmpty {
            lines.append(
                paint.dim(
                    "  "
                        + plan.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(
                            separator: "  ")))
        }
        if state.status == .running, state.isPaused {
            lines.append("  paused: nothing new starts; go on with: caudal unpause \(state.id)")
        }
        if state.status == .interrupted {
            lines.append("  its process died; go on with: caudal resume \(state.id)")
        }
        lines.append("")
        lines += stageTable
        lines += planChanges
        lines += notes
        lines += checks
        lines += artifacts
        return lines
    }

    private var stageTable: [String] {
        let report = RunReport(state: state, now: now)
        var rows = [["", "STAGE", "STATE", "TRIES", "TOOK", "ROWS"]]
        for line in report.stageLines {
            rows.append(
                row(UnitID(line.planned.id), line.stage.unit, line.stage.status, line.duration, line.stage.rows))
            guard line.stage.hasItems else { continue }
            for item in line.stage.items {
                let unit = item.unit
                let took = unit.took(now: state.clock(now))
                let id = UnitID(line.planned.id, item.item.key)
                rows.append(row(id, unit, unit.status, took, unit.lastResult?.rows))
            }
        }
        return Columns.lines(rows).enumerated().map { $0.offset == 0 ? paint.dim($0.element) : $0.element }
    }

    private func row(_ id: UnitID, _ unit: UnitState, _ status: UnitStatus, _ took: Duration?, _ rows: RowAccount?)
        -> [String]
    {
        let reason = rows == nil || status == .reused || unit.lastResult?.reuseReason != nil ? unit.reason : nil
        let waits = state.waitReason(of: id, now: now).map { "waits: \($0)" }
        let words = [rows.map(RowWords.account), reason, waits].compactMap { $0 }.joined(separator: "  ")
        let isBroken = state.status == .interrupted && status == .running
        return [
            isBroken ? "?" : StatusMark.glyph(status, frame: 0, ascii: false),
            id.item.map { "  " + $0.rawValue } ?? id.stage.rawValue,
            isBroken
                ? "interrupted"
                : id.item == nil && state.isAllowedFailure(id.stage)
                    ? "failed (allowed)" : status == .failed ? "FAILED" : status.rawValue,
            String(unit.attempts.count), took?.short ?? "—", words,
        ]
    }

    private var planChanges: [String] {
        state.planChanges.flatMap { change in
            ["", paint.dim("CHANGED FILE  \(LocalTime.full(change.at.wall))  by \(change.by)")]
                + PlanChangeText.lines(change.differences).map { $0.painted(paint) }
        }
    }

    /// What is worth knowing of the last attempts, such as columns that are not those of the last time.
    private var notes: [String] {
        let all = state.stages.flatMap { stage in
            ([stage.unit] + stage.items.map(\.unit)).flatMap { $0.lastResult?.notes ?? [] }.map { (stage.id, $0) }
        }
        return all.isEmpty ? [] : ["", paint.dim("NOTES")] + all.map { "  \($0.0): \($0.1)" }
    }

    private var checks: [String] {
        let all = state.stages.flatMap { stage in stage.checks.map { (stage.id, $0) } }
        guard !all.isEmpty else { return [] }
        var lines = ["", paint.dim("CHECKS")]
        for (stage, check) in all {
            let mark: String
            switch check.outcome {
            case .passed: mark = paint.good("✓ passed")
            case .warned: mark = paint.wait("! \(check.word)")
            case .failed: mark = paint.bad("✗ failed")
            case .error: mark = paint.bad("✗ error ")
            }
            let part = check.partition.map { " (\($0))" } ?? ""
            lines.append("  \(mark)  \(stage)/\(check.id)\(part): \(check.message) (\(check.expectation))")
            if let waiver = check.waiver { lines.append(paint.wait("              \(waiver)")) }
            guard check.outcome != .passed else { continue }
            for sample in check.samples.prefix(3) {
                let cells = sample.cells(6)
                lines.append(paint.dim("              \(sample.row.map { "row \($0.grouped)  " } ?? "")\(cells)"))
            }
        }
        return lines
    }

    private var artifacts: [String] {
        let all = state.stages.flatMap(\.artifacts)
        guard !all.isEmpty else { return [] }
        let rows = all.map {
            [
                "  " + $0.path, $0.rowCount.map { "\($0.grouped) rows" } ?? "", $0.sizeInBytes.shortBytes,
                $0.contentHash ?? "",
            ]
        }
        return ["", paint.dim("FILES")] + Columns.lines(rows)
    }
}
