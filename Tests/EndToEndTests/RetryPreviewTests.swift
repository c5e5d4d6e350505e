import CaudalModel
import Engine
import Foundation
import Testing

@Suite("What a verb would run is told before it does", .timeLimit(.minutes(15)))
struct RetryPreviewTests {
    private static let pipeline = """
        version: 1
        name: p
        datasets: {made: {path: out/made.txt, format: csv}}
        stages:
          publish: {type: command, needs: test, run: "echo published", idempotent: false}
          make: {type: command, output: made, run: "echo n > ${stage.output}"}
          test: {type: command, needs: make, run: "test -e go"}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            Self.pipeline.replacing(", format: csv", with: "").replacing(".txt", with: ".csv"))
        return project
    }

    @Test("run --dry-run lists the stages in order and runs nothing")
    func dryRun() async throws {
        let project = try project()
        let first = try await project.caudal("run", "p.yaml", "--dry-run")
        #expect(first.status == 0, "\(first)")
        #expect(first.output.contains("Runs:        make, test, publish"), "\(first)")
        #expect(first.output.contains("not known"), "\(first)")
        #expect(!first.output.contains("Overwrites"), "nothing lies there yet: \(first)")
        #expect(!project.exists("out/made.csv"))
        #expect(try project.names() == ["p.yaml"], "nothing was made, not even the state's folder")

        try project.write("go", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let second = try await project.caudal("run", "p.yaml", "--dry-run")
        #expect(second.output.contains("Overwrites:  out/made.csv"), "\(second)")
        #expect(second.output.contains("as in past runs"), "\(second)")
        #expect(try await project.caudal("runs", "--json").output.split(separator: "\n").count == 1)
    }

    @Test("retry --dry-run says what runs again and what stays, and changes nothing")
    func dryRetry() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let before = try await project.caudal("show", "last", "--json").output
        let dry = try await project.caudal("retry", "last", "--dry-run")
        #expect(dry.status == 0, "\(dry)")
        #expect(dry.output.contains("Runs again:  test (failed), publish (blocked)"), "\(dry)")
        #expect(dry.output.contains("Stays:       make: succeeded"), "\(dry)")
        let resume = try await project.caudal("resume", "last", "--dry-run")
        #expect(
            resume.status == 0 && resume.output.contains("Runs again:  test (failed), publish (blocked)"), "\(resume)")
        #expect(try await project.caudal("show", "last", "--json").output == before)
    }

    @Test("Of a fan-out the items are named: those that run, those that stay, and the files that are there")
    func items() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {clean: {path: "out/clean-${item.region}.csv"}}
            stages:
              process:
                type: command
                foreach: {region: [center, east, north, south, up, west]}
                output: clean
                run: "test -e ok-${item.region} && echo n > ${stage.output}"
              tell: {type: command, needs: process, run: echo told}
            """)
        for name in ["center", "north", "south", "up"] { try project.write("ok-\(name)", "") }
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("out/clean-east.csv", "old")
        let one = try await project.caudal("retry", "last", "process/east", "--dry-run")
        #expect(one.output.contains("Runs again:  process (failed; 1 item: east)\n"), "\(one)")
        #expect(one.output.contains("Stays:       process (4 items: center, north, south and 1 more): "), "\(one)")
        #expect(one.output.contains("Left alone:  process (1 item: west), tell (blocked)\n"), "\(one)")
        #expect(one.output.contains("Overwrites:  out/clean-east.csv\n"), "\(one)")
        let both = try await project.caudal("retry", "last", "--dry-run")
        #expect(both.output.contains("process (failed; 2 items: east, west), tell (blocked)\n"), "\(both)")
        #expect(!both.output.contains("clean-west"), "it was never written: \(both)")
        // A new run does not know its items yet: what any item has written counts.
        let new = try await project.caudal("run", "p.yaml", "--dry-run")
        #expect(new.output.hasPrefix("p: 2 stages, "), "\(new)")
        #expect(new.output.contains("Overwrites:  out/clean-center.csv, out/clean-east.csv, out/clean-no"), "\(new)")
        let whole = try await project.caudal("retry", "last", "--select", "process", "--dry-run")
        #expect(whole.output.contains("process (failed; 2 items: east, west)"), "\(whole)")
        for name in ["east", "west"] { try project.write("ok-\(name)", "") }
        #expect(try await project.caudal("retry", "last", "--plain").status == 0)
        let again = try await project.caudal("retry", "last", "process", "--dry-run")
        #expect(again.output.contains("Runs again:  process (succeeded; its items are determined again)\n"), "\(again)")
        #expect(again.output.contains("out/clean-up.csv, out/clean-west.csv\n"), "\(again)")
    }

    @Test("retry --select takes stages by how they stand")
    func selection() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let failed = try await project.caudal("retry", "last", "--select", "state:failed", "--dry-run")
        #expect(failed.output.contains("Runs again:  test (failed), publish (blocked)"), "\(failed)")
        let all = try await project.caudal("retry", "last", "--select", "make+", "--exclude", "publish", "--dry-run")
        #expect(all.output.contains("Runs again:  make (succeeded), test (failed), publish (blocked)"), "\(all)")
        #expect(all.output.contains("Overwrites:  out/made.csv"), "\(all)")
        let none = try await project.caudal("retry", "last", "--select", "state:cancelled", "--dry-run")
        #expect(none.status == 1 && none.errors.contains("no stage was chosen"), "\(none)")
        try project.write("go", "")
        let done = try await project.caudal("retry", "last", "--select", "state:failed", "--plain")
        #expect(done.status == 0 && done.output.contains("publish  succeeded"), "\(done)")
    }

    @Test("A stage that does harm twice and was running is not run again without a yes", .timeLimit(.minutes(15)))
    func harmful() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              publish: {type: command, run: "test -e go || sleep 600", idempotent: false}
            """)
        let run = try await project.start("run", "p.yaml", "--json")
        _ = try #require(await run.says("\"attempt_spawned\""))
        await run.killHard()
        try project.write("go", "")
        let refused = try await project.caudal("resume", "last", "--plain")
        #expect(refused.exit == .exited(64), "\(refused)")
        #expect(refused.errors.contains("publish was running when its process died"), "\(refused)")
        #expect(refused.errors.contains("--yes"), "\(refused)")
        let shown = try await project.caudal("resume", "last", "--dry-run")
        #expect(shown.exit == .exited(0) && shown.output.contains("running it twice does harm: publish"), "\(shown)")
        let agreed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(agreed.exit == .exited(0), "\(agreed)")
        #expect(agreed.errors.contains("ended what the dead process had left running: "), "\(agreed)")
        #expect(agreed.errors.contains("sleep ("), "\(agreed)")
    }
}
