import CaudalModel
import Engine

/// What is shown of the log, and where.
struct LogView {
    /// What the column of times shows.
    enum TimeColumn: String, CaseIterable {
        case clock = "clock"
        case sinceStart = "since the start"
        case gap = "since the line before"
    }

    /// A line that is to be found again among other lines.
    struct Anchor: Equatable {
        var time: Int64
        var message: String
    }

    /// Which lines are shown, and what is searched for in them.
    var shown = Self.folded
    /// The filter as the user typed it.
    var filterText = ""
    /// The current line, by its number among those shown; nil follows the end of the log.
    var cursor: Int?
    /// The last line on the screen; nil while the end of the log is followed.
    var bottom: Int?
    /// The number of columns by which long lines are scrolled to the left.
    var shift = 0
    /// Whether long lines take several rows.
    var wraps = false
    /// The number of rows scrolled past, of a line that is longer than the pane.
    var skip = 0
    var time = TimeColumn.clock
    /// The lines that the user has picked.
    var picked: Set<Int> = []
    /// Whether the first match is shown once one is found.
    var awaitsHit = false
    /// The line that is to be current again once the lines are known.
    var anchor: Anchor?
    /// The number of lines that are shown, as far as it is known; the layout gives room that they do not need to others.
    var count: Int?

    private static var folded: LogIndex.View {
        var view = LogIndex.View()
        view.foldsTraces = true
        return view
    }

    /// The stage or item whose lines are shown; nil shows all.
    var filteredUnit: UnitID? { shown.unit }
    var level: LogLevel { shown.level }
    var search: String { shown.search }
    var isFiltered: Bool { !shown.isAll }
    /// What leaves lines out, in a few words; nil if nothing does.
    var narrowing: String? {
        guard isFiltered else { return nil }
        let parts = [filterText, level > .debug ? "≥\(level.name)" : "", shown.unit?.description ?? ""]
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// The lines to copy: from the first to the last that is picked, or from the only one to the current line.
    func copied(current: Int) -> ClosedRange<Int>? {
        guard let first = picked.min(), let last = picked.max() else { return nil }
        return picked.count > 1 ? first...last : min(first, current)...max(first, current)
    }
}

/// Where the columns of the log are, and how many rows its lines take.
struct LogGeometry {
    let frame: DashboardLayout.Frame
    let height: Int
    let isWide: Bool
    let wraps: Bool
    /// The width of the text, and the column where it begins.
    let width: Int
    let textColumn: Int

    /// The width of the names of stages and items.
    let sourceWidth: Int

    static let timeWidth = 8

    init(_ frame: DashboardLayout.Frame, _ state: DashboardState) {
        self.frame = frame
        wraps = state.log.wraps
        height = max(0, frame.rows.count - 1)
        isWide = frame.columns.count >= 100
        // Stages and items are whole where a quarter of the pane is enough for them and for the number of an attempt.
        let least = isWide ? 20 : 14
        sourceWidth = max(least, min(state.digest.longestSource, frame.columns.count / 4))
        textColumn =
            frame.columns.lowerBound + 1 + Self.timeWidth + 1 + (isWide ? 5 : 1) + 1 + sourceWidth + 1
        width = max(1, frame.columns.upperBound - textColumn)
    }

    /// The geometry of the pane as it is on the screen; nil where it is not.
    init?(_ state: DashboardState) {
        guard let frame = DashboardLayout(state).frame(of: .log) else { return nil }
        self.init(frame, state)
    }

    /// The rows of a text, as ranges of its bytes.
    func rows(of text: String) -> [Range<Int>] {
        guard wraps else { return [0..<text.utf8.count] }
        return text.rows(of: width)
    }

    /// The number of rows of a line.
    func rowCount(of index: Int, _ lines: any LogLines) -> Int {
        guard wraps, let record = lines.record(at: index) else { return 1 }
        return rows(of: LogPane.text(of: record)).count
    }

    /// The lines on the screen, with the rows of each that are shown.
    func visible(_ log: LogView, _ lines: any LogLines) -> [(line: Int, rows: Range<Int>)] {
        let count = lines.count
        guard count > 0, height > 0 else { return [] }
        let bottom = min(log.bottom ?? count - 1, count - 1)
        guard wraps else {
            return (max(0, bottom - height + 1)...bottom).map { ($0, 0..<1) }
        }
        let current = min(log.cursor ?? count - 1, count - 1)
        let most = rowCount(of: current, lines) - height
        if most > 0 {
            let skip = log.cursor == nil ? most : min(log.skip, most)
            return [(current, skip..<(skip + height))]
        }
        var left = height
        var found: [(line: Int, rows: Range<Int>)] = []
        var line = bottom
        while left > 0, line >= 0 {
            let rows = rowCount(of: line, lines)
            found.append((line, max(0, rows - left)..<rows))
            left -= rows
            line -= 1
        }
        found.reverse()
        // Where the log begins, what comes next fills the pane, though not to the end of its last line.
        line = bottom + 1
        while left > 0, line < count {
            let rows = min(left, rowCount(of: line, lines))
            found.append((line, 0..<rows))
            left -= rows
            line += 1
        }
        return found
    }

    /// The beginning of a message as it is shown, with more than a number of cells where the message has them; what is far
    /// behind them is neither looked at nor measured.
    static func beginning(of message: String, cells: Int) -> (text: String, isCut: Bool) {
        var size = cells * 4 + 200
        while size < message.utf8.count {
            let text = PlainText.sanitized(message.bytes(0..<size))
            if TextWidth.of(text) > cells { return (text, true) }
            size *= 2
        }
        return (PlainText.sanitized(message), false)
    }
}

extension String {
    /// The text in rows of a number of cells, as ranges of its bytes; at least one.
    func rows(of width: Int) -> [Range<Int>] {
        if utf8.count <= width { return [0..<utf8.count] }
        if isPrintableASCII {
            return stride(from: 0, to: utf8.count, by: width).map { $0..<min($0 + width, utf8.count) }
        }
        var rows: [Range<Int>] = []
        var (start, place, taken) = (0, 0, 0)
        for character in self {
            let wide = TextWidth.of(character)
            if taken + wide > width, taken > 0 {
                rows.append(start..<place)
                (start, taken) = (place, 0)
            }
            place += character.utf8.count
            taken += wide
        }
        rows.append(start..<place)
        return rows
    }

    /// The part of the text from a cell on that fits into a number of cells, as a range of its bytes.
    func cells(from first: Int, width: Int) -> Range<Int> {
        if isPrintableASCII {
            let start = min(max(0, first), utf8.count)
            return start..<min(start + max(0, width), utf8.count)
        }
        var (place, cell) = (0, 0)
        var start: Int?
        for character in self {
            let wide = TextWidth.of(character)
            if start == nil, cell >= first { start = place }
            if start != nil, cell + wide > first + width { return (start ?? place)..<place }
            place += character.utf8.count
            cell += wide
        }
        return (start ?? place)..<place
    }

    /// A part of the text, by its bytes.
    func bytes(_ range: Range<Int>) -> String {
        let all = utf8
        return String(
            decoding: all[
                all.index(
                    all.startIndex, offsetBy: range.lowerBound)..<all.index(
                        all.startIndex, offsetBy: range.upperBound)], as: UTF8.self)
    }
}
