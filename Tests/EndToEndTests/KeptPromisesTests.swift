import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What is promised of crashes, retries, counting and masking, each by what a user sees of it.
@Suite("What is promised of crashes, retries and masks", .timeLimit(.minutes(15)))
struct KeptPromisesTests {
    @Test("A slot that a dead run held is had again by the run itself, and by others, when it is taken up")
    func slots() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: pooled
            pools: {gate: 1}
            stages:
              a: {type: command, pool: gate, run: "until test -e open; do sleep 0.02; done"}
            """)
        let dead = try await project.start("run", "p.yaml", "--plain")
        #expect(await dead.says("a  started") != nil)
        #expect(await dead.killHard() == .signaled(9))
        let resumed = try await project.start("resume", "last", "--plain", "--yes")
        var line = ""
        for await next in resumed.lines where next.contains("attempt 2") || next.contains("waits") {
            line = next
            break
        }
        try #require(line.contains("attempt 2"), "\(line)")
        let other = try await project.start("run", "p.yaml", "--plain")
        let waits = await other.says("waits")
        #expect(waits?.contains("pool gate 1/1") == true, "\(waits ?? "")")
        try project.write("open", "")
        #expect(await resumed.child.exit().exit == .exited(0))
        #expect(await other.child.exit().exit == .exited(0))
    }

    @Test(
        "A secret in the warnings of an output is nowhere in what is kept", .enabled(if: Checkout.runsDuckDBTests))
    func masked() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("raw.csv", "who\nhunter2-hunter2\nsomebody\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: masked
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
            stages:
              ask:
                type: sql
                output: out
                query: select * from raw
                checks: [{accepted_values: who, in: [somebody], severity: warn}]
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain", variables: ["OPS_TOKEN": "hunter2-hunter2"])
        #expect(run.status == 0 && run.output.contains("1 warned"), "\(run)")
        #expect(try project.read("out.csv").contains("hunter2-hunter2"), "data is no secret of the run's")
        #expect(try !project.everythingKept().contains("hunter2-hunter2"))
        #expect(try project.everythingKept().contains("••••"))
    }
}
