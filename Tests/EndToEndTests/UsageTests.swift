import Foundation
import TestSupport
import Testing

/// What the program says when it was asked wrongly, and that asking leaves nothing behind.
@Suite("Usage", .timeLimit(.minutes(15)))
struct UsageTests {
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nparams: {mode: {type: string, default: x}}\n"
                + "stages: {work: {type: command, run: 'true'}}\n")
        return project
    }

    @Test("An unknown parameter is wrong usage, without a place in the file", arguments: ["run", "explain"])
    func parameter(verb: String) async throws {
        let project = try project()
        let answer =
            verb == "run"
            ? try await project.caudal("run", "p.yaml", "--param", "mod=1")
            : try await project.caudal("explain", "p.yaml", "work", "--param", "mod=1")
        #expect(answer.status == 64)
        #expect(
            answer.errors.hasPrefix("error: the pipeline has no parameter 'mod'; did you mean 'mode'?\n"), "\(answer)")
        #expect(answer.errors.contains("Usage: caudal \(verb)"), "\(answer)")
    }

    @Test("A pipeline file that is not there has no line")
    func missingFile() async throws {
        let answer = try await project().caudal("run", "nope.yaml")
        #expect(answer.status == 2)
        #expect(answer.errors == "error: there is no file 'nope.yaml'; give the path of a pipeline file\n")
    }

    @Test("A missing argument is told in lower case, with the usage of its verb")
    func missingArgument() async throws {
        let answer = try await project().caudal("run")
        #expect(answer.status == 64)
        #expect(answer.errors.hasPrefix("error: "), "\(answer)")
        #expect(answer.errors.contains("caudal run"))
    }

    @Test("Help and version are printed as ever")
    func help() async throws {
        let help = try await project().caudal("run", "--help")
        #expect(help.status == 0 && help.output.contains("USAGE: caudal run"), "\(help)")
        let version = try await project().caudal("--version")
        #expect(version.status == 0 && version.output.first?.isNumber == true)
    }

    @Test(
        "A word that is no verb is named, with the verb that was meant or the way to all of them",
        arguments: [
            (["rnu", "p.yaml"], "'caudal' has no verb 'rnu'; did you mean 'caudal run'?"),
            (["help", "nosuch"], "'caudal' has no verb 'nosuch'; 'caudal --help' lists its verbs"),
            (["help", "quarantine", "lst"], "no verb 'lst'; did you mean 'caudal quarantine list'?"),
            (["generate", "sails"], "no verb 'sails'; did you mean 'caudal generate sales'?"),
            (["help", "run", "now"], "'caudal run' has no verbs of its own; run 'caudal run --help'"),
        ])
    func unknownVerb(words: [String], message: String) async throws {
        let answer = try await project().caudal(words)
        #expect(answer.status == 64, "\(answer)")
        #expect(answer.output.isEmpty && answer.errors.contains(message), "\(answer)")
    }

    @Test("Help fills the screen's width and stays within it", arguments: [80, 120])
    func helpWidth(columns: Int) async throws {
        let project = try project()
        for verb in ["sql", "lineage", "explain", "prune", "mark", "logs", "checks"] {
            let answer = try await project.caudal("help", verb, variables: ["COLUMNS": String(columns)])
            #expect(answer.status == 0)
            let lines = answer.output.components(separatedBy: "\n")
            #expect(lines.allSatisfy { $0.count <= columns }, "\(answer)")
            // In a paragraph a line ends where the next word has no room.
            for (line, next) in zip(lines, lines.dropFirst()) where Self.isProse(line) && Self.isProse(next) {
                let word = next.prefix { $0 != " " }
                #expect(line.count + 1 + word.count >= columns, "\(line)\n\(next)")
            }
        }
    }

    private static func isProse(_ line: String) -> Bool {
        line.first?.isLetter == true && !line.hasPrefix("USAGE:") && line != "OPTIONS:" && line != "ARGUMENTS:"
    }

    @Test("Pausing, restoring, removing, validating and doctor speak JSON")
    func json() async throws {
        let project = try project()
        try project.write("bad.yaml", "version: 1\nname: bad\nstages: {work: {type: comand, run: 'true'}}\n")
        let validated = try await project.caudal("validate", "--json", "p.yaml", "bad.yaml")
        #expect(validated.status == 2)
        #expect(validated.lines.first == #"{"file":"p.yaml","isFine":true,"problems":[]}"#, "\(validated)")
        #expect(validated.lines.last?.contains(#""column":23,"file":"bad.yaml","line":3"#) == true, "\(validated)")
        #expect(validated.errors.isEmpty)
        let doctor = try await project.caudal("doctor", "--json")
        #expect(doctor.output.contains(#""state":"good","thing":"duckdb""#), "\(doctor)")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let pruned = try await project.caudal("prune", "--keep", "0", "--json")
        #expect(pruned.output.contains(#""pipeline":"p","removed":true"#), "\(pruned)")
        for verb in ["pause", "unpause"] {
            #expect(try await project.caudal("help", verb).output.contains("--json"))
        }
    }

    @Test("A new run cannot be chosen by states, and says what can")
    func states() async throws {
        for option in ["--select", "--exclude"] {
            let answer = try await project().caudal("run", "p.yaml", option, "state:failed")
            #expect(answer.status == 64)
            #expect(answer.errors.contains("caudal retry RUN --select"), "\(answer)")
        }
        let graph = try await project().caudal("graph", "p.yaml", "--select", "state:failed")
        #expect(graph.status == 64)
        #expect(graph.errors.contains("no states to select by"))
    }

    @Test("Verbs that read make nothing")
    func readingVerbs() async throws {
        let project = try project()
        let state = project.folder.path("nope")
        for verb in [["show", "last"], ["runs"], ["logs"], ["retry", "last"], ["resume"]] {
            let answer =
                verb.count > 1
                ? try await project.caudal(verb[0], verb[1], "--state", state)
                : try await project.caudal(verb[0], "--state", state)
            #expect(answer.status == 1)
            #expect(answer.errors.contains("there are no runs in \(state)"), "\(answer)")
        }
        for verb in [["validate", "p.yaml"], ["graph", "p.yaml"], ["doctor"]] {
            let answer =
                verb.count > 1 ? try await project.caudal(verb[0], verb[1]) : try await project.caudal(verb[0])
            #expect(answer.status == 0, "\(answer)")
            #expect(answer.errors == "")
        }
        #expect(try await project.caudal("explain", "p.yaml", "work").status == 0)
        #expect(try project.names() == ["p.yaml"])
    }

    @Test("The doctor of the root folder names its place properly and complains of nothing")
    func doctorAtRoot() async throws {
        let answer = try await project().caudal("doctor", in: "/")
        #expect(answer.errors == "")
        #expect(!answer.output.contains("//"))
    }

    @Test("Filters by names that no run knows are refused, with a suggestion")
    func unknownNames() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let runs = try await project.caudal("runs", "--pipeline", "pp")
        #expect(runs.status == 1)
        #expect(runs.errors.hasPrefix("error: there are no runs of a pipeline 'pp'; did you mean 'p'?"), "\(runs)")
        let logs = try await project.caudal("logs", "--stage", "wrok")
        #expect(logs.status == 1)
        #expect(logs.errors.contains("has no stage 'wrok'; did you mean 'work'?"), "\(logs)")
        #expect(try await project.caudal("logs", "--stage", "work").status == 0)
    }

    @Test(
        "A stage or an item that the run does not have is an error in every verb, with the near miss",
        arguments: [
            ("logs --stage alphaa", 1, "did you mean 'alpha'?"),
            ("logs --stage alpha/nort", 1, "did you mean 'north'?"),
            ("logs --stage alpha/", 64, "is invalid for"), ("logs --stage /", 64, "is invalid for"),
            ("logs --stage / --follow", 64, "is invalid for"),
            ("logs --stage /north", 64, "is invalid for"), ("logs --stage beta/x", 1, "beta has no item 'x'"),
            ("logs --since 1h --stage alpha/zz", 1, "has no item 'zz'"),
            ("retry last alphaa", 1, "did you mean 'alpha'?"), ("retry last alpha/nort", 1, "did you mean 'north'?"),
            ("retry last alpha/", 64, "is invalid for"), ("retry last /", 64, "is invalid for"),
            ("cancel last alphaa", 1, "did you mean 'alpha'?"), ("cancel last alpha/nort", 1, "did you mean 'north'?"),
            ("mark last alpha/nort skipped --reason x", 1, "did you mean 'north'?"),
            ("mark last alpha/ skipped --reason x", 64, "is invalid for"),
            ("quarantine show last alphaa", 1, "did you mean 'alpha'?"),
            ("quarantine replay last alphaa", 1, "did you mean 'alpha'?"), ("explain u.yaml alphaa", 64, "'alphaa'"),
        ])
    func unknownUnits(line: String, status: Int32, words: String) async throws {
        let project = try project()
        try project.write(
            "u.yaml",
            """
            version: 1
            name: u
            stages:
              alpha: {type: command, foreach: {x: [north, south]}, run: "test ${item.x} = north"}
              beta: {type: command, run: "true"}
            """)
        #expect(try await project.caudal("run", "u.yaml", "--plain").status == 1)
        let answer = try await project.caudal(line.split(separator: " ").map(String.init))
        #expect(answer.status == status && answer.errors.contains(words), "\(answer)")
        let known = try await project.caudal("logs", "--stage", "alpha/north")
        #expect(known.status == 0 && known.output.contains("alpha[north]"), "\(known)")
    }

    @Test(
        "An option or an argument that is empty is wrong usage in every verb",
        arguments: [
            "run p.yaml --state @", "run p.yaml --state=", "run p.yaml --project @", "run p.yaml --env @",
            "run p.yaml --select @", "run p.yaml --param @", "run @", "validate @", "validate p.yaml @",
            "validate p.yaml --env=", "graph p.yaml --env @", "graph p.yaml --select @", "explain p.yaml @",
            "explain p.yaml work --item @", "runs --pipeline @", "runs --state @", "show @", "show last --state @",
            "logs --run @", "logs --stage @", "logs --pipeline @", "logs --grep @", "logs --since @", "report @",
            "report last --output @", "checks --pipeline @", "checks --history @", "lineage @", "lineage last --env @",
            "sql @", "sql --timeout @", "profile @", "profile a.csv --pipeline @", "retry @", "retry last @",
            "resume @", "watch @", "cancel @", "cancel last @", "mark last @ skipped --reason x",
            "mark last work skipped --reason @", "pause @", "unpause @", "prune @", "prune --pipeline @",
            "restore @", "restore last @", "restore last a --to @", "diff @ last a", "diff last last @",
            "diff last last a --key @", "backfill p.yaml --days @", "backfill p.yaml --days a..b --state @",
            "quarantine show last @", "quarantine show last work --to @", "quarantine replay last work --fixed @",
            "quarantine list @", "generate sales --output @", "generate sales --catalog @", "doctor --state @",
            "home --state @", "--state @",
        ])
    func emptyWords(line: String) async throws {
        let project = try project()
        let answer = try await project.caudal(line.split(separator: " ").map { $0 == "@" ? "" : String($0) })
        #expect(answer.status == 64 && answer.errors.contains("empty"), "\(answer)")
        #expect(try project.names() == ["p.yaml"])
    }

    @Test("A parameter may be empty, as it has a name")
    func emptyParameter() async throws {
        for words in [["--param", "mode="], ["--param=mode="]] {
            #expect(try await project().caudal(["run", "p.yaml"] + words).status == 0)
        }
    }

    @Test("The graph needs no state folder, and says so by not taking one")
    func graphOptions() async throws {
        let answer = try await project().caudal("graph", "--help")
        #expect(!answer.output.contains("--state"))
    }

    @Test("A run of one stage is told without a wrong plural, and what to do stands on lines of its own")
    func words() async throws {
        let project = try project()
        let fine = try await project.caudal("run", "p.yaml")
        #expect(fine.output.contains("started: 1 stage, "), "\(fine)")
        try project.write(
            "q.yaml",
            "version: 1\nname: p\nstages: {w: {type: command, run: sleep 9, timeout: 1s}}\n")
        let late = try await project.caudal("run", "q.yaml")
        #expect(late.output.contains("longer than 1s and was stopped"), "\(late)")
        #expect(late.output.split(separator: "\n").contains { $0.hasPrefix("  why:       caudal show ") })
    }

    @Test("The catalog is generated by itself, the same as beside the orders")
    func catalog() async throws {
        let project = try project()
        #expect(try await project.caudal("generate", "catalog", "--products", "7", "--output", "a.csv").status == 0)
        #expect(try project.names() == ["a.csv", "p.yaml"])
        let both = try await project.caudal(
            "generate", "sales", "--rows", "5", "--products", "7", "--output", "s.csv", "--catalog", "b.csv")
        #expect(both.status == 0)
        #expect(project.text("a.csv") == project.text("b.csv"))
        #expect(project.text("a.csv")?.split(separator: "\n").count == 8)
    }

    @Test("What cannot be printed is told, and the status is 1; a run's status stays its own")
    func fullOutput() async throws {
        let project = try project()
        let run = try await project.run(
            "/bin/sh", ["-c", "\"$0\" run p.yaml --plain > /dev/full", CaudalProject.program])
        #expect(run.status == 0, "\(run)")
        for verb in ["runs", "logs --no-pager", "logs --output csv", "show last", "metrics", "stats"] {
            let answer = try await project.run("/bin/sh", ["-c", "\"$0\" \(verb) > /dev/full", CaudalProject.program])
            #expect(
                answer.status == 1 && answer.errors.contains("standard output cannot be written: No space left"),
                "\(verb): \(answer)")
            let closed = try await project.run(
                "/bin/bash", ["-c", "\"$0\" \(verb) | true; echo ${PIPESTATUS[0]}", CaudalProject.program])
            // 141: ended by the signal that says so.
            #expect(["0\n", "141\n"].contains(closed.output) && closed.errors == "", "\(verb): \(closed)")
        }
    }

    @Test("Figures go through a link or a pipe, and leave both as they are")
    func oddOutputs() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        try project.write("real.prom", "old")
        let link = project.folder.path("link.prom")
        #expect(symlink("real.prom", link) == 0)
        #expect(try await project.caudal("metrics", "--output", "link.prom").status == 0)
        #expect(try project.read("real.prom").contains("caudal_build_info"))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real.prom")
        let pipe = try await project.run(
            "/bin/sh",
            ["-c", "mkfifo pipe; \"$0\" metrics --output pipe & cat pipe; wait; test -p pipe", CaudalProject.program])
        #expect(pipe.status == 0 && pipe.output.contains("caudal_build_info"), "\(pipe)")
    }

    @Test("The doctor says that no runs can be kept where the state folder is none")
    func unusableState() async throws {
        let project = try project()
        try project.write(".caudal", "a file")
        let told = try await project.caudal("doctor")
        #expect(told.status == 1 && told.output.contains(".caudal is no folder"), "\(told)")
        #expect(told.output.contains("set CAUDAL_STATE"), "\(told)")
    }
}
