import Foundation
import TestSupport
import Testing

/// The first walk of README.md, done as a newcomer does it.
@Suite("The README's first walk", .timeLimit(.minutes(15)))
struct ReadmeTests {
    /// The pipeline file with the mistakes that the README puts into one.
    private static let bad = """
        version: 1
        name: bad
        max_paralel: 4
        stages:
          extract:
            type: command
            run: "true"
          load:
            type: command
            needs: extract
            run: "true"
            retry: {limit: 3, delay: 10}
        """

    @Test("Every command of it prints what is shown, but for times and ids, and no other lines but where dots stand")
    func firstWalk() async throws {
        let project = try CaudalProject()
        try project.write("bad.yaml", Self.bad)
        let steps = Self.steps(of: try String(contentsOfFile: Repository.path("README.md"), encoding: .utf8))
        #expect(steps.count >= 10, "the README shows commands: \(steps.map(\.command))")
        for step in steps {
            let answer = try await project.run(
                "/bin/sh", ["-c", "\(CaudalProject.program) \(step.command)"], ["USER": "you"])
            // Commands of which nothing is shown say what they have written.
            guard !step.shown.isEmpty else { continue }
            let printed = (answer.output + answer.errors).split(separator: "\n").map { Self.plain(String($0)) }
            var rest = printed[...]
            var mayLeaveOut = false
            for line in step.shown {
                // Alone, three dots stand for lines that are left out.
                if line == "…" {
                    mayLeaveOut = true
                    continue
                }
                let place = mayLeaveOut ? rest.firstIndex { Self.isShown($0, as: line) } : rest.indices.first
                guard let place, Self.isShown(rest[place], as: line) else {
                    Issue.record("caudal \(step.command) does not print, in its place,\n\(line)\n\(answer)")
                    break
                }
                (rest, mayLeaveOut) = (rest[(place + 1)...], false)
            }
            #expect(mayLeaveOut || rest.isEmpty, "caudal \(step.command) prints more:\n\(rest.joined(separator: "\n"))")
        }
    }

    /// Whether the README shows a line so; three dots stand for the rest of it.
    private static func isShown(_ printed: String, as line: String) -> Bool {
        let wanted = plain(line)
        let parts = wanted.split(separator: "…", omittingEmptySubsequences: false)
        return parts.count == 1
            ? printed == wanted : printed.hasPrefix(parts[0].trimmingCharacters(in: .whitespaces))
    }

    /// The commands of caudal in the section, with the lines that are shown below each.
    private static func steps(of text: String) -> [(command: String, shown: [String])] {
        var steps: [(command: String, shown: [String])] = []
        var (isConsole, hasStep) = (false, false)
        let section = text.components(separatedBy: "## Five minutes\n").last?.components(separatedBy: "\n## ").first
        for line in (section ?? "").components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                (isConsole, hasStep) = (line == "```console", false)
            } else if isConsole, line.hasPrefix("$ ") {
                hasStep = line.hasPrefix("$ caudal ")
                if hasStep { steps.append((String(line.dropFirst(9)), [])) }
            } else if isConsole, hasStep, !line.isEmpty {
                steps[steps.count - 1].shown.append(line)
            }
        }
        return steps
    }

    /// A line without what is another one each time: times, durations, ids of runs, and how columns are aligned.
    private static func plain(_ line: String) -> String {
        var line = line
        for (pattern, word) in [
            (#"[0-9]{8}-[0-9]{6}-[a-z0-9]{4}"#, "RUN"), (#"[0-9]{4}-[0-9]{2}-[0-9]{2}"#, "DAY"),
            (#"[0-9]{2}:[0-9]{2}:[0-9]{2}"#, "TIME"), (#"\b[0-9.]+(ms|s)\b"#, "TOOK"),
            (#"slowest: .*"#, "slowest: …"), (#"\s+"#, " "),
        ] {
            line = line.replacingOccurrences(of: pattern, with: word, options: .regularExpression)
        }
        return line.trimmingCharacters(in: .whitespaces)
    }
}
