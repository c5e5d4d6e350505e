/// Compares claims: absolute paths that may contain `*`, and tables as ``TableClaim`` writes them.
package enum ClaimedPath {
    /// Whether one path may be equal to the other or inside of it.
    package static func meet(_ left: String, _ right: String) -> Bool {
        // A table never equals a path.
        guard left.hasPrefix("/") == right.hasPrefix("/") else { return false }
        return zip(left.split(separator: "/"), right.split(separator: "/"))
            .allSatisfy { patternsOverlap(Array($0), Array($1)) }
    }

    /// Whether some text matches both patterns.
    private static func patternsOverlap(_ left: [Character], _ right: [Character]) -> Bool {
        if !left.contains("*"), !right.contains("*") { return left == right }
        // For each prefix of `left`, the prefixes of `right` that share a text with it.
        var reached = [Bool](repeating: false, count: right.count + 1)
        reached[0] = true
        for place in right.indices where right[place] == "*" && reached[place] { reached[place + 1] = true }
        for character in left {
            var next = [Bool](repeating: false, count: right.count + 1)
            if character == "*" {
                next = reached
                for place in right.indices where next[place] { next[place + 1] = true }
            } else {
                for place in right.indices {
                    if right[place] == "*" {
                        if reached[place] || reached[place + 1] { next[place + 1] = true }
                        if reached[place] { next[place] = true }
                    } else if reached[place], right[place] == character {
                        next[place + 1] = true
                    }
                }
                for place in right.indices where right[place] == "*" && next[place] { next[place + 1] = true }
            }
            reached = next
        }
        return reached[right.count]
    }
}
