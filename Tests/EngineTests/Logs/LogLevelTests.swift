import CaudalModel
import Engine
import Testing

@Suite("Levels of lines", .timeLimit(.minutes(15))) struct LogLevelTests {
    private func level(_ line: String) -> LogLevel? {
        Array(line.utf8).withUnsafeBufferPointer { LogLevel.claimed(by: $0) }
    }

    @Test(
        "A line's level is found in the forms that programs print",
        arguments: [
            // Python
            ("WARNING:root:disk is nearly full", .warn),
            ("2026-11-23 06:00:00,123 - app.load - ERROR - cannot connect", .error),
            ("[2026-11-23 06:00:00 +0000] [123] [INFO] Booting worker", .info),
            ("load.py:12: DeprecationWarning: utcnow() is deprecated", .warn),
            ("[E 261123 06:00:00 web:2239] 500 GET /", .error), ("[W 261123 06:00:00 web:2239] 404 GET /", .warn),
            ("ValueError: invalid literal for int()", .error), ("Traceback (most recent call last):", .error),
            // Java and Spark
            ("26/11/23 06:00:00 WARN TaskSetManager: Lost task 0.0", .warn),
            ("2026-11-23 06:00:00,123 ERROR [main] c.e.Batch - failed", .error),
            ("06:00:00.123 [main] DEBUG com.example.Batch - begun", .debug), ("SEVERE: no space", .error),
            ("FINE: a detail", .debug), ("java.lang.IllegalStateException: closed", .error),
            ("Exception in thread \"main\" java.lang.Error", .error),
            // dbt
            ("06:00:00  1 of 5 ERROR creating sql table model a.b  [ERROR in 0.11s]", .error),
            ("06:00:00  2 of 5 OK created sql table model a.c", nil),
            ("06:00:00  Done. PASS=4 WARN=0 ERROR=1 SKIP=0 TOTAL=5", nil),
            ("06:00:00  Database Error in model b (models/b.sql)", .error),
            ("06:00:00  Encountered an error:", .error),
            ("\u{1b}[0m06:00:00  \u{1b}[33m[WARNING]\u{1b}[0m: Configuration paths exist", .warn),
            // Node
            ("(node:1234) Warning: a promise was rejected", .warn),
            ("(node:1) [DEP0005] DeprecationWarning: Buffer() is deprecated", .warn),
            ("TypeError: x is undefined", .error),
            ("npm ERR! code ENOENT", .error), ("npm WARN deprecated request@2", .warn), ("error: bad input", .error),
            ("warn: slow query", .warn),
            // Go and logfmt
            ("time=2026-11-23T06:00:00Z level=error msg=\"disk full\"", .error), ("level=\"warning\" msg=x", .warn),
            ("ts=1 lvl=debug msg=x", .debug), ("E1123 06:00:00.123456    1234 main.go:12] failed", .error),
            ("W1123 06:00:00.123456    1234 main.go:12] slow", .warn),
            ("2026/11/23 06:00:00 ERROR failed id=3", .error),
            ("6:00AM ERR failed", .error), ("panic: runtime error: index out of range", .error),
            ("ERRO[0012] failed", .error), ("FATA[0012] gone", .error), ("WARN[0001] slow", .warn),
            ("DEBU[0001] a detail", .debug), ("\u{1b}[31mERRO\u{1b}[0m[0012] failed", .error),
            ("fatal error: all goroutines are asleep - deadlock!", .error),
            // systemd, servers, compilers
            ("<3>disk failure", .error), ("<4>disk is slow", .warn), ("<6>all is well", .info), ("<7>detail", .debug),
            ("2026/11/23 06:00:00 [error] 7#7: *1 open() failed", .error), ("fatal: not a git repository", .error),
            ("main.c:3:5: error: expected ';'", .error), ("main.c:3:5: warning: unused variable", .warn),
            ("Nov 23 06:00:00 host loader[12]: error: no route", .error),
            ("error[E0308]: mismatched types", .error), ("thread 'main' panicked at src/main.rs:2:5:", .error),
            ("\u{1b}[31mERROR\u{1b}[0m disk", .error), ("Warning: x", .warn),
        ] as [(String, LogLevel?)])
    func forms(_ line: String, _ level: LogLevel?) { #expect(self.level(line) == level) }

    @Test(
        "Words that only look like a level are none",
        arguments: [
            "no error here", "0 errors, 3 warnings", "ERRORS are many", "TERROR", "MYERROR x", "INFORMATION",
            "MAX_ERROR is 3", "ERROR_RATE 0.1", "the warning light", "errors: 0", "WARN=0", "an Error was expected", "",
            " ", "T", "<x>", "<3", "E112 is a dye", "[x]", "\u{1b}", "\u{1b}[", "\u{1b}[31", "level=", "level=\"",
            String(repeating: ".", count: 90) + " ERROR", "Terror: x", "Error: 0", "ERROR: 0", "ERRO",
            "the message: info: x", #"msg="level=error""#, #"msg="a \" level=error" x=1"#,
        ])
    func others(_ line: String) { #expect(level(line) == nil) }

    @Test("JSON names its level as the libraries of its language do")
    func json() throws {
        let lines: [(String, LogLevel)] = [
            (#"{"level":30,"msg":"x"}"#, .info), (#"{"level":50,"msg":"x"}"#, .error), (#"{"level":"WARNING"}"#, .warn),
            (#"{"severity":"CRITICAL","message":"x"}"#, .error), (#"{"log.level":"debug"}"#, .debug),
            (#"{"levelname":"ERROR"}"#, .error), (#"{"severityText":"WARN","body":"x"}"#, .warn), (#"{"x":1}"#, .info),
            (#"{"severity_text":"ERROR","body":"x"}"#, .error), (#"{"@level":"warn","@message":"x"}"#, .warn),
            // Numbers and escapes that strict readers refuse, and objects that are cut.
            (#"{"msg":"x","size":1e400,"level":"error"}"#, .error), (#"{"msg":"\ud800","level":"error"}"#, .error),
            (#"{"level":"error","trace":"aaaa"#, .error), (#"{"level":"err"#, .info), (#"{'level': 'error'}"#, .info),
            (#"{"deep":{"level":"error"},"cut":"#, .info),
        ]
        let channel = LogChannel(pipeline: "p", run: "r", stream: .stdout)
        for (line, level) in lines {
            var block: [UInt8] = []
            _ = Array(line.utf8).withUnsafeBufferPointer { channel.append($0, time: 0, to: &block) }
            #expect(block.withUnsafeBufferPointer { LogLineParser.record($0) }?.level == level, "\(line)")
        }
    }

    @Test("Any bytes have a level or none, and end")
    func anyBytes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "ERROR", "level=", "[", "\u{1b}[3", "\u{1b}", "<", "3", ">", ":", "Warning", " Error in ", "T", "\"", "=",
            "_",
        ]
        for _ in 0..<2000 {
            let line = (0..<Int.random(in: 0...6)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            _ = level(line)
        }
    }
}
