import CaudalModel

extension HTMLReport {
    /// The checks with their results in past runs, and the rows that fail them.
    var checks: String {
        let lines = report.checks
        guard !lines.isEmpty else { return "" }
        let runs = lines.map { $0.history.count }.max() ?? 0
        let rows = lines.map { line -> [HTMLText.Cell] in
            let check = line.check
            let waiver = check.waiver.map { "<br><small>\(escaped($0))</small>" } ?? ""
            let scope = [line.item.map { "[\($0)]" }, check.partition].compactMap { $0 }.joined(separator: " ")
            let id = "<b>\(escaped(check.id))</b>" + (scope.isEmpty ? "" : " <small>\(escaped(scope))</small>")
            let title = "\(line.name) in \(line.history.count.counted("run"))"
            return [
                HTMLText.Cell(html: HTMLText.badge(check.word, ReportTone(check.outcome))),
                HTMLText.Cell(html: "\(id)<br><small>\(escaped(line.stage.rawValue))</small>"),
                HTMLText.Cell(html: escaped(check.message) + waiver),
                HTMLText.Cell(check.expectation, style: "soft"),
                HTMLText.Cell(html: line.history.isEmpty ? "" : line.sparkline.svg(title: title), style: "trend"),
            ]
        }
        let note = runs > 1 ? "what they measured in up to \(runs) runs, dashes are the limits" : ""
        let head = ["Outcome", "Check", "Found", "Expected", runs > 0 ? "History" : ""]
        return "<section><h2>Checks\(note.isEmpty ? "" : " <small>\(escaped(note))</small>")</h2>\n"
            + "\(HTMLText.table(head, rows, style: "checks"))\(failingRows(lines))</section>\n"
    }

    /// The first failing rows of each check that has any.
    private func failingRows(_ lines: [RunReport.CheckLine]) -> String {
        lines.filter { $0.check.outcome != .passed && !$0.check.samples.isEmpty }.map { line in
            let check = line.check
            let shown = check.samples.prefix(Self.sampleLimit)
            let rows = shown.map { sample -> [HTMLText.Cell] in
                [.number(sample.row.map(\.grouped) ?? "")]
                    + sample.values.map { value in
                        value.map { HTMLText.Cell($0, style: "value") }
                            ?? HTMLText.Cell(html: "<i class=\"null\">null</i>")
                    }
            }
            let all = check.failingRows ?? Int64(check.samples.count)
            let count = all > Int64(shown.count) ? "\(shown.count) of \(all.counted("row"))" : "Rows"
            return
                "<details open><summary>\(escaped(count)) that fail <code>\(escaped(line.name))</code></summary>\n"
                + HTMLText.table(["Row"] + (shown.first?.columns ?? []), rows, style: "sample") + "</details>\n"
        }.joined()
    }
}
