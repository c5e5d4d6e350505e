/// What steers a terminal within a text: colours, titles, links.
enum ControlSequences {
    private static let escape: UInt8 = 0x1B

    /// A text without the sequences that begin with an escape character, as ECMA-48 defines them:
    /// <https://ecma-international.org/publications-and-standards/standards/ecma-48/>.
    static func removed(from text: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var place = 0
        while place < text.count {
            guard text[place] == escape else {
                kept.append(text[place])
                place += 1
                continue
            }
            place = end(of: text, from: place + 1)
        }
        return kept
    }

    /// Where the sequence ends whose escape character stands before a place.
    private static func end(of text: [UInt8], from start: Int) -> Int {
        guard start < text.count else { return start }
        var place = start + 1
        switch text[start] {
        case UInt8(ascii: "["):
            while place < text.count, !(0x40...0x7E).contains(text[place]) { place += 1 }
            return min(text.count, place + 1)
        // A title or a link lasts to a bell, or to the next escape character with a backslash.
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
            while place < text.count {
                if text[place] == 0x07 { return place + 1 }
                if text[place] == escape, place + 1 < text.count, text[place + 1] == UInt8(ascii: "\\") {
                    return place + 2
                }
                place += 1
            }
            return place
        default:
            // Signs between may choose a set of characters.
            place = start
            while place < text.count, (0x20...0x2F).contains(text[place]) { place += 1 }
            return min(text.count, place + 1)
        }
    }
}
