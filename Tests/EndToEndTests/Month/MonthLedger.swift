import CaudalModel
import Engine

/// What happened in a simulated month, kept by those who made it happen.
///
/// Nothing in it was read from Caudal. All times are milliseconds since 1970.
struct MonthLedger {
    /// An attempt of a stage, and what its program printed.
    struct Attempt {
        var stage: StageID
        var began: Int64
        /// nil when its process died.
        var ending: AttemptResult.Ending?
        var rows: RowAccount?
        var lines: [String]
        /// When it printed them.
        var printed: Int64
    }

    /// A run that was started.
    struct Run {
        var id: RunID
        var pipeline: String
        var planned: Int64
        var began: Int64
        var ended: Int64?
        var attempts: [Attempt] = []
        var retriedBy: String?

        /// Whether every stage that was tried succeeded in the end.
        var hasSucceeded: Bool { Set(attempts.map(\.stage)).allSatisfy { last(of: $0)?.ending == .succeeded } }
        func last(of stage: StageID) -> Attempt? { attempts.last { $0.stage == stage } }
        /// The attempts of a stage that failed.
        func failures(of stage: StageID) -> Int { attempts.count { $0.stage == stage && $0.ending == .failed } }
        func tries(of stage: StageID) -> Int { attempts.count { $0.stage == stage } }
    }

    /// A line that a program printed.
    struct Line {
        var time: Int64
        var pipeline: String
        var text: String
        var isError: Bool { text.hasPrefix("ERROR") }
        var isWarning: Bool { text.hasPrefix("WARN") }
    }

    private(set) var runs: [Run] = []
    private var places: [RunID: Int] = [:]

    mutating func begin(_ run: Run) {
        places[run.id] = runs.count
        runs.append(run)
    }

    /// Changes what is known of a run.
    mutating func change(_ id: RunID, _ action: (inout Run) -> Void) {
        guard let place = places[id] else { preconditionFailure("run \(id) was never begun") }
        action(&runs[place])
    }

    func runs(of pipeline: String) -> [Run] { runs.filter { $0.pipeline == pipeline } }

    /// Everything that was printed, in the order of time.
    var lines: [Line] {
        runs.flatMap { run in
            run.attempts.flatMap { attempt in
                attempt.lines.map { Line(time: attempt.printed, pipeline: run.pipeline, text: $0) }
            }
        }.sorted { $0.time < $1.time }
    }
}
