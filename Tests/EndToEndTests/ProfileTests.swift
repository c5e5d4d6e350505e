import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Profiles", .timeLimit(.minutes(15)))
struct ProfileTests {
    /// 100 orders; every tenth has no price, and one column's name is hostile.
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        let rows = (1...100).map { row in
            let region = ["north", "south", "o'east, \\\"x\\\""][row % 3].replacing("\\\"", with: "\"\"")
            return
                "A\(row),00\(row % 7),\(row - 20),\(row % 10 == 0 ? "" : "\(row).5"),2026-11-\(row % 9 + 10),\"\(region)\",\n"
        }
        try project.write(
            "in.csv",
            "order_id,code,amount,price,day,\"re: \"\"gion\"\", {x}\",empty\n" + rows.joined())
        return project
    }

    @Test("A file's profile tells the rows, and for each column what its values are like")
    func file() async throws {
        let project = try project()
        let answer = try await project.caudal("profile", "in.csv")
        #expect(answer.status == 0, "\(answer)")
        for text in [
            "in.csv  100 rows, 7 columns", "order_id  text, no nulls, 100 distinct", "code  text, no nulls, 7 distinct",
            "amount  text that is always integer, no nulls, 100 distinct", "range     -19 to 80", "50% 30",
            "price  text that is always number, 10 nulls (10%), 90 distinct",
            "day  text that is always date, no nulls, 9 distinct", "range     2026-11-10 to 2026-11-18",
            "north ×33   o'east, \"x\" ×33", "empty  text, 100 nulls (100%), 0 distinct",
        ] {
            #expect(answer.output.contains(text), "\(text)\n\(answer)")
        }
        #expect(answer.output.contains("histogram"))
        #expect(try project.names() == ["in.csv"], "a question leaves nothing behind")
    }

    @Test("A Parquet file is profiled whatever the types of its columns", .enabled(if: Checkout.runsDuckDBTests))
    func exoticTypes() async throws {
        let project = try CaudalProject(copying: [])
        let columns = [
            "uuid() AS u", "CAST('12:30:00' AS TIME) AS t", "to_days(CAST(i AS INTEGER)) AS span",
            "CAST('a' || i AS BLOB) AS bytes", "[i, i + 1] AS list", "{'a': i, 'b': 'x'} AS pair",
            "CAST(i AS HUGEINT) AS huge", "CAST(['red', 'green'][i % 2 + 1] AS ENUM ('red', 'green')) AS colour",
            "CAST(i AS DECIMAL(9, 2)) AS amount", "MAP {'k': i} AS keys", "CAST(i AS UTINYINT) AS small",
            "CAST('2026-11-23' AS TIMESTAMPTZ) AS zoned", "i > 3 AS truth", "CAST(NULL AS INTEGER) AS nothing",
            "CAST('1.5' AS FLOAT) AS single", "CAST('{\"a\": 1}' AS JSON) AS doc", "CAST('101' AS BIT) AS bits",
            "CAST('2026-11-23' AS TIMESTAMP_NS) AS nano", "CAST('infinity' AS TIMESTAMP) AS endless",
        ]
        _ = try await project.query(
            "COPY (SELECT \(columns.joined(separator: ", ")) FROM range(1, 9) AS r(i)) TO 'in.parquet' (FORMAT parquet)"
        )
        let answer = try await project.caudal("profile", "in.parquet")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(answer.output.contains("8 rows, \(columns.count) columns"), "\(answer)")
        #expect(answer.output.contains("u  text, no nulls, 8 distinct"), "\(answer)")
        #expect(answer.output.contains("green ×4   red ×4"), "\(answer)")
        #expect(answer.output.contains("range     2026-11-23 00:00:00Z to 2026-11-23 00:00:00Z"), "\(answer)")
        let suggested = try await project.caudal("profile", "in.parquet", "--suggest")
        #expect(suggested.exit == .exited(0), "\(suggested)")
    }

    @Test("The suggested checks are a block of a pipeline file that the data passes")
    func suggest() async throws {
        let project = try project()
        let block = try await project.caudal("profile", "in.csv", "--suggest")
        #expect(block.status == 0, "\(block)")
        for line in [
            "  - row_count: {min: 50}", "  - {unique: order_id}", "  - {completeness: price, min: 90%}",
            "  - {range: amount, min: -20, max: 100}", "max_age:",
            #"in: [north, "o'east, \"x\"", south]}"#,
        ] {
            #expect(block.output.contains(line), "\(line)\n\(block)")
        }
        let indented = block.output.split(separator: "\n").map { "    \($0)\n" }.joined()
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}}
            stages:
              look:
                type: check
                input: in

            """ + indented)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)\n\(block)")
        let checks = try await project.caudal("checks")
        let outcomes = checks.output.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } }
        #expect(outcomes.count >= 8 && outcomes.allSatisfy { $0 == "passed" }, "\(checks)")
    }

    @Test("A dataset of a pipeline is profiled with the types that its stage gives it", arguments: ["csv", "parquet"])
    func dataset(format: String) async throws {
        let project = try project()
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.csv}, out: {path: "out/${item.code}.\(format)"}}
            stages:
              type:
                type: process
                input: in
                output: out
                foreach: {code: ["001", "002"]}
                steps: [{cast: {amount: integer, price: number, day: date}}]
            """)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.status == 0, "\(run)")
        let answer = try await project.caudal("profile", "out", "--pipeline", "p.yaml")
        #expect(answer.output.contains("out  30 rows, 7 columns, 2 files"), "\(answer)")
        #expect(answer.output.contains("amount  integer, no nulls, 30 distinct"), "\(answer)")
        let json = try await project.caudal("profile", "out", "--pipeline", "p.yaml", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["rows"] as? Int == 30)
        let wrong = try await project.caudal("profile", "ot", "--pipeline", "p.yaml")
        #expect(wrong.status == 64 && wrong.errors.contains("did you mean 'out'?"), "\(wrong)")
    }

    @Test("A few values that do not fit are seen beside those that do")
    func mostly() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "n\n" + (1...19).map { "\($0)\n" }.joined() + "two\n")
        let answer = try await project.caudal("profile", "in.csv")
        #expect(answer.output.contains("n  text (19 of 20 look like integer), no nulls"), "\(answer)")
    }

    @Test("What cannot be profiled is told: no rows are a profile, no file is a fault")
    func edges() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("empty.csv", "a,b\n")
        let empty = try await project.caudal("profile", "empty.csv")
        #expect(empty.status == 0 && empty.output.contains("empty.csv  0 rows, 2 columns"), "\(empty)")
        let block = try await project.caudal("profile", "empty.csv", "--suggest")
        #expect(block.output.hasSuffix("checks:\n  - row_count: {min: 0}\n"), "\(block)")
        let missing = try await project.caudal("profile", "missing.csv")
        #expect(missing.status == 1 && missing.errors.contains("missing.csv is not there"), "\(missing)")
        let unknown = try await project.caudal("profile", "data.bin")
        #expect(unknown.status == 64, "\(unknown)")
    }
}
