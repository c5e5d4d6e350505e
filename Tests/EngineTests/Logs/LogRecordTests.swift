import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Records of several lines", .timeLimit(.minutes(15))) struct LogRecordTests {
    /// What a program prints, with the level that each line gets; `+` before a line that continues a record.
    private func judged(_ text: String) throws -> [String] {
        let folder = try OwnFolder()
        let log = AttemptLog(
            writer: try LogWriter(folder: folder.path) { _ in }, pipeline: "p", run: "r", unit: UnitID("s"), attempt: 1,
            masker: SecretMasker(secrets: []), now: { Moment(wall: 0, steady: 0) })
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = String(line)
            log.write(.stderr) { take in line.withUTF8 { take($0) } }
        }
        return WrittenLog.records(in: folder.path).map { record in
            (record.continues ? "+" : "") + record.level.name + " " + record.message
        }
    }

    @Test(
        "A stack trace belongs to the line that it explains",
        arguments: [
            """
            INFO begun
            ERROR cannot load
            java.lang.RuntimeException: cannot load
            \tat a.b.C.run(C.java:1)
            Caused by: java.io.IOException: gone
            \t... 3 more
            INFO done
            """,
            """
            plain text
            Traceback (most recent call last):
              File "a.py", line 1, in <module>
                run()
            ValueError: bad

            During handling of the above exception, another exception occurred:

            Traceback (most recent call last):
              File "a.py", line 3, in <module>
            KeyError: 'x'
            more text
            """,
            """
            two failures
            Traceback (most recent call last):
              File "a.py", line 1, in <module>
            ValueError: bad

            Traceback (most recent call last):
              File "b.py", line 1, in <module>
            ValueError: worse
            """,
            """
            panic: runtime error: index out of range [5] with length 3

            goroutine 1 [running]:
            main.run(0x1)
            \t/src/main.go:8 +0x1d
            exit status 2
            """,
            """
            thread 'main' panicked at src/main.rs:2:5:
            it broke
            note: run with `RUST_BACKTRACE=1`
            next line
            """,
            """
            TypeError: x is not a function
                at run (/app/a.js:1:2)
                at main (/app/a.js:9:1)
            bye
            """,
            """
              indented from the start
            WARN slow
              detail
            x
              indented
            """,
        ])
    func traces(_ text: String) throws {
        let expected = [
            "INFO begun": ["info", "error", "+error", "+error", "+error", "+error", "info"],
            "plain text": [
                "info", "error", "+error", "+error", "+error", "+error", "+error", "+error", "+error", "+error",
                "+error", "info",
            ],
            "two failures": ["info", "error", "+error", "+error", "+error", "error", "+error", "+error"],
            "panic: runtime error: index out of range [5] with length 3": [
                "error", "+error", "+error", "+error", "+error", "+error",
            ],
            "thread 'main' panicked at src/main.rs:2:5:": ["error", "+error", "+error", "info"],
            "TypeError: x is not a function": ["error", "+error", "+error", "info"],
            "  indented from the start": ["info", "warn", "+warn", "info", "info"],
        ]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let levels = try #require(expected[lines[0]])
        #expect(try judged(text) == zip(levels, lines).map { "\($0) \($1)" })
    }

    @Test("Two streams are judged apart")
    func streams() throws {
        let folder = try OwnFolder()
        let log = AttemptLog(
            writer: try LogWriter(folder: folder.path) { _ in }, pipeline: "p", run: "r", unit: UnitID("s"), attempt: 1,
            masker: SecretMasker(secrets: []), now: { Moment(wall: 0, steady: 0) })
        func write(_ stream: LogStream, _ text: String) {
            var text = text
            log.write(stream) { take in text.withUTF8 { take($0) } }
        }
        write(.stderr, "ERROR bad")
        write(.stdout, "  indented")
        write(.stderr, "  why")
        #expect(WrittenLog.records(in: folder.path).map(\.continues) == [false, false, true])
    }
}
