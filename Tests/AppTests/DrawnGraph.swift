@testable import App

/// A graph as somebody reads it from the screen, who knows only the characters.
///
/// It is read against the arrows: from each arrowhead to the left, up and down, but never to the right. At a joint every
/// way is open; a crossing is passed straight. Whoever can be reached from an arrowhead is taken for what its node needs.
struct DrawnGraph {
    struct Node: Hashable {
        let row: Int
        let column: Int
        let label: String
    }

    /// An edge, by the numbers of its nodes.
    struct Edge: Hashable {
        let from: Int
        let to: Int
    }

    /// The nodes, by row and then by column.
    private(set) var nodes: [Node] = []
    private(set) var edges: Set<Edge> = []
    /// Where lines end in nothing.
    private(set) var looseEnds: [String] = []
    private(set) var crossings = 0

    private enum Way: CaseIterable {
        case north, east, south, west

        var step: (row: Int, column: Int) {
            switch self {
            case .north: (-1, 0)
            case .east: (0, 1)
            case .south: (1, 0)
            case .west: (0, -1)
            }
        }

        var opposite: Way {
            switch self {
            case .north: .south
            case .east: .west
            case .south: .north
            case .west: .east
            }
        }
    }

    private struct Place: Hashable {
        var row: Int
        var column: Int

        func next(_ way: Way) -> Place { Place(row: row + way.step.row, column: column + way.step.column) }
    }

    /// Lines by the sides that they leave a cell on, with light and heavy parts.
    private static let lines: [Character: [Way]] = {
        let kinds: [(String, [Way])] = [
            ("─━╼╾", [.east, .west]), ("│┃╽╿", [.north, .south]), ("╭┌┍┎┏", [.east, .south]),
            ("╮┐┑┒┓", [.south, .west]),
            ("╰└┕┖┗", [.north, .east]), ("╯┘┙┚┛", [.north, .west]), ("├┝┞┟┠┡┢┣", [.north, .east, .south]),
            ("┤┥┦┧┨┩┪┫", [.north, .south, .west]), ("┬┭┮┯┰┱┲┳", [.east, .south, .west]),
            ("┴┵┶┷┸┹┺┻", [.north, .east, .west]), ("┼┽┾┿╀╁╂╃╄╅╆╇╈╉╊╋", [.north, .east, .south, .west]),
        ]
        var lines: [Character: [Way]] = [:]
        for (glyphs, ways) in kinds { for glyph in glyphs { lines[glyph] = ways } }
        return lines
    }()

    private let cells: [[Character]]

    /// Reads the rows of a screen; a node is one of `marks`, a blank and its label.
    init(_ buffer: CellBuffer, rows: Range<Int>, marks: String = "✓●") {
        cells = rows.map { row in
            (0..<buffer.width).map { column in
                // The right half of a wide character is nothing that anybody reads.
                buffer.text(of: buffer[row: row, column: column]).first ?? "\u{0}"
            }
        }
        var sources: [Place: Int] = [:]
        var heads: [(place: Place, node: Int)] = []
        var borders: Set<Place> = []
        for row in cells.indices {
            for column in cells[row].indices where marks.contains(cells[row][column]) {
                guard cell(row, column + 1) == " ", cell(row, column + 2) != " " else { continue }
                var end = column + 2
                // The name of several stages in one place has blanks in it: `a … d (4)`.
                while cell(row, end) != " " || !isEndOfName(cell(row, end + 1)) { end += 1 }
                let label = String(cells[row][(column + 2)..<end])
                let isCard = "│┃".contains(cell(row, column - 2))
                if isCard {
                    while cell(row, end) == " " { end += 1 }
                    borders.formUnion(border(row: row, from: column - 2, to: end))
                }
                sources[Place(row: row, column: end + 1)] = nodes.count
                let head = Place(row: row, column: column - (isCard ? 3 : 1))
                if cell(head) == "▸" { heads.append((head, nodes.count)) }
                nodes.append(Node(row: row, column: column, label: label))
            }
        }
        for head in heads {
            for from in readers(of: head.place, sources) { edges.insert(Edge(from: from, to: head.node)) }
        }
        lookForLooseEnds(sources, except: borders)
    }

    private func cell(_ row: Int, _ column: Int) -> Character {
        cells.indices.contains(row) && cells[row].indices.contains(column) ? cells[row][column] : " "
    }

    private func isEndOfName(_ next: Character) -> Bool { next == " " || Self.lines[next] != nil || next == "▸" }

    private func cell(_ place: Place) -> Character { cell(place.row, place.column) }

    private func border(row: Int, from: Int, to: Int) -> [Place] {
        (from...to).flatMap { [Place(row: row - 1, column: $0), Place(row: row + 2, column: $0)] }
            + [from, to].flatMap { [Place(row: row, column: $0), Place(row: row + 1, column: $0)] }
    }

    /// The nodes that an arrowhead is reached from.
    private func readers(of head: Place, _ sources: [Place: Int]) -> Set<Int> {
        var found: Set<Int> = []
        var seen: [Place: [Way]] = [:]
        var open = [(place: head.next(.west), way: Way.west)]
        while let (place, way) = open.popLast() {
            guard let ways = Self.lines[cell(place)], ways.contains(way.opposite),
                seen[place]?.contains(way) != true
            else { continue }
            seen[place, default: []].append(way)
            if let node = sources[place], ways.contains(.west) { found.insert(node) }
            for next in ways.count == 4 ? [way] : ways where next != way.opposite && next != .east {
                open.append((place.next(next), next))
            }
        }
        return found
    }

    /// Every side of a line must go on, or end at a node or an arrowhead.
    private mutating func lookForLooseEnds(_ sources: [Place: Int], except borders: Set<Place>) {
        for row in cells.indices {
            for column in cells[row].indices {
                let place = Place(row: row, column: column)
                guard let ways = Self.lines[cell(place)], !borders.contains(place) else { continue }
                if ways.count == 4 { crossings += 1 }
                for way in ways {
                    let next = place.next(way)
                    if way == .east, cell(next) == "▸" { continue }
                    if way == .west, sources[place] != nil { continue }
                    if borders.contains(next) || Self.lines[cell(next)]?.contains(way.opposite) != true {
                        looseEnds.append("\(cell(place)) in row \(row), column \(column) has nothing \(way) of it")
                    }
                }
            }
        }
    }
}
