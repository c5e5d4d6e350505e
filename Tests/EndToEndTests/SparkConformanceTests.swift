import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// One text of a pipeline, run on DuckDB and on Spark: files, columns, quarantined rows, counts and check results are the same.
@Suite(
    "The same pipeline on both engines", .serialized, .timeLimit(.minutes(20)),
    .enabled(if: Spark.isInstalled, Comment(rawValue: Spark.advice)))
struct SparkConformanceTests {
    /// Two projects with the same files.
    private func pair(_ files: [String: Data], copying: [String] = []) throws -> (
        duckDB: CaudalProject, spark: CaudalProject
    ) {
        let (first, second) = (try CaudalProject(copying: copying), try CaudalProject(copying: copying))
        for project in [first, second] {
            for (name, bytes) in files { try bytes.write(to: URL(filePath: project.folder.path(name))) }
        }
        return (first, second)
    }

    private func cases() throws -> [String: Data] {
        let folder = Repository.path("Tests/EndToEndTests/SparkCases")
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files[name] = FileManager.default.contents(atPath: folder + "/" + name)
        }
        return files
    }

    /// What the files of a folder differ in, in words.
    private func differences(_ folder: String, _ one: CaudalProject, _ other: CaudalProject) async throws -> [String] {
        func files(_ project: CaudalProject) throws -> [String] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: project.folder.path(folder))
            return names.filter { !FileText.isFolder(project.folder.path(folder + "/" + $0)) }.sorted()
        }
        let names = try files(one)
        var found: [String] = []
        if names.isEmpty { found.append("there is no file") }
        if try files(other) != names { found.append("other files: \(try files(other)) instead of \(names)") }
        for name in names where FileText.exists(other.folder.path(folder + "/" + name)) {
            let (first, second) = (one.folder.path(folder + "/" + name), other.folder.path(folder + "/" + name))
            if !name.hasSuffix(".parquet") {
                if FileManager.default.contents(atPath: first) != FileManager.default.contents(atPath: second) {
                    found.append("\(name) has other text")
                }
                continue
            }
            let asked = try await one.query(
                """
                SELECT (SELECT count(*) FROM (FROM '\(first)' EXCEPT ALL FROM '\(second)')),
                       (SELECT count(*) FROM (FROM '\(second)' EXCEPT ALL FROM '\(first)')),
                       (SELECT list((column_name, column_type)) FROM (DESCRIBE FROM '\(first)'))
                         = (SELECT list((column_name, column_type)) FROM (DESCRIBE FROM '\(second)'))
                """)
            if asked.joined() != "0|0|true" { found.append("\(name) differs: \(asked)") }
        }
        return found
    }

    /// The results of checks in what `caudal show --json` tells, without the values of samples, whose floating point is
    /// written in each engine's way.
    private func checks(_ project: CaudalProject) async throws -> [String] {
        let shown = try await project.caudal("show", "last", "--json")
        let run = try #require(try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
        var found: [String] = []
        func walk(_ value: Any) {
            if let list = value as? [Any] { list.forEach(walk) }
            guard let fields = value as? [String: Any] else { return }
            for check in fields["checks"] as? [[String: Any]] ?? [] {
                // How old the newest value is depends on when it was looked at.
                let isOfNow = check["kind"] as? String == "freshness"
                let names =
                    ["id", "partition", "outcome", "message", "failingRows", "totalRows"]
                    + (isOfNow ? [] : ["measured"])
                let texts =
                    names.map { "\($0)=\(check[$0] ?? "-")" } + ["samples=\((check["samples"] as? [Any])?.count ?? 0)"]
                found.append(texts.joined(separator: " "))
            }
            for inner in fields.values { walk(inner) }
        }
        walk(run["stages"] ?? [])
        return found.sorted()
    }

    @Test("Every step, function, lookup, check and rule of a schema gives the same files and results")
    func everything() async throws {
        let (duckDB, spark) = try pair(try cases())
        for project in [duckDB, spark] {
            let made = try await project.run(Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-f", "rows.sql"])
            try #require(made.status == 0, "\(made)")
        }
        let first = try await duckDB.caudal("run", "conformance.yaml", "--plain")
        try #require(first.status == 0, "\(first)")
        let second = try await spark.caudal("run", "conformance.yaml", "--env", "spark", "--plain")
        try #require(second.status == 0, "\(second)")
        #expect(try await differences("out", duckDB, spark) == [])
        let (expected, found) = (try await checks(duckDB), try await checks(spark))
        #expect(expected.count > 50)
        #expect(found == expected)
    }

    @Test("The sales pipeline gives the same bytes, in the order of the file")
    func sales() async throws {
        let (duckDB, spark) = try pair([:], copying: ["config", "data/raw", "data/schemas", "scripts"])
        let file = "config/pipeline_config.yaml"
        let text = try spark.read(file)
        try spark.write(
            file, text.replacing("name: sales\n", with: "name: sales\nengine: spark\nspark: {master: 'local[2]'}\n"))
        let first = try await duckDB.caudal("run", file, "--plain")
        let second = try await spark.caudal("run", file, "--plain")
        try #require(first.status == 0 && second.status == 0, "\(first)\n\(second)")
        let counts = "1,000 rows in = 949 out + 35 duplicates + 16 quarantined"
        #expect(first.output.contains(counts) && second.output.contains(counts), "\(second)")
        for name in ["quarantine/sales_raw.csv", "outputs/sales_enriched.csv"] {
            #expect(try spark.read("data/" + name) == (try duckDB.read("data/" + name)))
        }
        #expect(try await differences("data/processed", duckDB, spark) == [])
        #expect(try await checks(spark) == (try await checks(duckDB)))
    }

    /// A file that a validate stage is given.
    private struct Intake {
        var name: String
        var text: Data
        /// What a stage on Spark says of a file that it does not judge; nil where it judges it as DuckDB does.
        var refusal: String?

        init(_ name: String, _ text: String, refusal: String? = nil) {
            (self.name, self.text, self.refusal) = (name, Data(text.utf8), refusal)
        }

        init(_ name: String, bytes: [UInt8]) { (self.name, text) = (name, Data(bytes)) }
    }

    private static let files: [Intake] = [
        Intake("plain", "a,b,c\n1,x,y\n2,,z\n"),
        Intake("crlf", "a,b,c\r\n1,x,y\r\n2,p,q\r\n"),
        Intake("no_end", "a,b,c\n1,x,y\n2,p,q"),
        Intake("header_only", "a,b,c\n"),
        Intake("mark", "\u{FEFF}a,b,c\n1,x,y\n"),
        Intake("quoted", "a,b,c\n1,\"x,y\",\"say \"\"hi\"\"\"\n\"2\",\"\",z\n"),
        Intake("short", "a,b,c\n1,x\n2,p,q\n3\n"),
        Intake("long", "a,b,c\n1,x,y,z\n2,p,q,\n3,p,q,,\n4,a,b\n5,p,q,\"\",\n6,p,q, ,\n7,p,,,,\n8,p,q,\"a\"\n"),
        Intake("wide_letters", "a,b,c\n1,🙂,ÀÉ\nx,Ж,ß\n"),
        Intake(
            "bytes",
            bytes: Array("a,b,c\n1,x,".utf8) + [0xFF] + Array("\n2,".utf8) + [0x80] + Array("é,y\n3,p,q\n".utf8)),
        Intake("spaces", "a,b,c\n 1 , x ,\ty\n2,  ,z\n"),
        Intake(
            "numbers", "a,b,c\n1e2,x,y\n7.0,x,y\n1_0,x,y\n0x1,x,y\n+5,x,y\n-0,x,y\n99999999999999999999,x,y\n1.5,x,y\n"),
        Intake("tabs_inside", "a,b,c\n1,x\ty,z\n2,\\n,\\\n"),
        Intake("apostrophes", "a,b,c\n1,it's,\\'\n2,a'b,c\n"),
        Intake(
            "many",
            "a,b,c\n"
                + (1...5000).map { "\($0 % 97 == 0 ? "bad" : "\($0)"),v\($0),\($0 % 50 == 3 ? "w,more" : "w")\n" }
                .joined()),
        Intake("line_break", "a,b,c\n1,\"two\nlines\",y\n2,p,q\n", refusal: "line"),
        Intake("blank_lines", "a,b,c\n1,x,y\n\n2,p,q\n", refusal: "line"),
        Intake("open_quote", "a,b,c\n1,x,y\n2,\"p,q\n3,r,s\n", refusal: "line"),
        Intake("inner_quote", "a,b,c\n1,x \"y\" z,w\n2,\"p\"q,r\n", refusal: "line"),
    ]

    @Test("Files of others are judged line by line as DuckDB judges them, or refused")
    func intake() async throws {
        var files: [String: Data] = [
            "rows.json": Data(
                #"{"properties": {"a": {"type": "integer"}, "c": {"type": "string", "minLength": 1}}, "required": ["a"]}"#
                    .utf8)
        ]
        var (datasets, stages) = ("", "")
        for file in Self.files {
            files["\(file.name).csv"] = file.text
            datasets +=
                "  \(file.name): {path: \(file.name).csv, schema: rows.json}\n  of_\(file.name): {path: out/\(file.name).parquet}\n"
            stages +=
                "  v_\(file.name): {type: validate, input: \(file.name), output: of_\(file.name), max_invalid: 100%, quarantine: out/\(file.name).csv}\n"
        }
        files["p.yaml"] = Data(
            """
            version: 1
            name: intake
            datasets:
            \(datasets)stages:
            \(stages)environments:
              spark: {engine: spark, spark: {master: "local[2]"}}
            """.utf8)
        let (duckDB, spark) = try pair(files)
        _ = try await duckDB.caudal("run", "p.yaml", "--plain")
        // Those that are refused before anything runs would keep the others from running.
        let refused = Self.files.filter { $0.refusal != nil }.map(\.name)
        let answer = try await spark.caudal("validate", "p.yaml", "--env", "spark")
        let text = try spark.read("p.yaml")
        let early = refused.filter { answer.output.contains("\($0).csv") || answer.errors.contains("\($0).csv") }
        try spark.write(
            "p.yaml",
            text.split(separator: "\n").filter { line in !early.contains { line.hasPrefix("  v_\($0):") } }.joined(
                separator: "\n"))
        let ran = try await spark.caudal("run", "p.yaml", "--env", "spark", "--plain")
        for name in refused where !early.contains(name) {
            #expect(
                ran.lines.contains { $0.contains("v_\(name)") && $0.contains("FAILED") && $0.contains("line") },
                "\(name): \(ran)")
        }
        for file in Self.files where file.refusal == nil {
            for name in ["\(file.name).parquet", "\(file.name).csv"] {
                let (first, second) = (duckDB.folder.path("out/" + name), spark.folder.path("out/" + name))
                let bytes = FileManager.default.contents(atPath: first)
                #expect(bytes != nil, "\(name) on DuckDB")
                if name.hasSuffix(".csv") {
                    #expect(
                        FileManager.default.contents(atPath: second) == bytes,
                        "\(name): \(spark.text("out/" + name) ?? "none: \(ran)")")
                } else {
                    let asked = try await duckDB.query(
                        "SELECT count(*) FROM (FROM '\(first)' EXCEPT ALL FROM '\(second)') UNION ALL SELECT count(*) FROM (FROM '\(second)' EXCEPT ALL FROM '\(first)')"
                    )
                    #expect(asked == ["0", "0"], "\(name): \(asked)")
                }
            }
        }
    }
}
