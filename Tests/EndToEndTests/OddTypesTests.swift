import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Values of types that files and queries do not share: none of their rows is lost, doubled or rounded without a word.
@Suite("Odd types", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct OddTypesTests {
    private func project(_ file: String, making script: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        _ = try await project.query(script)
        try project.write("p.yaml", "version: 1\nname: p\n" + file)
        return project
    }

    private func run(_ project: CaudalProject, status: Int32 = 0) async throws -> CaudalProject.Answer {
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == status, "\(ran)")
        return ran
    }

    @Test("Whole numbers of files have 64 bits in expressions, however few the file gives them")
    func smallIntegers() async throws {
        let project = try await project(
            """
            datasets: {i: {path: in.parquet}, q: {path: q.parquet}, o: {path: o.csv}, r: {path: r.csv}}
            stages:
              o:
                type: process
                input: i
                output: o
                steps:
                  - filter: -b < 0 and -a = -5
                  - derive: {na: -a, nc: -c, d: a - e, p: f * f, m: g * 1000, x: abs(h), y: '-coalesce(a, 1)', z: 'e % 200 * a'}
                  - select: [na, nc, d, p, m, x, y, z]
              q: {type: sql, inputs: i, output: q, query: select * from i}
              r: {type: process, input: q, output: r, steps: [{derive: {na: -a, p: f * f}}, {select: [na, p]}]}
            """,
            making: """
                COPY (SELECT 5::UTINYINT AS a, 5::UINTEGER AS b, 5::USMALLINT AS c, 250::UTINYINT AS e, 2147483647::INTEGER AS f,
                  100::SMALLINT AS g, (-128)::TINYINT AS h) TO 'in.parquet'
                """)
        _ = try await run(project)
        #expect(
            try project.read("o.csv")
                == "na,nc,d,p,m,x,y,z\n-5,-5,-245,4611686014132420609,100000,128,-5,250\n")
        #expect(try project.read("r.csv") == "na,p\n-5,4611686014132420609\n")
    }

    @Test("Floating point of 32 bits in a list or an object has the digits that people see in JSON, as in CSV")
    func singlesInside() async throws {
        let project = try await project(
            """
            datasets: {i: {path: in.parquet}, o: {path: o.jsonl}}
            stages: {o: {type: process, input: i, output: o}}
            """,
            making: "COPY (SELECT [0.1::FLOAT, NULL] AS l, {'f': 0.1::FLOAT, 't': 'x'} AS s) TO 'in.parquet'")
        _ = try await run(project)
        #expect(try project.read("o.jsonl") == #"{"l":[0.1,null],"s":{"f":0.1,"t":"x"}}"# + "\n")
    }

    @Test(
        "Bytes and decimals that go from stage to stage as JSON come back as they were, or fail the stage that reads them",
        arguments: ["json", "jsonl"])
    func handedOverAsJSON(format: String) async throws {
        let project = try await project(
            """
            datasets:
              i: {path: in.parquet}
              h: {path: h.\(format)}
              o: {path: o.parquet}
              long: {path: long.parquet}
              k: {path: k.\(format)}
              n: {path: n.\(format)}
              m: {path: m.parquet}
            stages:
              h: {type: process, input: i, output: h}
              o: {type: process, input: h, output: o}
              long: {type: sql, output: long, query: "select 1234567890123456.78::decimal(18,2) as d, {'b': 'x'::blob, 'd': '1234567890123456.7'::decimal(18,1)} as l"}
              k: {type: process, input: long, output: k, steps: [{drop: [l]}]}
              n: {type: process, input: long, output: n, steps: [{drop: [d]}]}
              readsK: {type: check, input: k, checks: [{not_null: d}]}
              readsN: {type: process, input: n, output: m}
            """,
            making: """
                COPY (SELECT '\\x00\\xAAb\\x5C'::BLOB AS b, ['\\xFF'::BLOB] AS l, {'b': '\\x5C'::BLOB, 't': '1234567890123456.7'} AS s,
                  -1234567890123.45::DECIMAL(38,2) AS d, [0.000123::DECIMAL(38,6)] AS e,
                  12345678901234567890123::DECIMAL(38,0) AS w) TO 'in.parquet'
                """)
        let ran = try await run(project, status: 1)
        #expect(
            try await project.query("SELECT count(*) AS n FROM (FROM 'o.parquet' INTERSECT FROM 'in.parquet')")
                == ["1"])
        for (stage, column) in [("readsK", "'d' of 'k'"), ("readsN", "'l' of 'n'")] {
            #expect(ran.output.contains("column \(column) has a number of more than 15 digits"), "\(stage): \(ran)")
        }
    }

    @Test("Decimals without places before the point are numbers in JSON")
    func decimalsBelowOne() async throws {
        let project = try await project(
            """
            datasets: {i: {path: in.parquet}, o: {path: o.jsonl}}
            stages: {o: {type: process, input: i, output: o}}
            """,
            making: """
                COPY (SELECT unnest([0.123456789012345678, -0.07, NULL])::DECIMAL(18,18) AS a, 0.5::DECIMAL(38,38) AS b, [0.5::DECIMAL(16,16)] AS c) TO 'in.parquet'
                """)
        _ = try await run(project)
        let b = "0.5" + String(repeating: "0", count: 36)
        #expect(
            try project.read("o.jsonl")
                == [
                    "0.123456789012345678", "-0.070000000000000000", "null",
                ].map { "{\"a\":\($0),\"b\":\(b),\"c\":[0.5000000000000000]}\n" }.joined())
    }

    @Test("Numbers of 32 bits mean what people see of them: in items, lookups, maps, checks and watermarks")
    func singles() async throws {
        let project = try await project(
            """
            datasets:
              src: {path: src.parquet}
              l: {path: l.csv}
              dst: {path: "o/${item.g}.parquet"}
              m: {path: m.csv}
              e: {path: e.csv}
              w: {path: w.parquet}
              q: {path: q.parquet}
            stages:
              fan: {type: process, input: src, output: dst, foreach: {g: {sql: select distinct g from src}}}
              map: {type: process, input: src, output: m, steps: [{map_values: {column: g, values: {0.1: 99}}}]}
              enr: {type: enrich, input: src, output: e, lookups: [{dataset: l, on: g, add: [nm]}]}
              chk: {type: check, input: src, checks: [{accepted_values: g, in: [0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1,1.1]}]}
              add: {type: process, input: src, output: w, mode: append, watermark: g}
              ask: {type: sql, output: q, query: "select g::float as g from src"}
            """,
            making: "copy (select i::int id, (i%12/10.0)::float g from range(120) t(i)) to 'src.parquet'")
        try project.write("l.csv", "g,nm\n0.1,one\n0.2,two\n")
        let ran = try await run(project)
        #expect(ran.output.contains("fan  succeeded") && !ran.output.contains("of no item"), "\(ran)")
        #expect(try await project.query("select count(*), count(distinct id) from 'o/*.parquet'") == ["120|120"])
        #expect(try project.read("m.csv").split(separator: "\n").count { $0.hasSuffix(",99.0") } == 10)
        #expect(try project.read("e.csv").split(separator: "\n").count { $0.hasSuffix(",one") } == 10)
        #expect(try await project.query("select count(*) from 'q.parquet' where g = 0.1::double") == ["10"])
        _ = try await run(project)
        #expect(try await project.query("select count(*) from 'w.parquet'") == ["120"])
    }

    @Test("Rows whose values do not come back from their texts fail the fan-out over their own column")
    func strayRows() async throws {
        let project = try await project(
            """
            datasets: {src: {path: src.parquet}, dst: {path: "o/${item.g}.csv"}}
            stages:
              fan: {type: process, input: src, output: dst, foreach: {g: {sql: select distinct g from src}}}
            """,
            making: "copy (select i id, {'a': ['x', 'null, ''y'''][i % 2 + 1]} g from range(10) t(i)) to 'src.parquet'")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        let rows = try await project.query(
            "select count(*) from (select 0 id where false union by name from read_csv('o/*.csv'))")
        #expect(ran.status != 0 || rows == ["10"], "\(ran)")
    }

    @Test("Whole numbers of 128 bits in a file of DuckDB stay whole, or fail the stage")
    func huge() async throws {
        let project = try await project(
            """
            connections: {db: {type: duckdb, path: x.duckdb}}
            datasets: {src: {connection: db, table: t}, big: {connection: db, table: big}, o: {path: o.csv}, o2: {path: o2.csv}}
            stages:
              a: {type: process, input: src, output: o}
              b: {type: process, input: big, output: o2}
            """,
            making: """
                attach 'x.duckdb' as x; use x;
                create table t as select 1 id, 9007199254740993::hugeint total, 18446744073709551615::ubigint wide, 0.1::float f;
                create table big as select 12345678901234567890123::hugeint n
                """)
        let ran = try await run(project, status: 1)
        #expect(try project.read("o.csv") == "id,total,wide,f\n1,9007199254740993,18446744073709551615,0.1\n")
        #expect(ran.output.contains("12345678901234567890123, which does not fit 64 bits"), "\(ran)")
        #expect(project.text("o2.csv") == nil)
    }

    @Test("An interval that Parquet would cut fails the stage, and others are compared as they are kept")
    func intervals() async throws {
        let project = try await project(
            """
            datasets: {src: {path: src.parquet}, a: {path: a.parquet}, h: {path: h.parquet}, t: {path: t.parquet}}
            stages:
              add: {type: sql, output: a, query: "select id, shipped, shipped - ordered as lead from src", mode: append, watermark: shipped}
              hist: {type: sql, output: h, query: "select id, shipped - ordered as lead from src", mode: snapshot, key: id}
              time: {type: sql, output: t, query: "select id, shipped, '10:00:00.000123+02'::timetz as t from src", mode: append, watermark: shipped}
            """,
            making: """
                copy (select 1 id, timestamp '2026-01-01 10:00:00.123' ordered, timestamp '2026-01-01 12:00:00' shipped)
                to 'src.parquet'
                """)
        for _ in 1...2 { _ = try await run(project) }
        #expect(try await project.query("select count(*), min(lead) from 'a.parquet'") == ["1|01:59:59.877"])
        #expect(try await project.query("select count(*) from 'h.parquet'") == ["1"])
        #expect(try await project.query("select count(*), min(t) from 't.parquet'") == ["1|10:00:00.000123+02"])
        _ = try await project.query(
            """
            copy (select 1 id, timestamp '2026-01-01 10:00:00.000123' ordered, timestamp '2026-01-02 12:00:00' shipped)
            to 'src.parquet'
            """)
        let cut = try await run(project, status: 1)
        #expect(cut.output.contains("Parquet keeps only its milliseconds"), "\(cut)")
        #expect(try await project.query("select count(*) from 'a.parquet'") == ["1"])
    }

    @Test("A number that floating point does not hold is none in a cast, and equals no other in a lookup")
    func largeNumbers() async throws {
        let project = try await project(
            """
            datasets: {src: {path: src.parquet}, l: {path: l.parquet}, e: {path: e.csv}, t: {path: t.csv}, i: {path: i.csv}}
            stages:
              e: {type: enrich, input: src, output: e, lookups: [{dataset: l, on: k, add: [word]}]}
              t: {type: process, input: src, output: t, steps: [{cast: {text: number}}]}
              i: {type: process, input: src, output: i, steps: [{cast: {k: number}}]}
            """,
            making: """
                copy (select unnest([9007199254740993, 7]) k, unnest(['1e400', '-inf']) as text) to 'src.parquet';
                copy (select unnest([9007199254740992.0, 7.0, 7.5]::double[]) k, unnest(['other', 'seven', 'none']) word) to 'l.parquet'
                """)
        let ran = try await run(project, status: 1)
        #expect(try project.read("e.csv") == "k,text,word\n9007199254740993,1e400,\n7,-inf,seven\n")
        #expect(ran.output.contains("column 'text' has the value '1e400', which does not fit number"), "\(ran)")
        #expect(ran.output.contains("column 'k' has the value '9007199254740993', which does not fit number"), "\(ran)")
    }

    @Test("What is no whole number equals none without a sign either", arguments: ["ubigint", "bigint", "uinteger"])
    func unsignedKeys(type: String) async throws {
        let project = try await project(
            """
            datasets: {t: {path: t.csv}, l: {path: l.parquet}, o: {path: o.csv}}
            stages:
              o: {type: enrich, input: t, output: o, lookups: [{dataset: l, on: id, add: [word]}]}
              k: {type: check, input: t, checks: [{foreign_key: id, dataset: l, severity: warn}]}
            """,
            making: """
                copy (select unnest([7, 10])::\(type) id, unnest(['seven', 'ten']) word) to 'l.parquet'
                """)
        try project.write("t.csv", "id\n7\n7.4\n6.6\n0x7\n1_0\n010\n")
        _ = try await run(project)
        #expect(try project.read("o.csv") == "id,word\n7,seven\n7.4,\n6.6,\n0x7,\n1_0,\n010,ten\n")
        let checks = try await project.caudal("checks", "last")
        #expect(checks.output.contains("4 rows without a counterpart"), "\(checks)")
    }

    @Test("A time of day is no date: a text that has one is not looked up without it")
    func timesBesideDates() async throws {
        let project = try await project(
            """
            datasets: {t: {path: t.csv}, l: {path: l.parquet}, o: {path: o.csv}}
            stages: {o: {type: enrich, input: t, output: o, lookups: [{dataset: l, on: d, add: [word]}]}}
            """,
            making: "copy (select date '2026-01-05' d, 'holiday' word) to 'l.parquet'")
        try project.write("t.csv", "d\n2026-01-05\n2026-01-05T10:00:00\n2026-01-05 00:00:00\nx\n")
        _ = try await run(project)
        #expect(
            try project.read("o.csv")
                == "d,word\n2026-01-05,holiday\n2026-01-05T10:00:00,\n2026-01-05 00:00:00,holiday\nx,\n")
    }

    @Test("A rule of a schema holds for what the values of a Parquet file are, and NaN is above no bound")
    func rulesOfTypedColumns() async throws {
        let project = try await project(
            """
            datasets:
              i: {path: in.parquet, schema: s.json}
              o: {path: o.csv}
              q: {path: q.csv}
            stages: {v: {type: validate, input: i, output: o, quarantine: q.csv, max_invalid: 100%}}
            """,
            making: """
                copy (select unnest(range(6)) id, unnest([1, 2, 1, 1, 1, 1]) n, unnest([true, true, false, true, true, true]) b,
                    unnest(['1', '1', '1', 'nan', 'inf', '-1']::double[]) f,
                    unnest(['1', '1', '1', '1', '1', '1']) t) to 'in.parquet'
                """)
        try project.write(
            "s.json",
            #"{"properties": {"n": {"enum": [1, "2"]}, "b": {"enum": [true, 0]}, "f": {"minimum": 0}, "t": {"enum": ["1"]}}}"#
        )
        _ = try await run(project)
        #expect(try await project.query("select id from 'o.csv'") == ["0"])
        #expect(
            try await project.query("select row, rule from 'q.csv' order by 1") == [
                "2|enum: 1, 2", "3|enum: true, 0", "4|minimum: 0", "5|minimum: 0", "6|minimum: 0",
            ])
    }

    @Test("A UUID tells what is new")
    func uuids() async throws {
        let project = try await project(
            """
            datasets: {src: {path: src.parquet}, dst: {path: dst.parquet}}
            stages: {add: {type: process, input: src, output: dst, mode: append, watermark: u}}
            """,
            making:
                "copy (select i id, ('0190a000-0000-7000-8000-00000000000'||i)::uuid u from range(5) t(i)) to 'src.parquet'"
        )
        for _ in 1...2 { _ = try await run(project) }
        #expect(try await project.query("select count(*) from 'dst.parquet'") == ["5"])
    }

    @Test(
        "A fan-out by several columns finds the duplicates that a key has in several items",
        arguments: ["[order, day]", "[order]", "[region, order]"])
    func sharedDuplicates(key: String) async throws {
        func rows(_ fan: String, _ path: String) async throws -> [String] {
            let project = try CaudalProject(copying: [])
            try project.write(
                "src.csv",
                "id,region,day,order\n1,north,mon,A\n2,south,mon,A\n3,north,mon,A\n4,south,tue,A\n5,north,tue,A\n6,west ,mon,B\n7,west,mon,B\n"
            )
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {src: {path: src.csv}, dst: {path: "\(path)"}, all: {path: all.csv}}
                stages:
                  s: {type: process, input: src, output: dst, steps: [{trim: [region]}, {deduplicate: {by: \(key)}}]\(fan)}
                  t: {type: sql, output: all, query: "select id from dst order by id"}
                """)
            _ = try await run(project)
            return try project.read("all.csv").split(separator: "\n").map(String.init)
        }
        let whole = try await rows("", "one.csv")
        let regions = "[north, south, west, 'west ']"
        #expect(try await rows(", foreach: {region: \(regions)}", "o/${item.region}.csv") == whole)
        #expect(
            try await rows(", foreach: {region: \(regions), day: [mon, tue]}", "o/${item.region}-${item.day}.csv")
                == whole)
    }

    @Test("A sign of a pattern is one character, whatever its bytes")
    func patterns() async throws {
        let project = try CaudalProject(copying: [])
        for (index, name) in ["x_a", "x_ä", "x_日", "x_🌊"].enumerated() {
            try project.write("\(name).csv", "id\n\(index)\n")
        }
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: "x_?.csv"}, s2: {path: "x_[!0-9].csv"}, s3: {path: "x_[äö].csv"}, o: {path: o.csv}, o2: {path: o2.csv}, o3: {path: o3.csv}}
            stages:
              a: {type: process, input: src, output: o}
              b: {type: process, input: s2, output: o2}
              c: {type: process, input: s3, output: o3}
            """)
        _ = try await run(project)
        #expect(try project.read("o.csv").split(separator: "\n").count == 5)
        #expect(try project.read("o2.csv").split(separator: "\n").count == 5)
        #expect(try project.read("o3.csv") == "id\n1\n")
    }

    @Test("Runs that begin in one second each add their version to a history")
    func sameSecond() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv}, h: {path: h.parquet}}
            stages: {h: {type: process, input: src, output: h, mode: snapshot, key: id}}
            """)
        for value in 1...4 {
            try project.write("src.csv", "id,v\n1,\(value)\n")
            _ = try await run(project)
        }
        #expect(try await project.query("select v from 'h.parquet' order by valid_from") == ["1", "2", "3", "4"])
    }

    @Test(
        "A file that is replaced between two items fails the others, wherever it lies",
        arguments: ["", "/good", "/weak"])
    func replaced(way: String) async throws {
        let project = try CaudalProject(copying: [])
        func text(_ shift: Int) -> String {
            "id,g\n" + (0..<60).map { "\($0),\(($0 + shift) % 6)\n" }.joined()
        }
        let server = try await FileServer()
        let place = way.isEmpty ? project.folder.path("src.csv") : server.folder.path("src.csv")
        try FileText.write(text(0), to: place)
        let path = way.isEmpty ? "src.csv" : server.address + way + "/src.csv"
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: "\(path)"}, dst: {path: "o/${item.g}.csv"}}
            stages:
              s: {type: process, input: src, output: dst, foreach: {g: ['0','1','2','3','4','5'], max_parallel: 1}}
            """)
        let started = try await project.start("run", "p.yaml", "--plain")
        var lines: [String] = []
        for await line in started.lines {
            lines.append(line)
            if line.contains("s[2]  succeeded") {
                try FileText.write(text(1), to: place + ".next")
                rename(place + ".next", place)
            }
        }
        let told = lines.joined(separator: "\n")
        #expect(told.contains("s[2]  succeeded") && told.contains("src.csv was changed"), "\(told)")
        #expect(told.contains("s  FAILED"), "\(told)")
    }

    @Test("UTF-16 without a mark is read in its own order of bytes, and what is none is refused")
    func unmarked() async throws {
        let project = try CaudalProject(copying: [])
        let text = "id,p\n1,ab\n2,日本\n"
        try Data(text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }).write(
            to: URL(fileURLWithPath: project.folder.path("big.csv")))
        try Data(text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }).write(
            to: URL(fileURLWithPath: project.folder.path("little.csv")))
        try project.write("plain.csv", text)
        for name in ["big", "little", "plain"] {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {src: {path: \(name).csv, csv: {encoding: utf-16}}, o: {path: o-\(name).csv}}
                stages: {a: {type: process, input: src, output: o}}
                """)
            let ran = try await run(project, status: name == "plain" ? 1 : 0)
            #expect(project.text("o-\(name).csv") == (name == "plain" ? nil : text), "\(ran)")
        }
    }

    @Test("Shift-JIS has the ASCII signs as they are, and the characters of Windows")
    func shiftJIS() async throws {
        let project = try CaudalProject(copying: [])
        let bytes: [UInt8] = Array("id,path\n1,C:\\x~1 ".utf8) + [0x87, 0x40, 0x87, 0x8A, 0xFB, 0xFC, 0x0A]
        try Data(bytes).write(to: URL(fileURLWithPath: project.folder.path("src.csv")))
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv, csv: {encoding: shift_jis}}, o: {path: o.csv}}
            stages: {a: {type: process, input: src, output: o}}
            """)
        _ = try await run(project)
        #expect(try project.read("o.csv") == "id,path\n1,C:\\x~1 ①㈱髙\n")
    }

    @Test("Items without new rows stay part of what a fan-out that appends has made")
    func itemsOfBefore() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: src.csv}, t: {path: t.parquet}, it: {path: "it/${item.g}.parquet"}, tot: {path: tot.csv}}
            stages:
              a: {type: process, input: src, output: t, steps: [{cast: {seen: date}}]}
              add: {type: process, input: t, output: it, foreach: {g: {sql: select distinct g from t}}, mode: append, watermark: seen}
              tot: {type: sql, output: tot, query: "select g, count(*) n from it group by g order by g"}
            """)
        try project.write("src.csv", "g,seen,x\na,2026-01-01,1\nb,2026-01-01,2\n")
        _ = try await run(project)
        try project.write("src.csv", "g,seen,x\na,2026-01-02,3\n")
        _ = try await run(project)
        #expect(try project.read("tot.csv") == "g,n\na,2\nb,1\n")
    }

    @Test("A secret in an address is in no quarantine file, and validate warns of it")
    func secretAddress() async throws {
        let server = try await FileServer()
        try FileText.write("id,v\n1,a\nx,b\n", to: server.folder.path("bad.csv"))
        let project = try CaudalProject(copying: [], variables: ["MY_TOKEN": "Geheim12345"])
        try project.write("s.json", #"{"type":"object","properties":{"id":{"type":"integer"}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {src: {path: "\(server.address)/good/bad.csv?token=${env.MY_TOKEN}", schema: s.json}, dst: {path: dst.csv}}
            stages: {v: {type: validate, input: src, output: dst}}
            """)
        let valid = try await project.caudal("validate", "p.yaml")
        #expect(valid.errors.contains("'MY_TOKEN' is a secret by its name"), "\(valid)")
        let ran = try await run(project)
        let kept = try FileManager.default.subpathsOfDirectory(atPath: project.folder.path).filter {
            project.text($0)?.contains("Geheim12345") == true
        }
        #expect(kept.isEmpty, "\(kept) \(ran)")
    }

    @Test("No file has the password of a request while it lasts, so that none is left by a kill")
    func passwordOfARequest() async throws {
        let project = try CaudalProject(copying: [], variables: ["PW": "Geheim-Bearer-998877"])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {w: {type: http, endpoint: "http://127.0.0.1:1", password: "${env.PW}"}}
            datasets: {src: {connection: w, table: slow.csv}, o: {path: o.csv}}
            stages: {s1: {type: process, input: src, output: o}}
            """)
        let started = try await project.start("run", "p.yaml", "--plain")
        // It tries again for a while, since nobody listens there.
        _ = await started.says("s1  started")
        await started.killHard()
        let names = try FileManager.default.subpathsOfDirectory(atPath: project.folder.path)
        #expect(!names.contains { $0.contains(".request-") })
        #expect(!names.contains { project.text($0)?.contains("Geheim-Bearer") == true })
    }
}
