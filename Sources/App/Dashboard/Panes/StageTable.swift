import CaudalModel
import Engine

/// The columns of a stage's row, in the list of stages and behind the lanes of the rail.
struct StageTable {
    let name: Int
    let word: Int
    let information: Int
    let rows: Int
    let time = 8
    /// The difference to the usual duration.
    let usual: Int
    let tries: Int
    let timeline: Int
    /// The times of the timeline; nil where there is none.
    private let scale: TimeScale?

    /// Columns for a row; if there is little room, the least important are dropped first.
    ///
    /// The longest name is not cut as long as there is room.
    init(_ state: DashboardState, width: Int) {
        word = width >= 40 ? state.wordWidth : 0
        tries = width >= 64 ? 6 : 0
        rows = width >= 76 ? 9 : 0
        usual = width >= 84 ? 9 : 0
        let rest = max(14, width - (word > 0 ? word + 1 : 0) - tries - rows - usual - time - 1)
        // Where little is left, the inspector says more of the selected stage than a few cells for each; but what failed
        // and what waits for it have reasons, and where all went well, there is nothing to say.
        let digest = state.digest
        let hasReasons = digest.counts[.failed, default: 0] + digest.counts[.blocked, default: 0] > 0
        let progress =
            state.run.status == .succeeded ? 0 : hasReasons ? min(60, rest / 2) : rest >= 70 ? 20 : 8
        let longest = max(state.graph.longestName, digest.longestName, state.longestListedItem)
        name = min(max(5, longest), max(8, rest - progress))
        let left = max(0, rest - name)
        // Why a stage has failed tells more than when it ran.
        let wanted = max(
            left < 70 ? min(left, 30) : min(60, left * 2 / 5),
            min(digest.longestReason + 1, left, max(80, left * 3 / 5)))
        timeline = left - wanted >= 14 ? min(100, left - wanted - 2) : 0
        information = timeline > 0 ? left - timeline - 2 : left
        scale = timeline > 0 ? state.timeScale : nil
    }

    /// The headings of the columns.
    func drawHead(row: Int, column: Int, into buffer: inout CellBuffer) {
        var place = column
        func put(_ text: String, _ width: Int, right: Bool = false) {
            guard width > 0 else { return }
            buffer.write(
                right ? text.rightAligned(width) : text.fitted(width), row: row, column: place, style: .dim)
            place += width
        }
        put("stage", name + 1)
        put("state", word > 0 ? word + 1 : 0)
        put(information > 8 ? "progress" : "", information)
        put("rows", rows, right: true)
        put("took", time, right: true)
        put("vs usual", usual, right: true)
        put("try", tries, right: true)
        if timeline > 0 {
            place += 2
            let cut = scale?.pauses.reduce(.zero) { $0 + $1.length } ?? .zero
            put(cut > .zero ? "timeline, \(cut.short) left out at ┆" : "timeline", timeline)
        }
    }

    /// Draws a stage or an item from its name on.
    ///
    /// - Returns: The column behind the text; the timeline follows, which keeps its colours when the row is selected.
    @discardableResult
    func draw(
        _ id: UnitID, _ state: DashboardState, row: Int, column: Int, into buffer: inout CellBuffer
    ) -> Int {
        guard let stage = state.run.stage(id.stage), let unit = state.run.unit(id) else {
            return column
        }
        let status = id.item == nil ? stage.status : unit.status
        let isDimmed = state.isDimmed(id.stage)
        let style = isDimmed ? .dim : state.style(status, of: id)
        var place = column
        func put(_ text: String, _ width: Int, _ style: Style, right: Bool = false) {
            guard width > 0 else { return }
            buffer.write(
                right ? text.rightAligned(width) : text.fitted(width), row: row, column: place,
                limit: width,
                style: style)
            place += width
        }
        if id.item == nil, state.picked.contains(id.stage) {
            buffer.write("◆", row: row, column: place - 1, style: .accent)
        }
        put(label(id, stage, state), name, status == .failed ? style : isDimmed ? .dim : .plain)
        place += 1
        if word > 0 { put(state.word(status, of: id), word + 1, style) }
        buffer.write(
            state.information(id, width: information), row: row, column: place, limit: information)
        place += information
        let account = id.item == nil ? stage.rows : unit.lastResult?.rows
        put(account.map { $0.written.short } ?? "—", rows, account == nil ? .dim : .plain, right: true)
        put(state.timeText(id), time, .plain, right: true)
        let difference = state.difference(id)
        put(difference.text, usual, difference.style, right: true)
        put(state.triesText(id), tries, .dim, right: true)
        guard timeline > 0 else { return place }
        let items = id.item == nil && stage.hasItems ? stage.items.flatMap(\.unit.attempts) : []
        drawTimeline(state, unit.attempts + items, row: row, column: place + 2, into: &buffer)
        return place + 1
    }

    private func label(_ id: UnitID, _ stage: StageState, _ state: DashboardState) -> String {
        if let item = id.item { return "  " + Span("\(item)").text.cutInMiddle(name - 2) }
        let extra = stage.hasItems ? " ×\(stage.items.count)" : ""
        return state.label(of: id.stage, width: name - TextWidth.of(extra)) + extra
    }

    /// A timeline of the attempts, on the same scale in all rows; where several share a cell, the worst is shown.
    private func drawTimeline(
        _ state: DashboardState, _ attempts: [Attempt], row: Int, column: Int,
        into buffer: inout CellBuffer
    ) {
        guard let start = state.run.startedAt, let scale else { return }
        // What a dead process was running does not go on.
        let now = state.run.clock(state.now)
        let order: [UnitStatus] = [.succeeded, .cancelled, .running, .failed]
        let openRank = state.run.isInterrupted(.running) ? 3 : 2
        func cell(_ time: Moment) -> Double { scale.place(time.since(start).seconds) * Double(timeline) }
        for pause in scale.pauses {
            let middle = Int((pause.from + pause.to) / 2 * Double(timeline))
            buffer.set("┆", row: row, column: column + min(middle, timeline - 1), style: .dim)
        }
        var worst = [Int?](repeating: nil, count: timeline)
        for attempt in attempts {
            let from = min(timeline - 1, max(0, Int(cell(attempt.startedAt))))
            let end = Int(cell(attempt.endedAt ?? now).rounded())
            let rank = attempt.result.map { $0.ending.isSuccess ? 0 : attempt.cancelledBy == nil ? 3 : 1 } ?? openRank
            for cell in from..<max(from + 1, min(timeline, end)) { worst[cell] = max(worst[cell] ?? 0, rank) }
        }
        for (cell, rank) in worst.enumerated() {
            guard let rank else { continue }
            let status = order[rank]
            buffer.write(status.block, row: row, column: column + cell, style: status.style)
        }
    }
}

extension DashboardState {
    /// How much longer or shorter a stage took than usually, such as `+37%`; what it usually takes if it has not begun.
    func difference(_ id: UnitID) -> (text: String, style: Style) {
        guard id.item == nil,
            let usual = run.plan.index(of: id.stage).flatMap({ run.plan.stages[$0].expected }),
            usual > .zero
        else { return ("—", .dim) }
        guard let took = elapsed(id), let status = run.stage(id.stage)?.status else {
            return ("~\(usual.short)", .dim)
        }
        let ratio = took.seconds / usual.seconds
        let isOpen = !status.isFinished
        // A stage that runs is not faster yet.
        if isOpen, ratio < 1 { return ("~\(usual.short)", .dim) }
        let percent = Int(((ratio - 1) * 100).rounded())
        let text =
            percent > 999
            ? "×\(Int(ratio.rounded()))" : percent == 0 ? "±0" : percent < 0 ? "−\(-percent)%" : "+\(percent)%"
        return (text, ratio >= 2 ? .wait : .dim)
    }

    /// The times of the attempts of the run, in seconds since it began: long times in which nothing ran, such as before a
    /// retry of the next day, take little room.
    var timeScale: TimeScale {
        let key = RunDigest.Key(
            sequence: run.lastSequence, status: run.status, halfSecond: run.status == .running ? now.steady / 500 : 0)
        return rememberedScale.value(for: key) {
            guard let start = run.startedAt else { return TimeScale([]) }
            let clock = run.clock(now)
            func span(_ attempt: Attempt) -> (start: Double, end: Double) {
                (attempt.startedAt.since(start).seconds, (attempt.endedAt ?? clock).since(start).seconds)
            }
            let attempts = run.stages.flatMap { $0.unit.attempts + $0.items.flatMap(\.unit.attempts) }
            let end = clock.since(start).seconds
            // A run that goes on has its present moment at the right.
            return TimeScale(attempts.map(span) + (run.status == .running ? [(end, end)] : []))
        }
    }

    /// The width of the longest item among those that are listed.
    var longestListedItem: Int {
        unfolded.flatMap { run.stage($0)?.items ?? [] }.map { TextWidth.of(Span("\($0.item.key)").text) + 2 }.max() ?? 0
    }
}
