import CaudalModel

/// Numbers that stand in texts, by their digits: floating point has 53 bits, and rounds fractions of large numbers away.
extension SQLDialect {
    /// SQL that is true for a text that has only so many decimal places, of those that the engine reads as numbers.
    ///
    /// - Parameters:
    ///   - text: SQL for the text; `1.50e1` has no decimal places, `1e-400` has 400.
    ///   - scale: The number of places that there may be.
    func hasPlaces(_ text: String, atMost scale: Int) -> String {
        func part(_ pattern: String) -> String { group(of: pattern, in: text) }
        let exponent = part("[eE]([+-]?[0-9]+)")
        // What the point would have to be moved to the right, less what it can be moved to the left.
        let places =
            "length(\(part("^[^eE]*[.]([0-9]*[1-9])"))) - length(\(part("^[^eE.]*[1-9](0*)([.]0*)?([^.0-9]|$)")))"
        let shift = "CASE WHEN \(exponent) = '' THEN 0 ELSE \(tryCast(exponent, to: .integer)) END"
        // Most texts have neither a point nor an exponent.
        return "(NOT (contains(\(text), '.') OR contains(\(text), 'e') OR contains(\(text), 'E')) "
            + "OR \(part("^[^eE]*([1-9])")) = '' OR \(places) <= \(shift) + \(scale))"
    }

    /// SQL that is true for a text that may be a number: `1_000` is one for engines alone.
    func hasNoUnderscore(_ text: String) -> String { "NOT contains(\(text), '_')" }
}
