/// The first line of a CSV file: how its values are divided and what its columns are called.
package enum CSVHeader {
    /// The delimiters that are tried where the pipeline file names none; the first wins a tie.
    private static let candidates: [Character] = [",", ";", "\t", "|"]

    /// The delimiter that divides a line into most values.
    package static func delimiter(of line: String, quote: Character) -> String {
        var counts: [Character: Int] = [:]
        var isQuoted = false
        for character in line {
            if character == quote { isQuoted.toggle() }
            if !isQuoted, candidates.contains(character) { counts[character, default: 0] += 1 }
        }
        let best = candidates.max { counts[$0, default: 0] < counts[$1, default: 0] }
        guard let best, counts[best, default: 0] > 0 else { return "," }
        return String(candidates.first { counts[$0] == counts[best] } ?? best)
    }

    /// Whether every quoted value of a line ends in it.
    package static func isWhole(_ line: String, quote: Character) -> Bool {
        line.count(where: { $0 == quote }) % 2 == 0
    }

    /// The first record of a file: its first line, and those after it that a quoted value goes on in.
    ///
    /// - Returns: Nil when there is no line, or the first one is blank.
    package static func record(of lines: [String], quote: Character) -> String? {
        guard let first = lines.first, !first.isEmpty else { return nil }
        var record = first
        for line in lines.dropFirst() where !isWhole(record, quote: quote) { record += "\n" + line }
        return record
    }

    /// The values of a line.
    package static func values(of line: String, delimiter: Character, quote: Character) -> [String] {
        var values: [String] = []
        var value = ""
        var isQuoted = false
        var characters = Array(line)[...]
        while let character = characters.popFirst() {
            if isQuoted {
                if character == quote {
                    if characters.first == quote { value.append(characters.removeFirst()) } else { isQuoted = false }
                } else {
                    value.append(character)
                }
            } else if character == quote, value.isEmpty {
                isQuoted = true
            } else if character == delimiter {
                values.append(value)
                value = ""
            } else {
                value.append(character)
            }
        }
        values.append(value)
        return values
    }

    /// What is wrong with the names of columns, or nil.
    package static func fault(in names: [String]) -> String? {
        if let empty = names.firstIndex(where: { $0.trimmed.isEmpty }) { return "its column \(empty + 1) has no name" }
        if let broken = names.firstIndex(where: { $0.contains("\0") }) {
            return "the name of its column \(broken + 1) holds a NUL character"
        }
        var seen: [String: String] = [:]
        for name in names {
            // Engines do not tell names apart that differ in case alone.
            if let other = seen[name.lowercased()] {
                return other == name
                    ? "it has two columns '\(name)'" : "its columns '\(other)' and '\(name)' differ in case alone"
            }
            seen[name.lowercased()] = name
        }
        return nil
    }
}
