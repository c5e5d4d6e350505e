/// Lines on a grid of cells: each cell records the sides by which lines leave it, and their weights.
///
/// The glyph of a cell follows from these, so that junctions are always right: three sides mean that lines are joined,
/// four sides always mean that they cross.
struct LineGrid: Sendable {
    /// The weight of a line.
    enum Weight: UInt8, Comparable, Sendable {
        case none, light, heavy
        static func < (left: Weight, right: Weight) -> Bool { left.rawValue < right.rawValue }
    }

    /// A side of a cell.
    enum Side: Int, Sendable { case north, east, south, west }

    /// A cell with lines through it.
    struct Crossing: Hashable, Sendable {
        var sides: [UInt8] = [0, 0, 0, 0]
        /// The highest priority of the lines through it, which decides their style.
        var priority: UInt8 = 0
    }

    let width: Int
    let height: Int
    private var cells: [Int: Crossing] = [:]

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The cells with lines, by place.
    var crossings: [(row: Int, column: Int, crossing: Crossing)] {
        cells.map { ($0.key / width, $0.key % width, $0.value) }
    }

    private mutating func add(_ side: Side, row: Int, column: Int, _ weight: Weight, _ priority: UInt8) {
        guard (0..<height).contains(row), (0..<width).contains(column) else { return }
        let key = row * width + column
        var crossing = cells[key] ?? Crossing()
        crossing.sides[side.rawValue] = max(crossing.sides[side.rawValue], weight.rawValue)
        crossing.priority = max(crossing.priority, priority)
        cells[key] = crossing
    }

    /// Draws a part of an edge.
    mutating func add(_ stroke: GraphPicture.Stroke, weight: Weight, priority: UInt8) {
        switch stroke {
        case .horizontal(let row, let from, let to):
            horizontal(row: row, from: from, to: to, weight: weight, priority: priority)
        case .vertical(let column, let from, let to):
            vertical(column: column, from: from, to: to, weight: weight, priority: priority)
        }
    }

    /// Draws a line along a row, from the middle of one cell to the middle of another.
    mutating func horizontal(row: Int, from: Int, to: Int, weight: Weight, priority: UInt8) {
        guard from != to else { return }
        let (left, right) = (min(from, to), max(from, to))
        for column in left..<right {
            add(.east, row: row, column: column, weight, priority)
            add(.west, row: row, column: column + 1, weight, priority)
        }
    }

    /// Draws a line along a column.
    mutating func vertical(column: Int, from: Int, to: Int, weight: Weight, priority: UInt8) {
        guard from != to else { return }
        let (top, bottom) = (min(from, to), max(from, to))
        for row in top..<bottom {
            add(.south, row: row, column: column, weight, priority)
            add(.north, row: row + 1, column: column, weight, priority)
        }
    }

    /// All combinations of north, east, south and west, each none, light or heavy, in that order of significance.
    private static let glyphs = Array(
        " ╴╸╷┐┑╻┒┓╶─╾┌┬┭┎┰┱╺╼━┍┮┯┏┲┳╵┘┙│┤┥╽┧┪└┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋".unicodeScalars)

    /// The character for a crossing; light bends are round.
    static func glyph(_ crossing: Crossing) -> Unicode.Scalar {
        switch crossing.sides {
        case [0, 1, 1, 0]: return "╭"
        case [0, 0, 1, 1]: return "╮"
        case [1, 0, 0, 1]: return "╯"
        case [1, 1, 0, 0]: return "╰"
        // The end of a line fills its cell.
        case [0, 1, 0, 0], [0, 0, 0, 1]: return "─"
        case [0, 2, 0, 0], [0, 0, 0, 2]: return "━"
        case [1, 0, 0, 0], [0, 0, 1, 0]: return "│"
        default: break
        }
        let index = crossing.sides.reduce(0) { $0 * 3 + Int($1) }
        return glyphs[index]
    }
}
