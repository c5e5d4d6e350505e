/// The five fields of a crontab line: minute, hour, day of the month, month, day of the week.
///
/// Read as cron reads them: `*`, numbers, names of months and days, lists, ranges from low to high, steps of at least 1
/// behind `*` or a range.
package struct CronExpression: Sendable, Hashable {
    /// A fault in the expression, with its place.
    package struct Fault: Error, Sendable, Hashable {
        package var message: String
        package var remedy: String
        /// The character at which the faulty field begins, from 0.
        package var offset: Int
    }

    private struct Field {
        var name: String
        var range: ClosedRange<Int>
        /// Names for values, the first for the lowest.
        var names: [String] = []
    }

    private static let fields = [
        Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23), Field(name: "day", range: 1...31),
        Field(
            name: "month", range: 1...12,
            names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
        Field(name: "weekday", range: 0...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
    ]

    /// The values that each field allows, in order.
    private let values: [Set<Int>]
    private let isAnyWeekday: Bool

    /// Parses the five fields.
    ///
    /// - Throws: ``Fault`` for the first field that cron would not accept, or when there are not five.
    package init(_ text: String) throws(Fault) {
        var words: [(text: Substring, offset: Int)] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            words.append((word, text.distance(from: text.startIndex, to: word.startIndex)))
        }
        guard words.count == Self.fields.count else {
            throw Fault(
                message: "'\(text)' is not a cron expression", remedy: "write five fields, such as \"0 6 * * *\"",
                offset: 0)
        }
        var values: [Set<Int>] = []
        for (field, word) in zip(Self.fields, words) {
            values.append(try Self.values(of: word.text, field, word.offset))
        }
        self.values = values
        isAnyWeekday = words[4].text.hasPrefix("*")
    }

    /// A sentence that says why no day ever matches; nil when some day does.
    package var neverHappens: String? {
        // When both day fields are given, cron accepts a day that matches either.
        guard isAnyWeekday else { return nil }
        let longest = [1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31]
        let fits = values[3].contains { month in values[2].contains { $0 <= longest[month, default: 31] } }
        return fits ? nil : "no month of this 'cron' has such a day: it never happens"
    }

    private static func values(of text: Substring, _ field: Field, _ offset: Int) throws(Fault) -> Set<Int> {
        let upper = field.names.isEmpty ? "" : ", or \(field.names.first ?? "") to \(field.names.last ?? "")"
        let rule = "write \(field.range.lowerBound) to \(field.range.upperBound)\(upper), '*', a list or a range"
        func fault(_ what: String) -> Fault {
            Fault(message: "the \(field.name) of 'cron' \(what)", remedy: rule, offset: offset)
        }
        func number(_ text: Substring) throws(Fault) -> Int {
            if let place = field.names.firstIndex(of: text.uppercased()) { return place + field.range.lowerBound }
            guard !text.isEmpty, text.count < 4, text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text),
                field.range.contains(number)
            else { throw fault(text.isEmpty ? "has an empty part" : "cannot be '\(text)'") }
            return number
        }
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let ends = pieces[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            var range = field.range
            if pieces[0] != "*" {
                let low = try number(ends[0])
                var high = ends.count > 1 ? try number(ends[1]) : low
                // Sunday is the first and the last day of a week.
                if ends.count > 1, high == 0, low > 0, ends[1].uppercased() == "SUN" { high = 7 }
                guard low <= high else { throw fault("has a range from high to low: '\(pieces[0])'") }
                range = low...high
            }
            var step = 1
            if pieces.count > 1 {
                guard pieces[0] == "*" || ends.count > 1 else {
                    throw fault("has a step behind a single value: '\(part)'")
                }
                let digits = pieces[1]
                guard digits.count < 4, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let given = Int(digits),
                    given > 0
                else { throw fault("has a step that is no number from 1 on: '\(part)'") }
                step = given
            }
            values.formUnion(stride(from: range.lowerBound, through: range.upperBound, by: step))
        }
        return values
    }
}
