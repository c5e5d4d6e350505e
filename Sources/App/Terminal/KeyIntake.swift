/// Tells keys that a person pressed from text that was pasted.
///
/// Most terminals mark pasted text once they were asked to. Of those that do not, text that comes faster than anybody
/// types is taken for pasted.
struct KeyIntake {
    /// What a terminal sends.
    enum Signal: Hashable {
        case key(Key)
        /// The marks around pasted text.
        case pasteBegins, pasteEnds
    }

    /// What is said where pasted text does nothing.
    static let ignoredPaste = "pasted text was ignored: only keys that are pressed act here"

    /// What has come of a paste whose end has not.
    private var pasted: String?
    private var lastSignal = ContinuousClock.now
    /// When the last text came that was taken for pasted without a mark.
    private var lastBurst: ContinuousClock.Instant?

    /// A paste that stays silent for so long was cut off.
    private static let patience = Duration.seconds(1)
    /// Text that comes so soon behind a burst belongs to it.
    private static let burstGap = Duration.milliseconds(100)
    /// How many keys at once nobody types.
    private static let burstLength = 12
    /// No field takes more text than this.
    private static let limit = 4096

    /// The keys in what came at once, with pasted text as one key.
    mutating func take(_ signals: [Signal], at now: ContinuousClock.Instant) -> [Key] {
        var keys: [Key] = []
        if pasted != nil, now - lastSignal >= Self.patience { keys += endPaste() }
        if signals.isEmpty { return keys }
        lastSignal = now
        var typed: [Key] = []
        for signal in signals {
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

    private mutating func endPaste() -> [Key] {
        defer { pasted = nil }
        return pasted.map { [.paste(Self.trimmed($0))] } ?? []
    }

    private mutating func append(_ key: Key) {
        guard let text = Self.text(of: key), let length = pasted?.utf8.count, length < Self.limit else { return }
        pasted?.append(text)
    }

    /// Keys that came at once without a mark: one by one, or as pasted text.
    private mutating func sorted(_ keys: [Key], at now: ContinuousClock.Instant) -> [Key] {
        let isLate = lastBurst.map { now - $0 < Self.burstGap } ?? false
        guard !keys.isEmpty, isLate || Self.isBurst(keys) else { return keys }
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
        return others + [.paste(Self.trimmed(text))]
    }

    /// Whether nobody types this at once: a line with more text behind it, or a lot of text.
    ///
    /// A key that is held down comes many times at once where the way is slow, and is pressed all the same.
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
