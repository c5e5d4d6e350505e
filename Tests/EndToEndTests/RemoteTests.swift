import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Files on web servers", .timeLimit(.minutes(5)))
struct RemoteTests {
    /// A pipeline that reads the dataset `rows` of an address.
    private func project(
        _ server: FileServer, _ dataset: String, stage: String = "type: sql, query: 'select * from rows', output: got",
        top: String = ""
    ) throws -> CaudalProject {
        let project = try CaudalProject(
            copying: [], variables: ["BASE": server.address, "PASSWORD": "open sesame", "TOKEN": "let-me-in"])
        try project.write("schema.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            \(top)
            datasets:
              rows: \(dataset)
              got: {path: got.csv}
            stages:
              read: {\(stage)}
            """)
        return project
    }

    private let rows = "id,n\n" + (1...1000).map { "\($0),\($0 % 7)\n" }.joined()

    @Test("Each format is read as a file of this machine is, compressed or not, by an address with parameters")
    func formats() async throws {
        let server = try await FileServer()
        try server.folder.write("2026-11-01.csv", "id,n\n1,2\n3,4\n")
        let made = try CaudalProject(copying: [])
        let base = server.folder.path
        _ = try await made.query(
            "copy (from '\(base)/2026-11-01.csv') to '\(base)/2026-11-01.parquet'; "
                + "copy (from '\(base)/2026-11-01.csv') to '\(base)/2026-11-01.jsonl.gz'; "
                + "copy (from '\(base)/2026-11-01.csv') to '\(base)/2026-11-01.json' (array true)")
        for ending in ["csv", "parquet", "jsonl.gz", "json"] {
            let project = try project(
                server, "{path: \"\(server.address)/good/${params.day}.\(ending)?from=${params.day}\"}",
                top: "params: {day: {type: date, default: 2026-11-01}}")
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 0, "\(ending): \(ran)")
            #expect(try project.read("got.csv") == "id,n\n1,2\n3,4\n", "\(ending)")
            #expect(try await "\(project.caudal("lineage", "got.csv"))".contains("/good/2026-11-01.\(ending)"))
            #expect(project.files(in: ".caudal/runs").allSatisfy { !$0.contains(".fetched") })
        }
    }

    @Test("What is quarantined names the address and the line, and a command is given a file")
    func quarantine() async throws {
        let server = try await FileServer()
        try server.folder.write("rows.csv", "id,n\n1,2\nx,4\n\n5,\"6\n7\"\n")
        let address = server.address + "/good/rows.csv"
        let validating = try project(
            server, "{path: \"\(address)\", schema: schema.json}",
            stage: "type: validate, input: rows, output: got, quarantine: bad.csv")
        let ran = try await validating.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try validating.read("got.csv") == "id,n\n1,2\n5,\"6\n7\"\n")
        let bad = try validating.read("bad.csv")
        #expect(bad.contains("\(address),2,3,id,type: integer,x"), "\(bad)")
        let commanding = try project(
            server, "{path: \"\(address)\"}",
            stage: "type: command, inputs: rows, output: got, run: 'cp ${input.rows} ${stage.output}'")
        let copied = try await commanding.caudal("run", "p.yaml", "--plain")
        #expect(copied.status == 0, "\(copied)")
        #expect(try commanding.read("got.csv") == "id,n\n1,2\nx,4\n\n5,\"6\n7\"\n")
    }

    @Test(
        "What comes whole in the end is read, whatever came before",
        arguments: ["good", "weak", "flaky", "chunks", "moved"])
    func whole(how: String) async throws {
        let server = try await FileServer()
        try server.folder.write("rows.csv", rows)
        let project = try project(server, "{path: \"\(server.address)/\(how)/rows.csv\"}")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == rows)
        let requests = try await server.requests()
        // It is looked at before the run and read in it: what is marked is not sent again.
        if how == "good" { #expect(requests == ["200 /good/rows.csv", "304 /good/rows.csv"]) }
        if how == "flaky" { #expect(requests.prefix(3).map { $0.prefix(3) } == ["503", "503", "200"], "\(requests)") }
    }

    @Test(
        "What does not come whole, or is something else, fails the stage and publishes nothing",
        arguments: [
            ("cut", "was not fetched as a whole"), ("torn", "was not fetched as a whole"),
            ("open", "does not say where"), ("page", "answered with a page (text/html; charset=utf-8) and no data"),
            ("packed", "'Content-Encoding: gzip', though nobody asked"), ("down", "it answered 503"),
            ("basic", "may not be read: it answered 401"), ("good/none", "there is nothing at"),
        ])
    func refused(how: String, words: String) async throws {
        let server = try await FileServer()
        try server.folder.write("rows.csv", rows)
        let project = try project(server, "{path: \"\(server.address)/\(how)/rows.csv\"}")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == (how == "good/none" ? 2 : 1), "\(ran)")
        #expect("\(ran)".contains(words) && "\(ran)".contains("p.yaml:5:17"), "\(ran)")
        #expect(!project.exists("got.csv"))
    }

    @Test("A file that changes between two stages is fetched again, and one that is empty is refused")
    func changed() async throws {
        let server = try await FileServer()
        try server.folder.write("rows.csv", "id,n\n1,1\n")
        let project = try project(server, "{path: \"\(server.address)/good/rows.csv\"}")
        try project.write(
            "p.yaml",
            project.read("p.yaml")
                .replacing("  got: {path: got.csv}", with: "  got: {path: got.csv}\n  late: {path: late.csv}")
                    + """

                      change: {type: command, needs: read, run: "printf 'id,n\\n2,2\\n' > '\(server.folder.path("rows.csv"))'"}
                      late: {type: sql, needs: change, query: "select * from rows", output: late}
                    """)
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,n\n1,1\n")
        #expect(try project.read("late.csv") == "id,n\n2,2\n")
        try server.folder.write("rows.csv", "")
        let empty = try await project.caudal("run", "p.yaml", "--plain")
        #expect(empty.status == 1 && "\(empty)".contains("/good/rows.csv is empty"), "\(empty)")
    }

    @Test(
        "A connection says who asks, by a password or a token, and nobody sees either", arguments: ["basic", "token"])
    func credentials(how: String) async throws {
        let server = try await FileServer()
        try server.folder.write("rows.csv", "id,n\n1,1\n")
        let who = how == "basic" ? "user: ann, password: \"${env.PASSWORD}\"" : "password: \"${env.TOKEN}\""
        let project = try project(
            server, "{connection: web, table: rows.csv}",
            top: "connections: {web: {type: http, endpoint: \"${env.BASE}/\(how)\", \(who)}}")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,n\n1,1\n")
        let explained = try await project.caudal("explain", "p.yaml", "read")
        #expect(explained.status == 0 && explained.output.contains("\(server.address)/\(how)/rows.csv"), "\(explained)")
        for secret in ["open sesame", "let-me-in", "YW5uOm9wZW4gc2VzYW1l"] {
            #expect(try !"\(ran)\(explained)\(project.everythingKept())".contains(secret))
        }
        let stranger = try await project.caudal(
            "run", "p.yaml", "--plain", variables: ["PASSWORD": "guess", "TOKEN": "guess"])
        #expect(
            stranger.status == 1 && "\(stranger)".contains("look at the user and password of connection 'web'"),
            "\(stranger)")
    }

    @Test("What cannot be read or written there is refused at its place")
    func rules() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            connections: {web: {type: http}, lake: {type: s3, bucket: lake}}
            datasets:
              a: {path: "https://ann:${env.PASSWORD}@example.com/a.csv"}
              b: {path: "https://example.com/*.csv"}
              c: {path: "https://example.com/export"}
              d: {path: "gs://bucket/d.csv"}
              e: {connection: lake, table: "raw/**/e.csv"}
              f: {connection: lake, table: f.csv}
              g: {path: "https://example.com/g.csv"}
              h: {path: "https://example.com/${item.region}.csv"}
            stages:
              d: {type: sql, query: select * from d, output: g}
              f: {type: load, input: d, output: f, mode: replace}
              h: {type: sql, query: select * from h, output: i, foreach: {region: [a, b]}}
            """)
        let told = try await "\(project.caudal("validate", "p.yaml"))"
        for words in [
            "p.yaml:3:15: error: connection 'web' needs 'endpoint'",
            "p.yaml:5:14: error: an address must not hold a user or a password",
            "p.yaml:6:14: error: a web server has no list of its files",
            "p.yaml:7:14: error: the name 'https://example.com/export' does not tell the format",
            "p.yaml:8:14: error: caudal does not read or write 'gs://'",
            "p.yaml:9:33: error: '**' does not stand for folders here",
            "p.yaml:12:14: error: a web server has no list of its files, and 'https://example.com/${item.region}.csv' stands",
            "p.yaml:14:50: error: 'g' lies on a server, and 'd' cannot write there",
            "p.yaml:15:37: error: 'f' lies on a server, and 'f' cannot write there; let a load put a Parquet object there",
        ] { #expect(told.contains(words), "\(words)\n\(told)") }
    }
}

@Suite(
    "Files of a bucket", .timeLimit(.minutes(5)),
    .enabled(if: ObjectServer.absence == nil, "\(ObjectServer.absence ?? "")"))
struct BucketFilesTests {
    private func project(_ table: String, _ more: String = "") async throws -> CaudalProject {
        let server = try await ObjectServer.shared()
        let project = try CaudalProject(copying: [], variables: server.variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            params: {day: {type: date, default: 2026-11-01}}
            connections: {store: \(server.connection)}
            datasets:
              rows: {connection: store, table: "\(table)"\(more)}
              got: {path: got.csv}
            stages:
              read: {type: sql, query: select * from rows order by all, output: got}
            """)
        return project
    }

    @Test("Every object that matches is read, over pages of the list, whatever its key is written with")
    func patterns() async throws {
        let (server, prefix) = (try await ObjectServer.shared(), UUID().uuidString)
        let names = ["a", "b & c", "d+e", "f'ü", "g=1", "h", "i"]
        for (index, name) in names.enumerated() {
            try await server.put("\(prefix)/2026-11-01/\(name)/rows.csv", "id,n\n\(index),x\n")
        }
        try await server.put("\(prefix)/2026-11-01/deep/er/rows.csv", "id,n\n99,x\n")
        try await server.put("\(prefix)/2026-11-01/a/rows.txt", "no rows")
        let project = try await project(prefix + "/${params.day}/*/rows.csv")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,n\n" + names.indices.map { "\($0),x\n" }.joined())
        #expect(try !project.everythingKept().contains(server.secret))
        // A day without objects is none of those with.
        let other = try await project.caudal("run", "p.yaml", "--plain", "--param", "day=2026-11-02")
        #expect(
            other.status == 2 && "\(other)".contains("there is no object that matches '\(prefix)/2026-11-02/*"),
            "\(other)")
    }

    @Test("JSON lines and one named object are read, and a missing one is named with its place")
    func named() async throws {
        let (server, prefix) = (try await ObjectServer.shared(), UUID().uuidString)
        try await server.put("\(prefix)/rows.jsonl", "{\"id\": 1, \"n\": \"x\"}\n{\"id\": 2}\n")
        try await server.put("\(prefix)/export", "id;n\n1;x\n")
        for (key, more, wanted) in [
            ("rows.jsonl", "", "id,n\n1,x\n2,\n"), ("export", ", format: csv, csv: {delimiter: \";\"}", "id,n\n1,x\n"),
        ] {
            let project = try await project("\(prefix)/\(key)", more)
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 0, "\(ran)")
            #expect(try project.read("got.csv") == wanted)
        }
        let missing = try await project("\(prefix)/none.csv")
        let told = try await missing.caudal("run", "p.yaml", "--plain")
        #expect(told.status == 2 && "\(told)".contains("p.yaml:6:37"), "\(told)")
        #expect("\(told)".contains("there is no object '\(prefix)/none.csv' in s3://lake"), "\(told)")
    }

    @Test("An object without content that shows a folder is none of those that a pattern means")
    func markers() async throws {
        let (server, prefix) = (try await ObjectServer.shared(), UUID().uuidString)
        for (key, content) in [("", ""), ("a.csv", "id,n\n1,x\n"), ("b.csv", "id,n\n2,y\n")] {
            try await server.put("\(prefix)/\(key)", content)
        }
        let project = try await project(prefix + "/*", ", format: csv")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got.csv") == "id,n\n1,x\n2,y\n")
        // An object without content that is called as a file is none either, and not passed over.
        try await server.put("\(prefix)/c.csv", "")
        let empty = try await project.caudal("run", "p.yaml", "--plain")
        #expect(empty.status != 0 && "\(empty)".contains("c.csv is empty"), "\(empty)")
    }

    @Test(
        "A key that no variable gives is told with the variable and the connection",
        arguments: ["rows.csv", "rows.parquet"])
    func unset(name: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", try await self.project("a/" + name).read("p.yaml"))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status != 0 && "\(ran)".contains("LAKE_KEY"), "\(ran)")
        #expect(project.text("got.csv") == nil)
    }

    @Test("Each item of a fan-out reads the objects that it names")
    func items() async throws {
        let (server, prefix) = (try await ObjectServer.shared(), UUID().uuidString)
        for name in ["north", "south"] { try await server.put("\(prefix)/\(name)/rows.csv", "id,n\n1,\(name)\n") }
        let project = try await project(prefix + "/${item.region}/*.csv")
        try project.write(
            "p.yaml",
            project.read("p.yaml").replacing("path: got.csv", with: "path: \"got/${item.region}.csv\"").replacing(
                "output: got", with: "output: got, foreach: {region: [north, south]}"))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got/south.csv") == "id,n\n1,south\n")
    }
}
