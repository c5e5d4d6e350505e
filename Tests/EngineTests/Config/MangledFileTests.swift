import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct MangledFileTests {
    @Test("Mangled YAML never crashes the reader, and every error has a place inside the file", .tags(.property))
    func mangled() throws {
        let original = Array(
            try String(contentsOfFile: Repository.path("config/pipeline_config.yaml"), encoding: .utf8).utf8)
        var refused = 0
        for seed in UInt64(0)..<2000 {
            var random = SplitMix64(seed: seed)
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) { Self.mangle(&bytes, &random) }
            let errors = Self.errors(of: bytes)
            if !errors.errors.isEmpty { refused += 1 }
            for error in errors.errors {
                let place = error.location
                #expect(errors.lines.indices.contains(place.line - 1), "seed \(seed): \(error.oneLine)")
                guard errors.lines.indices.contains(place.line - 1) else { continue }
                #expect(
                    (1...(errors.lines[place.line - 1].count + 1)).contains(place.column),
                    "seed \(seed): \(error.oneLine)")
            }
        }
        #expect(refused > 1000)
    }

    @Test("A file that is nested a hundred thousand times is refused and does not overflow the stack")
    func deepNesting() {
        for text in ["[", "{a: ", "- ", "!a "] {
            let errors = Self.errors(of: Array(String(repeating: text, count: 100_000).utf8)).errors
            #expect(!errors.isEmpty, "\(text)")
        }
    }

    private static let pieces = [
        ":", "- ", "\n", "\t", "'", "\"", "{", "}", "[", "]", "&a ", "*a", "<<: ", "#", "|", ">", "? ", "!", "!!int ",
        "%", "@", "---\n", "...\n", "${", "$${", "}", "\u{feff}", "\u{85}", "\u{2028}", "\r", "\r\n", "é", "e\u{301}",
        "👩‍👩‍👧", "\u{1b}[31m", "\0", "-1", "1e999", "9223372036854775808", "null", "~", "  ", "name: ", "stages:",
        "needs: quality\n", "foreach: ", "checks: ", "steps: ", "type: report", "0x10", "||", "case when ",
    ]

    private static func mangle(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let length = min(Int.random(in: 1...40, using: &random), bytes.count - place)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.removeSubrange(place..<(place + length))
        case 1:
            bytes.insert(
                contentsOf: bytes[place..<(place + length)], at: Int.random(in: 0...bytes.count, using: &random))
        case 2: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
        case 3: bytes.removeSubrange(place...)
        default: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
        }
    }

    /// What a loader does with a file's bytes, without the disk.
    private static func errors(of bytes: [UInt8]) -> (errors: [ConfigError], lines: [String]) {
        let problems = ConfigProblems()
        let source = ConfigSource(file: "p.yaml", bytes: bytes)
        if let node = source.read(problems) {
            var reader = PipelineReader(
                problems: problems, stageTypes: StageTypes.readers, checks: CheckKinds.read,
                schedules: ScheduleEntryReader.reader(now: Moment(wall: 0, steady: 0)),
                notifications: NotificationRulesReader.read)
            _ = reader.read(node, file: "p.yaml", folder: "/", defaultParallel: 4)
        }
        let invalid = InvalidPipeline(errors: problems.errors, sources: ["p.yaml": source.lines])
        return (invalid.description.isEmpty ? [] : invalid.errors, source.lines)
    }
}
