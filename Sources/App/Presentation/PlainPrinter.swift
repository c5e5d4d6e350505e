import CaudalModel
import Engine
import Foundation

/// Prints a run as lines: one for each event, and now and then the progress of a stage.
struct PlainPrinter {
    private(set) var state: RunState
    private let paint: Paint
    private let hint: CommandHint?
    private let printLine: (StyledText) -> Void
    private var lastProgress: [StageID: Int64] = [:]
    private let width: Int

    /// The interval between two lines of progress of one stage, in milliseconds.
    private static let interval: Int64 = 2000

    init(_ state: RunState, paint: Paint, hint: CommandHint? = CommandHint(), printLine: @escaping (StyledText) -> Void)
    {
        self.state = state
        self.paint = paint
        self.hint = hint
        self.printLine = printLine
        width = min(28, state.plan.stages.map(\.id.rawValue.count).max() ?? 0)
    }

    mutating func handle(_ events: [RunEvent]) {
        for event in events where event.sequence > state.lastSequence {
            let before = unitStatus(event.change)
            state.apply(event)
            describe(event, before)
        }
    }

    /// What an event says, as it is printed; nil where nothing is.
    ///
    /// - Parameter run: The run just after it.
    static func caption(of event: RunEvent, in run: RunState) -> String? {
        var line: StyledText?
        var printer = PlainPrinter(run, paint: Paint(.never)) { line = line ?? $0 }
        printer.describe(event, nil)
        return line.map { $0.rendered() }
    }

    private func unitStatus(_ change: RunChange) -> UnitStatus? {
        if case .unitEnded(let id, _, _) = change { return state.unit(id)?.status }
        return nil
    }

    private func show(_ event: RunEvent, _ id: UnitID?, _ text: StyledText) {
        let name =
            id.map { $0.item.map { "\(id?.stage.rawValue ?? "")[\($0)]" } ?? $0.stage.rawValue } ?? state.plan.pipeline
        let padded = StyledText(name).padded(to: width)
        printLine("\(paint.dim(LocalTime.clock(event.time.wall)))  \(padded)  \(text)")
    }

    private mutating func describe(_ event: RunEvent, _ before: UnitStatus?) {
        switch event.change {
        case .runStarted:
            show(
                event, nil,
                "run \(state.id) started: \(state.plan.stages.count.counted("stage")), \(state.plan.maxParallel) at once"
            )
        case .runResumed: show(event, nil, "run \(state.id) continues")
        case .planChanged(let change, let by):
            show(event, nil, "\(by) continues with a changed file: \(PlanChangeText.sentence(change.differences))")
        case .commandReceived(let command, let by): show(event, nil, "\(by): \(CommandWords.phrase(command))")
        case .attemptStarted(let id, let number):
            let tries = number > 1 ? " (attempt \(number))" : ""
            show(event, id, "\(paint.busy("started"))\(tries)")
        case .progressed(let id, _, _): progress(event, id)
        case .unitHeld(let id, let reason): show(event, id, paint.dim("waits: \(reason)"))
        case .itemsFound(let id, let items): show(event, UnitID(id), "\(items.count.counted("item"))")
        case .retryScheduled(let id, let delay):
            let failure = state.unit(id)?.lastResult?.failure?.description ?? ""
            show(event, id, "\(paint.wait("failed, tried again in \(delay.short): "))\(failure)")
        case .unitEnded(let id, let outcome, let reason): ended(event, id, outcome, reason)
        case .unitMarked(let id, let outcome, let reason): show(event, id, "counts as \(outcome.rawValue): \(reason)")
        case .runEnded: summary(event)
        case .restored(let versions, let by):
            let all = versions.paths + (versions.putAway ?? []).map { "\($0) put away" }
            let what = versions.isBegun == true ? "begins to restore" : "restored"
            show(event, nil, "\(by) \(what) its versions: \(all.joined(separator: ", "))")
        case .paused:
            show(event, nil, paint.wait("paused: nothing new starts; continue it with: caudal unpause \(state.id)"))
        case .unpaused: show(event, nil, "no longer paused")
        case .limitSet(let limit, let number): show(event, nil, "\(limit.name) is \(number) now")
        case .attemptEnded(let id, _, let result):
            for note in result.notes { show(event, id, "\(paint.wait("note: "))\(note)") }
        case .unitQueued, .attemptSpawned, .stopRequested, .publishing, .unitReset, .stageReopened:
            break
        }
    }

    private mutating func progress(_ event: RunEvent, _ id: UnitID) {
        guard let stage = state.stage(id.stage), let fraction = stage.fraction else { return }
        if let last = lastProgress[id.stage], event.time.steady - last < Self.interval { return }
        lastProgress[id.stage] = event.time.steady
        let activity = state.unit(id)?.progress?.activity.map { ", \($0)" } ?? ""
        show(event, UnitID(id.stage), paint.dim("\(Int(fraction * 100))%\(activity)"))
    }

    private func ended(_ event: RunEvent, _ id: UnitID, _ outcome: Outcome, _ reason: String?) {
        guard let unit = state.unit(id) else { return }
        let status = UnitStatus(outcome)
        var text = RunWords.ending(status, isAllowed: id.item == nil && state.isAllowedFailure(id.stage), paint)
        let took = id.item == nil ? state.stage(id.stage)?.took(now: event.time) : unit.took(now: event.time)
        if let took { text += " in \(took.short)" }
        let rows = id.item == nil ? state.stage(id.stage)?.rows : unit.lastResult?.rows
        if outcome.isSuccess, let rows { text += "  \(RowWords.account(rows))" }
        if outcome == .failed {
            let failure = unit.lastResult?.failure?.description
            text += ": \(failure ?? reason ?? "")"
        } else if let reason {
            text += ": \(reason)"
        }
        let remarks = (unit.lastResult?.checks ?? []).filter { $0.outcome == .warned }.map(\.word)
        for word in ["warned", "waived"] where outcome.isSuccess && remarks.contains(word) {
            text += paint.wait("  \(remarks.count { $0 == word }) \(word)")
        }
        show(event, id, text)
    }

    private func summary(_ event: RunEvent) {
        for line in RunWords.summary(state, now: event.time, paint: paint, hint) { printLine(line) }
    }
}

/// Describes runs in words: the summary that is printed after a run and after the dashboard.
enum RunWords {
    /// - Parameter hint: Writes the commands that the user may type next; nil where the run will not be there any more.
    static func summary(_ state: RunState, now: Moment, paint: Paint, _ hint: CommandHint?) -> [StyledText] {
        var lines: [StyledText] = []
        let took = state.startedAt == nil ? "—" : state.duration(now: now).short
        let counts = state.counts
        let allowed = state.stages.count { state.isAllowedFailure($0.id) }
        let parts = UnitStatus.allCases.flatMap { status -> [StyledText] in
            let count = counts[status, default: 0] - (status == .failed ? allowed : 0)
            let words = count > 0 ? [paint.status(status, "\(count) \(state.word(of: status))")] : []
            return words + (status == .failed && allowed > 0 ? [paint.wait("\(allowed) failed (allowed)")] : [])
        }
        let status = paint.status(state.status, state.status == .failed ? "FAILED" : state.status.rawValue)
        lines.append("\(state.plan.pipeline) ▸ \(state.id)  \(status) in \(took): \(parts.joined(separator: ", "))")
        lines += RowFlow.sentences(of: state).map { "  \($0)" }
        for stage in state.stages where stage.unit.status == .failed {
            let mark = state.isAllowedFailure(stage.id) ? paint.wait("✗") : paint.bad("✗")
            let words = state.isAllowedFailure(stage.id) ? " failed (allowed)" : ""
            lines.append("  \(mark) \(stage.id)\(words): \(reason(of: stage))")
        }
        let slowest = state.stages.compactMap { stage in
            stage.endedAt.flatMap { _ in stage.took(now: now).map { (stage.id, $0) } }
        }.sorted { $0.1 > $1.1 }.prefix(3)
        if !slowest.isEmpty {
            let names = slowest.map { "\($0.0) \($0.1.short)" }.joined(separator: ", ")
            lines.append("  slowest: \(names)")
        }
        if let hint, state.status == .failed || state.status == .cancelled {
            lines.append("  try again: \(hint("retry \(state.id)"))")
            lines.append("  why:       \(hint("show \(state.id)"))")
            lines.append("  log:       \(hint("logs --run \(state.id)"))")
        }
        return lines
    }

    /// The outcome of a stage or an item, in a word.
    static func ending(_ status: UnitStatus, isAllowed: Bool, _ paint: Paint) -> StyledText {
        if isAllowed { return paint.wait("failed (allowed)") }
        return paint.status(status, status == .failed ? "FAILED" : status.rawValue)
    }

    /// The reason why a stage failed, in a sentence.
    static func reason(of stage: StageState) -> String {
        if stage.hasItems, let item = stage.items.first(where: { $0.unit.status == .failed }) {
            return
                "\(stage.unit.reason ?? "items failed"); \(item.item.key): \(item.unit.lastResult?.failure?.description ?? "")"
        }
        return stage.unit.lastResult?.failure?.description ?? stage.unit.reason ?? "failed"
    }
}

/// The row counts of a stage in words.
enum RowWords {
    static func account(_ rows: RowAccount) -> String {
        var parts = ["\(rows.readText) in"] + (rows.made > 0 ? ["\(rows.made.grouped) made"] : [])
        parts.append("\(rows.written.grouped) out")
        if rows.duplicates > 0 { parts.append("\(rows.duplicates.grouped) duplicates") }
        if rows.quarantined > 0 { parts.append("\(rows.quarantined.grouped) quarantined") }
        if rows.dropped > 0 { parts.append("\(rows.dropped.grouped) dropped") }
        if rows.unassigned > 0 { parts.append("\(rows.unassigned.grouped) of no item") }
        return parts.joined(separator: ", ")
    }
}

/// Describes commands in words.
enum CommandWords {
    static func phrase(_ command: RunCommand) -> String {
        switch command {
        case .retry(let stage, downstream: false): "retry \(stage)"
        case .retry(let stage, downstream: true): "retry \(stage) and everything downstream"
        case .retryItems(let stage, let keys, let downstream):
            "retry " + keys.map { "\(stage)/\($0)" }.joined(separator: ", ")
                + (downstream ? " and everything downstream" : "")
        case .retryStages(let stages): "retry " + stages.map(\.rawValue).joined(separator: ", ")
        case .retryFailed: "retry everything that failed"
        case .cancel(let unit): "cancel \(unit)"
        case .cancelRun: "cancel the run"
        case .pause: "pause"
        case .unpause: "unpause"
        case .setLimit(let limit, let number): "set \(limit.name) to \(number)"
        case .mark(let unit, let outcome, let reason): "mark \(unit) as \(outcome.rawValue): \(reason)"
        }
    }
}

/// Formats times in the user's time zone.
enum LocalTime {
    private static func fields(
        _ milliseconds: Int64, _ zone: TimeZone
    ) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, millisecond: Int) {
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        return UTC.fields(milliseconds + Int64(zone.secondsFromGMT(for: date)) * 1000)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }

    /// `13:04:29`.
    static func clock(_ milliseconds: Int64, in zone: TimeZone = .current) -> String {
        let f = fields(milliseconds, zone)
        return "\(two(f.hour)):\(two(f.minute)):\(two(f.second))"
    }

    /// `13:04`.
    static func minute(_ milliseconds: Int64, in zone: TimeZone = .current) -> String {
        String(clock(milliseconds, in: zone).prefix(5))
    }

    /// `2026-11-23 13:04:29`.
    static func full(_ milliseconds: Int64, in zone: TimeZone = .current) -> String {
        let f = fields(milliseconds, zone)
        return "\(f.year)-\(two(f.month))-\(two(f.day)) \(clock(milliseconds, in: zone))"
    }
}
