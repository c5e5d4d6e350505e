import CaudalModel

/// What the numbers of a style's cells stand for, which its number format tells: each by the section that is meant for it.
struct CellFormat: Sendable {
    enum Kind: Sendable {
        case number
        case date
        case dateTime
        /// A time of day.
        case time
        /// Hours, minutes or seconds that passed, of which there may be more than a day has.
        case duration
    }

    /// A part of a format, such as `[<1]h:mm`.
    private struct Section {
        var kind = Kind.number
        /// The numbers that it is for, where it says so.
        var condition: (@Sendable (Double) -> Bool)?
        var isForTexts = false
    }

    private let sections: [Section]

    static let number = CellFormat(.number)
    static let date = CellFormat(.date)

    private init(_ kind: Kind) { sections = [Section(kind: kind)] }

    /// The format that a code such as `dd/mm/yyyy` tells.
    init(code: String) {
        var rest = code[...]
        var sections: [Section] = []
        repeat { sections.append(Self.section(&rest)) } while rest.popFirst() == ";"
        if sections.count > 1, sections.last?.isForTexts == true { sections.removeLast() }
        self.sections = Array(sections.prefix(3))
    }

    /// The format of one of the numbers that files do not spell out.
    init(number: Int) {
        switch number {
        case 14...17, 27...31, 36, 50...54, 57, 58: self.init(.date)
        case 22: self.init(.dateTime)
        case 18...21, 32...35, 45, 47, 55, 56: self.init(.time)
        case 46: self.init(.duration)
        default: self.init(.number)
        }
    }

    /// What a number stands for.
    func kind(of number: Double) -> Kind {
        if sections.count == 1 { return sections[0].kind }
        // Without conditions of their own, sections are for positive numbers, for negative ones and for zero.
        let isMany = sections.count > 2
        let usual: [(Double) -> Bool] = [{ isMany ? $0 > 0 : $0 >= 0 }, { !isMany || $0 < 0 }]
        for (section, isMeant) in zip(sections, usual) where section.condition?(number) ?? isMeant(number) {
            return section.kind
        }
        return sections.last?.kind ?? .number
    }

    // MARK: - Codes

    /// Reads a section up to the semicolon behind it.
    private static func section(_ rest: inout Substring) -> Section {
        var section = Section()
        var letters = ""
        var passed = false
        while let sign = rest.first, sign != ";" {
            rest.removeFirst()
            switch sign {
            case "\"": rest = rest.drop { $0 != "\"" }.dropFirst()
            case "\\", "_", "*": rest = rest.dropFirst()
            case "[":
                let inside = rest.prefix { $0 != "]" }.lowercased()
                rest = rest.drop { $0 != "]" }.dropFirst()
                if let first = inside.first, "hms".contains(first), inside.allSatisfy({ $0 == first }) { passed = true }
                if let condition = condition(inside) { section.condition = condition }
            default: letters.append(contentsOf: sign.lowercased())
            }
        }
        section.isForTexts = letters.contains("@")
        section.kind = passed ? .duration : kind(letters)
        return section
    }

    private static func kind(_ letters: String) -> Kind {
        // Digits are those of a number, unless they are parts of a second.
        let digits = letters.replacing(#/s\.0+/#, with: "s")
        if letters.contains("general") || digits.contains(where: { "0#?@".contains($0) }) { return .number }
        let hasTime = letters.contains { "hs".contains($0) }
        // Years are `y`, and `e` in the Far East; `aaa` is a day of the week.
        let hasDate =
            letters.contains { "yde".contains($0) } || letters.contains("aaa") || !hasTime && letters.contains("m")
        return hasDate ? hasTime ? .dateTime : .date : hasTime ? .time : .number
    }

    /// The condition that `<=10` states; nil for what is none, such as a colour.
    private static func condition(_ text: String) -> (@Sendable (Double) -> Bool)? {
        guard let parts = text.wholeMatch(of: #/\s*(<=|>=|<>|<|>|=)\s*([-+.0-9e]+)\s*/#),
            let limit = Double(parts.output.2)
        else { return nil }
        return switch parts.output.1 {
        case "<=": { $0 <= limit }
        case ">=": { $0 >= limit }
        case "<>": { $0 != limit }
        case "<": { $0 < limit }
        case ">": { $0 > limit }
        default: { $0 == limit }
        }
    }

    // MARK: - Texts

    /// The text of a number, as CSV has it; nil for one that Excel shows no such time for.
    ///
    /// - Parameter is1904: Whether days are counted from 1904 on, as old Macs do.
    func text(of number: Double, is1904: Bool) -> String? {
        guard number.isFinite else { return nil }
        let kind = kind(of: number)
        if kind == .number {
            // As digits, however many: most whole numbers of this size are numbers of something.
            return number == number.rounded() && abs(number) < 1e18 ? String(Int64(number)) : number.plain
        }
        // Excel keeps times to the millisecond. The last day is 9999-12-31.
        guard abs(number) < 2_958_466 else { return nil }
        let milliseconds = Int64((number * 86_400_000).rounded())
        if kind == .duration { return Self.passed(milliseconds) }
        guard number >= 0 else { return nil }
        let (day, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
        if kind == .time, day == 0 { return Self.clock(rest) }
        guard let date = Self.date(day, is1904: is1904) else { return nil }
        return kind == .date && rest == 0 ? date : "\(date)T\(Self.clock(rest))"
    }

    /// The text of a time that the file spells out by ISO 8601; nil for what is none.
    func text(ofISO text: String) -> String? {
        if let parts = text.wholeMatch(
            of: #/(-?)P(?:(\d{1,7})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?/#)
        {
            let (days, hours) = (Int64(parts.output.2 ?? "0") ?? 0, Int64(parts.output.3 ?? "0") ?? 0)
            let (minutes, seconds) = (Int64(parts.output.4 ?? "0") ?? 0, Int64(parts.output.5 ?? "0") ?? 0)
            let part = Int64((String(parts.output.6 ?? "0") + "000").prefix(3)) ?? 0
            let milliseconds = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + part
            return Self.passed(parts.output.1.isEmpty ? milliseconds : -milliseconds)
        }
        let time = #/T?([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?/#
        let (date, rest) = (text.prefix(10), text.dropFirst(10))
        let isDate = date.wholeMatch(of: #/\d{4}-\d\d-\d\d/#) != nil
        guard let parts = (isDate ? rest : text[...]).wholeMatch(of: time) else {
            guard isDate, rest.isEmpty, Self.isDay(date) else { return nil }
            return kind(of: 1) == .dateTime ? "\(date)T00:00:00" : String(date)
        }
        var clock = "\(parts.output.1):\(parts.output.2):\(parts.output.3 ?? "00")"
        var part = parts.output.4 ?? ""
        while part.last == "0" { part.removeLast() }
        if !part.isEmpty { clock += "." + part }
        if !isDate { return clock }
        guard rest.first == "T", Self.isDay(date) else { return nil }
        let zone = parts.output.5 ?? ""
        // Days of a time of day, of which the first one has the number 0.
        if kind(of: 1) == .time, ["1899-12-30", "1899-12-31"].contains(date) { return clock }
        return kind(of: 1) != .dateTime && clock == "00:00:00" && zone.isEmpty
            ? String(date) : "\(date)T\(clock)\(zone)"
    }

    private static func passed(_ milliseconds: Int64) -> String {
        (milliseconds < 0 ? "-" : "") + clock(abs(milliseconds))
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

    /// Whether the calendar has a day such as `2026-01-05`.
    private static func isDay(_ text: Substring) -> Bool {
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]) else { return false }
        let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return parts[0] > 0 && (1...lengths[parts[1] - 1]).contains(parts[2])
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
