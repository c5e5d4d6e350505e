import Testing

@testable import Engine

@Suite("What DuckDB says of CSV files", .timeLimit(.minutes(15)))
struct CSVFaultTests {
    private static func message(_ words: String, quoting line: String = "a,b") -> String {
        """
        CSV Error on Line: 7
        Original Line: \(line)
        \(words)
          file = /data/sales.csv
        """
    }

    @Test(
        "A message is read for what is wrong with the file",
        arguments: [
            (
                message("Expected Number of Columns: 2 Found: 3"),
                .unreadable(line: 7, file: "sales.csv", detail: "Expected Number of Columns: 2 Found: 3")
            ),
            (message("unterminated quote"), .openQuote(line: 7, file: "sales.csv")),
            (message("The file is not utf-8 encoded."), .notText(line: 7, file: "sales.csv", encoding: nil)),
            (
                message("no", quoting: TornRow(line: 3, problems: [.unquotedValue]).beginning + "\"x\"y"),
                .torn(TornRow(line: 3, problems: [.unquotedValue]), file: "sales.csv")
            ),
            (
                message("no", quoting: TornRow(line: 3, problems: [.invalidEncoding, .missingColumns]).beginning),
                .notText(line: 3, file: "sales.csv", encoding: nil)
            ),
            ("The CSV state machine reached an invalid state", .mixedLineEnds(file: "the file")),
            ("File is not utf-16 encoded\nmore", .otherEncoding(message: "File is not utf-16 encoded")),
            ("Table sales does not exist", nil),
        ] as [(String, CSVFault?)])
    func read(message: String, fault: CSVFault?) {
        #expect(CSVFault(message: message) == fault)
    }

    @Test("A malformed row is told by its problems")
    func words() {
        let quoted = CSVFault.torn(TornRow(line: 3, problems: [.unquotedValue]), file: "a.csv")
        #expect(quoted.message == "line 3 of a.csv cannot be read: text stands behind a closing quotation mark")
        let short = CSVFault.torn(TornRow(line: 3, problems: [.missingColumns]), file: "a.csv")
        #expect(short.message == "line 3 of a.csv cannot be read: it has missing columns")
    }

    @Test("Text of a user that looks like a malformed row is none")
    func impostor() {
        #expect(TornRow(quotedIn: TornRow.mark + "3:secret value:x") == nil)
        #expect(TornRow(quotedIn: TornRow.mark + "x:missing columns:x") == nil)
        #expect(TornRow(quotedIn: TornRow.mark + "3::x") == nil)
    }

    @Test("Without the line that it quotes, a message tells as much")
    func withoutLine() throws {
        let text = Self.message(
            "no", quoting: TornRow(line: 3, problems: [.missingColumns]).beginning + "secret")
        let kept = try #require(CSVFault.withoutLine(text))
        #expect(!kept.contains("secret"))
        #expect(CSVFault(message: kept) == CSVFault(message: text))
    }
}
