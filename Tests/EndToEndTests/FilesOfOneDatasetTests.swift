import CaudalModel
import Engine
import TestSupport
import Testing

/// Several files of one dataset, and the same dataset on another day.
@Suite("Files of one dataset", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct FilesOfOneDatasetTests {
    /// A project that reads `d/*.ENDING` into `o.csv`.
    private func project(_ ending: String, dataset: String = "", steps: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("d/.keep", "")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: "d/*.\(ending)"\(dataset)}, o: {path: o.csv}}
            stages: {t: {type: process, input: in, output: o\(steps)}}
            """)
        return project
    }

    private func write(_ project: CaudalProject, _ queries: [String]) async throws {
        for (index, query) in queries.enumerated() {
            _ = try await project.query("COPY (\(query)) TO 'd/\(index).parquet' (FORMAT parquet)")
        }
    }

    @Test(
        "Parquet files are united by name, with types that hold every value",
        arguments: [
            (["SELECT 'x' AS id, 1 AS n", "SELECT 'y' AS id, 6.5::DOUBLE AS n"], "id,n\nx,1.0\ny,6.5\n"),
            (["SELECT 'x' AS id", "SELECT 6 AS n, 'y' AS id"], "id,n\nx,\ny,6\n"),
            (
                ["SELECT 'x' AS id, 1.25::DECIMAL(5,2) AS n", "SELECT 'y' AS id, 1.255::DECIMAL(8,3) AS n"],
                "id,n\nx,1.250\ny,1.255\n"
            ),
            (
                ["SELECT DATE '2024-01-01' AS t", "SELECT TIMESTAMP '2024-01-02 10:00' AS t"],
                "t\n2024-01-01T00:00:00\n2024-01-02T10:00:00\n"
            ),
            (["SELECT 1::TINYINT AS n", "SELECT 9007199254740993 AS n"], "n\n1\n9007199254740993\n"),
            (["SELECT 1::BIGINT AS n", "SELECT 0.5::DOUBLE AS n"], "n\n1.0\n0.5\n"),
            (["SELECT 16777217 AS n", "SELECT 0.5::FLOAT AS n"], "n\n16777217.0\n0.5\n"),
            (["SELECT 1152921504606846976 AS n", "SELECT 0.5::DOUBLE AS n"], "n\n1.152921504606847e+18\n0.5\n"),
            (["SELECT 18446744073709551615::UBIGINT AS n", "SELECT -1 AS n"], "n\n18446744073709551615\n-1\n"),
            (["SELECT 'x' AS id, NULL AS n", "SELECT 'y' AS id, 'text' AS n"], "id,n\nx,\ny,text\n"),
            (
                ["SELECT NULL::BOOLEAN AS n, 1 AS id", "SELECT DATE '2024-01-02' AS n, 2 AS id"],
                "n,id\n,1\n2024-01-02,2\n"
            ),
            (["SELECT 'none' AS n WHERE FALSE", "SELECT 5 AS n", "SELECT NULL AS n"], "n\n5\n\n"),
            (["SELECT []::INTEGER[] AS n", "SELECT [9007199254740993] AS n"], "n\n[]\n[9007199254740993]\n"),
            (
                [
                    "SELECT TIMESTAMP_S '1000-01-01 00:00:01' AS t",
                    "SELECT TIMESTAMP_NS '2024-01-02 10:00:00.000001' AS t",
                ],
                "t\n1000-01-01T00:00:01\n2024-01-02T10:00:00.000001\n"
            ),
        ])
    func parquet(_ queries: [String], _ expected: String) async throws {
        let project = try project("parquet")
        try await write(project, queries)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == expected)
    }

    @Test(
        "Types that nothing holds are refused with the file, the column and both types",
        arguments: [
            (
                ["SELECT TRUE AS n", "SELECT 5 AS n"],
                "column 'n' of d/1.parquet is integer, and of d/0.parquet it is boolean"
            ),
            (
                ["SELECT 1 AS n", "SELECT 'a' AS n"],
                "column 'n' of d/1.parquet is text, and of d/0.parquet it is integer"
            ),
            (
                ["SELECT 9007199254740993 AS n", "SELECT 0.5::DOUBLE AS n"],
                "column 'n' is a whole number in d/0.parquet"
            ),
            (
                ["SELECT 0.5::FLOAT AS n", "SELECT 9007199254740993 AS n"],
                "column 'n' is a whole number in d/1.parquet"
            ),
        ])
    func refusedTypes(_ queries: [String], _ message: String) async throws {
        let project = try project("parquet")
        try await write(project, queries)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains(message), "\(run)")
    }

    @Test(
        "Files that have no column in common, and names that differ in blanks alone, are refused",
        arguments: [
            (["id,n\n1,x\n", "id;n\n2;y\n"], "d/1.csv has none of the columns of d/0.csv"),
            (["id,n\n1,x\n", "id, n\n2,y\n"], "' n' is called otherwise in another file"),
        ])
    func nothingInCommon(texts: [String], words: String) async throws {
        let project = try project("csv")
        for (index, text) in texts.enumerated() { try project.write("d/\(index).csv", text) }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status != 0 && "\(run)".contains(words), "\(run)")
    }

    @Test("A file may have columns whose names differ in blanks alone, if the others call them the same")
    func blanksInNames() async throws {
        let project = try project("csv")
        try project.write("d/0.csv", "n,id,n \n1,x,2\n")
        try project.write("d/1.csv", "id,n ,n\ny,4,3\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.csv") == "n,id,n \n1,x,2\n3,y,4\n")
    }

    @Test("Times to the nanosecond are read to the microsecond, which is told, also beside times of other kinds")
    func nanoseconds() async throws {
        let project = try project("parquet")
        let told = "column 't' has times to the nanosecond in d/1.parquet, which are read to the microsecond"
        for value in ["10:00:00.000000001", "10:00:00.5"] {
            try await write(
                project,
                [
                    "SELECT TIMESTAMP_S '1000-01-01 00:00:01' AS t", "SELECT TIMESTAMP_NS '2024-01-02 \(value)' AS t",
                    "SELECT DATE '2024-01-03' AS t",
                ])
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0) && run.output.contains(told) == value.hasSuffix("1"), "\(run)")
            let time = value.hasSuffix("1") ? "10:00:00" : "10:00:00.500000"
            #expect(try project.read("o.csv") == "t\n1000-01-01T00:00:01\n2024-01-02T\(time)\n2024-01-03T00:00:00\n")
        }
    }

    @Test("A validate stage tells the file and the row where files of other types are one dataset")
    func validated() async throws {
        let project = try project("parquet")
        try project.write("s.json", #"{"properties": {"id": {"type": "integer", "maximum": 5}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: "d/*.parquet", schema: s.json}, o: {path: o.csv}}
            stages: {t: {type: validate, input: in, output: o, quarantine: q.csv}}
            """)
        try await write(
            project,
            ["SELECT 1 AS id, NULL AS n", "SELECT 2 AS id, 'x' AS n", "SELECT unnest([3, 9]) AS id, 'y' AS n"])
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "id,n\n1,\n2,x\n3,y\n")
        #expect(try await project.query("SELECT file, row, value FROM 'q.csv'") == ["d/2.parquet|2|9"])
    }

    @Test("CSV files are united by name, in whatever order their columns stand, and the difference is told")
    func csv() async throws {
        let project = try project("csv")
        try project.write("d/a.csv", "id,x\n1,a\n")
        try project.write("d/b.csv", "x;id\n\"b;\n\";2\n".replacing(";", with: ","))
        try project.write("d/c.csv", "id,y\n3,c\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(try project.read("o.csv") == "id,x,y\n1,a,\n2,\"b,\n\",\n3,,c\n")
        let log = try await project.caudal("logs", "--level", "warning").output
        #expect(log.contains("d/c.csv has column 'y' and has no column 'x', unlike d/a.csv"), "\(log)")
        #expect(!log.contains("d/b.csv"))
    }

    @Test("A row that does not fit its own file's columns does not become one of the union", arguments: ["3,c,d", "3"])
    func tornRow(_ row: String) async throws {
        let project = try project("csv")
        try project.write("d/a.csv", "id,x,z\n1,a,b\n")
        try project.write("d/b.csv", "x,id\nb,2\n\(row)\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("line 3 of b.csv cannot be read"), "\(run)")
    }

    @Test("A column that a file lacks has no value, whatever stands for none")
    func lacking() async throws {
        let project = try project("csv", dataset: ", csv: {\"null\": [\"-\"]}")
        try project.write("d/a.csv", "a,b\n1,\n")
        try project.write("d/b.csv", "a,b,c\n3,-,5\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("o.csv") == "a,b,c\n1,\"\",\n3,,5\n")
    }

    @Test("JSON files without a key in common are no dataset, and a key that a file lacks is told")
    func keys() async throws {
        let project = try project("jsonl")
        try project.write("d/a.jsonl", "{\"a\":1}\n{\"a\":2,\"b\":3}\n")
        try project.write("d/b.jsonl", "{\"a\":3}\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0 && run.output.contains("d/b.jsonl has no column 'b', unlike d/a.jsonl"), "\(run)")
        try project.write("d/c.jsonl", "{\"c\":3}\n")
        let other = try await project.caudal("run", "p.yaml", "--plain")
        #expect(other.status == 1 && "\(other)".contains("d/c.jsonl has none of the columns of d/a.jsonl"), "\(other)")
    }

    @Test("Files must have the same columns where the dataset says so", arguments: ["csv", "parquet", "jsonl"])
    func same(_ ending: String) async throws {
        let project = try project(ending, dataset: ", columns: same")
        if ending == "csv" {
            try project.write("d/0.csv", "id,x\n1,a\n")
            try project.write("d/1.csv", "id\n2\n")
        } else if ending == "jsonl" {
            try project.write("d/0.jsonl", "{\"id\":1,\"x\":2}\n")
            try project.write("d/1.jsonl", "{\"id\":2}\n")
        } else {
            try await write(project, ["SELECT 1 AS id, 'a' AS x", "SELECT 2 AS id"])
        }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("d/1.\(ending) has no column 'x', unlike d/0.\(ending)"), "\(run)")
    }

    @Test("Points in time with a zone become UTC, also in Parquet and JSON")
    func zones() async throws {
        let project = try project("parquet")
        try await write(project, ["SELECT TIMESTAMPTZ '2024-01-05 23:30:00-08' AS t"])
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("o.csv") == "t\n2024-01-06T07:30:00Z\n")
        let other = try self.project("jsonl")
        try other.write("d/a.jsonl", "{\"t\":\"2024-01-05T23:30:00-08:00\",\"n\":9007199254740993}\n{\"n\":1.5}\n")
        #expect(try await other.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try other.read("o.csv") == "t,n\n2024-01-06T07:30:00Z,9007199254740993\n,1.5\n")
    }

    // MARK: - Days

    private static let days = [
        ("id,quantity\n1,2\n", "'quantity' is new, 'qty' is gone"), ("id\n1\n", "'qty' is gone"),
        ("id,qty,more\n1,2,3\n", "'more' is new"),
    ]

    @Test("Columns that are not those of the last success are told once", arguments: days)
    func drift(_ text: String, _ difference: String) async throws {
        let project = try project("csv")
        try project.write("d/a.csv", "id,qty\n1,2\n")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await project.caudal("logs", "--level", "warning").output.isEmpty)
        try project.write("d/a.csv", text)
        let second = try await project.caudal("run", "p.yaml", "--plain")
        #expect(second.exit == .exited(0), "\(second)")
        let log = try await project.caudal("logs", "--level", "warning").output
        #expect(log.contains("the columns of 'in' are not those of run") && log.contains(difference), "\(log)")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await project.caudal("logs", "--level", "warning").output.isEmpty)
    }

    @Test("A dataset may refuse other columns, or take them without a word", arguments: ["fail", "ignore"])
    func driftRules(_ rule: String) async throws {
        let project = try project("csv", dataset: ", on_drift: \(rule)")
        try project.write("d/a.csv", "id,qty\n1,2\n")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        try project.write("d/a.csv", "qty,id\n2,1\n")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        try project.write("d/a.csv", "id\n1\n")
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(rule == "fail" ? 1 : 0), "\(run)")
            #expect(run.output.contains("'qty' is gone") == (rule == "fail"), "\(run)")
        }
    }
}

/// A day on which a column has no value at all says nothing of its type.
@Suite("Columns without a value and drift", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct EmptyColumnDriftTests {
    @Test(
        "A column that is null all day has no other type",
        arguments: [
            ("json", "[{\"id\":1,\"n\":2,\"d\":\"2026-01-02\"}]", "[{\"id\":2,\"n\":null,\"d\":null}]"),
            ("jsonl", "{\"id\":1,\"n\":2,\"d\":true}\n", "{\"id\":2,\"n\":null,\"d\":null}\n{\"id\":3,\"n\":null}\n"),
        ])
    func json(_ format: String, _ full: String, _ empty: String) async throws {
        let project = try project(format)
        for text in [empty, full, empty, full] {
            try project.write("in.\(format)", text)
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
        }
        // The type of the day before the empty one is still known.
        try project.write("in.\(format)", empty)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        try project.write(
            "in.\(format)", full.replacing("\"n\":2", with: "\"n\":\"x\",\"e\":2").replacing(",\"e\":2", with: ""))
        let changed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(changed.output.contains("'n' is text and was number"), "\(changed)")
    }

    @Test("Lists and objects that are empty all day have no other type")
    func nested() async throws {
        let project = try project("jsonl")
        for text in [
            #"{"id":1,"l":[1],"o":{"a":[1.5],"b c":"x"}}"#, #"{"id":1,"l":[],"o":{"a":[],"b c":null}}"#,
            #"{"id":1,"l":[2.5],"o":{"b c":"y","a":[3]}}"#,
        ] {
            try project.write("in.jsonl", text + "\n")
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
        }
        try project.write("in.jsonl", #"{"id":1,"l":["x"],"o":{"a":[1.5],"b c":"x"}}"# + "\n")
        let changed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(changed.output.contains("'l' is VARCHAR[] and was DOUBLE[]"), "\(changed)")
    }

    @Test("A column of Parquet without a value, or of a file without rows, has no other type")
    func parquet() async throws {
        let project = try project("parquet")
        for select in [
            "1 AS id, 'x' AS t, [1] AS l", "1 AS id, CAST(NULL AS INTEGER) AS t, CAST(NULL AS VARCHAR) AS l",
            "1 AS id, 'y' AS t, [2] AS l",
            "1 AS id, 2 AS t, 3 AS l WHERE FALSE", "2 AS id, 'z' AS t, [3] AS l",
        ] {
            _ = try await project.query("COPY (SELECT \(select)) TO 'in.parquet'")
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
        }
        _ = try await project.query("COPY (SELECT 2 AS id, 3 AS t, [3] AS l) TO 'in.parquet'")
        let changed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(changed.output.contains("'t' is integer and was text"), "\(changed)")
    }

    private func project(_ format: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {in: {path: in.\(format), on_drift: fail}, o: {path: o.csv}}
            stages: {t: {type: sql, output: o, query: select id from "in"}}
            """)
        return project
    }
}

/// A folder that a command makes, and a stage that reads what is in it.
@Suite("Folders as inputs", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct FolderInputTests {
    private func project(_ path: String, reading input: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              parts: {path: \(path), format: csv}
              files: {path: "data/parts/*.csv"}
              o: {path: o.csv}
            stages:
              make:
                type: command
                output: parts
                run: 'd="${stage.output}"; mkdir -p "$d" && printf "a\\n1\\n" > "$d/x.csv" && printf "a\\n2\\n" > "$d/y.csv"'
              use: {type: process, input: \(input), output: o}
            """)
        return project
    }

    @Test("A folder read as a file is refused with the path that names its files")
    func refused() async throws {
        let message = "p.yaml:4:17: error: the input data/parts is a folder, and stage 'use' reads it; "
        let remedy = "read the files in it under another dataset, such as {path: \"data/parts/*.csv\"}"
        let plain = try project("data/parts/", reading: "parts")
        let answer = try await plain.caudal("validate", "p.yaml")
        #expect(answer.exit == .exited(2) && answer.description.contains(message + remedy), "\(answer)")
        // That a file is to be a folder is known when it is there.
        let unknown = try project("data/parts", reading: "parts")
        let run = try await unknown.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("the input data/parts is a folder; \(remedy)"), "\(run)")
        let second = try await unknown.caudal("validate", "p.yaml")
        #expect(second.exit == .exited(2) && second.description.contains(message + remedy), "\(second)")
    }

    @Test("Its files are read by a pattern, once they are made")
    func pattern() async throws {
        let project = try project("data/parts", reading: "files")
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("o.csv") == "a\n1\n2\n")
        }
    }
}
