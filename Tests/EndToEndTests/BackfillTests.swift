import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("A pipeline is run for each of many days", .timeLimit(.minutes(15)))
struct BackfillTests {
    private static let pipeline = """
        version: 1
        name: days
        params: {day: {type: date, default: today}, word: {type: string, default: a}}
        datasets: {out: {path: "out/${params.day}.csv"}}
        stages:
          make:
            type: command
            output: out
            run: "test ! -e bad-$CAUDAL_PARAM_DAY && echo $CAUDAL_PARAM_DAY > ${stage.output}"
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("days.yaml", Self.pipeline)
        return project
    }

    @Test("Each day has a run of its own; a failed one does not stop the others; successes are not run again")
    func days() async throws {
        let project = try project()
        try project.write("bad-2026-11-02", "")
        let first = try await project.caudal(
            "backfill", "days.yaml", "--days", "2026-11-01..2026-11-03", "--max-runs", "2")
        #expect(first.status == 1, "\(first)")
        #expect(first.output.contains("3 days: 1 failed, 2 succeeded"), "\(first)")
        #expect(project.text("out/2026-11-03.csv") == "2026-11-03\n")
        #expect(project.text("out/2026-11-02.csv") == nil)

        let dry = try await project.caudal(
            "backfill", "days.yaml", "--days", "2026-11-01..2026-11-04", "--only-failed", "--dry-run")
        #expect(dry.status == 0, "\(dry)")
        #expect(dry.output.contains("2026-11-01  stays: succeeded in run"), "\(dry)")
        #expect(dry.output.contains("2026-11-02  would run"), "\(dry)")
        #expect(dry.output.contains("2026-11-04  stays: it has no run yet"), "\(dry)")
        #expect(dry.output.contains("1 run of 1 stage"), "\(dry)")

        try FileManager.default.removeItem(atPath: project.folder.path("bad-2026-11-02"))
        let second = try await project.caudal("backfill", "days.yaml", "--days", "2026-11-01..2026-11-03", "--json")
        #expect(second.status == 0, "\(second)")
        let lines = second.output.split(separator: "\n")
        #expect(lines.count == 3 && lines.filter { $0.contains("\"state\":\"skipped\"") }.count == 2, "\(second)")
        #expect(project.text("out/2026-11-02.csv") == "2026-11-02\n")
        let runs = try await project.caudal("runs", "--json")
        #expect(runs.output.split(separator: "\n").count == 4, "\(runs)")

        let forced = try await project.caudal(
            "backfill", "days.yaml", "--days", "2026-11-01..2026-11-01", "--force", "--param", "day")
        #expect(forced.output.contains("1 day: 1 succeeded"), "\(forced)")
        let other = try await project.caudal(
            "backfill", "days.yaml", "--days", "2026-11-01..2026-11-01", "--param", "word=b")
        #expect(other.output.contains("1 day: 1 succeeded"), "other parameters are another run: \(other)")
    }

    @Test("A stage that does harm when it runs twice is asked about, and told in the preview")
    func harmfulStages() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "days.yaml",
            """
            version: 1
            name: days
            params: {day: {type: date, default: today}}
            stages:
              pay: {type: command, idempotent: false, run: "echo $CAUDAL_PARAM_DAY >> paid.txt"}
              tell: {type: command, needs: pay, run: "test ! -e bad"}
            """)
        try project.write("bad", "")
        let range = ["backfill", "days.yaml", "--days", "2026-11-01..2026-11-02"]
        let first = try await project.caudal(range)
        #expect(first.status == 1, "nothing has run before, so nothing is asked: \(first)")
        try FileManager.default.removeItem(atPath: project.folder.path("bad"))

        let dry = try await project.caudal(range + ["--dry-run"])
        #expect(dry.output.contains("Runs twice, which does harm: pay (2026-11-01, 2026-11-02)"), "\(dry)")
        let asked = try await project.caudal(range + ["--only-failed"])
        #expect(asked.status == 64, "\(asked)")
        #expect(
            asked.errors.contains("pay has run before for 2026-11-01, 2026-11-02, and the file says that"),
            "\(asked)")
        #expect(asked.errors.contains("confirm with --yes"), "\(asked)")
        #expect(project.text("paid.txt")?.split(separator: "\n").count == 2, "nobody agreed")

        let agreed = try await project.caudal(range + ["--only-failed", "--yes"])
        #expect(agreed.status == 0, "\(agreed)")
        #expect(project.text("paid.txt")?.split(separator: "\n").count == 4)
        let fresh = try await project.caudal("backfill", "days.yaml", "--days", "2026-11-03..2026-11-03")
        #expect(fresh.status == 0, "a day without a run has nothing to ask about: \(fresh)")
    }

    @Test(
        "What cannot be is wrong usage and says what to write",
        arguments: [
            (["--days", "2026-11-01"], "not a range of days"),
            (["--days", "2026-11-05..2026-11-01"], "before it begins"),
            (["--days", "2026-11-31..2026-12-01"], "is not a date"),
            (["--days", "2026-11-01..2026-11-02", "--param", "word"], "'word' is not a date"),
            (["--days", "2026-11-01..2026-11-02", "--param", "day=2026-11-01"], "leave its value out"),
        ])
    func usage(arguments: [String], words: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("days.yaml", Self.pipeline)
        let answer = try await project.run(CaudalProject.program, ["backfill", "days.yaml"] + arguments)
        #expect(answer.exit == .exited(64) && answer.errors.contains(words), "\(answer)")
        #expect(!FileText.exists(project.folder.path(".caudal")))
    }

    @Test("Ctrl-C stops the runs that are under way and starts no more", .timeLimit(.minutes(15)))
    func interrupted() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("days.yaml", Self.pipeline.replacing("test ! -e bad", with: "sleep 600; test ! -e bad"))
        let backfill = try await project.start("backfill", "days.yaml", "--days", "2026-11-01..2026-11-04")
        _ = try #require(await backfill.says("2026-11-01  started"))
        kill(backfill.child.identity.pid, SIGINT)
        _ = try #require(await backfill.says("4 days: 1 cancelled, 3 not started"))
        #expect(await backfill.child.exit().exit == .exited(130))
    }

    @Test("Days that write the same file do not run at once")
    func sharedOutputs() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("days.yaml", Self.pipeline.replacing("out/${params.day}", with: "out/all"))
        let refused = try await project.caudal(
            "backfill", "days.yaml", "--days", "2026-11-01..2026-11-02", "--max-runs", "2")
        #expect(refused.status == 64 && refused.errors.contains("every day writes out/all.csv"), "\(refused)")
        let one = try await project.caudal("backfill", "days.yaml", "--days", "2026-11-01..2026-11-02")
        #expect(one.status == 0 && one.errors.contains("only what the last day writes stays"), "\(one)")
        #expect(project.text("out/all.csv") == "2026-11-02\n")
    }
}

@Suite("Old runs are removed", .timeLimit(.minutes(15)))
struct PruneTests {
    @Test("The newest stay, the others go with their folders and rows, and what they published stays")
    func keep() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {out: {path: out.csv}}
            stages: {make: {type: command, output: out, run: "echo a > ${stage.output}"}}
            """)
        for _ in 0..<3 { #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0) }
        let dry = try await project.caudal("prune", "--keep", "1", "--dry-run")
        #expect(dry.output.contains("2 runs would be removed"), "\(dry)")
        let young = try await project.caudal("prune", "--keep", "1", "--older-than", "1h")
        #expect(young.output.contains("0 runs removed"), "\(young)")
        // A folder without a record may be of any pipeline.
        try project.write(".caudal/runs/20200101-000000-aaaa/plan.json", "{}")
        let own = try await project.caudal("prune", "--pipeline", "p", "--keep", "3")
        #expect(own.status == 0 && project.text(".caudal/runs/20200101-000000-aaaa/plan.json") == "{}", "\(own)")
        // A new one may be of a run that begins.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -3600)],
            ofItemAtPath: project.folder.path(".caudal/runs/20200101-000000-aaaa"))
        let done = try await project.caudal("prune", "--keep", "1")
        #expect(done.status == 0 && done.output.contains("2 runs removed, which freed "), "\(done)")
        let folders = try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs"))
        #expect(folders.count == 1)
        #expect(try await project.caudal("runs", "--json").output.split(separator: "\n").count == 1)
        #expect(project.text("out.csv") == "a\n")
        #expect(try await project.caudal("show").output.contains(folders[0]))
    }

    @Test("A day that another backfill has run meanwhile is not run again, and one that it runs is not run at once")
    func twoAtOnce() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {day: {type: date, default: today}}
            stages:
              w: {type: command, run: 'until test -e go-$CAUDAL_PARAM_DAY; do sleep 0.05; done'}
            """)
        try project.write("go-2026-11-02", "")
        let first = try await project.start("backfill", "p.yaml", "--days", "2026-11-01..2026-11-02")
        _ = try #require(await first.says("2026-11-01  started"))
        let second = try await project.caudal("backfill", "p.yaml", "--days", "2026-11-01..2026-11-02")
        #expect(second.status == 0 && second.output.contains("2 days: 1 skipped, 1 succeeded"), "\(second)")
        try project.write("go-2026-11-01", "")
        #expect(await first.says("2026-11-02  skipped: succeeded in run") != nil)
        #expect(await first.child.exit().exit == .exited(0))
        #expect(try await project.caudal("runs", "--json").lines.count == 2)
    }

    @Test("A day has one lock, which ends with whoever holds it")
    func dayLocks() throws {
        let folder = try ScratchFolder()
        let state = StateFolder(path: folder.path)
        func lock(_ day: String, _ environment: String? = nil) throws -> DayLock? {
            try DayLock(pipeline: "p", environment: environment, parameters: ["day": day], in: state)
        }
        func isTaken(_ day: String) throws -> Bool { try lock(day) == nil }
        do {
            guard let held = try lock("2026-11-01") else { throw Failure("the lock of a day was taken") }
            #expect(try isTaken("2026-11-01"))
            #expect(try !isTaken("2026-11-02"))
            #expect(try lock("2026-11-01", "prod") != nil)
            withExtendedLifetime(held) {}
        }
        #expect(try !isTaken("2026-11-01"))
    }

    @Test("A run under way stays, and an interrupted one goes only by name", .timeLimit(.minutes(15)))
    func liveAndInterrupted() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml", "version: 1\nname: p\nstages:\n  wait: {type: command, run: \"test -e go || sleep 600\"}\n")
        let run = try await project.start("run", "p.yaml", "--json")
        _ = try #require(await run.says("\"attempt_spawned\""))
        let live = try await project.caudal("prune", "--keep", "0")
        #expect(live.output.contains("0 runs removed"), "\(live)")
        let named = try await project.caudal("prune", "last")
        #expect(named.exit == .exited(1) && named.errors.contains("is live"), "\(named)")
        await run.killHard()
        let interrupted = try await project.caudal("prune", "--keep", "0")
        #expect(interrupted.output.contains("0 runs removed"), "\(interrupted)")
        // Ends what the dead process left running.
        try project.write("go", "")
        #expect(try await project.caudal("resume", "last", "--plain").exit == .exited(0))
        let run2 = try await project.start("run", "p.yaml", "--json")
        await run2.killHard()
        #expect(try await project.caudal("prune", "last").exit == .exited(0))
    }

    @Test("A run that no rule keeps goes; rules together keep what either keeps")
    func rules() {
        let hour: Int64 = 3_600_000
        let runs = (1...4).map { age in
            RunSummary(
                id: RunID("r\(age)"), pipeline: "p", file: "", status: .succeeded, trigger: .manual,
                started: -Int64(age) * hour, stageCount: 1, parameters: [:], isLive: false)
        }
        let now = Moment(wall: 0, steady: 0)
        func gone(_ newest: Int?, _ age: Duration?) -> [String] {
            Retention(newest: newest, age: age).removable(runs, now: now).map(\.id.rawValue)
        }
        #expect(gone(1, nil) == ["r4", "r3", "r2"])
        #expect(gone(nil, .seconds(3 * 3600)) == ["r4", "r3"])
        #expect(gone(3, .seconds(3600)) == ["r4"])
        #expect(gone(1, .seconds(4 * 3600 + 1)) == [])
    }
}
