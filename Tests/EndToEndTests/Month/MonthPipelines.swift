import CaudalModel
import Engine
import TestSupport

/// What the five pipelines of a simulated month do, and when their work goes wrong.
///
/// All times are milliseconds since 1970. The month begins at midnight, UTC.
struct MonthPipelines {
    /// What an attempt does.
    struct Work {
        var duration: Int64
        var result: AttemptResult
        /// What it prints: the lines of its program, with the level that each states.
        var lines: [String]
    }

    static let minute: Int64 = 60_000
    static let hour = 60 * minute
    static let day = 24 * hour

    let begin: Int64
    private var chance: Chance

    init(begin: Int64, seed: UInt64) {
        self.begin = begin
        chance = Chance(seed: seed)
    }

    /// The pipeline files, by name.
    static let files: [String: String] = [
        // Its server often refuses a connection, and mostly answers when it is asked again.
        "orders": """
        version: 1
        name: orders
        schedule: {cron: "0 * * * *"}
        notify: {on: [failed, recovered, missed], file: notices.jsonl}
        stages:
          fetch: {type: command, run: "true", retry: {limit: 2, delay: 30s}}
          store: {type: command, run: "true", needs: fetch}
        """,
        // It takes hours, and once longer than a day.
        "nightly": """
        version: 1
        name: nightly
        timezone: Europe/Berlin
        schedule: {cron: "30 4 * * *", overlap: wait}
        notify: {on: [failed, recovered, missed], file: notices.jsonl}
        stages:
          load: {type: command, run: "true"}
        """,
        // Now and then it has not ended when it is due again.
        "stock": """
        version: 1
        name: stock
        schedule: {every: 2h, overlap: skip}
        stages:
          count: {type: command, run: "true"}
        """,
        // From the 11th to the 20th day a price is missing.
        "prices": """
        version: 1
        name: prices
        schedule: {cron: "15 */6 * * *", catch_up: all, catch_up_window: 2d}
        notify: {on: [failed, recovered], renotify: never, file: notices.jsonl}
        stages:
          read: {type: command, run: "true"}
          verify: {type: command, run: "true", needs: read}
        """,
        // Once it is late.
        "weekly": """
        version: 1
        name: weekly
        schedule: {cron: "0 5 * * MON", deadline: 1h}
        notify: {on: [late, recovered], file: notices.jsonl}
        stages:
          report: {type: command, run: "true"}
        """,
    ]

    /// The days, counted from 0, on which a price is missing.
    static let daysWithoutPrice = 10..<20

    /// What an attempt of a stage does that starts now.
    mutating func work(_ pipeline: String, _ stage: StageID, slot: Int64, now: Int64) -> Work {
        let day = Int((now - begin) / Self.day)
        switch (pipeline, stage.rawValue) {
        case ("orders", "fetch"):
            let server = "10.0.0.\(chance.number(1...9))"
            let lines = ["asking \(server) for the orders of an hour"]
            if chance.happens(25) {
                let refusal = "ERROR: connection to \(server):5432 refused after \(chance.number(100...999)) ms"
                return Work(
                    duration: Int64(chance.number(2...20)) * 1000, result: Self.failed(75, refusal),
                    lines: lines + [refusal])
            }
            return success(seconds: 5...60, lines: lines)
        case ("orders", _):
            let (rows, bad) = (chance.number(500...2000), chance.number(0...3))
            var work = success(seconds: 2...9, lines: bad > 0 ? ["WARN: \(bad) rows have no customer"] : [])
            work.result.rows = RowAccount(
                read: Int64(rows), written: Int64(rows - bad), quarantined: Int64(bad))
            return work
        case ("nightly", _): return success(seconds: day == 6 ? 93_600...93_600 : 7200...18_000, lines: ["loading"])
        case ("stock", _): return success(seconds: chance.happens(15) ? 8000...9000 : 600...1500, lines: [])
        case ("prices", "verify"):
            // What its slot is about is still without a price, however late it runs.
            guard Self.daysWithoutPrice.contains(Int((slot - begin) / Self.day)) else {
                return success(seconds: 1...3, lines: ["every row has a price"])
            }
            let line = "ERROR: row \(chance.number(1000...9999)) has no price"
            return Work(duration: 1500, result: Self.failed(1, line), lines: [line])
        case ("prices", _): return success(seconds: 10...40, lines: ["reading prices"])
        default: return success(seconds: day / 7 == 2 ? 10_000...10_000 : 900...1800, lines: ["writing the report"])
        }
    }

    /// A whole number, from the same seed.
    mutating func number(_ range: ClosedRange<Int>) -> Int { chance.number(range) }

    private mutating func success(seconds: ClosedRange<Int>, lines: [String]) -> Work {
        let duration = Int64(chance.number(seconds)) * 1000
        return Work(
            duration: duration,
            result: AttemptResult(ending: .succeeded, exit: .exited(0), duration: .milliseconds(duration)),
            lines: lines)
    }

    private static func failed(_ status: Int32, _ line: String) -> AttemptResult {
        AttemptResult(
            ending: .failed, failure: Failure("exit status \(status): \(line)"), exit: .exited(status),
            lastLines: [line])
    }
}
