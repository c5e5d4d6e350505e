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
        let words = text.lowercased().split(separator: " ").map(String.init)
        guard !words.isEmpty else {
            found = []
            return
        }
        var ranks: [(rank: Rank, id: UnitID)] = []
        for (place, stage) in state.run.stages.enumerated() {
            let name = state.graph.names[place].lowercased()
            let kinds = words.map { Self.kind($0, name, place, stage, state) }
            if let worst = kinds.max(by: { ($0 ?? .max) < ($1 ?? .max) }), let worst {
                // Of those that fit by their names, the shortest fits best.
                let length = worst < 4 ? name.count : 0
                ranks.append((Rank(kind: worst, length: length, place: place), UnitID(stage.id)))
            } else if stage.hasItems, text.count > 1 {
                for item in stage.items {
                    let name = UnitID(stage.id, item.item.key).description.lowercased()
                    guard words.allSatisfy({ name.contains($0) }) else { continue }
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
        _ word: String, _ name: String, _ place: Int, _ stage: StageState, _ state: DashboardState
    ) -> Int? {
        if name == word { return 0 }
        if name.hasPrefix(word) { return 1 }
        if beginsPart(word, name) { return 2 }
        if name.contains(word) { return 3 }
        if String(parts(name).compactMap(\.first)) == word { return 4 }
        if state.graph.groups[place]?.lowercased().hasPrefix(word) == true { return 4 }
        if stage.status.rawValue.hasPrefix(word) || StatusMark.word(stage.status).lowercased().hasPrefix(word) {
            return 5
        }
        let failure = stage.unit.lastResult?.failure?.message ?? stage.unit.reason
        if stage.status == .failed, failure?.lowercased().contains(word) == true { return 5 }
        if isAbbreviation(word, name) { return 7 }
        return hasInOrder(word, name) ? 8 : nil
    }

    /// Whether a part of a name, behind `_`, `-`, `.` or `/`, begins with a word.
    private static func beginsPart(_ word: String, _ name: String) -> Bool {
        parts(name).dropFirst().contains { $0.hasPrefix(word) }
    }

    private static func parts(_ name: String) -> [Substring] { name.split { "_-./".contains($0) } }

    /// Whether a word is made of beginnings of a name's parts, as `foj` of `fct_orders_joined`.
    private static func isAbbreviation(_ word: String, _ name: String) -> Bool {
        func fits(_ rest: Substring, _ parts: ArraySlice<Substring>) -> Bool {
            if rest.isEmpty { return true }
            guard let part = parts.first else { return false }
            let most = zip(rest, part).prefix { $0 == $1 }.count
            for count in stride(from: most, through: 0, by: -1)
            where fits(rest.dropFirst(count), parts.dropFirst()) { return true }
            return false
        }
        return fits(word[...], parts(name)[...])
    }

    private static func hasInOrder(_ word: String, _ name: String) -> Bool {
        var rest = name[...]
        for letter in word {
            guard let place = rest.firstIndex(of: letter) else { return false }
            rest = rest[rest.index(after: place)...]
        }
        return true
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

    /// Everything that has failed: stages, and the items of fan-outs instead of these.
    var failures: [UnitID] {
        run.stages.flatMap { stage -> [UnitID] in
            let items = stage.hasItems ? stage.items.filter { $0.unit.status == .failed } : []
            if !items.isEmpty { return items.map { UnitID(stage.id, $0.item.key) } }
            return stage.unit.status == .failed ? [UnitID(stage.id)] : []
        }
    }

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
