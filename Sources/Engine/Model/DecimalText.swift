/// Numbers that are written in a pipeline file with their places.
extension Literal {
    /// A number as it is written, with the type that holds it exactly; nil for what is no number.
    ///
    /// With an exponent, with more places than 64-bit whole numbers leave room for beside them, or with more digits than the
    /// engine computes with it is floating point.
    package init?(number text: String) {
        if let integer = Int64(text) {
            self = .integer(integer)
        } else if Self.places(ofDecimal: text) != nil {
            self = .decimal(text)
        } else if let number = Double(text), number.isFinite {
            self = .number(number)
        } else {
            return nil
        }
    }

    /// The number with its sign changed; what is no number stays as it is.
    var negated: Literal {
        switch self {
        case .integer(let number): .integer(-number)
        case .number(let number): .number(-number)
        // The smallest integer is one only with its sign.
        case .decimal(let text): Literal(number: text.hasPrefix("-") ? String(text.dropFirst()) : "-" + text) ?? self
        case .null, .boolean, .text, .date, .timestamp: self
        }
    }

    /// How many digits a decimal has and how many of them stand behind the point; nil where a text is none.
    static func places(ofDecimal text: String) -> (digits: Int, scale: Int)? {
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else {
            return nil
        }
        let (scale, whole) = (parts.count == 2 ? parts[1].count : 0, parts[0].drop { $0 == "0" }.count)
        return scale <= 18 && whole + scale <= 38 ? (max(whole + scale, 1), scale) : nil
    }

    /// The type of a column that it makes: a number, which holds up to 15 digits as they are written.
    static func type(ofDecimal text: String) -> ColumnType {
        guard let places = places(ofDecimal: text), places.digits > 15 else { return .number }
        return .decimal(precision: places.digits, scale: places.scale)
    }
}
