import CaudalModel
import Foundation
import Testing

@Suite("Dry runs for programs", .timeLimit(.minutes(15)))
struct DryRunJSONTests {
    /// What the tests look at of the object.
    private struct Told: Decodable {
        struct Stage: Decodable {
            let stage: String
            let action: String
            let reason: String?
            let state: String?
            let needs: [String]
            let reads: [String]
            let writes: [String]
            let paths: [String]
            let command: [String]?
        }
        struct Read: Decodable { let path: String, note: String }
        struct Change: Decodable { let stage: String?, kind: String, lines: [String] }
        let pipeline: String
        let run: String?
        let state: String?
        let stages: [Stage]
        let overwrites: [String]
        let reads: [Read]?
        let changes: [Change]?
        let outdated: [String]?
    }

    private func told(_ project: CaudalProject, _ words: String...) async throws -> Told {
        let answer = try await project.caudal(words + ["--dry-run", "--json"])
        #expect(answer.status == 0 && answer.lines.count == 1, "\(answer)")
        return try JSONDecoder().decode(Told.self, from: Data(answer.output.utf8))
    }

    private static let file = """
        version: 1
        name: nightly
        params:
          day: {type: date, default: 2026-11-01}
          api_token: {type: string, default: "swordfish-77"}
        datasets: {raw: {path: raw.csv}, made: {path: "made/${params.day}.csv"}}
        stages:
          fetch: {type: command, run: 'sh -c ''cp raw.csv "$CAUDAL_OUTPUT"; echo ${params.day} ${params.api_token}''', inputs: [raw], output: made}
          tell: {type: command, run: [test, -e, go], inputs: [made]}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("raw.csv", "a,b\n1,2\n")
        try project.write("p.yaml", Self.file)
        return project
    }

    @Test("A run that would begin is one object: its stages in order, what each reads and writes and what it runs")
    func run() async throws {
        let project = try project()
        try project.write("made/2026-11-01.csv", "old\n")
        let all = try await told(project, "run", "p.yaml")
        #expect(all.pipeline == "nightly" && all.run == nil)
        #expect(all.stages.map(\.stage) == ["fetch", "tell"])
        #expect(all.stages.map(\.action) == ["runs", "runs"])
        #expect(all.stages.map(\.needs) == [[], ["fetch"]])
        #expect(all.stages.map(\.reads) == [["raw"], ["made"]])
        #expect(all.stages.map(\.paths) == [["made/2026-11-01.csv"], []])
        #expect(all.stages[1].command == ["test", "-e", "go"])
        #expect(all.stages[0].command?.first?.contains("echo 2026-11-01 ${params.api_token}") == true, "\(all)")
        #expect(all.overwrites == ["made/2026-11-01.csv"])
        let some = try await told(project, "run", "p.yaml", "--select", "tell")
        #expect(some.reads?.map(\.path) == ["made/2026-11-01.csv"])
        #expect(some.reads?.first?.note.contains("no run made it") == true, "\(some)")
        #expect(!project.exists(".caudal"), "nothing was run")
    }

    @Test("A retry tells what runs again, what stays and what the file changes")
    func retry() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let same = try await told(project, "retry", "last")
        #expect(same.stages.map(\.action) == ["stays", "runs"] && same.stages.map(\.state) == ["succeeded", "failed"])
        #expect(same.state == "failed" && same.changes == nil)
        try project.write(
            "p.yaml", try project.read("p.yaml").replacing("77", with: "78").replacing("-e, go", with: "-e, raw.csv"))
        for verb in ["retry", "resume"] {
            let changed = try await told(project, verb, "last")
            #expect(changed.changes?.compactMap(\.stage) == ["tell"])
            #expect(changed.stages[1].command == ["test", "-e", "raw.csv"])
        }
        let asked = try await project.caudal("retry", "last", "--dry-run", "--json")
        #expect(!asked.output.contains("swordfish"), "\(asked)")
    }

    @Test("A stage that was changed and had succeeded is named, and its retry tells what follows it")
    func outdated() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("p.yaml", try project.read("p.yaml").replacing("echo", with: "printf"))
        #expect(try await told(project, "retry", "last").outdated == ["fetch"])
        let again = try await told(project, "retry", "last", "--changed")
        #expect(again.stages.map(\.action) == ["runs", "runs"] && again.outdated == [])
        #expect(again.overwrites == ["made/2026-11-01.csv"])
    }

    @Test("A backfill tells each day in a line")
    func backfill() async throws {
        let project = try project()
        let answer = try await project.caudal(
            "backfill", "p.yaml", "--days", "2026-11-01..2026-11-02", "--dry-run", "--json")
        #expect(answer.status == 0)
        #expect(
            answer.lines
                == ["2026-11-01", "2026-11-02"].map {
                    #"{"day":"\#($0)","harmful":[],"stages":["fetch","tell"],"state":"would run"}"#
                }, "\(answer)")
    }
}
