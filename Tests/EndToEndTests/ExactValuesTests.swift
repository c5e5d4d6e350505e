import CaudalModel
import Engine
import TestSupport
import Testing

/// Values that meet others of another type: nothing is rounded, quoted or lost without a word.
@Suite("Exact values", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct ExactValuesTests {
    private func project(_ files: [String: String], _ datasets: String, _ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        for (name, text) in files { try project.write(name, text) }
        try project.write("p.yaml", "version: 1\nname: exact\ndatasets:\n\(datasets)\nstages:\n\(stages)\n")
        return project
    }

    @Test("A key that is text and one that is a whole number are equal only where the text is that number")
    func keys() async throws {
        let project = try project(
            ["r.csv": "id\n7\n10\n2\n3\n", "l.csv": "id,name\n10.4,ten\n1.5,half\n07,seven\n3,three\nx,none\n"],
            "  r: {path: r.csv}\n  l: {path: l.csv}\n  t: {path: t.parquet}\n  o: {path: o.csv}",
            """
              t: {type: process, input: r, output: t, steps: [cast: {id: integer}]}
              e: {type: enrich, input: t, output: o, lookups: [{dataset: l, on: id, add: [name], default: unknown}]}
              c: {type: check, input: t, checks: [{foreign_key: id, dataset: l}], allow_failure: true}
            """)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "id,name\n7,seven\n10,unknown\n2,unknown\n3,three\n")
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains("2 rows without a counterpart of 4"), "\(checks)")
    }

    @Test(
        "A key is compared with a decimal or a number by its digits, and never rounded first",
        arguments: [
            ("v", ["10.004", "9.999", "1.005", "1.01", "10", "1e1"], "decimal(20,2)", ["10.00", "1.01"], [3, 4, 5]),
            ("v", ["10.00", "1.01"], "decimal(20,2)", ["10.004", "1.005", "1.01"], [1]),
            ("decimal(20,0)", ["9007199254740993", "5"], "number", ["9007199254740992", "5"], [1]),
            ("number", ["9007199254740992", "0.1"], "decimal(20,1)", ["9007199254740993", "0.1"], [1]),
            ("integer", ["999999999999", "5"], "decimal(38,30)", ["5", "6"], [1]),
            ("integer", ["9007199254740993", "5"], "decimal(20,1)", ["9007199254740993.5", "5.0"], [1]),
        ] as [(String, [String], String, [String], [Int])])
    func digits(_ type: String, _ values: [String], _ other: String, _ keys: [String], _ found: [Int]) async throws {
        let cast = { (type: String) in type == "v" ? "" : "cast: {k: \"\(type)\"}" }
        let isReversed = type == "v" && keys.count > 2
        let project = try project(
            [
                "i.csv": "k\n\(values.joined(separator: "\n"))\n",
                "l.csv": "k,name\n\(keys.map { "\($0),x\n" }.joined())",
            ],
            "  i: {path: i.csv}\n  l: {path: l.csv}\n  a: {path: a.parquet}\n  b: {path: b.parquet}\n  o: {path: o.csv}",
            """
              a: {type: process, input: i, output: a, steps: [\(isReversed ? cast(other) : cast(type))]}
              b: {type: process, input: l, output: b, steps: [\(isReversed ? "" : cast(other))]}
              e: {type: enrich, input: a, output: o, lookups: [{dataset: b, on: k, add: [name]}]}
              c: {type: check, input: a, checks: [{foreign_key: k, dataset: b}], allow_failure: true}
            """)
        let run = try await project.caudal("run", "p.yaml")
        #expect(run.exit == .exited(0), "\(run)")
        let rows = try project.read("o.csv").split(separator: "\n").dropFirst()
        #expect(rows.enumerated().filter { $0.element.hasSuffix(",x") }.map(\.offset) == found, "\(rows)")
        let checks = try await project.caudal("checks", "last").output
        let missing = values.count - found.count
        #expect(checks.contains("\(missing) row\(missing == 1 ? "" : "s") without a counterpart"), "\(checks)")
    }

    @Test("Two texts that are the same number are the same key, and refused as such")
    func sameNumber() async throws {
        let project = try project(
            ["r.csv": "id\n7\n", "l.csv": "id,name\n7,a\n07,b\n"],
            "  r: {path: r.csv}\n  l: {path: l.csv}\n  t: {path: t.parquet}\n  o: {path: o.csv}",
            """
              t: {type: process, input: r, output: t, steps: [cast: {id: integer}]}
              e: {type: enrich, input: t, output: o, lookups: [{dataset: l, on: id, add: [name]}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("l has more than one row for some id, such as 7"), "\(run)")
        try project.write(
            "p.yaml", try project.read("p.yaml").replacing("add: [name]", with: "add: [name], duplicates: first"))
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "id,name\n7,a\n")
    }

    @Test("A range of whole numbers judges a text column by its true values")
    func range() async throws {
        let project = try project(
            ["n.csv": "price\n10.4\n-0.4\n5\n10.6\n"], "  n: {path: n.csv}",
            "  c: {type: check, input: n, checks: [{range: price, min: 0, max: 10}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("3 rows out of range of 4"), "\(run)")
    }

    @Test(
        "A range is judged by all of a value, whatever the kinds of its bounds",
        arguments: [
            ("t", #"min: 2026-01-01, max: "2026-01-05T12:00:00""#, 1), ("t", #"max: "2026-01-05T12:00:00""#, 1),
            ("n", "max: 9007199254740992", 1), ("n", "min: 9007199254740993", 1), ("n", "max: 9007199254740993", 0),
            ("d", #"min: "2026-01-03T12:00:00""#, 1), ("d", "min: 2026-01-03", 0),
        ])
    func mixedBounds(column: String, bounds: String, failing: Int) async throws {
        let project = try project(
            ["i.csv": "t,d,n\n2026-01-05T18:00:00,2026-01-05,9007199254740993\n2026-01-03T18:00:00,2026-01-03,5\n"],
            "  i: {path: i.csv}\n  j: {path: j.parquet}",
            """
              j: {type: process, input: i, output: j, steps: [cast: {t: timestamp, d: date, n: integer}]}
              text: {type: check, input: i, checks: [{id: r, range: \(column), \(bounds), severity: warn}]}
              typed: {type: check, input: j, checks: [{id: r, range: \(column), \(bounds), severity: warn}]}
            """)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        let checks = try await project.caudal("checks", "last").output
        let words = failing == 1 ? "1 row out of range of 2" : "0 rows out of range of 2"
        #expect(checks.split(separator: words, omittingEmptySubsequences: false).count == 3, "\(checks)")
    }

    @Test(
        "A sum of whole numbers or decimals is compared by its digits",
        arguments: [
            ("acct", "min: 100000000000000001, max: 100000000000000001", "failed", "exactly 100000000000000001"),
            ("acct", "max: 99999999999999999", "failed", "the sum is 100000000000000000"),
            ("acct", "min: 100000000000000000, max: 1e17", "passed", "the sum is 100000000000000000"),
            ("amt", "min: 900719925474099.93, max: 900719925474099.93", "failed", "exactly 900719925474099.93"),
            ("amt", "min: 900719925474099.91, partition_by: part", "failed", "the sum is 900719925474099.9"),
            ("amt", "min: 900719925474099.90, max: 900719925474099.9", "passed", "exactly 900719925474099.9"),
            ("amt", "min: -1e300, max: 1e300", "passed", "-1e+300 to 1e+300"),
            ("amt", "max: 1e300, warn: {max: 900719925474099.89}", "warned", "the sum is 900719925474099.9"),
        ])
    func controlTotal(column: String, limits: String, outcome: String, words: String) async throws {
        let project = try project(
            ["c.csv": "acct,amt,part\n60000000000000000,900719925474099.00,a\n40000000000000000,0.90,a\n"],
            "  c: {path: c.csv}\n  t: {path: t.parquet}",
            """
              t: {type: process, input: c, output: t, steps: [cast: {acct: integer, amt: "decimal(20,2)"}]}
              k: {type: check, input: t, checks: [{sum: \(column), \(limits)}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect((run.exit == .exited(0)) == (outcome != "failed"), "\(run)")
        let checks = try await project.caudal("checks", "last").output
        #expect(checks.contains(outcome) && checks.contains(words), "\(checks)")
    }

    @Test(
        "A limit that the figure cannot be compared with by its digits is refused",
        arguments: [
            (
                "sum: x, max: 9007199254740993",
                "compares the sum of 'x', which is floating point, with 9007199254740993"
            ),
            (
                "mean: x, min: 9007199254740993",
                "'min' has more digits than floating point, in which 'mean' is compared"
            ),
            ("sum: x, max: 0.1", nil), ("mean: x, max: 1e300, min: 0.10", nil),
        ] as [(String, String?)])
    func roundedLimit(check: String, words: String?) async throws {
        let project = try project(
            ["c.csv": "x\n0.1\n"], "  c: {path: c.csv}\n  t: {path: t.parquet}",
            """
              t: {type: process, input: c, output: t, steps: [cast: {x: number}]}
              k: {type: check, input: t, checks: [{\(check)}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect((run.exit == .exited(0)) == (words == nil), "\(run)")
        if let words { #expect("\(run)".contains(words), "\(run)") }
    }

    @Test("Infinity lies in no range, though it has one bound alone", arguments: ["min: 0", "max: 0"])
    func infiniteRange(bound: String) async throws {
        let project = try project(
            ["n.csv": "price\ninf\n-inf\n0\n"], "  n: {path: n.csv}",
            "  c: {type: check, input: n, checks: [{range: price, \(bound)}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("2 rows out of range of 3"), "\(run)")
    }

    @Test(
        "An infinite sum or mean lies within no limits",
        arguments: ["sum: x, min: 0", "mean: x, min: 0", "anomaly: {sum: x}"])
    func infiniteSum(check: String) async throws {
        let project = try project(
            ["n.csv": "x\ninf\n1\n"], "  n: {path: n.csv}\n  t: {path: t.parquet}",
            """
              t: {type: process, input: n, output: t, steps: [cast: {x: number}]}
              c: {type: check, input: t, checks: [{\(check)}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("is inf"), "\(run)")
    }

    @Test(
        "What is missing is filled with values that the column holds, and with no others",
        arguments: [
            ("decimal(10,2)", "2.555", nil), ("decimal(10,2)", "123456789", nil), ("integer", "1.5", nil),
            ("decimal(10,2)", "2.5", "2.50"), ("integer", "1e3", "1000"), ("number", "3", "3.0"),
        ] as [(String, String, String?)])
    func filled(type: String, value: String, expected: String?) async throws {
        let project = try project(
            ["n.csv": "k,x\n1,\n"], "  n: {path: n.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: n, output: o, steps: [cast: {x: \"\(type)\"}, fill_missing: {x: \(value)}]}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect((run.exit == .exited(0)) == (expected != nil), "\(run)")
        if let expected { #expect(try project.read("o.csv") == "k,x\n1,\(expected)\n") }
    }

    @Test("Decimals in expressions are what is written there, and what is computed from them is a number")
    func decimals() async throws {
        let expected = [
            ("0.1 + 0.2 = 0.3", "true"), ("0.1 + 0.2", "0.3"), ("a > 0.30", "false"), ("a in (0.1, 0.30)", "true"),
            ("a between 0.30 and 0.30", "true"), ("n * 0.1 = 0.3", "true"), ("big = 1234567890.123456789", "true"),
            ("big > 1234567890.123456788", "true"), ("1234567890123456789.5", "1234567890123456789.5"),
            ("-9223372036854775808", "-9223372036854775808"), ("round(2.675, 2)", "2.68"), ("d = 0.3", "true"),
            ("e = 0.017453292519943295", "true"),
            ("0.017453292519943295 * e = 0.00030461741978670857", "true"),
            ("0.12345678901234567", "0.12345678901234567"),
            ("cast(n * 0.5 + 1 as integer)", "2"), ("cast(0.50 as text)", "0.5"),
            ("concat(0.50, 0.10 + 0.20)", "0.50.3"),
            ("n * 1.5", "4.5"), ("(w * 1.5) * (w * 1.5) * (w * 1.5)", "4.218750000000000e+29"),
            ("0.015625000000000000 * 0.015625000000000000 * 0.5", "0.0001220703125"), ("2.5e-1", "0.25"),
        ]
        let names = expected.indices.map { "x\($0)" }
        let derivations = zip(names, expected).map { "\($0): \"\($1.0)\"" }.joined(separator: ", ")
        let project = try project(
            [:], "  in: {path: in.parquet}\n  o: {path: o.csv}",
            "  t: {type: process, input: in, output: o, steps: [{derive: {\(derivations)}}, {select: [\(names.joined(separator: ", "))]}]}"
        )
        _ = try await project.query(
            """
            COPY (SELECT 0.30::DECIMAL(10,2) AS a, 3::BIGINT AS n, 5000000000 AS w, 0.3::DOUBLE AS d, 0.017453292519943295::DOUBLE AS e,
              1234567890.123456789::DECIMAL(19,9) AS big) TO 'in.parquet'
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        let values = try project.read("o.csv").split(separator: "\n")[1].split(separator: ",").map(String.init)
        for (found, wanted) in zip(values, expected) where found != wanted.1 {
            #expect(Double(found) == Double(wanted.1) && wanted.1.contains("e+"), "\(wanted.0) is \(found)")
        }
        #expect(values.count == expected.count)
    }

    @Test("The bounds of a check are what is written there")
    func decimalBounds() async throws {
        let project = try project(
            [:], "  in: {path: in.parquet}",
            "  c: {type: check, input: in, checks: [{range: big, min: 1234567890.123456789, max: 1234567890.123456790}]}"
        )
        _ = try await project.query(
            """
            COPY (SELECT unnest([1234567890.123456788, 1234567890.123456789, 1234567890.123456791])::DECIMAL(19,9) AS big)
            TO 'in.parquet'
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("2 rows out of range of 3"), "\(run)")
    }

    @Test(
        "A cast refuses what is no number of its type",
        arguments: [
            (
                "integer",
                [
                    "1.5", "0x1F", "1_000", "nan", "4503599627370497.5", "9007199254740992.5", "100000000000000000.5",
                    "1e-400",
                ]
            ),
            ("number", ["1_000", "x"]), ("decimal(10,2)", ["1_000", "1_0.5", "x"]),
        ])
    func cast(type: String, values: [String]) async throws {
        for value in values {
            let project = try project(
                ["c.csv": "x\n2\n3.0\n\(value)\n"], "  c: {path: c.csv}\n  o: {path: o.csv}",
                "  p: {type: process, input: c, output: o, steps: [cast: {x: \"\(type)\"}]}")
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(1))
            #expect(run.output.contains("column 'x' has the value '\(value)', which does not fit \(type)"), "\(run)")
        }
    }

    @Test(
        "A text with an underscore is no number where it is compared with one",
        arguments: ["integer", "number", "\"decimal(10,2)\""])
    func underscores(type: String) async throws {
        let project = try project(
            ["r.csv": "k\n1_0\n10\n", "l.csv": "k,name\n10,ten\n"],
            "  r: {path: r.csv}\n  l: {path: l.csv}\n  t: {path: t.parquet}\n  o: {path: o.csv}",
            """
              t: {type: process, input: l, output: t, steps: [cast: {k: \(type)}]}
              e: {type: enrich, input: r, output: o, lookups: [{dataset: t, on: k, add: [name]}]}
            """)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "k,name\n1_0,\n10,ten\n")
    }

    @Test("A whole number is one by its digits and its value, whatever type its column has")
    func wholeNumbers() async throws {
        let columns = ["wide", "number", "single", "price"]
        let project = try project(
            [
                "s.json": "{\"type\":\"object\",\"properties\":{"
                    + columns.map { "\"\($0)\":{\"type\":\"integer\",\"maximum\":18446744073709551614}" }.joined(
                        separator: ",")
                    + "}}",
                "n.json": #"{"type":"object","properties":{"n":{"type":"integer"}}}"#,
                "n.csv":
                    "n\n4503599627370497\n4503599627370497.0\n4503599627370497.5\n45035996273704975e-1\n9e17\n1.5\n",
            ],
            """
              t: {path: t.parquet, schema: s.json}
              n: {path: n.csv, schema: n.json}
              a: {path: a.csv}
              b: {path: b.csv}
            """,
            """
              t: {type: validate, input: t, output: a, max_invalid: 100%}
              n: {type: validate, input: n, output: b, max_invalid: 100%}
            """)
        _ = try await project.query(
            """
            COPY (SELECT a::UBIGINT AS wide, b::DOUBLE AS number, c::FLOAT AS single, d::DECIMAL(10,2) AS price FROM (VALUES
              ('1', '2.0', '3', '4.00'), ('18446744073709551615', '2.5', '3.5', '4.50'), ('5', 'inf', 'nan', '6')) t(a, b, c, d))
            TO 't.parquet'
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("a.csv") == "wide,number,single,price\n1,2.0,3.0,4.00\n")
        #expect(try project.read("b.csv") == "n\n4503599627370497\n4503599627370497\n900000000000000000\n")
        let found = try await project.caudal("quarantine", "show", "last", "t").output
        #expect(found.contains("type: integer") && found.contains("2.5") && found.contains("4.50"), "\(found)")
    }

    @Test("A decimal of many digits becomes the number that is nearest to it")
    func nearest() async throws {
        let project = try project(
            [:], "  in: {path: in.parquet}\n  l: {path: l.parquet}\n  o: {path: o.csv}\n  e: {path: e.csv}",
            """
              t:
                type: process
                input: in
                output: o
                steps:
                  - derive: {a: d = x, b: d in (x), c: d between x and x, q: d / 1, s: d + zero}
                  - cast: {d: number}
              e: {type: enrich, input: in, output: e, lookups: [{dataset: l, on: d, add: [word]}]}
            """)
        _ = try await project.query(
            """
            COPY (SELECT 1814.850597118989639894::DECIMAL(38,18) AS d, 1814.8505971189895::DOUBLE AS x, 0::DOUBLE AS zero)
            TO 'in.parquet';
            COPY (SELECT 1814.8505971189895::DOUBLE AS d, 'there' AS word) TO 'l.parquet'
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let number = "1814.8505971189895"
        #expect(
            try project.read("o.csv")
                == "d,x,zero,a,b,c,q,s\n\(number),\(number),0.0,true,true,true,\(number),\(number)\n")
        // A key is compared by its digits: rounded, it would find others.
        #expect(try !project.read("e.csv").contains("there"))
    }

    @Test("JSON values of several types are the texts that they are")
    func mixedJSON() async throws {
        let project = try project(
            ["j.jsonl": "{\"code\":\"A1\"}\n{\"code\":12}\n{}\n"], "  j: {path: j.jsonl}\n  o: {path: o.csv}",
            "  p: {type: process, input: j, output: o, steps: [{filter: \"code = 'A1' or code = '12'\"}]}")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "code\nA1\n12\n")
    }

    @Test("Sums of whole numbers stay whole numbers in Parquet")
    func wideSums() async throws {
        let project = try project(
            ["s.csv": "v\n9007199254740993\n0\n"],
            "  s: {path: s.csv}\n  t: {path: t.parquet}\n  o: {path: o.parquet}\n  c: {path: c.csv}",
            """
              t: {type: process, input: s, output: t, steps: [cast: {v: integer}]}
              q: {type: sql, inputs: t, output: o, query: select sum(v) as s from t}
              u: {type: process, input: o, output: c, steps: [{sql: select sum(s) as s from input}, derive: {next: s + 1}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("c.csv") == "s,next\n9007199254740993,9007199254740994\n")
    }

    @Test("A fan-out has an item for rows without a value, and rows of no item are told")
    func fanOut() async throws {
        let project = try project(
            ["r.csv": "region,v\na,1\nb,2\n,3\n"], "  r: {path: r.csv}\n  o: {path: \"o/${item.region}.csv\"}",
            "  p: {type: process, input: r, output: o, foreach: {region: {sql: select distinct region from r}}}")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0) && run.output.contains("3 in, 3 out"), "\(run)")
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing("{sql: select distinct region from r}", with: "[a, b]"))
        let less = try await project.caudal("run", "p.yaml", "--plain")
        #expect(less.output.contains("3 in, 2 out, 1 of no item"), "\(less)")
        let reused = try await project.caudal("run", "p.yaml", "--plain", "--reuse")
        #expect(reused.output.contains("3 in, 2 out, 1 of no item"), "\(reused)")
        #expect(try await project.caudal("show", "last").output.contains("3 in, 2 out, 1 of no item"))
        for (format, words) in [("markdown", "| Of no item |"), ("html", ">Of no item<"), ("json", "\"unassigned\"")] {
            let report = try await project.caudal("report", "last", "--format", format)
            #expect(report.output.contains(words), "\(report)")
        }
    }

    @Test(
        "A value for a column of texts is what the file says to the letter",
        arguments: ["1e3", "1.50", "+49", "0x1F", "-0", "1_000", "007", "true", "2026-01-05"])
    func givenTexts(value: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "id,code\n1,a\n2,\n")
        try project.write("names.csv", "code,name\na,first\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: given
            datasets:
              rows: {path: in.csv}
              names: {path: names.csv}
              filled: {path: filled.csv}
              mapped: {path: mapped.csv}
              named: {path: named.csv}
            stages:
              fill: {type: process, input: rows, output: filled, steps: [{fill_missing: {code: \(value)}}]}
              map: {type: process, input: filled, output: mapped, steps: [{map_values: {column: code, values: {z: y}, otherwise: \(value)}}]}
              name: {type: enrich, input: filled, output: named, lookups: [{dataset: names, on: code, add: name, default: \(value)}]}
            """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("filled.csv") == "id,code\n1,a\n2,\(value)\n")
        #expect(try project.read("mapped.csv") == "id,code\n1,\(value)\n2,\(value)\n")
        #expect(try project.read("named.csv") == "id,code,name\n1,a,first\n2,\(value),\(value)\n")
    }

    @Test("map_values can leave a row without a value, and a quoted null is a text")
    func mapToNothing() async throws {
        let project = try project(
            ["m.csv": "k,v\n1,9\n2,10\n3,11\n"], "  m: {path: m.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: m, output: o, steps: [{map_values: {column: v, values: {9: ~, 10: null, 11: \"null\"}}}]}"
        )
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "k,v\n1,\n2,\n3,null\n")
    }

    @Test("Data may have a column that looks like the number of its row; the very name that is used here is refused")
    func rowColumns() async throws {
        let project = try project(
            ["z.csv": "id,#row,v\n1,9,first\n1,1,second\n"], "  z: {path: z.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: z, output: o, steps: [{deduplicate: {by: id, keep: first}}]}")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "id,\"#row\",v\n1,9,first\n")
        try project.write("z.csv", "id,#caudal.row,v\n1,9,first\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.description.contains("z.csv has a column '#caudal.row'"), "\(run)")
        // Readers differ about where the header ends.
        try project.write("z.csv", "id,\"a\rb\",v\n1,9,first\n")
        let ended = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ended.status == 1, "\(ended)")
        #expect(ended.description.contains("z.csv has a column 'a\\rb', whose name has a carriage return"), "\(ended)")
    }

    @Test(
        "Rows are told apart by a column that is called as something in the SQL was",
        arguments: ["#kept", "row", "rows", "again"])
    func keptColumn(name: String) async throws {
        let project = try project(
            ["z.csv": "\"\(name)\",v\n7,a\n7,b\n8,c\n0,d\n0,e\n"], "  z: {path: z.csv}\n  o: {path: o.csv}",
            "  p: {type: process, input: z, output: o, steps: [{cast: {\"\(name)\": integer}}, {deduplicate: {by: [\"\(name)\"]}}, {derive: {w: v}}, {select: [w]}]}"
        )
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "w\na\nc\nd\n")
    }

    @Test("Decimals of many digits are computed with, and the result is a number")
    func longDecimals() async throws {
        let project = try project(
            ["z.csv": "a\n1\n"], "  z: {path: z.csv}\n  d: {path: d.parquet}\n  o: {path: o.csv}",
            "  d: {type: sql, inputs: [z], output: d, query: \"select 123.5::decimal(18,8) as rate, 5000.25::decimal(18,8) as qty from z\"}\n"
                + "  p: {type: process, input: d, output: o, steps: [{derive: {v: rate * qty, w: qty * 100000000, s: rate + qty, m: rate - qty}}]}"
        )
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.csv").hasSuffix(",617530.875,500025000000.0,5123.75,-4876.75\n"))
    }

    @Test("Columns that are called as the engine numbers rows and files are refused, whoever wrote them")
    func numberedColumns() async throws {
        let project = try project(
            ["a.csv": "id,file_row_number,file_index\n1,9,2\n1,1,1\n"],
            "  a: {path: a.csv}\n  p: {path: p.parquet}\n  o: {path: o.csv}",
            """
              p: {type: process, input: a, output: p}
              o: {type: process, input: p, output: o, steps: [{deduplicate: {by: id, keep: first}}]}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("p       succeeded") || run.output.contains("p  succeeded"), "\(run)")
        #expect(run.status == 1 && run.output.contains("'p' has a column 'file_row_number'"), "\(run)")
        _ = try await project.query("COPY (SELECT 1 AS id, 2 AS File_Row_Number) TO 'a.parquet'")
        try project.write(
            "q.yaml",
            "version: 1\nname: q\ndatasets: {a: {path: a.parquet}, o: {path: q.csv}}\n"
                + "stages: {o: {type: process, input: a, output: o}}\n")
        let other = try await project.caudal("run", "q.yaml", "--plain")
        #expect(other.description.contains("a.parquet has a column 'File_Row_Number'"), "\(other)")
    }
}
