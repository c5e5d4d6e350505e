import CaudalModel
import Engine

/// The runs of a pipeline, newest first, as the dashboard of one of them lists them.
struct RunHistory: Sendable {
    let runs: [RunOfHistory]
    /// How long runs like each of them usually take.
    let usual: [RunID: UsualDuration]

    init(runs: [RunOfHistory]) {
        self.runs = runs
        usual = runs.map(\.summary).usual
    }

    /// The place of the run before one: of its environment if there is such a run.
    func place(before run: RunState) -> Int? {
        let isEarlier = { (other: RunOfHistory) in other.summary.id.rawValue < run.id.rawValue }
        return runs.firstIndex { isEarlier($0) && $0.summary.environment == run.plan.environment }
            ?? runs.firstIndex(where: isEarlier) ?? runs.indices.first
    }

    /// The last run before one, in its environment, that succeeded.
    func lastGood(before run: RunState) -> RunID? {
        runs.first {
            $0.summary.id.rawValue < run.id.rawValue && $0.summary.environment == run.plan.environment
                && $0.summary.trueStatus == .succeeded
        }?.summary.id
    }
}

/// The box with the history of the pipeline's runs.
struct HistoryPage: Sendable {
    /// What is done with a run.
    enum Purpose: Sendable { case open, compare, compareWithLastGood, restore }

    /// nil until it was read.
    var history: RunHistory?
    var choice = 0
    /// What was asked for before the history was read.
    var awaited: Purpose?

    /// The chosen run.
    var chosen: RunOfHistory? { history.flatMap { $0.runs.indices.contains(choice) ? $0.runs[choice] : nil } }
}

/// The box with the differences from another run.
struct ComparisonPage: Sendable {
    let other: RunID
    /// nil until the other run was read.
    var comparison: RunComparison?
    var scroll = 0
    /// The box that it goes back to.
    var history: HistoryPage
}

/// Reads the runs of a pipeline besides the one that is shown.
struct PastRuns: Sendable {
    let store: RunStore
    let files: RunFiles?

    private static let limit = 200

    /// The runs of the pipeline of a run, newest first.
    func history(of run: RunState) throws(StoreError) -> RunHistory {
        RunHistory(runs: try store.history(of: run.plan.pipeline, limit: Self.limit))
    }

    /// How a run differs from another one.
    func comparison(of run: RunState, with other: RunID) throws(StoreError) -> RunComparison {
        RunComparison(run, try store.state(of: other))
    }

    /// Another run.
    func open(_ id: RunID) throws(StoreError) -> ShownRun {
        ShownRun(try RunFollower(id, in: store), folder: store.folder.run(id), files)
    }
}
