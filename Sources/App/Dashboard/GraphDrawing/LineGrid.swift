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
        var sides: SIMD4<UInt8> = .zero
        /// The highest priority of the lines through it, which decides their style.
        var priority: UInt8 = 0
    }

    let rows: Range<Int>
    let columns: Range<Int>
    private var cells: [Crossing]

    /// A grid of some cells; what is drawn outside of them is left out.
    init(rows: Range<Int>, columns: Range<Int>) {
        (self.rows, self.columns) = (rows, columns)
        cells = [Crossing](repeating: Crossing(), count: rows.count * columns.count)
    }

    init(width: Int, height: Int) { self.init(rows: 0..<height, columns: 0..<width) }

    /// The cells with lines, by place.
    var crossings: [(row: Int, column: Int, crossing: Crossing)] {
        cells.enumerated().compactMap { index, crossing in
            crossing.sides == .zero
                ? nil
                : (
                    rows.lowerBound + index / columns.count, columns.lowerBound + index % columns.count,
                    crossing
                )
        }
    }

    private mutating func add(
        _ side: Side, row: Int, column: Int, _ weight: Weight, _ priority: UInt8
    ) {
        guard rows.contains(row), columns.contains(column) else { return }
        let index = (row - rows.lowerBound) * columns.count + column - columns.lowerBound
        cells[index].sides[side.rawValue] = max(cells[index].sides[side.rawValue], weight.rawValue)
        cells[index].priority = max(cells[index].priority, priority)
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

    /// Whether a part of an edge lies on a line that is drawn, and does not only cross it.
    func holdsPart(of stroke: GraphPicture.Stroke) -> Bool {
        func has(_ side: Side, _ row: Int, _ column: Int) -> Bool {
            cells[(row - rows.lowerBound) * columns.count + column - columns.lowerBound].sides[side.rawValue] != 0
        }
        // The sides of each cell, because a neighbour may lie beside the grid.
        func overlaps(_ cells: Range<Int>, _ from: Int, _ to: Int, _ back: Side, _ on: Side, _ has: (Side, Int) -> Bool)
            -> Bool
        {
            let (first, last) = (min(from, to), max(from, to))
            return (first..<(last + 1)).clamped(to: cells).contains { place in
                place > first && has(back, place) || place < last && has(on, place)
            }
        }
        switch stroke {
        case .horizontal(let row, let from, let to):
            return rows.contains(row) && overlaps(columns, from, to, .west, .east) { has($0, row, $1) }
        case .vertical(let column, let from, let to):
            return columns.contains(column) && overlaps(rows, from, to, .north, .south) { has($0, $1, column) }
        }
    }

    /// Draws a line along a row, from the middle of one cell to the middle of another.
    mutating func horizontal(row: Int, from: Int, to: Int, weight: Weight, priority: UInt8) {
        guard from != to else { return }
        // Cells beside the grid are passed over at once.
        let left = max(min(from, to), columns.lowerBound - 1)
        let right = min(max(from, to), columns.upperBound)
        guard rows.contains(row), left < right else { return }
        for column in left..<right {
            add(.east, row: row, column: column, weight, priority)
            add(.west, row: row, column: column + 1, weight, priority)
        }
    }

    /// Draws a line along a column.
    mutating func vertical(column: Int, from: Int, to: Int, weight: Weight, priority: UInt8) {
        guard from != to else { return }
        let top = max(min(from, to), rows.lowerBound - 1)
        let bottom = min(max(from, to), rows.upperBound)
        guard columns.contains(column), top < bottom else { return }
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
        let index = (0..<4).reduce(0) { $0 * 3 + Int(crossing.sides[$1]) }
        return glyphs[index]
    }
}
