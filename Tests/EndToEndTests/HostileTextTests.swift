import Engine
import Foundation
import Testing

/// What data, programs, files and people say, as every verb prints it on a terminal.
@Suite("Text from outside on a terminal", .timeLimit(.minutes(15)))
struct HostileTextTests {
    /// A window's title, a cleared screen, a backspace, a C1 sequence, two marks that turn the direction, a deletion.
    private static let hostile = "\u{1b}]0;TITLE\u{07}\u{1b}[2J\u{08}\u{9b}2J\u{202e}\u{2066}\u{7f}"

    /// The same as a text of YAML.
    private static func quoted(_ text: String) -> String {
        let hex = text.unicodeScalars.map { scalar in
            scalar.isASCII && scalar.value >= 0x20 && scalar.value < 0x7F
                ? String(scalar)
                : "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                    + String(scalar.value, radix: 16)
        }
        return "\"\(hex.joined())\""
    }

    private func project() async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        let h = Self.hostile
        try project.write("raw.csv", "id,name,odd\(h)\n1,\"\(h)north\",5\n2,south,x\(h)\nx\(h),west,7\n")
        try project.write("message.txt", "refused \(h)\rWARN \(h)\n")
        try project.write("in/found\(h).csv", "a\n1\n")
        try project.write(
            "schema.json",
            #"{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: outside
            description: \(Self.quoted("about\(h)"))
            params: {who: {type: string, default: \(Self.quoted("me\(h)"))}}
            datasets:
              raw: {path: raw.csv, schema: schema.json}
              good: {path: good.csv}
              odd: {path: \(Self.quoted("odd\(h).csv"))}
            stages:
              intake: {type: validate, input: raw, output: good, max_invalid: 90%, description: \(Self.quoted(h))}
              check:
                type: process
                input: good
                output: odd
                steps: [{derive: {more: "name || 'x'"}}]
                checks: [{accepted_values: name, in: [\(Self.quoted(h))], severity: warn, id: known}]
              child: {type: command, run: "cat message.txt >&2; exit 3", allow_failure: true}
              items:
                type: command
                foreach: {n: {sql: "select name from raw order by 1"}}
                run: 'echo ${item.n}; exit 1'
                allow_failure: true
                env: {SAID: \(Self.quoted(h))}
              found: {type: command, foreach: {f: {files: "in/*.csv"}}, run: 'echo ${item.f}'}
              hold: {type: command, needs: check, run: "exit 4"}
            """)
        return project
    }

    /// What a command writes to a terminal of its own, through a pager that waits for no key.
    private func onTerminal(_ arguments: [String], _ project: CaudalProject) async throws -> String {
        let words = [CaudalProject.program] + arguments
        let line = words.map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
        return try await project.run(
            "/usr/bin/script", ["-qec", line, "/dev/null"], ["TERM": "xterm-256color", "PAGER": "cat"]
        ).output
    }

    /// What of a text would steer a terminal, colours of printed lines left out.
    private func steering(in text: String) -> [String] {
        let scalars = Array(text.replacing(#/\e\[[0-9;]*m/#.matchingSemantics(.unicodeScalar), with: "").unicodeScalars)
        return scalars.enumerated().compactMap { place, scalar in
            // The terminal itself puts a return before the end of each line, and a second one at times.
            let next = place + 1 < scalars.count ? scalars[place + 1] : " "
            return switch scalar.value {
            case 0x0A: nil
            case 0x0D where next == "\n" || next == "\r": nil
            case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069:
                "U+" + String(scalar.value, radix: 16)
            default: nil
            }
        }
    }

    @Test("Nothing of it steers the terminal, whichever verb prints it and wherever it came from")
    func everyVerb() async throws {
        let project = try await project()
        let h = Self.hostile
        let questions = ["attempts", "checks", "logs", "stages", "runs", "artifacts", "inputs"]
        var commands: [[String]] = [
            ["validate", "p.yaml"], ["validate", "p.yaml", "--resolved"], ["run", "p.yaml", "--dry-run"],
            ["run", "p.yaml", "--plain"], ["run", "p.yaml", "--json", "--param", "who=\(h)"],
            ["mark", "last", "hold", "succeeded", "--reason", "because \(h)", "--plain"],
            ["show"], ["show", "--json"], ["show", "--follow"], ["show", "--follow", "--json"], ["logs"],
            ["logs", "--json"], ["run", "p.yaml", "--plain"], ["retry", "last", "--dry-run"],
            ["resume", "last", "--dry-run"], ["mark", "last", "hold", "skipped", "--reason", h, "--dry-run"],
            ["runs"], ["runs", "--json"], ["checks"], ["checks", "--json"], ["checks", "--history", "known"],
            ["checks", "--history", "known", "--json"], ["checks", "--backtest", "p.yaml"], ["lineage", "last"],
            ["lineage", "last", "--format", "json"], ["lineage", "last", "--format", "dot"],
            ["lineage", "p.yaml", "--columns"], ["lineage", "p.yaml", "--columns", "--format", "json"],
            ["graph", "p.yaml"], ["profile", "raw.csv"], ["profile", "raw.csv", "--suggest"],
            ["profile", "raw.csv", "--json"], ["quarantine", "list"], ["quarantine", "show", "last", "intake"],
            ["backfill", "p.yaml", "--days", "2026-01-01..2026-01-02", "--dry-run"],
            ["prune", "--keep", "0", "--dry-run"],
            ["doctor"],
            // Messages that say again what was asked for.
            [h], ["run", h], ["run", "p.yaml", "--param", "\(h)=1"], ["run", "p.yaml", "--env", h], ["show", h],
            ["run", "p.yaml", "--select", h], ["logs", "--stage", h], ["logs", "--grep", "[\(h)"], ["sql", h],
            ["checks", "--history", h], ["mark", "last", h, "skipped", "--reason", "x"], ["retry", "last", h],
            ["cancel", "last", h], ["explain", "p.yaml", h], ["profile", "\(h).csv"], ["show", "--state", h],
            ["runs", "--status", h], ["runs", "--color", h], ["report", "last", "--output", "/none/\(h)"], ["help", h],
        ]
        commands += ["intake", "check", "child", "items"].map { ["explain", "p.yaml", $0] }
        commands += ["markdown", "html", "json"].map { ["report", "last", "--format", $0] }
        for format in ["table", "csv", "json"] {
            commands += questions.map { ["sql", "select * from \($0)", "--format", format] }
        }
        for command in commands {
            let shown = try await onTerminal(command, project)
            let found = steering(in: shown)
            #expect(found.isEmpty, "\(command) writes \(Set(found)): \(shown.prefix(2000).debugDescription)")
            #expect(!shown.isEmpty || command.last == "inputs", "\(command) shows nothing")
        }
    }

    @Test("What is made for programs keeps the data as it is: in a pipe, and as JSON also on a terminal")
    func programs() async throws {
        let project = try await project()
        _ = try await project.caudal("run", "p.yaml", "--plain")
        let question = "select item from attempts where stage = 'items' and item like '%north'"
        let csv = try await project.caudal("sql", question, "--format", "csv")
        #expect(csv.output.contains(Self.hostile))
        for text in [
            try await project.caudal("sql", question, "--format", "json").output,
            try await onTerminal(["sql", question, "--format", "json"], project),
        ] {
            let fields = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
            #expect(fields["item"]?.hasPrefix(Self.hostile) == true, "\(text.debugDescription)")
        }
    }

    @Test("Letters of every script stay as they are, with the joiners that some are spelt with")
    func scripts() async throws {
        let project = try CaudalProject(copying: [])
        let words = ["Zürich", "Ελλάδα", "日本語", "العربية", "می\u{200c}خواهم", "हिन्दी", "क्\u{200d}ष", "😀", "e\u{301}"]
        let run = words.joined(separator: " ")
        try project.write(
            "p.yaml", "version: 1\nname: words\nstages:\n  say: {type: command, run: \"echo '\(run)' >&2; exit 3\"}\n")
        #expect(try await onTerminal(["run", "p.yaml", "--plain"], project).contains(run))
        #expect(try await onTerminal(["logs"], project).contains(run))
    }
}
