import CaudalModel
import Foundation

/// The report as JSON, for other programs.
struct JSONReport {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    private struct Page: Encodable {
        struct Stage: Encodable {
            var name: String
            var type: String
            var state: String
            /// Whether it failed and its failure is allowed; absent for other stages.
            var allowed: Bool?
            var reason: String?
            /// Why it does not run now, while it waits.
            var waits: String?
            var attempts: Int
            var items: [String: String]?
            var started: String?
            var ended: String?
            var durationMs: Int64?
            var rows: RowAccount?
            var checks: [CheckResult]
            var artifacts: [Artifact]
            /// All attempts since the run's start, including those of items.
            var attempted: [Attempt]
        }

        struct Attempt: Encodable {
            var item: String?
            var number: Int
            var ending: String
            var startMs: Int64
            var endMs: Int64
            /// Where it ran; absent for a process of this machine.
            var place: String?
        }

        struct Flow: Encodable {
            var read: Int64
            var made: Int64
            var written: Int64
            var duplicates: Int64
            var quarantined: Int64
            var dropped: Int64
            /// Rows that no item of a fan-out saw; nil for none.
            var unassigned: Int64?
            var isBalanced: Bool
        }

        struct Change: Encodable {
            var time: String
            var by: String
            var differences: [PlanDifference]
        }

        var pipeline: String
        var description: String
        var run: String
        var state: String
        var isPaused: Bool
        var started: String?
        var ended: String?
        var durationMs: Int64
        var story: [String]
        var parameters: [String: String]
        var environment: String?
        /// The program and the machine that began the run.
        var origin: RunOrigin?
        var rows: Flow?
        var stages: [Stage]
        var changes: [Change]
        var inputs: [Input]
        var history: [History]
        var failures: [Failed]
        var remarks: [Remark]
        var remarkCount: Int
    }

    private struct Input: Encodable {
        var stage: String
        var file: InputVersion
    }

    /// What a check measured in one run.
    private struct History: Encodable {
        struct Value: Encodable {
            var run: String
            var outcome: String
            var measured: Double?
        }

        var stage: String
        var item: String?
        var check: String
        var part: String?
        var values: [Value]
    }

    /// How often something that failed had failed before in the same way.
    private struct Failed: Encodable {
        var stage: String
        var item: String?
        var fingerprint: String
        var runs: Int
        var first: String?
        var last: String?
        var clearedByOneRetry: Int
        var words: String

        init(_ unit: UnitID, _ history: FailureHistory) {
            (stage, item) = (unit.stage.rawValue, unit.item?.rawValue)
            (fingerprint, runs, words) = (history.fingerprint, history.runs, history.words())
            (first, last) = runs > 0 ? (UTC.iso(history.first), UTC.iso(history.last)) : (nil, nil)
            clearedByOneRetry = history.clearedByOneRetry
        }
    }

    private struct Remark: Encodable {
        var time: String
        var level: String
        var from: String
        var message: String
    }

    var text: String {
        let state = report.state
        let page = Page(
            pipeline: state.plan.pipeline, description: report.description, run: state.id.rawValue,
            state: report.headline, isPaused: state.isPaused, started: state.startedAt.map { UTC.iso($0.wall) },
            ended: state.endedAt.map { UTC.iso($0.wall) }, durationMs: report.duration.milliseconds,
            story: report.story,
            parameters: Dictionary(
                report.parameters.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
            environment: state.plan.environment, origin: state.plan.origin,
            rows: report.flow.map {
                Page.Flow(
                    read: $0.read, made: $0.made, written: $0.written, duplicates: $0.duplicates,
                    quarantined: $0.quarantined, dropped: $0.dropped,
                    unassigned: $0.unassigned > 0 ? $0.unassigned : nil, isBalanced: $0.isBalanced)
            },
            stages: report.stageLines.map { line in
                let unit = line.stage.unit
                let items = line.stage.items.map { ($0.item.key.rawValue, $0.unit.status.rawValue) }
                return Page.Stage(
                    name: line.planned.id.rawValue, type: line.planned.type,
                    state: line.planned.id == report.reporter ? line.status : line.stage.status.rawValue,
                    allowed: line.isAllowedFailure ? true : nil, reason: unit.reason,
                    waits: state.waitReason(of: UnitID(line.planned.id), now: report.now),
                    attempts: unit.attempts.count,
                    items: line.stage.hasItems ? Dictionary(items, uniquingKeysWith: { first, _ in first }) : nil,
                    started: line.stage.startedAt.map { UTC.iso($0.wall) },
                    ended: line.stage.endedAt.map { UTC.iso($0.wall) }, durationMs: line.duration?.milliseconds,
                    rows: line.stage.rows, checks: line.stage.checks, artifacts: line.stage.artifacts,
                    attempted: line.lanes.flatMap { lane in
                        lane.bars.map { bar in
                            Page.Attempt(
                                item: lane.item?.rawValue, number: bar.number,
                                ending: bar.ending?.rawValue ?? UnitStatus.running.rawValue,
                                startMs: bar.start.milliseconds, endMs: bar.end.milliseconds,
                                place: bar.place)
                        }
                    })
            },
            changes: state.planChanges.map {
                Page.Change(time: UTC.iso($0.at.wall), by: $0.by, differences: $0.differences)
            },
            inputs: report.inputs.map { Input(stage: $0.stage.rawValue, file: $0.input) },
            history: report.checks.filter { !$0.history.isEmpty }.map { line in
                History(
                    stage: line.stage.rawValue, item: line.item?.rawValue, check: line.check.id,
                    part: line.check.partition,
                    values: line.history.map {
                        History.Value(run: $0.run.rawValue, outcome: $0.outcome.rawValue, measured: $0.measured)
                    })
            },
            failures: report.background.failures.sorted { $0.key.description < $1.key.description }.map {
                Failed($0.key, $0.value)
            },
            remarks: report.background.remarks.map {
                Remark(time: UTC.iso($0.time), level: $0.level.name, from: $0.source, message: $0.message)
            }, remarkCount: report.background.remarkCount)
        return JSONText.formatted(page)
    }
}
