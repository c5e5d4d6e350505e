/// What some long texts have in common at their beginning and at their end, so that what differs can be seen.
struct SharedEnds {
    /// How many characters they share at their beginning.
    let beginning: Int
    /// How many they share at their end.
    let end: Int

    /// Of a shared part so much is kept at either side; of one that is hardly longer, all.
    private static let (outer, inner, limit) = (8, 6, 20)

    /// The ends that all of the texts share; none where they are all the same.
    init(_ texts: [String]) {
        let texts = Set(texts).map { Array($0) }
        guard texts.count > 1, let shortest = texts.min(by: { $0.count < $1.count }) else {
            (beginning, end) = (0, 0)
            return
        }
        let same = texts.map { zip($0, shortest).prefix { $0 == $1 }.count }.min() ?? 0
        let rest = shortest.count - same
        let ends = texts.map { zip($0.reversed(), shortest.reversed()).prefix(rest).prefix { $0 == $1 }.count }
        (beginning, end) = (same, ends.min() ?? 0)
    }

    /// Whether anything is cut out of the texts.
    var isCut: Bool { max(beginning, end) > Self.limit }

    /// One of the texts with the middle of what it shares cut out.
    func cut(_ text: String) -> String {
        let own = text.dropFirst(beginning).dropLast(end)
        return Self.cut(text.prefix(beginning), Self.outer, Self.inner) + own
            + Self.cut(text.suffix(end), Self.inner, Self.outer)
    }

    /// One of the texts from shortly before what is its own, for where it would not be seen in some cells.
    func tail(_ text: String, width: Int) -> String {
        guard TextWidth.of(text) > width, beginning > 2 else { return text }
        return "…" + text.dropFirst(beginning - 1)
    }

    private static func cut(_ text: Substring, _ first: Int, _ last: Int) -> String {
        text.count <= limit ? String(text) : text.prefix(first) + "…" + text.suffix(last)
    }
}
