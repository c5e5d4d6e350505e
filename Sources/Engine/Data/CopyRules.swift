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
