import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Bad rows and bad definitions are mended without leaving the dashboard.
@Suite("From a failure to its remedy on one screen", .timeLimit(.minutes(15)))
struct BadRowLoopTests {
    struct Size: Sendable, CustomTestStringConvertible {
        let columns: Int
        let rows: Int
        var testDescription: String { "\(columns)x\(rows)" }
    }

    private static let sizes = [Size(columns: 80, rows: 24), Size(columns: 120, rows: 40)]

    private func dashboard(_ project: CaudalProject, _ size: Size, _ verb: String) async throws -> TerminalSession {
        try await TerminalSession(
            project, columns: size.columns, rows: size.rows,
            command: "EDITOR='sh ./editor.sh' \(CaudalProject.program) \(verb)")
    }

    @Test(
        "Rows that a check refused are corrected, their rule is changed, and the counts add up",
        .enabled(if: Checkout.runsDuckDBTests), arguments: sizes)
    func badRows(size: Size) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: intake
            datasets:
              raw: {path: raw.csv, schema: raw.json}
              valid: {path: valid.csv}
              total: {path: total.csv}
            stages:
              validate: {type: validate, input: raw, output: valid, quarantine: aside.csv, checks: [{row_count: {min: 4}}]}
              total: {type: sql, output: total, query: "select count(*) as n, sum(amount) as s from valid"}
            """)
        let rule =
            #"{"type": "object", "properties": {"id": {"type": "integer"}, "amount": {"type": "integer", "maximum": 50}}}"#
        try project.write("raw.json", rule)
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n3,30\nbroken\n5,500\n")
        // The editor corrects two rows of the three; of the pipeline's files it changes the rule.
        try project.write(
            "editor.sh",
            """
            case $2 in
            *.csv) cp "$2" opened.csv; sed -i 's/^raw.csv,2,2,many,/raw.csv,2,2,20,/; s/^raw.csv,4,,,broken/raw.csv,4,4,40,/' "$2";;
            *) sed -i 's/50/500/' raw.json;;
            esac
            """)
        let terminal = try await dashboard(project, size, "run p.yaml")
        try await terminal.waits(for: "FAILED ✗", "the run has ended")
        // The failure is selected by itself: its failing rows, the editor, and the question are two keys each.
        try await terminal.press("D")
        try await terminal.waits(for: "✗ row_count", "many")
        try await terminal.press("C")
        try await terminal.waits(for: "Take 2 corrected rows into validate?", "Runs again")
        #expect(try project.read("opened.csv").contains("raw.csv,2,2,many,"))
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED ✓", "5 in, 4 out, 1 quarantined")
        #expect(try project.read("total.csv") == "n,s\n4,100\n")
        // What is left is valid by another rule.
        try await terminal.press("O")
        try await terminal.waits(for: "Retry validate?", "has changed since the run began")
        try await terminal.press("Tab", "Tab")
        try await terminal.waits(for: "❯ With all downstream")
        try await terminal.press("Enter")
        try await terminal.waits(for: "SUCCEEDED ✓", "5 in, 5 out")
        #expect(try project.read("total.csv") == "n,s\n5,600\n")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        let story = try await project.caudal("show", "last")
        #expect(story.output.contains("5 in, 5 out"), "\(story)")
        try await terminal.close()
    }

    @Test(
        "Corrections that are not enough do not stand in the way, and are not lost",
        .enabled(if: Checkout.runsDuckDBTests))
    func notEnough() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: intake
            datasets: {raw: {path: raw.csv, schema: raw.json}, valid: {path: valid.csv}}
            stages:
              validate: {type: validate, input: raw, output: valid, quarantine: aside.csv, checks: [{row_count: {min: 3}}]}
            """)
        try project.write(
            "raw.json", #"{"type": "object", "properties": {"id": {"type": "integer"}, "amount": {"type": "integer"}}}"#
        )
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n3,more\n")
        // First one row is corrected, then the other one too.
        try project.write(
            "editor.sh",
            """
            cp "$2" opened.csv
            if test -f once; then sed -i 's/,more,/,30,/' "$2"; else touch once; sed -i 's/,many,/,20,/' "$2"; fi
            """)
        let terminal = try await dashboard(project, Size(columns: 120, rows: 40), "run p.yaml")
        try await terminal.waits(for: "FAILED ✗", "the run has ended")
        try await terminal.press("C")
        try await terminal.waits(for: "Take 1 corrected row into validate?")
        try await terminal.press("Escape")
        try await terminal.waits(for: "the corrected rows are kept: C goes on with them")
        try FileManager.default.removeItem(atPath: project.folder.path("once"))
        try await terminal.press("C")
        try await terminal.waits(for: "Take 1 corrected row into validate?")
        #expect(try project.read("opened.csv").contains(",20,"), "nothing that was typed is lost")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "#2", "FAILED ✗", "the run has ended")
        try await terminal.press("C")
        try await terminal.waits(for: "Take 2 corrected rows into validate?")
        #expect(try project.read("opened.csv").contains(",20,"), "the rows are as they were left")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED ✓")
        #expect(try project.read("valid.csv").split(separator: "\n").count == 4)
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }

    @Test(
        "Rows are still there after an attempt that failed before it looked at any",
        .enabled(if: Checkout.runsDuckDBTests))
    func stillThere() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: intake
            datasets: {raw: {path: raw.csv, schema: raw.json}, valid: {path: valid.csv}}
            stages:
              validate: {type: validate, input: raw, output: valid, quarantine: aside.csv, checks: [{row_count: {min: 3}}]}
            """)
        try project.write("raw.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        try project.write("raw.csv", "id\n1\ntwo\n3\n")
        // A program that fails at each script stands for whatever ends an attempt early.
        try project.write(
            "broken.sh",
            "#!/bin/sh\ncase \"$*\" in *-f*) exit 9;; esac\nexec \"$REAL_DUCKDB\" \"$@\"\n")
        _ = try await project.run("/bin/chmod", ["+x", "broken.sh"])
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let early = try await project.run(
            "/bin/sh",
            [
                "-c",
                "REAL_DUCKDB=$CAUDAL_DUCKDB CAUDAL_DUCKDB=$PWD/broken.sh exec '\(CaudalProject.program)' retry last validate --plain",
            ])
        #expect(early.status == 1 && "\(early)".contains("attempt 2"), "\(early)")
        let shown = try await project.caudal("quarantine", "show", "last", "validate", "--to", "rows.csv")
        #expect(shown.status == 0, "\(shown)")
        #expect(try project.read("rows.csv").contains("raw.csv,2,two,"))
    }

    @Test("A stage is mended in the editor, and retried as the file says now", arguments: sizes)
    func editAndRetry(size: Size) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              make: {type: command, run: echo made}
              load: {type: command, needs: make, run: exit 3}
              tell: {type: command, needs: load, run: echo told}
            """)
        try project.write("editor.sh", "sed -i 's/exit 3/exit 0/' \"$2\"")
        let terminal = try await dashboard(project, size, "run p.yaml")
        try await terminal.waits(for: "FAILED ✗", "the run has ended")
        try await terminal.press("O")
        try await terminal.waits(for: "Retry load?", "- run: exit 3", "+ run: exit 0")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED ✓")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }

    @Test("How much runs at once is changed by a key and by a verb, and every screen shows it")
    func limits() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nmax_parallel: 1\nstages:\n"
                + (1...6).map {
                    "  s\($0): {type: command, run: \"until test -e open; do sleep 0.05; done\"}\n"
                }.joined())
        let terminal = try await dashboard(project, Size(columns: 120, rows: 40), "run p.yaml")
        try await terminal.waits(for: "RUNNING", "slots 1/1")
        try await terminal.press("p")
        try await terminal.waits(for: "How much runs at once", "1 running")
        try await terminal.press("+", "+", "Enter")
        try await terminal.waits(for: "≤3 at once", "slots 3/3")
        let verb = try await project.caudal("limit", "last", "max_parallel=2")
        #expect(
            verb.exit == .exited(0) && verb.output.contains("max_parallel is 2 now (1 in the file); 3 are running"),
            "\(verb)")
        try await terminal.waits(for: "≤2 at once")
        let refused = try await project.caudal("limit", "last", "max_paralel=2")
        #expect(refused.exit == .exited(1) && refused.errors.contains("did you mean 'max_parallel'?"), "\(refused)")
        try project.write("open", "")
        try await terminal.waits(for: "SUCCEEDED ✓")
        let ended = try await project.caudal("limit", "last", "max_parallel=9")
        #expect(ended.exit == .exited(1) && ended.errors.contains("has ended"), "\(ended)")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }

    @Test("A run that was opened from the history is steered with the same keys")
    func attached() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n  s: {type: command, run: \"test -e good && exit 0; test -e go && exit 4; sleep 1000\"}\n"
        )
        try project.write("go", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(1))
        try FileManager.default.removeItem(atPath: project.folder.path("go"))
        let live = try await project.start("run", "p.yaml", "--plain")
        #expect(await live.says("started") != nil)
        let ended = try await project.caudal("runs", "--status", "failed", "--json")
        let id = try #require(ended.output.firstMatch(of: /"(\d{8}-\d{6}-\w{4})"/)?.1)
        let terminal = try await dashboard(project, Size(columns: 120, rows: 40), "watch \(id)")
        try await terminal.waits(for: "FAILED ✗")
        // The live run of another process is opened and cancelled.
        try await terminal.press("H")
        try await terminal.waits(for: "Runs of p", "running")
        try await terminal.press("k", "k", "Enter")
        try await terminal.waits(for: "RUNNING", "q goes back to run")
        try await terminal.press("x")
        try await terminal.waits(for: "Cancel s?")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "CANCELLED ⊗")
        #expect(await live.child.exit().exit == .exited(3))
        // It has ended: this process takes it up again.
        try project.write("good", "")
        try await terminal.waits(without: "watching pid")
        try await terminal.press("R")
        try await terminal.waits(for: "Retry everything")
        try await terminal.press("Tab", "Enter")
        try await terminal.waits(for: "SUCCEEDED ✓")
        try await terminal.press("q")
        try await terminal.waits(for: "ended with 0")
        try await terminal.close()
    }
}
