extension LogLevel {
    /// The level that a program's line states near its beginning, such as `2026-11-23 WARN disk is full`.
    ///
    /// It knows the forms of logfmt (`level=warn`), systemd (`<4>`), glog (`W1123 …`), Tornado (`[W …`), and the names
    /// of levels in capitals, or in small letters at the beginning or within brackets, as Python, Java, Spark, dbt,
    /// Node, Go and others print them; and the first lines of stack traces.
    package static func claimed(by line: UnsafeBufferPointer<UInt8>) -> LogLevel? {
        var words = LevelWords(line)
        return words.byFirstBytes() ?? words.byWords()
    }

    /// The level of a number, as JSON of Node has it: 10 for trace, 50 for error.
    static func numbered(_ text: String) -> LogLevel? {
        switch Int(text) {
        case .some(10..<30): .debug
        case .some(30..<40): .info
        case .some(40..<50): .warn
        case .some(50...60): .error
        default: nil
        }
    }
}

/// Looks for the level in the words of a line's beginning.
private struct LevelWords {
    /// How much of a line is looked at.
    private static let limit = 80

    private let line: UnsafeBufferPointer<UInt8>
    private let end: Int
    private var start = 0

    init(_ line: UnsafeBufferPointer<UInt8>) {
        self.line = line
        end = min(line.count, Self.limit)
        start = Self.behindColours(line, 0)
    }

    /// The position behind escape sequences of colours.
    private static func behindColours(_ line: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var place = start
        while place + 2 < line.count, line[place] == 0x1B, line[place + 1] == UInt8(ascii: "[") {
            place += 2
            while place < line.count, line[place] != UInt8(ascii: "m"), line[place] < 0x40 { place += 1 }
            place += 1
        }
        return min(place, line.count)
    }

    private func isDigit(_ place: Int) -> Bool { place < line.count && line[place] &- 0x30 < 10 }

    /// The forms that have a single letter or digit for the level.
    func byFirstBytes() -> LogLevel? {
        guard start + 3 <= line.count else { return nil }
        switch line[start] {
        case UInt8(ascii: "<"):
            guard line[start + 2] == UInt8(ascii: ">"), isDigit(start + 1) else { return nil }
            return [LogLevel.error, .error, .error, .error, .warn, .info, .info, .debug][Int(line[start + 1] & 7)]
        case UInt8(ascii: "["):
            return line[start + 2] == 0x20 && isDigit(start + 3) ? letter(line[start + 1]) : nil
        case UInt8(ascii: "D")...UInt8(ascii: "W"):
            guard (1...4).allSatisfy({ isDigit(start + $0) }), start + 5 < line.count, line[start + 5] == 0x20 else {
                return nil
            }
            return letter(line[start])
        default: return nil
        }
    }

    private func letter(_ byte: UInt8) -> LogLevel? {
        switch byte {
        case UInt8(ascii: "E"), UInt8(ascii: "F"), UInt8(ascii: "C"): .error
        case UInt8(ascii: "W"): .warn
        case UInt8(ascii: "I"): .info
        case UInt8(ascii: "D"), UInt8(ascii: "V"): .debug
        default: nil
        }
    }

    /// A word of the line, its letters as a number of eight bytes in small letters; the last eight of a longer one.
    private struct Word {
        var letters: UInt64 = 0
        var start: Int
        var end: Int
        var capitals = 0

        var count: Int { end - start }
        var isCapital: Bool { capitals == count }
        var isSmall: Bool { capitals == 0 }
    }

    /// The next word at a place or behind.
    private func word(from place: Int) -> Word? {
        var place = place
        while place < end {
            let byte = line[place]
            if byte == 0x1B {
                place = Self.behindColours(line, place)
                if place < line.count, line[place] == 0x1B { place += 1 }
                continue
            }
            if (byte | 0x20) &- UInt8(ascii: "a") < 26 { break }
            place += 1
        }
        guard place < end else { return nil }
        var word = Word(start: place, end: place)
        while word.end < line.count {
            let byte = line[word.end]
            guard (byte | 0x20) &- UInt8(ascii: "a") < 26 else { break }
            word.letters = word.letters << 8 | UInt64(byte | 0x20)
            if byte & 0x20 == 0 { word.capitals += 1 }
            word.end += 1
        }
        return word
    }

    private func byte(_ place: Int) -> UInt8 { place >= 0 && place < line.count ? line[place] : 0x20 }

    /// The first word that names a level.
    mutating func byWords() -> LogLevel? {
        var isFirst = true
        var place = start
        while let word = word(from: place) {
            place = word.end
            // `T` and `Z` of a time are no words.
            if word.count == 1, byte(word.start - 1) &- 0x30 < 10 { continue }
            if let level = level(of: word, isFirst: isFirst) { return level }
            isFirst = false
            // What a value of logfmt quotes is not about the line itself.
            if byte(word.end) == UInt8(ascii: "="), byte(word.end + 1) == UInt8(ascii: "\"") {
                place = behindQuoted(word.end + 2)
            }
        }
        return nil
    }

    /// The place behind the quotation mark that ends a text; the end of the line where there is none.
    private func behindQuoted(_ start: Int) -> Int {
        var place = start
        while place < line.count, line[place] != UInt8(ascii: "\"") {
            place += line[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(place + 1, line.count)
    }

    private func level(of word: Word, isFirst: Bool) -> LogLevel? {
        let (before, after) = (byte(word.start - 1), byte(word.end))
        if before == UInt8(ascii: "_") || after == UInt8(ascii: "_") { return nil }
        if after == UInt8(ascii: "=") { return word.isSmall ? assigned(word) : nil }
        guard let level = Self.level(word.letters, word.count) else { return special(word, isFirst, after) }
        let isLabel = after == UInt8(ascii: ":")
        // A count in a summary, such as `Error: 0`.
        if isLabel, byte(word.end + 1) == 0x20, line.count == word.end + 3, byte(word.end + 2) == 0x30 { return nil }
        if word.isCapital { return level }
        if isFirst, isLabel || after == UInt8(ascii: "[") { return level }
        // Compilers and syslog: `main.c:3:5: error: …`, `loader[12]: warning: …`.
        if isLabel, word.isSmall, level >= .warn, before == 0x20, byte(word.start - 2) == UInt8(ascii: ":") {
            return level
        }
        // Go and compilers: `fatal error: …`.
        if isFirst, level == .error, follows(" error: ", word.end) { return level }
        if after == UInt8(ascii: "]"), before == UInt8(ascii: "[") || before == UInt8(ascii: ":") { return level }
        guard word.capitals == 1, byte(word.start) & 0x20 == 0 else { return nil }
        // Node: `(node:1) Warning: …`; dbt: `Database Error in model …`.
        if level == .warn, isLabel { return level }
        return level == .error && word.start > start && follows(" in ", word.end) ? level : nil
    }

    /// The value of `level=…`.
    private func assigned(_ word: Word) -> LogLevel? {
        // level, lvl, severity
        guard [0x6C6576656C, 0x6C766C, 0x7365766572697479].contains(word.letters), word.count <= 8 else {
            return nil
        }
        var place = word.end + 1
        if byte(place) == UInt8(ascii: "\"") { place += 1 }
        guard let value = self.word(from: place), value.start == place else { return nil }
        return Self.level(value.letters, value.count)
    }

    /// What is no name of a level, but says as much.
    private func special(_ word: Word, _ isFirst: Bool, _ after: UInt8) -> LogLevel? {
        let isLabel = after == UInt8(ascii: ":")
        // Python: `UserWarning: …`.
        if word.letters & 0xFF_FFFF_FFFF_FFFF == 0x7761726E696E67, isLabel { return .warn }
        // The first line of a failure, such as `java.io.IOException: …` or `ValueError: …`: ends in `Error` or `xception`.
        let ending = word.letters & 0xFF_FFFF_FFFF == 0x6572726F72 ? 5 : word.letters == 0x7863657074696F6E ? 9 : 0
        if ending > 0, word.count > ending, byte(word.end - ending) == UInt8(ascii: "E"), !word.isCapital,
            isLabel || word.end == line.count, line[start..<word.start].allSatisfy({ Self.isOfName($0) })
        {
            return .error
        }
        guard isFirst else { return nil }
        if word.isCapital, after == UInt8(ascii: "[") || after == 0x1B { return Self.levelOfFourLetters(word.letters) }
        switch word.letters {
        // panic, fatal
        case 0x70616E6963 where isLabel: return .error
        // thread
        case 0x746872656164 where follows(" '", word.end) && contains("' panicked at", word.end): return .error
        // Traceback, Exception
        case 0x726163656261636B where follows(" (most recent", word.end): return .error
        case 0x7863657074696F6E where follows(" in thread ", word.end): return .error
        // Encountered
        case 0x6F756E7465726564 where follows(" an error", word.end): return .error
        // npm
        case 0x6E706D where follows(" ERR!", word.end) || follows(" error ", word.end): return .error
        case 0x6E706D where follows(" warn ", word.end): return .warn
        default: return nil
        }
    }

    /// The level as logrus cuts it: `ERRO[0012] …`.
    private static func levelOfFourLetters(_ letters: UInt64) -> LogLevel? {
        switch letters {
        // erro, fata, pani
        case 0x6572726F, 0x66617461, 0x70616E69: .error
        // debu, trac
        case 0x64656275, 0x74726163: .debug
        default: nil
        }
    }

    /// Whether a byte is one of a qualified name.
    private static func isOfName(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte == 0x2E || byte == 0x5F || byte &- 0x30 < 10
    }

    private func follows(_ text: StaticString, _ place: Int) -> Bool {
        place + text.utf8CodeUnitCount <= line.count
            && (0..<text.utf8CodeUnitCount).allSatisfy { line[place + $0] == text.utf8Start[$0] }
    }

    private func contains(_ text: StaticString, _ place: Int) -> Bool {
        (place..<max(place, end)).contains { follows(text, $0) }
    }

    /// The level that a word names.
    private static func level(_ letters: UInt64, _ count: Int) -> LogLevel? {
        guard (3...8).contains(count) else { return nil }
        switch letters {
        // error, err, fatal, ftl, critical, crit, severe, alert, emerg
        case 0x6572726F72, 0x657272, 0x666174616C, 0x66746C, 0x637269746963616C, 0x63726974, 0x736576657265,
            0x616C657274, 0x656D657267:
            return .error
        // warning, warn, wrn
        case 0x7761726E696E67, 0x7761726E, 0x77726E: return .warn
        // info, inf, notice
        case 0x696E666F, 0x696E66, 0x6E6F74696365: return .info
        // debug, dbg, trace, trc, fine, finer, finest, verbose
        case 0x6465627567, 0x646267, 0x7472616365, 0x747263, 0x66696E65, 0x66696E6572, 0x66696E657374,
            0x766572626F7365:
            return .debug
        default: return nil
        }
    }
}
