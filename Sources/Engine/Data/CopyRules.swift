import CaudalModel

/// How a file of others is copied before it is read.
enum CopyRules: Sendable, Hashable {
    case text(PlainCSV.Rules)
    case sheet(SheetRules)
}

/// Which cells of an Excel file the copy has, and in which order.
struct SheetRules: Sendable, Hashable {
    var sheet: String
    /// The cells behind the header.
    var range: CellRange
    /// How many columns a row has.
    var width: Int
    /// For each column of the copy, the position of its value in the sheet's rows; nil for one that this file lacks.
    var places: [Int?]
    /// Texts and errors that stand for no value.
    var nullTexts: Set<String>
}

extension DataSource {
    /// Names copies in place of the files that are copied before they are read, for SQL that is printed.
    ///
    /// - Returns: What is to be said of each, as comments.
    mutating func nameCopies() -> [String] {
        if copies.isEmpty { return [] }
        let folder = "copies/\(PathComponent.of(dataset.rawValue))"
        let delimiter = csv.delimiter ?? ","
        let remedy =
            "-- To run it by hand, write the same rows there by a process stage without steps: {type: process, input: \(dataset), …}"
            + (delimiter == "," ? "" : ", with the delimiter '\(delimiter)'") + ".\n"
        var words: [String] = []
        var sheets: [String] = []
        for (index, rules) in copies.sorted(by: { $0.key < $1.key }) {
            // A comment is one line, whatever the names are.
            let file = files[index].replacing(scalar: "\n", with: " ")
            switch rules {
            case .sheet(let rules):
                let sheet = rules.sheet.replacing(scalar: "\n", with: " ")
                sheets.append("\(rules.cells) of sheet '\(sheet)' of \(file)")
            case .text:
                let copy = "\(folder)/\(index)/\(PathText.lastComponent(of: file))"
                words.append(
                    "-- \(copy) is a copy of \(file), which caudal makes first: plain CSV of one line per row.\n"
                )
                files[index] = copy
            }
        }
        if !sheets.isEmpty {
            files = ["\(folder).csv"]
            words.append(
                "-- \(folder).csv is a copy of cells \(sheets.joined(separator: ", and cells ")),\n"
                    + "-- which caudal reads itself and writes as CSV before the script runs.\n")
        }
        if csv.isRecoded { csv.encoding = "utf-8" }
        copies = [:]
        return words + [remedy]
    }
}

extension SheetRules {
    /// The rectangle of cells, as Excel writes it.
    fileprivate var cells: String {
        let last = CellRange.letters(range.firstColumn + width - 1) + (range.lastRow.map { String($0) } ?? "")
        return "\(CellRange.letters(range.firstColumn))\(range.firstRow):\(last)"
    }
}
