import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Logs of runs", .timeLimit(.minutes(15))) struct LogsTests {
    /// A project with a pipeline `talk` that prints what its parameter says.
    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "talk.yaml",
            """
            version: 1
            name: talk
            params: {word: {type: string, default: first}}
            stages:
              say:
                type: command
                run: |
                  echo "hello ${params.word}"
                  echo "WARN slow ${params.word}"
                  printf '{"level":"error","msg":"disk full","code":7,"user":{"id":"u1"}}\\n'
                  echo "last, \\"quoted\\""
              fail:
                type: command
                needs: [say]
                allow_failure: true
                run: |
                  printf 'ERROR cannot load\\na.b.LoadException: why\\n\\tat a.b.C(C.java:1)\\ndone\\n' >&2
                  printf '\\033[31mred\\033[0m \\033]0;title\\007text\\n'
            """)
        return project
    }

    private func texts(_ answer: CaudalProject.Answer) throws -> [String] { try texts(of: answer.lines) }

    private func texts(of lines: [String]) throws -> [String] {
        try lines.map { line in
            let record = Array(line.utf8).withUnsafeBufferPointer { LogLineParser.record($0) }
            return try #require(record, "\(line)").message
        }
    }

    @Test("Lines are chosen by level, stage, attempt, text and number")
    func filters() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "talk.yaml", "--plain").status == 0)
        func lines(_ options: String...) async throws -> [String] {
            try texts(try await project.caudal(["logs", "--json"] + options))
        }
        #expect(try await lines("--stage", "say", "--grep", "^hello") == ["hello first"])
        #expect(try await lines("--grep", "HELLO", "-i") == ["hello first"])
        #expect(try await lines("--grep", "HELLO") == [])
        #expect(
            try await lines("--level", "error") == [
                "disk full", "ERROR cannot load", "a.b.LoadException: why", "\tat a.b.C(C.java:1)",
            ])
        #expect(try await lines("--stage", "say", "--level", "warn", "--grep", "disk", "-v") == ["WARN slow first"])
        #expect(
            try await lines("--grep", "why") == ["ERROR cannot load", "a.b.LoadException: why", "\tat a.b.C(C.java:1)"])
        #expect(try await lines("--grep", "WARN", "-C", "1") == ["hello first", "WARN slow first", "disk full"])
        #expect(try await lines("--attempt", "2") == [])
        #expect(try await lines("--stage", "say", "--tail", "1").count == 1)
        #expect(try await lines("--grep", "last, \"quoted\"") == ["last, \"quoted\""])
        #expect(try await project.caudal("logs", "--level", "error", "--count").output == "2\n")
        #expect(try await project.caudal("logs", "--grep", "nothing", "--count").output == "0\n")
        for wrong in [
            ["-i"], ["--grep", "["], ["--since", "soon"], ["--timezone", "Europe/Berln"], ["--attempt", "0"],
            ["--item", "x"], ["--json", "--output", "csv"], ["--count", "--follow"], ["--level", "loud"],
        ] {
            let answer = try await project.caudal(["logs"] + wrong)
            #expect(answer.status == 64, "\(wrong): \(answer)")
        }
    }

    @Test("Several runs are mixed in the order of their times, within times that are given in a zone")
    func severalRuns() async throws {
        let project = try project()
        for word in ["first", "second"] {
            #expect(try await project.caudal("run", "talk.yaml", "--plain", "--param", "word=\(word)").status == 0)
        }
        let all = try texts(try await project.caudal("logs", "--since", "1h", "--json"))
        #expect(all.filter { $0.hasPrefix("hello") } == ["hello first", "hello second"])
        #expect(
            try texts(try await project.caudal("logs", "--json")).filter { $0.hasPrefix("hello") } == ["hello second"])
        #expect(try await project.caudal("logs", "--until", "1h ago", "--count").output == "0\n")
        #expect(
            try await project.caudal("logs", "--since", "today", "--until", "now", "--grep", "hello", "--count").output
                == "2\n")
        let shown = try await project.caudal("logs", "--since", "1h", "--grep", "hello", "--timezone", "Asia/Kolkata")
        #expect(shown.lines.count == 2 && shown.lines.allSatisfy { $0.contains("talk ") }, "\(shown)")
        let hour = Int(Date.now.addingTimeInterval(5.5 * 3600).timeIntervalSince1970) / 3600 % 24
        let hours = [hour, (hour + 23) % 24].map { String(format: " %02d:", $0) }
        #expect(hours.contains { shown.lines[1].contains($0) })
        let ids = try await project.caudal("runs", "--json").output.split(separator: "\n").compactMap { line in
            line.firstMatch(of: #/"run":"([^"]+)"/#).map { String($0.output.1) }
                ?? line.firstMatch(of: #/"id":"([^"]+)"/#).map { String($0.output.1) }
        }
        try #require(ids.count == 2)
        let both = try await project.caudal(["logs", "--run", ids[0], "--run", ids[1], "--grep", "hello", "--count"])
        #expect(both.output == "2\n")
    }

    @Test("Lines are printed as text, as they are stored, or as a table, with fields of those that are JSON")
    func forms() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "talk.yaml", "--plain").status == 0)
        let text = try await project.caudal("logs", "--grep", "disk", "--fields", "code,user.id,none").lines
        #expect(text.count == 1 && text[0].hasSuffix("ERROR  say               disk full code=7 user.id=u1"), "\(text)")
        let json = try await project.caudal("logs", "--grep", "disk", "--fields", "user.id,code", "--output", "json")
            .lines
        #expect(
            json.count == 1 && json[0].hasSuffix(#""message":"disk full","fields":{"user.id":"u1","code":7}}"#),
            "\(json)")
        let csv = try await project.caudal(
            "logs", "--stage", "say", "--grep", "last|disk", "--fields", "code", "--output", "csv"
        ).lines
        #expect(csv[0] == "time,level,pipeline,run,stage,item,attempt,stream,message,code")
        #expect(csv[1].contains(",error,talk,") && csv[1].hasSuffix(",say,,1,stdout,disk full,7"), "\(csv)")
        #expect(csv[2].hasSuffix(",say,,1,stdout,\"last, \"\"quoted\"\"\","), "\(csv)")
        let plain = try await project.caudal("logs", "--grep", "red")
        #expect(plain.output.hasSuffix("red text\n"))
        let coloured = try await project.caudal("logs", "--grep", "red", "--color", "always")
        #expect(
            coloured.output.hasSuffix("\u{1b}[31mred\u{1b}[0m text\u{1b}[0m\n"), "\(coloured.output.debugDescription)")
        let trace = try await project.caudal("logs", "--grep", "why").lines
        #expect(
            trace.count == 3 && trace[1].hasPrefix("        ") && trace[1].hasSuffix("  a.b.LoadException: why"),
            "\(trace)")
    }

    @Test("Following prints lines as they are written, also of a run that starts later")
    func follow() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "talk.yaml", "--plain").status == 0)
        let follower = try await project.start("logs", "--follow", "--json", "--grep", "hello")
        #expect(await follower.says("hello first") != nil)
        #expect(try await project.caudal("run", "talk.yaml", "--plain", "--param", "word=later").status == 0)
        #expect(await follower.says("hello later") != nil)
        await follower.killHard()
        let ended = try await project.caudal("logs", "--follow", "--run", "last", "--grep", "hello")
        #expect(ended.status == 0 && ended.lines.count == 1)
    }

    @Test("A log that a crash tore and a disk damaged is read around, with a note")
    func damage() async throws {
        let project = try project()
        #expect(try await project.caudal("run", "talk.yaml", "--plain").status == 0)
        let folder = try #require(logFolders(project).first)
        let segment = folder + "/000001.jsonl"
        let whole = try await project.caudal("logs")
        let bytes = try FileText.bytes(segment)
        try Data(bytes.prefix(40) + [0x0A] + bytes + bytes.prefix(70)).write(to: URL(filePath: segment))
        let answer = try await project.caudal("logs")
        #expect(answer.output == whole.output && answer.status == 0)
        #expect(answer.errors.contains("2 damaged places") && answer.errors.contains(segment), "\(answer)")
    }

    @Test("Killed while it writes, a run loses no line that it had taken, and what it writes later follows")
    func killedWriter() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "flood.yaml",
            """
            version: 1
            name: flood
            params: {first: {type: integer, default: 1}}
            stages:
              pour: {type: command, run: "seq -f 'line %.0f' ${params.first} 99999999"}
            """)
        var chance = Chance(seed: 5)
        for _ in 0..<4 {
            let run = try await project.start("run", "flood.yaml", "--plain")
            #expect(await run.says("pour  started") != nil)
            let segment = try #require(logFolders(project).last) + "/000001.jsonl"
            let enough = chance.number(1000...3_000_000)
            try await wait(forChangeIn: PathText.folder(of: segment)) {
                (FileMark(segment)?.sizeInBytes ?? 0) >= enough
            }
            #expect(await run.killHard() == .signaled(9))
            // To a file: on a busy machine it may be more than what a tool's answer is taken for.
            let answer = try await project.run(
                "/bin/sh",
                [
                    "-c", "\"$0\" logs --run last --stage pour --json --grep '^line ' > found.jsonl",
                    CaudalProject.program,
                ])
            #expect(answer.status == 0, "\(answer)")
            let found = try texts(of: try project.read("found.jsonl").split(separator: "\n").map(String.init))
            // Every line up to the last one, and no line that is in the file is left out.
            #expect(found == (1...max(1, found.count)).map { "line \($0)" })
            // Until it was killed, it may have begun another file.
            let segments = try FileManager.default.contentsOfDirectory(atPath: PathText.folder(of: segment))
            let written = try segments.reduce(0) { count, name in
                try count
                    + FileText.bytes("\(PathText.folder(of: segment))/\(name)").split(separator: 0x0A).count { line in
                        line.last == UInt8(ascii: "}")
                            && String(decoding: line, as: UTF8.self).contains(#""message":"line "#)
                    }
            }
            #expect(found.count == written && written > 1, "\(found.count) of \(written)")
        }
        // The last run goes on, and prints something else.
        let text = try project.read("flood.yaml")
        try project.write(
            "flood.yaml", text.replacing("seq -f 'line %.0f' ${params.first} 99999999", with: "echo line again"))
        #expect(try await project.caudal("resume", "last", "--plain", "--yes").status == 0)
        let lines = try texts(
            try await project.caudal("logs", "--run", "last", "--json", "--grep", "^line ", "-n", "2"))
        #expect(lines.count == 2 && lines.last == "line again" && lines.first != "line again")
    }

    private func logFolders(_ project: CaudalProject) -> [String] {
        let runs = project.folder.path(".caudal/runs")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? []
        return names.sorted().map { "\(runs)/\($0)/logs" }
    }
}
