import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Folders called `name=value` around Parquet files, on this machine and in keys of objects.
@Suite("Columns of folders", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct FolderColumnsTests {
    /// A project that copies the files of each pattern to `<name>.csv`.
    private func project(_ patterns: [String: String], making script: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        for path in script.matches(of: #/'([^']+)/[^/']+\.parquet'/#).map({ String($0.output.1) }) {
            try project.write(path + "/.keep", "")
        }
        _ = try await project.query(script)
        let named = patterns.sorted { $0.key < $1.key }
        try project.write(
            "p.yaml",
            "version: 1\nname: p\ndatasets:\n"
                + named.map { "  \($0.key): {path: \"\($0.value)\"}\n  \($0.key)_got: {path: \($0.key).csv}\n" }
                .joined()
                + "stages:\n"
                + named.map { "  \($0.key)_s: {type: process, input: \($0.key), output: \($0.key)_got}\n" }.joined())
        return project
    }

    private func run(_ project: CaudalProject) async throws {
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
    }

    @Test("A time with an offset in a folder's name keeps it, and folders that only some files have are told")
    func offsets() async throws {
        let project = try await project(
            ["at": "in/*/*.parquet", "part": "m/*/*.parquet"],
            making: """
                copy (select 1 id) to 'in/ts=2026-11-23T10:00:00+01:00/f.parquet';
                copy (select 2 id) to 'in/ts=2026-11-23T10:00:00Z/f.parquet';
                copy (select 1 id) to 'm/region=eu/f.parquet'; copy (select 2 id) to 'm/plain/f.parquet'
                """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0 && ran.output.contains("'region' is told by folders of some files of 'part'"), "\(ran)")
        #expect(try project.read("at.csv").contains("1,2026-11-23T10:00:00+01:00\n"), "\(ran)")
    }

    @Test("A folder without a value gives none, and the type is that of all folders together")
    func values() async throws {
        let project = try await project(
            ["day": "in/*/*.parquet", "mixed": "m/*/*.parquet", "odd": "o/*/*.parquet", "signs": "s/*/*.parquet"],
            making: """
                copy (select 1 id) to 'in/day=__HIVE_DEFAULT_PARTITION__/f.parquet';
                copy (select 2 id) to 'in/day=2026-01-02/f.parquet';
                copy (select 1 id) to 'm/n=1/f.parquet'; copy (select 2 id) to 'm/n=x/f.parquet';
                copy (select 1 id) to 's/n=0x10/f.parquet'; copy (select 2 id) to 's/n=-7/f.parquet';
                copy (select 1 id) to 'o/n=1/f.parquet'; copy (select 2.5 id, 'a' note) to 'o/n=2026-01-01/f.parquet'
                """)
        try await run(project)
        #expect(try project.read("day.csv") == "id,day\n2,2026-01-02\n1,\n")
        #expect(try project.read("mixed.csv") == "id,n\n1,1\n2,x\n")
        #expect(try project.read("signs.csv") == "id,n\n2,-7\n1,0x10\n")
        #expect(try project.read("odd.csv") == "id,note,n\n1.0,,1\n2.5,a,2026-01-01\n")
    }

    @Test(
        "What stands in an object counts more than a folder in its key, and signs of patterns are read as such",
        .enabled(if: ObjectServer.absence == nil, "\(ObjectServer.absence ?? "")"))
    func objects() async throws {
        let (server, prefix) = (try await ObjectServer.shared(), UUID().uuidString)
        let project = try CaudalProject(copying: [], variables: server.variables)
        _ = try await project.query(
            "copy (select 1 id, '2025-05-05' as day) to 'a.parquet'; copy (select 2 id, '2025-05-06' as day) to 'b.parquet'; "
                + "copy (select 3 id) to 'c.parquet'")
        for (key, file) in [
            ("hv/day=2026-01-01/a", "a"), ("hv/day=2026-01-02/b", "b"), ("null/day=2026-01-01/c", "c"),
            ("null/day=__HIVE_DEFAULT_PARTITION__/c", "c"), ("x1/c", "c"), ("x2/c d+é", "c"), ("x10/c", "c"),
        ] { try await server.put(file: project.folder.path("\(file).parquet"), "\(prefix)/\(key).parquet") }
        try await server.put("\(prefix)/x1/", "")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {store: \(server.connection)}
            datasets:
              own: {connection: store, table: "\(prefix)/hv/*/*.parquet"}
              none: {connection: store, table: "\(prefix)/null/*/*.parquet"}
              signs: {connection: store, table: "\(prefix)/x?/*.parquet"}
              one: {connection: store, table: "\(prefix)/null/day=2026-01-01/c.parquet"}
              a: {path: own.csv}
              b: {path: none.csv}
              c: {path: signs.csv}
              d: {path: one.csv}
            stages:
              a: {type: process, input: own, output: a}
              b: {type: process, input: none, output: b}
              c: {type: process, input: signs, output: c}
              d: {type: process, input: one, output: d}
            """)
        try await run(project)
        #expect(try project.read("own.csv") == "id,day\n1,2025-05-05\n2,2025-05-06\n")
        #expect(try project.read("none.csv") == "id,day\n3,2026-01-01\n3,\n")
        #expect(try project.read("signs.csv") == "id\n3\n3\n")
        #expect(try project.read("one.csv") == "id,day\n3,2026-01-01\n")
    }
}
