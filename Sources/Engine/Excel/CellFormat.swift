import CaudalModel

/// What a cell's number stands for, which its number format tells.
enum CellFormat: Sendable {
    case number
    case date
    case dateTime
    /// A time of day.
    case time
    /// Hours, minutes or seconds that passed, of which there may be more than a day has.
    case duration

    /// The format that a code such as `dd/mm/yyyy` tells; its first section is that of positive numbers.
    init(code: String) {
        var letters = ""
        var rest = code[...]
        var passed = false
        scan: while let sign = rest.popFirst() {
            switch sign {
            case ";": break scan
            case "\"": rest = rest.drop { $0 != "\"" }.dropFirst()
            case "\\", "_", "*": rest = rest.dropFirst()
            case "[":
                let inside = rest.prefix { $0 != "]" }.lowercased()
                rest = rest.drop { $0 != "]" }.dropFirst()
                if let first = inside.first, "hms".contains(first), inside.allSatisfy({ $0 == first }) { passed = true }
            default: letters.append(contentsOf: sign.lowercased())
            }
        }
        if letters == "general" || letters == "@" {
            self = .number
            return
        }
        let hasTime = letters.contains { "hs".contains($0) }
        let hasDate = letters.contains { "yd".contains($0) } || !hasTime && letters.contains("m")
        self = passed ? .duration : hasDate ? hasTime ? .dateTime : .date : hasTime ? .time : .number
    }

    /// The format of one of the numbers that files do not spell out.
    init(number: Int) {
        self =
            switch number {
            case 14...17, 27...31, 36, 50...54, 57, 58: .date
            case 22: .dateTime
            case 18...21, 32...35, 45, 47, 55, 56: .time
            case 46: .duration
            default: .number
            }
    }

    /// The text of a number, as CSV has it; nil for one that Excel shows no such time for.
    ///
    /// - Parameter is1904: Whether days are counted from 1904 on, as old Macs do.
    func text(of number: Double, is1904: Bool) -> String? {
        guard number.isFinite else { return nil }
        if self == .number {
            // As digits, however many: most whole numbers of this size are numbers of something.
            return number == number.rounded() && abs(number) < 1e18 ? String(Int64(number)) : number.plain
        }
        // Excel keeps times to the millisecond. The last day is 9999-12-31.
        guard number >= 0, number < 2_958_466 else { return nil }
        let milliseconds = Int64((number * 86_400_000).rounded())
        let (day, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
        if self == .duration { return Self.clock(milliseconds) }
        if self == .time, day == 0 { return Self.clock(rest) }
        guard let date = Self.date(day, is1904: is1904) else { return nil }
        return self == .date && rest == 0 ? date : "\(date)T\(Self.clock(rest))"
    }

    private static func clock(_ milliseconds: Int64) -> String {
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000)
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }
        return parts.joined(separator: ":") + (rest == 0 ? "" : ".\(padded(rest, 3))")
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func date(_ serial: Int64, is1904: Bool) -> String? {
        // Day 60 is 29 February 1900, which there was not, and day 0 is 0 January.
        if !is1904, serial == 0 || serial == 60 { return nil }
        // Days since 1 March of the year 0, in which leap days are last.
        let epoch: Int64 = is1904 ? 695_361 : serial < 60 ? 693_900 : 693_899
        let days = serial + epoch
        let century = days / 146_097
        let inCentury = days % 146_097
        let year = (inCentury - inCentury / 1460 + inCentury / 36_524 - inCentury / 146_096) / 365
        let inYear = inCentury - (365 * year + year / 4 - year / 100)
        let month = (5 * inYear + 2) / 153
        let day = inYear - (153 * month + 2) / 5 + 1
        let civil = month < 10 ? month + 3 : month - 9
        return "\(padded(century * 400 + year + (civil <= 2 ? 1 : 0), 4))-\(padded(civil, 2))-\(padded(day, 2))"
    }
}
