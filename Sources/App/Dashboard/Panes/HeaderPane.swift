import CaudalModel
import Engine

/// Two lines at the top: the run, its state and its progress.
enum HeaderPane {
    static func draw(_ state: DashboardState, into buffer: inout CellBuffer) {
        drawTitle(state, into: &buffer)
        drawProgress(state, into: &buffer)
    }

    private static func drawTitle(_ state: DashboardState, into buffer: inout CellBuffer) {
        let run = state.run
        var right: [(rank: Int, spans: [Span])] = []
        right.append((0, [statusSpan(state)]))
        if run.startedAt != nil { right.append((1, [Span(run.duration(now: state.now).short)])) }
        if let late = state.digest.late {
            let words = "\(late.stage) \(late.by.short) over its usual \(late.usual.short)"
            right.append((4, [Span(words, .wait)]))
        }
        if let left = state.digest.left { right.append((4, [Span("ETA ~\(left.short)", .dim)])) }
        if state.columns >= 150, !state.digest.path.isEmpty {
            let path = state.digest.path.map(\.rawValue).joined(separator: " ▸ ")
            right.append((6, [Span("critical path \(path)", .dim)]))
        }
        let clock =
            run.status == .running
            ? LocalTime.clock(state.now.wall, in: state.zone) : LocalTime.minute(state.now.wall, in: state.zone)
        right.append((5, [Span(clock, .dim)]))
        if state.replay != nil {
            right.append((2, [Span("replay", .wait)]))
        } else {
            for words in state.changedLimits { right.append((2, [Span(words, .wait)])) }
            if let words = watching(state) { right.append((3, [Span(words, .accent)])) }
            if state.isReadOnly { right.append((2, [Span("read-only", .wait)])) }
        }

        let leftWidth = { (spans: [Span]) in spans.reduce(0) { $0 + TextWidth.of($1.text) } }
        let origin = origin(run.plan)
        // What the run is for, and how it stands, tell more than the whole of a long name, and than the number of the run.
        let needed = width(right.filter { $0.rank < 2 }) + leftWidth(origin.flatMap(\.self)) + 4
        let head = " caudal  "
        let name = Span(run.plan.pipeline).text.cutInMiddle(max(12, state.columns - needed - head.count))
        var left = [Span(head, Style(.accent, .bold)), Span(name, .bold)]
        let id = [Span(" ▸ ", .dim), Span(run.id.rawValue, .dim)]
        let known = width(right.filter { $0.rank <= 2 }) + leftWidth(origin.flatMap(\.self)) + 4
        if leftWidth(left) + leftWidth(id) + max(30, known) <= state.columns { left += id }
        let least = width(right.filter { $0.rank < 2 })
        for part in origin where leftWidth(left + part) + least + 4 <= state.columns { left += part }
        // If there is no room, the least important is dropped first.
        var shown = right
        while shown.count > 1, width(shown) + leftWidth(left) + 2 > state.columns {
            guard let worst = shown.map(\.rank).max() else { break }
            shown.removeAll { $0.rank == worst }
        }
        buffer.write(left, row: 0, column: 0, limit: state.columns)
        var column = state.columns - width(shown) - 1
        for part in shown {
            column = buffer.write(part.spans, row: 0, column: max(0, column), limit: state.columns) + 3
        }
    }

    /// The environment and the parameters of the run.
    private static func origin(_ plan: RunPlan) -> [[Span]] {
        let environment = plan.environment.map { [[Span("  "), Span($0, .accent)]] } ?? []
        let parameters = plan.parameters.sorted { $0.key < $1.key }
        return environment + parameters.map { [Span("  \($0.key)=", .dim), Span($0.value.shortened(to: 30))] }
    }

    private static func width(_ parts: [(rank: Int, spans: [Span])]) -> Int {
        parts.reduce(0) { $0 + $1.spans.reduce(0) { $0 + TextWidth.of($1.text) } } + max(0, parts.count - 1) * 3
    }

    /// The process that runs the run, if it is another one.
    private static func watching(_ state: DashboardState) -> String? {
        guard !state.ownsRun, state.isLive, let owner = state.run.owner else {
            return nil
        }
        return "watching pid \(owner.pid)"
    }

    private static func statusSpan(_ state: DashboardState) -> Span {
        if state.fault != nil, state.run.status == .running { return Span("UNKNOWN", .bad) }
        if state.run.isCancelled, state.run.status == .running {
            return Span("CANCELLING\(state.isMoving ? " \(state.glyph(.running))" : "")", Style(.wait, .bold))
        }
        if state.run.isPaused, state.run.status == .running {
            return Span("PAUSED \(state.isASCII ? "p" : "‖")", Style(.wait, .bold))
        }
        switch state.run.status {
        case .running:
            let mark = state.isMoving ? " \(state.glyph(.running))" : ""
            return Span("RUNNING\(mark)", Style(.busy, .bold))
        case .succeeded: return Span("SUCCEEDED \(state.glyph(.succeeded))", Style(.good, .bold))
        case .failed: return Span("FAILED \(state.glyph(.failed))", .bad)
        case .cancelled: return Span("CANCELLED \(state.glyph(.cancelled))", Style(.plain, .bold))
        case .interrupted: return Span("INTERRUPTED", .bad)
        }
    }

    /// The bar with its number: how far a run is that goes on; of one that does not, how many stages succeeded, and the
    /// share of each state.
    private static func progress(_ state: DashboardState, width: Int) -> (bar: [Span], number: String) {
        let digest = state.digest
        let (counts, allowed) = (digest.counts, digest.allowed.count)
        guard state.run.status != .running || state.run.isCancelled else {
            let (fraction, isEstimate) = digest.progress
            let failed = counts[.failed, default: 0] > allowed || digest.failedItems > 0
            let bar = ProgressBar.spans(fraction, width: width, style: failed ? .bad : .busy)
            return (bar, "\(isEstimate ? "~" : "")\(Int(fraction * 100))%")
        }
        let order: [UnitStatus] = [
            .succeeded, .reused, .failed, .running, .retrying, .queued, .blocked, .cancelled, .skipped, .pending,
        ]
        var parts = order.map { (status: $0, count: counts[$0, default: 0], style: state.style($0)) }
        parts[2].count -= allowed
        parts.insert((.failed, allowed, .wait), at: 3)
        let good = counts[.succeeded, default: 0] + counts[.reused, default: 0]
        return (ProgressBar.states(parts, width: width), "\(good)/\(state.run.stages.count)")
    }

    private static func drawProgress(_ state: DashboardState, into buffer: inout CellBuffer) {
        let digest = state.digest
        let allowed = digest.allowed.count
        let long = state.columns >= 140
        var chips: [[Span]] = []
        // The stages that each of them counts.
        var stages: [Int] = []
        func add(_ span: Span, _ count: Int) {
            chips.append([span])
            stages.append(count)
        }
        let counts = digest.counts
        for status in UnitStatus.allCases.sorted(by: { DashboardState.urgency($0) < DashboardState.urgency($1) }) {
            let mark = state.glyph(status) + (state.columns >= 100 ? " " : "")
            let isFailed = status == .failed
            let count = counts[status, default: 0] - (isFailed ? allowed : 0)
            let word = long ? " \(state.word(status).lowercased())" : ""
            if count > 0 { add(Span("\(mark)\(count)\(word)", state.style(status)), count) }
            if isFailed, allowed > 0 { add(Span("\(mark)\(allowed) allowed", .wait), allowed) }
            if isFailed, digest.failedItems > 0 {
                add(Span("\(state.glyph(.failed)) \(digest.failedItems.counted("item"))", .bad), 0)
            }
        }
        var extras: [[Span]] = []
        if let flow = digest.flow { extras.append([Span(flow.read.shortCounted("row"), .plain)]) }
        if state.errors > 0 { extras.append([Span("err \(state.errors)", .bad)]) }
        if state.warnings > 0 { extras.append([Span("warn \(state.warnings)", .wait)]) }
        let gap = state.columns >= 100 ? 3 : 1
        func width(_ parts: [[Span]]) -> Int {
            parts.reduce(0) { $0 + $1.reduce(0) { $0 + TextWidth.of($1.text) } + gap }
        }
        // The bar gives way to the numbers, of which none is cut: the last states are summed up.
        let barWidth = max(8, min(60, state.columns * 3 / 8, state.columns - 9 - width(chips)))
        let (bar, number) = progress(state, width: barWidth)
        var column = buffer.write(bar, row: 1, column: 1, limit: barWidth)
        column = buffer.write(number.rightAligned(5), row: 1, column: column + 1, style: .bold)
        var hidden = 0
        var more: [[Span]] { hidden > 0 ? [[Span("+\(hidden)", .dim)]] : [] }
        while chips.count > 1, column + 2 + width(chips + more) - gap > state.columns {
            hidden += stages.removeLast()
            chips.removeLast()
        }
        chips += more
        // What is told of errors stays longest.
        var hasRows = digest.flow != nil
        while !extras.isEmpty, column + 3 + width(chips) + width(extras) > state.columns {
            extras.remove(at: hasRows ? 0 : extras.count - 1)
            hasRows = false
        }
        var place = max(column + 2, state.columns - 1 + gap - width(chips + extras) - (extras.isEmpty ? 0 : 2))
        for (index, chip) in (chips + extras).enumerated() {
            if index == chips.count { place += 2 }
            place = buffer.write(chip, row: 1, column: place, limit: max(0, state.columns - place)) + gap
        }
    }
}
