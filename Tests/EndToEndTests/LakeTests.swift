import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite(
    "Delta and Iceberg tables", .timeLimit(.minutes(5)),
    .enabled(
        if: FileText.exists(Repository.path(".tools/lakes/installed"))
            || ProcessInfo.processInfo.environment["CI"] != nil,
        "'./scripts/setup.sh tests' installs what writes them"))
struct LakeTests {
    private static let script = Repository.path("Tests/Tables/lakes.py")

    /// A project with a folder `lake`, in which the script has written something.
    private func project(_ kind: String, _ table: String, stages: String? = nil) async throws -> CaudalProject {
        let project = try CaudalProject(
            copying: [], variables: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"])
        try FileManager.default.createDirectory(
            atPath: project.folder.path("lake"), withIntermediateDirectories: true)
        try write(project, kind, table, stages: stages)
        return project
    }

    private func write(_ project: CaudalProject, _ kind: String, _ table: String, stages: String? = nil) throws {
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {lake: {type: \(kind), path: lake}}
            datasets:
              rows: {connection: lake, table: "\(table)"}
              got: {path: got.parquet}
              again: {path: again.parquet}
            stages:
            \(stages ?? "  read: {type: process, input: rows, output: got}")
            """)
    }

    private func lakes(_ project: CaudalProject, _ what: String, _ folder: String) async throws -> String {
        let answer = try await project.run("/usr/bin/env", ["python3", Self.script, what, project.folder.path(folder)])
        guard answer.status == 0 else { throw Failure("\(answer)") }
        return answer.output.split(separator: "\n").last.map(String.init) ?? ""
    }

    private func rows(_ project: CaudalProject, _ file: String = "got.parquet") async throws -> [String] {
        try await project.query("select id, region, amount, day, note from '\(file)' order by id")
    }

    private static let newest = [
        "1|north|1.25|2026-01-02|NULL", "3|north|3.25|2026-01-04|NULL", "5|north|5.25|2026-01-06|new",
    ]

    @Test("The newest version is read with its partitions, without deleted rows, and with columns that came later")
    func read() async throws {
        let project = try await project("delta", "orders")
        _ = try await lakes(project, "delta", "lake/orders")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try await rows(project) == Self.newest)
        #expect(
            try await project.query("select typeof(id), typeof(amount), typeof(day) from 'got.parquet' limit 1") == [
                "BIGINT|DECIMAL(10,2)|DATE"
            ])
        let logs = try await project.caudal("logs")
        #expect(logs.output.contains("read the table lake.orders, version 2"), "\(logs)")
        let lineage = try await project.caudal("show")
        #expect(lineage.status == 0, "\(lineage)")
    }

    @Test("All stages of a run read one version, and its retries too; the next run reads the newest")
    func pinned() async throws {
        let stages = """
              read: {type: process, input: rows, output: got}
              write: {type: command, needs: [read], run: "python3 '\(Self.script)' more lake/orders"}
              again: {type: process, input: rows, output: again, needs: [write]}
            """
        let project = try await project("delta", "orders", stages: stages)
        _ = try await lakes(project, "delta", "lake/orders")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try await rows(project, "again.parquet") == Self.newest)
        #expect(try await project.caudal("retry", "last", "again", "--plain").status == 0)
        #expect(try await rows(project, "again.parquet") == Self.newest)
        try write(project, "delta", "orders")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        #expect(try await rows(project).last == "9|north|9.25|2026-01-10|more")
    }

    @Test("A version whose files were removed fails the stage, and nothing is published")
    func vacuumed() async throws {
        let stages = """
              tidy: {type: command, inputs: [], run: "python3 '\(Self.script)' vacuum lake/orders", needs: [read]}
              read: {type: process, input: rows, output: got}
              again: {type: process, input: rows, output: again, needs: [tidy]}
            """
        let project = try await project("delta", "orders", stages: stages)
        _ = try await lakes(project, "delta", "lake/orders")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && "\(run)".contains("the table 'orders' cannot be read"), "\(run)")
        #expect(!project.exists("again.parquet"))
    }

    @Test("Of Iceberg, the version is that of the hint, or of the file that is named; the highest is not guessed")
    func iceberg() async throws {
        let project = try await project("iceberg", "shop/orders")
        let metadata = try await lakes(project, "iceberg", "lake")
        let told = try await project.caudal("run", "p.yaml", "--plain")
        #expect("\(told)".contains("lake/shop/orders does not tell its newest version"), "\(told)")
        try write(project, "iceberg", "shop/orders/metadata/\(metadata)")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try await rows(project) == Self.newest)
        try project.write("lake/shop/orders/metadata/version-hint.text", metadata.replacing(".metadata.json", with: ""))
        try write(project, "iceberg", "shop/orders")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        #expect(try await rows(project) == Self.newest)
    }

    @Test(
        "What is no table is told with its folder, and no stage writes one",
        arguments: [
            ("delta", "nowhere", "there is no Delta table lake/nowhere"),
            ("delta", "plain", "lake/plain is no Delta table: it has no versions in a folder '_delta_log'"),
            ("iceberg", "plain", "there is no Iceberg table lake/plain: it has no folder 'metadata'"),
            ("delta", "../plain", "'../plain' cannot be a table of the delta connection 'lake'"),
        ])
    func absent(kind: String, table: String, message: String) async throws {
        let project = try await project(kind, table)
        try project.write("lake/plain/rows.csv", "id\n1\n")
        let told = try await project.caudal("run", "p.yaml", "--plain")
        #expect(told.status != 0 && "\(told)".contains(message), "\(told)")
        try write(
            project, kind, "out",
            stages:
                "  read: {type: process, input: got, output: again}\n  load: {type: load, input: again, output: rows, mode: replace}"
        )
        let load = try await project.caudal("validate", "p.yaml")
        #expect("\(load)".contains("and those are only read"), "\(load)")
    }
}
