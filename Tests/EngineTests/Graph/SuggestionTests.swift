import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct SuggestionTests {
    @Test(
        "A slip of the fingers is recognised, and something else is not",
        arguments: [
            ("cleen", "clean"), ("claen", "clean"), ("clen", "clean"), ("Clean", "clean"), ("cleanx", "clean"),
            ("publihs", "publish"), ("int", "integer"), ("x", nil), ("warehouse", nil), ("cl", nil), ("", nil),
        ] as [(String, String?)])
    func closest(_ text: String, _ expected: String?) {
        #expect(Suggestion.closest(to: text, among: ["clean", "publish", "integer"]) == expected)
    }

    @Test("The closest of several wins, the first of a tie")
    func ties() {
        #expect(Suggestion.closest(to: "loaf", among: ["leaf", "load", "loan"]) == "leaf")
        #expect(Suggestion.closest(to: "loads", among: ["lads", "load_s", "loads2"]) == "lads")
    }

    @Test("Where nothing is close, a few candidates are listed")
    func lists() {
        #expect(Suggestion.phrase(for: "zebra", among: ["a", "b"]) == "; there is a, b")
        let many = (1...9).map { "stage_number_\($0)" }
        #expect(Suggestion.phrase(for: "zebra", among: many).hasSuffix("stage_number_8, …"))
        #expect(Suggestion.phrase(for: "zebra", among: []).isEmpty)
    }
}
