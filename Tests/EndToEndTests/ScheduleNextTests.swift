import Foundation
import TestSupport
import Testing

/// The times at which schedules fire, as a user asks for them.
@Suite("Times of schedules", .timeLimit(.minutes(15)))
struct ScheduleNextTests {
    private func next(_ arguments: String..., pipeline: String? = nil) async throws -> CaudalProject.Answer {
        let project = try CaudalProject(copying: [])
        if let pipeline { try project.write("p.yaml", pipeline) }
        return try await project.caudal(["schedule", "next"] + arguments)
    }

    @Test(
        "A cron expression is told in UTC and as the zone's clock shows it, over changes of the clock",
        arguments: [
            (
                ["--cron", "30 2 * * *", "--timezone", "America/New_York", "--from", "2026-03-08T05:30:00Z"],
                [
                    ("2026-03-08T07:00:00Z", "2026-03-08T03:00:00-04:00"),
                    ("2026-03-09T06:30:00Z", "2026-03-09T02:30:00-04:00"),
                ]
            ),
            (
                ["--cron", "0 * * * *", "--timezone", "America/New_York", "--from", "2026-03-08T05:30:00Z"],
                [
                    ("2026-03-08T06:00:00Z", "2026-03-08T01:00:00-05:00"),
                    ("2026-03-08T07:00:00Z", "2026-03-08T03:00:00-04:00"),
                ]
            ),
            (
                ["--cron", "@daily", "--from", "2026-11-28T06:00:00+02:00", "--previous"],
                [
                    ("2026-11-28T00:00:00Z", "2026-11-28T00:00:00+00:00"),
                    ("2026-11-27T00:00:00Z", "2026-11-27T00:00:00+00:00"),
                ]
            ),
            (
                ["--cron", "15 0 6 LW * ?", "--from", "2026-11-01T00:00:00Z"],
                [
                    ("2026-11-30T06:00:15Z", "2026-11-30T06:00:15+00:00"),
                    ("2026-12-31T06:00:15Z", "2026-12-31T06:00:15+00:00"),
                ]
            ),
        ])
    func cron(arguments: [String], times: [(utc: String, local: String)]) async throws {
        let project = try CaudalProject(copying: [])
        let answer = try await project.caudal(["schedule", "next", "--count", "2", "--json"] + arguments)
        let lines = times.map { "{\"local\":\"\($0.local)\",\"utc\":\"\($0.utc)\"}" }
        #expect(answer.status == 0 && answer.lines == lines, "\(answer)")
    }

    @Test(
        "An expression that is refused, or never fires, is an invalid file's status and says where and what to write",
        arguments: [
            ("61 * * * *", "\n  61 * * * *\n  ^"), ("-1 * * * *", "error: "), ("0 0 30 2 *", "it never happens"),
            ("* * * *", "error: "),
        ])
    func refused(cron: String, words: String) async throws {
        let answer = try await next("--cron", cron)
        #expect(answer.status == 2 && answer.errors.contains(words) && answer.output.isEmpty, "\(answer)")
    }

    @Test("A zone that does not exist is refused with the one that was meant")
    func zone() async throws {
        let answer = try await next("--cron", "@daily", "--timezone", "Berlin")
        #expect(answer.status == 2 && answer.errors.contains("did you mean 'Europe/Berlin'?"), "\(answer)")
    }

    @Test("The schedules of a pipeline are told in one order, by their names")
    func pipeline() async throws {
        let answer = try await next(
            "p.yaml", "--from", "2026-11-28T04:10:00Z", "--count", "3",
            pipeline: """
                version: 1
                name: p
                schedule:
                  - {name: nightly, cron: "0 6 * * *", timezone: Europe/Berlin}
                  - {name: often, every: 30m}
                stages: {a: {type: command, run: "true"}}
                """)
        let rows = answer.lines.map { $0.split(separator: " ").prefix(3).map(String.init) }
        #expect(
            rows.dropFirst() == [
                ["2026-11-28T04:30:00+00:00", "2026-11-28T04:30:00Z", "p/often"],
                ["2026-11-28T06:00:00+01:00", "2026-11-28T05:00:00Z", "p/nightly"],
                ["2026-11-28T05:00:00+00:00", "2026-11-28T05:00:00Z", "p/often"],
            ], "\(answer)")
    }
}
