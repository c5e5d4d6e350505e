import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Five pipelines run by themselves for a month; then every question about it is answered as the ledger says.
@Suite("A month alone", .timeLimit(.minutes(15)))
struct MonthAloneTests {
    private typealias Run = MonthLedger.Run
    private static let hour = MonthPipelines.hour

    @Test("Every slot has one decision, every run one slot, and what is asked afterwards is answered as it was")
    func month() async throws { try await OwnThread.run { try await wholeMonth() } }

    private func wholeMonth() async throws {
        let project = try CaudalProject(copying: [])
        // It ended this morning, so that "the last days" mean it.
        let today = SystemClock.now.wall.floored(by: MonthPipelines.day) * MonthPipelines.day
        let begin = today - (SimulatedMonth.days + 2) * MonthPipelines.day
        let month = try SimulatedMonth(in: project.folder.path, begin: begin, seed: 7)
        try await month.live()
        let answers = MonthAnswers(project: project, month: month)
        try slots(month)
        try await answers.statistics()
        try await answers.rows()
        try await answers.failures()
        try await answers.retries()
        try await answers.logs()
        try await answers.metrics()
        try await answers.explanations()
        try notices(project, month)
    }

    // MARK: - Slots

    /// The times at which a pipeline was to run, by the words of its file.
    private func planned(_ pipeline: String, _ month: SimulatedMonth) -> [Int64] {
        let end = month.begin + SimulatedMonth.days * MonthPipelines.day
        let hours = stride(from: month.begin, to: end, by: Int(Self.hour)).map { Int64($0) }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        func fields(_ time: Int64, _ zone: String) -> DateComponents {
            if let zone = TimeZone(identifier: zone) { calendar.timeZone = zone }
            return calendar.dateComponents([.hour, .weekday], from: Date(timeIntervalSince1970: Double(time) / 1000))
        }
        switch pipeline {
        case "orders": return hours
        case "stock": return hours.filter { $0 / Self.hour % 2 == 0 }
        case "prices": return hours.filter { $0 / Self.hour % 6 == 0 }.map { $0 + 15 * MonthPipelines.minute }
        case "nightly":
            return hours.filter { fields($0, "Europe/Berlin").hour == 4 }.map { $0 + 30 * MonthPipelines.minute }
        default: return hours.filter { fields($0, "UTC").hour == 5 && fields($0, "UTC").weekday == 2 }
        }
    }

    private func slots(_ month: SimulatedMonth) throws {
        for pipeline in MonthPipelines.files.keys.sorted() {
            let recorded = try month.store.slots(of: pipeline, from: 0, through: .max)
                .filter { $0.outcome != .begun && $0.outcome != .late }
            let expected = planned(pipeline, month).filter { $0 > month.begin }
            let covered = recorded.flatMap { decision in
                expected.filter { decision.slots.first.planned...decision.slots.last.planned ~= $0 }
            }
            // A slot that waits is decided once more when it begins.
            let once = recorded.filter { $0.outcome != .wait }.flatMap { decision in
                expected.filter { decision.slots.first.planned...decision.slots.last.planned ~= $0 }
            }
            #expect(Set(covered) == Set(expected), "\(pipeline): no slot is lost")
            #expect(once.count == Set(once).count, "\(pipeline): no slot is decided twice")
            #expect(recorded.reduce(0) { $0 + ($1.outcome == .wait ? 0 : $1.slots.count) } == once.count)
            let runs = recorded.filter(\.outcome.isToRun)
            #expect(runs.allSatisfy { $0.run != nil })
            let made = month.ledger.runs(of: pipeline)
            #expect(runs.compactMap(\.run).sorted() == made.map(\.id).sorted(), "\(pipeline): each run has its slot")
            #expect(Set(made.map(\.planned)).count == made.count)
            #expect(made.allSatisfy { expected.contains($0.planned) && $0.began >= $0.planned && $0.ended != nil })
        }
        let (orders, stock) = (month.ledger.runs(of: "orders"), month.ledger.runs(of: "stock"))
        let asleep = Double(SimulatedMonth.asleep.count)
        #expect(Double(orders.count) > 719 - asleep - 2 && orders.count < 719)
        let paused = month.begin + SimulatedMonth.paused.lowerBound * Self.hour
        #expect(!stock.contains { (paused + 1..<paused + 24 * Self.hour) ~= $0.planned }, "paused is paused")
        #expect(zip(stock, stock.dropFirst()).allSatisfy { ($0.ended ?? .max) <= $1.began }, "none beside another")
        let nightly = month.ledger.runs(of: "nightly")
        #expect(zip(nightly, nightly.dropFirst()).allSatisfy { ($0.ended ?? .max) <= $1.began })
        #expect(nightly.count == 30, "the one that took longer than a day kept the next one waiting, and none was lost")
    }

    // MARK: - Notifications

    private func notices(_ project: CaudalProject, _ month: SimulatedMonth) throws {
        let notices = try project.read("notices.jsonl").split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
        }
        func count(_ pipeline: String, _ event: String) -> Int {
            notices.count { $0["pipeline"] as? String == pipeline && $0["event"] as? String == event }
        }
        let ids = notices.map { "\($0["delivery"] ?? "")" }
        #expect(Set(ids).count == ids.count, "nothing is told twice")
        // A row of failed runs is told at its beginning and at its end.
        let orders = month.ledger.runs(of: "orders").map(\.hasSucceeded)
        let beginnings = zip([true] + orders, orders).count { $0 && !$1 }
        let ends = zip(orders, orders.dropFirst()).count { !$0 && $1 }
        #expect(beginnings > 3, "some runs failed")
        #expect(count("orders", "failed") == beginnings)
        // That it had missed its times was over with the next success.
        #expect(count("orders", "recovered") == ends + 1)
        #expect(count("prices", "failed") == 1 && count("prices", "recovered") == 1)
        // One took too long; on the day of the sleep one may have been late too.
        let late = month.ledger.runs(of: "weekly").count { ($0.ended ?? .max) > $0.planned + Self.hour }
        #expect(late > 0 && count("weekly", "late") == late && count("weekly", "recovered") == late)
        #expect(count("nightly", "failed") == 0)
        #expect(count("orders", "missed") == 1, "what was slept through is told once")
    }
}
