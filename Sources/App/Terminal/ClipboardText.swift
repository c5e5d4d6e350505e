import CaudalModel
import Engine
import Foundation

/// A text for the clipboard of the terminal, by OSC 52.
struct ClipboardText: Equatable {
    /// The text, or its last lines where it is longer than terminals accept.
    let text: String
    /// Whether lines are left out.
    let isCut: Bool

    /// The number of bytes that terminals accept: 74,994 of them in Base64.
    static let limit = 56_244

    init(_ whole: String) {
        guard whole.utf8.count > Self.limit else {
            (text, isCut) = (whole, false)
            return
        }
        var end = whole.utf8.suffix(Self.limit)
        // It begins with a whole line, or at least with a whole character.
        if let line = end.firstIndex(of: 0x0A), line < end.index(before: end.endIndex) {
            end = end[end.index(after: line)...]
        } else {
            end = end.drop { $0 & 0xC0 == 0x80 }
        }
        (text, isCut) = (String(decoding: end, as: UTF8.self), true)
    }

    /// What was copied, in words.
    func words(_ what: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count - (text.hasSuffix("\n") ? 1 : 0)
        let size = Int64(Self.limit).shortBytes
        if isCut { return "copied the last \(lines.counted("line")) of \(what): a terminal takes \(size), o shows all" }
        return "copied \(what): \(lines.counted("line"))"
    }

    /// The bytes that put it on the clipboard.
    ///
    /// tmux takes the first sequence itself if its `set-clipboard` is on, and hands the second one on to the terminal if
    /// its `allow-passthrough` is.
    func sequence(isTmux: Bool) -> String {
        let own = "\u{1b}]52;c;\(Data(text.utf8).base64EncodedString())\u{07}"
        guard isTmux else { return own }
        return own + "\u{1b}Ptmux;" + own.replacing("\u{1b}", with: "\u{1b}\u{1b}") + "\u{1b}\\"
    }
}
