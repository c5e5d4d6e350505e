/// The report as one HTML page that needs nothing else: no network, no script; readable in the dark and on paper.
struct HTMLReport {
    private let report: RunReport

    init(_ report: RunReport) { self.report = report }

    var text: String {
        let state = report.state
        var body = header
        if let flow = report.flow { body += section("Rows", flowPicture(flow) + rowTable) }
        body += section("Timeline", timeline)
        body += section("Stages", stageTable)
        if !report.changes.isEmpty { body += section("Changed file", changeTable) }
        if !report.checks.isEmpty { body += section("Checks", checkTable + failingRows) }
        if !report.artifacts.isEmpty { body += section("Files", artifactTable) }
        body += "<footer>Written by caudal at \(escaped(RunReport.time(report.now)))</footer>"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(state.plan.pipeline)) \(escaped(state.id.rawValue)): \(escaped(report.headline))</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <main>
            \(body)
            </main>
            </body>
            </html>

            """
    }

    // MARK: - Parts

    private var header: String {
        let state = report.state
        let badge = report.isGood ? "good" : "bad"
        var facts = [
            ("Run", state.id.rawValue), ("Started", RunReport.time(state.startedAt)), ("Took", report.duration.short),
        ]
        if let environment = state.plan.environment { facts.append(("Environment", environment)) }
        facts += state.plan.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let list = facts.map { "<div><dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd></div>" }.joined()
        let text = report.description.isEmpty ? "" : "<p class=\"lead\">\(escaped(report.description))</p>"
        return """
            <header><h1>\(escaped(state.plan.pipeline)) <span class="badge \(badge)">\(escaped(report.headline))</span></h1>
            \(text)<dl class="facts">\(list)</dl></header>

            """
    }

    private func section(_ title: String, _ content: String) -> String {
        "<section><h2>\(title)</h2>\n\(content)</section>\n"
    }

    private func flowPicture(_ flow: RowFlow) -> String {
        let parts = [
            ("out", flow.written, "good"), ("duplicates", flow.duplicates, "wait"),
            ("quarantined", flow.quarantined, "bad"),
            ("dropped", flow.dropped, "dim"),
        ].filter { $0.1 > 0 }
        let total = max(1, Double(flow.read))
        let bars = parts.map { name, rows, style in
            // A sliver stays visible however few rows it stands for.
            let width = max(0.6, Double(rows) / total * 100).rounded(to: 2)
            return "<span class=\"\(style)\" style=\"flex-basis:\(width)%\" title=\"\(rows.grouped) \(name)\"></span>"
        }.joined()
        let words = parts.map { "<li><i class=\"\($0.2)\"></i>\($0.1.grouped) \($0.0)</li>" }.joined()
        return
            "<p><strong>\(escaped(flow.sentence))</strong></p><div class=\"bar\">\(bars)</div><ul class=\"legend\">\(words)</ul>\n"
    }

    private var rowTable: String {
        table(
            ["Stage", "In", "Out", "Duplicates", "Quarantined", "Dropped"], numeric: 1,
            report.rowLines.flatMap { line -> [[String]] in
                let rows = line.rows
                let head = [
                    escaped(line.stage.rawValue), rows.read.grouped, rows.written.grouped, rows.duplicates.grouped,
                    rows.quarantined.grouped, rows.dropped.grouped,
                ]
                let steps =
                    line.steps.count < 2
                    ? []
                    : line.steps.map { step in
                        [
                            "<span class=\"sub\">\(escaped(step.step))</span>", step.rowsIn.grouped,
                            step.rowsOut.grouped, "", "", "",
                        ]
                    }
                return [head] + steps
            })
    }

    private var timeline: String {
        let total = max(0.001, report.duration.seconds)
        let lines = report.stageLines.map { line -> String in
            var bar = ""
            if let start = line.start {
                let left = min(99, start.seconds / total * 100)
                let width = min(max(0.4, (line.duration?.seconds ?? 0) / total * 100), 100 - left)
                bar =
                    "<span class=\"\(Self.style(of: line.stage.status))\" "
                    + "style=\"left:\(left.rounded(to: 2))%;width:\(width.rounded(to: 2))%\"></span>"
            }
            let time = line.duration?.short ?? ""
            return
                "<div class=\"lane\"><b>\(escaped(line.planned.id.rawValue))</b><div class=\"track\">\(bar)</div><em>\(time)</em></div>"
        }
        return "<div class=\"timeline\">\(lines.joined())</div>\n"
    }

    private var stageTable: String {
        table(
            ["Stage", "Type", "State", "Took", "Notes"], numeric: nil,
            report.stageLines.map { line in
                [
                    escaped(line.planned.id.rawValue), escaped(line.planned.type),
                    "<span class=\"badge \(Self.style(of: line.stage.status))\">\(escaped(line.status))</span>",
                    line.duration?.short ?? "—", escaped(line.note),
                ]
            })
    }

    private var changeTable: String {
        table(
            ["Time", "By", "What", "Lines"], numeric: nil,
            report.changes.map { at, by, difference in
                [
                    escaped(RunReport.time(at)), escaped(by), escaped(difference.title),
                    difference.lines.map(escaped).joined(separator: "<br>"),
                ]
            })
    }

    private var checkTable: String {
        table(
            ["Stage", "Check", "Outcome", "Found", "Expected"], numeric: nil,
            report.checks.map { stage, check in
                let style = [.passed: "good", .warned: "wait", .failed: "bad", .error: "bad"][check.outcome] ?? ""
                let name = check.id + (check.partition.map { " (\($0))" } ?? "")
                return [
                    escaped(stage.rawValue), escaped(name),
                    "<span class=\"badge \(style)\">\(check.outcome.rawValue)</span>",
                    escaped(check.message) + (check.waiver.map { "<br><small>\(escaped($0))</small>" } ?? ""),
                    escaped(check.expectation),
                ]
            })
    }

    /// The first failing rows of each check that has some.
    private var failingRows: String {
        report.checks.filter { $0.check.outcome != .passed && !$0.check.samples.isEmpty }.map { stage, check in
            let shown = check.samples.prefix(20)
            let head = ["Row"] + (shown.first?.columns ?? [])
            let rows = shown.map { sample in
                [sample.row.map { $0.grouped } ?? ""]
                    + sample.values.map { $0.map(escaped) ?? "<i class=\"null\">null</i>" }
            }
            let more = check.samples.count > shown.count ? ", \(shown.count) of \(check.samples.count) kept" : ""
            return
                "<details open><summary>\(escaped(stage.rawValue)): rows that fail \(escaped(check.id))\(more)</summary>"
                + table(head.map(escaped), numeric: nil, rows) + "</details>"
        }.joined()
    }

    private var artifactTable: String {
        table(
            ["Stage", "File", "Rows", "Size", "Fingerprint"], numeric: nil,
            report.artifacts.map { stage, artifact in
                [
                    escaped(stage.rawValue), escaped(artifact.path), artifact.rowCount?.grouped ?? "—",
                    artifact.sizeInBytes.shortBytes, "<code>\(escaped(artifact.contentHash ?? "—"))</code>",
                ]
            })
    }

    /// A table; the columns from `numeric` on are numbers.
    private func table(_ head: [String], numeric: Int?, _ rows: [[String]]) -> String {
        func cells(_ row: [String], _ tag: String) -> String {
            row.enumerated().map { index, cell in
                "<\(tag)\(numeric.map { index >= $0 } == true ? " class=\"n\"" : "")>\(cell)</\(tag)>"
            }.joined()
        }
        let body = rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
        return
            "<div class=\"scroll\"><table><thead><tr>\(cells(head, "th"))</tr></thead><tbody>\(body)</tbody></table></div>\n"
    }

    private static func style(of status: UnitStatus) -> String {
        switch status {
        case .succeeded, .reused: "good"
        case .failed, .blocked: "bad"
        case .running, .queued, .retrying: "busy"
        case .pending, .skipped, .cancelled: "dim"
        }
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }

    // MARK: - Style

    private static let style = """
        :root{--ink:#1d2430;--paper:#fff;--soft:#5b6675;--line:#dfe4ea;--fill:#f5f7f9;--good:#1a7f4b;--bad:#c0303a;\
        --wait:#a86a00;--busy:#1c6fb8;--dim:#8a94a3;color-scheme:light dark}
        @media (prefers-color-scheme:dark){:root{--ink:#e3e8ef;--paper:#14181e;--soft:#9aa6b5;--line:#2b323c;--fill:#1b2027;\
        --good:#4cc38a;--bad:#ff7b83;--wait:#f0b254;--busy:#6cb6ff;--dim:#6b7686}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
        main{max-width:68rem;margin:0 auto;padding:2.5rem 1.5rem}
        h1{font-size:1.9rem;margin:0 0 .25rem;letter-spacing:-.02em}
        h2{font-size:1.1rem;margin:2.2rem 0 .7rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
        .lead{color:var(--soft);margin:.2rem 0 1rem}
        .facts{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:1rem 0 0}
        .facts dt{color:var(--soft);font-size:.8rem}.facts dd{margin:0;font-variant-numeric:tabular-nums}
        .badge{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:0 .6rem;font-size:.8rem;\
        font-weight:600;vertical-align:middle;white-space:nowrap}
        .badge.good{color:var(--good)}.badge.bad{color:var(--bad)}.badge.wait{color:var(--wait)}\
        .badge.busy{color:var(--busy)}.badge.dim{color:var(--dim)}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-size:.9rem}
        th{text-align:left;color:var(--soft);font-weight:600;font-size:.8rem}
        th,td{padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        .n{text-align:right;font-variant-numeric:tabular-nums}
        .sub{padding-left:1.2rem;color:var(--soft)}.null{color:var(--dim)}
        code{font:.85em ui-monospace,Menlo,Consolas,monospace;color:var(--soft)}
        .bar{display:flex;height:1.1rem;border-radius:.3rem;overflow:hidden;background:var(--fill)}
        .bar .good,.legend .good,.track .good{background:var(--good)}.bar .bad,.legend .bad,.track .bad{background:var(--bad)}
        .bar .wait,.legend .wait,.track .wait{background:var(--wait)}.bar .dim,.legend .dim,.track .dim{background:var(--dim)}
        .track .busy{background:var(--busy)}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:1.2rem;padding:0;margin:.5rem 0 1rem;color:var(--soft);font-size:.85rem}
        .legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin-right:.4rem}
        .lane{display:grid;grid-template-columns:11rem 1fr 4rem;align-items:center;gap:.8rem;padding:.15rem 0}
        .lane b{font-weight:500;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
        .lane em{font-style:normal;color:var(--soft);font-size:.85rem;text-align:right;font-variant-numeric:tabular-nums}
        .track{position:relative;height:.9rem;background:var(--fill);border-radius:.25rem}
        .track span{position:absolute;top:0;bottom:0;border-radius:.25rem}
        details{margin:1rem 0}summary{cursor:pointer;font-weight:600;font-size:.9rem}
        footer{margin-top:3rem;color:var(--dim);font-size:.8rem}
        @media print{main{max-width:none;padding:0}section{break-inside:avoid}.scroll{overflow:visible}\
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """
}
