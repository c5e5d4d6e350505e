import CaudalModel
import Engine
import TestSupport
import Testing

/// Items are told apart as the data tells its values apart, and none is lost.
@Suite("Items of a fan-out", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct FanOutItemsTests {
    @Test("No two lists of values give one key, and ordinary values stand there as they are")
    func keys() {
        let lists: [[String?]] = [
            ["x,y", "z"], ["x", "y,z"], ["", "x"], ["x", ""], [nil, "x"], ["(none)", "x"], ["\"x", "y"],
            ["x", "\"y\""],
            ["\"\"", "x"], ["e\u{301}", "x"], ["é", "x"], ["K", "x"], ["\u{212A}", "x"], ["x ", ""], ["a", "B"],
            ["A", "b"],
        ]
        #expect(Set(lists.map { ItemKey(values: $0) }).count == lists.count)
        #expect(ItemKey(values: ["north"]).rawValue == "north")
        #expect(ItemKey(values: ["x,y"]).rawValue == "x,y")
        #expect(ItemKey(values: ["2026-11-01", nil]).rawValue == "2026-11-01,(none)")
    }

    @Test("No two values give one place")
    func places() {
        let values: [String?] = [
            nil, "__HIVE_DEFAULT_PARTITION__", "", "\0", "%00", "é", "e\u{301}", "K", "\u{212A}", "a/b", "a%2Fb", ".",
            "..",
        ]
        #expect(Set(values.map { Array(PathComponent.of($0).utf8) }).count == values.count)
        // Nor two that Swift would take for one.
        #expect(Set(values.map { PathComponent.of($0) }).count == values.count)
        #expect(PathComponent.of("São Paulo") == "São Paulo")
    }

    @Test("Items of JSON mean the values of their column, in whatever form the file writes them")
    func itemsOfJSON() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "n.jsonl", #"{"k":1,"v":"a"}"# + "\n" + #"{"k":1.5,"v":"b"}"# + "\n" + #"{"k":null,"v":"c"}"# + "\n")
        try project.write(
            "t.jsonl",
            #"{"k":"2026-01-05T10:00:00Z","v":"a"}"# + "\n" + #"{"k":"2026-01-05T12:00:00+02:00","v":"b"}"# + "\n")
        try project.write("s.json", #"{"type": "object", "properties": {"v": {"type": "string"}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              n: {path: n.jsonl, schema: s.json}
              t: {path: t.jsonl, schema: s.json}
              on: {path: 'n/${item.k}.csv'}
              ot: {path: 't/${item.k}.csv'}
            stages:
              n: {type: validate, input: n, output: on, quarantine: qn.csv, foreach: {k: {sql: select distinct k from n}}}
              t: {type: validate, input: t, output: ot, quarantine: qt.csv, foreach: {k: {sql: select distinct k from t}}}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            run.status == 0 && run.output.contains("3 rows in = 3 out") && run.output.contains("2 rows in = 2 out"),
            "\(run)")
    }

    @Test("An item with an offset is its point in time")
    func itemWithOffset() async throws {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(
            """
            COPY (SELECT TIMESTAMPTZ '2026-01-05 10:00:00Z' AS k, 'that moment' AS v
            UNION ALL SELECT TIMESTAMPTZ '2026-01-05 12:00:00Z', 'two hours later') TO 'in.parquet'
            """)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {i: {path: in.parquet}, o: {path: 'o/${item.k}.csv'}, all: {path: 'o/*.csv'}, a: {path: a.csv}}
            stages:
              o: {type: process, input: i, output: o, foreach: {k: ['2026-01-05T12:00:00+02:00']}}
              a: {type: process, input: all, output: a}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("a.csv").hasSuffix("2026-01-05T10:00:00Z,that moment\n"))
    }

    @Test("A variable that is a column but for its letters is refused: each item would have all rows")
    func variableInOtherLetters() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "Region,v\nnorth,1\nsouth,2\n")
        func run(_ more: String) async throws -> CaudalProject.Answer {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {i: {path: in.csv}, o: {path: 'o/${item.region}.csv'}}
                stages: {o: {type: process, input: i, output: o, foreach: {region: {sql: select distinct region from i}\(more)}}}
                """)
            return try await project.caudal("run", "p.yaml", "--plain")
        }
        let refused = try await run("")
        #expect(refused.status == 1 && refused.output.contains("write it 'Region'"), "\(refused)")
        let whole = try await run(", partition: false")
        #expect(
            whole.status == 0 && whole.output.contains("2 rows in = 4 out") || whole.output.contains("4 out"),
            "\(whole)")
    }

    @Test("Every row has its item: missing values, empty texts, forms of Unicode")
    func everyRow() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("in.csv", "k,v\n,1\n(none),2\né,3\ne\u{301},4\nK,5\n\u{212A},6\n k,7\nk,8\nK ,9\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: in.csv}, out: {path: "out/${item.k}.csv"}, all: {path: all.csv}}
            stages:
              p: {type: process, input: src, output: out, foreach: {k: {sql: select distinct k from src}}}
              q: {type: sql, output: all, query: select v from out order by cast(v as integer)}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("p  succeeded") && run.output.contains("9 in, 9 out"), "\(run)")
        #expect(try project.read("all.csv") == "v\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        let again = try await project.caudal("retry", "last", "p/e\u{301}", "--yes", "--plain")
        #expect(again.exit == .exited(0) || again.output.contains("p[e\u{301}]"), "\(again)")
    }

    @Test("Values with commas are items of their own, and items that would write one file are refused")
    func lists() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              p: {type: command, foreach: {a: [x, "x,y"], b: [z, "y,z"]}, run: 'echo ${item.a} / ${item.b}'}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0) && run.output.contains("p  4 items"), "\(run)")
        try project.write("in.csv", "a,b\nx,yz\nxy,z\n")
        try project.write(
            "q.yaml",
            """
            version: 1
            name: q
            datasets: {src: {path: in.csv}, out: {path: "out/${item.a}${item.b}.csv"}}
            stages:
              q: {type: process, input: src, output: out, foreach: {a: [x, xy], b: [yz, z]}}
            """)
        let refused = try await project.caudal("run", "q.yaml", "--plain")
        #expect(refused.status == 2 && refused.errors.contains("two items of 'q' would both write out/xyz.csv"))
        try project.write(
            "q.yaml", (project.text("q.yaml") ?? "").replacing("[yz, z]", with: "{sql: select distinct b from src}"))
        let found = try await project.caudal("run", "q.yaml", "--plain")
        #expect(found.output.contains("the items x,yz and xy,z would both write out/xyz.csv"), "\(found)")
    }

    @Test("References in a list are filled as texts, and two that become one value are refused")
    func references() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {n: {type: integer, default: 7}}
            datasets: {o: {path: "out/${item.x}.txt", format: csv}}
            stages:
              p: {type: command, output: o, foreach: {x: ["${params.n}", "v${params.n}-${env.WHO}", "8"]}, run: 'echo "${item.x}" > "$CAUDAL_OUTPUT"'}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain", variables: ["WHO": "ann"])
        #expect(run.status == 0, "\(run)")
        for (name, text) in [("7", "7"), ("8", "8"), ("v7-ann", "v7-ann")] {
            #expect(try project.read("out/\(name).txt") == text + "\n")
        }
        let twice = try await project.caudal("run", "p.yaml", "--param", "n=8", "--plain", variables: ["WHO": "ann"])
        #expect(twice.status != 0 && twice.description.contains("o"), "\(twice)")
        let unset = try await project.caudal("validate", "p.yaml")
        #expect(unset.status == 2 && unset.errors.contains("'WHO' is not set"), "\(unset)")
    }

    @Test("No item is written over what another stage reads, whatever the order of the stages")
    func overSources() async throws {
        for (writer, reader) in [("", ""), (", needs: r", ""), ("", ", needs: w")] {
            let project = try CaudalProject(copying: [])
            try project.write("data/prices.csv", "a\n1\n")
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {i: {path: data/prices.csv}, o: {path: "data/${item.f}.csv"}}
                stages:
                  w: {type: command, output: o, foreach: {f: {sql: "select unnest(['prices', 'x'])"}}, run: 'echo b > "$CAUDAL_OUTPUT"'\(writer)}
                  r: {type: command, inputs: i, run: "true"\(reader)}
                """)
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 1 && run.output.contains("data/prices.csv is "), "\(run)")
            #expect(try project.read("data/prices.csv") == "a\n1\n")
        }
    }

    @Test(
        "An item that is no value of its column is refused by name, and so are two that are one value there",
        arguments: [
            ("integer", "['1', '01', '2']", "the items '01' and '1' are one value of 'k' of 't', which is integer"),
            ("integer", "['1', '1.4', '2']", "the item '1.4' is no value of 'k' of 't', which is integer"),
            ("integer", "['1', '1_0', '2']", "the item '1_0' is no value"),
            ("integer", "[abc]", "the item 'abc' is no value"),
            ("integer", "{sql: select distinct k from raw}", "the items '01' and '1' are one value of 'k'"),
            ("integer", "{sql: select distinct k from t}", nil), ("integer", "['2', '1', '7']", nil),
            ("number", "['1', '1.0']", "the items '1' and '1.0' are one value"),
            ("'decimal(4,2)'", "['1.0', '1.00']", "the items '1.0' and '1.00' are one value"),
            ("'decimal(4,2)'", "{sql: select distinct k from t}", nil),
            ("number", "{sql: select distinct k from t}", nil),
            ("boolean", "['true', t]", "the items 't' and 'true' are one value"),
            ("boolean", "['true', 'false']", nil),
            ("date", "['2026-01-05', 2026-1-5]", "the items '2026-01-05' and '2026-1-5' are one value"),
            ("date", "['2026-01-05T10:00:00']", "the item '2026-01-05T10:00:00' is no value"),
            ("date", "{days: {from: 2026-01-05, to: 2026-01-06}}", nil),
            ("timestamp", "{sql: select distinct k from t}", nil), ("text", "['1', '01', '1.4', '2']", nil),
        ] as [(String, String, String?)])
    func oneValue(type: String, items: String, words: String?) async throws {
        let project = try CaudalProject(copying: [])
        let values =
            switch type {
            case "boolean": ["true", "false", "true"]
            case "date": ["2026-01-05", "2026-01-06", "2026-01-05"]
            case "timestamp": ["2026-01-05T10:00:00", "2026-01-06T10:00:00", "2026-01-05T10:00:00"]
            default: ["1", "2", type == "text" ? "1" : "01"]
            }
        try project.write("in.csv", "id,k\n" + values.enumerated().map { "\($0.offset),\($0.element)\n" }.joined())
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {raw: {path: in.csv}, t: {path: t.parquet}, o: {path: "o/${item.k}.csv"}, all: {path: all.csv}}
            stages:
              t: {type: process, input: raw, output: t, steps: [{cast: {k: \(type)}}]}
              f: {type: process, input: t, output: o, foreach: {k: \(items)}}
              all: {type: sql, output: all, query: select id from o order by id}
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect((run.status == 0) == (words == nil), "\(run)")
        if let words {
            #expect("\(run)".contains(words), "\(run)")
        } else {
            #expect(try project.read("all.csv") == "id\n0\n1\n2\n")
        }
    }

    @Test("A validate stage divides its rows by the values of the items too, and a missing value has those without one")
    func oneValueValidated() async throws {
        let project = try CaudalProject(copying: [])
        _ = try await project.query("COPY (SELECT unnest([1, 2, NULL]) AS k) TO 'in.parquet' (FORMAT parquet)")
        try project.write("s.json", #"{"properties": {"k": {"type": ["integer", "null"]}}}"#)
        func run(_ items: String) async throws -> CaudalProject.Answer {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {i: {path: in.parquet, schema: s.json}, o: {path: "o/${item.k}.csv"}}
                stages: {v: {type: validate, input: i, output: o, foreach: {k: \(items)}}}
                """)
            return try await project.caudal("run", "p.yaml", "--plain")
        }
        let refused = try await run("['1', '1.0']")
        #expect(
            "\(refused)".contains("the items '1' and '1.0' are one value of 'k' of 'i', which is integer"), "\(refused)"
        )
        let all = try await run("{sql: select distinct k from i}")
        #expect(all.status == 0 && all.output.contains("3 in, 3 out"), "\(all)")
        #expect(try project.read("o/1.csv") == "k\n1\n")
    }

    // MARK: - No items

    @Test("No items means no rows with the columns and types that there would have been")
    func noItems() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("src.csv", "k,v,day\na,1,2024-01-01\n")
        try project.write("names.csv", "k,name\na,A\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {which: {type: string, default: a}}
            datasets:
              src: {path: src.csv}
              names: {path: names.csv}
              part: {path: "out/${item.k}.csv"}
              deeper: {path: "deeper/${item.k}.parquet"}
              made: {path: "made/${item.k}.csv"}
              named: {path: named.csv}
              lookedUp: {path: lookedUp.csv}
              counted: {path: counted.csv}
              last: {path: last.csv}
              never: {path: never.csv}
            stages:
              part:
                type: process
                input: src
                output: part
                steps: [{cast: {v: "decimal(8,2)", day: date}}]
                foreach: {k: {sql: "select distinct k from src where k = ${params.which}"}}
              deeper: {type: process, input: part, output: deeper, foreach: {k: {sql: select distinct k from part}}}
              named: {type: enrich, input: part, output: named, lookups: [{dataset: names, on: k, add: name}]}
              lookedUp: {type: enrich, input: names, output: lookedUp, lookups: [{dataset: deeper, on: k, add: v}]}
              counted: {type: sql, output: counted, query: "select k, sum(v) as v, max(day) as day from part group by k"}
              last: {type: process, input: deeper, output: last, checks: [{schema: {k: text, v: "decimal(8,2)", day: date}}]}
              made: {type: command, output: made, run: 'cp src.csv "$CAUDAL_OUTPUT"', foreach: {k: {sql: "select distinct k from part"}}}
              never: {type: process, input: made, output: never}
            """)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("last.csv") == "k,v,day\na,1.00,2024-01-01\n")
        // The files of the day before lie there, and are not read.
        for options in [[], ["--reuse"]] {
            let run = try await project.caudal(["run", "p.yaml", "--plain", "--param", "which=b"] + options)
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("named.csv") == "k,v,day,name\n")
            #expect(try project.read("lookedUp.csv") == "k,name,v\na,A,\n")
            #expect(try project.read("counted.csv") == "k,v,day\n")
            #expect(try project.read("last.csv") == "k,v,day\n")
            #expect(
                run.output.contains("'made' had no items, and the columns of 'made' cannot be known without one"),
                "\(run)")
        }
    }
}
