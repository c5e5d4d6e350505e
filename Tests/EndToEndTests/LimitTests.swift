import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Whatever is in the way, caudal comes to an end", .timeLimit(.minutes(15)))
struct LimitTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml", "version: 1\nname: small\nstages:\n  a: {type: command, run: \"/bin/echo hi\"}\n")
        return project
    }

    @Test(
        "Where too few processes may be started, the reason is told and the status is 1", .enabled(if: geteuid() == 0),
        arguments: [4, 8, 10, 11, 12])
    func processes(count: Int) async throws {
        let project = try project()
        try project.write("state/.keep", "")
        chmod(project.folder.path, 0o777)
        chmod(project.folder.path("state"), 0o777)
        // A user of its own for each count, so that no other process counts.
        let user = 54_000 + count
        let run = try await project.run(
            "/usr/bin/setpriv",
            [
                "--reuid=\(user)", "--clear-groups", "prlimit", "--nproc=\(count)", CaudalProject.program, "run",
                "p.yaml",
                "--plain", "--state", "state",
            ])
        #expect(count > 4 || run.status == 1, "four cannot be enough: \(run)")
        if run.status != 0 {
            #expect(run.status == 1, "\(run)")
            #expect(run.description.contains("Resource temporarily unavailable"), "\(run)")
        }
    }

    @Test(
        "Where too few files may be open, that is told of every verb and the file is not blamed",
        arguments: [4, 8, 20, 40])
    func files(count: Int) async throws {
        let project = try project()
        try project.write("q.yaml", "version: 1\nname: q\nstages:\n  a: {type: sql, output: o, query: select 1 as n}\n")
        for verb in [
            ["run", "p.yaml", "--plain"], ["runs"], ["doctor"], ["resume", "--plain"], ["validate", "q.yaml"],
        ] {
            let answer = try await project.limited(["--nofile=\(count)"], verb)
            #expect(answer.status == 1, "\(verb): \(answer)")
            if count < 24 || verb != ["runs"] {
                #expect(answer.errors.contains("lets caudal open too few files"), "\(verb): \(answer)")
            }
        }
    }

    @Test("A low limit on open files is raised as far as it may be, and not for what a stage starts")
    func raisedFiles() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml", "version: 1\nname: small\nstages:\n  a: {type: command, run: \"ulimit -Sn > limit\"}\n")
        let run = try await project.limited(["--nofile=16:4096"], ["run", "p.yaml", "--plain"])
        #expect(run.status == 0, "\(run)")
        #expect(try project.read("limit").trimmed == "16")
    }

    @Test("Where there is too little memory, that is told at once", arguments: [100, 130, 200, 300, 400, 500])
    func memory(megabytes: Int) async throws {
        let project = try project()
        let run = try await project.limited(["--as=\(megabytes << 20)"], ["run", "p.yaml", "--plain"])
        // The loader of the program itself tells it where not even its libraries fit.
        let isTold = run.errors.contains("too little memory") || run.status == 127
        #expect(run.status == 1 && isTold || run.status == 127, "\(run)")
    }

    @Test(
        "Work that cannot wait on the disk runs again with more memory; a stage with its own limit fails by it",
        .enabled(if: Checkout.runsDuckDBTests && ProcessInfo.processInfo.activeProcessorCount <= 3))
    func moreMemory() async throws {
        let project = try CaudalProject(copying: [])
        func file(_ resources: String) -> String {
            """
            version: 1
            name: lists
            max_parallel: 4
            datasets: {out: {path: out.csv}}
            stages:
              whole: {type: sql, output: out\(resources), query: "select len(l) as n from (select list(i) as l from range(40000000) r(i))"}
            """
        }
        try project.write("p.yaml", file(""))
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let log = try await project.caudal("logs", "--stage", "whole")
        #expect(log.output.contains("500 MB of memory are not enough; its script runs again with up to"), "\(log)")
        #expect(try project.read("out.csv") == "n\n40000000\n")
        try project.write("p.yaml", file(", resources: {memory: 200MB}"))
        let limited = try await project.caudal("run", "p.yaml", "--plain")
        #expect(limited.status == 1 && limited.output.contains("Out of Memory"), "\(limited)")
        #expect(try await project.caudal("logs", "--grep", "runs again", "--count").output == "0\n")
    }

    @Test(
        "A stage with a memory limit keeps it with all that its process takes, and waits on the disk for the rest",
        .enabled(if: Checkout.runsDuckDBTests))
    func keptMemory() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: sorts
            datasets: {out: {path: out.parquet}}
            stages:
              sorted:
                type: sql
                output: out
                resources: {memory: 400MB, cpu: 2}
                query: "select (i * 7919) % 6000011 as n, 'text of ' || i as t from range(6000000) r(i) order by n"
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let peak = try await project.caudal("sql", "select peak_memory / 1000000 from attempts", "--format", "csv")
        let megabytes = try #require(peak.lines.last.flatMap { Int($0) }, "\(peak)")
        #expect((100...440).contains(megabytes), "the stage took \(megabytes) MB of its 400")
    }

    @Test(
        "A tool that answers at first and then no more is ended, and named", .enabled(if: Checkout.runsDuckDBTests))
    func hungQuestion() async throws {
        let project = try CaudalProject(copying: [])
        let real = Repository.path(".tools/duckdb/duckdb_cli/duckdb")
        try project.folder.write(
            "duckdb",
            """
            #!/bin/sh
            case "$*" in *jsonlines*) test -e "$PROJECT/hang" && sleep 600;; esac
            exec \(real) "$@"
            """.replacing("$PROJECT", with: project.folder.path))
        chmod(project.folder.path("duckdb"), 0o755)
        try project.write("raw.csv", "n\n1\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: hung
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
            stages:
              a: {type: sql, output: out, query: select * from raw}
            """)
        let variables = ["CAUDAL_DUCKDB": project.folder.path("duckdb")]
        #expect(try await project.caudal("run", "p.yaml", "--plain", variables: variables).status == 0)
        try project.write("hang", "")
        async let profiled = project.caudal("profile", "raw.csv", variables: variables)
        async let explained = project.caudal("explain", "p.yaml", "a", variables: variables)
        for answer in try await [profiled, explained] {
            #expect(answer.status != 0, "\(answer)")
            #expect(answer.description.contains("did not answer within 30s and was ended"), "\(answer)")
        }
    }

    @Test("A duckdb that is killed while it parses queries is no wrong program", .enabled(if: Checkout.runsDuckDBTests))
    func killedParser() async throws {
        let project = try CaudalProject(copying: [])
        let real = Repository.path(".tools/duckdb/duckdb_cli/duckdb")
        try project.folder.write(
            "duckdb", "#!/bin/sh\ncase \"$*\" in *version*) exec \(real) \"$@\";; esac\nkill -9 $$\n")
        chmod(project.folder.path("duckdb"), 0o755)
        try project.write("raw.csv", "n\n1\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: killed
            datasets: {raw: {path: raw.csv}, out: {path: out.csv}}
            stages:
              a: {type: sql, output: out, query: select * from raw}
            """)
        let answer = try await project.caudal(
            "validate", "p.yaml", variables: ["CAUDAL_DUCKDB": project.folder.path("duckdb")])
        #expect(answer.status != 0 && answer.description.contains("was ended by signal 9"), "\(answer)")
        #expect(!answer.description.contains("put the native program"), "\(answer)")
    }

    @Test("A tool that does not answer is ended, and named", .enabled(if: Checkout.runsDuckDBTests))
    func hungTool() async throws {
        let project = try CaudalProject(copying: [])
        try project.folder.write("duckdb", "#!/bin/sh\ntrap '' TERM\necho $$ >> pids\nsleep 600 & sleep 600\n")
        chmod(project.folder.path("duckdb"), 0o755)
        try project.write("in.csv", "n\n1\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: hung
            datasets: {in: {path: in.csv}, out: {path: out.csv}}
            stages:
              a: {type: sql, output: out, query: select * from in}
            """)
        let variables = ["CAUDAL_DUCKDB": project.folder.path("duckdb")]
        async let validated = project.caudal("validate", "p.yaml", variables: variables)
        async let ran = project.caudal("run", "p.yaml", "--plain", variables: variables)
        async let examined = project.caudal("doctor", variables: variables)
        for answer in try await [validated, ran, examined] {
            #expect(answer.status != 0, "\(answer)")
            #expect(answer.description.contains("did not answer within 30s"), "\(answer)")
        }
        #expect(try await examined.output.contains("✓ disk"))
        let left = try await project.run(
            "/bin/sh", ["-c", "for p in $(cat pids); do test -e /proc/$p && echo $p; done; true"])
        #expect(left.output.isEmpty, "\(left)")
    }

    @Test("A question has a limit of time, and its answer one of size")
    func questions() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
        let ended = try await project.caudal("sql", endless, "--timeout", "300ms")
        #expect(ended.status == 1 && ended.errors.contains("--timeout"), "\(ended)")
        let huge = try await project.caudal("sql", "select zeroblob(900000000)")
        #expect(huge.status == 1, "\(huge)")
        let rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000) select i from n"
        let cut = try await project.caudal("sql", rows)
        #expect(cut.status == 0 && cut.errors.contains("--format csv"), "\(cut.errors)")
        #expect(cut.lines.count == 10_001)
        let all = try await project.caudal("sql", rows, "--format", "csv")
        #expect(all.status == 0 && all.lines.count == 30_001)
    }

    @Test(
        "A text that is no part of an id names no run", arguments: ["%", "20%", "2___", "", "_", "*"])
    func names(text: String) async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        for verb in ["show", "report", "lineage", "prune", "retry", "cancel"] {
            let answer = try await project.caudal(verb, text)
            #expect(answer.status != 0, "\(verb) '\(text)': \(answer)")
        }
        #expect(try await project.caudal("runs", "--json").lines.count == 1)
    }
}

extension CaudalProject {
    /// Runs the program under limits of `prlimit`.
    fileprivate func limited(_ limits: [String], _ arguments: [String]) async throws -> Answer {
        try await run("/usr/bin/prlimit", limits + [Self.program] + arguments)
    }
}
