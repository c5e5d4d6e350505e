import CaudalModel
import CSystem

/// Turns text of another encoding into UTF-8, as a stream of bytes, by the C library.
// @unchecked because whoever has it uses it under a lock, one piece after the other.
final class ForeignText: @unchecked Sendable {
    private let recoder: UnsafeMutableRawPointer
    /// The beginning of a character whose end has not come yet.
    private var pending: [UInt8] = []

    /// What files of these names really are, as browsers read them.
    ///
    /// They have the characters that Windows added, and ASCII as it is: the standard of Shift-JIS has a yen sign and an
    /// overline there.
    private static let wider = ["shift_jis": "CP932", "euc-jp": "EUC-JP-MS", "euc-kr": "CP949"]

    /// - Throws: ``Failure`` for an encoding that the C library does not know.
    init(_ encoding: String) throws(Failure) {
        let recoder = Self.wider[encoding].flatMap { cs_recoder_open($0) } ?? cs_recoder_open(encoding)
        guard let recoder else {
            throw Failure(
                "this machine cannot read text in '\(encoding)': its C library does not know it",
                remedy: "install its character sets (on Debian they are in libc-bin), or write the file in UTF-8")
        }
        self.recoder = recoder
    }

    deinit { cs_recoder_close(recoder) }

    /// The UTF-8 of some bytes; what is no character becomes a byte that UTF-8 does not have, so that it is detected.
    func utf8(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let given = pending + bytes
        pending = []
        var text: [UInt8] = []
        text.reserveCapacity(given.count + given.count / 4)
        var room = [UInt8](repeating: 0, count: 1 << 16)
        var place = 0
        given.withUnsafeBufferPointer { given in
            guard let base = given.baseAddress else { return }
            while place < given.count {
                var (taken, written) = (0, 0)
                let end = cs_recode(recoder, base + place, given.count - place, &taken, &room, room.count, &written)
                text += room[..<written]
                place += taken
                switch end {
                case CS_RECODE_INVALID:
                    text.append(0xFF)
                    place += 1
                case CS_RECODE_PARTIAL:
                    pending = Array(given[place...])
                    return
                default: break
                }
            }
        }
        return text
    }

    /// The rest at the end of the file: half a character is none.
    func rest() -> [UInt8] { pending.isEmpty ? [] : [0xFF] }
}

/// Text that is turned into UTF-8 before it is looked at.
enum RecodedText {
    case wide(UTF16Bytes)
    case foreign(ForeignText)

    /// - Returns: nil for text that needs not be turned.
    /// - Throws: ``Failure`` for an encoding that this machine does not know.
    init?(_ csv: CSVDialect) throws(Failure) {
        guard csv.isRecoded, let encoding = csv.encoding else { return nil }
        if encoding.hasPrefix("utf-16") {
            self = .wide(UTF16Bytes(isBigEndian: encoding == "utf-16be"))
        } else {
            self = .foreign(try ForeignText(encoding))
        }
    }

    mutating func utf8(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        switch self {
        case .wide(var text):
            defer { self = .wide(text) }
            return text.utf8(bytes)
        case .foreign(let text): return text.utf8(bytes)
        }
    }

    func rest() -> [UInt8] {
        switch self {
        case .wide(let text): text.rest()
        case .foreign(let text): text.rest()
        }
    }
}
