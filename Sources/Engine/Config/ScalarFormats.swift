/// Parses the small formats of pipeline files: durations, sizes, percentages.
package enum ScalarFormats {
    /// `500ms`, `30s`, `10m`, `1h30m`, `2d`; nil for anything else, including a number without a unit.
    package static func duration(_ text: String) -> Duration? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        var rest = Substring(text.filter { $0 != " " })
        var seconds = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(digits.count).prefix { $0.isLetter }
            guard let number = Double(digits), let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
            seconds += number * factor
            rest = rest.dropFirst(digits.count + unit.count)
        }
        return seconds < 1e10 ? .milliseconds(Int64((seconds * 1000).rounded())) : nil
    }

    /// `512MB`, `1.5GB` (powers of 1000), `2GiB` (powers of 1024); nil for anything else.
    package static func size(_ text: String) -> Int64? {
        let units: [(String, Double)] = [
            ("B", 1), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
            ("KIB", 1024), ("MIB", 1_048_576), ("GIB", 1_073_741_824), ("TIB", 1_099_511_627_776),
        ]
        let compact = text.filter { $0 != " " }
        let digits = compact.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = compact.dropFirst(digits.count).uppercased()
        guard let number = Double(digits), let factor = units.first(where: { $0.0 == unit })?.1,
            number * factor < 1e18
        else { return nil }
        return Int64(number * factor)
    }

    /// `5%` as 0.05; nil for anything else.
    ///
    /// It is the floating point that is nearest to the fraction, as 7 of 1,000 is to `0.7%`; 0.7 divided by 100 is another.
    package static func percentage(_ text: String) -> Double? {
        guard text.hasSuffix("%"), let number = Double(text.dropLast()), number.isFinite else { return nil }
        return Double("\(text.dropLast())e-2") ?? number / 100
    }
}
