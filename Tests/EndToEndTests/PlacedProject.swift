import CaudalModel
import Foundation
import TestSupport

/// A pipeline whose stages run where one line says.
enum PlacedProject {
    static let rows = "id,name\n1,a\n2,b\n2,b\n"

    static func make(_ place: String, variables: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: variables)
        try project.write("rows.csv", rows)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: placed
            \(place)
            datasets:
              rows: {path: rows.csv}
              copied: {path: out/copied.csv}
              kept: {path: out/kept.parquet}
              sums: {path: "out/sums-${item.name}.csv"}
            stages:
              copy:
                type: command
                inputs: rows
                output: copied
                run: 'test "$(cat "$CAUDAL_LIST_ROWS")" = "$CAUDAL_INPUT_ROWS" && cat "$CAUDAL_INPUT_ROWS" > ${stage.output}; echo copied'
                checks: {row_count: {min: 3, max: 3}}
              keep: {type: process, input: copied, output: kept, steps: [{deduplicate: {by: [id]}}]}
              sums:
                type: sql
                foreach: {name: [a, b]}
                inputs: kept
                output: sums
                query: "select count(*) as n from kept where name = ${item.name}"
            """)
        return project
    }

    /// What a run of it published.
    static func published(_ project: CaudalProject) async throws -> [String] {
        var found = try await project.query("select * from 'out/kept.parquet' order by id")
        for name in ["copied.csv", "sums-a.csv", "sums-b.csv"] { found.append(try project.read("out/" + name)) }
        return found
    }

    /// The places that a run's report tells, without what differs each time.
    static func places(_ project: CaudalProject) async throws -> Set<String> {
        let report = try await project.caudal("report", "last", "--format", "json")
        let matches = report.output.matches(of: #/"place"\s*:\s*"([^"(]*)/#)
        return Set(matches.map { String($0.output.1).trimmed })
    }
}
