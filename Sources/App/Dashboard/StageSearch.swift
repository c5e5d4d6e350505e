import CaudalModel
import Engine

/// Stages and items that fit what the user types, the best first.
///
/// A word fits by a stage's name, then by its group, its state, the words of its failure, and letters of its name in
/// their order; all words must fit. Items of fan-outs are found by their keys.
struct StageSearch: Equatable {
    let text: String
    let found: [UnitID]

    /// How well something fits: the less, the better.
    private struct Rank: Comparable {
        var kind: Int
        var length: Int
        var place: Int

        static func < (a: Rank, b: Rank) -> Bool {
            (a.kind, a.length, a.place) < (b.kind, b.length, b.place)
        }
    }

    init(_ text: String, in state: DashboardState) {
        self.text = text
        let words = text.lowercased().split(separator: " ").map { SearchedWord(String($0), in: state.run) }
        guard !words.isEmpty else {
            found = []
            return
        }
        var ranks: [(rank: Rank, id: UnitID)] = []
        let (names, statuses, stages) = (state.graph.searchedNames, state.digest.statuses, state.run.stages)
        for place in stages.indices {
            var worst: Int? = 0
            for word in words {
                guard let kind = Self.kind(word, names[place], statuses[place], stages, place) else {
                    worst = nil
                    break
                }
                worst = max(worst ?? 0, kind)
            }
            if let worst {
                // Of those that fit by their names, the shortest fits best.
                let length = worst < 4 ? names[place].letters.count : 0
                ranks.append((Rank(kind: worst, length: length, place: place), UnitID(stages[place].id)))
            } else if stages[place].hasItems, text.count > 1 {
                let stage = stages[place]
                for item in stage.items {
                    let name = UnitID(stage.id, item.item.key).description.lowercased()
                    guard words.allSatisfy({ name.contains($0.text) }) else { continue }
                    ranks.append(
                        (
                            Rank(kind: Self.itemKind, length: name.count, place: place),
                            UnitID(stage.id, item.item.key)
                        ))
                }
            }
        }
        found = ranks.enumerated().sorted { a, b in
            a.element.rank != b.element.rank ? a.element.rank < b.element.rank : a.offset < b.offset
        }.map(\.element.id)
    }

    private static let itemKind = 6

    /// How a word fits a stage; nil where it does not.
    private static func kind(
        _ word: SearchedWord, _ name: SearchedName, _ status: UnitStatus, _ stages: [StageState], _ place: Int
    ) -> Int? {
        let letters = word.letters
        if name.letters == letters { return 0 }
        if name.letters.starts(with: letters) { return 1 }
        if name.parts.dropFirst().contains(where: { $0.starts(with: letters) }) { return 2 }
        if name.contains(letters) { return 3 }
        if name.initials == letters { return 4 }
        if name.group.starts(with: letters), !name.group.isEmpty { return 4 }
        if word.states.contains(status) { return 5 }
        if status == .failed {
            let failure = stages[place].unit.lastResult?.failure?.message ?? stages[place].unit.reason
            if failure?.lowercased().contains(word.text) == true { return 5 }
        }
        if name.isAbbreviated(by: letters[...], from: 0) { return 7 }
        return name.has(inOrder: letters) ? 8 : nil
    }
}

/// A word that is searched for.
private struct SearchedWord {
    let text: String
    let letters: [Unicode.Scalar]
    /// The states that begin with it.
    let states: Set<UnitStatus>

    init(_ text: String, in run: RunState) {
        (self.text, letters) = (text, Array(text.unicodeScalars))
        states = Set(
            UnitStatus.allCases.filter {
                run.word(of: $0).hasPrefix(text) || StatusMark.word($0, in: run).lowercased().hasPrefix(text)
            })
    }
}

/// The name of a stage as it is searched, in small letters.
struct SearchedName: Sendable {
    let letters: [Unicode.Scalar]
    /// Its parts, between `_`, `-`, `.` and `/`.
    let parts: [ArraySlice<Unicode.Scalar>]
    let initials: [Unicode.Scalar]
    /// Its group; empty where it has none.
    let group: [Unicode.Scalar]

    init(_ name: String, group: String?) {
        letters = Array(name.lowercased().unicodeScalars)
        parts = letters.split { $0 == "_" || $0 == "-" || $0 == "." || $0 == "/" }
        initials = parts.compactMap(\.first)
        self.group = group.map { Array($0.lowercased().unicodeScalars) } ?? []
    }

    func contains(_ word: [Unicode.Scalar]) -> Bool {
        guard let first = word.first, letters.count >= word.count else { return word.isEmpty }
        for start in 0...(letters.count - word.count) where letters[start] == first {
            if letters[start..<(start + word.count)].elementsEqual(word) { return true }
        }
        return false
    }

    /// Whether a word is made of beginnings of the parts, as `foj` of `fct_orders_joined`.
    func isAbbreviated(by rest: ArraySlice<Unicode.Scalar>, from part: Int) -> Bool {
        if rest.isEmpty { return true }
        guard part < parts.count else { return false }
        let most = zip(rest, parts[part]).prefix { $0 == $1 }.count
        for count in stride(from: most, through: 0, by: -1)
        where isAbbreviated(by: rest.dropFirst(count), from: part + 1) { return true }
        return false
    }

    func has(inOrder word: [Unicode.Scalar]) -> Bool {
        var next = 0
        for letter in letters where next < word.count && letter == word[next] { next += 1 }
        return next == word.count
    }
}

extension DashboardState {
    /// Finds stages as the user types, and selects the best of them.
    mutating func findStages(_ text: String) {
        let found = StageSearch(text, in: self)
        search = found.text.isEmpty ? nil : found
        if let best = found.found.first { show(best) }
    }

    /// Selects the next stage of those that were found, or the previous one if `step` is negative.
    mutating func selectFound(_ step: Int) {
        guard let search, !search.found.isEmpty else { return say("no search yet: press / to search") }
        let found = search.found
        let place = found.firstIndex(of: selection) ?? (step > 0 ? -1 : 0)
        show(found[(place + step + found.count) % found.count])
        say("'\(search.text)' \(foundPlace ?? "")")
    }

    /// The number of the selected stage among those that were found, such as `2/17`.
    var foundPlace: String? {
        guard let search else { return nil }
        let place = search.found.firstIndex(of: selection).map { "\($0 + 1)" } ?? "–"
        return "\(place)/\(search.found.count)"
    }

    /// Everything that has failed or was interrupted: stages, and the items of fan-outs instead of these.
    var failures: [UnitID] { digest.failures }

    /// Selects the next failure, or the previous one if `step` is negative.
    mutating func selectFailure(_ step: Int) {
        let failed = failures
        guard !failed.isEmpty else { return say("nothing has failed", .good) }
        let target: Int
        if let place = failed.firstIndex(of: selection) {
            target = place + step
        } else {
            // From a fan-out to its first item that failed, from anything else to what stands behind it in the file.
            let own = selectedIndex ?? -1
            let places = failed.map { run.plan.index(of: $0.stage) ?? 0 }
            let behind = places.firstIndex { $0 >= own }
            target = step > 0 ? behind ?? 0 : (places.lastIndex { $0 < own } ?? failed.count - 1)
        }
        let place = (target + failed.count) % failed.count
        show(failed[place])
        if failed.count > 1 { say("failure \(place + 1) of \(failed.count): \(failed[place])", .bad) }
    }

    /// Selects a stage, or an item so that it is listed.
    mutating func show(_ id: UnitID) {
        if id.item != nil { unfolded.insert(id.stage) }
        // What is searched for is seen, whatever the list leaves out.
        if !filter.isEmpty, !listed.contains(where: { $0.stage == id.stage }) { filter = StageFilter() }
        select(id)
    }
}
