/// Finds the name that the user probably meant.
package enum Suggestion {
    /// The candidate closest to `text`, if it is close enough to be a typing error.
    ///
    /// The distance counts insertions, deletions, replacements and swaps of neighbours; up to a third of the text's
    /// length may differ. Ties go to the first candidate. A text that is the beginning of only one candidate also
    /// matches it.
    package static func closest(to text: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(1, (text.count + 1) / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(Array(text.lowercased()), Array(candidate.lowercased()))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        if let best { return best.name }
        // An abbreviation, such as "int" for "integer".
        let longer = candidates.filter { $0.lowercased().hasPrefix(text.lowercased()) }
        return text.count >= 3 && longer.count == 1 ? longer[0] : nil
    }

    /// `; did you mean 'x'?`, or a list of a few candidates, or an empty text.
    package static func phrase(for text: String, among candidates: [String]) -> String {
        if let name = closest(to: text, among: candidates) { return "; did you mean '\(name)'?" }
        guard !candidates.isEmpty else { return "" }
        let shown = candidates.prefix(8).joined(separator: ", ")
        return "; there is \(shown)" + (candidates.count > 8 ? ", …" : "")
    }

    /// The optimal string alignment distance.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { rows[i][0] = i }
        for j in 0...b.count { rows[0][j] = j }
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        for i in 1...a.count {
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
                }
            }
        }
        return rows[a.count][b.count]
    }
}
