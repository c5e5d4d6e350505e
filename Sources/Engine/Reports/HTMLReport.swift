import CaudalModel

/// The report as one self-contained HTML page: no network, no script; readable in dark mode and on paper.
struct HTMLReport {
    let report: RunReport

    init(_ report: RunReport) { self.report = report }

    /// The maximum number of failing rows of a check on the page; the JSON report has all that were kept.
    static let sampleLimit = 20
    /// The maximum number of items of a fan-out with a lane of their own.
    static let laneLimit = 12
    /// The maximum number of files listed.
    static let fileLimit = 200

    var text: String {
        let state = report.state
        let parts = [
            header, problems, section("Changed file", changes), section("Stages", GraphSVG(report).text),
            section("Timeline", timeline), rows, checks, stages, files, remarks, runDetails,
        ]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="generator" content="caudal \(Version.text)">
            <title>\(escaped(state.plan.pipeline)) \(escaped(state.id.rawValue)): \(escaped(report.headline))</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <main>
            \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
            <footer>Run \(escaped(state.id.rawValue)) · written by caudal at \(escaped(RunReport.time(report.now)))</footer>
            </main>
            </body>
            </html>

            """
    }

    func escaped(_ text: String) -> String { HTMLText.escaped(text) }

    private func section(_ title: String, note: String = "", _ content: String) -> String {
        guard !content.isEmpty else { return "" }
        let note = note.isEmpty ? "" : " <small>\(escaped(note))</small>"
        return "<section><h2>\(escaped(title))\(note)</h2>\n\(content)</section>\n"
    }

    private var changes: String {
        let rows = report.changes.map { at, by, difference -> [HTMLText.Cell] in
            [
                HTMLText.Cell(RunReport.time(at)), HTMLText.Cell(by), HTMLText.Cell(difference.title),
                HTMLText.Cell(html: difference.lines.map(escaped).joined(separator: "<br>")),
            ]
        }
        return rows.isEmpty ? "" : HTMLText.table(["UTC", "By", "What", "Lines"], rows)
    }

    // MARK: - Head

    private var header: String {
        let state = report.state
        let lead = report.description.isEmpty ? "" : "<p class=\"lead\">\(escaped(report.description))</p>\n"
        let story = report.story.map { escaped($0) + "." }
        let tiles = figures.map { name, value, note in
            let note = note.isEmpty ? "" : "<span>\(escaped(note))</span>"
            return "<div><dt>\(escaped(name))</dt><dd>\(escaped(value))\(note)</dd></div>"
        }
        return """
            <header class="\(report.tone.rawValue)">
            <p class="crumb">Pipeline report · \(escaped(RunReport.time(state.startedAt)))</p>
            <h1>\(escaped(state.plan.pipeline)) \(HTMLText.badge(report.headline, report.tone))</h1>
            \(lead)<p class="story"><strong>\(story.first ?? "")</strong> \(story.dropFirst().joined(separator: " "))</p>
            <dl class="tiles">\(tiles.joined())</dl>
            </header>
            """
    }

    /// The key figures at the top: name, value and note.
    private var figures: [(name: String, value: String, note: String)] {
        var figures: [(String, String, String)] = [
            ("Took", report.duration.short, ""), ("Stages", "\(report.succeeded)/\(report.stageCount)", "succeeded"),
        ]
        if let flow = report.flow {
            figures.append(("Rows in", flow.read.grouped, ""))
            let lost = flow.read + flow.made - flow.written
            figures.append(
                ("Rows out", flow.written.grouped, lost > 0 ? "\(lost.grouped) removed" : ""))
        }
        if !report.checks.isEmpty {
            let passed = report.checks.count { $0.check.outcome == .passed }
            figures.append(("Checks", "\(passed)/\(report.checks.count)", "passed"))
        }
        let size = report.artifacts.reduce(0) { $0 + $1.artifact.sizeInBytes }
        if size > 0 { figures.append(("Written", size.shortBytes, report.artifacts.count.counted("file"))) }
        return figures
    }

    private var problems: String {
        let problems = report.problems
        guard !problems.isEmpty else { return "" }
        let items = problems.prefix(RunReport.problemLimit).map { problem in
            let remedy = [problem.remedy, problem.history].compactMap { $0.map { "<span>\(escaped($0))</span>" } }
                .joined()
            return
                "<li class=\"\(problem.tone.rawValue)\"><b>\(problem.tone.mark) \(escaped(problem.subject))</b> \(escaped(problem.message))\(remedy)</li>"
        }
        let more = problems.count - RunReport.problemLimit
        let rest = more > 0 ? "<li>and \(Int64(more).grouped) more, in the tables below</li>" : ""
        return section("Needs attention", "<ul class=\"problems\">\(items.joined())\(rest)</ul>")
    }

    // MARK: - Rows

    private var rows: String {
        var content = ""
        if let flow = report.flow { content += flowDiagram(flow) }
        let hasOthers = report.rowLines.contains { $0.rows.unassigned > 0 }
        let lines = report.rowLines.flatMap { line -> [[HTMLText.Cell]] in
            let rows = line.rows
            let counts = [rows.written, rows.duplicates, rows.quarantined, rows.dropped]
            let cells = (counts + (hasOthers ? [rows.unassigned] : [])).map { HTMLText.Cell.count($0) }
            let head: [HTMLText.Cell] =
                [.code(line.stage.rawValue), HTMLText.Cell(rows.sourceText, style: rows.isReadKnown ? "n" : "n dim")]
                + cells + [HTMLText.Cell(html: bar(of: rows), style: "meter")]
            guard line.steps.count > 1 else { return [head] }
            let empty = Array(repeating: HTMLText.Cell("", style: "n"), count: cells.count - 1)
            let steps = line.steps.map { step -> [HTMLText.Cell] in
                [HTMLText.Cell(step.step, style: "sub"), .count(step.rowsIn), .count(step.rowsOut)] + empty + [""]
            }
            return [head] + steps
        }
        guard !lines.isEmpty else { return "" }
        let head =
            ["Stage", "In", "Out", "Duplicates", "Quarantined", "Dropped"] + (hasOthers ? [RowFlow.othersTitle] : [])
            + [""]
        return section("Rows", content + HTMLText.table(head, lines))
    }

    private func flowDiagram(_ flow: RowFlow) -> String {
        let parts = [
            ("out", flow.written, "good"), ("duplicates", flow.duplicates, "wait"),
            ("quarantined", flow.quarantined, "bad"), ("dropped", flow.dropped, "dim"),
            (RowFlow.othersTitle.lowercased(), flow.unassigned, "dim"),
        ].filter { $0.1 > 0 }
        let words = parts.map { "<li><i class=\"\($0.2)\"></i>\(escaped($0.1.grouped)) \($0.0)</li>" }.joined()
        let chain = flow.parts.map { escaped($0.stage.rawValue) }.joined(separator: " → ")
        return "<p>\(escaped(flow.sentence)) <small>along \(chain)</small></p>"
            + "<div class=\"bar\">\(barSegments(parts.map { ($0.1, $0.2) }, of: flow.read + flow.made))</div><ul class=\"legend\">\(words)</ul>\n"
    }

    private func bar(of rows: RowAccount) -> String {
        let parts = [
            (rows.written, "good"), (rows.duplicates, "wait"), (rows.quarantined, "bad"),
            (rows.dropped + rows.unassigned, "dim"),
        ].filter { $0.0 > 0 }
        // A query produces rows of its own: a bar of shares would be meaningless.
        guard rows.isReadKnown, rows.isBalanced else { return "" }
        return "<div class=\"bar thin\">\(barSegments(parts, of: rows.read + rows.made))</div>"
    }

    /// The segments of a bar; even the smallest share stays visible.
    private func barSegments(_ parts: [(Int64, String)], of total: Int64) -> String {
        parts.map { rows, tone in
            let width = max(0.8, Double(rows) / Double(max(1, total)) * 100).rounded(to: 2)
            return "<i class=\"\(tone)\" style=\"flex-basis:\(width)%\"></i>"
        }.joined()
    }

    // MARK: - Tables

    private var stages: String {
        let rows = report.stageLines.map { line -> [HTMLText.Cell] in
            [
                .code(line.planned.id.rawValue), HTMLText.Cell(line.planned.type, style: "soft"),
                HTMLText.Cell(html: HTMLText.badge(line.status, line.tone)), .number(line.duration?.short ?? "—"),
                HTMLText.Cell(line.planned.description),
                HTMLText.Cell(line.note, style: "soft"),
            ]
        }
        return section("All stages", HTMLText.table(["Stage", "Type", "State", "Took", "What it does", "Notes"], rows))
    }

    private var files: String {
        func cells(
            _ stage: StageID, _ path: String, _ rows: Int64?, _ size: Int64, _ hash: String?
        ) -> [HTMLText.Cell] {
            [
                HTMLText.Cell(html: "<code>\(escaped(path))</code>", style: "path"), .code(stage.rawValue),
                .number(rows.map(\.grouped) ?? ""), .number(size.shortBytes),
                HTMLText.Cell(html: "<code>\(escaped(hash ?? "—"))</code>", style: "hash"),
            ]
        }
        let written = report.artifacts.prefix(Self.fileLimit).map { stage, file in
            cells(stage, file.path, file.rowCount, file.sizeInBytes, file.contentHash)
        }
        let read = report.inputs.prefix(Self.fileLimit).map { stage, file in
            cells(stage, file.path, nil, file.sizeInBytes, file.contentHash)
        }
        var content = ""
        if !written.isEmpty {
            content += HTMLText.table(["Written", "By", "Rows", "Size", "Fingerprint"], written)
            content += more(report.artifacts.count)
        }
        if !read.isEmpty {
            content += HTMLText.table(["Read", "By", "", "Size", "Fingerprint"], read) + more(report.inputs.count)
        }
        return section("Files", content)
    }

    private func more(_ count: Int) -> String {
        count > Self.fileLimit ? "<p class=\"soft\">and \((count - Self.fileLimit).counted("file")) more</p>" : ""
    }

    private var remarks: String {
        let lines = report.background.remarks
        guard !lines.isEmpty else { return "" }
        let rows = lines.map { line -> [HTMLText.Cell] in
            [
                HTMLText.Cell(String(UTC.iso(line.time).dropFirst(11).prefix(8)), style: "time"),
                HTMLText.Cell(html: HTMLText.badge(line.level.name, line.level == .error ? .bad : .wait)),
                .code(line.source), HTMLText.Cell(line.message, style: "message"),
            ]
        }
        let all = report.background.remarkCount
        let note = all > lines.count ? "the first \(lines.count) of \(Int64(all).grouped)" : ""
        return section(
            "Warnings and errors of the log", note: note,
            HTMLText.table(["UTC", "Level", "From", "Message"], rows, style: "log"))
    }

    private var runDetails: String {
        func list(_ title: String, _ facts: [(name: String, value: String)]) -> String {
            guard !facts.isEmpty else { return "" }
            let rows = facts.map { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd>" }.joined()
            return "<div><h3>\(title)</h3><dl class=\"facts\">\(rows)</dl></div>"
        }
        let run = [
            (name: "Run", value: report.state.id.rawValue),
            (name: "Started", value: RunReport.time(report.state.startedAt)),
            (name: "Ended", value: RunReport.time(report.state.endedAt)),
        ]
        return section(
            "Run",
            "<div class=\"columns\">\(list("Parameters", report.parameters))\(list("Run details", run + report.runDetails))</div>"
        )
    }
}
