import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What a stage reads is what its own run made, or what its own run's parameters and environment name.
@Suite("Data belongs to the run that made it", .timeLimit(.minutes(10)))
struct OwnDataTests {
    /// Every day writes the same file between its first and its last stage.
    private static let shared = """
        version: 1
        name: shared
        params: {day: {type: date}}
        datasets: {mid: {path: data/mid.csv}, out: {path: "data/out-${params.day}.csv"}}
        stages:
          mid: {type: command, output: mid, run: 'printf "day\\n%s\\n" ${params.day} > ${stage.output}'}
          gate: {type: command, needs: mid, run: 'n=0; until test -e open || test $n -ge 2400; do sleep 0.05; n=$((n+1)); done; test ! -e broken'}
          out: {type: sql, output: out, needs: gate, query: select * from mid}
        """

    private func project(_ pipeline: String = shared) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", pipeline)
        return project
    }

    private func id(_ answer: CaudalProject.Answer) throws -> String {
        try #require(answer.output.firstMatch(of: #/run (\d+-\d+-[a-z0-9]+) started/#).map { String($0.output.1) })
    }

    /// A run of one day that fails behind its first stage, and a whole run of the next day.
    private func failedThenOverwritten(_ project: CaudalProject) async throws -> (failed: String, later: String) {
        try project.write("open", "")
        try project.write("broken", "")
        let failed = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        #expect(failed.status == 1, "\(failed)")
        try FileManager.default.removeItem(atPath: project.folder.path("broken"))
        let later = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(later.status == 0, "\(later)")
        return (try id(failed), try id(later))
    }

    // MARK: - Versions

    @Test("A retry reads what its own run published, whatever was published there since")
    func retryReadsItsOwn() async throws {
        let project = try project()
        let (failed, _) = try await failedThenOverwritten(project)
        let retry = try await project.caudal("retry", failed, "--plain")
        #expect(retry.status == 0, "\(retry)")
        #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
        #expect(project.text("data/mid.csv") == "day\n2026-01-03\n", "what is published stays")
        let lineage = try await project.caudal("lineage", "data/out-2026-01-02.csv", "--format", "json")
        #expect(lineage.output.contains("\"path\":\"data/mid.csv\"") && lineage.output.contains("\"writer\":\"mid\""))
    }

    @Test("A run that was killed reads its own version when it is resumed")
    func resumeReadsItsOwn() async throws {
        let project = try project()
        let run = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        _ = await run.says("gate")
        await run.killHard()
        try project.write("open", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03").status == 0)
        let runs = try await project.caudal("sql", "--format", "csv", "select id from runs order by id limit 1")
        let resumed = try await project.caudal("resume", try #require(runs.lines.last), "--plain")
        #expect(resumed.status == 0, "\(resumed)")
        #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
    }

    @Test("Without its version a stage fails, names the run that replaced it and says what to do")
    func refusesWithoutVersion() async throws {
        let project = try project()
        let (failed, later) = try await failedThenOverwritten(project)
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal/runs/\(failed)/versions"))
        let retry = try await project.caudal("retry", failed, "--plain")
        #expect(retry.status == 1, "\(retry)")
        #expect(retry.output.contains("run \(later) has published another one there since"), "\(retry)")
        #expect(retry.output.contains("caudal retry \(failed) mid --downstream"), "\(retry)")
        #expect(!project.exists("data/out-2026-01-02.csv"))
    }

    @Test(
        "A file that was edited or deleted by hand is not what the run published",
        arguments: ["echo 2026-09-09 >> data/mid.csv", "rm data/mid.csv", "printf 'day\\nedited\\n' > data/mid.csv"])
    func editedByHand(change: String) async throws {
        let project = try project()
        try project.write("open", "")
        try project.write("broken", "")
        let first = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        try FileManager.default.removeItem(atPath: project.folder.path("broken"))
        #expect(try await project.run("/bin/sh", ["-c", change]).status == 0)
        let retry = try await project.caudal("retry", try id(first), "--plain")
        // A deleted name leaves the kept one; a change in place goes through both.
        if change.hasPrefix("rm") {
            #expect(retry.status == 0, "\(retry)")
            #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
        } else {
            #expect(retry.status == 1, "\(retry)")
            #expect(retry.output.contains("was changed since, and not by a run"), "\(retry)")
            #expect(!project.exists("data/out-2026-01-02.csv"))
        }
    }

    @Test("A command is given the path of the version that its run made")
    func commandReadsItsOwn() async throws {
        let project = try project(
            Self.shared.replacing(
                "{type: sql, output: out, needs: gate, query: select * from mid}",
                with:
                    "{type: command, inputs: [mid], output: out, needs: gate, run: 'cat ${input.mid} > ${stage.output}; "
                    + "test ${input.mid} = $CAUDAL_INPUT_MID'}"))
        let (failed, _) = try await failedThenOverwritten(project)
        let retry = try await project.caudal("retry", failed, "--plain")
        #expect(retry.status == 0, "\(retry)")
        #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
    }

    @Test("An input that a command does not read is no path for it")
    func unknownInputReference() async throws {
        let project = try project(Self.shared.replacing("'n=0; until", with: "'cat ${input.mid}; n=0; until"))
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.status == 2)
        #expect(answer.description.contains("'${input.mid}' needs a command that reads 'mid'"), "\(answer)")
    }

    @Test("What changes while a stage reads it is refused, and nothing is published")
    func changedWhileRead() async throws {
        // The second stage changes the file as soon as the first one works on it, and the first goes on for seconds.
        let project = try project(
            """
            version: 1
            name: slow
            max_parallel: 2
            datasets: {src: {path: src.csv}, out: {path: out.csv}}
            stages:
              out:
                type: sql
                output: out
                query: select count(*) as n from src, range(3000000000) where v::bigint + range > 0
              change: {type: command, run: 'until ls .caudal/runs/*/sql/out.1.sql; do sleep 0.02; done; sleep 0.5; echo 2 >> src.csv'}
            """)
        try project.write("src.csv", "v\n1\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1, "\(answer)")
        #expect(answer.output.contains("src.csv was changed while it was read"), "\(answer)")
        #expect(!project.exists("out.csv"))
    }

    @Test("Versions stay with the last success and with what may still be retried")
    func versionsAreDropped() async throws {
        let project = try project()
        let (failed, later) = try await failedThenOverwritten(project)
        #expect(project.exists(".caudal/runs/\(failed)/versions") && project.exists(".caudal/runs/\(later)/versions"))
        #expect(try await project.caudal("retry", failed, "--plain").status == 0)
        #expect(!project.exists(".caudal/runs/\(failed)/versions"), "a newer run has succeeded")
        let third = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-04")
        #expect(project.exists(".caudal/runs/\(try id(third))/versions"))
        #expect(!project.exists(".caudal/runs/\(later)/versions"))
        // A run of a part has only a part of what a whole one left.
        let part = try await project.caudal(
            "run", "p.yaml", "--plain", "--param", "day=2026-01-04", "--select", "mid")
        #expect(part.status == 0, "\(part)")
        #expect(project.exists(".caudal/runs/\(try id(third))/versions"))
    }

    // MARK: - Stages that take no part

    private static let days = """
        version: 1
        name: days
        params: {day: {type: date}}
        datasets: {raw: {path: "data/${params.day}/raw.csv"}, sum: {path: "data/${params.day}/sum.csv"}}
        stages:
          raw: {type: command, output: raw, run: 'test ! -e broken && printf "day\\n%s\\n" ${params.day} > ${stage.output}'}
          sum: {type: sql, output: sum, query: select * from raw}
        """

    @Test("A stage that runs alone reads the file of its own day", arguments: ["--select sum", "--exclude raw"])
    func ownDay(selection: String) async throws {
        let project = try project(Self.days)
        for day in ["2026-01-01", "2026-01-02"] {
            #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=\(day)").status == 0)
        }
        let words =
            ["run", "p.yaml", "--plain", "--param", "day=2026-01-01"] + selection.split(separator: " ").map(String.init)
        #expect(try await project.caudal(words).status == 0)
        #expect(project.text("data/2026-01-01/sum.csv") == "day\n2026-01-01\n")
        let logs = try await project.caudal("logs", "--run", "last")
        #expect(logs.output.contains("reads data/2026-01-01/raw.csv: made by run "), "\(logs)")
        let missing = try await project.caudal(
            "run", "p.yaml", "--plain", "--param", "day=2030-01-01", "--select", "sum")
        #expect(missing.status == 2, "\(missing)")
        #expect(missing.errors.contains("there is no data/2030-01-01/raw.csv") && missing.errors.contains("+raw"))
        #expect(!project.exists("data/2030-01-01/sum.csv"))
    }

    @Test("A file at one path for all days is refused when another day wrote it last, and its kept version is taken")
    func otherDaysFile() async throws {
        let project = try project(Self.shared.replacing("name: shared", with: "name: shared\nkeep_versions: 2"))
        try project.write("open", "")
        for day in ["2026-01-02", "2026-01-03"] {
            #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=\(day)").status == 0)
        }
        let kept = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-02", "--select", "out")
        #expect(kept.status == 0, "\(kept)")
        #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
        let refused = try await project.caudal(
            "run", "p.yaml", "--plain", "--param", "day=2026-01-09", "--select", "out")
        #expect(refused.status == 2, "\(refused)")
        #expect(refused.errors.contains("data/mid.csv was written by run"), "\(refused)")
        #expect(refused.errors.contains("day=2026-01-03, and this run has day=2026-01-09"), "\(refused)")
    }

    @Test("What was marked as succeeded is the file at its path, or a failure that says so")
    func marked() async throws {
        let project = try project(Self.days)
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-02").status == 0)
        try project.write("broken", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-05").status == 1)
        try FileManager.default.createDirectory(
            atPath: project.folder.path("data/2026-01-05"), withIntermediateDirectories: true)
        try project.write("data/2026-01-05/raw.csv", "day\nby-hand\n")
        #expect(try await project.caudal("mark", "last", "raw", "succeeded", "--reason", "by hand").status == 0)
        #expect(project.text("data/2026-01-05/sum.csv") == "day\nby-hand\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-06").status == 1)
        let answer = try await project.caudal("mark", "last", "raw", "succeeded", "--reason", "nothing to load")
        #expect(answer.status == 1, "\(answer)")
        #expect(
            answer.output.contains("there is no data/2026-01-06/raw.csv, and raw was marked as succeeded"), "\(answer)")
        #expect(!project.exists("data/2026-01-06/sum.csv"))
    }

    @Test("An item that was marked as succeeded counts with the file at its path")
    func markedItem() async throws {
        let project = try project(
            """
            version: 1
            name: parts
            datasets: {part: {path: "part/${item.k}.csv"}, all: {path: all.csv}}
            stages:
              part:
                type: command
                output: part
                foreach: {k: [a, b]}
                run: 'test ${item.k} = a && printf "k\\na\\n" > ${stage.output}'
              all: {type: sql, output: all, query: select * from part order by k}
            """)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let missing = try await project.caudal("mark", "last", "part/b", "succeeded", "--reason", "by hand")
        #expect(missing.status == 1, "\(missing)")
        #expect(missing.output.contains("part/b.csv is not there"), "\(missing)")
        try project.write("part/b.csv", "k\nb\n")
        let retry = try await project.caudal("retry", "last", "--plain")
        #expect(retry.status == 0, "\(retry)")
        #expect(project.text("all.csv") == "k\na\nb\n")
    }

    // MARK: - What was not made

    @Test(
        "What reads a stage that failed as it may is skipped, also where an older file lies there",
        arguments: [
            "type: sql, output: p, query: select * from o",
            "type: check, input: o, when: all_done, checks: [{row_count: {min: 0}}]",
        ])
    func allowedFailure(reader: String) async throws {
        let project = try project(
            """
            version: 1
            name: allowed
            datasets: {o: {path: o.csv}, p: {path: p.csv}}
            stages:
              a: {type: command, output: o, run: 'test ! -e broken && printf "v\\n1\\n" > ${stage.output}', allow_failure: true}
              b: {\(reader)}
            """)
        try project.write("broken", "")
        try project.write("o.csv", "v\n7\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
        #expect(answer.output.contains("b  skipped: 'o' was not made in this run: a failed (allowed)"), "\(answer)")
        #expect(!project.exists("p.csv"))
    }

    // MARK: - Runs side by side

    @Test("A run that would write what a live run writes is refused with its name, waits, or goes on as it is told")
    func overlap() async throws {
        let project = try project()
        let first = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        _ = await first.says("gate")
        let refused = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("is live and writes data/mid.csv too"), "\(refused)")
        let waiting = try await project.start("run", "p.yaml", "--plain", "--wait", "--param", "day=2026-01-03")
        try project.write("open", "")
        #expect(await first.child.exit().exit == .exited(0))
        #expect(await waiting.child.exit().exit == .exited(0))
        for day in ["02", "03"] { #expect(project.text("data/out-2026-01-\(day).csv") == "day\n2026-01-\(day)\n") }
        #expect(try await project.caudal("runs").output.split(separator: "\n").count == 3, "two runs and a header")
    }

    @Test("Days with paths of their own run at once, and a dead run's claims count no longer")
    func claimsOfOthers() async throws {
        let project = try project(
            Self.shared.replacing("data/mid.csv", with: "\"data/./mid-${params.day}.csv\""))
        let first = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-02")
        _ = await first.says("gate")
        let second = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        _ = await second.says("gate")
        let again = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03")
        #expect(again.errors.contains("is live"), "\(again)")
        await second.killHard()
        try project.write("open", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-03").status == 0)
        #expect(await first.child.exit().exit == .exited(0))
    }

    @Test("A run that is taken up again is refused, or waits, while another one writes its paths")
    func retryBesideLiveRun() async throws {
        let project = try project()
        let (failed, _) = try await failedThenOverwritten(project)
        unlink(project.folder.path("open"))
        let live = try await project.start("run", "p.yaml", "--plain", "--param", "day=2026-01-04")
        _ = await live.says("gate")
        let refused = try await project.caudal("retry", failed, "--plain")
        #expect(
            refused.status == 1 && refused.errors.contains("is live and writes data/mid.csv too"), "\(refused)")
        let waiting = try await project.start("retry", failed, "--plain", "--wait")
        try project.write("open", "")
        #expect(await live.child.exit().exit == .exited(0))
        #expect(await waiting.child.exit().exit == .exited(0))
        #expect(project.text("data/out-2026-01-02.csv") == "day\n2026-01-02\n")
    }

    @Test("Items that the last success no longer had are no part of what it left")
    func itemsOfEarlierRuns() async throws {
        let pipeline = """
            version: 1
            name: parts
            datasets: {part: {path: "part/${item.k}.csv"}, all: {path: all.csv}}
            stages:
              part: {type: command, output: part, foreach: {k: [a, b]}, run: 'printf "k\\n%s\\n" ${item.k} > ${stage.output}'}
              all: {type: sql, output: all, query: select * from part order by k}
            """
        let project = try project(pipeline)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        #expect(project.text("all.csv") == "k\na\nb\n")
        try project.write("p.yaml", pipeline.replacing("[a, b]", with: "[a]"))
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--select", "part").status == 0)
        let alone = try await project.caudal("run", "p.yaml", "--plain", "--select", "all")
        #expect(alone.status == 0, "\(alone)")
        #expect(project.text("all.csv") == "k\na\n", "part/b.csv lies there, and is of no run like this one")
    }

    @Test("An item that only another day's run had is no part of this day, and no reason to refuse it")
    func itemsOfOtherDays() async throws {
        let project = try project(
            """
            version: 1
            name: parts
            params: {day: {type: date}}
            datasets: {list: {path: "list-${params.day}.csv"}, part: {path: "part/${item.k}.csv"}, all: {path: all.csv}}
            stages:
              part: {type: command, output: part, foreach: {k: {sql: select k from list}}, run: 'printf "k\\n%s\\n" ${item.k} > ${stage.output}'}
              all: {type: sql, output: all, query: select * from part order by k}
            """)
        try project.write("list-2026-01-02.csv", "k\na\nb\n")
        try project.write("list-2026-01-03.csv", "k\na\n")
        for day in ["02", "03"] {
            #expect(try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-01-\(day)").status == 0)
        }
        let alone = try await project.caudal(
            "run", "p.yaml", "--plain", "--select", "all", "--param", "day=2026-01-03")
        #expect(alone.status == 0, "\(alone)")
        #expect(project.text("all.csv") == "k\na\n")
    }

    @Test("A folder that no run published is never replaced")
    func folderOfOthers() async throws {
        let project = try project(
            """
            version: 1
            name: folder
            datasets: {all: {path: out, format: csv}}
            stages:
              all: {type: command, output: all, run: 'mkdir ${stage.output}; echo v > ${stage.output}/a.csv'}
            """)
        try FileManager.default.createDirectory(
            atPath: project.folder.path("out"), withIntermediateDirectories: false)
        try project.write("out/precious.csv", "v\n1\n")
        let refused = try await project.caudal("run", "p.yaml", "--plain")
        #expect(refused.status == 2, "\(refused)")
        #expect(refused.errors.contains("out is there, and no run published it"), "\(refused)")
        #expect(project.text("out/precious.csv") == "v\n1\n")
        try FileManager.default.removeItem(atPath: project.folder.path("out"))
        for _ in 0..<2 { #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0) }
        #expect(project.text("out/a.csv") == "v\n", "its own folder is replaced")
    }
}
