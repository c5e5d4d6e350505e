import TestSupport
import Testing

/// Commands that Caudal tells the user to type do what they say when they are typed where they were read.
@Suite("Commands to type next", .timeLimit(.minutes(5)))
struct CommandHintTests {
    static let places = [
        (["run", "sub/p.yaml"], " --state PROJECT/sub/.caudal"),
        (["run", "sub/p.yaml", "--state", "other place"], " --state 'PROJECT/other place'"),
        (["run", "sub/p.yaml", "--project", "."], ""),
    ]

    @Test("A hint names the state folder where the command would not find it by itself", arguments: places)
    func named(arguments: [String], options: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("sub/p.yaml", "version: 1\nname: p\nstages:\n  a: {type: command, run: exit 3}\n")
        let run = try await project.caudal(arguments + ["--plain"])
        let options = options.replacing("PROJECT", with: project.folder.path)
        for verb in ["retry ", "show ", "logs --run "] {
            let line = try #require(run.lines.first { $0.contains("caudal " + verb) }, "\(run)")
            #expect(line.hasSuffix(options) && line.contains("--state") == !options.isEmpty, "\(line)")
            let words = line[line.firstRange(of: "caudal ")!.lowerBound...]
            let answer = try await project.run("/bin/sh", ["-c", "\(CaudalProject.program)\(words.dropFirst(6))"])
            #expect(answer.errors.contains("there are no runs") == false && answer.output.contains("a"), "\(answer)")
        }
    }
}
