import CaudalModel
import Engine

/// The log of everything, in one stream.
enum LogPane: DashboardPane {
    static let title = "log"
    static let wheelStep = 3

    static var bindings: [Binding] {
        scrolling { max(1, height($0) - 1) } + [
            Binding([" "], .move, PaneLabels.page, change: { scroll(max(1, height($1) - 1), $0, &$1) }),
            Binding(
                [.left, "h"], .log, "scroll long lines sideways", change: { $1.log.shift = max(0, $1.log.shift - 10) }),
            Binding([.right, "l"], .log, "scroll long lines sideways", change: { $1.log.shift += 10 }),
            Binding(
                ["f"], .log, "filter by level: all, warnings, errors", hint: .always("level", rank: 7),
                action: { $0.changeLevel(&$1) }),
        ]
    }

    static func scroll(_ step: Int, _ reducer: DashboardReducer, _ state: inout DashboardState) {
        state.log.scroll(step, page: max(1, height(state)), reducer.lines)
    }

    /// The number of visible lines.
    private static func height(_ state: DashboardState) -> Int {
        (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 1
    }

    static func draw(_ view: PaneView, into buffer: inout CellBuffer) {
        let (state, lines, frame) = (view.state, view.lines, view.frame)
        let log = state.log
        let count = lines.count
        let bottom = min(log.bottom ?? count - 1, count - 1)
        var facts: [Span] = []
        if !log.search.isEmpty { facts.append(Span("/\(log.search) \(lines.hits) hits   ", .accent)) }
        if log.level > .debug { facts.append(Span("≥\(log.level.name)   ", .wait)) }
        if log.bottom == nil {
            if state.run.status == .running { facts.append(Span("FOLLOW ⇣   ", .busy)) }
        } else {
            facts.append(Span("\(count - 1 - bottom) below, G follows   ", .wait))
        }
        facts.append(Span(count.counted("line"), .dim))
        let title = "LOG  " + (log.filteredUnit.map { Span($0.description).text } ?? "all stages")
        buffer.rule(frame, title: title, facts: facts, isFocused: view.isFocused)

        let height = frame.rows.count - 1
        guard count > 0, height > 0 else {
            let text =
                !lines.isComplete ? "reading …" : log.isFiltered ? "no line matches; esc shows all" : "nothing yet"
            if height > 0 {
                buffer.write(text, row: frame.rows.lowerBound + 1, column: frame.columns.lowerBound + 1, style: .dim)
            }
            return
        }
        let first = max(0, bottom - height + 1)
        for (offset, place) in (first...bottom).enumerated() {
            guard let record = lines.record(at: place) else { continue }
            let row = frame.rows.lowerBound + 1 + offset
            drawLine(state, record, row: row, frame, into: &buffer)
            if lines.isHit(at: place) {
                buffer.restyle(row: row, columns: frame.columns) { $0.attributes.insert(.underline) }
            }
            if log.bottom != nil, place == bottom, view.isFocused { buffer.select(row: row, columns: frame.columns) }
        }
    }

    private static func drawLine(
        _ state: DashboardState, _ record: LogRecord, row: Int, _ frame: DashboardLayout.Frame,
        into buffer: inout CellBuffer
    ) {
        let isWide = frame.columns.count >= 100
        let start = frame.columns.lowerBound + 1
        let limit = frame.columns.upperBound
        var place =
            buffer.write(
                LocalTime.clock(record.time, in: state.zone), row: row, column: start, limit: limit - start, style: .dim
            ) + 1
        let level: (String, Style)
        switch record.level {
        case .debug: level = (isWide ? "DEBUG" : "D", .dim)
        case .info: level = (isWide ? "INFO " : "I", .dim)
        case .warn: level = (isWide ? "WARN " : "W", .wait)
        case .error: level = (isWide ? "ERROR" : "E", .bad)
        }
        place = buffer.write(level.0, row: row, column: place, limit: max(0, limit - place), style: level.1) + 1
        let width = isWide ? 20 : 14
        let hue = record.stage.map { Self.hue($0) } ?? .dim
        buffer.write(
            Span(record.source).text.cutInMiddle(width), row: row, column: place, limit: max(0, limit - place),
            style: hue)
        place += width + 1
        var message = PlainText.sanitized(record.message)
        if state.log.shift > 0 { message = String(message.dropFirst(state.log.shift)) }
        let style: Style =
            record.level == .error ? .bad : record.level == .warn ? .wait : record.stream == .engine ? .dim : .plain
        buffer.write(message, row: row, column: place, limit: max(0, limit - place), style: style)
    }

    /// The hue of a stage, which does not depend on what else is on the screen.
    private static func hue(_ stage: StageID) -> Style {
        let hues: [ColorRole] = [.hue1, .hue2, .hue3, .hue4, .hue5, .hue6]
        let sum = stage.rawValue.utf8.reduce(UInt32(5381)) { $0 &* 33 &+ UInt32($1) }
        return Style(hues[Int(sum % UInt32(hues.count))])
    }
}
