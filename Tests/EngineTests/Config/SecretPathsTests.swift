import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("Secrets in paths", .timeLimit(.minutes(15)))
struct SecretPathsTests {
    @Test("A path that is made of a secret is a warning with its place, and others are none")
    func warnings() throws {
        let yaml = """
            version: 1
            name: paths
            params: {api_token: {type: string, default: x}, day: {type: date, default: 2026-11-01}}
            secrets: [CLIENT]
            connections: {db: {type: sqlite, path: "${env.DB_PASSWORD}.db"}}
            datasets:
              in: {path: "in/${env.CLIENT}.csv"}
              day: {path: "out/${params.day}.csv"}
              out: {path: "out/${params.day}-${params.api_token}.csv"}
              table: {connection: db, table: t}
              unused: {path: "${params.api_token}.csv"}
            stages:
              first: {type: process, input: in, output: out}
              second: {type: process, input: table, output: day}
              third:
                type: command
                run: "echo ${item.f}"
                foreach: {f: {files: "in/${params.api_token}/*"}}
            """
        let variables = ["CLIENT": "a", "DB_PASSWORD": "b"]
        let loaded = try LoadedPipeline(yaml: yaml, in: ScratchFolder(), variables: variables)
        let found = loaded.warnings.map { warning in
            "\(warning.location.line):\(warning.location.column) " + warning.message.prefix { $0 != "," }
        }
        let expected = [
            "7:15 'CLIENT' is a secret by its name", "9:16 'api_token' is a secret by its name",
            "5:15 'DB_PASSWORD' is a secret by its name", "18:14 'api_token' is a secret by its name",
        ]
        #expect(Set(found) == Set(expected), "\(loaded.warnings)")
        #expect(found.count == 4)
    }
}
