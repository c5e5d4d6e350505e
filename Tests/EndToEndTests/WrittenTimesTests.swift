import CaudalModel
import Engine
import TestSupport
import Testing

/// Points in time and days in the ways in which texts have them.
@Suite("Written times", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct WrittenTimesTests {
    private func project(_ files: [String: String], _ datasets: String, _ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        for (name, text) in files { try project.write(name, text) }
        try project.write("p.yaml", "version: 1\nname: times\ndatasets:\n\(datasets)\nstages:\n\(stages)\n")
        return project
    }

    @Test(
        "An offset counts in every way in which ISO 8601 and RFC 3339 write it, and letters may be small",
        arguments: [
            ("2026-01-02 10:00:00 +0530", "2026-01-02T04:30:00Z", "2026-01-02"),
            ("2026-01-02T23:00:00.25 -03:30", "2026-01-03T02:30:00.250000Z", "2026-01-03"),
            ("2026-01-02 10:00:00  +05", "2026-01-02T05:00:00Z", "2026-01-02"),
            ("2026-01-02T10:00+0530", "2026-01-02T04:30:00Z", "2026-01-02"),
            ("2026-01-02t10:00:00z", "2026-01-02T10:00:00Z", "2026-01-02"),
            ("2026-01-02 10:00:00 Z", "2026-01-02T10:00:00Z", "2026-01-02"),
            ("2026-01-02t10:00:00,5-08:00", "2026-01-02T18:00:00.500000Z", "2026-01-02"),
        ])
    func offsets(_ text: String, _ moment: String, _ day: String) async throws {
        for zone in ["", ", timezone: Asia/Tokyo"] {
            let project = try project(
                [
                    "in.csv": "k,at\nx,\"\(text)\"\n",
                    "prices.csv": "k,from,to,price\nx,\"\(text)\",,right\nx,2000-01-01T00:00:00Z,\(moment),old\n",
                ],
                "  in: {path: in.csv\(zone)}\n  o: {path: o.csv}\n  prices: {path: prices.csv\(zone)}\n  priced: {path: priced.csv}",
                """
                  t:
                    type: process
                    input: in
                    output: o
                    steps:
                      - derive: {a: cast(at as timestamp), d: cast(at as date), b: "cast(at as timestamp) = timestamp '\(text)'"}
                      - cast: {at: timestamp}
                  e: {type: enrich, input: in, output: priced, lookups: [{dataset: prices, on: k, add: price, valid: {from: from, to: to, at: at}}]}
                  c: {type: check, input: in, checks: [{freshness: at, max_age: 1h}], allow_failure: true}
                """)
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("o.csv") == "k,at,a,d,b\nx,\(moment),\(moment),\(day),true\n")
            #expect(try project.read("priced.csv").hasSuffix(",right\n"))
            #expect(run.output.contains("the newest value is"), "\(run)")
        }
    }

    @Test("A local time in small letters is one of its dataset's zone, and its day is the one that stands there")
    func local() async throws {
        let project = try project(
            ["in.csv": "at,day\n2026-01-02t01:00,2026-01-02t01:00:00\n2026-01-02 01:00:00 ,2026-01-02\n"],
            "  in: {path: in.csv, timezone: Asia/Tokyo}\n  o: {path: o.csv}",
            "  t: {type: process, input: in, output: o, steps: [cast: {at: timestamp, day: date}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(
            try project.read("o.csv") == "at,day\n2026-01-01T16:00:00Z,2026-01-02\n2026-01-01T16:00:00Z,2026-01-02\n")
    }

    // MARK: - Before the year 1

    private static let early = """
        SELECT * FROM (VALUES (1, DATE '-0043-03-15', TIMESTAMP '-0043-03-15 10:00:00.5'),
          (2, DATE '0000-02-01', TIMESTAMP '0000-02-01'), (3, DATE '2024-01-01', TIMESTAMP '2024-01-01 00:00:00.25'),
          (4, DATE '-infinity', TIMESTAMP 'infinity')) AS t(id, d, t)
        """
    private static let lines = [
        ["1", "-0043-03-15", "-0043-03-15T10:00:00.500000"], ["2", "0000-02-01", "0000-02-01T00:00:00"],
        ["3", "2024-01-01", "2024-01-01T00:00:00.250000"], ["4", "-infinity", "infinity"],
    ]

    @Test(
        "Days before the year 1 are written with a sign, and read as the same days",
        arguments: ["csv", "json", "jsonl"])
    func early(_ format: String) async throws {
        let project = try project(
            [:], "  in: {path: in.parquet}\n  mid: {path: mid.\(format)}\n  o: {path: o.csv}\n  p: {path: p.parquet}",
            """
              write: {type: process, input: in, output: mid}
              text: {type: process, input: mid, output: o}
              back: {type: process, input: mid, output: p, steps: [cast: {d: date, t: timestamp}]}
            """)
        _ = try await project.query("COPY (\(Self.early)) TO 'in.parquet'")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "id,d,t\n" + Self.lines.map { $0.joined(separator: ",") + "\n" }.joined())
        #expect(
            try await project.query(
                "(FROM 'in.parquet' EXCEPT FROM 'p.parquet') UNION ALL (FROM 'p.parquet' EXCEPT FROM 'in.parquet')")
                == [])
    }

    @Test("Rows that fail and rows that are put aside show such days so too")
    func earlySamples() async throws {
        let project = try project(
            ["s.json": #"{"properties": {"id": {"type": "integer", "minimum": 2}, "d": {}}}"#],
            "  in: {path: in.parquet, schema: s.json}\n  o: {path: o.csv}",
            """
              c: {type: check, input: in, checks: [{range: t, min: 2000-01-01, where: id = 1}], allow_failure: true}
              v: {type: validate, input: in, output: o, quarantine: q.csv}
            """)
        _ = try await project.query("COPY (\(Self.early)) TO 'in.parquet'")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("t=-0043-03-15T10:00:00.500000") && run.output.contains("d=-0043-03-15"), "\(run)")
        #expect(
            try await project.query("SELECT raw FROM 'q.csv'")
                == [#"{"id":1,"d":"-0043-03-15","t":"-0043-03-15T10:00:00.500000"}"#])
    }

    @Test("A list with such a day is refused with its column, but for Parquet", arguments: ["csv", "json", "parquet"])
    func earlyLists(_ format: String) async throws {
        let project = try project(
            [:], "  in: {path: in.parquet}\n  o: {path: o.\(format)}",
            "  q: {type: sql, inputs: in, output: o, query: \"select [d] as days from \\\"in\\\"\"}")
        _ = try await project.query("COPY (\(Self.early)) TO 'in.parquet'")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect((run.exit == .exited(0)) == (format == "parquet"), "\(run)")
        #expect(run.output.contains("column 'days' has a day before the year 1") == (format != "parquet"), "\(run)")
    }
}
