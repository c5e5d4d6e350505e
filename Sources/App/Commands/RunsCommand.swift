import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal runs`: lists runs.
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "runs", abstract: "List runs, newest first.")

    @Option(help: "List only runs of this pipeline.")
    var pipeline: String?

    @Option(
        name: .customLong("status"),
        help: "List only runs in this state: running, succeeded, failed, cancelled or interrupted.")
    var status: String?

    @Option(name: .limit, help: .limit(of: "runs"))
    var limit = 20

    @Flag(help: .jsonLine(for: "run"))
    var json = false

    @Option(help: .color)
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
        let runs = try Output.reporting { try store.runs(pipeline: pipeline, status: wanted, limit: limit) }
        if json {
            if runs.isEmpty { try KnownNames.check(pipeline: pipeline, in: store) }
            for run in runs { Output.json(Self.json(run, kept: store.folder.run(run.id).bytesOfVersions) + "\n") }
            return
        }
        if runs.isEmpty {
            try KnownNames.check(pipeline: pipeline, in: store)
            Output.error("no \(wanted.map { $0.rawValue + " " } ?? "")runs" + (pipeline.map { " of \($0)" } ?? ""))
            return
        }
        let paint = Paint(color)
        // The size of versions whose published file was replaced or removed since.
        let kept = runs.map { store.folder.run($0.id).bytesOfVersions }
        let keepsAny = kept.contains { $0 > 0 }
        let titles = ["RUN", "PIPELINE", "STATE", "STARTED", "TOOK", "STAGES"] + (keepsAny ? ["KEPT"] : [])
        let now = SystemClock.now
        let rows = zip(runs, kept).map { run, bytes -> [StyledText] in
            [
                "\(run.id)", "\(run.pipeline)", paint.status(run.trueStatus, run.trueStatus.rawValue),
                "\(LocalTime.full(run.started))", "\(run.took(now: now)?.short ?? "—")", "\(run.stageCount)",
            ] + (keepsAny ? ["\(bytes > 0 ? bytes.shortBytes : "")"] : [])
        }
        Output.table(rows, titles: titles, paint)
    }

    private static func json(_ run: RunSummary, kept bytes: Int64) -> String {
        var text = "{\"run\":\(JSONText.quoted(run.id.rawValue)),\"pipeline\":\(JSONText.quoted(run.pipeline))"
        text +=
            ",\"state\":\"\(run.trueStatus.rawValue)\",\"live\":\(run.isLive),\"started\":\"\(UTC.iso(run.started))\""
        if let ended = run.ended { text += ",\"ended\":\"\(UTC.iso(ended))\"" }
        if let duration = run.took(now: SystemClock.now) { text += ",\"durationMs\":\(duration.milliseconds)" }
        return text
            + ",\"stages\":\(run.stageCount),\"keptBytes\":\(bytes),\"trigger\":\(JSONText.quoted(run.trigger.description)),\"file\":\(JSONText.quoted(run.file))}"
    }
}

/// `caudal show`: the details of one run.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run: its stages, rows, checks and files, and why something failed.")

    @Argument(help: .run)
    var run: String = "last"

    @Flag(help: "Print the run as JSON; with --follow, print each event as one line of JSON.")
    var json = false

    @Flag(help: "Print events until the run ends, and exit with the status that 'caudal run' would have.")
    var follow = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore(evenIfFull: !follow)
        if follow { return try await self.follow(in: store) }
        let found = try Output.reporting { try store.state(of: try store.find(run)) }
        if json {
            let background = try Output.reporting { try RunBackground(of: found, in: store) }
            let report = RunReport(state: found, background: background, now: SystemClock.now)
            Output.json(report.text(in: .json))
            return
        }
        let text = try Output.reporting {
            ShowText(
                state: found, paint: Paint(color), now: SystemClock.now, hint: CommandHint(store.folder),
                deliveries: try store.deliveries(of: found.id), histories: try store.failureHistories(of: found))
        }
        for line in text.lines { Output.line(line) }
    }

    private func follow(in store: RunStore) async throws {
        try await Output.reporting {
            let follower = try RunFollower(try store.find(run), in: store)
            let masker = store.folder.run(follower.initial.id).masker(of: follower.initial.plan, state.variables)
            try await FollowPrinter(follower: follower, json: json, paint: Paint(color), masker: masker).run()
        }
    }
}

/// Formats the details of a run as lines.
struct ShowText {
    let state: RunState
    let paint: Paint
    let now: Moment
    /// Writes the commands that the user may type next.
    let hint: CommandHint
    /// What was told of the run.
    var deliveries: [Delivery] = []
    /// How often what failed did so before.
    var histories: [UnitID: FailureHistory] = [:]

    var lines: [StyledText] {
        let plan = state.plan
        var lines = RunWords.summary(state, now: now, paint: paint, hint)
        lines.append(paint.dim("  \(plan.file), started \(state.startedAt.map { LocalTime.full($0.wall) } ?? "—")"))
        if !plan.parameters.isEmpty {
            let parameters = RunReport(state: state, now: now).parameters.map { "\($0.name)=\($0.value)" }
            lines.append(paint.dim("  " + parameters.joined(separator: "  ")))
        }
        if state.status == .running, state.isPaused {
            lines.append("  paused: nothing new starts; continue it with: \(hint("unpause \(state.id)"))")
        }
        if state.status == .interrupted {
            lines.append("  its process died; continue it with: \(hint("resume \(state.id)"))")
        }
        lines.append("")
        lines += stageTable
        lines += state.stages.flatMap(\.units).compactMap { unit in
            histories[unit.id].map { "  \(unit.id): this failure was \($0.words(in: .current))" }
        }
        lines += planChanges
        lines += notes
        lines += checks
        lines += artifacts
        lines += restorations
        if !deliveries.isEmpty {
            lines += ["", paint.dim("NOTIFICATIONS")] + DeliveryText.lines(deliveries, paint: paint)
        }
        return lines
    }

    private var stageTable: [StyledText] {
        let report = RunReport(state: state, now: now)
        var rows: [[String]] = []
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
        return Columns.lines(rows, titles: ["", "STAGE", "STATE", "TRIES", "TOOK", "ROWS"], paint)
    }

    private func row(_ id: UnitID, _ unit: UnitState, _ status: UnitStatus, _ took: Duration?, _ rows: RowAccount?)
        -> [String]
    {
        let reason = rows == nil || status == .reused || unit.lastResult?.reuseReason != nil ? unit.reason : nil
        let waits = state.waitReason(of: id, now: now).map { "waits: \($0)" }
        let place = unit.attempts.last?.work?.place.map { "on \($0)" }
        let words = [rows.map(RowWords.account), reason, waits, place].compactMap { $0 }.joined(separator: "  ")
        return [
            state.isInterrupted(status)
                ? StatusMark.interrupted : StatusMark.glyph(status, frame: 0, ascii: false),
            id.item.map { "  " + $0.rawValue } ?? id.stage.rawValue,
            id.item == nil && state.isAllowedFailure(id.stage)
                ? "failed (allowed)" : status == .failed ? "FAILED" : state.word(of: status),
            String(unit.attempts.count), took?.short ?? "—", words,
        ]
    }

    private var planChanges: [StyledText] {
        state.planChanges.flatMap { change -> [StyledText] in
            ["", paint.dim("CHANGED FILE  \(LocalTime.full(change.at.wall))  by \(change.by)")]
                + PlanChangeText.lines(change.differences).map { $0.painted(paint) }
        }
    }

    private var checks: [StyledText] {
        let all = state.stages.flatMap { stage in stage.checks.map { (stage.id, $0) } }
        guard !all.isEmpty else { return [] }
        var lines: [StyledText] = ["", paint.dim("CHECKS")]
        for (stage, check) in all {
            let mark: StyledText
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

    private var notes: [StyledText] {
        let all = state.stages.flatMap { stage in
            ([(stage.id.rawValue, stage.unit)] + stage.items.map { ("\(stage.id)[\($0.item.key)]", $0.unit) }).flatMap {
                name, unit in (unit.lastResult?.notes ?? []).map { "  \(name): \($0)" as StyledText }
            }
        }
        return all.isEmpty ? [] : ["", paint.dim("NOTES")] + all
    }

    private var restorations: [StyledText] {
        state.restorations.flatMap { restoration -> [StyledText] in
            let title = restoration.isDone ? "RESTORED" : "RESTORE NOT FINISHED"
            let remedy = "  not all of these are as this run left them; finish it with: \(hint("restore \(state.id)"))"
            return ["", paint.dim("\(title)  \(LocalTime.full(restoration.at.wall))  by \(restoration.by)")]
                + (restoration.isDone ? [] : [paint.wait(remedy)])
                + restoration.paths.map { "  \($0)" as StyledText }
                + restoration.putAway.map {
                    "  \($0)  \(paint.dim("put away: this run had no such file"))" as StyledText
                }
        }
    }

    private var artifacts: [StyledText] {
        let all = state.stages.flatMap(\.artifacts)
        guard !all.isEmpty else { return [] }
        let rows = all.map {
            [
                "  " + $0.path, $0.rowCount.map { $0.counted("row") } ?? "", $0.sizeInBytes.shortBytes,
                $0.contentHash ?? "",
            ]
        }
        return ["", paint.dim("FILES")] + Columns.lines(rows)
    }
}
