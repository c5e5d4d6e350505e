import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

/// What others do with the state folder while runs go on.
@Suite("A state folder that others use too", .timeLimit(.minutes(15)))
struct SharedStateTests {
    private static func gate(_ name: String) -> String { "\"until test -e \(name); do sleep 0.02; done\"" }

    private func project(_ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: shared\nmax_parallel: 2\nstages:\n\(stages)\n")
        return project
    }

    // MARK: - Other runs

    @Test("Runs that end at the same moment each end with the status of their own outcome")
    func endingTogether() async throws {
        let project = try project("  a: {type: command, run: \(Self.gate("open"))}")
        try project.write(
            "bad.yaml",
            "version: 1\nname: bad\nstages:\n  a: {type: command, run: \(Self.gate("open").dropLast()); exit 5\"}\n")
        for round in 1...3 {
            var runs: [(run: CaudalProject.Started, status: Int32)] = []
            for number in 1...8 {
                let isBad = number % 4 == 0
                let run = try await project.start("run", isBad ? "bad.yaml" : "p.yaml", "--plain")
                #expect(await run.says("a  started") != nil)
                runs.append((run, isBad ? 1 : 0))
            }
            try project.write("open", "")
            for (run, status) in runs { #expect(await run.child.exit().exit == .exited(status), "round \(round)") }
            try FileManager.default.removeItem(atPath: project.folder.path("open"))
        }
        let states = try await project.caudal("sql", "select state, count(*) from runs group by 1", "--format", "csv")
        #expect(states.lines.sorted() == ["failed,6", "state,count(*)", "succeeded,18"])
    }

    // MARK: - A lock

    /// Holds the database as a backup or somebody's script does.
    private final class Lock {
        private let queue: DatabaseQueue

        init(_ project: CaudalProject) throws {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.allowsUnsafeTransactions = true
            queue = try DatabaseQueue(
                path: project.folder.path(".caudal/caudal.db"), configuration: configuration)
            try queue.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        }

        func release() throws { try queue.inDatabase { try $0.execute(sql: "ROLLBACK") } }
    }

    /// Waits until the run has told so often that the database is locked.
    private func waitUntilTold(_ project: CaudalProject, times: Int = 1) async throws {
        let runs = project.folder.path(".caudal/runs")
        let run = try #require(try FileManager.default.contentsOfDirectory(atPath: runs).first)
        let log = "\(runs)/\(run)/logs/000001.jsonl"
        try await wait(forChangeIn: PathText.folder(of: log)) {
            let text = (try? FileText.read(log)) ?? ""
            return text.components(separatedBy: "locked: nothing new starts").count > times
        }
    }

    /// How long a run that was to end waits for a lock: its attempts have 5 s to end, and the record 5 more.
    private static let patience = Duration.seconds(10)

    /// How a run ends that was to be cancelled while the database was held.
    ///
    /// A lock that lasts longer than the run's patience leaves it as it stands in the record. Where the test was faster
    /// than that, by its own clock that began to run first, it must have been recorded as cancelled.
    private func expectCancelled(
        _ run: CaudalProject.Started, _ project: CaudalProject, status: Int32, askedAt: ContinuousClock.Instant,
        releasedAt: ContinuousClock.Instant
    ) async throws {
        let exit = await run.child.exit().exit
        let isCancelled = exit == .exited(status)
        #expect(isCancelled || exit == .exited(1) && releasedAt - askedAt >= Self.patience, "\(exit)")
        let state = isCancelled ? "cancelled" : "interrupted"
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"\(state)\""))
    }

    @Test("While another program holds the database nothing new starts, and what runs goes on")
    func locked() async throws {
        let project = try project(
            """
              quick: {type: command, run: \(Self.gate("open"))}
              long: {type: command, run: \(Self.gate("open-long"))}
              after: {type: command, needs: quick, run: touch after-ran}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("long   started") != nil)
        let first = try Lock(project)
        try project.write("open", "")
        try await waitUntilTold(project)
        #expect(!project.exists("after-ran"))
        try first.release()
        #expect(await run.says("after  succeeded") != nil)
        // Once more, for the run's last event.
        let second = try Lock(project)
        try project.write("open-long", "")
        try await waitUntilTold(project, times: 2)
        try second.release()
        #expect(await run.child.exit().exit == .exited(0))
        let logs = try await project.caudal("logs").output
        #expect(logs.contains("process \(getpid()) (") && logs.contains("is free again"), "\(logs)")
    }

    @Test("A run is cancelled while the database is held, and recorded as cancelled afterwards")
    func cancelledWhileLocked() async throws {
        let project = try project(
            """
              quick: {type: command, run: \(Self.gate("open"))}
              long: {type: command, run: \(Self.gate("never"))}
            """)
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("long   started") != nil)
        let lock = try Lock(project)
        try project.write("open", "")
        try await waitUntilTold(project)
        let asked = ContinuousClock.now
        let cancelled = try await project.caudal("cancel", "last")
        #expect(cancelled.status == 0 && cancelled.output.contains("once the run store is free"), "\(cancelled)")
        try lock.release()
        try await expectCancelled(run, project, status: 3, askedAt: asked, releasedAt: .now)
    }

    /// A stage that writes a line every tenth of a second, for a minute, and its number first.
    private static let counting =
        "\"echo $$ > pid; touch begun; for i in $(seq 600); do sleep 0.1; echo $i >> lines; done; touch finished\""

    @Test("A time limit holds while the database is held, and a duration ends with the program")
    func timeLimitWhileLocked() async throws {
        let project = try project(
            """
              short: {type: command, run: \(Self.gate("open"))}
              late: {type: command, timeout: 2s, run: \(Self.counting)}
            """)
        let started = ContinuousClock.now
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("late   started") != nil)
        try await wait(forFile: project.folder.path("begun"))
        let lock = try Lock(project)
        // Its program ends now; what becomes of that waits for the record.
        try project.write("open", "")
        try await waitUntilTold(project)
        let late = try #require(Int32(try project.read("pid").trimmed))
        await waitForEnd(ofProcess: late)
        let held = ContinuousClock.now
        // Time has to pass, as it is what must not be counted.
        try await Task.sleep(until: held + .seconds(4))
        // Both programs had ended before these four seconds, however slow the machine is.
        let limit = (ContinuousClock.now - started - .seconds(3.5)) / .seconds(1)
        try lock.release()
        #expect(await run.child.exit().exit == .exited(1))
        #expect(!project.exists("finished"))
        let shown = try await project.caudal("show", "last", "--json").output
        #expect(shown.contains("it took longer than 2s and was stopped"), "\(shown)")
        let took = try await project.caudal(
            "sql", "select stage, seconds < \(limit) as fits from stages order by 1", "--format", "csv")
        #expect(took.lines == ["stage,fits", "late,1", "short,1"], "\(took)")
    }

    @Test(
        "What runs is ended at once while the database is held, whoever asks for it", arguments: [0, SIGINT, SIGTERM])
    func stoppedWhileLocked(signal: Int32) async throws {
        let project = try project("  r: {type: command, run: \(Self.counting)}")
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("r  started") != nil)
        try await wait(forFile: project.folder.path("begun"))
        let lock = try Lock(project)
        let asked = ContinuousClock.now
        // Nothing waits for the record yet: the engine finds the database held when it is asked.
        async let answer = signal == 0 ? project.caudal("cancel", "last") : nil
        if signal != 0 { kill(run.child.identity.pid, signal) }
        let program = try #require(Int32(try project.read("pid").trimmed))
        await waitForEnd(ofProcess: program)
        if let answer = try await answer {
            #expect(answer.status == 0 && answer.output.contains("once the run store is free"), "\(answer)")
        }
        try lock.release()
        try await expectCancelled(
            run, project, status: signal == 0 ? 3 : 130, askedAt: asked, releasedAt: .now)
        #expect(!project.exists("finished"))
    }

    // MARK: - A loss

    @Test(
        "A run whose record was removed or replaced starts nothing more and ends as failed",
        arguments: [
            "rm -rf .caudal", "rm .caudal/caudal.db", "rm .caudal/caudal.db*", "mv .caudal elsewhere",
            "cp other/caudal.db .caudal/new && mv .caudal/new .caudal/caudal.db", "rm -rf .caudal/runs/*",
            "echo rubbish > .caudal/caudal.db",
        ])
    func lost(command: String) async throws {
        let project = try project(
            """
              first: {type: command, run: \(Self.gate("open"))}
              long: {type: command, run: \(Self.gate("never"))}
              second: {type: command, needs: first, run: touch second-ran}
            """)
        let other = try await project.caudal("run", "p.yaml", "--plain", "--state", "other", "--select", "nothing")
        #expect(other.status != 0)
        _ = try RunStore(StateFolder(path: project.folder.path("other")))
        let run = try await project.start("run", "p.yaml", "--plain")
        #expect(await run.says("long    started") != nil)
        #expect(try await project.run("/bin/sh", ["-c", command]).status == 0)
        try project.write("open", "")
        #expect(await run.child.exit().exit == .exited(1))
        #expect(!project.exists("second-ran"))
    }
}
