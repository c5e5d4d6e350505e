import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite(
    "Objects of a bucket", .timeLimit(.minutes(5)),
    .enabled(if: ObjectServer.absence == nil, "\(ObjectServer.absence ?? "")"))
struct ObjectTests {
    /// A project that puts `count` rows under a prefix of its own, and reads all objects there.
    private func project(
        _ count: Int, variables more: [String: String] = [:], prefix: String = UUID().uuidString
    ) async throws -> (project: CaudalProject, prefix: String) {
        let server = try await ObjectServer.shared()
        let project = try CaudalProject(copying: [], variables: server.variables.merging(more) { $1 })
        try write(count, to: project)
        for (name, stages) in [
            (
                "put",
                """
                  made: {type: process, input: rows, output: made, steps: [{cast: {id: integer, day: date}}]}
                  put: {type: load, input: made, output: there, mode: replace}
                  back: {type: sql, inputs: there, output: back, query: "select count(*) as n, max(day) as day from there"}
                """
            ),
            ("get", "  get: {type: sql, inputs: lake, output: got, query: 'select * from lake order by id'}"),
        ] {
            try project.write(
                name + ".yaml",
                """
                version: 1
                name: \(name)
                connections: {store: \(server.connection)}
                datasets:
                  rows: {path: rows.csv}
                  made: {path: made.parquet}
                  got: {path: got.csv}
                  back: {path: back.csv}
                  there: {connection: store, table: \(prefix)/a=1/rows.parquet}
                  lake: {connection: store, table: "\(prefix)/*/*.parquet"}
                stages:
                \(stages)
                """)
        }
        return (project, prefix)
    }

    private func write(_ count: Int, to project: CaudalProject) throws {
        let rows = (1...count).map { "\($0),2026-11-\($0 % 28 + 1),some text for \($0)\n" }
        try project.write("rows.csv", "id,day,text\n" + rows.joined())
    }

    /// What is there now, read by Caudal.
    private func got(_ project: CaudalProject) async throws -> [String] {
        let ran = try await project.caudal("run", "get.yaml", "--plain", variables: ["CAUDAL_CURL": ""])
        #expect(ran.status == 0, "\(ran)")
        return try project.read("got.csv").split(separator: "\n").map(String.init)
    }

    @Test("A load puts an object with its types, which other stages read, and nobody sees the key")
    func roundTrip() async throws {
        let (project, prefix) = try await project(3)
        let put = try await project.caudal("run", "put.yaml", "--plain")
        #expect(put.status == 0, "\(put)")
        #expect(
            try await got(project) == [
                "id,day,text,a", "1,2026-11-02,some text for 1,1", "2,2026-11-03,some text for 2,1",
                "3,2026-11-04,some text for 3,1",
            ])
        #expect(try project.read("back.csv") == "n,day\n3,2026-11-04\n")
        #expect(try await !project.everythingKept().contains(ObjectServer.shared().secret))
        let explained = try await project.caudal("explain", "get.yaml", "get")
        #expect(explained.output.contains("LOAD httpfs;") && explained.output.contains("CREATE TEMPORARY SECRET"))
        #expect(try await !"\(explained)".contains(ObjectServer.shared().secret))
        let load = try await project.caudal("explain", "put.yaml", "put")
        #expect(load.output.contains("-- What is put at s3://lake/\(prefix)/a=1/rows.parquet"), "\(load)")
    }

    private func runs(of project: CaudalProject) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")))
    }

    /// A `curl` that ends the program that started it, when it is to put an object.
    private static let points = [
        "before": "kill -9 $PPID; exit 1",
        // Half of it is sent: the pipe takes the other half only from whoever writes it.
        "during": #"""
        file=$(sed -n 's/^upload-file = "\(.*\)"$/\1/p' "$3"); mkfifo "$0.pipe"
        sed "s|^upload-file = .*|upload-file = \"$0.pipe\"|" "$3" > "$0.settings"
        curl --disable --config "$0.settings" & c=$!
        exec 3> "$0.pipe"
        head -c $(($(stat -c %s "$file") / 2)) "$file" >&3
        kill -9 $PPID $c; exit 1
        """#,
        "after": #"curl "$@"; kill -9 $PPID"#,
    ]

    @Test(
        "A put that is killed leaves the old object or the new one, and a resumed run puts the new one",
        arguments: ["before", "during", "after"])
    func killed(point: String) async throws {
        let tools = try ScratchFolder()
        let curl = try tools.write(
            "curl",
            """
            #!/bin/sh
            cat > "$0.$$"
            set -- --disable --config "$0.$$"
            grep -q '^upload-file' "$3" || exec curl "$@"
            \(Self.points[point] ?? "")

            """)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: curl)
        let (project, _) = try await project(3)
        #expect(try await project.caudal("run", "put.yaml", "--plain").status == 0)
        let old = try await got(project)
        try write(20_000, to: project)
        let earlier = try runs(of: project)
        let dead = try await project.caudal("run", "put.yaml", "--plain", variables: ["CAUDAL_CURL": curl])
        #expect(dead.exit == .signaled(SIGKILL), "\(dead)")
        let run = try #require(runs(of: project).subtracting(earlier).first)
        let left = try await got(project)
        #expect(point == "after" ? left.count == 20_001 : left == old, "\(left.count) lines")
        let resumed = try await project.caudal("resume", run, "--plain", "--yes")
        #expect(resumed.status == 0, "\(resumed)")
        let new = try await got(project)
        #expect(new.count == 20_001 && new.last == "20000,2026-11-09,some text for 20000,1", "\(new.suffix(1))")
    }

    @Test("A key that the store does not know is told before anything runs, with the place of the connection's dataset")
    func refused() async throws {
        let (project, prefix) = try await project(3, variables: ["LAKE_SECRET": "wrong"])
        let put = try await project.caudal("run", "put.yaml", "--plain")
        #expect(put.status == 1 || put.status == 2, "\(put)")
        #expect("\(put)".contains("s3://lake at 127.0.0.1"), "\(put)")
        #expect("\(put)".contains("it answered 403"), "\(put)")
        let get = try await project.caudal("run", "get.yaml", "--plain")
        #expect(get.status != 0 && "\(get)".contains("get.yaml:10:"), "\(get)")
        #expect(!prefix.isEmpty)
    }

    @Test("An object that is not there is named with its place in the file")
    func missing() async throws {
        let (project, prefix) = try await project(3)
        let get = try await project.caudal("run", "get.yaml", "--plain")
        #expect(get.status == 2, "\(get)")
        #expect(
            "\(get)".contains("get.yaml:10:")
                && "\(get)".contains("there is no object that matches '\(prefix)/*/*.parquet'"),
            "\(get)")
    }

    @Test(
        "Objects that would be united with other values are refused, and those that one type holds are read",
        arguments: [
            ("id: integer", "id: number", "'id' of"), ("id: number", "id: 'decimal(4,2)'", "would be read as one"),
            ("id: 'decimal(3,1)'", "id: 'decimal(4,2)'", nil), ("text: text", "text: text", nil),
        ] as [(String, String, String?)])
    func differentTypes(one: String, other: String, words: String?) async throws {
        let (project, prefix) = try await project(1)
        for (folder, cast) in [("a=1", one), ("a=2", other)] {
            let text = try project.read("put.yaml").replacing("\(prefix)/a=1", with: "\(prefix)/\(folder)")
            try project.write("other.yaml", text.replacing("{id: integer, day: date}", with: "{\(cast), day: date}"))
            let put = try await project.caudal("run", "other.yaml", "--plain")
            #expect(put.status == 0, "\(put)")
        }
        let got = try await project.caudal("run", "get.yaml", "--plain")
        #expect(got.status == (words == nil ? 0 : 1) && words.map("\(got)".contains) != false, "\(got)")
    }

    @Test("An object that is no Parquet file is told of, and not a store that would be down")
    func noParquet() async throws {
        let (project, prefix) = try await project(1)
        try await ObjectServer.shared().put("\(prefix)/a=1/half.parquet", "PAR1")
        let get = try await project.caudal("run", "get.yaml", "--plain")
        #expect(get.status != 0 && "\(get)".contains("an object of 'lake' cannot be read"), "\(get)")
        #expect("\(get)".contains("cut short") && !"\(get)".contains("is up"), "\(get)")
    }

    @Test("What cannot be done with an object is refused when the file is read")
    func rules() async throws {
        let (project, _) = try await project(3)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {store: {type: s3, bucket: lake}, other: {type: s3}}
            datasets:
              rows: {path: rows.csv}
              one: {connection: store, table: "a/*.parquet"}
              two: {connection: store, table: /a/two.parquet}
              three: {connection: store, table: a/three.parquet}
            stages:
              a: {type: load, input: rows, output: one, mode: replace}
              c: {type: load, input: rows, output: three, mode: append}
            """)
        let told = try await "\(project.caudal("validate", "p.yaml"))"
        #expect(told.contains("p.yaml:3:48: error: connection 'other' needs 'bucket'"), "\(told)")
        #expect(told.contains("p.yaml:6:36: error: 'a' loads 'one', whose key is a pattern"), "\(told)")
        #expect(told.contains("p.yaml:7:35: error: '/a/two.parquet' cannot be a table of the s3 connection"), "\(told)")
        #expect(told.contains("p.yaml:11:40: error: 'mode: append' of 'c' is not possible"), "\(told)")
    }
}
