import CaudalModel
@testable import Engine
import TestSupport
import Testing

/// The numbers of rows and lines that the quarantine tells.
@Suite("Rows and lines of the quarantine", .tags(.duckDB), .timeLimit(.minutes(15)))
struct QuarantinedLinesTests {
    private let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    /// The row, the line and the column of each broken rule.
    private func places(_ csvs: [String]) async throws -> [String] {
        try bench.folder.write(
            "schema.json", #"{"properties": {"qty": {"type": "integer", "minimum": 0}}}"#)
        var source = try bench.foreign("raw", csv: csvs[0], file: "raw0.csv")
        for (index, csv) in csvs.enumerated().dropFirst() {
            source.files += try bench.foreign("raw", csv: csv, file: "raw\(index).csv").files
        }
        var rules = PlainCSV.Rules(source.csv, columns: 3)
        rules.header = Array("c1,c2,c3".utf8)
        for index in csvs.indices where csvs[index].contains("\n\n") || csvs[index].contains("\"") {
            source.copies[index] = .text(rules)
        }
        source = try await PlainCopies(reactor: ProcessReactor()).made(
            of: source, in: bench.folder.path("plain-\(csvs.hashValue)"))
        let outcome = try await bench.run(
            """
            datasets:
              raw: {path: raw.csv, schema: schema.json}
              good: {path: good.parquet}
            stages:
              validate: {type: validate, input: raw, output: good, max_invalid: 100%}
            """, [source])
        return outcome.quarantine.map { row in
            "row \(row[1] ?? "-") line \(row[2] ?? "-") \(row[3] ?? row[6] ?? "")"
        }
    }

    @Test(
        "Blank lines are no rows, and lines within values are no lines of their own",
        arguments: [
            ("id,name,qty\n1,a,1\n\n\n2,b\n3,c,-1\n", ["row 2 line 5 2,b", "row 3 line 6 qty"]),
            ("id,name,qty\r\n1,a,1\r\n\"2\",b\r\n3,c,-1\r\n", ["row 2 line 3 \"2\",b", "row 3 line 4 qty"]),
            (
                "id,name,qty\n1,\"a\n\nx\",-1\n\n2,b\n\n3,c,-1\n\n",
                ["row 1 line 2 qty", "row 2 line 6 2,b", "row 3 line 8 qty"]
            ),
            ("id,name,qty\n1,\"a\n\",\"-1\"\n2\n", ["row 1 line 2 qty", "row 2 line 4 2"]),
            ("id,name,qty\n1,in\"ch,-1\n\n2\n", ["row 1 line 2 qty", "row 2 line 4 2"]),
            ("id,name,qty\n1,\"\"\"\n\n,\"\"\",-1\n\n2\n", ["row 1 line 2 qty", "row 2 line 6 2"]),
            ("id,name,qty\n\n\n1,a,-1", ["row 1 line 4 qty"]),
            ("id,name,qty\n1,a,5\n\n", []),
        ])
    func places(_ csv: String, _ expected: [String]) async throws {
        #expect(try await places([csv]) == expected)
    }

    @Test("Each file has rows and lines of its own")
    func files() async throws {
        let found = try await places([
            "id,name,qty\n1,a,1\n\n2,b\n", "id,name,qty\n1,a,1\n2,b,-2\n", "id,name,qty\n\n1,\"a\nb\",1\n2\n3,c,-3\n",
        ])
        #expect(found == ["row 2 line 4 2,b", "row 2 line 3 qty", "row 2 line 5 2", "row 3 line 6 qty"])
    }

    @Test("Files of any mixture tell the rows and lines as they were written")
    func anyMixture() async throws {
        var random = SplitMix64(seed: 20_261_125)
        for _ in 1...12 {
            var (text, line, row) = ("id,name,qty\n", 2, 0)
            var expected: [String] = []
            for _ in 0..<Int.random(in: 1...400, using: &random) {
                switch Int.random(in: 0...7, using: &random) {
                case 0:
                    text += "\n"
                    line += 1
                case 1:
                    row += 1
                    text += "\(row),torn\n"
                    expected.append("row \(row) line \(line) \(row),torn")
                    line += 1
                default:
                    row += 1
                    let names = ["a", "\"a,\n\nb\"", "in\"ch", "\"say \"\"hi\"\"\n\"", "\"\n\"\"\n\"", "\"q\"", ""]
                    let name = names[Int.random(in: 0..<names.count, using: &random)]
                    let quantity = Int.random(in: -1...3, using: &random)
                    text += "\(row),\(name),\(quantity)\n"
                    if quantity < 0 { expected.append("row \(row) line \(line) qty") }
                    line += 1 + name.count { $0 == "\n" }
                }
            }
            #expect(try await places([text]) == expected, "\(text)")
        }
    }
}
