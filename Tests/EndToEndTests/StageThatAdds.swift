import Foundation
import TestSupport
import Testing

/// What tests of a stage that adds rows to its output share.
protocol StageThatAdds {}

extension StageThatAdds {
    /// A project with a stage `add` that reads `t.parquet`, whose rows have `id`, `seen` and `v`.
    func project(_ stage: String, rows: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try await put(rows, into: project)
        try write(stage, to: project)
        return project
    }

    func write(_ stage: String, to project: CaudalProject) throws {
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {t: {path: t.parquet}, c: {path: c.parquet}, dst: {path: dst.parquet}}
            stages:
              add: {output: dst, \(stage)}
            """)
    }

    /// `rows`: such as `(1, 10, 5), (2, 20, 6)`.
    func put(_ rows: String, into project: CaudalProject) async throws {
        _ = try await project.query("copy (from (values \(rows)) as t(id, seen, v)) to 't.parquet'")
    }

    func run(_ project: CaudalProject, status: Int32 = 0, _ more: String...) async throws
        -> CaudalProject.Answer
    {
        let ran = try await project.caudal(["run", "p.yaml", "--plain"] + more)
        #expect(ran.status == status, "\(ran)")
        return ran
    }

    func table(_ project: CaudalProject) async throws -> [String] {
        try await project.query("select * from 'dst.parquet' order by all")
    }
}
