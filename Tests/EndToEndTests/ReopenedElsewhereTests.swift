import Foundation
import TestSupport
import Testing

/// What has changed around a run between its beginning and a retry: the variables, the sources, the project's place.
@Suite("Runs that are taken up in another world", .timeLimit(.minutes(15)))
struct ReopenedElsewhereTests {
    /// A run whose second stage has failed, and would succeed now.
    private func halfDone(variables: [String: String] = [:]) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: half
            datasets: {src: {path: src.csv}, a: {path: out/a.csv}, b: {path: out/b.csv}}
            stages:
              a: {type: command, inputs: src, run: "cat ${input.src} > $CAUDAL_OUTPUT; echo ${env.REGION} >> $CAUDAL_OUTPUT", output: a}
              b:
                type: command
                needs: a
                inputs: [src, a]
                run: "test ! -e bad || exit 3; cat ${input.src} ${input.a} > $CAUDAL_OUTPUT; echo ${env.REGION} >> $CAUDAL_OUTPUT"
                output: b
            """)
        try project.write("src.csv", "v\n1\n")
        try project.write("bad", "")
        let run = try await project.caudal("run", "p.yaml", "--plain", variables: ["REGION": "eu"])
        #expect(run.status == 1 && project.exists("out/a.csv"), "\(run)")
        try FileManager.default.removeItem(atPath: project.folder.path("bad"))
        return project
    }

    @Test("A variable that the file names and that has another value now is asked about, as a changed file is")
    func variable() async throws {
        let project = try await halfDone()
        let asked = try await project.caudal("retry", "last", "--plain", variables: ["REGION": "us"])
        #expect(asked.status == 64 && !project.exists("out/b.csv"), "\(asked)")
        #expect(
            asked.errors.contains("a variable that p.yaml names has changed since the run began")
                && asked.errors.contains("${env.REGION}: another value than before"), "\(asked)")
        let same = try await project.caudal("retry", "last", "--plain", variables: ["REGION": "eu"])
        #expect(same.status == 0 && project.text("out/b.csv") == "v\n1\nv\n1\neu\neu\n", "\(same)")
    }

    @Test("The file of a run is found from every folder, whatever name it had in the one where the run began")
    func otherFolder() async throws {
        let project = try CaudalProject(copying: [])
        func write(_ folder: String, _ run: String) throws {
            try project.write("\(folder)/p.yaml", "version: 1\nname: p\nstages: {a: {type: command, run: '\(run)'}}\n")
        }
        try write("one", "exit 3")
        try write("two", "echo of two >> ledger")
        #expect(try await project.caudal("run", "one/p.yaml", "--plain").status == 1)
        try write("one", "echo of one >> ledger")
        let state = project.folder.path("one/.caudal")
        let other = try await project.caudal(
            "retry", "last", "--plain", "--yes", "--state", state, in: project.folder.path("two"))
        #expect(other.status == 0, "\(other)")
        #expect(project.text("one/ledger") == "of one\n" && !project.exists("two/ledger"))
        try write("one", "echo again >> ledger")
        let inside = try await project.caudal("retry", "last", "a", "--plain", "--yes", in: project.folder.path("one"))
        #expect(inside.status == 0 && !inside.errors.contains("is missing"), "\(inside)")
        #expect(project.text("one/ledger") == "of one\nagain\n")
    }

    @Test("Whoever reads another version of a source than the run did before is told so")
    func source() async throws {
        let project = try await halfDone()
        try project.write("src.csv", "v\n2\n")
        let again = try await project.caudal("retry", "last", "--plain", variables: ["REGION": "eu"])
        #expect(again.status == 0, "\(again)")
        let words = "src.csv has changed since a of this run read it, and b has read the new version"
        #expect(again.output.contains(words), "\(again)")
        #expect(again.output.contains(/: 'caudal retry [0-9]\S+ a --downstream' has all of them/), "\(again)")
        #expect(try await project.caudal("show", "last").output.contains(words))
        // Read anew by all of them, it is one version again.
        let whole = try await project.caudal(
            "retry", "last", "a", "--downstream", "--plain", "--yes", variables: ["REGION": "eu"])
        #expect(whole.status == 0 && !whole.output.contains("has changed since"), "\(whole)")
        // What is about to read it again has read nothing that counts.
        try project.write("src.csv", "v\n3\n")
        let anew = try await project.caudal(
            "retry", "last", "a", "--downstream", "--plain", "--yes", variables: ["REGION": "eu"])
        #expect(anew.status == 0 && !anew.output.contains("has changed since"), "\(anew)")
        try project.write("src.csv", "v\n4\n")
        let alone = try await project.caudal("retry", "last", "a", "--plain", "--yes", variables: ["REGION": "eu"])
        #expect(alone.output.contains("src.csv has changed since b of this run read it"), "\(alone)")
    }

    @Test(
        "A run in a project that was copied or moved is looked at, and does not go on in the old place",
        arguments: [true, false])
    func otherPlace(isCopy: Bool) async throws {
        let project = try await halfDone()
        let other = project.folder.path + "-other"
        defer { try? FileManager.default.removeItem(atPath: other) }
        if isCopy {
            try FileManager.default.copyItem(atPath: project.folder.path, toPath: other)
        } else {
            try FileManager.default.moveItem(atPath: project.folder.path, toPath: other)
        }
        defer {
            if !isCopy { try? FileManager.default.moveItem(atPath: other, toPath: project.folder.path) }
        }
        for words in [["retry", "last"], ["resume", "last"], ["mark", "last", "b", "succeeded", "--reason", "x"]] {
            let answer = try await project.run(
                CaudalProject.program, words + ["--plain", "--yes"], ["REGION": "eu"], in: other)
            #expect(answer.status == 1 && answer.errors.contains("was begun in"), "\(words): \(answer)")
            #expect(
                answer.errors.contains(isCopy ? "go on with it there" : "move the project back"), "\(words): \(answer)")
        }
        #expect(!FileManager.default.fileExists(atPath: project.folder.path + "/out/b.csv"))
        let shown = try await project.run(CaudalProject.program, ["show", "last"], in: other)
        #expect(shown.status == 0, "\(shown)")
    }

    @Test("Nor is a folder of which no version is kept, or where the files came while the stage ran")
    func foreignFilesWithoutVersion() async throws {
        let project = try CaudalProject(copying: [])
        func write(_ more: String) throws {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: folder
                keep_versions: 0
                datasets: {x: {path: out/x, format: csv}}
                stages:
                  x: {type: command, output: x, run: "mkdir $CAUDAL_OUTPUT; echo v > $CAUDAL_OUTPUT/a.csv\(more)"}
                """)
        }
        try write("")
        for _ in 0..<2 { #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0) }
        try project.write("out/x/notes.txt", "precious")
        let refused = try await project.caudal("run", "p.yaml", "--plain")
        #expect(refused.status != 0 && "\(refused)".contains("is not as the last run left it"), "\(refused)")
        try FileManager.default.removeItem(atPath: project.folder.path("out/x/notes.txt"))
        try write("; echo precious > out/x/notes.txt")
        let late = try await project.caudal("run", "p.yaml", "--plain")
        #expect(late.status == 1 && "\(late)".contains("is not as the last run left it"), "\(late)")
        #expect(project.text("out/x/notes.txt") == "precious\n")
        // What was not published takes no room, and passes for no version.
        let left = project.files(in: ".caudal/runs").filter { $0.hasSuffix("a.csv") }
        #expect(left.isEmpty, "\(left)")
    }

    @Test("Runs that overlap publish one folder one after another, also for the first time")
    func overlappingFolders() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: folder
            overlap: allow
            params: {v: {type: integer}}
            datasets: {x: {path: out/x, format: csv}}
            stages:
              x:
                type: command
                output: x
                run: "mkdir $CAUDAL_OUTPUT; echo v > $CAUDAL_OUTPUT/f${params.v}.csv; until test -e open; do sleep 0.05; done"
            """)
        var runs: [CaudalProject.Started] = []
        for number in 1...6 {
            runs.append(try await project.start("run", "p.yaml", "--plain", "--param", "v=\(number)"))
            #expect(await runs[number - 1].says("started") != nil)
        }
        try project.write("open", "")
        for run in runs { #expect(await run.says("1 succeeded") != nil) }
        #expect(project.files(in: "out/x").count == 1, "one of them won, as a whole")
    }

    @Test("A folder output in which somebody has put files is not replaced with them")
    func foreignFiles() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: folder
            datasets: {x: {path: out/x, format: csv}}
            stages:
              x: {type: command, output: x, run: "mkdir $CAUDAL_OUTPUT; echo v > $CAUDAL_OUTPUT/a.csv"}
            """)
        for _ in 0..<2 { #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0) }
        try project.write("out/x/notes.txt", "precious")
        let refused = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            refused.status != 0
                && (refused.errors + refused.output).contains("holds notes.txt, which no run put there"),
            "\(refused)")
        #expect(project.text("out/x/notes.txt") == "precious")
        try FileManager.default.removeItem(atPath: project.folder.path("out/x/notes.txt"))
        // What was changed in place is the run's own file, which is made anew.
        try project.write("out/x/a.csv", "w\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        #expect(project.text("out/x/a.csv") == "v\n")
    }
}
