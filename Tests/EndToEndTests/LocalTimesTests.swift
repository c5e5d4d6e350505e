import Engine
import TestSupport
import Testing

/// Times of which nobody has said in which zone they are.
@Suite("Local times", .timeLimit(.minutes(10)))
struct LocalTimesTests {
    /// Runs the stages over `in.csv` and gives what they wrote to `o.csv`.
    private func output(
        of stages: String, _ csv: String = "", datasets: String = "  in: {path: in.csv}", parquet: String? = nil,
        files: [String: String] = [:]
    ) async throws -> String {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\ndatasets:\n\(datasets)\n  m: {path: m.csv}\n  mp: {path: m.parquet}\n"
                + "  o: {path: o.csv}\nstages:\n\(stages)\n")
        if !csv.isEmpty { try project.write("in.csv", csv) }
        for (name, text) in files { try project.write(name, text) }
        if let parquet { _ = try await project.query("COPY (\(parquet)) TO 'in.parquet' (FORMAT parquet)") }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        guard run.exit == .exited(0) else { return "\(run)" }
        return try project.read("o.csv")
    }

    @Test(
        "A text without an offset becomes a time without one, a text with an offset a point in time in UTC",
        arguments: [
            ("2024-01-05 10:00:00", "2024-01-05T10:00:00"), ("2024-01-05T10:00:00.25", "2024-01-05T10:00:00.250000"),
            ("2024-01-05 10:00", "2024-01-05T10:00:00"), ("2024-01-05", "2024-01-05T00:00:00"),
            ("2024-01-05T10:00:00Z", "2024-01-05T10:00:00Z"), ("2024-01-05T10:00:00+02:00", "2024-01-05T08:00:00Z"),
            ("2024-01-05 10:00:00-0430", "2024-01-05T14:30:00Z"),
        ])
    func single(_ text: String, _ expected: String) async throws {
        for step in [
            "cast: {t: timestamp}", "derive: {t: cast(t as timestamp)}",
            "derive: {t: \"coalesce(cast(t as timestamp), cast(t as timestamp))\"}",
        ] {
            let steps = "  p: {type: process, input: in, output: o, steps: [{\(step)}]}"
            #expect(try await output(of: steps, "t\n\(text)\n") == "t\n\(expected)\n", "\(step)")
        }
    }

    @Test("A column with both keeps each as it is, through every step")
    func mixed() async throws {
        let csv = "id,t\n1,2024-01-05T10:00:00+02:00\n2,2024-01-05 10:00:00\n3,\n1,2024-01-05T11:00:00Z\n"
        let steps = """
              p:
                type: process
                input: in
                output: o
                steps:
                  - cast: {t: timestamp}
                  - derive: {h: hour(t), u: t}
                  - rename: {t: at}
                  - fill_missing: {h: 0}
                  - filter: h >= 0
                  - deduplicate: {by: id, keep: last, order_by: at}
                  - cast: {u: text}
            """
        #expect(
            try await output(of: steps, csv)
                == "id,at,h,u\n2,2024-01-05T10:00:00,10,2024-01-05T10:00:00\n3,,0,\n1,2024-01-05T11:00:00Z,11,2024-01-05T11:00:00Z\n"
        )
        let query = """
              p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}, {sql: "select t, id from input order by id, t"}, {select: [t]}]}
            """
        #expect(
            try await output(of: query, csv)
                == "t\n2024-01-05T08:00:00Z\n2024-01-05T11:00:00Z\n2024-01-05T10:00:00\n\n")
    }

    @Test("What is computed of a column with both, and would be one of the two, is refused with the remedy")
    func refused() async throws {
        let csv = "t\n2024-01-05T10:00:00+02:00\n2024-01-05 10:00:00\n"
        let step =
            "  p: {type: process, input: in, output: o, steps: [{derive: {x: \"coalesce(cast(t as timestamp), cast(t as timestamp))\"}}]}"
        let told = try await output(of: step, csv)
        #expect(
            told.contains("'2024-01-05 10:00:00', which names no offset from UTC") && told.contains("'timezone'"),
            "\(told)")
        // Far behind the rows that are looked at first.
        let late = "t\n" + String(repeating: "2024-01-05 10:00:00\n", count: 60_000) + "2024-01-05T10:00:00Z\n"
        let cast = "  p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}]}"
        let other = try await output(of: cast, late)
        #expect(
            other.contains("column 't' has the time '2024-01-05T10:00:00Z', which names an offset from UTC"), "\(other)"
        )
    }

    @Test("Times stay what they are through files between stages, queries and typed files", arguments: ["m", "mp"])
    func between(_ middle: String) async throws {
        let csv = "p,l\n2024-01-05T10:00:00+02:00,2024-01-05 10:00:00\n"
        let stages = """
              a: {type: process, input: in, output: \(middle), steps: [{cast: {p: timestamp, l: timestamp}}]}
              b: {type: sql, output: o, query: "select p, l, p as q, max(l) over () as k, date '2024-01-01' as d from \(middle)"}
            """
        #expect(
            try await output(of: stages, csv)
                == "p,l,q,k,d\n2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-05T08:00:00,2024-01-05T10:00:00,2024-01-01\n"
        )
        let points = """
              a: {type: process, input: in, output: \(middle), steps: [{cast: {p: timestamp}}, {drop: [l]}]}
              b: {type: sql, output: o, query: "select p, max(p) over () as q, strptime('2024', '%Y') as s, p at time zone 'Asia/Tokyo' as z from \(middle)"}
            """
        // A query that changes zones may make anything of a point in time.
        #expect(
            try await output(of: points, csv)
                == "p,q,s,z\n2024-01-05T08:00:00,2024-01-05T08:00:00,2024-01-01T00:00:00,2024-01-04T23:00:00Z\n")
        #expect(
            try await output(of: points.replacing(", p at time zone 'Asia/Tokyo' as z", with: ", now() > p as n"), csv)
                == "p,q,s,n\n2024-01-05T08:00:00Z,2024-01-05T08:00:00Z,2024-01-01T00:00:00,true\n")
    }

    @Test("Parquet and JSON bring local times and points in time apart")
    func formats() async throws {
        let step = "  p: {type: process, input: in, output: o, steps: []}".replacing(
            ", steps: []", with: ", steps: [{derive: {h: hour(l)}}]")
        let parquet = "SELECT TIMESTAMP '2024-01-05 10:00:00' AS l, TIMESTAMPTZ '2024-01-05 10:00:00+02' AS p"
        let expected = "l,p,h\n2024-01-05T10:00:00,2024-01-05T08:00:00Z,10\n"
        #expect(try await output(of: step, datasets: "  in: {path: in.parquet}", parquet: parquet) == expected)
        let json = #"{"l": "2024-01-05 10:00:00", "p": "2024-01-05T10:00:00+02:00"}"#
        #expect(
            try await output(of: step, datasets: "  in: {path: in.jsonl}", files: ["in.jsonl": json + "\n"]) == expected
        )
        let both = json + "\n" + #"{"l": "2024-01-05 10:00:00Z", "p": "2024-01-05T10:00:00"}"# + "\n"
        let plain = "  p: {type: process, input: in, output: o, steps: [{select: [p]}]}"
        #expect(
            try await output(of: plain, datasets: "  in: {path: in.jsonl}", files: ["in.jsonl": both])
                == "p\n2024-01-05T10:00:00+02:00\n2024-01-05T10:00:00\n")
    }

    @Test("A schema that wants a date and time takes both, and gives no zone to what has none")
    func schemas() async throws {
        let schema = #"{"properties": {"t": {"type": "string", "format": "date-time"}}}"#
        let stage = "  v: {type: validate, input: in, output: o}"
        let datasets = "  in: {path: in.csv, schema: s.json}"
        for (texts, times) in [
            (["2024-01-05 10:00:00", "2024-01-06"], ["2024-01-05T10:00:00"]),
            (["2024-01-05T10:00:00+02:00"], ["2024-01-05T08:00:00Z"]),
            (["2024-01-05T10:00:00+02:00", "2024-01-05 10:00:00"], ["2024-01-05T08:00:00Z", "2024-01-05T10:00:00"]),
        ] {
            let rows = texts.map { "\($0),x\n" }.joined()
            let found = try await output(of: stage, "t,x\n\(rows)", datasets: datasets, files: ["s.json": schema])
            for time in times { #expect(found.contains("\n\(time),x\n"), "\(found)") }
        }
    }

    @Test("A time with an offset is no value for a column of local times")
    func filling() async throws {
        let stages = """
              a: {type: process, input: in, output: mp, steps: [{cast: {t: timestamp}}]}
              b: {type: process, input: mp, output: o, steps: [{derive: {u: "coalesce(t, timestamp '2024-01-05T10:00:00Z')"}}]}
            """
        let csv = "t,x\n2024-01-05 10:00:00,1\n,2\n"
        let told = try await output(of: stages, csv)
        #expect(told.contains("'coalesce' mixes local timestamp and timestamp"), "\(told)")
    }
}
