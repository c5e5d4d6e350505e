import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Facts about cron from the tests of croniter 7.0 and cronsim 2.6, and about clock changes from a walk over every minute with
/// Debian's rule: 553 lines of `Fixtures/cron-cases.jsonl`.
///
/// Left out: years as a field, croniter's own options, and its `*/2 * SAT`, where Debian's rule asks for both days.
@Suite("Cron cases")
struct CronCaseTests {
    private struct Case: Decodable {
        var cron: String
        var seconds: Bool?
        var zone: String?
        var after: String?
        var before: String?
        var times: [String]?
        var refused: Bool?
    }

    private static func cases() throws -> [Case] {
        let path = Repository.path("Tests/EngineTests/Schedules/Fixtures/cron-cases.jsonl")
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return try lines.map { try JSONDecoder().decode(Case.self, from: Data($0.utf8)) }
    }

    @Test("What others refuse is refused, or told to happen never")
    func refusals() throws {
        let cases = try Self.cases().filter { $0.refused == true }
        #expect(cases.count > 100)
        for one in cases {
            #expect(
                (try? CronExpression(one.cron))?.neverHappens != nil || (try? CronExpression(one.cron)) == nil, "\(one)"
            )
        }
    }

    @Test("Times before and after are those that others find")
    func times() throws {
        let cases = try Self.cases().filter { $0.refused != true }
        #expect(cases.count > 300)
        for one in cases {
            let table = try Timetable(one.cron, one.zone ?? "", seconds: one.seconds ?? false)
            let expected = try #require(one.times)
            var found: [String] = []
            var at = instant(try #require(one.after ?? one.before))
            while found.count < max(1, expected.count),
                let occurrence = one.after == nil ? table.previous(before: at) : table.next(after: at)
            {
                found.append(iso(occurrence.instant))
                at = occurrence.instant
            }
            #expect(found == expected, "\(one)")
        }
    }
}
