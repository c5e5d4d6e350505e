/// The meaning of a cell's colour; the theme of the terminal decides how it looks.
enum ColorRole: UInt8, CaseIterable, Sendable {
    case plain, good, bad, wait, busy, blocked, dim, accent
    /// Hues that distinguish stages in the log; they also differ in lightness.
    case hue1, hue2, hue3, hue4, hue5, hue6
}

/// The colour and attributes of a cell.
struct Style: Hashable, Sendable {
    /// Emphasis without colour.
    struct Attributes: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        static let bold = Attributes(rawValue: 1)
        static let dim = Attributes(rawValue: 2)
        static let reverse = Attributes(rawValue: 4)
        static let underline = Attributes(rawValue: 8)
    }

    var role: ColorRole
    var attributes: Attributes

    init(_ role: ColorRole = .plain, _ attributes: Attributes = []) {
        self.role = role
        self.attributes = attributes
    }

    static let plain = Style()
    static let dim = Style(.dim, .dim)
    static let bold = Style(.plain, .bold)
    static let good = Style(.good)
    static let bad = Style(.bad, .bold)
    static let wait = Style(.wait)
    static let busy = Style(.busy)
    static let blocked = Style(.blocked)
    static let accent = Style(.accent)

    /// The style with additional attributes.
    func with(_ more: Attributes) -> Style { Style(role, attributes.union(more)) }
}

/// One character cell of the screen.
struct Cell: Hashable, Sendable {
    /// A Unicode scalar; 0 for the second half of a wide one; values above 0x110000 index the buffer's clusters.
    var content: UInt32
    var style: Style

    static let blank = Cell(content: 0x20, style: .plain)
    /// The right half of a character that is two cells wide.
    static let continuation: UInt32 = 0
    static let firstCluster: UInt32 = 0x11_0000
}

/// A screen in memory.
///
/// A frame is drawn into a buffer, and compared with the buffer of the last frame to find what changed.
struct CellBuffer: Sendable {
    let width: Int
    let height: Int
    private(set) var cells: [Cell]
    /// Characters of several scalars, such as letters with combining marks.
    private(set) var clusters: [String] = []

    init(width: Int, height: Int) {
        self.width = max(0, width)
        self.height = max(0, height)
        cells = [Cell](repeating: .blank, count: self.width * self.height)
    }

    subscript(row row: Int, column column: Int) -> Cell {
        get { cells[row * width + column] }
        set { cells[row * width + column] = newValue }
    }

    /// Whether the buffer has a cell at a position.
    func contains(row: Int, column: Int) -> Bool { (0..<height).contains(row) && (0..<width).contains(column) }

    /// Whether nothing is drawn in some cells, all of which the buffer has.
    func isBlank(row: Int, columns: Range<Int>) -> Bool {
        columns.allSatisfy { contains(row: row, column: $0) && self[row: row, column: $0] == .blank }
    }

    /// Writes text on one row; cuts it with an ellipsis if it does not fit into `limit` columns.
    ///
    /// Control characters and escape sequences in the text never reach a cell; see ``PlainText``. Nothing is written
    /// outside the buffer, and a wide character is never cut in half.
    /// - Returns: The column after the text.
    @discardableResult
    mutating func write(_ text: String, row: Int, column: Int, limit: Int? = nil, style: Style = .plain) -> Int {
        guard (0..<height).contains(row) else { return column }
        let end = min(width, limit.map { column + max(0, $0) } ?? width)
        guard column < end else { return column }
        let text = PlainText.sanitized(text)
        let fits = limit == nil || column + TextWidth.of(text) <= end
        var place = column
        // A character of several scalars with a width takes a cell for each of them.
        for piece in Self.pieces(of: text) {
            let wide = TextWidth.of(piece[piece.startIndex])
            if !fits, place + wide > end - 1 {
                if place < end, place >= 0 { set("…", row: row, column: place, style: style) }
                return min(end, place + 1)
            }
            if place + wide > end { break }
            if place >= 0 { put(piece, wide: wide, row, place, style) }
            place += wide
        }
        return place
    }

    /// The parts of a text that take one or two cells: a scalar that has a width, with the marks behind it.
    private static func pieces(of text: String) -> [String.UnicodeScalarView.SubSequence] {
        let scalars = text.unicodeScalars
        var pieces: [String.UnicodeScalarView.SubSequence] = []
        pieces.reserveCapacity(scalars.count)
        var start: String.Index?
        for index in scalars.indices where TextWidth.of(scalars[index]) > 0 {
            if let start { pieces.append(scalars[start..<index]) }
            start = index
        }
        if let start { pieces.append(scalars[start...]) }
        return pieces
    }

    private mutating func put(
        _ scalars: String.UnicodeScalarView.SubSequence, wide: Int, _ row: Int, _ column: Int, _ style: Style
    ) {
        var content = scalars.first?.value ?? 0x20
        if scalars.count > 1 {
            // A terminal cell holds one character and a few combining marks.
            let text = String(String.UnicodeScalarView(scalars.prefix(5)))
            content = Cell.firstCluster + UInt32(clusters.count)
            clusters.append(text)
        }
        clearHalf(row, column)
        if wide == 2 { clearHalf(row, column + 1) }
        self[row: row, column: column] = Cell(content: content, style: style)
        if wide == 2, column + 1 < width {
            self[row: row, column: column + 1] = Cell(content: Cell.continuation, style: style)
        }
    }

    /// If an overwritten cell is half of a wide character, blanks the other half.
    private mutating func clearHalf(_ row: Int, _ column: Int) {
        guard column < width else { return }
        if self[row: row, column: column].content == Cell.continuation, column > 0 {
            self[row: row, column: column - 1].content = 0x20
        }
        if column + 1 < width, self[row: row, column: column + 1].content == Cell.continuation {
            self[row: row, column: column + 1].content = 0x20
        }
    }

    /// Writes one character that is one cell wide.
    mutating func set(_ scalar: Unicode.Scalar, row: Int, column: Int, style: Style) {
        guard contains(row: row, column: column) else { return }
        clearHalf(row, column)
        self[row: row, column: column] = Cell(content: scalar.value, style: style)
    }

    /// Fills a row with one character, from a column on.
    mutating func fill(_ scalar: Unicode.Scalar, row: Int, columns: Range<Int>, style: Style = .plain) {
        guard (0..<height).contains(row) else { return }
        for column in columns.clamped(to: 0..<width) { set(scalar, row: row, column: column, style: style) }
    }

    /// Changes the style of cells, and keeps their characters.
    mutating func restyle(row: Int, columns: Range<Int>, _ change: (inout Style) -> Void) {
        guard (0..<height).contains(row) else { return }
        for column in columns.clamped(to: 0..<width) { change(&self[row: row, column: column].style) }
    }

    /// The text of a cell.
    func text(of cell: Cell) -> String {
        if cell.content == Cell.continuation { return "" }
        if cell.content >= Cell.firstCluster {
            let index = Int(cell.content - Cell.firstCluster)
            return clusters.indices.contains(index) ? clusters[index] : " "
        }
        return Unicode.Scalar(cell.content).map { String($0) } ?? " "
    }

    /// One row as text, without trailing blanks.
    func text(row: Int) -> String {
        var text = ""
        for column in 0..<width { text += self.text(of: self[row: row, column: column]) }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// The whole screen as text, one line per row.
    var text: String { (0..<height).map { text(row: $0) }.joined(separator: "\n") }

    /// The whole screen with a row of style marks below each row that has any, for tests.
    var styledText: String {
        (0..<height).map { row in
            let marks = (0..<width).map { Self.mark(self[row: row, column: $0].style) }.joined()
            let trimmed = String(marks.reversed().drop { $0 == " " }.reversed())
            return text(row: row) + (trimmed.isEmpty ? "" : "\n" + trimmed)
        }.joined(separator: "\n")
    }

    private static func mark(_ style: Style) -> String {
        if style.attributes.contains(.reverse) { return "#" }
        switch style.role {
        case .plain: return style.attributes.contains(.bold) ? "B" : style.attributes.contains(.dim) ? "d" : " "
        case .good: return "g"
        case .bad: return "r"
        case .wait: return "y"
        case .busy: return "c"
        case .blocked: return "m"
        case .dim: return "d"
        case .accent: return "a"
        case .hue1, .hue2, .hue3, .hue4, .hue5, .hue6: return "h"
        }
    }
}
