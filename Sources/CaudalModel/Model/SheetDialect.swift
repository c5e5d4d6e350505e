/// Which cells of an Excel file are the rows of a dataset.
package struct SheetDialect: Sendable, Hashable {
    /// The sheet's name; nil where the file has one sheet.
    package var sheet: String?
    /// Where the file names it.
    package var sheetLocation: SourceLocation?
    /// The cells; nil begins in A1.
    package var range: CellRange?
    /// Whether the first row holds the column names.
    package var hasHeader = true
    /// The column names when there is no header, or instead of those in the header.
    package var columns: [String] = []
    /// Texts and errors that stand for no value.
    package var nullTexts: [String] = []

    package init() {}
}

/// A rectangle of cells, whose right and lower edges may be open.
package struct CellRange: Sendable, Hashable {
    /// Columns from 0, rows from 1.
    package var firstColumn = 0
    package var firstRow = 1
    package var lastColumn: Int?
    package var lastRow: Int?

    package init() {}

    /// Parses `B3`, `B3:F`, `B3:F200` or `B:F`; nil for anything else.
    package init?(_ text: String) {
        let corners = text.split(separator: ":", omittingEmptySubsequences: false).map { Self.corner(String($0)) }
        guard (1...2).contains(corners.count), let first = corners[0], corners.allSatisfy({ $0 != nil }) else {
            return nil
        }
        (firstColumn, firstRow) = (first.column, first.row ?? 1)
        if corners.count == 1, first.row == nil { return nil }
        guard corners.count == 2, let last = corners[1] else { return }
        (lastColumn, lastRow) = (last.column, last.row)
        if last.column < firstColumn || (lastRow ?? firstRow) < firstRow { return nil }
    }

    /// The place of a cell: `F200`, or `F` for a whole column.
    package static func corner(_ text: String) -> (column: Int, row: Int?)? {
        var (column, letters, row, digits) = (0, 0, 0, 0)
        for byte in text.utf8 where byte != UInt8(ascii: "$") {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                guard digits == 0, letters < 3 else { return nil }
                (column, letters) = (column * 26 + Int(byte & 31), letters + 1)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard letters > 0, digits < 7 else { return nil }
                (row, digits) = (row * 10 + Int(byte - UInt8(ascii: "0")), digits + 1)
            default: return nil
            }
        }
        guard letters > 0, column <= 16384, digits == 0 || (1...1_048_576).contains(row) else { return nil }
        return (column - 1, digits == 0 ? nil : row)
    }

    /// The letters of a column, counted from 0.
    package static func letters(_ column: Int) -> String {
        var (text, rest) = ("", column + 1)
        while rest > 0 {
            text = String(Character(Unicode.Scalar(UInt8(65 + (rest - 1) % 26)))) + text
            rest = (rest - 1) / 26
        }
        return text
    }
}
