import CaudalModel
import Engine
import Testing

@Suite("Cron expressions")
struct CronExpressionTests {
    @Test(
        "What cron reads is read",
        arguments: [
            "0 6 * * *", "*/15 0-6/2,12 1,15 JAN-MAR mon-fri", "59 23 31 12 7", "0 0 * * SUN", "00 06 * * 1-5",
            "0  6\t* * *", " 0 0 * * FRI-SUN ", "0/5 * * * *", "50-10 22-4 * NOV-FEB SAT-MON", "0 0 L,15 * ?",
            "0 0 LW * *", "0 0 L-3 * *", "0 0 15W * ?", "0 0 20-L/2 * *", "0 0 ? * 5#2", "0 0 * * MON-FRI#1",
            "0 0 * * 1#1,3#2", "0 0 * * 5L", "H H(0-5) H * H", "H/15 * * * *", "H(0-29)/10 H/6 H/5 * *", "@daily",
            "@HOURLY",
        ])
    func fine(text: String) throws { #expect(try CronExpression(text).neverHappens == nil) }

    @Test(
        "A field that no clock can meet is a fault at its place",
        arguments: [
            ("61 6 * * *", "minute", 0), ("0 24 * * *", "hour", 2), ("0 0 32 * *", "day", 4), ("0 0 0 1 *", "day", 4),
            ("0 0 * 13 *", "month", 6), ("0 0 * * 8", "weekday", 8), ("*/0 * * * *", "minute", 2),
            ("1,,2 * * * *", "minute", 2), ("0 5,noon * * *", "hour", 4), ("0 0 * * MONDAY", "weekday", 8),
            ("0 -1 * * *", "hour", 2), ("*/x * * * *", "minute", 2), ("0 0 * ¼ *", "month", 6),
            ("1- * * * *", "minute", 0), ("0 0 25-5 * *", "day", 4), ("? * * * *", "minute", 0),
            ("0 0 1,15W * *", "day", 6), ("0 0 L/2 * *", "day", 4), ("0 0 32W * *", "day", 4),
            ("0 0 L-31 * *", "day", 4),
            ("0 0 * * 5#6", "weekday", 10), ("0 0 * * MONL", "weekday", 8), ("0 0 * * 1,5#2", "weekday", 10),
            ("1/2/3 * * * *", "minute", 4), ("0 /2 * * *", "hour", 2), ("H(5-5) * * * *", "minute", 0),
            ("H(0-99) * * * *", "minute", 4), ("0 0 * JAN-DEK *", "month", 10), ("0 0 * * #2", "weekday", 9),
        ])
    func faults(text: String, field: String, offset: Int) {
        let fault = #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
        #expect(fault?.message.contains("the \(field) of 'cron'") == true && fault?.offset == offset, "\(fault as Any)")
    }

    @Test(
        "A fault says how to mend it",
        arguments: [
            ("0 6 * * * *", "write five, or 'seconds: true' where the first is for seconds"),
            ("0 0 6 * * * 2026", "write five fields; there is none for years"),
            ("0 6 * *", "write five fields, such as"),
            ("", "write five fields, such as"), ("@reboot", "have the machine's own service start 'caudal run'"),
            ("@every 15m", "remove what stands beside it"), ("@dayly", "did you mean '@daily'?"),
            ("@never", "write @annually, @daily"), ("0 0 * JUI *", "did you mean 'JUN'?"),
            ("0 0 * * MONL", "write '1L'"), ("0 0 25-5 * *", "write '25-L,1-5': months end on different days"),
            ("0\u{a0}6 * * *", "write the blanks anew"), ("0 0 * * 1,5#2", "make two schedules of it"),
            ("0 0 * * LWX", "write, say, '5L' for the last Friday of a month"), ("0 /2 * * *", "write '*/2'"),
        ])
    func remedies(text: String, remedy: String) {
        let fault = #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
        #expect(fault?.remedy.contains(remedy) == true, "\(fault as Any)")
    }

    @Test("Seconds are a sixth field before the others, and only when asked for")
    func seconds() throws {
        let table = try Timetable("*/20 30 6 * * *", seconds: true)
        #expect(
            table.next(4, after: "2026-01-01T00:00:00Z").map { iso($0.instant) } == [
                "2026-01-01T06:30:00Z", "2026-01-01T06:30:20Z", "2026-01-01T06:30:40Z", "2026-01-02T06:30:00Z",
            ])
        #expect(throws: CronExpression.Fault.self) { try CronExpression("0 6 * * *", hasSeconds: true) }
        #expect(try CronExpression("@daily", hasSeconds: true).neverHappens == nil)
    }

    @Test(
        "A day that no month has is said to be none",
        arguments: [
            "0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30 FEB *", "0 0 31W 2 *", "0 0 1 2 FRI#2", "0 0 */40 * 5#4",
        ])
    func never(text: String) throws { #expect(try CronExpression(text).neverHappens != nil) }

    @Test(
        "With a weekday, in another month or in some years, there is such a day",
        arguments: ["0 0 31 2 1", "0 0 31 1,2 *", "0 0 29 2 *", "0 0 */28 2 MON", "0 0 * 2 FRI#5"])
    func sometimes(text: String) throws { #expect(try CronExpression(text).neverHappens == nil) }

    @Test("Both days restricted: one is enough, unless one begins with '*' or says itself which of the month it is")
    func bothDays() throws {
        // In February 2026 the 13th is a Friday; Fridays are 6, 13, 20, 27.
        for (text, days) in [
            ("0 0 13 * FRI", [6, 13, 20, 27]), ("0 0 * * FRI", [6, 13, 20, 27]), ("0 0 13 * *", [13]),
            ("0 0 */12 * FRI", [13]), ("0 0 1-7 * */5", [1, 6]), ("0 0 8-14 * FRI#2", [13]), ("0 0 1-7 * FRI#2", []),
            ("0 0 15W * FRI", []), ("0 0 15W * MON", [16]), ("0 0 20-L * 5L", [27]), ("0 0 ? * FRI", [6, 13, 20, 27]),
            ("0 0 L * MON", [2, 9, 16, 23, 28]),
        ] {
            let mask = try CronExpression(text).days(ofMonth: 2, year: 2026)
            #expect((1...31).filter { mask & 1 << UInt32($0) != 0 } == days, "\(text)")
        }
    }

    @Test("The last days and the workdays near a day are those of each month")
    func specialDays() throws {
        for (text, year, month, day) in [
            ("0 0 L * *", 2024, 2, 29), ("0 0 L-3 * *", 2026, 4, 27), ("0 0 LW * *", 2026, 5, 29),
            ("0 0 1W * *", 2026, 8, 3),
            ("0 0 15W * *", 2026, 8, 14), ("0 0 15W * *", 2026, 11, 16), ("0 0 31W * *", 2026, 5, 29),
            ("0 0 * * 5L", 2026, 11, 27), ("0 0 * * SUN#1", 2026, 11, 1), ("0 0 * * L1", 2026, 11, 30),
        ] {
            #expect(try CronExpression(text).days(ofMonth: month, year: year) == 1 << UInt32(day), "\(text)")
        }
    }

    @Test("Ranges go over the end of a field, and steps go on there")
    func wrapped() throws {
        for (text, times) in [
            ("0 22-2/2 * * *", ["00:00", "02:00", "22:00"]), ("50-10/10 0 * * *", ["00:00", "00:10", "00:50"]),
        ] {
            let found = try Timetable(text).next(3, after: "2025-12-31T23:59:59Z")
            let shown = found.map { String(CaudalModel.LocalTime(seconds: $0.instant).words.suffix(5)) }
            #expect(shown == times, "\(text)")
        }
        let days = try CronExpression("0 0 * * FRI-MON").days(ofMonth: 11, year: 2026)
        #expect((1...9).filter { days & 1 << UInt32($0) != 0 } == [1, 2, 6, 7, 8, 9])
        #expect(try CronExpression("0 0 * * SUN-SUN").days(ofMonth: 11, year: 2026) == (1 << 31) - 2)
    }

    @Test("H is the same for the same seed, differs for others, and stays in its range")
    func hash() throws {
        func first(_ cron: String, _ seed: String) throws -> String {
            let expression = try CronExpression(cron, seed: seed)
            let found = expression.next(after: LocalTime(seconds: instant("2026-01-01T00:00:00Z") - 1))
            return try #require(found).description
        }
        #expect(try first("H H * * *", "sales/daily") == first("H H * * *", "sales/daily"))
        let minutes = Set(try (0..<200).map { try first("H 0 * * *", "pipeline \($0)") })
        #expect(minutes.count > 50)
        for seed in 0..<100 {
            let expression = try CronExpression("H(10-14) H(20-22)/2 H * H(1-5)", seed: "\(seed)")
            for part in expression.parts {
                switch (part.field, part.kind) {
                case (.minute, .value(let value)): #expect((10...14).contains(value))
                case (.hour, .value(let value)): #expect(value == 21 || value == 22)
                case (.hour, .range(let low, let high, _, _)): #expect((20...21).contains(low) && high == 22)
                case (.day, .value(let value)): #expect((1...28).contains(value))
                case (.weekday, .value(let value)): #expect((1...5).contains(value))
                case (.month, .all): break
                default: Issue.record("\(part)")
                }
            }
        }
        // Written down, so that no version fires at other times than the one before.
        #expect(try first("H H * * *", "sales/daily") == "2026-01-01T23:13:00")
    }
}
