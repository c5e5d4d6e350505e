import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("What a dead run left running", .timeLimit(.minutes(15)))
struct LeftBehindTests {
    /// Work that tells when it begins and ends.
    private static let work =
        "echo begin >> ledger; until test -e open; do /usr/bin/sleep 0.02; done; echo end >> ledger"

    private func project(_ run: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("work.sh", Self.work)
        try project.write("p.yaml", "version: 1\nname: left\nstages:\n  a: {type: command, run: \"\(run)\"}\n")
        return project
    }

    private func waits(for lines: Int, _ project: CaudalProject) async throws {
        _ = try await project.run(
            "/bin/sh", ["-c", "until test \"$(cat ledger 2>/dev/null | wc -l)\" -ge \(lines); do sleep 0.02; done"])
    }

    /// Starts the run and kills caudal once it has recorded which process works.
    private func die(_ project: CaudalProject) async throws {
        let dead = try await project.start("run", "p.yaml", "--plain")
        try await waits(for: 1, project)
        let store = try DatabaseQueue(path: project.folder.path(".caudal/caudal.db"))
        let question = "SELECT count(*) FROM events WHERE kind = 'attempt_spawned'"
        while try await store.read({ try Int.fetchOne($0, sql: question) }) == 0 {}
        #expect(await dead.killHard() == .signaled(9))
    }

    @Test(
        "Is ended before the stage runs again, whatever it made of its environment",
        arguments: [
            "env -i /bin/sh work.sh", "exec env -i /bin/sh work.sh", "env -i setsid /bin/sh work.sh; true",
            "env -i /bin/sh work.sh & wait", "env -i /bin/sh -c '/bin/sh work.sh; true'",
        ])
    func resumed(run: String) async throws {
        let project = try project(run)
        try await die(project)
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await waits(for: 2, project)
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(try project.read("ledger") == "begin\nbegin\nend\n")
    }

    @Test("Is ended when the run is cancelled")
    func cancelled() async throws {
        let project = try project("env -i /bin/sh work.sh")
        try await die(project)
        let cancelled = try await project.caudal("cancel", "last")
        try project.write("open", "")
        #expect(cancelled.status == 0, "\(cancelled)")
        #expect(try project.read("ledger") == "begin\n")
    }

    @Test("Keeps its run from being removed by name, because nobody could find it then")
    func removed() async throws {
        let project = try project("/bin/sh work.sh")
        try await die(project)
        let pruned = try await project.caudal("prune", "last")
        #expect(pruned.status == 1 && pruned.errors.contains("programs of it still run: sh ("), "\(pruned)")
        #expect(try await project.caudal("cancel", "last").status == 0)
        #expect(try await project.caudal("prune", "last").status == 0)
        #expect(try project.read("ledger") == "begin\n")
    }

    @Test("The slot of a pool that it held is free for the run that is taken up again")
    func pool() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("work.sh", Self.work)
        try project.write(
            "p.yaml",
            "version: 1\nname: left\npools: {one: 1}\nstages:\n  a: {type: command, pool: one, run: /bin/sh work.sh}\n")
        try await die(project)
        try project.write("open", "")
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        let waited = try await project.run(
            "/bin/sh", ["-c", "for i in $(seq 600); do grep -q end ledger && exit 0; sleep 0.05; done; exit 1"])
        #expect(waited.status == 0, "the run waits for a slot that nobody holds any more")
        if waited.status == 0 {
            #expect(await resumed.child.exit().exit == .exited(0))
        } else {
            _ = await resumed.killHard()
        }
    }

    @Test("A publication that was recorded is finished, and its stage, which may not run twice, does not run again")
    func publication() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: left
            datasets: {o: {path: o.csv}}
            stages:
              a: {type: command, idempotent: false, output: o, run: 'echo once >> ledger; echo v > ${stage.output}'}
            """)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        // As it stands when the process dies between the record and the move.
        let store = try DatabaseQueue(path: project.folder.path(".caudal/caudal.db"))
        try await store.write { db in
            try db.execute(
                sql: """
                    DELETE FROM events WHERE seq > (SELECT seq FROM events WHERE kind = 'publishing');
                    DELETE FROM attempts; DELETE FROM artifacts;
                    UPDATE runs SET status = 'running', ended_at = NULL, duration_ms = NULL
                    """)
        }
        try FileManager.default.removeItem(atPath: project.folder.path("o.csv"))
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 0, "\(resumed)")
        #expect(try project.read("ledger") == "once\n")
        #expect(try project.read("o.csv") == "v\n")
    }

    @Test("What a run published as it died is known to be its own, and read by no run with other values")
    func unrecordedPublication() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: left
            params: {day: {type: date, default: 2026-01-01}}
            datasets: {a: {path: a.csv}, b: {path: b.csv}}
            stages:
              one: {type: command, output: a, run: 'echo ${params.day} > ${stage.output}'}
              two: {type: command, inputs: [a], output: b, run: 'test ! -e broken && cat ${input.a} > ${stage.output}'}
            """)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        try project.write("broken", "")
        #expect(try await project.caudal("run", "p.yaml", "--param", "day=2026-01-02", "--plain").status == 1)
        try FileManager.default.removeItem(atPath: project.folder.path("broken"))
        // As it stands when the process dies between the move and its record.
        let store = try DatabaseQueue(path: project.folder.path(".caudal/caudal.db"))
        try await store.write { db in
            let run = try String.fetchOne(db, sql: "SELECT max(id) FROM runs")
            try db.execute(
                sql: """
                    DELETE FROM events WHERE run = ?1
                        AND seq > (SELECT seq FROM events WHERE run = ?1 AND kind = 'publishing')
                    """, arguments: [run])
            for table in ["attempts", "artifacts", "stages"] {
                try db.execute(sql: "DELETE FROM \(table) WHERE run = ?", arguments: [run])
            }
            try db.execute(
                sql: "UPDATE runs SET status = 'running', ended_at = NULL, duration_ms = NULL WHERE id = ?",
                arguments: [run])
        }
        #expect(project.text("a.csv") == "2026-01-02\n")
        let answer = try await project.caudal("run", "p.yaml", "--select", "two", "--plain")
        #expect(answer.status == 0 && project.text("b.csv") == "2026-01-01\n", "\(answer)")
    }

    @Test("What a success published is there when the run is taken up again, or the operator is told")
    func goneOutputs() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: left
            datasets: {o: {path: out/o.csv}, k: {path: out/k.csv}}
            stages:
              a: {type: command, output: o, run: 'echo v > ${stage.output}'}
              k: {type: command, output: k, run: 'echo k > ${stage.output}'}
              b: {type: command, needs: [a, k], run: 'test -e open && cat out/o.csv > seen'}
            """)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try FileManager.default.removeItem(atPath: project.folder.path("out/o.csv"))
        try FileManager.default.removeItem(atPath: project.folder.path("out/k.csv"))
        try project.write("out/k.csv", "somebody's own\n")
        try project.write("open", "")
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 0, "\(resumed)")
        #expect(project.text("seen") == "v\n")
        let log = try await project.caudal("logs", "--level", "warn")
        #expect(log.output.contains("out/o.csv was gone and is put back"), "\(log)")
        #expect(log.output.contains("out/k.csv is not the file that this run published"), "\(log)")
        #expect(project.text("out/k.csv") == "somebody's own\n")
    }
}
