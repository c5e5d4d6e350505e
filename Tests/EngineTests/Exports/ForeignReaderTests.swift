import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

/// What is exported is read by programs that others wrote.
@Suite("Exports read by others", .timeLimit(.minutes(15)), .enabled(if: ForeignReader.isThere))
struct ForeignReaderTests {
    private static func text(_ format: ExportFormat, _ run: RunState = ReportedRun().state) -> String {
        ExportedRun(run, events: []).text(in: format)
    }

    private static func text(_ value: Any?) -> String { (value as? String) ?? "\(value ?? "")" }

    @Test("A trace has a span for the run and one for each attempt below it, and the same ids each time")
    func trace() async throws {
        let text = Self.text(.otlp)
        #expect(text == Self.text(.otlp))
        let spans = try await ForeignReader.read(text, as: "otlp")
        #expect(spans.map { Self.text($0["name"]) } == ["RUN sales", "validate", "clean", "publish", "publish"])
        #expect(Set(spans.map { Self.text($0["trace"]) }).count == 1)
        #expect(Set(spans.map { Self.text($0["span"]) }).count == 5)
        #expect(spans.dropFirst().allSatisfy { Self.text($0["parent"]) == Self.text(spans[0]["span"]) })
        #expect(spans.map { $0["kind"] as? Int } == [2, 1, 1, 1, 1])
        #expect(spans.map { $0["status"] as? Int } == [2, 0, 0, 2, 2])
        let root = spans[0]["attributes"] as? [String: Any] ?? [:]
        #expect(Self.text(root["cicd.pipeline.result"]) == "failure")
        #expect(Self.text(root["cicd.pipeline.run.id"]) == "20261123-060000-k3f9")
        #expect(Self.text(root["caudal.parameter.day"]) == "2026-11-23")
        let validate = spans[1]["attributes"] as? [String: Any] ?? [:]
        #expect(Self.text(validate["cicd.pipeline.task.run.result"]) == "success")
        #expect(validate["caudal.rows.quarantined"] as? Int == 29)
        let clean = spans[2]["events"] as? [[String: Any]] ?? []
        #expect(clean.count == 2, "a check is an event of its span")
        #expect(Self.text(spans[3]["message"]) == "exit status 75: the warehouse is closed")
        let resource = spans[0]["resource"] as? [String: Any] ?? [:]
        #expect(Self.text(resource["host.name"]) == "etl-1")
    }

    @Test("A run that is still going on has no span of its own yet")
    func live() async throws {
        var state = RunState(id: "20261123-060000-k3f9", plan: ReportedRun().state.plan)
        let changes: [RunChange] =
            [.runStarted(.ofTest)] + .attempt(UnitID("validate"), .succeeded)
            + [.attemptStarted(UnitID("clean"), attempt: 1)]
        for (index, change) in changes.enumerated() {
            let time = Moment(wall: 1_795_413_600_000 + Int64(index), steady: Int64(index))
            state.apply(RunEvent(sequence: Int64(index + 1), time: time, change: change))
        }
        let spans = try await ForeignReader.read(Self.text(.otlp, state), as: "otlp")
        #expect(spans.map { Self.text($0["name"]) } == ["validate"])
        state.markInterrupted()
        let ended = try await ForeignReader.read(Self.text(.otlp, state), as: "otlp")
        #expect(ended.map { Self.text($0["name"]) } == ["RUN sales", "validate", "clean"])
    }

    @Test("Lineage has a start and an end of the run and of each attempt, with what was read, written and checked")
    func lineage() async throws {
        let text = Self.text(.openlineage)
        #expect(text == Self.text(.openlineage))
        let events = try await ForeignReader.read(text, as: "openlineage")
        func job(_ event: [String: Any]) -> String { Self.text((event["job"] as? [String: Any])?["name"]) }
        func run(_ event: [String: Any]) -> String { Self.text((event["run"] as? [String: Any])?["runId"]) }
        #expect(job(events[0]) == "sales" && Self.text(events[0]["eventType"]) == "START")
        let last = try #require(events.last)
        #expect(job(last) == "sales" && Self.text(last["eventType"]) == "FAIL")
        let ends = events.filter { Self.text($0["eventType"]) != "START" }
        #expect(
            ends.map { "\(job($0)) \(Self.text($0["eventType"]))" } == [
                "sales.validate COMPLETE", "sales.clean COMPLETE", "sales.clean.checks COMPLETE", "sales.publish FAIL",
                "sales.publish FAIL", "sales FAIL",
            ])
        #expect(Set(events.map(run)).count == 6, "each attempt is a run of its own")
        #expect(Dictionary(grouping: events, by: run).values.allSatisfy { $0.count == 2 })
        let validate = try #require(ends.first)
        let input = try #require((validate["inputs"] as? [[String: Any]])?.first)
        #expect(Self.text(input["namespace"]) == "file" && Self.text(input["name"]) == "/srv/sales/data/raw.csv")
        #expect(Self.text(input["facets"]).contains("xxh64:0011223344556677"))
        let output = try #require((ends[1]["outputs"] as? [[String: Any]])?.first)
        #expect(Self.text(output["name"]) == "/srv/sales/data/clean.parquet")
        #expect(Self.text(output["outputFacets"]).contains("951"))
        let checked = try #require((ends[2]["inputs"] as? [[String: Any]])?.first)
        #expect(Self.text(checked["name"]) == "/srv/sales/data/clean.parquet")
        #expect(Self.text(checked["inputFacets"]).contains("no_negative_totals"))
    }

    @Test("Figures are read by Prometheus' own parsers, in both forms")
    func metrics() async throws {
        let families = MetricsSnapshot(of: ReportedRun().state).families
        for (text, form) in [
            (MetricsText.openMetrics(families), "openmetrics"), (MetricsText.prometheus(families), "prometheus"),
        ] {
            let samples = try await ForeignReader.read(text, as: form)
            let rows = samples.first { sample in
                let labels = sample["labels"] as? [String: String] ?? [:]
                return Self.text(sample["name"]) == "caudal_stage_rows" && labels["stage"] == "clean"
                    && labels["kind"] == "duplicates"
            }
            #expect((rows?["value"] as? Double) == 20, "\(form): \(samples)")
        }
    }

    @Test("What hostile names hold stays in its place", arguments: ExportFormat.allCases)
    func hostile(format: ExportFormat) async throws {
        let evil = "a\"b\\c\u{1B}[31m\u{2028}é 👩‍💻"
        let run = ReportedRun(stage: StageID(evil), value: evil, parameters: [evil: evil]).state
        let found = try await ForeignReader.read(Self.text(format, run), as: format.rawValue)
        let isThere = found.contains { one in
            Self.text(one["name"]) == evil || (one["labels"] as? [String: String])?["stage"] == evil
                || Self.text((one["job"] as? [String: Any])?["name"]) == "sales." + evil
        }
        #expect(isThere, "\(found)")
    }

    @Test("The readers refuse what is no export")
    func refusal() async throws {
        let bad = Self.text(.otlp).replacing("\"kind\":2", with: "\"kind\":\"SPAN_KIND_SERVER\"")
        await #expect(throws: Failure.self) { try await ForeignReader.read(bad, as: "otlp") }
        let noEnd = Self.text(.openmetrics).replacing("# EOF\n", with: "")
        await #expect(throws: Failure.self) { try await ForeignReader.read(noEnd, as: "openmetrics") }
        let other = Self.text(.openlineage).replacing("1-2-0/ParentRunFacet", with: "1-0-0/ParentRunFacet")
        await #expect(throws: Failure.self) { try await ForeignReader.read(other, as: "openlineage") }
    }
}
