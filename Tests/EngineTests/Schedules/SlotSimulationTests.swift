import CaudalModel
import Engine
import Foundation
import Testing

/// Years of slots with sleeps, stalls, kills, pauses, long runs and clocks that are set.
///
/// `CAUDAL_SCHEDULE_SIMULATION=all` takes every zone of tzdata and 200 years.
@Suite("Simulated slots", .timeLimit(.minutes(10)))
struct SlotSimulationTests {
    private static let crons = [
        "30 2 * * *", "0 6 * * 1-5", "*/30 1-3 * * *", "0 */8 * * *", "59 23 * * *", "0 0 * * *", "15 1,2,3 * * SUN",
        "0 3 L * *",
        "H H * * *", "0 12 29 2 *",
    ]

    @Test("No slot is decided twice and none is lost, in no zone, whatever becomes of the machine and its clock")
    func ledgerIsExact() async {
        let isAll = ProcessInfo.processInfo.environment["CAUDAL_SCHEDULE_SIMULATION"] == "all"
        let library = ZoneLibrary()
        let names = isAll ? library.names : library.names.enumerated().filter { $0.offset % 60 == 7 }.map(\.element)
        let years: Int64 = isAll ? 200 : 20
        var (slots, runs) = (0, 0)
        await withTaskGroup(of: (name: String, slots: Int, runs: Int, fault: String?).self) { group in
            for (seed, name) in names.enumerated() {
                group.addTask {
                    var life = Self.life(of: name, seed: UInt64(seed))
                    life.live(until: life.time + years * 31_556_952_000)
                    return (name, life.decided, life.started, life.fault)
                }
            }
            for await life in group {
                slots += life.slots
                runs += life.runs
                #expect(life.fault == nil, "\(life.name), seed \(names.firstIndex(of: life.name) ?? 0)")
            }
        }
        print("\(names.count) zones, \(slots) slots, \(runs) runs")
        #expect(runs > names.count * 10 && slots > runs)
    }

    /// A machine with one or two schedules of one pipeline in a zone.
    private static func life(of name: String, seed: UInt64) -> SimulatedScheduler {
        var generator = SeededGenerator(seed: seed)
        let rules = knownZone(name)
        let start = Int64.random(in: 0...2_500_000_000, using: &generator) * 1000
        let schedules = (0..<Int.random(in: 1...2, using: &generator)).map { number in
            watched(number, rules, start, &generator)
        }
        return SimulatedScheduler(schedules, zone: rules, start: start, seed: seed)
    }

    private static func watched(
        _ number: Int, _ zone: ZoneRules, _ start: Int64, _ generator: inout SeededGenerator
    ) -> WatchedSchedule {
        let cron = crons.randomElement(using: &generator) ?? ""
        guard let expression = try? CronExpression(cron, seed: "\(zone.name)/\(number)") else {
            preconditionFailure("'\(cron)' is no expression")
        }
        let isInterval = Int.random(in: 0..<5, using: &generator) == 0
        let interval = Int64.random(in: 6...60, using: &generator) * 3900
        var calendar: ScheduleCalendar?
        if Int.random(in: 0..<4, using: &generator) == 0 {
            calendar = ScheduleCalendar(businessDays: true)
            calendar?.skipped.insertYearly(month: 12, day: 25)
        }
        let anchor = LocalTime(seconds: start / 1000)
        let schedule = Schedule(
            name: "schedule \(number)",
            trigger: isInterval ? .every(seconds: interval, anchor: anchor) : .cron(expression),
            timezone: zone.name, calendar: calendar,
            jitter: .seconds([0, 0, 600, 90_000].randomElement(using: &generator) ?? 0),
            catchUp: Schedule.CatchUp.allCases.randomElement(using: &generator) ?? .all,
            catchUpWindow: .seconds([3600, 86_400, 864_000].randomElement(using: &generator) ?? 0),
            overlap: Schedule.Overlap.allCases.randomElement(using: &generator) ?? .skip,
            deadline: Bool.random(using: &generator) ? .seconds(7200) : nil,
            isEnabled: Int.random(in: 0..<20, using: &generator) > 0,
            location: SourceLocation(file: "pipeline.yaml", line: 1, column: 1))
        let rule: Timetable.Rule =
            isInterval ? .every(seconds: interval, anchor: start / 1000) : .cron(expression)
        return WatchedSchedule(
            pipeline: "sales", schedule: schedule, timetable: Timetable(rule, in: zone, calendar: calendar),
            decidedThrough: start)
    }
}
