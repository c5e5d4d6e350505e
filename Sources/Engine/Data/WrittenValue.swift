import CaudalModel
import Foundation

/// A value that a pipeline file writes as text, to be compared with a column as the column's type.
struct WrittenValue {
    /// The same for every way to write one value of the type.
    let canonical: String
    /// What it is a value of, and how it stands in the file.
    private let type: ColumnType
    private let text: String

    /// Nil where the text is no value of the type.
    init?(_ text: String, as type: ColumnType) {
        guard let canonical = Self.canonical(text, as: type) else { return nil }
        (self.canonical, self.type, self.text) = (canonical, type, text)
    }

    private static func canonical(_ text: String, as type: ColumnType) -> String? {
        switch type {
        case .text, .other: return text
        case .integer:
            guard let digits = digits(text), digits.places == 0, Int64(digits.text) != nil else { return nil }
            return digits.text
        case .number:
            guard let number = Double(text.trimmed), !text.contains("x") else { return nil }
            return number == 0 ? "0.0" : number.description
        case .decimal(let precision, let scale):
            guard let digits = digits(text), digits.places <= scale,
                digits.text.count(where: \.isNumber) - digits.places <= precision - scale || digits.text == "0"
            else { return nil }
            return digits.text
        case .boolean: return ["true", "false"].contains(text) ? text : nil
        case .date: return text.count == 10 && UTC.milliseconds(ofDate: text) != nil ? text : nil
        case .timestamp, .localTimestamp: return isTime(text) ? text : nil
        }
    }

    /// Whether a text is a day, or a day with a time, with or without an offset from UTC.
    static func isTime(_ text: String) -> Bool {
        guard UTC.milliseconds(ofDate: String(text.prefix(10))) != nil else { return false }
        if text.count == 10 { return true }
        let offset =
            #/([01][0-9]|2[0-3])(:?[0-5][0-9])?(:[0-5][0-9](\.[0-9]+)?)?\s*([Zz]|[+-][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z][A-Za-z_\/+-]*)?/#
        return ["T", " "].contains(text.dropFirst(10).first) && text.dropFirst(11).wholeMatch(of: offset) != nil
    }

    /// SQL for the value.
    func sql(_ dialect: any SQLDialect) -> String {
        switch type {
        case .text: dialect.text(text)
        case .integer: dialect.literal(.integer(Int64(canonical) ?? 0))
        case .number, .decimal: dialect.cast(dialect.text(canonical), to: type)
        case .boolean: dialect.literal(.boolean(text == "true"))
        case .date: dialect.literal(.date(text))
        case .timestamp, .localTimestamp: dialect.literal(moment: text)
        case .other: dialect.cast(dialect.text(text), to: type)
        }
    }

    /// A number in its shortest form without an exponent, and its number of decimal places; nil for text that is no
    /// number.
    private static func digits(_ text: String) -> (text: String, places: Int)? {
        let form = #/([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?/#
        guard let match = text.trimmed.wholeMatch(of: form) else { return nil }
        var (whole, fraction) = (String(match.2), match.3.map(String.init) ?? "")
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        var exponent = match.4.flatMap { Int($0) } ?? 0
        while exponent > 0 {
            whole.append(fraction.isEmpty ? "0" : fraction.removeFirst())
            exponent -= 1
        }
        while exponent < 0 {
            fraction.insert(whole.popLast() ?? "0", at: fraction.startIndex)
            exponent += 1
        }
        while fraction.last == "0" { fraction.removeLast() }
        whole = String(whole.drop { $0 == "0" })
        if whole.isEmpty { whole = "0" }
        let number = whole + (fraction.isEmpty ? "" : "." + fraction)
        return ((match.1 == "-" && number != "0" ? "-" : "") + number, fraction.count)
    }
}
