import Testing

@Suite("Checks of what a command writes", .timeLimit(.minutes(15)))
struct CommandChecksTests {
    private func project(_ checks: String, lines: String = "id,n\\n1,5\\n2,7\\n") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("known.csv", "id\n1\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: made
            datasets: {out: {path: out/made.csv}, known: {path: known.csv}}
            stages:
              make:
                type: command
                run: "printf '\(lines)' > ${stage.output}"
                output: out
                checks:
                  - \(checks)
            """)
        return project
    }

    @Test("A check that holds lets the output be published, with its rows counted")
    func passes() async throws {
        let project = try project("{unique: id}")
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("out/made.csv") == "id,n\n1,5\n2,7\n")
        let show = try await project.caudal("show")
        #expect(show.output.contains("✓ passed  make/unique_id"))
        #expect(show.output.contains("2 rows"))
    }

    @Test(
        "A check that does not hold fails the stage and publishes nothing",
        arguments: [
            "{range: n, max: 6}", "{sql: 'select * from input where n = 7'}", "{row_count: 3}",
            "{foreign_key: id, dataset: known}", "{schema: {id: any}}",
        ])
    func fails(check: String) async throws {
        let project = try project(check)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 1, "\(run)")
        #expect(run.output.contains("nothing was published"))
        #expect(!project.exists("out/made.csv"))
    }

    @Test("A check of a column that the output does not have fails with its place")
    func unknownColumn() async throws {
        let project = try project("{unique: idd}")
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 1)
        #expect(run.output.contains("p.yaml:10:"), "\(run)")
        #expect(run.output.contains("did you mean 'id'?"))
        #expect(!project.exists("out/made.csv"))
    }
}
