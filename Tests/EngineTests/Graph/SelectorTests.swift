import CaudalModel
import Engine
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct SelectorTests {
    /// extract → clean → enrich → quality → publish; catalog → enrich; report needs quality.
    private static let candidates: [Selector.Candidate] = [
        .init(id: "extract", type: "command", group: "sources", upstream: [], status: .succeeded),
        .init(id: "catalog", type: "command", group: "sources", upstream: [], status: .failed),
        .init(id: "clean", type: "process", group: nil, upstream: ["extract"], status: .succeeded),
        .init(id: "enrich", type: "enrich", group: nil, upstream: ["clean", "catalog"], status: .blocked),
        .init(id: "quality", type: "check", group: "ends", upstream: ["enrich"], status: .blocked),
        .init(id: "publish", type: "command", group: "ends", upstream: ["quality"], status: .blocked),
    ]

    private func chosen(_ text: String) throws -> Set<StageID> {
        try Selector(text).stages(among: Self.candidates)
    }

    @Test(
        "A selector chooses stages",
        arguments: [
            ("clean", ["clean"]),
            ("+clean", ["extract", "clean"]),
            ("clean+", ["clean", "enrich", "quality", "publish"]),
            ("+enrich+", ["extract", "catalog", "clean", "enrich", "quality", "publish"]),
            ("1+enrich", ["clean", "catalog", "enrich"]),
            ("2+quality", ["quality", "enrich", "clean", "catalog"]),
            ("clean+1", ["clean", "enrich"]),
            ("1+enrich+1", ["clean", "catalog", "enrich", "quality"]),
            ("0+enrich", ["enrich"]),
            ("group:sources", ["extract", "catalog"]),
            ("group:sources+1", ["extract", "catalog", "clean", "enrich"]),
            ("type:command", ["extract", "catalog", "publish"]),
            ("state:failed", ["catalog"]),
            ("state:failed+", ["catalog", "enrich", "quality", "publish"]),
            ("clean publish", ["clean", "publish"]),
            ("  clean \t publish ", ["clean", "publish"]),
            ("type:command,group:ends", ["publish"]),
            ("+quality,clean+", ["clean", "enrich", "quality"]),
            ("type:command,group:ends clean", ["publish", "clean"]),
            ("*", ["extract", "catalog", "clean", "enrich", "quality", "publish"]),
            ("*l*", ["catalog", "clean", "quality", "publish"]),
            ("c*", ["catalog", "clean"]),
            ("state:cancelled", []),
        ] as [(String, [StageID])])
    func chooses(_ text: String, _ expected: [StageID]) throws { #expect(try chosen(text) == Set(expected)) }

    @Test(
        "A selector that cannot be meant is refused in a sentence that helps",
        arguments: [
            ("", "nothing is selected; name a stage, or write group:x or state:failed"),
            ("+", "'+' names no stage"),
            ("clean,", "'' names no stage"),
            ("cleen", "no stage is called 'cleen'; did you mean 'clean'?"),
            ("x*", "no stage is called 'x*'; there is extract, catalog, clean, enrich, quality, publish"),
            ("group:source", "no stage is in a group 'source'; did you mean 'sources'?"),
            ("type:spark", "no stage is of type 'spark'"),
            ("state:faild", "'faild' is not a state; did you mean 'failed'?"),
            ("tag:x", "'tag:x' is not known; write group:x, type:x or state:failed"),
        ])
    func refuses(_ text: String, _ message: String) {
        #expect(throws: Selector.Fault(message)) { try chosen(text) }
    }

    @Test("A pipeline offers its stages with their groups, types and upstream", .tags(.duckDB))
    func candidatesOfAPipeline() throws {
        let pipeline = try Pipeline(
            yaml: """
                datasets:
                  out: {path: out.parquet}
                  in: {path: in.parquet}
                stages:
                  make: {type: command, run: ./make.sh, output: in, group: sources}
                  copy: {type: sql, query: select * from "in", output: out}
                """)
        #expect(try Selector("+copy").stages(among: pipeline.candidates) == ["make", "copy"])
        #expect(try Selector("group:sources").stages(among: pipeline.candidates) == ["make"])
    }
}
