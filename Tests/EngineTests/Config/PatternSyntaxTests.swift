import CaudalModel
import Engine
import Testing

@Suite("Patterns", .timeLimit(.minutes(15)))
struct PatternSyntaxTests {
    @Test(
        "What is certainly wrong with a pattern is found",
        arguments: [
            ("(a", "a '(' is not closed"), ("a)", "a ')' closes nothing"), ("[a-z", "a '[' is not closed"),
            ("*a", "there is nothing before '*' to repeat"), ("a|+", "there is nothing before '+' to repeat"),
            ("a**", "'*' repeats a repetition"), ("a\\", "it ends in a single backslash"),
            ("(a)\\1", "'\\1' refers back"), ("(?=a)", "it uses '(?='"),
            ("a{2,1}", "not a valid number of repetitions"),
            ("a{1001}", "not a valid number of repetitions"), ("[z-a]", "not a range"), ("(?P<n", "has no '>'"),
            ("(?y)", "'(?'"),
            ("(?<year>a)", "names a group"), ("\\u00e9", "'\\u' means nothing"), ("[\\u00e9]", "'\\u' means"),
            ("\\cA", "'\\c'"),
            ("a\\Z", "'\\Z'"), ("[\\b]", "'\\b'"),
        ])
    func faults(pattern: String, part: String) throws {
        let fault = try #require(PatternSyntax.fault(in: pattern))
        #expect(fault.message.contains(part), "\(fault.message)")
    }

    @Test(
        "What RE2 understands is never refused",
        arguments: [
            "", "^O-[0-9]+$", "[]a]", "[^]a]", "[[:alpha:]_]", "(?i)abc", "(?i:abc)d", "(?P<name>x)", "[\\x41\\-\\d]",
            "a{,5}", "a{", "a{2}b{2,}c{2,5}?", "\\Q(*\\E", "\\Q((", "\\pN\\p{Greek}\\x{10FFFF}\\x41", "\\012", "()",
            "a||b",
            "(|a)*", "^*", "\\b+x", "x*?", "x??", "]", "}", "[a\\]b]", "[\\w-]", "(?s-m:.)", "\\.\\(\\)", "[*+?(){}]",
        ])
    func valid(pattern: String) { #expect(PatternSyntax.fault(in: pattern) == nil) }
}
