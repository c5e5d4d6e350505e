import Engine
import Foundation
import TestSupport
import Testing

/// Files that are reached by another way than the name of their dataset: patterns, items, values, words of the engine.
@Suite("Files by other ways", .timeLimit(.minutes(15)))
struct ForeignFilesTests {
    private func project(_ pipeline: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\n" + pipeline)
        return project
    }

    private func run(_ project: CaudalProject, _ more: String...) async throws -> CaudalProject.Answer {
        try await project.caudal(["run", "p.yaml", "--plain"] + more)
    }

    @Test("Warnings of the engine take no row away: every item is found, every column is told")
    func warnings() async throws {
        let project = try project(
            """
            datasets: {o: {path: "w/${item.k}.csv"}, z: {path: z.csv}, l: {path: l.csv}}
            stages:
              o: {type: sql, output: o, foreach: {k: {sql: "select unnest(list_transform(['a','b','c'], x -> x)) as k"}}, query: "select ${item.k} as k"}
              z: {type: sql, output: z, query: select * from o order by k}
              l: {type: sql, output: l, query: "select 1 as a, len(list_transform([1,2], x -> x + 1)) as n"}
            """)
        let answer = try await run(project)
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("z.csv") == "k\na\nb\nc\n")
        #expect(project.text("l.csv") == "a,n\n1,2\n")
    }

    @Test(
        "Apostrophes in comments and signs of comments in texts are read as SQL reads them",
        arguments: [
            "select 1 as x -- don't", "/* it's */ select 1 as x", "select 'a--b' as x",
        ])
    func comments(query: String) async throws {
        let project = try project(
            "datasets: {o: {path: o.csv}}\nstages: {o: {type: sql, output: o, query: \"\(query)\"}}\n")
        let answer = try await run(project)
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("o.csv")?.split(separator: "\n").count == 2)
    }

    @Test("A pattern over what the pipeline writes gives this run's versions, or refuses")
    func patterns() async throws {
        let project = try project(
            """
            params: {day: {type: string}}
            datasets: {o: {path: d/cur.csv}, r: {path: "d/*.csv"}, z: {path: "z-${params.day}.csv"}}
            stages:
              o: {type: command, output: o, run: 'printf "v\\n%s\\n" ${params.day} > ${stage.output}'}
              gate: {type: command, needs: o, run: 'test ! -e broken'}
              z: {type: sql, output: z, needs: gate, query: select * from r}
            """)
        try project.write("broken", "")
        let first = try await run(project, "--param", "day=1")
        #expect(first.status == 1, "\(first)")
        unlink(project.folder.path("broken"))
        #expect(try await run(project, "--param", "day=2").status == 0)
        let id = try #require(
            first.output.firstMatch(of: #/run (\d+-\d+-[a-z0-9]+) started/#).map { String($0.output.1) })
        let retry = try await project.caudal("retry", id, "--plain")
        #expect(retry.status == 0, "\(retry)")
        #expect(project.text("z-1.csv") == "v\n1\n")
        let alone = try await run(project, "--param", "day=5", "--select", "z")
        #expect(alone.status != 0, "\(alone)")
        #expect(!project.exists("z-5.csv"))
    }

    @Test(
        "Who reads items' files by a pattern waits for the stage", arguments: ["?", "[ab]", "a*"])
    func patternsOfItems(name: String) async throws {
        let project = try project(
            """
            datasets: {o: {path: "w/${item.k}.csv"}, r: {path: "w/\(name).csv"}, z: {path: z.csv}}
            stages:
              o: {type: command, output: o, foreach: {k: [a, b]}, run: 'sleep 0.3; printf "v\\nnew\\n" > ${stage.output}'}
              z: {type: sql, output: z, query: select distinct v from r}
            """)
        try FileManager.default.createDirectory(atPath: project.folder.path("w"), withIntermediateDirectories: true)
        for item in ["a", "b"] { try project.write("w/\(item).csv", "v\nold\n") }
        let answer = try await run(project)
        #expect(answer.status == 0, "\(answer)")
        #expect(project.text("z.csv") == "v\nnew\n")
    }

    @Test("What a list in the file makes a path of is refused before the run, with both places")
    func listedItems() async throws {
        let project = try project(
            """
            datasets: {o: {path: "w/${item.k}.csv"}, r: {path: w/b.csv}, z: {path: z.csv}}
            stages:
              o: {type: command, output: o, foreach: {k: [a, b]}, run: 'echo v > ${stage.output}'}
              z: {type: sql, output: z, query: select v from r}
            """)
        let answer = try await run(project)
        #expect(answer.status == 2 && answer.errors.contains("'r' is the file that 'o' writes as 'o'"), "\(answer)")
    }

    @Test("An item's value never makes a path of what others read or write")
    func itemsOverOthers() async throws {
        let source = try project(
            """
            datasets: {src: {path: in/a.csv}, o: {path: "in/${item.k}.csv"}, z: {path: z.csv}}
            stages:
              z: {type: sql, output: z, query: select * from src}
              o: {type: command, output: o, needs: z, foreach: {k: {sql: "select 'a' as k"}}, run: 'printf "v\\nfan\\n" > ${stage.output}'}
            """)
        try FileManager.default.createDirectory(atPath: source.folder.path("in"), withIntermediateDirectories: true)
        try source.write("in/a.csv", "v\nprecious\n")
        #expect(try await run(source).status == 1)
        #expect(source.text("in/a.csv") == "v\nprecious\n")
        let twice = try project(
            """
            datasets: {o: {path: "y/${item.k}.csv"}, q: {path: "y/${item.j}.csv"}}
            stages:
              o: {type: command, output: o, foreach: {k: {sql: "select unnest(['a', 'b']) as k"}}, run: 'echo o > ${stage.output}'}
              q: {type: command, output: q, needs: o, foreach: {j: {sql: "select unnest(['b', 'c']) as j"}}, run: 'echo q > ${stage.output}'}
            """)
        let answer = try await run(twice)
        #expect(answer.status == 1, "\(answer)")
        #expect(twice.text("y/b.csv") == "o\n")
        let itself = try project(
            """
            datasets: {o: {path: "${item.k}", format: csv}}
            stages: {o: {type: command, output: o, foreach: {k: {sql: "select 'p.yaml' as k"}}, run: 'echo gone > ${stage.output}'}}
            """)
        #expect(try await run(itself).status == 1)
        #expect(itself.text("p.yaml")?.hasPrefix("version: 1") == true)
    }

    @Test(
        "Values that make a path begin at the root, or stand for other files, are refused",
        arguments: ["", "*", "a[1]"])
    func values(value: String) async throws {
        let project = try project(
            """
            params: {base: {type: string}}
            datasets: {o: {path: "${params.base}/x/o.csv"}}
            stages: {o: {type: command, output: o, run: 'echo v > ${stage.output}'}}
            """)
        let answer = try await run(project, "--param", "base=\(value)")
        #expect(answer.status == 2, "\(answer)")
    }

    @Test("A dataset is not called as tables of the engine or of Caudal are")
    func namesOfTheEngine() async throws {
        let project = try project(
            "datasets: {duckdb_views: {path: v.csv}}\nstages: {o: {type: check, input: duckdb_views, checks: [{row_count: {min: 0}}]}}\n"
        )
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.status == 2 && answer.description.contains("reserved for caudal's own tables"), "\(answer)")
    }
}
