/// Reads the text of a ``CronExpression``.
struct CronReader {
    typealias Field = CronExpression.Field
    typealias Part = CronExpression.Part
    typealias Fault = CronExpression.Fault

    let text: String
    let hasSeconds: Bool
    let seed: String

    /// The fields that begin with `*` or `?`.
    private(set) var stars: Set<Field> = []
    /// For each field but the day, a bit for each plain value.
    private(set) var masks: [Field: UInt64] = [:]
    private(set) var days = DayRule()
    private(set) var nth: [WeekdayRule.Nth] = []
    private(set) var last: [Int] = []
    private(set) var parts: [Part] = []

    init(text: String, hasSeconds: Bool, seed: String) {
        self.text = text
        self.hasSeconds = hasSeconds
        self.seed = seed
    }

    /// Reads all of it.
    mutating func read() throws(Fault) -> CronReader {
        if let blank = text.enumerated().first(where: { $0.element.isWhitespace && !$0.element.isASCII }) {
            throw Fault(
                message: "a blank in '\(text)' is not the usual one", remedy: "write the blanks anew",
                offset: blank.offset)
        }
        let words = Self.words(of: text)
        if let first = words.first, first.text.hasPrefix("@") {
            guard words.count == 1 else {
                throw Fault(
                    message: "'\(first.text)' stands for a whole expression", remedy: "remove what stands beside it",
                    offset: words[1].offset)
            }
            let fields = try Self.meaning(of: first)
            masks[.second] = 1
            for (field, word) in zip(Field.allCases.dropFirst(), fields.split(separator: " ")) {
                try read(field, CronWord(text: String(word), offset: first.offset))
            }
            return self
        }
        let fields = hasSeconds ? Field.allCases : Array(Field.allCases.dropFirst())
        guard words.count == fields.count else { throw wrongCount(words) }
        for (field, word) in zip(fields, words) { try read(field, word) }
        return self
    }

    /// The words between blanks; other spaces of Unicode are none to cron.
    private static func words(of text: String) -> [CronWord] {
        var words: [CronWord] = []
        var word = ""
        for (offset, character) in text.enumerated() {
            if character == " " || character == "\t" || character.isNewline && character.isASCII {
                if !word.isEmpty { words.append(CronWord(text: word, offset: offset - word.count)) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(CronWord(text: word, offset: text.count - word.count)) }
        return words
    }

    private func wrongCount(_ words: [CronWord]) -> Fault {
        let message = "'\(text)' is not a cron expression"
        switch (words.count, hasSeconds) {
        case (6, false):
            return Fault(
                message: message + ": it has six fields",
                remedy: "write five, or 'seconds: true' where the first is for seconds", offset: words[5].offset)
        case (5, true):
            return Fault(
                message: message + " with seconds: it has five fields",
                remedy: "write one for seconds before them, such as \"0 \(text)\"", offset: words[0].offset)
        case (7..., _):
            return Fault(
                message: message + ": it has \(words.count) fields",
                remedy: "write \(hasSeconds ? "six" : "five") fields; there is none for years", offset: words[6].offset)
        default:
            return Fault(
                message: message,
                remedy: hasSeconds
                    ? "write six fields, such as \"0 0 6 * * *\"" : "write five fields, such as \"0 6 * * *\"",
                offset: words.first?.offset ?? 0)
        }
    }

    // MARK: - Macros

    private static let macros = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    private static func meaning(of word: CronWord) throws(Fault) -> String {
        let name = word.text.lowercased()
        if let fields = macros[name] { return fields }
        switch name {
        case "@reboot":
            throw Fault(
                message: "'@reboot' is no time: a schedule knows nothing of the machine's start",
                remedy: "have the machine's own service start 'caudal run'", offset: word.offset)
        case "@every":
            throw Fault(
                message: "'@every' is not read", remedy: "write 'every: 15m' instead of 'cron'", offset: word.offset)
        default:
            let names = macros.keys.sorted()
            throw Fault(
                message: "there is no '\(word.text)'",
                remedy: Suggestion.closest(to: name, among: names).map { "did you mean '\($0)'?" }
                    ?? "write \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")", offset: word.offset)
        }
    }

    // MARK: - Fields

    private mutating func read(_ field: Field, _ word: CronWord) throws(Fault) {
        if word.text.hasPrefix("*") || word.text == "?" { stars.insert(field) }
        masks[field] = 0
        var hasPlain = false
        var special: CronWord?
        let words = word.separated(by: ",")
        for part in words {
            if part.text.isEmpty { throw fault(field, "has an empty part", part) }
            let step = try step(of: part, field)
            let isSpecial = try readSpecial(field, step.base, step: step.value)
            if isSpecial {
                special = part
                parts.append(Part(field: field, kind: .special, text: part.text, offset: part.offset))
            } else {
                hasPlain = true
                let kind = try readPlain(field, step.base, step: step.value)
                parts.append(Part(field: field, kind: kind, text: part.text, offset: part.offset))
                take(kind, in: field)
            }
        }
        if let special, field == .weekday, hasPlain {
            throw Fault(
                message: "the weekday of 'cron' mixes '\(special.text)' with days of every week",
                remedy: "make two schedules of it", offset: special.offset)
        }
        if let special, !days.nearest.isEmpty, field == .day, words.count > 1 {
            throw Fault(
                message: "the day of 'cron' has 'W' in a list", remedy: "make two schedules of it",
                offset: special.offset)
        }
    }

    /// What stands before `/`, and the number behind it.
    private func step(of part: CronWord, _ field: Field) throws(Fault) -> (base: CronWord, value: Int?) {
        let pieces = part.separated(by: "/")
        guard pieces.count > 1 else { return (part, nil) }
        if pieces.count > 2 { throw fault(field, "has two steps: '\(part.text)'", pieces[2]) }
        if pieces[0].text.isEmpty {
            throw fault(field, "has a step of nothing: '\(part.text)'", part, remedy: "write '*\(part.text)'")
        }
        guard let step = pieces[1].number, step > 0 else {
            throw fault(
                field, "has a step that is no number from 1 on: '\(part.text)'", pieces[1],
                remedy: "write, say, '\(pieces[0].text)/5'")
        }
        return (pieces[0], step)
    }

    /// Takes the values of a part into the field's.
    private mutating func take(_ kind: Part.Kind, in field: Field) {
        let values: [Int]
        switch kind {
        case .all(let step):
            values = Array(stride(from: field.range.lowerBound, through: field.range.upperBound, by: step))
        case .value(let value): values = [value]
        case .range(let low, let high, let step, _): values = field.values(from: low, to: high, step: step)
        case .special: values = []
        }
        for value in values {
            if field == .day { days.mask |= 1 << UInt32(value) } else { masks[field, default: 0] |= 1 << UInt64(value) }
        }
    }

    /// Reads `*`, a value or a range.
    private func readPlain(_ field: Field, _ base: CronWord, step: Int?) throws(Fault) -> Part.Kind {
        if base.text == "*" { return .all(step: step ?? 1) }
        if base.text == "?" {
            guard field == .day || field == .weekday, step == nil else {
                throw fault(
                    field, "cannot be '?'", base, remedy: "'?' is for a whole day or weekday; write '*'")
            }
            return .all(step: 1)
        }
        if base.text.first == "H" || base.text.first == "h", let kind = try readHash(field, base, step: step) {
            return kind
        }
        let ends = base.separated(by: "-")
        if ends.count > 2 || ends.contains(where: \.text.isEmpty) {
            throw fault(field, "has a range without two ends: '\(base.text)'", base)
        }
        let low = try value(ends[0], field)
        guard ends.count == 2 else {
            guard let step else { return .value(low) }
            return .range(low: low, high: field.range.upperBound, step: step, isOpen: true)
        }
        let isLast = field == .day && ends[1].text.lowercased() == "l"
        let high = isLast ? 31 : try value(ends[1], field)
        // Where weeks and years go round, a range from a day to itself is all of it, as croniter has it.
        if low == high, field == .weekday || field == .month {
            return .range(low: field.range.lowerBound, high: field.range.upperBound, step: step ?? 1, isOpen: false)
        }
        if field == .day, high < low {
            throw fault(
                field, "has a range from high to low: '\(base.text)'", base,
                remedy: "write '\(low)-L,1-\(high)': months end on different days")
        }
        return .range(low: low, high: high, step: step ?? 1, isOpen: false)
    }

    /// Reads what depends on the month; false when it is nothing of the kind.
    private mutating func readSpecial(_ field: Field, _ base: CronWord, step: Int?) throws(Fault) -> Bool {
        let upper = base.text.uppercased()
        let isFound: Bool
        switch field {
        case .day: isFound = try readSpecialDay(base, upper)
        case .weekday: isFound = try readSpecialWeekday(base, upper)
        case .second, .minute, .hour, .month: isFound = false
        }
        if isFound, let step {
            throw fault(field, "has a step behind '\(base.text)'", base, remedy: "remove '/\(step)'")
        }
        return isFound
    }

    private mutating func readSpecialDay(_ base: CronWord, _ upper: String) throws(Fault) -> Bool {
        if upper == "L" {
            days.beforeLast.insert(0)
        } else if upper == "LW" || upper == "WL" {
            days.hasLastWorkday = true
        } else if upper.hasPrefix("L-") {
            guard let count = base.dropping(2).number, (1...30).contains(count) else {
                throw fault(
                    .day, "cannot be '\(base.text)'", base, remedy: "write 'L-1' to 'L-30' for days before the last")
            }
            days.beforeLast.insert(count)
        } else if upper.hasPrefix("W") || upper.hasSuffix("W") {
            let digits = CronWord(text: upper.filter { $0 != "W" }, offset: base.offset)
            guard upper.count(where: { $0 == "W" }) == 1, let day = digits.number, (1...31).contains(day) else {
                throw fault(
                    .day, "cannot be '\(base.text)'", base, remedy: "write '1W' to '31W' for the workday nearest to it")
            }
            days.nearest.insert(day)
        } else {
            return false
        }
        return true
    }

    private mutating func readSpecialWeekday(_ base: CronWord, _ upper: String) throws(Fault) -> Bool {
        if upper.contains("#") {
            let pieces = base.separated(by: "#")
            guard pieces.count == 2, !pieces[0].text.isEmpty, let number = pieces[1].number, (1...5).contains(number)
            else {
                throw fault(
                    .weekday, "cannot be '\(base.text)'", pieces.count > 1 ? pieces[1] : base,
                    remedy: "write, say, '5#2' for the second Friday; a month has at most five")
            }
            let ends = pieces[0].separated(by: "-")
            if ends.count > 2 { throw fault(.weekday, "has a range without two ends: '\(base.text)'", base) }
            let low = try value(ends[0], .weekday)
            let high = ends.count == 2 ? try value(ends[1], .weekday) : low
            for weekday in Field.weekday.values(from: low, to: high, step: 1) {
                nth.append(WeekdayRule.Nth(weekday: weekday, number: number))
            }
            return true
        }
        guard upper.hasPrefix("L") || upper.hasSuffix("L") else { return false }
        let digits = upper.hasSuffix("L") ? String(upper.dropLast()) : String(upper.dropFirst())
        guard let weekday = CronWord(text: digits, offset: base.offset).number, (0...7).contains(weekday) else {
            let number = Field.weekday.names.firstIndex(of: digits)
            throw fault(
                .weekday, "cannot be '\(base.text)'", base,
                remedy: number.map { "write '\($0)L'" } ?? "write, say, '5L' for the last Friday of a month")
        }
        last.append(weekday % 7)
        return true
    }

    // MARK: - H

    /// Reads `H`, `H(0-29)` and `H/15`; nil when it is no such thing.
    private func readHash(_ field: Field, _ base: CronWord, step: Int?) throws(Fault) -> Part.Kind? {
        // Every month has the days to 28.
        var range = field == .day && step == nil ? 1...28 : field.range
        let rest = base.dropping(1)
        if !rest.text.isEmpty {
            guard rest.text.hasPrefix("("), rest.text.hasSuffix(")") else { return nil }
            let ends = CronWord(text: String(rest.text.dropFirst().dropLast()), offset: rest.offset + 1)
                .separated(by: "-")
            guard ends.count == 2 else {
                throw fault(field, "cannot be '\(base.text)'", base, remedy: "write, say, 'H(0-29)'")
            }
            let (low, high) = (try value(ends[0], field), try value(ends[1], field))
            guard low < high else {
                throw fault(field, "draws from an empty range: '\(base.text)'", base, remedy: "write, say, 'H(0-29)'")
            }
            range = low...high
        }
        let first = step.map { range.lowerBound...min(range.upperBound, range.lowerBound + $0 - 1) } ?? range
        let drawn = first.lowerBound + Int(StableHash.of(seed, String(field.rawValue)) % UInt64(first.count))
        guard let step, drawn < range.upperBound else { return .value(drawn) }
        return .range(low: drawn, high: range.upperBound, step: step, isOpen: false)
    }

    // MARK: - Values

    private func value(_ word: CronWord, _ field: Field) throws(Fault) -> Int {
        if let place = field.names.firstIndex(of: word.text.uppercased()) { return place + field.range.lowerBound }
        if let number = word.number {
            if field == .weekday, number == 7 { return 0 }
            if field.range.contains(number) { return number }
        } else if let name = Suggestion.closest(to: word.text, among: field.names), word.text.count > 2 {
            throw fault(field, "cannot be '\(word.text)'", word, remedy: "did you mean '\(name)'?")
        }
        throw fault(field, "cannot be '\(word.text)'", word)
    }

    private func fault(_ field: Field, _ what: String, _ word: CronWord, remedy: String? = nil) -> Fault {
        Fault(message: "the \(field.name) of 'cron' \(what)", remedy: remedy ?? field.rule, offset: word.offset)
    }
}

/// A piece of an expression and the character at which it stands, from 0.
struct CronWord {
    var text: String
    var offset: Int

    /// The number that its digits are; nil for anything else.
    var number: Int? {
        guard !text.isEmpty, text.count < 7, text.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(text)
    }

    func separated(by separator: Character) -> [CronWord] {
        var offset = offset
        return text.split(separator: separator, omittingEmptySubsequences: false).map { piece in
            defer { offset += piece.count + 1 }
            return CronWord(text: String(piece), offset: offset)
        }
    }

    func dropping(_ count: Int) -> CronWord { CronWord(text: String(text.dropFirst(count)), offset: offset + count) }
}

extension CronExpression.Field {
    /// The word for it.
    package var name: String {
        switch self {
        case .second: "second"
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day"
        case .month: "month"
        case .weekday: "weekday"
        }
    }

    /// The values that it can have.
    package var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .month: 1...12
        case .weekday: 0...6
        }
    }

    /// Names for its values, the first for the lowest.
    package var names: [String] {
        switch self {
        case .second, .minute, .hour, .day: []
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .weekday: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        }
    }

    /// What can be written.
    fileprivate var rule: String {
        let upper = self == .weekday ? 7 : range.upperBound
        let names = names.isEmpty ? "" : ", or \(names.first ?? "") to \(names.last ?? "")"
        return "write \(range.lowerBound) to \(upper)\(names), '*', a list or a range"
    }

    /// The values of a range, beyond the end of the field when `high` is below `low`.
    ///
    /// Beyond the end, steps count as those of croniter do, which Airflow has them from: they leave out one value more, unless
    /// the first fits them exactly.
    package func values(from low: Int, to high: Int, step: Int) -> [Int] {
        if low <= high { return Array(stride(from: low, through: high, by: step)) }
        let values = Array(stride(from: low, through: range.upperBound, by: step))
        let rest = range.upperBound - (values.last ?? low)
        let first = range.lowerBound + (rest + 1 == step ? 0 : step - rest)
        return values + Array(stride(from: first, through: high, by: step))
    }
}

/// Numbers that are drawn and yet the same on every machine and in every version: FNV-1a, 64 bits, mixed once more.
package enum StableHash {
    /// The number for some texts; the same texts in another order or divided otherwise have another one.
    package static func of(_ texts: String...) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for text in texts {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            // A byte that UTF-8 does not have keeps the texts apart.
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        // FNV's low bits are weak, and a remainder by a power of two looks at nothing else. Finalizer of MurmurHash3.
        hash ^= hash >> 33
        hash = hash &* 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        hash = hash &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }
}
