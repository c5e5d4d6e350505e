import CaudalModel
import Engine
import Testing

@Suite("What started a run", .timeLimit(.minutes(15)))
struct RunTriggerTests {
    @Test(
        "A trigger is recorded as text that older stores have too",
        arguments: [
            (.manual, "manual"), (.backfill, "backfill"), (.other("sensor x"), "sensor x"),
            (
                .schedule(ScheduleSlot(schedule: "every night", planned: 1_795_845_600_000, localDate: "2026-11-28")),
                "schedule 2026-11-28T06:00:00Z 2026-11-28 every night"
            ),
        ] as [(RunTrigger, String)])
    func texts(_ trigger: RunTrigger, _ text: String) {
        #expect(trigger.description == text)
        #expect(RunTrigger(text) == trigger)
    }

    @Test(
        "What is no slot is kept as it was recorded",
        arguments: [
            "", "schedule", "schedule ", "schedule 2026-11-28T06:00:00Z 2026-11-28",
            "schedule 2026-11-28T24:00:00Z 2026-11-28 a", "schedule 2026-11-28T06:00Z 2026-11-28 a",
            "schedule 2026-11-28T+6:00:00Z 2026-11-28 a",
        ])
    func others(_ text: String) {
        #expect(RunTrigger(text) == .other(text))
        #expect(RunTrigger(text).description == text)
    }
}
