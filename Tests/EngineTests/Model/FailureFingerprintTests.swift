import Testing

@testable import Engine

@Suite("Fingerprints of failures")
struct FailureFingerprintTests {
    @Test(
        "What differs from one time to the next is taken out of a message, and what tells causes apart stays",
        arguments: [
            ("exit status 75: ERROR 503 warehouse refused", "exit status 75: ERROR 503 warehouse refused"),
            ("exit status 1", "exit status 1"),
            ("killed by signal 9 (KILL, often out of memory)", "killed by signal 9 (KILL, often out of memory)"),
            ("timed out after 1.5s", "timed out after <n>"),
            ("it took 90 s, at a peak of 1.2 GB", "it took <n>, at a peak of <n>"),
            ("/data/in/sales_2026-11-23.csv cannot be read", "<path> cannot be read"),
            ("cannot open 'data/raw/sales.csv': No such file", "cannot open <text>: No such file"),
            ("data/raw/sales.csv:12:30: bad line", "<path>:<n>:<n>: bad line"),
            ("pipeline.yaml:12:30: no such key", "pipeline.yaml:<n>:<n>: no such key"),
            ("see https://example.org/a?b=1 and ./x/y", "see <url> and <path>"),
            ("url=https://example.org/a?b=1", "url=<url>"),
            ("at 2026-11-23T06:00:00.123Z it ended", "at <time> it ended"),
            ("at 2026-11-23 06:00:00 it ended", "at <time> it ended"),
            ("row 37: value -12.50 of 1e-7 or 12%", "row <n>: value <n> of <n>"),
            ("12 of 1,000 rows fail (1.2%)", "<n> of <n> rows fail (<n>)"),
            ("rows 3, 17 and 204 fail", "rows <n> fail"),
            ("column \"price\" has no values", "column <text> has no values"),
            ("column 'it''s' has 'a', 'b' and 'c'", "column <text> has <text>"),
            ("it doesn't match the server's answer", "it doesn't match the server's answer"),
            ("object 0x7ffd5e8a at 7f3c9d2e1b00", "object <hex> at <hex>"),
            ("request 123e4567-e89b-12d3-a456-426614174000 failed", "request <id> failed"),
            ("run 20261123-060000-k3f9 is live", "run <id> is live"),
            ("pod etl-5d9f7c8b6d-x2k4p was evicted", "pod etl-<hex>-<id> was evicted"),
            ("worker12 lost node-7.example.org", "worker<n> lost node-<n>.example.org"),
            ("retries=3 timeout=30s", "retries=<n> timeout=<n>"),
            (
                "psycopg.OperationalError: port 5432 failed: Connection refused",
                "psycopg.OperationalError: port <n> failed: Connection refused"
            ),
            ("SQLSTATE 23505 duplicate key", "SQLSTATE 23505 duplicate key"),
            ("HTTP 429 from the API", "HTTP 429 from the API"),
            ("  many   blanks\tand\nlines  ", " many blanks and lines"),
            ("", ""),
        ])
    func shapes(message: String, shape: String) {
        #expect(FailureFingerprint(message).shape == shape)
    }

    @Test("The same cause on another day has the same id; another stage's code or kind has another one")
    func ids() {
        func id(_ message: String) -> String { FailureFingerprint(message).id }
        #expect(id("row 7 of /data/a.csv: bad date '2026-13-01'") == id("row 1204 of /data/b.csv: bad date 'x'"))
        #expect(id("exit status 1") != id("exit status 2"))
        let silent = Failure("no answer", kind: .silentDatabase)
        #expect(FailureFingerprint(silent) != FailureFingerprint("no answer"))
        #expect(FailureFingerprint(silent).id != id("no answer"))
        #expect(id("exit status 1").count == 16)
        // Recorded in stores: it must stay what it is.
        #expect(id("exit status 1") == id("exit  status 1"))
    }

    @Test("Whatever a program prints has a fingerprint, also what is no text and what is long")
    func hostile() {
        for text in [
            "\u{0}\u{1}\u{1B}[31m", "'", "''''", "\"", ":::", "====", "/", "//", "0x", "-", "é 3 ü", "http://", "=1=2=",
            String(repeating: "9", count: 5000), String(repeating: "'a' ", count: 5000),
            String(decoding: [0xFF, 0xFE, 0x30], as: UTF8.self),
        ] {
            let shape = FailureFingerprint(text).shape
            #expect(shape.count <= 300)
            #expect(FailureFingerprint(text) == FailureFingerprint(text))
        }
    }
}
