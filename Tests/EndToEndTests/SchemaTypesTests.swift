import CaudalModel
import TestSupport
import Testing

/// Rules about numbers hold for numbers, and rules about texts for texts, as in JSON, whatever the file is.
@Suite("Rules of a schema and the types of values", .timeLimit(.minutes(10)), .enabled(if: Checkout.runsDuckDBTests))
struct SchemaTypesTests {
    private func project(_ property: String, ending: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("s.json", #"{"properties": {"v": \#(property)}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.\(ending), schema: s.json}, o: {path: o.csv}}
            stages: {v: {type: validate, input: in, output: o, quarantine: q.csv, max_invalid: 100%}}
            """)
        return project
    }

    @Test(
        "A text that has the form of a number is judged as one, and no other",
        arguments: [
            (#"{"type": ["string", "number"], "maxLength": 3}"#, ["abcdef", "1234"], ["abcdef"]),
            (#"{"type": ["string", "number"], "pattern": "^a"}"#, ["xyz", "ab", "12"], ["xyz"]),
            (#"{"type": ["number", "string"], "maximum": 5}"#, ["n/a", "nan", "3", "7"], ["7"]),
            (#"{"type": ["integer", "boolean"], "maximum": 5}"#, ["true", "3", "7", "no"], ["7", "no"]),
            (#"{"type": ["integer", "string"], "maximum": 5}"#, ["7.5", "7", "x"], ["7"]),
            (#"{"maximum": 5}"#, ["7", "2", "x"], ["7"]), (#"{"multipleOf": 2}"#, ["7", "2", "x"], ["7"]),
            (#"{"type": ["string", "null"], "maxLength": 3}"#, ["1234", "abc"], ["1234"]),
        ])
    func severalTypes(property: String, values: [String], invalid: [String]) async throws {
        let project = try project(property, ending: "csv")
        try project.write("in.csv", "id,v\n" + values.map { "1,\($0)\n" }.joined())
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let kept = values.filter { !invalid.contains($0) }
        #expect(try project.read("o.csv") == "id,v\n" + kept.map { "1,\($0)\n" }.joined())
        let put = try project.read("q.csv").split(separator: "\n").dropFirst().map { $0.split(separator: ",")[5] }
        #expect(put.map(String.init) == invalid)
    }

    @Test(
        "Values of Parquet are judged as they are in CSV and JSON: days and times by their texts, lists and objects by what is in them",
        arguments: [
            (#"{"type": "string", "format": "date", "pattern": "^2027"}"#, "date '2026-01-05'", false),
            (#"{"type": "string", "format": "date", "pattern": "^2026"}"#, "date '2026-01-05'", true),
            (#"{"type": "string", "maxLength": 3}"#, "date '2026-01-05'", false),
            (#"{"type": "array", "const": [1, 2]}"#, "[1, 2]", true), (#"{"const": [1, 2]}"#, "[2, 1]", false),
            (#"{"enum": [[1], ["a", null]]}"#, "['a', null]", true), (#"{"enum": [[1], [2]]}"#, "[3]", false),
            (#"{"const": {"b": true, "a": 1.5}}"#, "{'a': 1.5, 'b': true}", true),
            (#"{"type": "string", "format": "uuid"}"#, "date '2026-01-05'", false),
            (#"{"type": "string", "format": "date-time", "pattern": "T09:"}"#, "timestamp '2026-01-05 09:00:00'", true),
            (#"{"type": "string", "pattern": "Z$"}"#, "timestamptz '2026-01-05 09:00:00Z'", true),
            (#"{"type": "string", "pattern": "Z$"}"#, "timestamp '2026-01-05 09:00:00'", false),
        ])
    func parquet(property: String, value: String, isValid: Bool) async throws {
        let project = try project(property, ending: "parquet")
        _ = try await project.query("COPY (SELECT \(value) AS v) TO 'in.parquet' (FORMAT parquet)")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.csv").split(separator: "\n").count == (isValid ? 2 : 1), "\(run)")
    }
}
