import Engine
import Testing

@Suite("Cron expressions")
struct CronExpressionTests {
    @Test(
        "What cron reads is read",
        arguments: [
            "0 6 * * *", "*/15 0-6/2,12 1,15 JAN-MAR mon-fri", "59 23 31 12 7", "0 0 * * SUN", "00 06 * * 1-5",
            "0  6\t* * *", "0 0 * * FRI-SUN",
        ])
    func fine(text: String) throws { #expect(try CronExpression(text).neverHappens == nil) }

    @Test(
        "A field that no clock can meet is a fault at its place",
        arguments: [
            ("61 6 * * *", "minute", 0), ("0 24 * * *", "hour", 2), ("0 0 32 * *", "day", 4), ("0 0 0 1 *", "day", 4),
            ("0 0 * 13 *", "month", 6), ("0 0 * * 8", "weekday", 8), ("*/0 * * * *", "minute", 0),
            ("0 5-1 * * *", "hour", 2), ("1,,2 * * * *", "minute", 0), ("0 noon * * *", "hour", 2),
            ("0 0 * * MONDAY", "weekday", 8), ("0 -1 * * *", "hour", 2), ("0/5 * * * *", "minute", 0),
            ("*/x * * * *", "minute", 0), ("0 0 * ¼ *", "month", 6), ("1- * * * *", "minute", 0),
        ])
    func faults(text: String, field: String, offset: Int) {
        let fault = #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
        #expect(fault?.message.contains("the \(field) of 'cron'") == true && fault?.offset == offset, "\(fault as Any)")
    }

    @Test("Five fields are needed", arguments: ["", "0 6 * *", "0 6 * * * *", "@daily"])
    func fields(text: String) {
        #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
    }

    @Test("A day that no month has is said to be none", arguments: ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30 FEB *"])
    func never(text: String) throws { #expect(try CronExpression(text).neverHappens != nil) }

    @Test(
        "With a weekday, or in another month, there is such a day",
        arguments: ["0 0 31 2 1", "0 0 31 1,2 *", "0 0 29 2 *"])
    func sometimes(text: String) throws { #expect(try CronExpression(text).neverHappens == nil) }
}
