import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Attempts on machines without a shared file system", .timeLimit(.minutes(5)))
struct CopiedAttemptsTests {
    /// A project whose attempts are copied to a machine that has another folder in place of the temporary files.
    private func copied(_ stages: String, silence: String? = nil) async throws -> (CaudalProject, SSHServer) {
        let server = try await SSHServer.shared()
        let project = try CaudalProject(copying: [])
        let target = server.target(hosts: "[127.0.0.1]", identity: server.otherIdentity, silence: silence)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: copied
            run_on: there
            targets: {there: \(target.dropLast()), transfer: copy}}
            datasets:
              rows: {path: "data/day=7/rows.csv", schema: schema.json}
              valid: {path: valid.parquet}
              days: {path: "parts/*/*.parquet"}
              kept: {path: kept.parquet}
              made: {path: made.csv}
            stages:
            \(stages)
            """)
        try project.write("schema.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        try project.write("data/day=7/rows.csv", "id,name\n1,a\nx,b\n\n3,\"c\nd\"\n")
        for day in 1...2 {
            try FileManager.default.createDirectory(
                atPath: project.folder.path("parts/day=\(day)"), withIntermediateDirectories: true)
            _ = try await project.query("copy (select \(day) as n) to 'parts/day=\(day)/part.parquet'")
        }
        // A command starts in the project, which that machine has too.
        try FileManager.default.createDirectory(
            atPath: elsewhere(project.folder.path, server), withIntermediateDirectories: true)
        return (project, server)
    }

    /// Where that machine keeps what is at a path there.
    private func elsewhere(_ path: String, _ server: SSHServer) -> String {
        let temporary = FileManager.default.temporaryDirectory.path
        return server.elsewhere + path.dropFirst(temporary.count)
    }

    @Test(
        "What another machine does not see is copied there and back, and nothing of it stays there",
        .enabled(if: SSHServer.hidingAbsence == nil, "\(SSHServer.hidingAbsence ?? "")"))
    func copiedThereAndBack() async throws {
        let (project, server) = try await copied(
            """
              valid: {type: validate, input: rows, output: valid, quarantine: bad.csv}
              kept: {type: sql, query: "select n, day from days", output: kept, mode: merge, key: n}
              made: {type: command, inputs: valid, output: made, run: "hostname > there.txt; cat ${input.valid} > ${stage.output}; echo told"}
            """)
        for _ in 1...2 {
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 0, "\(ran)")
        }
        #expect(
            try await project.query("from 'valid.parquet'")
                == ["1|a", "3|c\nd"].flatMap { $0.split(separator: "\n").map(String.init) })
        #expect(try project.read("bad.csv").contains("data/day=7/rows.csv,2,3,id,"))
        #expect(try await project.query("select n, day from 'kept.parquet' order by n") == ["1|1", "2|2"])
        let same = FileManager.default.contents(atPath: project.folder.path("valid.parquet"))
        #expect(FileManager.default.contents(atPath: project.folder.path("made.csv")) == same)
        #expect(try await project.caudal("logs").output.contains("told"))
        #expect(try await "\(project.caudal("lineage", "valid.parquet"))".contains("data/day=7/rows.csv"))
        // The command wrote there, and only there, what it did not write to its output.
        #expect(!project.exists("there.txt"))
        let left = FileManager.default.subpaths(atPath: elsewhere(project.folder.path, server)) ?? []
        #expect(left == ["there.txt"])
    }

    @Test(
        "Cancelling, a failure and the death of caudal leave nothing that goes on, and a resumed run does it once more",
        .enabled(if: SSHServer.hidingAbsence == nil, "\(SSHServer.hidingAbsence ?? "")"))
    func copiedAndEnded() async throws {
        let stage =
            "  made: {type: command, inputs: rows, output: made, run: \"echo begin >> ran; until test -e open; do sleep 0.05; done; "
            + "cp ${input.rows} ${stage.output}; echo end >> ran\"}"
        let (project, server) = try await copied(stage)
        let there = elsewhere(project.folder.path, server)
        let started = try await project.start("run", "p.yaml", "--plain")
        try await wait(forFile: there + "/ran", holding: "begin")
        #expect(try await project.caudal("cancel", "last").status == 0)
        #expect(await started.child.exit().exit == .exited(3))
        let dead = try await project.start("run", "p.yaml", "--plain")
        try await wait(forFile: there + "/ran", holding: "begin\nbegin")
        #expect(await dead.killHard() == .signaled(SIGKILL))
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        try await wait(forFile: there + "/ran", holding: "begin\nbegin\nbegin")
        try FileText.write("", to: there + "/open")
        #expect(await resumed.child.exit().exit == .exited(0))
        // What was cancelled, or had lost its caudal, has not seen the door open.
        #expect(try FileText.read(there + "/ran") == "begin\nbegin\nbegin\nend\n")
        #expect(try project.read("made.csv") == project.read("data/day=7/rows.csv"))
        #expect(Set(FileManager.default.subpaths(atPath: there) ?? []) == ["open", "ran"])
        let (failing, _) = try await copied("  made: {type: command, output: made, run: \"echo no >&2; exit 7\"}")
        let failed = try await failing.caudal("run", "p.yaml", "--plain")
        #expect(failed.status == 1 && failed.output.contains("exit status 7"), "\(failed)")
    }

    @Test(
        "Where both machines see the project nothing is copied, and that is said",
        .enabled(if: SSHServer.absence == nil))
    func copiedThoughShared() async throws {
        let server = try await SSHServer.shared()
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: shared
            targets: {there: \(server.target().dropLast()), transfer: copy}}
            stages: {a: {type: command, run_on: there, run: echo done}}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 1 && ran.output.contains("leave 'transfer: copy' out"), "\(ran)")
    }
}
