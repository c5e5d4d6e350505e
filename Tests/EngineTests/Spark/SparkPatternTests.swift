@testable import Engine
import Testing

/// Regular expressions of the pipeline file, in Java's words.
@Suite("Spark: regular expressions", .timeLimit(.minutes(1)))
struct SparkPatternTests {
    @Test(
        "What means one thing to both is written for Java",
        arguments: [
            ("^a.c$", "(?d)^a.c\\z"), ("[a-c]+-", "[a-c]+-"), ("\\d+", "[0-9]+"), ("\\W", "[^0-9A-Za-z_]"),
            ("[\\s_]", "[ \\t\\n\\f\\r_]"), ("(?:a|b)*c", "(?:a|b)*c"), ("a{2,3}?", "a{2,3}?"),
            ("[a&&b]", "[a\\&\\&b]"),
            ("[^a-z-]", "[^a-z\\-]"), ("\\.\\{", "\\.\\{"), ("\\x{263a}", "\\x{263a}"), ("[\\[\\]]", "[\\[\\]]"),
            ("", ""),
        ])
    func written(_ pattern: String, _ java: String) {
        #expect(SparkPattern(pattern)?.text == java)
    }

    @Test(
        "What Java may read differently is not understood",
        arguments: [
            "\\bfoo\\b", "(?i)a", "(?P<n>a)", "(?=a)", "[[:alpha:]]", "\\pL", "\\Qa\\E", "a++", "a**", "{", "a{,3}",
            "a{3,1}",
            "]", "*a", "(a", "a)", "[]", "[]a]", "[a", "\\", "a{1001}", "^*", "\\z", "[a-\\d]", "[\\d-z]", "\\h", "\\C",
        ])
    func refused(_ pattern: String) {
        #expect(SparkPattern(pattern) == nil)
    }

    @Test("Whether a match can be empty is known, because such matches are replaced differently")
    func empty() {
        #expect(
            ["a*", "a?", "", "^", "(a|)", "a{0,2}", "(?:b*)(c?)"].allSatisfy { SparkPattern($0)?.matchesEmpty == true })
        #expect(["a", "a+", "a*b", "(a|b)", "[ab]", "."].allSatisfy { SparkPattern($0)?.matchesEmpty == false })
    }

    @Test("Replacements name groups in Java's way")
    func replacements() {
        #expect(SparkPattern.replacement("\\2-\\1 $") == "$2-$1 \\$")
        #expect(SparkPattern.replacement("\\\\") == "\\\\")
        #expect(SparkPattern.replacement("\\n") == nil && SparkPattern.replacement("\\") == nil)
    }
}
