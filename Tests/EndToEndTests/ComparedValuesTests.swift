import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Values are compared as what their columns are, and odd ones harm only what is about them.
@Suite("Compared values", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct ComparedValuesTests {
    private func project(_ files: [String: String], _ datasets: String, _ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        for (name, text) in files { try project.write(name, text) }
        try project.write("p.yaml", "version: 1\nname: compared\ndatasets:\n\(datasets)\nstages:\n\(stages)\n")
        return project
    }

    // MARK: - Points in time

    @Test("A text with an offset is its point in time wherever it becomes one")
    func offsets() async throws {
        let project = try project(
            [
                "in.csv":
                    "id,at\n1,2024-01-05T10:00:00+02:00\n2,2024-01-05T23:30:00-08:00\n3,2024-01-05 23:30:00.25-0430\n"
                    + "4,2024-12-31T23:00:00-04\n5,2024-01-05\n6,2024-01-05T10:00:00Z\n",
                "sales.csv": "k,at\nx,2024-01-05T23:30:00-08:00\nx,2024-01-06T00:30:00+02:00\n",
                "prices.csv":
                    "k,from,to,price\nx,2024-01-01T00:00:00+00:00,2024-01-06T02:00:00+02:00,old\nx,2024-01-06T02:00:00+02:00,,new\n",
                "twice.csv": "k,t,v\na,2024-01-05T10:00:00+02:00,older\na,2024-01-05T09:30:00Z,newer\n",
            ],
            """
              in: {path: in.csv}
              sales: {path: sales.csv}
              prices: {path: prices.csv}
              twice: {path: twice.csv}
              cast: {path: cast.csv}
              days: {path: days.csv}
              derived: {path: derived.csv}
              priced: {path: priced.csv}
              last: {path: last.csv}
            """,
            """
              cast: {type: process, input: in, output: cast, steps: [{cast: {at: timestamp}}]}
              days: {type: process, input: in, output: days, steps: [{cast: {at: date}}]}
              derived:
                type: process
                input: in
                output: derived
                steps:
                  - derive: {t: cast(at as timestamp)}
                  - derive: {d: cast(at as date), h: hour(t), y: year(t), n: "days_between(date '2024-01-05', t)"}
                  - derive: {late: "t > timestamp '2024-01-06T10:00:00+05:00'"}
                  - drop: [at]
              priced: {type: enrich, input: sales, output: priced, lookups: [{dataset: prices, on: k, add: price, valid: {from: from, to: to, at: at}}]}
              last: {type: process, input: twice, output: last, steps: [{cast: {t: timestamp}}, {deduplicate: {by: k, keep: last, order_by: t}}]}
              range: {type: check, input: in, checks: [{range: at, max: 2024-01-06, where: id = '2'}, {range: at, max: 2024-12-31, where: id = '4', severity: warn}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(
            try project.read("cast.csv")
                == "id,at\n1,2024-01-05T08:00:00Z\n2,2024-01-06T07:30:00Z\n3,2024-01-06T04:00:00.250000Z\n4,2025-01-01T03:00:00Z\n"
                + "5,2024-01-05T00:00:00\n6,2024-01-05T10:00:00Z\n")
        #expect(
            try project.read("days.csv")
                == "id,at\n1,2024-01-05\n2,2024-01-06\n3,2024-01-06\n4,2025-01-01\n5,2024-01-05\n6,2024-01-05\n")
        let derived = try project.read("derived.csv").split(separator: "\n")
        #expect(derived[2] == "2,2024-01-06T07:30:00Z,2024-01-06,7,2024,1,true")
        #expect(derived[4] == "4,2025-01-01T03:00:00Z,2025-01-01,3,2025,362,true")
        #expect(
            try project.read("priced.csv")
                == "k,at,price\nx,2024-01-05T23:30:00-08:00,new\nx,2024-01-06T00:30:00+02:00,old\n")
        #expect(try project.read("last.csv") == "k,t,v\na,2024-01-05T09:30:00Z,newer\n")
        #expect(run.output.contains("range") && run.output.contains("1 warned"), "\(run)")
    }

    @Test("Times that name no offset are those of their dataset's zone")
    func localTimes() async throws {
        let project = try project(
            [
                "in.csv":
                    "at,day\n2024-07-05 23:30:00,2024-07-05 00:30:00\n2024-01-05T10:00:00Z,2024-01-05\n2024-01-05T10:00:00.5-05:00,2024-01-05T22:00:00-05:00\n"
            ],
            "  in: {path: in.csv, timezone: Europe/Berlin}\n  o: {path: o.csv}\n  p: {path: p.parquet, timezone: Europe/Berlin}\n  q: {path: q.csv}",
            """
              p: {type: process, input: in, output: o, steps: [{cast: {at: timestamp, day: date}}]}
              q: {type: process, input: p, output: q}
            """)
        _ = try await project.query(
            "COPY (SELECT TIMESTAMP '2024-07-05 23:30:00' AS a, TIMESTAMPTZ '2024-07-05 23:30:00+00' AS b) TO 'p.parquet' (FORMAT parquet)"
        )
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(
            try project.read("o.csv")
                == "at,day\n2024-07-05T21:30:00Z,2024-07-05\n2024-01-05T10:00:00Z,2024-01-05\n2024-01-05T15:00:00.500000Z,2024-01-06\n"
        )
        #expect(try project.read("q.csv") == "a,b\n2024-07-05T21:30:00Z,2024-07-05T23:30:00Z\n")
    }

    @Test("The newest value of a feed that is three hours old is three hours old, in whatever zone it is written")
    func freshness() async throws {
        let zone = Date(timeIntervalSinceNow: (5.5 - 3) * 3600)
        let text = zone.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false)).prefix(19)
        let project = try project(
            ["feed.csv": "t\n\(text)+05:30\n"], "  feed: {path: feed.csv}",
            "  fresh: {type: check, input: feed, checks: [{freshness: t, max_age: 1h}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("the newest value is 3 h old"), "\(run)")
    }

    @Test(
        "What names no point in time is refused, and no part of it is taken",
        arguments: ["2024-01-05 11:30 PM", "2024-01-05x"])
    func noTimes(_ text: String) async throws {
        let project = try project(
            ["in.csv": "at\n\(text)\n"], "  in: {path: in.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: in, output: o, steps: [{cast: {at: date}}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("column 'at' has the value '\(text)', which does not fit date"), "\(run)")
    }

    // MARK: - Values of the file

    @Test("Values are mapped as values of their column's type")
    func mapping() async throws {
        let project = try project(
            [
                "in.csv": "i,n,d,b,t,x\n2,2.0,2.50,true,2024-01-05T10:00:00+02:00,2\n"
                    + "3,nan,3.00,false,2024-01-06T00:00:00Z,3\n"
            ],
            "  in: {path: in.csv}\n  o: {path: o.csv}",
            """
              p:
                type: process
                input: in
                output: o
                steps:
                  - cast: {i: integer, n: number, d: "decimal(6,2)", b: boolean, t: timestamp}
                  - map_values: {column: i, values: {2.0: 20}, otherwise: 7}
                  - map_values: {column: n, values: {2: 1e3, nan: ~}}
                  - map_values: {column: d, values: {"2.5": 0.1}}
                  - map_values: {column: b, values: {true: false}}
                  - map_values: {column: t, values: {2024-01-05T08:00:00Z: 2024-01-01T00:00:00+01:00}}
                  - map_values: {column: x, values: {2.0: no, 3: three}}
                checks:
                  - {accepted_values: i, in: [20.0, "7"]}
                  - {accepted_values: d, in: [0.10, 3]}
                  - {accepted_values: t, in: ["2023-12-31T23:00:00Z", 2024-01-06]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(
            try project.read("o.csv")
                == "i,n,d,b,t,x\n20,1000.0,0.10,false,2023-12-31T23:00:00Z,2\n7,,3.00,false,2024-01-06T00:00:00Z,three\n"
        )
    }

    @Test(
        "A value that its column cannot have is refused before the run, at its place",
        arguments: [
            ("map_values: {column: i, values: {1: one}}", "p.yaml:7:111: error: 'one' is no integer, and 'i' is"),
            ("map_values: {column: i, values: {1.5: 2}}", "p.yaml:7:108: error: '1.5' is no integer, and 'i' is"),
            ("map_values: {column: i, values: {1: 2, 1.0: 3}}", "'1' and '1.0' are one integer"),
            ("map_values: {column: i, values: {1: 2}, otherwise: none}", "'none' is no integer, and 'i' is"),
        ])
    func misfits(_ step: String, _ message: String) async throws {
        let project = try project(
            ["in.csv": "i\n1\n"], "  in: {path: in.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: in, output: o, steps: [{cast: {i: integer}}, {\(step)}]}")
        let answer = try await project.caudal("validate", "p.yaml")
        #expect(answer.exit == .exited(2) && answer.errors.contains(message), "\(answer)")
    }

    // MARK: - Odd numbers

    @Test("NaN and infinity harm no other figure of a profile")
    func profile() async throws {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            """
            COPY (SELECT * FROM (VALUES (1, 1.5::DOUBLE, 'a', 1e308::DOUBLE), (2, 'nan'::DOUBLE, 'b', 1e308),
              (3, '-infinity'::DOUBLE, 'c', -1e308)) t(id, x, k, big)) TO 'in.parquet' (FORMAT parquet)
            """)
        let answer = try await project.caudal("profile", "in.parquet")
        #expect(answer.exit == .exited(0), "\(answer)")
        for words in ["2 NaN or infinite", "1.5 to 1.5", "a to c", "-1e+308 to 1e+308", "too large for a mean"] {
            #expect(answer.output.contains(words), "\(words): \(answer)")
        }
        let json = try await project.caudal("profile", "in.parquet", "--json")
        #expect((try? JSONSerialization.jsonObject(with: Data(json.output.utf8))) != nil, "\(json)")
        #expect(try await project.caudal("profile", "in.parquet", "--suggest").exit == .exited(0))
    }

    @Test("JSON is never written with what JSON does not have", arguments: ["json", "jsonl", "jsonl.gz"])
    func json(_ ending: String) async throws {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            "COPY (SELECT 1 AS id, 'nan'::DOUBLE AS x, ['infinity'::DOUBLE] AS l) TO 'in.parquet' (FORMAT parquet)")
        for column in ["x", "l"] {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {in: {path: in.parquet}, o: {path: o.\(ending)}}
                stages: {p: {type: process, input: in, output: o, steps: [{select: [id, \(column)]}]}}
                """)
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(
                run.output.contains("column '\(column)' has the value NaN or infinity, which JSON cannot hold"),
                "\(run)")
            #expect(!project.exists("o.\(ending)"))
        }
    }

    @Test("A sum that does not fit 64 bits is refused with its column")
    func wide() async throws {
        let project = try project(
            ["in.csv": "i\n9223372036854775807\n1\n"], "  in: {path: in.csv}\n  o: {path: o.csv}",
            "  p: {type: sql, output: o, query: select sum(cast(i as bigint)) as total from \"in\"}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            run.output.contains("column 'total' has the value 9223372036854775808, which does not fit 64 bits"),
            "\(run)")
    }

    // MARK: - Samples

    private static let wide: String = {
        let head = (1...31).map { "c\($0)" }.joined(separator: ",")
        let row = (1...31).map { "v\($0)" }.joined(separator: ",")
        return "id,mail,\(head)\n1,ann@x.org,\(row)\n2,bob@x.org,\(row.replacing("v31", with: "XBAD"))\n"
    }()

    @Test("The value that failed is shown first, however wide the table is")
    func samples() async throws {
        let project = try project(
            ["in.csv": Self.wide], "  in: {path: in.csv}",
            """
              c:
                type: check
                input: in
                checks:
                  - {accepted_values: c31, in: [v31]}
                  - {id: query, sql: "select c31, * exclude (c31) from input where c31 <> 'v31'"}
                  - {matches: c30, pattern: "^x", where: c31 = 'XBAD'}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("(row 2: c31=XBAD, id=2, mail=bob@x.org"), "\(run)")
        for verb in [["show", "last"], ["checks", "last"], ["checks", "last", "--json"]] {
            let shown = try await project.caudal(verb).output
            #expect(shown.components(separatedBy: "XBAD").count > 3, "\(verb): \(shown)")
            #expect(shown.contains("c30=v30  c31=XBAD") || shown.contains("[\"c30\",\"c31\""), "\(verb): \(shown)")
        }
    }

    @Test(
        "Values of failing rows stay out of store, log and report where the file says so", arguments: ["keys", "none"])
    func privacy(_ rule: String) async throws {
        let project = try project(
            ["in.csv": Self.wide, "s.json": #"{"properties": {"mail": {"type": "string", "pattern": "^ann"}}}"#],
            "  in: {path: in.csv, schema: s.json}\n  g: {path: g.csv}",
            """
              c: {type: check, input: in, checks: [{unique: id}, {accepted_values: c31, in: [v31]}, {matches: mail, pattern: "^ann"}], allow_failure: true}
              v: {type: validate, input: in, output: g, max_invalid: 0, quarantine: q.csv, allow_failure: true}
              r: {type: report, needs: [c, v], when: all_done}
            """)
        try project.write(
            "p.yaml", try project.read("p.yaml").replacing("name: compared", with: "name: compared\nsamples: \(rule)"))
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("1 row with other values of 2"), "\(run)")
        // What was put aside is data, and lies beside it for whoever mends it.
        try project.removeStaging()
        let kept =
            try project.everythingKept() + run.output + (try await project.caudal("checks", "last", "--json").output)
            + project.files(in: "data").filter { !$0.contains("quarantine") }.map {
                (try? project.read("data/\($0)")) ?? ""
            }.joined()
        #expect(!kept.contains("XBAD"))
        #expect(run.output.contains("(row 2: id=2)") == (rule == "keys"), "\(run)")
    }
}
