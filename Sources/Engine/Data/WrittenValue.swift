import Foundation

/// A value that a pipeline file writes as text, to be compared with a column as the column's type.
struct WrittenValue {
    /// SQL for the value.
    let sql: String
    /// A canonical form, the same for all ways to write one value of the type.
    let canonical: String

    /// Nil for a text that is no value of the type.
    init?(_ text: String, as type: ColumnType, _ dialect: any SQLDialect) {
        switch type {
        case .text: (sql, canonical) = (dialect.text(text), text)
        case .integer:
            guard let digits = Self.digits(text), digits.places == 0, let number = Int64(digits.text) else {
                return nil
            }
            (sql, canonical) = (dialect.literal(.integer(number)), digits.text)
        case .number:
            guard let number = Double(text.trimmed), !text.contains("x") else { return nil }
            canonical = number == 0 ? "0.0" : number.description
            sql = dialect.cast(dialect.text(canonical), to: .number)
        case .decimal(let precision, let scale):
            guard let digits = Self.digits(text), digits.places <= scale,
                digits.text.count(where: \.isNumber) - digits.places <= precision - scale || digits.text == "0"
            else { return nil }
            (sql, canonical) = (dialect.cast(dialect.text(digits.text), to: type), digits.text)
        case .boolean:
            guard ["true", "false"].contains(text) else { return nil }
            (sql, canonical) = (dialect.literal(.boolean(text == "true")), text)
        case .date:
            guard text.count == 10, UTC.milliseconds(ofDate: text) != nil else { return nil }
            (sql, canonical) = (dialect.literal(.date(text)), text)
        case .timestamp, .localTimestamp:
            guard UTC.milliseconds(ofDate: String(text.prefix(10))) != nil else { return nil }
            (sql, canonical) = (MomentSQL.literal(text, dialect), text)
        case .other: (sql, canonical) = (dialect.cast(dialect.text(text), to: type), text)
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
