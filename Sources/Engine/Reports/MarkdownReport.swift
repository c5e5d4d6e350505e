import CaudalModel

/// The report as Markdown.
struct MarkdownReport {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    var text: String {
        let state = report.state
        var lines = ["# \(escaped(state.plan.pipeline)): \(report.headline)", ""]
        if !report.description.isEmpty { lines += [escaped(report.description), ""] }
        lines += [report.story.map { escaped($0) + "." }.joined(separator: " "), ""]
        lines += [
            "- Run: `\(state.id)`", "- Started: \(RunReport.time(state.startedAt))", "- Took: \(report.duration.short)",
        ]
        lines += problems + changes + stages + rows + checks + failingRows + files + remarks
        lines += table("Parameters", ["Name", "Value"], report.parameters.map { [$0.name, $0.value] })
        lines += table("Run details", ["What", "Value"], report.runDetails.map { [$0.name, $0.value] })
        return lines.joined(separator: "\n") + "\n"
    }

    private var problems: [String] {
        let problems = report.problems
        guard !problems.isEmpty else { return [] }
        let more = problems.count - RunReport.problemLimit
        return ["", "## Needs attention", ""]
            + problems.prefix(RunReport.problemLimit).map { problem in
                let remedy = [problem.remedy, problem.history].compactMap { $0.map { " — \(escaped($0))" } }.joined()
                return "- **\(escaped(problem.subject))**: \(escaped(problem.message))\(remedy)"
            } + (more > 0 ? ["- and \(more) more, in the tables below"] : [])
    }

    private var changes: [String] {
        table(
            "Changed file", ["Time", "By", "What", "Lines"],
            report.changes.map { at, by, difference in
                [RunReport.time(at), by, difference.title, difference.lines.joined(separator: "; ")]
            })
    }

    private var stages: [String] {
        table(
            "Stages", ["Stage", "State", "Started after", "Took", "Notes"],
            report.stageLines.map { line in
                [
                    line.planned.id.rawValue, line.status, line.start?.short ?? "—", line.duration?.short ?? "—",
                    line.note,
                ]
            })
    }

    private var rows: [String] {
        let lines = report.rowLines
        let hasOthers = lines.contains { $0.rows.unassigned > 0 }
        return table(
            "Rows",
            ["Stage", "In", "Out", "Duplicates", "Quarantined", "Dropped"] + (hasOthers ? [RowFlow.othersTitle] : []),
            lines.map { line in
                let rows = line.rows
                let counts = [rows.written, rows.duplicates, rows.quarantined, rows.dropped]
                return [line.stage.rawValue, rows.sourceText]
                    + (counts + (hasOthers ? [rows.unassigned] : [])).map(\.grouped)
            })
    }

    private var checks: [String] {
        table(
            "Checks", ["Check", "Outcome", "Found", "Expected", "History"],
            report.checks.map { line in
                let check = line.check
                return [
                    line.name, check.word, check.message + (check.waiver.map { " — \($0)" } ?? ""), check.expectation,
                    line.sparkline.blocks(),
                ]
            })
    }

    private var failingRows: [String] {
        report.checks.filter { $0.check.outcome != .passed }.flatMap { line -> [String] in
            let shown = line.check.samples.prefix(HTMLReport.sampleLimit)
            let title = "Rows that fail \(escaped(line.name))"
            let rows = shown.map { sample in [sample.row?.grouped ?? ""] + sample.values.map { $0 ?? "null" } }
            return table(title, ["Row"] + (shown.first?.columns ?? []), rows, level: "###")
        }
    }

    private var files: [String] {
        let written = report.artifacts.prefix(HTMLReport.fileLimit).map { stage, file in
            [
                file.path, stage.rawValue, file.rowCount?.grouped ?? "—", file.sizeInBytes.shortBytes,
                file.contentHash ?? "—",
            ]
        }
        let read = report.inputs.prefix(HTMLReport.fileLimit).map { stage, file in
            [file.path, stage.rawValue, file.sizeInBytes.shortBytes, file.contentHash ?? "—"]
        }
        return table("Files written", ["File", "By", "Rows", "Size", "Fingerprint"], written)
            + table("Files read", ["File", "By", "Size", "Fingerprint"], read)
    }

    private var remarks: [String] {
        let all = report.background.remarkCount
        let lines = report.background.remarks
        let note = all > lines.count ? " (the first \(lines.count) of \(all))" : ""
        return table(
            "Warnings and errors of the log\(note)", ["UTC", "Level", "From", "Message"],
            lines.map { [RunReport.time($0.time), $0.level.name, $0.source, $0.message] })
    }

    private func table(_ title: String, _ head: [String], _ rows: [[String]], level: String = "##") -> [String] {
        guard !rows.isEmpty else { return [] }
        return ["", "\(level) \(title)", "", row(head.map(escaped)), row(head.map { _ in "---" })]
            + rows.map { row($0.map(escaped)) }
    }

    private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

    private func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "|", "\\", "`", "*", "_", "<", "[", "]", "#", "&", "~", "$": escaped += "\\\(character)"
            case "\n", "\r", "\r\n", "\t": escaped += " "
            default:
                let isControl = character.unicodeScalars.contains { $0.properties.generalCategory == .control }
                escaped.append(isControl ? "\u{FFFD}" : character)
            }
        }
        return escaped
    }
}
