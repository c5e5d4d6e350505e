package import Foundation

/// Numbers in pipeline files, kept with their digits.
extension Literal {
    /// Parses a number as text, with the type that holds it exactly; nil for text that is no number.
    ///
    /// Numbers with an exponent, with more decimal places than fit beside a 64-bit integer, or with more digits than
    /// the engine computes with become floating point.
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

    /// The number with its sign changed; other literals are unchanged.
    var negated: Literal {
        switch self {
        case .integer(let number): Literal(number: number == .min ? "9223372036854775808" : "\(-number)") ?? self
        case .number(let number): .number(-number)
        // The smallest integer fits only together with its sign.
        case .decimal(let text): Literal(number: text.hasPrefix("-") ? String(text.dropFirst()) : "-" + text) ?? self
        case .null, .boolean, .text, .date, .timestamp: self
        }
    }

    /// How many digits a decimal has before and after the point; nil for text that is no decimal.
    package static func places(ofDecimal text: String) -> (whole: Int, scale: Int)? {
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else {
            return nil
        }
        let (scale, whole) = (parts.count == 2 ? parts[1].count : 0, parts[0].drop { $0 == "0" }.count)
        return scale <= 18 && whole + scale <= 38 ? (whole, scale) : nil
    }

    /// The type of a column of it: floating point, which holds up to 15 digits as they are written.
    package static func type(ofDecimal text: String) -> ColumnType {
        guard let (whole, scale) = places(ofDecimal: text), whole + scale > 15 else { return .number }
        return exactType(ofDecimal: text)
    }

    /// The decimal type that holds it exactly; the engine counts one digit before the point even when there is none.
    package static func exactType(ofDecimal text: String) -> ColumnType {
        places(ofDecimal: text).map { .decimal(precision: max($0.whole, 1) + $0.scale, scale: $0.scale) } ?? .number
    }
}

extension Decimal {
    /// The number that a text has, with all of its digits; nil for what is none, such as `nan`, or too large.
    package init?(digits text: String) {
        guard Double(text)?.magnitude ?? .infinity < 1e38, let number = Decimal(string: text), number.isFinite else {
            return nil
        }
        self = number
    }
}
