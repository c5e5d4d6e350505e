import CaudalModel
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

    @Test(
        "A time that becomes text is written as files have it, and is the same time when it is read again",
        arguments: [
            ("", "2024-01-05T10:00:00"), (", timezone: Europe/Berlin", "2024-01-05T09:00:00Z"),
        ])
    func texts(zone: String, local: String) async throws {
        let steps = """
              p:
                type: process
                input: in
                output: o
                steps:
                  - cast: {p: timestamp, l: timestamp, d: date}
                  - derive: {a: cast(p as text), b: "concat('at ', p)", c: "'at ' || l", e: cast(d as text)}
                  - derive: {f: cast(cast(p as text) as timestamp), g: cast(cast(l as text) as timestamp)}
                  - cast: {p: text, l: text}
                  - derive: {h: cast(a as timestamp), i: cast(p as timestamp)}
                  - cast: {p: timestamp, l: timestamp}
            """
        let point = "2024-07-05T08:00:00.500000Z"
        #expect(
            try await output(
                of: steps, "p,l,d\n2024-07-05T10:00:00.5+02:00,2024-01-05 10:00:00,-0043-03-15\n",
                datasets: "  in: {path: in.csv\(zone)}")
                == "p,l,d,a,b,c,e,f,g,h,i\n\(point),\(local),-0043-03-15,\(point),at \(point),at \(local),-0043-03-15,"
                + "\(point),\(local),\(point),\(point)\n")
    }

    @Test(
        "Days of a zone begin at their midnight there, whatever the format of their file",
        arguments: ["csv", "jsonl", "parquet"])
    func days(format: String) async throws {
        let steps =
            "  p: {type: process, input: in, output: o, steps: [{derive: {e: cast(d as timestamp)}}, {cast: {d: timestamp}}]}"
        let text = ["csv": "d\n2026-07-05\n", "jsonl": "{\"d\": \"2026-07-05\"}\n"][format]
        #expect(
            try await output(
                of: steps, datasets: "  in: {path: in.\(format), timezone: Europe/Berlin}",
                parquet: text == nil ? "SELECT DATE '2026-07-05' AS d" : nil,
                files: text.map { ["in.\(format)": $0] } ?? [:])
                == "d,e\n2026-07-04T22:00:00Z,2026-07-04T22:00:00Z\n")
    }

    @Test(
        "Times to the nanosecond are local times like others",
        arguments: [
            ("", "cast: {t: timestamp}", "10:00:00.123456"),
            ("", "derive: {t: cast(t as timestamp)}", "10:00:00.123456"),
            ("", "filter: \"t > timestamp '2026-01-01' and year(t) = 2026\"", "10:00:00.123456"),
            ("", "sql: select * from input", "10:00:00.123456"),
            (", timezone: Europe/Berlin", "cast: {t: timestamp}", "09:00:00.123456Z"),
            (", timezone: Europe/Berlin", "derive: {t: cast(t as timestamp)}", "09:00:00.123456Z"),
            (", timezone: Europe/Berlin", "rename: {id: id2}", "09:00:00.123456Z"),
        ])
    func nanoseconds(zone: String, step: String, expected: String) async throws {
        let output = try await output(
            of: """
                  m: {type: process, input: in, output: mp, mode: append, watermark: t, checks: [schema: {id: any, t: timestamp}]}
                  p: {type: process, input: in, output: o, steps: [{\(step)}]}
                """, datasets: "  in: {path: in.parquet\(zone)}",
            parquet: "SELECT 1 AS id, TIMESTAMP_NS '2026-11-21 10:00:00.123456789' AS t")
        #expect(output.hasSuffix("\n1,2026-11-21T\(expected)\n"), "\(output)")
    }

    @Test(
        "Points in time that are the items of a fan-out are told with their offset, and divide the rows in every zone",
        arguments: ["", ", timezone: Europe/Berlin"])
    func items(zone: String) async throws {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            "COPY (SELECT i AS id, TIMESTAMPTZ '2026-07-05 10:00:00Z' + to_hours(2 * (i % 2)) AS ts FROM range(4) r(i)) "
                + "TO 'in.parquet' (FORMAT parquet)")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              src: {path: in.parquet\(zone)}
              rows: {path: "rows/${item.ts}.csv"}
              asked: {path: "asked/${item.ts}.csv"}
            stages:
              rows: {type: process, input: src, output: rows, foreach: {ts: {sql: select distinct ts from src}}}
              asked:
                type: sql
                inputs: src
                output: asked
                foreach: {ts: {sql: select distinct ts from src}, partition: false}
                query: select id, ts from src where ts = ${item.ts} order by id
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        for folder in ["rows", "asked"] {
            #expect(
                try project.read("\(folder)/2026-07-05T12%3A00%3A00Z.csv")
                    == "id,ts\n1,2026-07-05T12:00:00Z\n3,2026-07-05T12:00:00Z\n", "\(folder)")
        }
    }

    @Test(
        "A missing time is filled with one that is written as the times of its column are",
        arguments: [
            ("", "2024-01-05T10:00:00Z", "2026-01-05T23:30:00+02:00", "2026-01-05T21:30:00Z"),
            ("", "2024-01-05T10:00:00Z", "2026-01-05", "2026-01-05T00:00:00Z"),
            (", timezone: Europe/Berlin", "2024-01-05T10:00:00Z", "2026-01-05", "2026-01-04T23:00:00Z"),
            ("", "2024-01-05T10:00:00", "2026-01-05T23:30:00", "2026-01-05T23:30:00"),
            ("", "2024-01-05T10:00:00Z", "2026-01-05T23:30:00", "write 2026-01-05T23:30:00Z"),
            ("", "2024-01-05T10:00:00", "2026-01-05T23:30:00Z", "leave the offset out"),
            ("", "2024-01-05T10:00:00", "soon", "write a value of that type"),
        ])
    func filled(zone: String, time: String, fill: String, told: String) async throws {
        let steps =
            "  p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}, {fill_missing: {t: \(fill)}}]}"
        let output = try await output(
            of: steps, "id,t\n1,\(time)\n2,\n", datasets: "  in: {path: in.csv\(zone)}")
        #expect(output.contains(told.hasPrefix("2026") ? "\n2,\(told)\n" : told), "\(output)")
    }

    @Test(
        "A period of days begins and ends at midnight in the zone of the lookup, whatever the format of its file",
        arguments: ["csv", "jsonl", "parquet"])
    func periods(format: String) async throws {
        let query =
            "SELECT * FROM (VALUES (1, DATE '2026-07-01', DATE '2026-07-05', 'old'), (1, DATE '2026-07-05', NULL, 'new')) v(k, since, until, p)"
        let project = try CaudalProject(copying: [])
        _ = try await project.query("COPY (\(query)) TO 'prices.\(format)'")
        try project.write("in.csv", "k,at\n1,2026-07-04T22:30:00Z\n1,2026-07-04T21:30:00Z\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              in: {path: in.csv}
              prices: {path: prices.\(format), timezone: Europe/Berlin}
              o: {path: o.csv}
            stages:
              e:
                type: enrich
                input: in
                output: o
                lookups: [{dataset: prices, on: k, add: [p], valid: {from: since, to: until, at: at}}]
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.csv") == "k,at,p\n1,2026-07-04T22:30:00Z,new\n1,2026-07-04T21:30:00Z,old\n")
    }

    @Test("Times of two sources are compared in the zone of each, in a lookup and by a foreign key")
    func zonesOfTwo() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("utc.csv", "at\n2026-07-04T22:00:00Z\n")
        try project.write("local.csv", "ts,p\n2026-07-05 00:00:00,right\n2026-07-04 22:00:00,wrong\n")
        try project.write("wrong.csv", "ts\n2026-07-04 22:00:00\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              utc: {path: utc.csv}
              at: {path: at.parquet}
              local: {path: local.csv, timezone: Europe/Berlin}
              wrong: {path: wrong.csv, timezone: Europe/Berlin}
              o: {path: o.csv}
              back: {path: back.csv}
            stages:
              at: {type: process, input: utc, output: at, steps: [{cast: {at: timestamp}}]}
              o: {type: enrich, input: at, output: o, lookups: [{dataset: local, on: {at: ts}, add: [p]}]}
              back: {type: enrich, input: local, output: back, lookups: [{dataset: at, on: {ts: at}, add: [at]}]}
              key: {type: check, input: at, checks: [{foreign_key: at, dataset: local, column: ts}]}
              none: {type: check, input: at, allow_failure: true, checks: [{foreign_key: at, dataset: wrong, column: ts}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0 && run.output.contains("4 succeeded, 1 failed (allowed)"), "\(run)")
        #expect(try project.read("o.csv") == "at,p\n2026-07-04T22:00:00Z,right\n")
        #expect(
            try project.read("back.csv")
                == "ts,p,at\n2026-07-05 00:00:00,right,2026-07-04T22:00:00Z\n2026-07-04 22:00:00,wrong,\n")
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
                  - derive: {v: "'at ' || u"}
                  - cast: {u: text}
            """
        #expect(
            try await output(of: steps, csv)
                == "id,at,h,u,v\n2,2024-01-05T10:00:00,10,2024-01-05T10:00:00,at 2024-01-05T10:00:00\n3,,0,,\n"
                + "1,2024-01-05T11:00:00Z,11,2024-01-05T11:00:00Z,at 2024-01-05T11:00:00Z\n"
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
        let text =
            "  p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}, {derive: {x: \"concat(greatest(t, t))\"}}]}"
        let refused = try await output(of: text, csv)
        #expect(refused.contains("which of them a text of this would have cannot be told"), "\(refused)")
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
                == "p,l,q,k,d\n2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-01\n"
        )
        let points = """
              a: {type: process, input: in, output: \(middle), steps: [{cast: {p: timestamp}}, {drop: [l]}]}
              b: {type: sql, output: o, query: "select p, max(p) over () as q, strptime('2024', '%Y') as s, p at time zone 'Asia/Tokyo' as z from \(middle)"}
            """
        #expect(
            try await output(of: points, csv)
                == "p,q,s,z\n2024-01-05T08:00:00Z,2024-01-05T08:00:00Z,2024-01-01T00:00:00,2024-01-05T17:00:00\n")
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

    // MARK: - Queries

    private static let twoKinds = """
          a: {type: process, input: in, output: m, steps: [{cast: {p: timestamp, l: timestamp}}]}
        """

    @Test("A query that names zones sees points in time with theirs, as the engine's rules want it")
    func zones() async throws {
        let query =
            "select p, l, p at time zone 'Europe/Berlin' as b, strftime(p at time zone 'Asia/Tokyo', '%H:%M') as h, "
            + "p >= '2024-01-05T09:00:00+01:00' as c from"
        let csv = "p,l\n2024-01-05T10:00:00+02:00,2024-01-05 10:00:00\n"
        let expected = "p,l,b,h,c\n2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-05T09:00:00,17:00,true\n"
        let stage = "\n  q: {type: sql, output: o, query: \"\(query) m\"}"
        #expect(try await output(of: Self.twoKinds + stage, csv) == expected)
        let step = "\n  q: {type: process, input: m, output: o, steps: [{sql: \"\(query) input\"}]}"
        #expect(try await output(of: Self.twoKinds + step, csv) == expected)
        let check =
            "\n  q: {type: process, input: m, output: o, checks: [{sql: \"select * from input where p < '2024-01-05T09:00:00+01:00'\"}]}"
        #expect(try await output(of: Self.twoKinds + check, csv).hasPrefix("p,l\n2024-01-05T08:00:00Z,"))
    }

    @Test(
        "A day, a code, a comment or a column's name is no zone",
        arguments: [
            "where p > date '2024-01-01'", "where 'A1-05' <> 'B'", "/* no timezone here */", "-- at time zone 'UTC'",
            "where '--' <> '10:00' or p is null",
        ])
    func noZones(rest: String) async throws {
        let csv = "p,l\n2024-01-05T10:00:00+02:00,2024-01-05 10:00:00\n"
        let stage = "\n  q:\n    type: sql\n    output: o\n    query: |\n      select p::varchar as t from m \(rest)\n"
        #expect(try await output(of: Self.twoKinds + stage, csv) == "t\n2024-01-05 08:00:00\n")
        let zoned = stage.replacing("as t from", with: "as t, timezone('Asia/Tokyo', p) as z from")
        #expect(try await output(of: Self.twoKinds + zoned, csv) == "t,z\n2024-01-05 08:00:00+00,2024-01-05T17:00:00\n")
    }

    @Test("Where a query reads both kinds, each column is what it is made of, and what is made of both has no zone")
    func both() async throws {
        let query =
            "select p, l, max(p) over () as m, coalesce(l, p) as b, case when p > l then p else l end as c from m"
        let csv = "p,l\n2024-01-05T10:00:00+02:00,2024-01-05 10:00:00\n"
        #expect(
            try await output(of: Self.twoKinds + "\n  q: {type: sql, output: o, query: \"\(query)\"}", csv)
                == "p,l,m,b,c\n2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-05T08:00:00Z,2024-01-05T10:00:00,2024-01-05T10:00:00\n"
        )
    }

    // MARK: - Texts of which nobody knows

    @Test("Where the first rows have no time at all, the others tell which they are")
    func emptyBeginning() async throws {
        let schema = #"{"properties": {"t": {"type": "string", "format": "date-time"}}}"#
        let csv = "i,t\n" + (1...50_000).map { "\($0),\n" }.joined() + "1,2024-01-05T10:00:00Z\n"
        for stage in [
            "  p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}]}",
            "  v: {type: validate, input: in, output: o}",
        ] {
            let found = try await output(
                of: stage, csv, datasets: "  in: {path: in.csv, schema: s.json}", files: ["s.json": schema])
            #expect(found.hasSuffix("\n1,2024-01-05T10:00:00Z\n"))
        }
    }

    @Test("A text that is bound, written or queried names its offset or none, each for itself")
    func computed() async throws {
        let stage = """
              p:
                type: process
                input: in
                output: o
                steps:
                  - derive: {s: "cast(${run.started} as timestamp)", x: "'2024-01-01T00:00:00Z'"}
                  - derive: {s: "s > timestamp '2024-01-01T00:00:00Z'"}
                  - cast: {x: timestamp}
                  - sql: "select *, t as u from input"
                  - cast: {u: timestamp}
                  - derive: {u: u}
                  - drop: [t]
            """
        #expect(
            try await output(of: stage, "id,t\n1,2024-01-05T23:30:00+02:00\n")
                == "id,s,x,u\n1,true,2024-01-01T00:00:00Z,2024-01-05T21:30:00Z\n")
    }

    @Test("Times inside of lists and objects of JSON stay the texts that they are")
    func nested() async throws {
        let json = #"{"id":1,"tags":["2024-01-05T10:00:00-08:00"],"meta":{"date":"2024-01-05","at":"10:00"}}"#
        let stages = """
              a: {type: process, input: in, output: j}
              b: {type: sql, output: o, query: "select tags[1] as a, meta.date as b, meta.at as c from j"}
            """
        #expect(
            try await output(
                of: stages, datasets: "  in: {path: in.jsonl}\n  j: {path: j.jsonl}", files: ["in.jsonl": json + "\n"])
                == "a,b,c\n2024-01-05T10:00:00-08:00,2024-01-05,10:00\n")
    }

    // MARK: - What compares

    @Test("Steps that would take a point in time and a local time for one value are refused where both are in a column")
    func comparing() async throws {
        let csv = "id,t\n1,2024-01-05T10:00:00Z\n2,2024-01-05 10:00:00\n"
        for step in [
            "deduplicate: {by: t}", "fill_missing: {t: 2024-01-01}",
            "map_values: {column: t, values: {2024-01-05T10:00:00Z: 2024-01-06T10:00:00Z}}",
        ] {
            let told = try await output(
                of: "  p: {type: process, input: in, output: o, steps: [{cast: {t: timestamp}}, {\(step)}]}", csv)
            #expect(told.contains("'t' has times with an offset from UTC and times without one"), "\(told)")
        }
    }

    @Test("A zone means nothing on a dataset that a stage writes, and is refused")
    func zoneOfOutputs() async throws {
        let told = try await output(
            of: "  p: {type: process, input: in, output: e}", "t\n1\n",
            datasets: "  in: {path: in.csv}\n  e: {path: e.csv, timezone: Europe/Berlin}")
        #expect(told.contains("'timezone' of 'e' has no effect: stage 'p' writes it"), "\(told)")
    }

    @Test(
        "Items of different kinds are read alike in their own run and in one of their reader alone",
        arguments: ["csv", "jsonl"])
    func items(_ format: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in/a.csv", "t\n2024-01-05T23:30:00-08:00\n")
        try project.write("in/b.csv", "t\n2024-01-06T07:30:00\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              raw: {path: "in/${item.r}.csv"}
              f: {path: "out/${item.r}.\(format)"}
              all: {path: all.csv}
            stages:
              f: {type: process, input: raw, output: f, foreach: {r: [a, b]}, steps: [{cast: {t: timestamp}}]}
              all: {type: process, input: f, output: all}
            """)
        for arguments in [["run", "p.yaml"], ["run", "p.yaml", "--select", "all"]] {
            let run = try await project.caudal(arguments)
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("all.csv") == "t\n2024-01-06T07:30:00Z\n2024-01-06T07:30:00\n", "\(arguments)")
        }
    }
}
