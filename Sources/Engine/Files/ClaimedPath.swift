/// Paths that may hold `*` for a part of a name; and tables, as ``TableClaim`` writes them.
package enum ClaimedPath {
    /// Whether one path may be another, or lie in it.
    package static func meet(_ left: String, _ right: String) -> Bool {
        // A table is no path, whatever either may turn out to be.
        guard left.hasPrefix("/") == right.hasPrefix("/") else { return false }
        return zip(left.split(separator: "/"), right.split(separator: "/"))
            .allSatisfy { partsMeet(Array($0), Array($1)) }
    }

    /// Whether two patterns have a text in common.
    private static func partsMeet(_ left: [Character], _ right: [Character]) -> Bool {
        if !left.contains("*"), !right.contains("*") { return left == right }
        // For each beginning of `left`, the beginnings of `right` that have a text in common with it.
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
