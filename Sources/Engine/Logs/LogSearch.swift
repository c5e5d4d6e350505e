import CaudalModel

/// A text that is looked for in a log, as it is typed: a regular expression, and where it is none, a text.
///
/// Capitals and small letters count as the same unless there is a capital in it.
package struct LogSearch: Sendable {
    let pattern: LogPattern
    /// Why it is no regular expression; nil where it is one.
    package let fault: LogPattern.Fault?

    /// nil where there is nothing to look for.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        let ignoresCase = !Self.hasCapitals(text)
        do throws(LogPattern.Fault) {
            pattern = try LogPattern(text, ignoresCase: ignoresCase)
            fault = nil
        } catch {
            fault = error
            // A text that is escaped is an expression.
            guard let plain = try? LogPattern(RequiredLiterals.escaped(text), ignoresCase: ignoresCase) else {
                return nil
            }
            pattern = plain
        }
    }

    /// Whether a pattern has capitals other than those of classes, such as `\\S`.
    private static func hasCapitals(_ text: String) -> Bool {
        var isEscaped = false
        for character in text {
            if !isEscaped, character.isUppercase { return true }
            isEscaped = character == "\\" && !isEscaped
        }
        return false
    }

    /// Whether a text has it.
    package func matches(_ text: String) -> Bool { pattern.matches(text) }

    /// Where a text has it, as ranges of its bytes; at most `most` of them.
    package func places(in text: String, most: Int = 200) -> [Range<Int>] { pattern.places(in: text, most: most) }

    /// Whether a block may have a line whose text or source has it.
    func mayMatch(_ block: UnsafeBufferPointer<UInt8>) -> Bool {
        // The log has a source as several fields, and a first attempt only in its number.
        spansFields || pattern.mayMatch(block)
    }

    /// Whether what a line must have may be divided among the fields of its source.
    private var spansFields: Bool {
        pattern.needles.contains { needle in needle.text.contains { $0 == 0x5B || $0 == 0x5D || $0 == 0x23 } }
    }
}

/// Looks at lines for a view of the log: the patterns of the view, compiled, and what it has found out of sources.
struct LogJudge {
    private let view: LogIndex.View
    private let wanted: [LogSearch]
    private let unwanted: [LogSearch]
    private let search: LogSearch?
    /// Whether the sources, by their number, have what is searched for.
    private var sources: [Bool?] = []
    private let since: UInt64
    private let until: UInt64

    init(_ view: LogIndex.View) {
        self.view = view
        wanted = view.wanted.compactMap { LogSearch($0) }
        unwanted = view.unwanted.compactMap { LogSearch($0) }
        search = LogSearch(view.search)
        since = view.since.map { LogTime.key($0) } ?? 0
        until = view.until.map { LogTime.key($0) } ?? .max
    }

    /// Whether the level of a line alone does not tell whether the view shows it.
    var looksAtLines: Bool {
        view.unit != nil || view.attempt != nil || !wanted.isEmpty || !unwanted.isEmpty || view.since != nil
            || view.until != nil
    }

    /// Whether a block may have lines that the view shows.
    func mayShow(_ block: UnsafeBufferPointer<UInt8>) -> Bool { wanted.allSatisfy { $0.mayMatch(block) } }

    /// Whether a block may have lines with what is searched for.
    func mayHit(_ block: UnsafeBufferPointer<UInt8>) -> Bool { search?.mayMatch(block) ?? false }

    /// Whether the view shows a line of a sufficient level.
    func shows(_ line: LogLine) -> Bool {
        guard view.shows(line.level, line.source.stage, line.source.item, line.source.attempt) else { return false }
        if view.since != nil || view.until != nil, !(since...max(since, until)).contains(line.timeKey) { return false }
        return wanted.allSatisfy { has($0, line) } && !unwanted.contains { has($0, line) }
    }

    /// Whether a line has what is searched for, in its text or its source.
    mutating func isHit(_ line: LogLine) -> Bool {
        guard let search else { return false }
        while sources.count <= line.sourceNumber { sources.append(nil) }
        let isOfSource = sources[line.sourceNumber] ?? search.matches(line.source.name)
        sources[line.sourceNumber] = isOfSource
        return isOfSource || search.pattern.matches(line)
    }

    private func has(_ search: LogSearch, _ line: LogLine) -> Bool {
        search.pattern.matches(line) || search.matches(line.source.name)
    }
}

extension LogIndex.View {
    /// Whether a line is shown, other than by folding.
    package func shows(_ record: LogRecord) -> Bool {
        guard shows(record.level, record.stage, record.item, record.attempt),
            record.time >= since ?? .min, record.time <= until ?? .max
        else { return false }
        func has(_ text: String) -> Bool {
            LogSearch(text).map { $0.matches(record.message) || $0.matches(record.source) } ?? true
        }
        return wanted.allSatisfy(has) && !unwanted.contains(where: has)
    }
}
