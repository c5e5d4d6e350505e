import CaudalModel
import Foundation
import Testing

@Suite("Checks by parts", .timeLimit(.minutes(15)))
struct CheckPartsTests {
    private func project(_ check: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("known.csv", "id\n1\n2\n")
        try project.write("in.csv", "id,region\n1,north\n2,north\n3,south\n,south\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, known: {path: known.csv}}
            stages: {look: {type: check, input: in, checks: [\(check)]}}
            """)
        return project
    }

    @Test("A foreign key is judged for each part")
    func foreignKey() async throws {
        let project = try project("{foreign_key: id, dataset: known, partition_by: region}")
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 1, "\(run)")
        let show = try await project.caudal("show")
        #expect(show.output.contains("foreign_key_id (region=north): 0 rows without a counterpart of 2"), "\(show)")
        #expect(show.output.contains("foreign_key_id (region=south): 1 row without a counterpart of 2"))
    }

    @Test("Keys that cannot be read are the fault of the check that looks them up, and of no other")
    func unreadableKeys() async throws {
        let project = try project("{not_null: region}, {foreign_key: id, dataset: known}")
        try project.write("known.csv", "id,name\n1,a\n2\n")
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("passed   look/not_null_region"), "\(checks)")
        #expect(checks.contains("error    look/foreign_key_id") && checks.contains("line 3 of known.csv"), "\(checks)")
    }

    @Test(
        "The failing rows of each part are shown with it",
        arguments: [
            ("not_null: id", "id=null  region=south"), ("foreign_key: id, dataset: known", "id=3  region=south"),
            ("range: id, max: 2", "id=3  region=south"), ("accepted_values: id, in: [1, 2]", "id=3  region=south"),
            ("matches: id, pattern: '[12]'", "id=3  region=south"),
            ("completeness: id, min: 100%", "id=null  region=south"),
        ])
    func failingRows(_ check: String, _ row: String) async throws {
        let project = try project("{\(check), id: look, partition_by: region}")
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let checks = try await project.caudal("checks", "last").output
        let failed = try #require(checks.ranges(of: "look/look (region=south)").first, "\(checks)")
        #expect(checks[failed.upperBound...].contains(row), "\(checks)")
        #expect(!checks[failed.upperBound...].contains("region=north"), "\(checks)")
    }

    @Test("A key that stands twice in one part is shown there, also in the part without a name, and not in another")
    func repeatedKeys() async throws {
        let project = try project("{unique: id, partition_by: region}")
        try project.write("in.csv", "id,region\n1,north\n2,north\n1,south\n7,\n5,south\n7,\n5,south\n")
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let run = try await project.caudal("show", "last", "--json").output
        let found = try JSONDecoder().decode(Shown.self, from: Data(run.utf8)).stages[0].checks
        #expect(
            found.map { [$0.partition ?? ""] + $0.samples.map { "\($0.row ?? 0)" } }
                == [["region=", "4", "6"], ["region=north"], ["region=south", "5", "7"]], "\(run)")
    }

    @Test("Rows without a value and those with an empty text are two parts")
    func emptyPart() async throws {
        let project = try project("{not_null: id, partition_by: region}")
        try project.write("in.csv", "id,region\nNA,NA\n2,\n")
        try project.write(
            "p.yaml", try project.read("p.yaml").replacing("in.csv}", with: "in.csv, csv: {\"null\": [NA]}}"))
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let run = try await project.caudal("show", "last", "--json").output
        let found = try JSONDecoder().decode(Shown.self, from: Data(run.utf8)).stages[0].checks
        #expect(
            found.map { [$0.partition ?? "", "\($0.samples.count)"] } == [["region=", "1"], ["region=''", "0"]],
            "\(run)")
    }

    private struct Shown: Decodable {
        struct Check: Decodable {
            struct Sample: Decodable { let row: Int? }
            let partition: String?
            let samples: [Sample]
        }
        struct Stage: Decodable { let checks: [Check] }
        let stages: [Stage]
    }

    @Test("A part with many failing rows hides none with few")
    func manyRows() async throws {
        let project = try project("{not_null: id, partition_by: region}")
        let many = (0..<12).map { part in String(repeating: ",p\(part)\n", count: 150) }.joined()
        try project.write("in.csv", "id,region\n\(many),rare\n")
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let run = try await project.caudal("show", "last", "--json").output
        let found = try JSONDecoder().decode(Shown.self, from: Data(run.utf8)).stages[0].checks
        #expect(found.first { $0.partition == "region=rare" }?.samples.map(\.row) == [1801], "\(run.prefix(2000))")
        #expect(found.allSatisfy { 1...100 ~= $0.samples.count })
        #expect(found.map(\.samples.count).reduce(0, +) <= 1000)
    }

    @Test("Failing rows of parts keep to what the file says of samples", arguments: ["keys", "none"])
    func hidden(_ samples: String) async throws {
        let project = try project("{not_null: id, partition_by: region}, {unique: name, severity: warn}")
        try project.write("in.csv", "id,region,name\n1,north,ann\n,south,bob\n")
        try project.write("p.yaml", try project.read("p.yaml") + "\nsamples: \(samples)\n")
        #expect(try await project.caudal("run", "p.yaml").status == 1)
        let checks = try await project.caudal("checks", "last").output
        #expect(!checks.contains("south"), "\(checks)")
        #expect(checks.contains("row 2  name=bob") == (samples == "keys"), "\(checks)")
        #expect(checks.contains("row 2") == (samples == "keys"), "\(checks)")
    }

    @Test(
        "Parts of which 'where' leaves no row are not judged",
        arguments: [
            "row_count: {min: 1}", "distinct_count: id, min: 1", "completeness: id, min: 100%", "sum: n, min: 1",
        ])
    func selectedParts(_ check: String) async throws {
        let project = try project("{\(check), id: look, where: \"region = 'north'\", partition_by: region}")
        try project.write("c.csv", "id,region,n\n1,north,1\n2,north,2\n3,south,\n,,\n")
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing("in: {path: in.csv}", with: "c: {path: c.csv}, in: {path: in.parquet}")
                .replacing(
                    "stages: {",
                    with: "stages: {cast: {type: process, input: c, output: in, steps: [{cast: {n: number}}]}, "))
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("look (region=north)") && checks.split(separator: "look/look").count == 2, "\(checks)")
    }

    @Test("A query of a check sees the rows that 'where' selects, and no others")
    func selectedRows() async throws {
        let project = try project(
            "{id: none, sql: select * from input where id is null, where: \"region = 'north'\"}, "
                + "{id: one, sql: select * from input where id = '2', where: \"region = 'north'\", severity: warn}, "
                + "{id: empty, sql: select * from input, where: \"region = 'west'\"}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("1 row returned of 2"), "\(checks)")
        #expect(checks.contains("id=2  "), "the failing rows too, whatever the last check selects: \(checks)")
    }

    @Test("Parts of no rows pass")
    func noRows() async throws {
        let project = try project("{not_null: id, partition_by: region}")
        try project.write("in.csv", "id,region\n")
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
    }

    @Test(
        "A part that earlier runs had and this one lacks is judged with no rows",
        arguments: ["row_count: {min: 1}", "row_count_variation: 50%", "anomaly: row_count"])
    func missingPart(_ check: String) async throws {
        let project = try project("{\(check), id: rows, partition_by: region}")
        for _ in 1...5 { #expect(try await project.caudal("run", "p.yaml").status == 0) }
        try project.write("in.csv", "id,region\n1,north\n2,north\n")
        // What is missing stays missing, however often it is told.
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 1, "\(run)")
            let checks = try await project.caudal("checks", "last").output
            #expect(checks.contains("failed   look/rows (region=south)"), "\(checks)")
            #expect(checks.contains("'south' is missing, which earlier runs had"), "\(checks)")
            #expect(checks.contains("passed   look/rows (region=north)"), "\(checks)")
        }
        // So it is when nothing is left.
        try project.write("in.csv", "id,region\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("'south' is missing") && checks.contains("'north' is missing"), "\(checks)")
    }

    @Test("Parts are distinct by their bytes: one that looks like another is missing all the same")
    func missingLookalike() async throws {
        let project = try project("{row_count: {min: 1}, id: rows, partition_by: region}")
        try project.write("in.csv", "id,region\n1,caf\u{e9}\n2,cafe\u{301}\n")
        for _ in 1...2 { #expect(try await project.caudal("run", "p.yaml").status == 0) }
        try project.write("in.csv", "id,region\n1,caf\u{e9}\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1, "\(run)")
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("'cafe\u{301}' is missing"), "\(checks)")
    }

    @Test("A sum of a text column of an output is refused before anything runs, with its place")
    func sumOfText() async throws {
        let project = try project("{row_count: 4}")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, out: {path: out.csv}}
            stages:
              copy: {type: process, input: in, output: out, steps: [{trim: [region]}], checks: [{sum: id, min: 0}]}
            """)
        for verb in ["validate", "run"] {
            let answer = try await project.caudal(verb, "p.yaml")
            #expect(answer.status == 2)
            #expect(
                answer.errors.contains("p.yaml:5:86: error: check 'sum_id' needs a number, and 'id' is"), "\(answer)")
        }
        #expect(!project.exists("out.csv"))
    }
}
