import CaudalModel
import Engine

/// Which stages are listed, as the user types it: all of its words must fit.
///
/// A word fits a stage whose name, group or failure contains it; `state:failed`, `group:dim` and `slow` (above twice
/// the usual duration) fit by what they say; `!` before a word turns it round.
struct StageFilter: Equatable {
    /// One word of a filter.
    private enum Test: Equatable {
        case text(String)
        case state(String)
        case group(String)
        case slow
    }

    let text: String
    private let tests: [(test: Test, isWanted: Bool)]

    static func == (left: StageFilter, right: StageFilter) -> Bool { left.text == right.text }

    init(_ text: String = "") {
        self.text = text
        tests = text.lowercased().split(separator: " ").compactMap { word in
            let isWanted = word.first != "!"
            let word = String(isWanted ? word[...] : word.dropFirst())
            // What is typed so far may be the beginning of a word.
            if word.isEmpty { return nil }
            if word == "slow" { return (.slow, isWanted) }
            if word.hasPrefix("state:") { return (.state(String(word.dropFirst(6))), isWanted) }
            if word.hasPrefix("group:") { return (.group(String(word.dropFirst(6))), isWanted) }
            return (.text(word), isWanted)
        }
    }

    /// Whether every stage fits.
    var isEmpty: Bool { tests.isEmpty }

    /// Whether a stage fits, by its place in the plan.
    func matches(_ stage: Int, _ state: DashboardState) -> Bool {
        tests.allSatisfy { Self.fits($0.test, stage, state) == $0.isWanted }
    }

    private static func fits(_ test: Test, _ stage: Int, _ state: DashboardState) -> Bool {
        let stageState = state.run.stages[stage]
        switch test {
        case .text(let text):
            if state.graph.names[stage].lowercased().contains(text) { return true }
            if state.graph.groups[stage]?.lowercased().contains(text) == true { return true }
            return stageState.unit.lastResult?.failure?.message.lowercased().contains(text) == true
        case .state(let word):
            return state.run.word(of: stageState.status).hasPrefix(word)
                || state.word(stageState.status).lowercased().hasPrefix(word)
        case .group(let word): return state.graph.groups[stage]?.lowercased().hasPrefix(word) == true
        case .slow:
            guard let usual = state.run.plan.stages[stage].expected,
                let took = state.elapsed(UnitID(stageState.id))
            else { return false }
            return took > usual * 2
        }
    }
}
