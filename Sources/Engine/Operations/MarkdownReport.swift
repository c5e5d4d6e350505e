/// The report as Markdown.
struct MarkdownReport {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    var text: String {
        let state = report.state
        var lines = ["# \(escaped(state.plan.pipeline)): \(report.headline)", ""]
        if !report.description.isEmpty { lines += [escaped(report.description), ""] }
        lines += [
            "- Run: `\(state.id)`", "- Started: \(RunReport.time(state.startedAt))", "- Took: \(report.duration.short)",
        ]
        for (name, value) in state.plan.parameters.sorted(by: { $0.key < $1.key }) {
            lines.append("- \(escaped(name)): \(escaped(value))")
        }
        if let flow = report.flow { lines += ["", "**\(flow.sentence)**"] }
        lines += table(
            "Stages", ["Stage", "State", "Started after", "Took", "Notes"],
            report.stageLines.map { line in
                [
                    line.planned.id.rawValue, line.status, line.start?.short ?? "—", line.duration?.short ?? "—",
                    line.note,
                ]
            })
        lines += table(
            "Changed file", ["Time", "By", "What", "Lines"],
            report.changes.map { at, by, difference in
                [RunReport.time(at), by, difference.title, difference.lines.joined(separator: "; ")]
            })
        lines += table(
            "Rows", ["Stage", "In", "Out", "Duplicates", "Quarantined", "Dropped"],
            report.rowLines.map { line in
                [
                    line.stage.rawValue, line.rows.read.grouped, line.rows.written.grouped,
                    line.rows.duplicates.grouped,
                    line.rows.quarantined.grouped, line.rows.dropped.grouped,
                ]
            })
        lines += table(
            "Checks", ["Stage", "Check", "Outcome", "Found", "Expected"],
            report.checks.map { stage, check in
                [
                    stage.rawValue, check.id + (check.partition.map { " (\($0))" } ?? ""), check.outcome.rawValue,
                    check.message + (check.waiver.map { " — \($0)" } ?? ""), check.expectation,
                ]
            })
        lines += table(
            "Files", ["Stage", "File", "Rows", "Size", "Fingerprint"],
            report.artifacts.map { stage, artifact in
                [
                    stage.rawValue, artifact.path, artifact.rowCount?.grouped ?? "—", artifact.sizeInBytes.shortBytes,
                    artifact.contentHash ?? "—",
                ]
            })
        return lines.joined(separator: "\n") + "\n"
    }

    private func table(_ title: String, _ head: [String], _ rows: [[String]]) -> [String] {
        guard !rows.isEmpty else { return [] }
        return ["", "## \(title)", "", row(head), row(head.map { _ in "---" })] + rows.map { row($0.map(escaped)) }
    }

    private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

    private func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "|", "\\", "`", "*", "_", "<", "[", "#": escaped += "\\\(character)"
            case "\n", "\r", "\r\n": escaped += " "
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
