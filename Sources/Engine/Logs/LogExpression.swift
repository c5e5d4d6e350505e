import CSystem
import Synchronization

/// A compiled regular expression for lines of programs, in the syntax of PCRE2; a line with too many ways to match is given
/// up, so that no pattern holds up whoever reads them.
final class LogExpression: Sendable {
    // It is not changed once it is made.
    private nonisolated(unsafe) let compiled: OpaquePointer
    private let hasGivenUp = Mutex(false)
    private let onGivingUp: @Sendable () -> Void

    init(
        _ pattern: String, ignoresCase: Bool, onGivingUp: @escaping @Sendable () -> Void = {}
    ) throws(LogPattern.Fault) {
        let text = Array(pattern.utf8)
        var message = [CChar](repeating: 0, count: 200)
        var place = 0
        guard let compiled = cs_regex_compile(text, text.count, ignoresCase ? 1 : 0, &message, message.count, &place)
        else {
            let words = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let characters = String(decoding: text.prefix(place), as: UTF8.self).count
            throw LogPattern.Fault(message: words.isEmpty ? "there is no memory for it" : words, place: characters + 1)
        }
        self.compiled = compiled
        self.onGivingUp = onGivingUp
    }

    deinit { cs_regex_free(compiled) }

    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let result = Int(cs_regex_matches(compiled, text.baseAddress, text.count))
        if result != cs_regex_no_utf8 { return isFound(result) }
        // Bytes that are no UTF-8 are read as they are printed.
        let repaired = Array(String(decoding: text, as: UTF8.self).utf8)
        return isFound(Int(cs_regex_matches(compiled, repaired, repaired.count)))
    }

    /// The number of its groups in parentheses.
    var groupCount: Int { Int(cs_regex_group_count(compiled)) }

    /// The texts of the first two groups, where a text matches; nil where it does not.
    func groups(in text: String) -> [Substring]? {
        var text = text
        var ends = [Int](repeating: 0, count: 2 * Int(cs_regex_most_groups))
        let result = text.withUTF8 { cs_regex_groups(compiled, $0.baseAddress, $0.count, &ends) }
        guard isFound(Int(result)) else { return nil }
        return stride(from: 0, to: min(ends.count, 2 * groupCount), by: 2).map { end in
            Substring(text.utf8.dropFirst(ends[end]).prefix(ends[end + 1] - ends[end]))
        }
    }

    /// The first part of a text, from a byte on, that matches; the text is UTF-8.
    func place(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Range<Int>? {
        var range = [0, 0]
        let result = Int(cs_regex_find(compiled, text.baseAddress, text.count, start, &range))
        return result > 0 ? range[0]..<range[1] : nil
    }

    private func isFound(_ result: Int) -> Bool {
        guard result < 0 else { return result > 0 }
        let isFirst = hasGivenUp.withLock { hasGivenUp in
            defer { hasGivenUp = true }
            return !hasGivenUp
        }
        if isFirst { onGivingUp() }
        return false
    }
}
