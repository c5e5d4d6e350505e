import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("What a program writes", .timeLimit(.minutes(15)))
struct ProcessOutputTests {
    @Test("200 MB of lines are all counted, and memory stays small")
    func flood() async {
        await #expect(processExitsWith: .success) {
            // Unoptimized code would take minutes for all of it.
            #if DEBUG
                let count = 10_000
            #else
                let count = 200_000
            #endif
            // Code that is read in for the first time takes memory too, and more of it in a larger program.
            _ = await (try AttemptTrial()).shell("echo first")
            let before = ProcessWatch.peakMemory
            let trial = try AttemptTrial()
            let execution = await trial.shell("yes \(String(repeating: "x", count: 999)) | head -n \(count)")
            #expect(execution.failure == nil)
            #expect(ProcessWatch.peakMemory - before < 4_000_000)
            #expect(trial.lineCount() == count)
        }
    }

    @Test("10 MB without a line end are one line, cut with a mark that says how much is missing")
    func endlessLine() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("head -c 10000000 /dev/zero | tr '\\0' a; echo; echo after")
        #expect(execution.failure == nil)
        let lines = trial.lines()
        try #require(lines.count == 2)
        #expect(lines[0] == String(repeating: "a", count: 65_536) + " … [cut, 9934464 more bytes]")
        #expect(lines[1] == "after")
        #expect(execution.lastLines.allSatisfy { $0.utf8.count < 2000 })
    }

    @Test("Lines around the limit are whole up to it", arguments: [65_535, 65_536, 65_537])
    func atTheLimit(length: Int) async throws {
        let trial = try AttemptTrial()
        _ = await trial.shell("head -c \(length) /dev/zero | tr '\\0' a; echo")
        let line = try #require(trial.lines().first)
        #expect(line.hasSuffix("more bytes]") == (length > 65_536))
        #expect(line.prefix { $0 == "a" }.count == min(length, 65_536))
    }

    @Test("Bytes that are no UTF-8 are kept in the file and shown as U+FFFD")
    func badBytes() async throws {
        let trial = try AttemptTrial()
        _ = await trial.shell(#"printf 'caf\351 \377\n'"#)
        #expect(trial.lines() == ["caf\u{fffd} \u{fffd}"])
        #expect(try trial.folder.text("logs/000001.jsonl").contains(#"caf\udbff\udfe9 \udbff\udfff"#))
    }

    @Test("Escape sequences and control characters stand escaped in the file")
    func controlCharacters() async throws {
        let trial = try AttemptTrial()
        _ = await trial.shell(#"printf 'a\033[2J\007\000b\177\n'"#)
        #expect(trial.lines() == ["a\u{1b}[2J\u{7}\u{0}b\u{7f}"])
        let raw = try trial.folder.text("logs/000001.jsonl")
        #expect(raw.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A })
    }

    @Test("A last line without a line end is kept")
    func lastLineWithoutEnd() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("printf 'one\ntwo'; printf 'three' >&2; exit 1")
        #expect(trial.lines() == ["one", "two"])
        #expect(trial.lines(.stderr) == ["three"])
        #expect(Set(execution.lastLines) == ["one", "two", "three"])
    }

    @Test("Empty lines are lines")
    func emptyLines() async throws {
        let trial = try AttemptTrial()
        _ = await trial.shell(#"printf '\n\na\n\n'"#)
        #expect(trial.lines() == ["", "", "a", ""])
    }

    @Test("A program that closes its outputs goes on and is waited for")
    func closesOutputs() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("echo said; exec >&- 2>&-; sleep 0.2; : > finished; exit 4")
        #expect(execution.exit == .exited(4))
        #expect(trial.lines() == ["said"])
        #expect(FileText.exists(trial.folder["finished"]))
    }

    @Test("Both outputs are drained, however unevenly they are filled")
    func bothStreams() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("seq 1 5000 >&2; echo a; seq 1 5000; echo b >&2")
        #expect(execution.failure == nil)
        #expect(trial.lineCount() == 10_002)
    }
}
