import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("A stage is spared when nothing has changed since it succeeded", .timeLimit(.minutes(15)))
struct ReuseTests {
    private static let pipeline = """
        version: 1
        name: p
        params: {least: {type: integer, default: 1}}
        datasets:
          raw: {path: raw.csv}
          big: {path: out/big.csv}
          sum: {path: out/sum.csv}
          word: {path: out/word.csv}
        stages:
          filter: {type: sql, output: big, query: "select * from raw where n::int >= ${params.least}"}
          add: {type: sql, output: sum, query: select sum(n::int) as total from big}
          say: {type: command, needs: add, inputs: [sum], output: word, run: "sh say.sh > ${stage.output}"}
          tell: {type: command, needs: say, run: "true"}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", Self.pipeline)
        try project.write("raw.csv", "n\n1\n2\n3\n")
        try project.write("say.sh", "cat \"$CAUDAL_INPUT_SUM\"\n")
        return project
    }

    /// Runs with --reuse; what was printed of each stage's end.
    private func run(_ project: CaudalProject, _ more: String...) async throws -> [String: String] {
        let answer = try await project.run(
            CaudalProject.program, ["run", "p.yaml", "--plain", "--reuse"] + more)
        #expect(answer.exit == .exited(0), "\(answer)")
        let show = try await project.caudal("show")
        var ends: [String: String] = [:]
        for line in show.lines {
            for stage in ["filter", "add", "say", "tell"] where line.contains(" \(stage) ") { ends[stage] = line }
        }
        return ends
    }

    @Test("The second run reuses everything but a command without an output, and says why", .timeLimit(.minutes(15)))
    func second() async throws {
        let project = try project()
        // The first run was not asked to reuse anything: its successes can be taken all the same.
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        let ends = try await run(project)
        for stage in ["filter", "add", "say"] {
            #expect(ends[stage]?.contains("reused") == true, "\(ends)")
            #expect(ends[stage]?.contains("nothing has changed since run") == true, "\(ends)")
        }
        #expect(ends["tell"]?.contains("a command without an output always runs") == true, "\(ends)")
        let dry = try await project.caudal("run", "p.yaml", "--reuse", "--dry-run")
        #expect(dry.output.contains("Reused:      add: nothing has changed since run"), "\(dry)")
        #expect(dry.output.contains("Runs:        tell\n"), "\(dry)")
        #expect(!dry.output.contains("Overwrites"), "\(dry)")
        try project.write("p.yaml", Self.pipeline.replacing("as total", with: "as whole"))
        let edited = try await project.caudal("run", "p.yaml", "--reuse", "--dry-run")
        #expect(edited.output.contains("Not reused:  add: definition changed: query"), "\(edited)")
        #expect(edited.output.contains("Perhaps:     say: only if add writes what it wrote before"), "\(edited)")
        try project.write("p.yaml", Self.pipeline)
        let third = try await run(project)
        #expect(third["add"]?.contains("reused") == true, "a success lasts over a run that reused it: \(third)")
        let off = try await project.caudal("run", "p.yaml", "--plain", "--no-reuse")
        #expect(!off.output.contains("reused"), "\(off)")
    }

    @Test("Lineage of what was reused tells which run made its input", .timeLimit(.minutes(15)))
    func lineage() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        let maker = try await project.caudal("sql", "--format", "csv", "select id from runs").lines[1]
        let alone = try await run(project, "--select", "add")
        #expect(alone["add"]?.contains("reused") == true, "\(alone)")
        let found = try await project.caudal("lineage", "last")
        #expect(found.output.contains("by run \(maker)") && !found.output.contains("from outside"), "\(found)")
        // A run that has all of it knows its own stages.
        _ = try await run(project)
        let whole = try await project.caudal("lineage", "last")
        #expect(whole.output.contains("by filter") && !whole.output.contains("by run \(maker)"), "\(whole)")
    }

    @Test("What changed is named, and what follows runs only if its own input changed", .timeLimit(.minutes(15)))
    func reasons() async throws {
        let project = try project()
        #expect(try await run(project)["add"]?.contains("no earlier success") == true)

        try project.write("raw.csv", "n\n1\n2\n4\n")
        let input = try await run(project)
        #expect(input["filter"]?.contains("input raw.csv changed") == true, "\(input)")
        #expect(input["add"]?.contains("input out/big.csv changed") == true, "\(input)")

        let parameter = try await run(project, "--param", "least=0")
        #expect(parameter["filter"]?.contains("parameter least changed") == true, "\(parameter)")
        #expect(parameter["add"]?.contains("reused") == true, "the same rows came out: \(parameter)")

        try project.write("p.yaml", Self.pipeline.replacing("as total", with: "as whole"))
        let definition = try await run(project)
        #expect(definition["add"]?.contains("definition changed: query") == true, "\(definition)")

        try project.write("say.sh", "wc -l \"$CAUDAL_INPUT_SUM\"\n")
        let script = try await run(project)
        #expect(script["say"]?.contains("input say.sh changed") == true, "\(script)")

        try FileManager.default.removeItem(atPath: project.folder.path("out/sum.csv"))
        let missing = try await run(project)
        #expect(missing["add"]?.contains("output out/sum.csv is missing") == true, "\(missing)")
        #expect(missing["say"]?.contains("reused") == true, "the same file was made: \(missing)")

        try project.write("out/word.csv", "scribbled over\n")
        let scribbled = try await run(project)
        #expect(scribbled["say"]?.contains("output out/word.csv was changed") == true, "\(scribbled)")
        let log = try await project.caudal("logs", "--run", "last", "--stage", "say")
        #expect(log.output.contains("ran: output out/word.csv was changed"), "\(log)")
    }

    @Test(
        "Settings, needs and comments are no part of what is compared; a retry by hand runs", .timeLimit(.minutes(15)))
    func settings() async throws {
        let project = try project()
        _ = try await run(project)
        try project.write(
            "p.yaml",
            Self.pipeline.replacing("add: {type: sql,", with: "add: {description: sums, retry: {limit: 3}, type: sql,"))
        let ends = try await run(project)
        #expect(ends["add"]?.contains("reused") == true, "\(ends)")
        let again = try await project.caudal("retry", "last", "add", "--plain")
        #expect(again.exit == .exited(0) && again.output.contains("add     succeeded"), "\(again)")
        let show = try await project.caudal("show")
        #expect(show.output.contains("asked to run again"), "\(show)")
    }

    @Test(
        "A script is compared however the command names it, and so is a variable that is passed on",
        .timeLimit(.minutes(15)))
    func scripts() async throws {
        let project = try CaudalProject(copying: [])
        func write(_ word: String) throws {
            for name in ["scripts/x.sh", "my dir/y z.sh", "my dir/inner/z.sh", "conf/deep/a.sh"] {
                try project.write(name, "echo \(word)\n")
            }
            try project.write("lib/app/main.py", "from app.word import word\nprint(word)\n")
            try project.write("lib/app/word.py", "word = '\(word)'\n")
            try project.write("program/__main__.py", "print('\(word)')\n")
        }
        let stages = [
            #"run: 'sh "my dir/y z.sh" > ${stage.output}'"#, #"run: [sh, -c, 'sh scripts/x.sh > "$CAUDAL_OUTPUT"']"#,
            "run: 'sh ${params.dir}/x.sh > ${stage.output}'", "run: 'cd scripts && sh ./x.sh > ${stage.output}'",
            "run: 'python3 program > ${stage.output}'", "run: 'cat scripts/*.sh > ${stage.output}'",
            "run: 'true > ${stage.output}'", "run: 'date +%N | tee scripts/last.log > ${stage.output}'",
            "run: 'cat out/s18* > /dev/null 2>&1; true > ${stage.output}'",
            "run: 'D=scripts; sh $D/x.sh > ${stage.output}'", #"run: 'S=x; sh "scripts/$${S}.sh" > ${stage.output}'"#,
            "run: 'PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=lib python3 -m app.main > ${stage.output}'",
            #"run: 'cd my\ dir && cd inner && sh ./z.sh > "${stage.output}"'"#,
            "run: 'cat conf/deep/* > /dev/null; grep -r echo conf > ${stage.output}'",
            "run: 'for f in x y; do sh scripts/$f.sh; done > ${stage.output} 2> /dev/null; true'",
            #"run: [nice, bash, -c, 'S=x; exec sh "scripts/$S.sh" > ${stage.output}']"#,
            "run: 'echo `cat scripts/x.sh` > ${stage.output}'", "run: 'echo @scripts/x.sh > ${stage.output}'",
            "run: 'echo none.txt,scripts/x.sh > ${stage.output}'", "run: 'echo scripts/x.sh:/inside > ${stage.output}'",
        ]
        let names = stages.indices.map { "s\(10 + $0)" }
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            reuse: unchanged
            params: {dir: {type: string, default: scripts}}
            datasets: {\(names.map { "\($0): {path: out/\($0).csv}" }.joined(separator: ", "))}
            stages:
            \(zip(names, stages).map { "  \($0): {type: command, output: \($0), \($1)}" }.joined(separator: "\n"))
            """)
        func run(reusing expected: [String]) async throws {
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            let reused = names.filter { ran.output.contains("  \($0)  reused") }
            #expect(ran.status == 0 && reused == expected, "\(ran)")
        }
        try write("old")
        try await run(reusing: [])
        try await run(reusing: names)
        try write("new")
        try await run(reusing: ["s16", "s17", "s18"])
    }

    @Test("A variable that the line of a command reads is compared too", .timeLimit(.minutes(15)))
    func variables() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            reuse: unchanged
            datasets: {word: {path: out/word.csv}}
            stages: {say: {type: command, output: word, run: 'echo "$WORD" > ${stage.output}'}}
            """)
        for (word, isReused) in [("a", false), ("a", true), ("b", false)] {
            let ran = try await project.run(CaudalProject.program, ["run", "p.yaml", "--plain"], ["WORD": word])
            #expect(ran.output.contains("say  reused") == isReused, "\(ran)")
            #expect(try project.read("out/word.csv") == word + "\n")
        }
    }

    @Test("The items of a fan-out are reused each on their own", .timeLimit(.minutes(15)))
    func items() async throws {
        let project = try CaudalProject(copying: [])
        let pipeline = """
            version: 1
            name: p
            reuse: unchanged
            datasets:
              part: {path: "in/${item.part}.csv"}
              made: {path: "out/${item.part}.csv"}
            stages:
              filter:
                type: command
                foreach: {part: [a, b, c]}
                inputs: [part]
                output: made
                run: "cp $CAUDAL_INPUT_PART ${stage.output}"
            """
        try project.write("p.yaml", pipeline)
        for part in ["a", "b", "c"] { try project.write("in/\(part).csv", "n\n\(part)\n") }
        #expect(try await run(project)["filter"]?.contains("succeeded") == true)
        try project.write("in/b.csv", "n\nbb\n")
        #expect(try await run(project)["filter"]?.contains("2 of 3 items reused") == true)
        #expect(try project.read("out/b.csv") == "n\nbb\n")
        let show = try await project.caudal("show")
        #expect(show.output.contains("input in/b.csv changed"), "\(show)")
        #expect(try await run(project)["filter"]?.contains("3 of 3 items reused") == true)
    }

    @Test(
        "What is different in every run is never reused, and it is said why",
        arguments: [
            ("say: {type: command, output: word, run: \"echo ${run.id} > ${stage.output}\"}", "names ${run.id}"),
            ("say: {type: command, output: word, run: \"echo $CAUDAL_RUN_ID > ${stage.output}\"}", "CAUDAL_RUN_ID"),
            ("say: {type: sql, output: word, query: \"select Now() as t\"}", "asks for now"),
            ("say: {type: sql, output: word, query: select 1 as t, reuse: never}", "reuse: never"),
            (
                "say: {type: command, output: word, run: 'if false; then make; fi; echo a > ${stage.output}'}",
                "it runs make, which finds"
            ),
            (
                "say: {type: command, output: word, run: '$(echo echo) a > ${stage.output}'}",
                "it runs $(…), which is not known"
            ),
            (
                "say: {type: command, output: word, run: 'cd \"$(pwd)\" && echo a > ${stage.output}'}",
                "a folder that is not known"
            ),
            (
                "say: {type: command, output: word, run: 'd=$(pwd); sh $d/x.sh; echo a > ${stage.output}'}",
                "it runs $d/x.sh"
            ),
            ("say: {type: command, output: word, run: 'd=$(pwd); ls $d/. > ${stage.output}'}", "it names $d/., which"),
            ("say: {type: command, output: word, run: 'ls . > ${stage.output}'}", "it names the folder ., in which"),
            (
                "say: {type: command, output: word, run: 'echo $RANDOM > ${stage.output}'}",
                "$RANDOM, which is not the same twice"
            ),
        ])
    func never(stage: String, reason: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml", "version: 1\nname: p\ndatasets: {word: {path: out/word.csv}}\nstages:\n  \(stage)\n")
        _ = try await run(project)
        let ends = try await run(project)
        #expect(ends["say"]?.contains("reused") == false && ends["say"]?.contains(reason) == true, "\(ends)")
    }

    @Test("A command that promises so itself is reused without an output", .timeLimit(.minutes(15)))
    func ownPromise() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n  say: {type: command, run: \"if false; then make; fi; echo x >> log\", reuse: unchanged}\n"
        )
        for _ in 0..<3 { #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0)) }
        #expect(try project.read("log") == "x\n")
    }
}
