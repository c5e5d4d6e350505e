import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(15))) struct DuckDBMessageTests {
    @Test("Errors are read from JSON behind a word, and from plain lines")
    func reads() throws {
        let messages = DuckDBMessage.all(
            in: """
                Binder Error: {"exception_type":"Binder","exception_message":"column \\"b\\" not found\\nLINE 1","candidates":"a"}
                {"exception_type":"IO","exception_message":"no space","errno":"28"}
                something else

                """)
        #expect(messages.map(\.kindName) == ["Binder", "IO", ""])
        #expect(messages.map(\.kind) == [.binder, .io, nil])
        #expect(
            messages.map(\.firstLine) == [
                "Binder error: column \"b\" not found", "IO error: no space", "something else",
            ])
        #expect(messages[0].remedy(memory: 0) == "did you mean a?")
        #expect(messages[1].remedy(memory: 0) == "free some space on that disk, then retry")
        #expect(messages[2].remedy(memory: 0) == nil)
    }

    @Test("Too little memory names what the stage had")
    func memory() {
        let message = DuckDBMessage(kindName: "Out of Memory", text: "x", errno: nil, candidates: nil)
        #expect(message.remedy(memory: 512_000_000)?.contains("more than 512 MB") == true)
    }

    @Test("A line of JSON lines that is no JSON is told as the file has it, where the engine counts one too many")
    func json() {
        let text =
            #"Malformed JSON in file "/data/in.jsonl", at byte 8 in line 3: unexpected content after document. Try auto-detecting"#
        let message = DuckDBMessage(kindName: "Invalid Input", text: text, errno: nil, candidates: nil)
        #expect(
            message.firstLine
                == "line 2 of in.jsonl, blank lines not counted, is no JSON: unexpected content after document")
    }
}
