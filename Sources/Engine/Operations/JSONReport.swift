import Foundation

/// The report as JSON, for programs.
struct JSONReport {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    private struct Page: Encodable {
        struct Stage: Encodable {
            var name: String
            var type: String
            var state: String
            var reason: String?
            var attempts: Int
            var items: [String: String]?
            var started: String?
            var ended: String?
            var durationMs: Int64?
            var rows: RowAccount?
            var checks: [CheckResult]
            var artifacts: [Artifact]
        }

        struct Flow: Encodable {
            var read: Int64
            var written: Int64
            var duplicates: Int64
            var quarantined: Int64
            var dropped: Int64
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
        var started: String?
        var ended: String?
        var durationMs: Int64
        var parameters: [String: String]
        var environment: String?
        var rows: Flow?
        var stages: [Stage]
        var changes: [Change]
    }

    var text: String {
        let state = report.state
        let page = Page(
            pipeline: state.plan.pipeline, description: report.description, run: state.id.rawValue,
            state: report.headline, started: state.startedAt.map { UTC.iso($0.wall) },
            ended: state.endedAt.map { UTC.iso($0.wall) }, durationMs: report.duration.milliseconds,
            parameters: state.plan.parameters, environment: state.plan.environment,
            rows: report.flow.map {
                Page.Flow(
                    read: $0.read, written: $0.written, duplicates: $0.duplicates, quarantined: $0.quarantined,
                    dropped: $0.dropped, isBalanced: $0.isBalanced)
            },
            stages: report.stageLines.map { line in
                let unit = line.stage.unit
                let items = line.stage.items.map { ($0.item.key.rawValue, $0.unit.status.rawValue) }
                return Page.Stage(
                    name: line.planned.id.rawValue, type: line.planned.type, state: line.status, reason: unit.reason,
                    attempts: unit.attempts.count,
                    items: line.stage.hasItems ? Dictionary(items, uniquingKeysWith: { first, _ in first }) : nil,
                    started: line.stage.startedAt.map { UTC.iso($0.wall) },
                    ended: line.stage.endedAt.map { UTC.iso($0.wall) }, durationMs: line.duration?.milliseconds,
                    rows: line.stage.rows, checks: line.stage.checks, artifacts: line.stage.artifacts)
            },
            changes: state.planChanges.map {
                Page.Change(time: UTC.iso($0.at.wall), by: $0.by, differences: $0.differences)
            })
        return JSONReport.encode(page)
    }

    /// Pretty JSON with sorted keys, so that two reports can be compared line by line.
    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else {
            // Every field is text, a number or a list of them: this cannot be.
            preconditionFailure("the report could not be written as JSON")
        }
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
