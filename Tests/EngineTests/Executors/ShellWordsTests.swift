@testable import Engine
import Testing

/// What is told of a line without running it.
@Suite("Words of lines of shell", .timeLimit(.minutes(1)))
struct ShellWordsTests {
    /// Commands as texts: words apart by `|`, variables as `<name>`, and what only running the line tells as `<?>`.
    private func shown(_ line: String) -> [String] {
        ShellWords(line).commands.map { command in
            command.map { word in
                word.map { piece in
                    switch piece {
                    case .text(let text): text
                    case .variable(let name): "<\(name)>"
                    case .unknown: "<?>"
                    }
                }.joined()
            }.joined(separator: "|")
        }
    }

    @Test(
        "A line is divided as a shell does",
        arguments: [
            ("sh 'a b' \"c d\" e\\ f", ["sh|a b|c d|e f"]), ("a; b && c | d & (e)", ["a", "b", "c", "d", "e"]),
            ("X=1 sh $X/a.sh \"${Y}z\" ''", ["X=1|sh|<X>/a.sh|<Y>z|"]), ("a > b 2>&1 < c >> d e", ["a|c|e"]),
            ("a $(b \"c)\" d) e", ["b|c)|d", "a|<?>|e"]), ("a `b c` d", ["b|c", "a|<?>|d"]),
            ("a ${x%.csv} $1 $((1 + 2))", ["1|+|2", "a|<?>|<?>|<?>"]), ("a # b\nc", ["a", "c"]),
            ("cat <<'E' > f\n$(x)\nE\nb", ["cat", "b"]), ("cat <<-E\n\tx\n\tE\nb", ["cat", "b"]),
            ("a \\\n  b", ["a|b"]), ("a 'it", ["a|it"]), ("a \"$", ["a|$"]), ("a $(b", ["b", "a|<?>"]), ("", []),
            ("tee >(gzip > x) | b", ["tee", "gzip", "b"]),
        ])
    func divided(line: String, words: [String]) { #expect(shown(line) == words) }
}
