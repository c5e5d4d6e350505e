import CaudalModel
import Engine

/// A piece of text with a style.
struct Span {
    var text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
        // Text on the screen may come from data, names or output of children.
        self.text = PlainText.sanitized(text)
        self.style = style
    }
}

extension CellBuffer {
    /// Writes pieces one after the other; cuts them at `limit` columns.
    @discardableResult
    mutating func write(_ spans: [Span], row: Int, column: Int, limit: Int) -> Int {
        var place = column
        for span in spans {
            let left = column + limit - place
            if left <= 0 { break }
            place = write(span.text, row: row, column: place, limit: left, style: span.style)
        }
        return place
    }

    /// Draws the rule above a pane: its number, title and view, and facts at the right, the most important first; where there
    /// is little room, the last ones are left out, and the title is cut before the first one is.
    mutating func rule(
        _ frame: DashboardLayout.Frame, title: String, facts: [Span], isFocused: Bool
    ) {
        let row = frame.rows.lowerBound
        let style = isFocused ? Style(.accent, .bold) : Style.dim
        fill(isFocused ? "━" : "─", row: row, columns: frame.columns, style: style)
        let head = " \(frame.pane.rawValue) \(title) "
        let start = frame.columns.lowerBound + 1
        func width(_ spans: [Span]) -> Int { spans.reduce(0) { $0 + TextWidth.of($1.text) } }
        var facts = facts.filter { !$0.text.isEmpty }
        while facts.count > 1, width(facts) + 4 + TextWidth.of(head) > frame.columns.count { facts.removeLast() }
        // What follows a fact that is left out is no gap.
        if let last = facts.indices.last {
            while facts[last].text.last == " " { facts[last].text.removeLast() }
        }
        let length = width(facts)
        let room =
            length == 0 ? frame.columns.count - 2 : max(min(12, TextWidth.of(head)), frame.columns.count - length - 4)
        let end = write(
            head, row: row, column: start, limit: min(room, frame.columns.count - 2),
            style: isFocused ? Style(.plain, .bold) : .plain)
        let place = frame.columns.upperBound - length - 3
        guard length > 0, place >= end else { return }
        set(" ", row: row, column: place, style: .plain)
        let stop = write(facts, row: row, column: place + 1, limit: length)
        set(" ", row: row, column: stop, style: .plain)
    }

    /// Highlights a row as selected.
    mutating func select(row: Int, columns: Range<Int>) {
        // One colour for the whole row, because differently coloured reversed cells would not look like one bar.
        restyle(row: row, columns: columns) { $0 = Style(.plain, $0.attributes.subtracting(.dim).union(.reverse)) }
    }
}

/// Draws progress bars.
enum ProgressBar {
    private static let eighths = Array(" ▏▎▍▌▋▊▉█")

    /// A bar of `width` cells; an estimate is drawn lighter.
    static func spans(_ fraction: Double, width: Int, style: Style, isEstimate: Bool = false) -> [Span] {
        let cells = max(0, min(1, fraction)) * Double(width)
        let full = Int(cells)
        let part = Int((cells - Double(full)) * 8)
        var filled = String(repeating: isEstimate ? "▒" : "█", count: full)
        var used = full
        if part > 0, full < width, !isEstimate {
            filled.append(eighths[part])
            used += 1
        }
        return [Span(filled, style), Span(String(repeating: "░", count: max(0, width - used)), .dim)]
    }

    /// A bar of what does not go on any more: the share of each state, in the order given; see ``UnitStatus/block``.
    ///
    /// Each state has a cell at least, and what succeeded has no more than its share.
    static func states(_ parts: [(status: UnitStatus, count: Int, style: Style)], width: Int) -> [Span] {
        let parts = parts.filter { $0.count > 0 }
        let total = parts.reduce(0) { $0 + $1.count }
        var cells = parts.map { max(1, $0.count * width / total) }
        let left = width - cells.reduce(0, +)
        guard let most = cells.max(), let widest = cells.firstIndex(of: most), cells.count <= width else {
            return [Span(String(repeating: "░", count: width), .dim)]
        }
        let isGood = { (status: UnitStatus) in [.succeeded, .reused].contains(status) }
        cells[left < 0 ? widest : parts.lastIndex { !isGood($0.status) } ?? widest] += left
        return zip(parts, cells).map { part, count in
            Span(String(repeating: part.status.block, count: count), part.style)
        }
    }

    /// A bar for work of unknown length: a block that moves to and fro.
    static func sliding(frame: Int, width: Int, style: Style) -> [Span] {
        let block = max(1, min(4, width / 3))
        let range = max(1, width - block)
        let phase = frame % (2 * range)
        let place = phase < range ? phase : 2 * range - phase
        return [
            Span(String(repeating: "░", count: place), .dim), Span(String(repeating: "█", count: block), style),
            Span(String(repeating: "░", count: max(0, width - block - place)), .dim),
        ]
    }
}

extension UnitStatus {
    /// The character for a cell of a bar, a strip or a timeline, which tells statuses apart where there are no colours.
    var block: String {
        switch self {
        case .succeeded, .reused: "█"
        case .failed: "▚"
        case .running, .retrying: "▓"
        case .blocked: "▒"
        case .pending, .queued: "░"
        case .skipped, .cancelled: "─"
        }
    }

    /// The style of the status.
    var style: Style {
        switch self {
        case .succeeded, .reused: .good
        case .failed: .bad
        case .running: .busy
        case .retrying: .wait
        case .blocked: .blocked
        case .pending, .queued, .skipped, .cancelled: .dim
        }
    }
}

extension DashboardState {
    /// The glyph of a status in the present frame.
    func glyph(_ status: UnitStatus) -> String {
        run.isInterrupted(status) ? StatusMark.interrupted : StatusMark.glyph(status, frame: frame, ascii: isASCII)
    }

    /// The word of a status of a stage or an item.
    func word(_ status: UnitStatus, of id: UnitID) -> String {
        if isAllowedFailure(id) { return "failed" }
        return word(status)
    }

    /// The word of a status, of whichever stages.
    func word(_ status: UnitStatus) -> String { StatusMark.word(status, in: run) }

    /// The width of the widest word of a status that the run can have.
    var wordWidth: Int { run.status == .interrupted ? 11 : 9 }

    /// The style of a status, of whichever stages.
    func style(_ status: UnitStatus) -> Style { run.isInterrupted(status) ? .bad : status.style }

    /// Whether a stage has failed and has `allow_failure`.
    func isAllowedFailure(_ id: UnitID) -> Bool { id.item == nil && run.isAllowedFailure(id.stage) }

    /// The style of a stage or an item with this status.
    ///
    /// A fan-out of which items have failed is not well, whatever else it does.
    func style(_ status: UnitStatus, of id: UnitID) -> Style {
        if isAllowedFailure(id) { return .wait }
        let hasFailed = id.item == nil && !status.isFinished && run.stage(id.stage)?.itemCounts[.failed] ?? 0 > 0
        return hasFailed ? .bad : style(status)
    }

    /// The name of a stage with the number of its items.
    func name(of stage: StageState) -> String {
        stage.hasItems ? "\(stage.id) ×\(stage.items.count)" : stage.id.rawValue
    }

    /// A note about a stage or an item that fits into the width of a bar.
    func information(_ id: UnitID, width: Int) -> [Span] {
        guard let stage = run.stage(id.stage), let unit = run.unit(id) else { return [] }
        let status = id.item == nil ? stage.status : unit.status
        switch status {
        case .running where run.isInterrupted(status):
            let items = id.item == nil && stage.hasItems ? "\(stage.finishedItems)/\(stage.items.count)  " : ""
            return [Span(items + "its process died", .bad)]
        case .running:
            let fraction = id.item == nil ? stage.fraction : unit.progress?.fraction
            let barWidth = max(3, min(14, width - 6))
            if id.item == nil, stage.hasItems, !stage.items.isEmpty {
                let label = " \(stage.finishedItems)/\(stage.items.count)"
                let notes = [UnitStatus.failed, .cancelled].compactMap { status in
                    stage.itemCounts[status].map { $0 > 0 ? Span(" \(glyph(status))\($0)", status.style) : Span("") }
                }
                let taken = notes.reduce(label.count) { $0 + TextWidth.of($1.text) }
                let style: Style = stage.itemCounts[.failed, default: 0] > 0 ? .bad : .busy
                return ProgressBar.spans(stage.fraction ?? 0, width: max(3, min(14, width - taken)), style: style)
                    + [Span(label)] + notes
            }
            if let fraction {
                return ProgressBar.spans(fraction, width: barWidth, style: .busy) + [Span(" \(Int(fraction * 100))%")]
            }
            if let expected = run.plan.index(of: id.stage).flatMap({ run.plan.stages[$0].expected }), id.item == nil,
                let took = elapsed(id), took < expected * 10
            {
                let part = min(0.95, took.seconds / max(0.001, expected.seconds))
                return ProgressBar.spans(part, width: barWidth, style: .busy, isEstimate: true) + [
                    Span(" ~\(Int(part * 100))%", .dim)
                ]
            }
            return ProgressBar.sliding(frame: frame, width: barWidth, style: .busy)
        case .failed:
            if isAllowedFailure(id) { return [Span("(allowed) \(failureText(stage, unit, id))", .wait)] }
            return [Span(failureText(stage, unit, id), .bad)]
        case .blocked:
            // Of a long name, what tells it from others.
            return [Span("◂ " + label(of: StageID(blockerName(unit)), width: width - 2), .blocked)]
        case .pending, .queued, .retrying:
            let reason = run.waitReason(of: id, now: now) ?? ""
            let counts =
                status == .queued && stage.hasItems && id.item == nil
                ? "\(stage.finishedItems)/\(stage.items.count)  " : ""
            if reason.isEmpty, counts.isEmpty,
                let usual = run.plan.index(of: id.stage).flatMap({ run.plan.stages[$0].expected })
            {
                return [Span("usually \(usual.short)", .dim)]
            }
            return [Span(counts + reason, status == .retrying ? .wait : .dim)]
        case .succeeded, .reused:
            var spans: [Span] = []
            let rows = id.item == nil ? stage.rows : unit.lastResult?.rows
            if let rows { spans.append(Span(rows.written.shortCounted("row"))) }
            let removed = rows.map { $0.quarantined + $0.duplicates + $0.dropped + $0.unassigned } ?? 0
            if removed > 0 { spans.append(Span("  −\(removed.short)", .wait)) }
            let warned = (id.item == nil ? stage.checks : unit.lastResult?.checks ?? []).count { $0.outcome == .warned }
            if warned > 0 { spans.append(Span("  \(warned) warn", .wait)) }
            if spans.isEmpty, let reason = unit.reason { spans.append(Span(reason, .dim)) }
            return spans
        case .skipped, .cancelled:
            // What its items have done before stays done; its reason says no more than how many.
            let counts = id.item == nil ? itemCounts(stage) : []
            return counts.isEmpty ? [Span(unit.reason ?? "", .dim)] : counts
        }
    }

    /// How the items of a fan-out stand, the worst first: `1 failed  49 succeeded`.
    func itemCounts(_ stage: StageState) -> [Span] {
        let counted = UnitStatus.allCases.filter { stage.itemCounts[$0, default: 0] > 0 }
        return counted.sorted { Self.urgency($0) < Self.urgency($1) }.enumerated().map { place, status in
            let words = "\(stage.itemCounts[status, default: 0]) \(word(status).lowercased())"
            return Span((place > 0 ? "  " : "") + words, style(status))
        }
    }

    private func failureText(_ stage: StageState, _ unit: UnitState, _ id: UnitID) -> String {
        if id.item == nil, stage.hasItems { return unit.reason ?? "items failed" }
        return unit.lastResult?.failure?.message ?? unit.reason ?? "failed"
    }

    private func blockerName(_ unit: UnitState) -> String {
        unit.reason?.split(separator: " ").first.map(String.init) ?? "upstream"
    }

    /// The duration of a stage or item in a fixed width: final, so far, or usual.
    func timeText(_ id: UnitID) -> String {
        guard let unit = run.unit(id) else { return "" }
        if let took = elapsed(id) {
            // A stage that has just started shows no duration, so that quick ones do not flicker.
            let hasJustBegun = unit.status == .running && !run.isInterrupted(.running) && took < .seconds(1)
            return hasJustBegun ? "" : took.short
        }
        return "—"
    }

    /// The attempt and the maximum number of attempts, such as `2/4`.
    func triesText(_ id: UnitID) -> String {
        guard let unit = run.unit(id), let index = run.plan.index(of: id.stage) else { return "" }
        let most = unit.attemptsBeforeReset + 1 + run.plan.stages[index].retry.limit
        if let stage = run.stage(id.stage), id.item == nil, stage.hasItems { return "" }
        return "\(unit.attempts.count)/\(max(most, unit.attempts.count))"
    }
}
