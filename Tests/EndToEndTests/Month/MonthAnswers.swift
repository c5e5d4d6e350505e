import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What the built program answers about a simulated month, beside the ledger of those who made it happen.
struct MonthAnswers {
    let project: CaudalProject
    let month: SimulatedMonth
    private var ledger: MonthLedger { month.ledger }
    private static let period = ["--days", "40"]

    init(project: CaudalProject, month: SimulatedMonth) {
        self.project = project
        self.month = month
    }

    private func objects(_ words: [String]) async throws -> [[String: Any]] {
        let answer = try await project.caudal(words)
        #expect(answer.errors == "", "\(words): \(answer.errors)")
        return try answer.lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:] }
    }

    // MARK: - Figures

    func statistics() async throws {
        let lines = try await objects(["stats", "--stages", "--json"] + Self.period)
        #expect(lines.filter { $0["stage"] == nil }.count == MonthPipelines.files.count)
        for pipeline in MonthPipelines.files.keys.sorted() {
            let runs = ledger.runs(of: pipeline)
            let line = try #require(
                lines.first { $0["pipeline"] as? String == pipeline && $0["stage"] == nil }, "\(pipeline)")
            let good = runs.count(where: \.hasSucceeded)
            #expect(line["runs"] as? Int == runs.count && line["succeeded"] as? Int == good, "\(line)")
            #expect(line["failed"] as? Int == runs.count - good && line["running"] as? Int ?? 0 == 0, "\(line)")
            // No run of it was killed: what the others took depends on when they were taken up.
            if pipeline == "orders" {
                let durations = runs.filter(\.hasSucceeded).map { Double(($0.ended ?? 0) - $0.began) }
                #expect(line["p50Ms"] as? Int == Int(median(durations)), "\(line)")
            }
            // What a stage does by itself counts, and what an operator does too.
            let stages = Set(runs.flatMap { $0.attempts.map(\.stage) })
            for stage in stages {
                let own = try #require(
                    lines.first { $0["pipeline"] as? String == pipeline && $0["stage"] as? String == stage.rawValue })
                let tried = runs.filter { $0.tries(of: stage) > 0 }
                #expect(own["succeeded"] as? Int == tried.count { $0.last(of: stage)?.ending == .succeeded }, "\(own)")
                #expect(own["failed"] as? Int == tried.count { $0.last(of: stage)?.ending != .succeeded }, "\(own)")
                // Also what followed a try that a dead process left.
                let again = tried.reduce(0) { $0 + $1.tries(of: stage) - 1 }
                #expect(own["retries"] as? Int == again, "\(own)")
            }
        }
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    func rows() async throws {
        let lines = try await objects(["stats", "rows", "orders", "--json"] + Self.period)
        let line = try #require(lines.first { $0["stage"] as? String == "store" })
        let accounts = ledger.runs(of: "orders").compactMap { $0.last(of: "store")?.rows }
        #expect(line["read"] as? Int64 == accounts.reduce(0) { $0 + $1.read })
        #expect(line["written"] as? Int64 == accounts.reduce(0) { $0 + $1.written })
        #expect(line["quarantined"] as? Int64 == accounts.reduce(0) { $0 + $1.quarantined })
    }

    func failures() async throws {
        let lines = try await objects(["failures", "--json", "-n", "100"])
        for (pipeline, stage) in [("orders", "fetch"), ("prices", "verify")] {
            let found = lines.filter { $0["pipeline"] as? String == pipeline && $0["stage"] as? String == stage }
            // Servers, ports, times and numbers of rows are not what failed.
            let line = try #require(found.first)
            #expect(found.count == 1, "\(found)")
            let failed = ledger.runs(of: pipeline).filter { $0.failures(of: StageID(stage)) > 0 }
            let cleared = failed.filter { $0.last(of: StageID(stage))?.ending == .succeeded }
            #expect(line["runs"] as? Int == failed.count && line["cleared"] as? Int == cleared.count, "\(line)")
            #expect(line["lastRun"] as? String == failed.last?.id.rawValue)
            let odds = line["oddsOfRetry"] as? Double ?? -1
            #expect((0...1).contains(odds), "\(line)")
        }
        #expect(lines.count == 2, "\(lines)")
    }

    func retries() async throws {
        let lines = try await objects(["stats", "retries", "--json"] + Self.period)
        let run = try #require(ledger.runs.first { $0.retriedBy != nil })
        #expect(lines.count == 1 && lines.first?["run"] as? String == run.id.rawValue, "\(lines)")
        #expect((lines.first?["by"] as? String)?.hasPrefix("ana") == true)
        let causes = lines.first?["causes"] as? [[String: Any]] ?? []
        #expect(causes.count == 1 && causes[0]["result"] as? String == "cleared", "\(lines)")
        #expect((causes.first?["message"] as? String)?.contains("has no price") == true, "\(lines)")
    }

    // MARK: - The log

    func logs() async throws {
        let lines = ledger.lines
        var chance = Chance(seed: 11)
        for pipeline in ["orders", "prices"] {
            for _ in 0..<4 {
                let from = month.begin + Int64(chance.number(0...690)) * MonthPipelines.hour
                let until = from + Int64(chance.number(1...30)) * MonthPipelines.hour
                let within = lines.filter { $0.pipeline == pipeline && (from...until) ~= $0.time }
                let words = [
                    "logs", "--pipeline", pipeline, "--since", UTC.isoSecond(from), "--until", UTC.isoSecond(until),
                ]
                let errors = try await project.caudal(words + ["--level", "error", "--count"])
                #expect(errors.output == "\(within.count(where: \.isError))\n", "\(words)")
                let worse = try await project.caudal(words + ["--level", "warn", "--count"])
                #expect(worse.output == "\(within.count { $0.isError || $0.isWarning })\n", "\(words)")
                let all = try await objects(words + ["--json"])
                #expect(all.map { $0["message"] as? String } == within.map(\.text), "\(words)")
            }
        }
        let found = try await project.caudal("logs", "--since", "45d", "--grep", "refused after [5-9]", "--count")
        let expected = lines.count { $0.text.contains(#/refused after [5-9]/#) }
        #expect(found.output == "\(expected)\n" && expected > 20)
    }

    // MARK: - What others read

    func metrics() async throws {
        guard ForeignReader.isThere else { return }
        let answer = try await project.caudal("metrics")
        let samples = try await ForeignReader.read(answer.output, as: "openmetrics")
        for pipeline in MonthPipelines.files.keys.sorted() {
            let runs = ledger.runs(of: pipeline)
            // A run counts each time it ends: the one that was retried has failed, and has succeeded.
            let failed = runs.count { !$0.hasSucceeded || $0.retriedBy != nil }
            for (result, count) in [("succeeded", runs.count(where: \.hasSucceeded)), ("failed", failed)] {
                let value =
                    samples.first { sample in
                        let labels = sample["labels"] as? [String: String] ?? [:]
                        return sample["name"] as? String == "caudal_runs_total" && labels["pipeline"] == pipeline
                            && labels["result"] == result
                    }?["value"] as? Double
                #expect(value ?? 0 == Double(count), "\(pipeline) \(result)")
            }
        }
    }

    // MARK: - Why it did not run

    func explanations() async throws {
        func explain(_ pipeline: String, hour: Int64, minutes: Int64 = 0) async throws -> String {
            let time = month.begin + hour * MonthPipelines.hour + minutes * MonthPipelines.minute
            let answer = try await project.caudal("schedule", "explain", pipeline, UTC.isoSecond(time))
            #expect(answer.status == 0, "\(answer)")
            return answer.output
        }
        let paused = try await explain("stock", hour: SimulatedMonth.paused.lowerBound + 4)
        #expect(paused.contains("skipped") && paused.contains(SimulatedMonth.pauseReason), "\(paused)")
        let asleep = try await explain("orders", hour: SimulatedMonth.asleep.lowerBound + 3)
        #expect(asleep.contains("missed"), "\(asleep)")
        let late = try #require(month.store.slots(of: "weekly", from: 0, through: .max).first { $0.outcome == .late })
        let hour = (late.slots.last.planned - month.begin) / MonthPipelines.hour
        #expect(try await explain("weekly", hour: hour).contains("late"))
        for run in ledger.runs(of: "prices").suffix(3) {
            let hour = (run.planned - month.begin) / MonthPipelines.hour
            let told = try await explain("prices", hour: hour, minutes: 15)
            #expect(
                told.contains(run.id.rawValue) && told.contains(run.hasSucceeded ? "succeeded" : "failed"), "\(told)")
        }
        let overlapped = try #require(
            month.store.slots(of: "stock", from: 0, through: .max).first { $0.reason.contains("run 2") })
        let told = try await explain("stock", hour: (overlapped.slots.last.planned - month.begin) / MonthPipelines.hour)
        #expect(told.contains("skipped") && told.contains("run 2"), "\(told)")
    }
}
