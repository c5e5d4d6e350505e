import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Texts that a regular expression requires", .timeLimit(.minutes(15))) struct RequiredLiteralsTests {
    @Test(
        "What every match contains is found",
        arguments: [
            ("disk full", ["disk full"]), ("error.*disk", ["error"]), (#"took \d+ ms"#, ["took "]), ("^foo$", ["foo"]),
            ("a(bcd)e", ["abcde"]), ("(cat|dog)s?", ["cat", "dog"]), ("(cat|)x", ["x"]), ("ab*cde", ["cde"]),
            ("x{3}yz", ["yz"]), ("x{0,3}yz", ["yz"]), ("(?:abc)+d", ["abc"]), (#"a\.b\[c"#, ["a.b[c"]),
            ("[abc]def[x]", ["def"]),
            ("(?=abc)a", ["abc"]), ("(?!abc)de", ["de"]), ("(?<n>abc)", ["abc"]), (#"\bword\b"#, ["word"]),
            (#"tab\there"#, ["tab\there"]),
        ] as [(String, [String])])
    func found(_ pattern: String, _ texts: [String]) { #expect(RequiredLiterals.of(pattern) == texts) }

    @Test(
        "What requires nothing, or is not understood, gives nothing",
        arguments: [
            "", ".*", "a|", "a?", #"\d+"#, "(?i)abc", "[a-z]+", "(", "a{", #"(a)\1"#, "x*|y", #"\u0041"#, #"\Qa.b\E"#,
            "[]a]", "[[]a|b]c", "[[:digit:]]a", #"[\Q]\E]a"#, "(?#x)a", "(*UTF)a",
        ])
    func nothing(_ pattern: String) { #expect(RequiredLiterals.of(pattern) == []) }

    @Test("With capitals and small letters alike, letters with other forms are left out")
    func folded() {
        #expect(RequiredLiterals.of("disk full", folds: true) == [" full"])
        #expect(RequiredLiterals.of("Größe", folds: true) == ["Gr"])
    }

    @Test("No line that matches is without one of the texts")
    func holds() throws {
        var random = SplitMix64(seed: 5)
        let pieces = [
            "a", "b", "ab", "(a|b)", "(ab|c)", "a*", "b+", "c?", ".", "[ab]", "(?:ab)*", "^", "$", "a{2}", "|", "(bc|)",
            "b{0,1}",
        ]
        for round in 0..<400 {
            let pattern = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            guard let expression = try? NSRegularExpression(pattern: pattern) else { continue }
            let texts = RequiredLiterals.of(pattern)
            if texts.isEmpty { continue }
            for _ in 0..<40 {
                let line = String(
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in "abc".randomElement(using: &random) ?? "a" })
                let isMatch = expression.firstMatch(in: line, range: NSRange(line.startIndex..., in: line)) != nil
                #expect(!isMatch || texts.contains { line.contains($0) }, "\(round): \(pattern) on \(line)")
            }
        }
    }
}
