import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("The scheduler runs pipelines by itself", .timeLimit(.minutes(15)))
struct SchedulerTests {
    /// A project with a pipeline that fires every second or so, and writes a line for each slot.
    private static func project(every: String = "1s", more: String = "", run: String? = nil) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "config/tick.yaml",
            """
            version: 1
            name: tick
            params: {day: {type: date, default: yesterday}}
            schedule: {every: \(every), timezone: Europe/Berlin\(more)}
            stages:
              only: {type: command, run: "\(run ?? "echo ${schedule.time} ${schedule.date} ${params.day} >> ticks")"}
            """)
        return project
    }

    /// Has the schedule begun some seconds ago, so that slots are due.
    private static func beginEarlier(_ project: CaudalProject) throws {
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        let file = project.folder.path("config/tick.yaml")
        let schedule = try #require(try PipelineLoader(variables: [:]).load(file).pipeline.schedules.first)
        let key = ScheduleKey(pipeline: "tick", schedule: schedule.name)
        _ = try store.decidedThrough(key, definition: schedule.definition, now: SystemClock.now.wall - 5000)
    }

    /// The planned times and outcomes of a pipeline's slots in the store, in order.
    private static func slots(_ project: CaudalProject, _ pipeline: String = "tick") throws -> [RecordedSlot] {
        try RunStore(StateFolder(path: project.folder.path(".caudal"))).slots(of: pipeline, from: 0, through: .max)
            .filter { $0.outcome != .begun }
    }

    /// Waits until the pipeline has written so many lines.
    private static func wait(for count: Int, in project: CaudalProject) async throws {
        let folder = project.folder.path(".")
        try await TestSupport.wait(forChangeIn: folder) {
            (try? String(contentsOfFile: folder + "/ticks", encoding: .utf8))?.split(separator: "\n").count ?? 0
                >= count
        }
    }

    @Test("Each slot has one run, which knows its slot; killed and begun again, no slot is lost or run twice")
    func killedAndBegunAgain() async throws {
        let project = try Self.project(more: ", catch_up: all, overlap: allow")
        let first = try await project.start("schedule")
        try await Self.wait(for: 2, in: project)
        #expect(await first.killHard() == .signaled(SIGKILL))
        let second = try await project.start("schedule")
        try await Self.wait(for: 5, in: project)
        // It stands still while time passes, as in a suspended virtual machine; nothing else could be waited for.
        kill(second.child.identity.pid, SIGSTOP)
        try await ContinuousClock().sleep(for: .seconds(3))
        kill(second.child.identity.pid, SIGCONT)
        try await Self.wait(for: 10, in: project)
        kill(second.child.identity.pid, SIGTERM)
        #expect(await second.child.exit().exit == .exited(0))
        // What is under way goes on after the scheduler has ended.
        let slots = try await Self.settled(project)
        let planned = slots.map(\.slots.last.planned)
        #expect(planned == stride(from: planned[0], through: planned[planned.count - 1], by: 1000).map { $0 })
        #expect(slots.allSatisfy { $0.outcome.isToRun && $0.runStatus == .succeeded }, "\(slots)")
        #expect(slots.contains { $0.outcome == .caughtUp })
        let lines = try project.read("ticks").split(separator: "\n").map(String.init)
        #expect(lines.sorted().map { String($0.prefix(20)) } == planned.map(UTC.isoSecond))
        for (line, slot) in zip(lines.sorted(), slots) {
            let date = slot.slots.last.date
            #expect(line.hasSuffix(" \(date) \(LocalDate(days: date.days - 1))"), "\(line)")
        }
    }

    /// The slots, once none of their runs is under way.
    private static func settled(_ project: CaudalProject, _ pipeline: String = "tick") async throws -> [RecordedSlot] {
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        try await TestSupport.wait(forChangeIn: project.folder.path(".caudal")) {
            // In this order: a run that begins between the two looks is seen by the second one.
            (try? store.slotsToStart().isEmpty) == true && (try? store.slotsUnderWay().isEmpty) == true
        }
        return try slots(project, pipeline)
    }

    @Test("A run whose process is killed is taken up again and ends, for the same slot")
    func runIsKilled() async throws {
        // The first attempt kills its own caudal; the second one finds the mark and succeeds.
        let project = try Self.project(
            every: "1h", run: "test -e mark || { touch mark; kill -9 $PPID; sleep 60; }; echo done >> ticks")
        let scheduler = try await project.start("schedule")
        #expect(await scheduler.says("watches 1 schedule") != nil)
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        let key = ScheduleKey(pipeline: "tick", schedule: Schedule.usualName)
        try await TestSupport.wait(forChangeIn: project.folder.path(".caudal")) {
            (try? store.scheduleRecord(key)) ?? nil != nil
        }
        // A slot that is due now.
        let now = SystemClock.now.wall
        let slot = Slot(pipeline: "tick", schedule: key.schedule, planned: now, date: LocalDate(days: 20_000))
        try store.record(SlotDecider.Plan(decisions: [SlotDecision(SlotSpan(slot), .run(isCaughtUp: false))]), at: now)
        try await Self.wait(for: 1, in: project)
        let ended = try await Self.settled(project)
        #expect(ended.count == 1 && ended[0].runStatus == .succeeded && ended[0].starts == 2, "\(ended)")
        kill(scheduler.child.identity.pid, SIGTERM)
        #expect(await scheduler.child.exit().exit == .exited(0))
    }

    @Test("A second scheduler says who decides; with --wait it takes over when the first one is killed")
    func twoSchedulers() async throws {
        let project = try Self.project(every: "1h")
        let first = try await project.start("schedule")
        #expect(await first.says("watches 1 schedule") != nil)
        let second = try await project.caudal("schedule")
        #expect(second.status == 1, "\(second)")
        #expect(second.errors.contains("process \(first.child.identity.pid)"), "\(second)")
        #expect(second.errors.contains("--wait"), "\(second)")
        let third = try await project.start("schedule", "--wait")
        #expect(await third.says("waiting for the scheduler") != nil)
        await first.killHard()
        #expect(await third.says("watches 1 schedule") != nil)
        let status = try await project.caudal("schedule", "status")
        #expect(status.status == 0 && status.output.contains("process \(third.child.identity.pid)"), "\(status)")
        kill(third.child.identity.pid, SIGTERM)
        #expect(await third.child.exit().exit == .exited(0))
        let alone = try await project.caudal("schedule", "status")
        #expect(alone.status == 1 && alone.output.contains("scheduler: none runs"), "\(alone)")
    }

    @Test("A scheduler whose lock file is removed makes it anew, and no second one decides beside it")
    func lockIsRemoved() async throws {
        let project = try Self.project(every: "1h")
        let scheduler = try await project.start("schedule")
        #expect(await scheduler.says("watches 1 schedule") != nil)
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal/scheduler/lock"))
        #expect(await scheduler.says("is made anew") != nil)
        let second = try await project.caudal("schedule")
        #expect(second.status == 1 && second.errors.contains("process \(scheduler.child.identity.pid)"), "\(second)")
        kill(scheduler.child.identity.pid, SIGTERM)
        #expect(await scheduler.child.exit().exit == .exited(0))
    }

    @Test("Where the project's state is removed, the scheduler ends instead of deciding for nobody")
    func stateIsRemoved() async throws {
        let project = try Self.project(every: "1h")
        let scheduler = try await project.start("schedule")
        #expect(await scheduler.says("watches 1 schedule") != nil)
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal"))
        #expect(await scheduler.child.exit().exit == .exited(1))
    }

    @Test("Decided once and ended: --once starts what is due, and the run goes on")
    func once() async throws {
        let project = try Self.project(every: "1s")
        try Self.beginEarlier(project)
        let due = try await project.caudal("schedule", "--once")
        #expect(due.status == 0 && due.output.contains(": run"), "\(due)")
        try await Self.wait(for: 1, in: project)
    }

    @Test("A schedule is paused with a reason, and explained; another time has no slot, and its neighbours are named")
    func pausedAndExplained() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "config/sales.yaml",
            """
            version: 1
            name: sales
            schedule: {cron: "0 6 * * *"}
            stages: {only: {type: command, run: "true"}}
            """)
        #expect(try await project.caudal("schedule", "--once").status == 0)
        let paused = try await project.caudal("schedule", "pause", "sales", "--reason", "no data")
        #expect(paused.status == 0 && paused.output.contains("sales is paused"), "\(paused)")
        let again = try await project.caudal("schedule", "pause", "config/sales.yaml")
        #expect(again.output.contains("was paused already, by tester"), "\(again)")
        let status = try await project.caudal("schedule", "status", "--json")
        #expect(status.output.contains("\"pause_reason\":\"no data\""), "\(status)")
        #expect(try await project.caudal("schedule", "resume", "sales").output == "sales fires again\n")
        #expect(try await project.caudal("schedule", "resume", "sales").output == "sales was not paused\n")
        let none = try await project.caudal("schedule", "explain", "sales", "2026-11-28 05:00")
        #expect(none.output.contains("sales has no slot at 2026-11-28 05:00 (UTC)"), "\(none)")
        #expect(none.output.contains("2026-11-27 06:00, the next one is 2026-11-28 06:00"), "\(none)")
        let before = try await project.caudal("schedule", "explain", "sales", "2026-11-28 06:00")
        #expect(before.output.contains("before the time at which a scheduler first saw the schedule"), "\(before)")
        let unknown = try await project.caudal("schedule", "explain", "sale", "06:00")
        #expect(unknown.status == 1 && unknown.errors.contains("did you mean 'sales'"), "\(unknown)")
        let word = try await project.caudal("schedule", "explain", "sales", "noon")
        #expect(word.status == 64 && word.errors.contains("'noon' is not a time"), "\(word)")
    }

    @Test("A schedule whose file is not valid, or has it no more, is explained by what is recorded, and can be paused")
    func explainedWithoutFile() async throws {
        let project = try CaudalProject(copying: [])
        let file = """
            version: 1
            name: sales
            schedule: {name: nightly, cron: "0 6 * * *", timezone: Europe/Berlin}
            stages: {only: {type: command, run: "true"}}
            """
        try project.write("config/sales.yaml", file)
        #expect(try await project.caudal("schedule", "--once").status == 0)
        #expect(try await project.caudal("schedule", "run-now", "sales", "--slot", "2026-11-20 06:00").status == 0)
        let explain = ["schedule", "explain", "sales", "2026-11-20 06:00"]

        try project.write("config/sales.yaml", file + "\nbad: 1\n")
        let invalid = try await project.caudal(explain)
        #expect(invalid.status == 0 && invalid.output.contains("tester started it"), "\(invalid)")
        #expect(
            invalid.errors.contains("config/sales.yaml is not valid, and nothing of it is decided until it is mended"),
            "\(invalid)")
        let byFile = try await project.caudal("schedule", "explain", "config/sales.yaml", "2026-11-21")
        #expect(byFile.output.contains("sales/nightly: nothing is recorded of 2026-11-21 (Europe/Berlin)"), "\(byFile)")
        let paused = try await project.caudal("schedule", "pause", "sales", "--reason", "is mended")
        #expect(paused.status == 0 && paused.output.contains("sales/nightly is paused"), "\(paused)")
        #expect(try await project.caudal("schedule", "resume", "sales").output == "sales/nightly fires again\n")

        try project.write("config/sales.yaml", file.replacing("nightly", with: "daily"))
        let renamed = try await project.caudal(explain + ["--schedule", "nightly"])
        #expect(
            renamed.output.contains("tester started it")
                && renamed.errors.contains("config/sales.yaml has no schedule 'nightly' any more"), "\(renamed)")
        let both = try await project.caudal(explain)
        #expect(both.output.contains("sales/daily") && both.output.contains("sales/nightly"), "\(both)")

        try FileManager.default.removeItem(atPath: project.folder.path("config/sales.yaml"))
        let gone = try await project.caudal(explain + ["--schedule", "nightly"])
        #expect(
            gone.output.contains("tester started it") && gone.errors.contains("no file in"), "\(gone)")
    }

    @Test("A pipe among the pipeline files, and two files of one name, keep nothing else from running, and are named")
    func oddFiles() async throws {
        let project = try CaudalProject(copying: [])
        func file(_ name: String) -> String {
            """
            version: 1
            name: \(name)
            schedule: {every: 1h}
            stages: {only: {type: command, run: "true"}}
            """
        }
        try project.write("config/a.yaml", file("sales"))
        try project.write("config/b.yaml", file("sales"))
        #expect(mkfifo(project.folder.path("config/pipe.yaml"), 0o600) == 0)
        #expect(mkfifo(project.folder.path("config/.env"), 0o600) == 0)
        let status = try await project.caudal("schedule", "status")
        #expect(
            status.description.contains("pipe.yaml") && status.description.contains("not a regular file"), "\(status)")
        unlink(project.folder.path("config/.env"))
        let once = try await project.caudal("schedule", "--once")
        #expect(once.status == 1 && once.description.contains("config/b.yaml is left out"), "\(once)")
        let after = try await project.caudal("schedule", "status")
        #expect(
            after.status == 1 && after.description.contains("left out: a.yaml is a pipeline 'sales' too"),
            "\(after)")
        let validated = try await project.caudal("validate", "config/b.yaml")
        #expect(validated.errors.contains("a.yaml is a pipeline 'sales' too"), "\(validated)")
        let next = try await project.caudal("schedule", "next", "--count", "3", "--json")
        #expect(next.output.split(separator: "\n").count == 3 && !next.output.contains("b.yaml"), "\(next)")
        #expect(Set(next.output.split(separator: "\n")).count == 3, "each time once: \(next)")
    }

    @Test("Run now, or for an earlier slot: the run has that slot, and what today means follows from it")
    func runNow() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "config/sales.yaml",
            """
            version: 1
            name: sales
            params: {day: {type: date, default: yesterday}, mode: {type: string, default: part}}
            schedule: {name: nightly, cron: "0 6 * * *", timezone: Europe/Berlin, params: {mode: full}}
            stages: {only: {type: command, run: "echo ${params.day} ${params.mode} ${schedule.time} > out"}}
            """)
        let made = try await project.caudal("schedule", "run-now", "sales", "--slot", "2026-11-20 06:00", "--plain")
        #expect(made.status == 0, "\(made)")
        #expect(try project.read("out") == "2026-11-19 full 2026-11-20T05:00:00Z\n")
        let explained = try await project.caudal("schedule", "explain", "sales", "2026-11-20", "--json")
        #expect(
            explained.output.contains("tester started it") && explained.output.contains("succeeded"), "\(explained)")
        let none = try await project.caudal("schedule", "run-now", "sales", "--slot", "2026-11-20 06:01")
        #expect(none.status == 1 && none.errors.contains("has no slot at 2026-11-20 06:01"), "\(none)")
        let runs = try await project.caudal("runs", "--json")
        #expect(runs.output.contains("schedule 2026-11-20T05:00:00Z 2026-11-20 nightly"), "\(runs)")
    }

    @Test(
        "What arrives starts a run that knows it: a file that has settled, and a dataset that another pipeline publishes"
    )
    func arrivals() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "config/intake.yaml",
            """
            version: 1
            name: intake
            params: {file: {type: string}}
            schedule: {after: {files: "inbox/*.csv", settle: 1ms, param: file}, overlap: allow}
            datasets: {orders: {path: orders.csv}}
            stages: {take: {type: command, run: "cp ${params.file} ${stage.output}", output: orders}}
            """)
        try project.write(
            "config/report.yaml",
            """
            version: 1
            name: report
            params: {source: {type: string, default: nobody}}
            schedule: {after: {datasets: intake/orders, param: source}, overlap: allow}
            stages: {only: {type: command, run: "echo ${params.source} >> reported"}}
            """)
        try project.write("inbox/old.csv", "a\n1\n")
        #expect(try await project.caudal("schedule", "--once").status == 0)
        #expect(try await Self.settled(project, "intake").isEmpty, "what was there before the schedule starts nothing")
        try project.write("inbox/a.csv", "a\n2\n")
        try project.write("inbox/b.csv", "a\n3\n")
        #expect(try await project.caudal("schedule", "--once").status == 0)
        let taken = try await Self.settled(project, "intake")
        #expect(taken.map(\.runStatus) == [.succeeded, .succeeded], "\(taken)")
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        let files = try taken.compactMap(\.run).map { try store.plan(of: $0).parameters["file"] }
        #expect(Set(files) == ["inbox/a.csv", "inbox/b.csv"])
        #expect(try await project.caudal("schedule", "--once").status == 0)
        #expect(try await Self.settled(project, "report").count == 2)
        let reported = try project.read("reported").split(separator: "\n").map(String.init)
        #expect(Set(reported) == Set(taken.compactMap { $0.run?.rawValue }))
    }

    @Test("What was done by a backfill while nothing could run is not done again")
    func backfilled() async throws {
        let project = try Self.project(every: "1h", more: ", catch_up: latest")
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        #expect(try await project.caudal("schedule", "--once").status == 0)
        let slots = try Self.slots(project)
        #expect(slots.isEmpty)
        let now = SystemClock.now.wall
        let hour = now / 3_600_000 * 3_600_000
        let zone = try #require(ZoneLibrary().zone(named: "Europe/Berlin"))
        let date = zone.date(at: hour / 1000)
        let day = LocalDate(days: date.days - 1)
        let filled = try await project.caudal("backfill", "config/tick.yaml", "--days", "\(day)..\(day)")
        #expect(filled.status == 64 || filled.status == 0, "\(filled)")
        #expect(filled.status == 64 && filled.errors.contains("${schedule."), "\(filled)")
        let text = try project.read("config/tick.yaml")
        try project.write("config/tick.yaml", text.replacing("${schedule.time} ${schedule.date} ", with: ""))
        #expect(try await project.caudal("backfill", "config/tick.yaml", "--days", "\(day)..\(day)").status == 0)
        let slot = Slot(pipeline: "tick", schedule: Schedule.usualName, planned: hour, date: date)
        try store.record(SlotDecider.Plan(decisions: [SlotDecision(SlotSpan(slot), .run(isCaughtUp: true))]), at: now)
        #expect(try await project.caudal("schedule", "--once").status == 0)
        let settled = try await Self.settled(project)
        #expect(settled.map(\.outcome) == [.skipped], "\(settled)")
        #expect(settled.first?.reason.contains("has succeeded with the same parameters since then") == true)
    }

    @Test("A slot that cannot begin says why: the file is not valid, or another run writes its paths")
    func cannotBegin() async throws {
        let project = try Self.project(every: "1s")
        try Self.beginEarlier(project)
        let text = try project.read("config/tick.yaml")
        try project.write("config/tick.yaml", text.replacing("stages:", with: "stagse:"))
        let invalid = try await project.caudal("schedule", "--once")
        #expect(invalid.output.contains("config/tick.yaml is not valid"), "\(invalid)")
        let status = try await project.caudal("schedule", "status")
        #expect(status.status == 1 && status.errors.contains("config/tick.yaml is not valid"), "\(status)")
        // What it names is gone when the run is to begin.
        try project.write(
            "config/tick.yaml", text.replacing("stages:", with: "env: {WORD: \"${env.NOT_SET}\"}\nstages:"))
        #expect(try await project.caudal("schedule", "--once").status == 0)
        let slots = try await Self.settled(project)
        #expect(slots.last?.outcome == .failed && slots.last?.reason.contains("NOT_SET") == true, "\(slots)")
    }

    @Test("The unit for systemd names the program and the folders, and --remove takes it away")
    func install() async throws {
        let project = try Self.project()
        let shown = try await project.caudal("schedule", "install", "--dry-run")
        #expect(shown.output.contains("KillMode=process") && shown.output.contains(project.folder.path), "\(shown)")
        let written = try await project.caudal("schedule", "install")
        #expect(written.status == 0 && written.output.contains("systemctl --user"), "\(written)")
        let units = project.files(in: ".config/systemd/user")
        let unit = try #require(units.first, "\(written)")
        #expect(units.count == 1 && unit.hasPrefix("caudal-"), "\(units)")
        #expect(try project.read(".config/systemd/user/" + unit) == shown.output)
        #expect(try await project.caudal("schedule", "install", "--remove").status == 0)
        #expect(project.files(in: ".config/systemd/user").isEmpty)
        #expect(try await project.caudal("schedule", "install", "--remove").status == 1)
        let line = try await project.caudal("schedule", "install", "--cron")
        #expect(line.output.contains("* * * * * '") && line.output.contains("'--once'"), "\(line)")
    }
}
