package import CaudalModel

/// The column by whose values a stage tells which rows of an input are new: those with a greater one than its output has.
///
/// What the output has is looked up in it, and kept nowhere else: so it is true whatever was killed or put back.
package struct Watermark: Sendable {
    /// How far behind the greatest value rows are still read.
    enum Lookback: Sendable {
        case time(Duration)
        case number(Int64)
    }

    package var column: Located<String>
    var lookback: Located<Lookback>?
    /// What becomes of rows that come later than those that the output has.
    var late: LateRows = .ignore
    /// Whether a query may compute of the new rows alone.
    var isPartial = false
    /// The input whose rows are told apart, where the file says which.
    var input: Located<DatasetName>?

    /// Reads `watermark` and what belongs to it; nil without it.
    ///
    /// - Parameter appends: Whether rows are appended, so that nothing else tells which of them are there.
    static func read(_ reader: inout MappingReader, _ problems: ConfigProblems, appends: Bool) -> Watermark? {
        let column = reader.text("watermark")
        let lookback = reader.text("lookback")
        let input = reader.text("watermark_of")
        let late = reader.choice("late", as: LateRows.self)
        let isPartial = reader.boolean("partial")
        func refuse(_ names: [(name: String, isThere: Bool)], _ words: String) {
            for (name, isThere) in names where isThere {
                problems.report("'\(name)' belongs to \(words)", at: reader.location(of: name))
            }
        }
        guard let column else {
            refuse(
                [
                    ("lookback", lookback != nil), ("watermark_of", input != nil), ("late", late != nil),
                    ("partial", isPartial != nil),
                ], "'watermark'")
            return nil
        }
        if !appends {
            refuse(
                [("late", late != nil)], "'mode: append': with 'mode: merge', 'lookback' says which late rows are read")
        } else if late ?? .fail != .ignore {
            refuse([("partial", isPartial == true)], "'late: ignore': without it, all rows are read")
        }
        var watermark = Watermark(column: column, input: input.map { Located(DatasetName($0.value), at: $0.location) })
        watermark.late = appends ? late ?? .fail : .ignore
        watermark.isPartial = isPartial ?? false
        if let lookback {
            if let number = Int64(lookback.value), number > 0 {
                watermark.lookback = Located(.number(number), at: lookback.location)
            } else if let time = ScalarFormats.duration(lookback.value) {
                watermark.lookback = Located(.time(time), at: lookback.location)
            } else {
                problems.report(
                    "'lookback' must be a duration such as 2d, or a whole number above 0, not '\(lookback.value)'",
                    at: lookback.location)
            }
        }
        return watermark
    }

    /// The input whose rows it tells apart.
    ///
    /// - Throws: ``ConfigError`` where there are several and the file does not say which.
    func input(of inputs: [Located<DatasetName>]) throws(ConfigError) -> DatasetName {
        if let input {
            guard inputs.contains(where: { $0.value == input.value }) else {
                throw ConfigError("the stage does not read '\(input.value)'", at: input.location)
            }
            return input.value
        }
        guard inputs.count == 1, let only = inputs.first else {
            throw ConfigError(
                "of \(inputs.map { "'\($0.value)'" }.formattedAsChoice) it is not known which one '\(column.value)' tells the new "
                    + "rows of", remedy: "add 'watermark_of' with its name", at: column.location)
        }
        return only.value
    }

    /// - Throws: ``ConfigError`` where the column cannot tell what is new.
    func check(_ source: DataSource?, output: [Column]) throws(ConfigError) {
        guard let source else { return }
        guard let read = source.columns.first(where: { $0.name == column.value }) else {
            throw ConfigError(
                "'\(source.dataset)' has no column '\(column.value)'"
                    + Suggestion.phrase(for: column.value, among: source.columnNames), at: column.location)
        }
        guard let made = output.first(where: { $0.name == column.value }) else {
            throw ConfigError(
                "the output has no column '\(column.value)', which tells what is there already",
                remedy: "keep the column", at: column.location)
        }
        guard read.type == made.type else {
            throw ConfigError(
                "'\(column.value)' is \(read.type) in '\(source.dataset)' and \(made.type) in the output, and so they cannot be "
                    + "compared", remedy: "convert it in a stage before this one", at: column.location)
        }
        let hasTime =
            switch read.type {
            case .date, .timestamp, .localTimestamp: true
            case .integer, .number, .decimal, .text: false
            case .boolean, .other:
                throw ConfigError(
                    "'\(column.value)' is \(read.type), which does not grow", remedy: "name a time, a date or a number",
                    at: column.location)
            }
        guard let lookback else { return }
        switch lookback.value {
        case .time where !hasTime:
            throw ConfigError(
                "'\(column.value)' is \(read.type), and a duration goes back in times only",
                remedy: read.type == .text ? "remove it" : "write a number", at: lookback.location)
        case .number where hasTime || read.type == .text:
            throw ConfigError(
                "'\(column.value)' is \(read.type), and a number goes back in numbers only",
                remedy: read.type == .text ? "remove it" : "write a duration, such as 2d", at: lookback.location)
        case .time, .number: break
        }
    }
}
