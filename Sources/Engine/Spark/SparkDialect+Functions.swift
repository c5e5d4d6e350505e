package import CaudalModel

/// Functions of expressions.
extension SparkDialect {
    /// The white space that DuckDB's `trim` removes: Unicode's separators, and no tabs.
    private static let separators =
        " \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}"

    package func call(_ function: Expression.Function, _ arguments: [String]) -> String {
        let list = arguments.joined(separator: ", ")
        let first = arguments.first ?? "NULL"
        switch function {
        // Spark's own give the greatest number there is for one that is too large.
        case .ceil:
            return
                "CASE WHEN \(first) > CAST(\(first) AS BIGINT) THEN CAST(\(first) AS BIGINT) + 1 ELSE CAST(\(first) AS BIGINT) END"
        case .floor:
            return
                "CASE WHEN \(first) < CAST(\(first) AS BIGINT) THEN CAST(\(first) AS BIGINT) - 1 ELSE CAST(\(first) AS BIGINT) END"
        case .round: return round(arguments)
        case .sqrt:
            let value = "CAST(\(first) AS DOUBLE)"
            return
                "CASE WHEN \(value) < 0 THEN raise_error('cannot take square root of a negative number') ELSE sqrt(\(value)) END"
        case .concat: return "concat_ws('', \(arguments.map { "CAST(\($0) AS STRING)" }.joined(separator: ", ")))"
        case .length: return "CAST(char_length(\(list)) AS BIGINT)"
        case .lower, .upper:
            // Of other letters, one engine knows several that stand for one, and the other does not.
            return "CASE WHEN \(fits(first, SparkLetters.changedDifferently)) "
                + "THEN \(odd(first, "text with letters whose other case is one letter")) ELSE \(function.rawValue)(\(first)) END"
        case .trim: return "trim(BOTH \(text(Self.separators)) FROM \(first))"
        case .ltrim: return "trim(LEADING \(text(Self.separators)) FROM \(first))"
        case .rtrim: return "trim(TRAILING \(text(Self.separators)) FROM \(first))"
        case .year, .month, .day, .hour: return "CAST(\(function.rawValue)(\(list)) AS BIGINT)"
        case .dateOf: return "CAST(\(list) AS DATE)"
        case .daysBetween:
            return "CAST(datediff(CAST(\(arguments[1]) AS DATE), CAST(\(arguments[0]) AS DATE)) AS BIGINT)"
        case .startsWith: return "startswith(\(list))"
        case .endsWith: return "endswith(\(list))"
        case .sha256: return "sha2(\(first), 256)"
        // The patterns of both have been looked at as they stand in the file.
        case .regexpMatches: return "\(first) RLIKE \(arguments[1])"
        case .abs, .coalesce, .contains, .greatest, .least, .nullif, .regexpReplace, .replace, .splitPart, .substr:
            return "\(function.rawValue)(\(list))"
        }
    }

    /// DuckDB rounds floating point by way of a power of ten, Spark by way of the decimal that stands for it.
    private func round(_ arguments: [String]) -> String {
        let value = arguments[0]
        guard arguments.count > 1 else { return "CAST(round(\(value)) AS DOUBLE)" }
        let digits = arguments[1]
        let power = "CAST(power(10, \(digits)) AS DOUBLE)"
        let rounded = "round(CAST(\(value) AS DOUBLE) * \(power)) / \(power)"
        return "CASE WHEN typeof(\(value)) <> 'double' THEN CAST(round(\(value), \(digits)) AS DOUBLE) "
            + "WHEN \(isFinite(rounded)) THEN \(rounded) ELSE CAST(\(value) AS DOUBLE) END"
    }

    package func patternCall(
        _ function: Expression.Function, _ arguments: [String], pattern: String, replacement: String?
    ) -> String? {
        guard let java = SparkPattern(pattern) else { return beyond("the regular expression \(pattern)") }
        guard let replacement else { return "\(arguments[0]) RLIKE \(text(java.text))" }
        guard let written = SparkPattern.replacement(replacement) else {
            return beyond("the replacement \(replacement)")
        }
        return "regexp_replace(\(arguments[0]), \(text(java.text)), \(text(written)))"
    }
}
