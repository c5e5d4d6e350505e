import Engine
import Foundation
import TestSupport
import Testing

/// What operators do again and again, with the most keys that it may take.
@Suite("The operator's tasks", .timeLimit(.minutes(15)))
struct OperatorTasksTests {
    /// A screen on which keys are counted.
    private final class Desk: Sendable {
        let project: CaudalProject
        let terminal: TerminalSession

        init(_ project: CaudalProject, _ size: Size, _ arguments: String) async throws {
            self.project = project
            terminal = try await TerminalSession(
                project, columns: size.columns, rows: size.rows,
                command: "PAGER='sh ./pager.sh' EDITOR='sh ./editor.sh' \(CaudalProject.program) \(arguments)")
        }

        /// Does a task by pressing keys, and waits for what then is on the screen.
        ///
        /// A key that begins with a question mark is none: it is a question that is waited for, which takes no earlier keys.
        func task(_ name: String, _ keys: String..., within most: Int, shows texts: String...) async throws {
            let count = keys.count { !$0.hasPrefix("?") }
            #expect(count <= most, "\(name) takes \(count) keys")
            for key in keys {
                if key.hasPrefix("?") {
                    try await terminal.waits(for: String(key.dropFirst()))
                } else {
                    try await terminal.press(key)
                }
            }
            for text in texts { try await terminal.waits(for: text) }
        }

        /// Goes back to where tasks begin.
        func back(_ count: Int = 1) async throws {
            for _ in 0..<count { try await terminal.press("Escape") }
        }
    }

    struct Size: Sendable, CustomTestStringConvertible {
        let columns: Int
        let rows: Int
        var testDescription: String { "\(columns)x\(rows)" }
    }

    private static let sizes = [Size(columns: 80, rows: 24), Size(columns: 120, rows: 40)]

    /// Fifty items of which two fail, a stage that is refused, and what waits for both.
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "warehouse.yaml",
            """
            version: 1
            name: warehouse
            max_parallel: 8
            stages:
              extract: {type: command, run: "echo begun; echo checksum 9f2c; echo checksum 77aa"}
              split:
                type: command
                needs: extract
                foreach: {part: [\((1...50).map { "p\($0)" }.joined(separator: ", "))], on_failure: continue}
                run: sh ./split.sh ${item.part}
              load: {type: command, needs: extract, run: sh ./load.sh}
              publish: {type: command, needs: load, run: /bin/true}
              mail: {type: command, needs: [split, publish], run: /bin/true}
            """)
        try project.write(
            "split.sh", "echo part $1\ncase $1 in p17|p38) [ -f open ] || { echo ERROR $1 is short; exit 7; };; esac\n")
        try project.write(
            "load.sh",
            "echo connecting\necho WARN slow answer\n[ -f open ] && exit 0\ncat trace.txt\necho ERROR 503 refused\nexit 75\n"
        )
        try project.write(
            "trace.txt",
            "ERROR java.lang.IllegalStateException: no answer\n\tat com.acme.Load.run(Load.java:12)\n"
                + "\tat com.acme.Main.main(Main.java:3)\n")
        try project.write("pager.sh", "cp \"$1\" paged.txt; printf 'THE PAGER'; read _\n")
        try project.write("editor.sh", "echo \"$@\" > edited.txt\n")
        return project
    }

    @Test("A failed run is understood, searched, copied from and retried", arguments: sizes)
    func failedRun(size: Size) async throws {
        let desk = try await Desk(project(), size, "run warehouse.yaml")
        try await desk.terminal.waits(for: "FAILED ✗", "the run has ended")
        // The failed stage is selected by itself, or found by its name.
        try await desk.task("a stage by its name", "/", "l", "o", "a", "Enter", within: 5, shows: "found load")
        try await desk.task("why it failed", "Enter", within: 1, shows: "INSPECT  load", "exit status 75")
        try await desk.back()
        try await desk.task(
            "the last lines of the failed stage", "L", "z", within: 2, shows: "LOG  load", "503 refused",
            "▸ 2 more lines")
        try await desk.back(2)
        try await desk.task("only errors", "!", within: 2, shows: "≥error", "p17 is short")
        try await desk.back(2)
        try await desk.task(
            "a word in the whole log", "/", "checksum", "Enter", within: 3, shows: "/checksum 2/2")
        try await desk.task("its next place", "n", within: 1, shows: "/checksum 1/2")
        try await desk.back(2)
        try await desk.task("the stage again", "/", "l", "o", "a", "Enter", within: 5, shows: "found load")
        try await desk.task(
            "lines of one stage with a text", "L", "f", "slow", "Enter", within: 4, shows: "f slow", "1 line ")
        try await desk.back(2)
        try await desk.task("copy the error", "y", within: 2, shows: "copied the error of load")
        try await desk.task("copy the whole log", "Y", "l", within: 2, shows: "copied the log of load")
        try await desk.task("the command that ran", "S", within: 2, shows: "warehouse.yaml:11", "sh ./load.sh")
        try await desk.task("attempts", "A", within: 2, shows: "#1 failed")
        try await desk.back()
        try await desk.task("what depends on it", "d", within: 1, shows: "2 stages downstream of load")
        try await desk.back()
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 1")
        try await desk.terminal.close()
    }

    @Test("The log is paged, the pipeline file edited at the stage, and a pane printed plainly", arguments: sizes)
    func programs(size: Size) async throws {
        let project = try project()
        let desk = try await Desk(project, size, "run warehouse.yaml")
        try await desk.terminal.waits(for: "FAILED ✗", "the run has ended")
        try await desk.task("the stage", "/", "l", "o", "a", "Enter", within: 5, shows: "found load")
        try await desk.task("the log in the pager", "o", within: 1, shows: "THE PAGER")
        try await desk.terminal.press("Enter")
        try await desk.terminal.waits(for: "FAILED ✗")
        #expect(try project.read("paged.txt").contains("ERROR 503 refused"))
        try await desk.task("the file in the editor", "O", within: 1, shows: "was not changed", "FAILED ✗")
        #expect(try project.read("edited.txt").contains("+11 "))
        try await desk.terminal.press("L")
        try await desk.terminal.waits(for: "LOG  load")
        try await desk.task(
            "plain text", "C-l", within: 1, shows: "-- enter goes back to the dashboard --", "ERROR 503 refused")
        // Interrupting what is printed does not end the dashboard.
        try await desk.terminal.press("C-c")
        try await desk.terminal.waits(for: "LOG  load", "FAILED ✗")
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 1")
        try await desk.terminal.close()
    }

    @Test(
        "A stage that was renamed in the editor is told to be gone, and the run goes on with the new one",
        arguments: sizes)
    func renamed(size: Size) async throws {
        let project = try project()
        try project.write("open", "")
        try project.write("load.sh", "exit 75\n")
        let desk = try await Desk(project, size, "run warehouse.yaml")
        try await desk.terminal.waits(for: "FAILED ✗", "the run has ended")
        try await desk.task("the stage", "/", "l", "o", "a", "Enter", within: 5, shows: "found load")
        try project.write(
            "editor.sh",
            """
            sed -e 's/^  load:/  fetch:/; s/needs: load/needs: fetch/; s/sh .\\/load.sh/echo fine/' "$2" > new.yaml
            cat new.yaml > "$2"

            """)
        try await desk.task(
            "the file in the editor", "O", within: 1, shows: "Go on with the changed file?",
            "load is no longer in warehouse.yaml: fetch stands in its place")
        try await desk.task("the run goes on", "Tab", "Enter", within: 2, shows: "SUCCEEDED ✓", "fetch")
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 0")
        try await desk.terminal.close()
    }

    @Test("The next failed item of fifty is one key away, and retried in five", arguments: sizes)
    func items(size: Size) async throws {
        let project = try project()
        let desk = try await Desk(project, size, "run warehouse.yaml")
        try await desk.terminal.waits(for: "FAILED ✗", "the run has ended")
        try await desk.task("the fan-out", "/", "s", "p", "l", "Enter", within: 5, shows: "found split")
        try await desk.task("the next failed item", "e", within: 1, shows: "failure 1 of 3: split/p17")
        try project.write("open", "")
        try await desk.task("retry it", "r", "?Retry split/p17", "Tab", "Enter", within: 4, shows: "p17]#2")
        try await desk.task("the next one", "e", within: 1, shows: "split/p38")
        try await desk.task(
            "retry all that failed", "R", "?everything that failed", "Tab", "Enter", within: 4, shows: "SUCCEEDED")
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 0")
        try await desk.terminal.close()
    }

    @Test("A stage is retried with what follows it, and one is cancelled", arguments: sizes)
    func steering(size: Size) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              make: {type: command, run: /bin/true}
              wait: {type: command, needs: make, run: sleep 1000}
              late: {type: command, needs: wait, run: /bin/true}
            """)
        let desk = try await Desk(project, size, "run p.yaml")
        // Why a stage waits is told without a key.
        try await desk.terminal.waits(for: "RUNNING", "needs wait")
        try await desk.task("the stage", "/", "w", "a", "i", "Enter", within: 5, shows: "found wait")
        try await desk.task("cancel one stage", "x", "?Cancel wait", "Tab", "Enter", within: 3, shows: "CANCELLED")
        try await desk.task("the first stage", "/", "m", "a", "k", "Enter", within: 5, shows: "found make")
        try await desk.task(
            "retry it with what follows", "r", "?Retry make", "BTab", within: 3, shows: "❯ With all downstream")
        try await desk.terminal.press("Escape", "q")
        try await desk.terminal.waits(for: "ended with 3")
        try await desk.terminal.close()
    }

    @Test(
        "The rows that fail a check are read with all of their columns", .enabled(if: Checkout.runsDuckDBTests),
        arguments: sizes)
    func failingRows(size: Size) async throws {
        let project = try CaudalProject(copying: [])
        let columns = (1...20).map { "column_\($0)" }
        try project.write(
            "in.csv",
            (["id,amount"] + columns).joined(separator: ",") + "\n"
                + (1...30).map { row in
                    (["\(row)", row == 7 ? "-1" : "\(row)"] + columns.map { "\($0)@\(row)" }).joined(separator: ",")
                }.joined(separator: "\n") + "\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {sales: {path: in.csv}}
            stages:
              quality: {type: check, input: sales, checks: [{range: amount, min: 0}, {unique: id}]}
            """)
        let desk = try await Desk(project, size, "run p.yaml")
        try await desk.terminal.waits(for: "FAILED ✗", "the run has ended")
        try await desk.task("the failing rows", "D", within: 2, shows: "✗ range_amount", "column_1@7")
        for _ in 0..<12 { try await desk.terminal.press("l") }
        try await desk.terminal.waits(for: "column_20@7")
        try await desk.task("earlier runs", "T", within: 1, shows: "this is its first run")
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 1")
        try await desk.terminal.close()
    }

    @Test("Any of 500 stages is found by three letters", arguments: sizes)
    func fiveHundred(size: Size) async throws {
        let project = try CaudalProject(copying: [])
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let names = (0..<500).map {
            "\(letters[$0 % 8])tg_\(letters[8 + $0 / 8 % 8])rders_\(letters[16 + $0 / 64])aily"
        }
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nmax_parallel: 2\nstages:\n  first: {type: command, run: sleep 1000}\n"
                + names.map { "  \($0): {type: command, needs: first, run: /bin/true}\n" }.joined())
        let desk = try await Desk(project, size, "run p.yaml")
        try await desk.terminal.waits(for: "RUNNING")
        for (keys, name) in [(["d", "l", "s"], "dtg_lrders_saily"), (["h", "p", "w"], "htg_prders_waily")] {
            try await desk.task("find", "/", keys[0], keys[1], keys[2], "Enter", within: 5, shows: "found \(name)")
        }
        try await desk.task(
            "cancel the run", "X", "?Cancel the run", "Tab", "?❯ Yes", "Enter", within: 3, shows: "CANCELLED")
        try await desk.terminal.press("q")
        try await desk.terminal.waits(for: "ended with 3")
        try await desk.terminal.close()
    }
}
