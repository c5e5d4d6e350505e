import CaudalModel
import Engine

/// The log of everything, in one stream.
enum LogPane: DashboardPane {
    static let title = "log"
    static let wheelStep = 3

    static var bindings: [Binding] {
        scrolling { max(1, height($0) - 1) } + [
            Binding([" "], .move, PaneLabels.page, change: { scroll(max(1, height($1) - 1), $0, &$1) }),
            Binding([.left, "h"], .log, LogLabels.sideways, change: { $0.shiftLog(-1, &$1) })
                .alone("scroll long lines back by half a screen"),
            Binding([.right, "l"], .log, LogLabels.sideways, change: { $0.shiftLog(1, &$1) })
                .alone("scroll long lines on by half a screen"),
            Binding(
                "line-begin", ["0"], .log, "to the beginning and the end of long lines", change: { $1.log.shift = 0 }
            ).alone("to the beginning of long lines"),
            Binding(
                "line-end", ["$"], .log, "to the beginning and the end of long lines", change: { $0.shiftLogToEnd(&$1) }
            ).alone("to the end of long lines"),
            Binding(
                "filter-log", ["f"], .log,
                "show only lines with all of: word, !word, \"two words\", stage:, item:, attempt:, level:, since:, until:",
                hint: .always("filter", rank: 2),
                change: { $1.overlay = .prompt(Prompt(.logFilter, text: $1.log.filterText, in: $1)) }),
            Binding("more-levels", ["+"], .log, LogLabels.levels, action: { $0.changeLevel(-1, &$1) })
                .alone("show more levels of lines"),
            Binding("fewer-levels", ["-"], .log, LogLabels.levels, action: { $0.changeLevel(1, &$1) })
                .alone("show fewer levels of lines"),
            Binding(
                "wrap", ["w"], .log, "wrap long lines, or put each on one row", hint: .always("wrap", rank: 5),
                change: {
                    $1.log.wraps.toggle()
                    if let cursor = $1.log.cursor { $0.goToLine(cursor, &$1) }
                }),
            Binding(
                "times", ["t"], .log, "times by the clock, since the start, since the line before",
                change: {
                    $1.log.time = $1.log.time.next
                    $1.say("times: \($1.log.time.rawValue)")
                }),
            Binding(
                "pick-line", ["m"], .log, "pick a line; y copies from the first picked one on",
                change: { $0.pickLine(&$1) }),
            Binding("next-picked", ["'"], .log, "go to the next picked line", change: { $0.findPicked(&$1) }),
            Binding(
                "fold-traces", ["F"], .log, "fold stack traces into their first line, or unfold them",
                action: { $0.foldTraces(&$1) }),
        ]
    }

    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {
        reducer.moveInLog(step, &state)
    }

    static func click(_ row: Int, _ column: Int, _ view: PaneView, _ state: inout DashboardState) {
        let geometry = LogGeometry(view.frame, state)
        var line = 0
        for shown in geometry.visible(state.log, view.lines) {
            line += shown.rows.count
            guard row < line else { continue }
            (state.log.cursor, state.log.bottom) = (shown.line, state.log.bottom ?? view.lines.count - 1)
            return
        }
    }

    /// The number of visible lines.
    private static func height(_ state: DashboardState) -> Int {
        (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 1
    }

    /// The text of a line as it is shown.
    static func text(of record: LogRecord) -> String { PlainText.sanitized(record.message) }

    // MARK: - Drawing

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, lines, frame) = (view.state, view.lines, view.frame)
        let log = state.log
        let title = "LOG  " + (log.filteredUnit.map { Span($0.description).text } ?? "all stages")
        buffer.rule(frame, title: title, facts: facts(view), isFocused: view.isFocused)
        let geometry = LogGeometry(frame, state)
        guard lines.count > 0, geometry.height > 0 else {
            let text =
                !lines.isComplete ? "reading …" : log.isFiltered ? "no line fits; esc shows all" : "nothing yet"
            if geometry.height > 0 {
                buffer.write(text, row: frame.rows.lowerBound + 1, column: frame.columns.lowerBound + 1, style: .dim)
            }
            return
        }
        let current = min(log.cursor ?? lines.count - 1, lines.count - 1)
        let copied = log.copied(current: current)
        let search = LogSearch(log.search)
        var row = frame.rows.lowerBound + 1
        for (line, rows) in geometry.visible(log, lines) {
            defer { row += rows.count }
            guard let record = lines.record(at: line) else { continue }
            let isCurrent = log.cursor != nil && line == current && view.isFocused
            var drawing = LogLineDrawing(state, geometry, record, isCurrent: isCurrent)
            drawing.mark = log.picked.contains(line) ? "◆" : copied?.contains(line) == true ? "│" : nil
            drawing.folded = lines.folded(at: line)
            drawing.previous = log.time == .gap && line > 0 ? lines.record(at: line - 1)?.time : nil
            if lines.isHit(at: line) { drawing.search = search }
            drawing.draw(rows, row: row, into: &buffer)
        }
    }

    private static func facts(_ view: PaneView) -> [Span] {
        let (state, lines) = (view.state, view.lines)
        let log = state.log
        let current = min(log.cursor ?? lines.count - 1, lines.count - 1)
        var facts: [Span] = []
        if !log.search.isEmpty {
            facts.append(Span("/\(log.search.shortened(to: 24)) \(matches(log, lines, current))   ", .accent))
        }
        if !log.filterText.isEmpty { facts.append(Span("f \(log.filterText.shortened(to: 24))   ", .wait)) }
        if log.level > .debug { facts.append(Span("≥\(log.level.name)   ", .wait)) }
        if log.cursor == nil {
            if state.run.status == .running { facts.append(Span("FOLLOW ⇣   ", .busy)) }
        } else {
            let below = lines.count - 1 - current
            facts.append(Span((below > 0 ? "\(Int64(below).grouped) below, " : "") + "G follows   ", .wait))
        }
        // While a run goes on, there are always more.
        let isReading = !lines.isComplete && state.run.status != .running
        return facts + [Span(lines.count.counted("line") + (isReading ? " so far …" : ""), .dim)]
    }

    /// The place of the current line among the matches and their number, as far as they are known.
    private static func matches(_ log: LogView, _ lines: any LogLines, _ current: Int) -> String {
        let count = Int64(lines.hits).grouped
        if lines.hits == 0 { return lines.isComplete ? "no match" : "searching …" }
        let number = log.cursor != nil && lines.isHit(at: current) ? lines.hitNumber(at: current) : 0
        // The lines before it may not be searched yet.
        let place = number > 0 ? Int64(number).grouped : "–"
        return lines.isComplete ? "\(place)/\(count)" : "\(place)/\(count) so far …"
    }

    /// The hue of a stage, which does not depend on what else is on the screen: neighbours in the file have different ones.
    static func hue(_ stage: StageID, in plan: RunPlan) -> Style {
        let hues: [ColorRole] = [.hue1, .hue2, .hue3, .hue4, .hue5, .hue6]
        return plan.index(of: stage).map { Style(hues[$0 % hues.count]) } ?? .plain
    }
}

/// Labels of bindings of the log.
enum LogLabels {
    static let sideways = "scroll long lines sideways by half a screen"
    static let levels = "show more levels of lines, or fewer"
}

/// Draws one line of the log.
struct LogLineDrawing {
    private let state: DashboardState
    private let geometry: LogGeometry
    private let record: LogRecord
    private let isCurrent: Bool
    /// The sign before a line that is picked, or that is copied with picked ones.
    var mark: Unicode.Scalar?
    /// The number of lines that are folded into it.
    var folded = 0
    /// The time of the line before it.
    var previous: Int64?
    /// What is marked in it.
    var search: LogSearch?

    init(_ state: DashboardState, _ geometry: LogGeometry, _ record: LogRecord, isCurrent: Bool) {
        (self.state, self.geometry, self.record, self.isCurrent) = (state, geometry, record, isCurrent)
    }

    /// Draws some of its rows, the first of which has the columns before the text.
    func draw(_ rows: Range<Int>, row: Int, into buffer: inout CellBuffer) {
        // What is searched for may reach across the edge of the pane.
        let (text, isCut) =
            geometry.wraps || search != nil
            ? (LogPane.text(of: record), false)
            : LogGeometry.beginning(of: record.message, cells: state.log.shift + geometry.width + 2)
        let all = geometry.rows(of: text)
        if rows.lowerBound == 0 { drawHead(row: row, into: &buffer) }
        for (offset, index) in rows.enumerated() where all.indices.contains(index) {
            let rest = rows.upperBound < all.count && index == rows.upperBound - 1
            drawText(text, all[index], isCut: rest || isCut, row: row + offset, into: &buffer)
        }
        if rows.lowerBound > 0 {
            let place = "… \(rows.upperBound)/\(all.count)"
            buffer.write(place, row: row, column: geometry.frame.columns.lowerBound + 1, style: .dim)
        }
        for row in row..<(row + rows.count) where isCurrent {
            buffer.restyle(row: row, columns: geometry.frame.columns) { style in
                // What is searched for stays visible in the bar.
                let isMark = style.attributes.contains(.reverse)
                style = isMark ? Style(.wait, [.bold, .underline]) : Style(.plain, [.reverse])
            }
        }
    }

    private func drawHead(row: Int, into buffer: inout CellBuffer) {
        let frame = geometry.frame
        let limit = frame.columns.upperBound
        if let mark { buffer.set(mark, row: row, column: frame.columns.lowerBound, style: .accent) }
        var place = frame.columns.lowerBound + 1
        func put(_ text: String, _ width: Int, _ style: Style) {
            buffer.write(text, row: row, column: place, limit: max(0, min(width, limit - place)), style: style)
            place += width + 1
        }
        put(timeText.rightAligned(LogGeometry.timeWidth), LogGeometry.timeWidth, .dim)
        let level: (String, Style)
        switch record.level {
        case .debug: level = (geometry.isWide ? "DEBUG" : "D", .dim)
        case .info: level = (geometry.isWide ? "INFO " : "I", .dim)
        case .warn: level = (geometry.isWide ? "WARN " : "W", .wait)
        case .error: level = (geometry.isWide ? "ERROR" : "E", .bad)
        }
        put(level.0, geometry.isWide ? 5 : 1, level.1)
        let hue = record.stage.map { LogPane.hue($0, in: state.run.plan) } ?? .dim
        let source = sourceText
        writeMarked(
            source, 0..<source.utf8.count, row: row, column: place,
            limit: max(0, min(geometry.sourceWidth, limit - place)), style: hue, into: &buffer)
    }

    /// The stage, item and attempt; of the stage what tells it from the others, where there is no room for its name.
    private var sourceText: String {
        let whole = Span(record.source).text
        let width = geometry.sourceWidth
        guard TextWidth.of(whole) > width, let stage = record.stage else { return whole }
        let attempt = record.attempt.map { $0 > 1 ? "#\($0)" : "" } ?? ""
        let room = width - attempt.count
        guard let item = record.item else { return state.label(of: stage, width: room) + attempt }
        let key = Span("\(item)").text
        // The stage has what a short key leaves, and half of the room at least.
        let name = state.label(of: stage, width: max(width / 2, room - 2 - TextWidth.of(key)))
        return name + "[" + key.cutInMiddle(max(1, room - TextWidth.of(name) - 2)) + "]" + attempt
    }

    private var timeText: String {
        switch state.log.time {
        case .clock: return LocalTime.clock(record.time, in: state.zone)
        case .sinceStart:
            let start = state.run.startedAt?.wall ?? record.time
            return Self.text(record.time - start)
        case .gap: return previous.map { Self.text(record.time - $0) } ?? ""
        }
    }

    /// A time in milliseconds in at most eight characters.
    private static func text(_ milliseconds: Int64) -> String {
        let sign = milliseconds < 0 ? "−" : "+"
        let size = abs(milliseconds)
        if size < 100_000 {
            let rest = String(size % 1000)
            return "\(sign)\(size / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
        }
        return sign + Duration.milliseconds(size).short
    }

    private var style: Style {
        record.level == .error ? .bad : record.level == .warn ? .wait : record.stream == .engine ? .dim : .plain
    }

    private func drawText(
        _ text: String, _ range: Range<Int>, isCut: Bool, row: Int, into buffer: inout CellBuffer
    ) {
        let shift = geometry.wraps ? 0 : state.log.shift
        let note = folded > 0 && range.upperBound == text.utf8.count ? "  ▸ \(folded.counted("more line"))" : ""
        let room = max(1, geometry.width - TextWidth.of(note))
        var shown = range
        var (isBehind, isBefore) = (isCut, false)
        if !geometry.wraps {
            shown = text.cells(from: shift, width: room)
            isBehind = isCut || shown.upperBound < text.utf8.count
            isBefore = shift > 0
            // Signs at both ends say that there is more.
            if isBefore { shown = text.cells(from: shift + 1, width: room - 1) }
            if isBehind {
                shown = text.cells(from: shift + (isBefore ? 1 : 0), width: max(0, room - (isBefore ? 2 : 1)))
            }
        }
        var place = geometry.textColumn
        let limit = geometry.frame.columns.upperBound
        if isBefore { place = buffer.write("…", row: row, column: place, limit: limit - place, style: .dim) }
        place = writeMarked(
            text, shown, row: row, column: place, limit: max(0, limit - place), style: style, into: &buffer)
        if isBehind { place = buffer.write("…", row: row, column: min(place, limit - 1), limit: 1, style: .dim) }
        if !note.isEmpty { buffer.write(note, row: row, column: place, limit: max(0, limit - place), style: .accent) }
    }

    /// Writes a part of a text, in which what is searched for stands out.
    @discardableResult
    private func writeMarked(
        _ text: String, _ range: Range<Int>, row: Int, column: Int, limit: Int, style: Style,
        into buffer: inout CellBuffer
    ) -> Int {
        var place = column
        func put(_ part: Range<Int>, _ style: Style) {
            let left = column + limit - place
            guard !part.isEmpty, left > 0 else { return }
            place = buffer.write(text.bytes(part), row: row, column: place, limit: left, style: style)
        }
        var start = range.lowerBound
        for hit in search?.places(in: text) ?? [] where hit.upperBound > start && hit.lowerBound < range.upperBound {
            let from = max(start, hit.lowerBound)
            put(start..<from, style)
            start = min(hit.upperBound, range.upperBound)
            put(from..<start, Style(.wait, [.bold, .reverse]))
        }
        put(start..<max(start, range.upperBound), style)
        return place
    }
}
