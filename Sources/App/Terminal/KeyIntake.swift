/// Distinguishes pressed keys from pasted text.
///
/// Most terminals mark pasted text on request (bracketed paste). For those that do not, text that arrives faster than
/// anybody types counts as pasted.
struct KeyIntake {
    /// Input from the terminal.
    enum Signal: Hashable {
        case key(Key)
        /// The marks around pasted text.
        case pasteBegins, pasteEnds
    }

    /// The message where pasted text is ignored.
    static let ignoredPaste = "ignored pasted text: only pressed keys have an effect here"

    /// The text so far of a paste whose end mark has not arrived.
    private var pasted: String?
    private var lastSignal = ContinuousClock.now
    /// When the last text without a mark arrived that counted as pasted.
    private var lastBurst: ContinuousClock.Instant?

    /// After this silence, a paste counts as cut off.
    private static let patience = Duration.seconds(1)
    /// Text that arrives this soon after a burst belongs to it.
    private static let burstGap = Duration.milliseconds(100)
    /// This number of keys at once is faster than typing.
    private static let burstLength = 12
    /// The maximum length of text in an input field.
    private static let limit = 4096

    /// The keys in the input that arrived at once; pasted text becomes one key.
    mutating func process(_ signals: [Signal], at now: ContinuousClock.Instant) -> [Key] {
        var keys: [Key] = []
        if pasted != nil, now - lastSignal >= Self.patience { keys += endPaste() }
        if signals.isEmpty { return keys }
        lastSignal = now
        var typed: [Key] = []
        for signal in pasted == nil ? Self.withoutSequences(signals) : signals {
            switch signal {
            case .pasteBegins:
                keys += sorted(typed, at: now)
                typed = []
                pasted = pasted ?? ""
            case .pasteEnds: keys += endPaste()
            case .key(let key) where pasted != nil: append(key)
            case .key(let key): typed.append(key)
            }
        }
        return keys + sorted(typed, at: now)
    }

    /// Leaves out sequences of terminals that are no keys, such as late answers to what another program has asked: what they
    /// are made of are no pressed keys.
    ///
    /// They arrive at once. An escape key alone, or with one key behind it, is what it is.
    private static func withoutSequences(_ signals: [Signal]) -> [Signal] {
        func character(_ index: Int) -> Character? {
            guard signals.indices.contains(index), case .key(.character(let character)) = signals[index] else {
                return nil
            }
            return character
        }
        var kept: [Signal] = []
        var index = 0
        while index < signals.count {
            guard signals[index] == .key(.escape), let kind = character(index + 1), index + 2 < signals.count else {
                kept.append(signals[index])
                index += 1
                continue
            }
            switch kind {
            case "[":
                index += 2
                while let next = character(index), ("\u{20}"..."\u{3F}").contains(next) { index += 1 }
                // Presses of the mouse in the oldest form have three characters behind it.
                if let final = character(index) { index += final == "M" && character(index - 1) == "[" ? 4 : 1 }
            case "O": index += 3
            case "P", "]", "_", "^", "X":
                index += 2
                while index < signals.count {
                    index += 1
                    if signals[index - 1] == .key(.control("g")) { break }
                    if signals[index - 1] == .key(.escape), character(index) == "\\" {
                        index += 1
                        break
                    }
                }
            default:
                kept.append(signals[index])
                index += 1
            }
        }
        return kept
    }

    private mutating func endPaste() -> [Key] {
        defer { pasted = nil }
        return pasted.map { [.paste(Self.trimmed($0))] } ?? []
    }

    private mutating func append(_ key: Key) {
        guard let text = Self.text(of: key), let length = pasted?.utf8.count, length < Self.limit else { return }
        pasted?.append(text)
    }

    /// Keys that arrived at once without a mark, one by one or as pasted text.
    ///
    /// An enter that arrives by itself is pressed, also right behind a burst: whoever sends text and then enter, as
    /// programs do, means it. In a paste, the end of a line comes together with the line.
    private mutating func sorted(_ keys: [Key], at now: ContinuousClock.Instant) -> [Key] {
        if keys == [.enter] { return keys }
        let isLate = lastBurst.map { now - $0 < Self.burstGap } ?? false
        guard !keys.isEmpty, isLate || Self.isBurst(keys), !Self.fillsField(keys) else { return keys }
        lastBurst = now
        var text = ""
        var others: [Key] = []
        for key in keys {
            if let character = Self.text(of: key) {
                if text.utf8.count < Self.limit { text.append(character) }
            } else if case .resize = key {
                others.append(key)
            }
        }
        let isLine = !isLate && keys.last == .enter && !keys.dropLast().contains { $0 == .enter || $0 == .tab }
        return others + [isLine ? .line(Self.trimmed(text)) : .paste(Self.trimmed(text))]
    }

    /// Whether the keys are a text for the search or the filter that their beginning opens, with the enter behind it and perhaps
    /// the key for the next place.
    ///
    /// A program types so, such as `/orders⏎n`. A paste that begins so finds or filters something, and changes nothing.
    private static func fillsField(_ keys: [Key]) -> Bool {
        var rest = keys[...]
        if let first = rest.first, ["L", "1", "2", "3", "4", .tab].contains(first) { rest.removeFirst() }
        guard let opener = rest.popFirst(), ["/", "f"].contains(opener) else { return false }
        let text = rest.prefix { if case .character = $0 { true } else { false } }
        let behind = rest.dropFirst(text.count)
        return (1...80).contains(text.count)
            && (behind == [.enter] || behind == [.enter, "n"] || behind == [.enter, "N"])
    }

    /// Whether the input is too much for typing: a line end with more text after it, or many different keys.
    ///
    /// Over a slow connection, a key that is held down arrives many times at once, and counts as pressed.
    private static func isBurst(_ keys: [Key]) -> Bool {
        let texts = keys.compactMap(text)
        guard Set(keys).count > 2 else { return false }
        if texts.count >= burstLength { return true }
        let characters = keys.count { if case .character = $0 { true } else { false } }
        let breaks = keys.dropLast().contains { $0 == .enter || $0 == .tab }
        return characters >= 4 && breaks
    }

    private static func text(of key: Key) -> Character? {
        switch key {
        case .character(let character): character
        case .enter, .tab: " "
        default: nil
        }
    }

    private static func trimmed(_ text: String) -> String {
        guard let first = text.firstIndex(where: { $0 != " " }), let last = text.lastIndex(where: { $0 != " " }) else {
            return ""
        }
        return String(text[first...last])
    }
}
