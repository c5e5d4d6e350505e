import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Figures, audits and exports of the built program.
@Suite("Figures that leave", .timeLimit(.minutes(15)))
struct FiguresTests {
    /// A project with a stage that fails unless there is a file `go`.
    private static func project(variables: [String: String] = [:]) throws -> CaudalProject {
        let project = try CaudalProject(copying: [], variables: variables)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: sales
            stages:
              extract: {type: command, run: "echo $TRACEPARENT > trace.txt"}
              load: {type: command, needs: extract, run: "test -e go || { echo row 7 is bad; exit 75; }"}
            """)
        return project
    }

    private static func objects(_ answer: CaudalProject.Answer) throws -> [[String: Any]] {
        try answer.lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:] }
    }

    private static func word(_ value: Any?) -> String { (value as? String) ?? "\(value ?? "")" }

    /// A run that fails, and one that fails and is retried.
    private static func fail(in project: CaudalProject) async throws {
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("go", "")
        #expect(try await project.caudal("retry", "last", "load", "--plain").status == 0)
    }

    @Test("stats counts runs and stages; its audits and failures say who retried what, why, and the odds")
    func statistics() async throws {
        let project = try Self.project()
        try await Self.fail(in: project)
        let table = try await project.caudal("stats")
        #expect(table.status == 0 && table.lines.count == 3 && table.lines[2].contains("50%"), "\(table)")
        let stages = try Self.objects(try await project.caudal("stats", "sales", "--json"))
        #expect(stages.map { Self.word($0["stage"]) } == ["", "extract", "load"])
        #expect(stages.map { $0["runs"] as? Int } == [2, 2, 2])
        #expect(stages[2]["successRate"] as? Double == 0.5 && stages[2]["retries"] as? Int == 1)
        let retries = try Self.objects(try await project.caudal("stats", "retries", "--json"))
        #expect(retries.count == 1 && Self.word(retries[0]["by"]).hasPrefix("tester"), "\(retries)")
        let causes = retries[0]["causes"] as? [[String: Any]] ?? []
        #expect(causes.count == 1 && Self.word(causes[0]["result"]) == "cleared")
        #expect(Self.word(causes[0]["message"]).contains("row 7 is bad"))
        let failures = try Self.objects(try await project.caudal("failures", "--json"))
        #expect(failures.count == 1 && failures[0]["runs"] as? Int == 2 && failures[0]["oddsOfRetry"] as? Double == 1)
        let told = try await project.caudal("failures", "sales")
        #expect(told.output.contains("sales/load") && told.output.contains("1 of 1"), "\(told)")
        // A clock whose day is not that of UTC now.
        let isMorning = SystemClock.now.wall % 86_400_000 < 43_200_000
        let there = try await project.caudal(
            "failures", "sales", variables: ["TZ": isMorning ? "Etc/GMT+12" : "Etc/GMT-14"])
        let cells = there.lines.first { $0.contains("sales/load") }?.split(separator: " ") ?? []
        #expect(cells.count > 3 && cells[2] == cells[3], "since and last are told by one clock: \(there)")
        #expect(try await project.caudal("stats", "checks").status == 0)
        #expect(try await project.caudal("stats", "rows").output.contains("sales"))
        #expect(try await project.caudal("stats", "--month", "2001-01").errors.contains("no runs in 2001-01"))
    }

    @Test(
        "What was meant otherwise is wrong usage, with the way to say it",
        arguments: [
            (["stats", "sails"], 1, "no runs of a pipeline 'sails'; did you mean 'sales'?"),
            (["stats", "row"], 1, "did you mean 'rows'?"), (["stats", "--days", "7", "rows"], 64, "caudal stats rows"),
            (["stats", "--days", "0"], 64, "--days must be from 1"),
            (["failures", "--days", "999999999999"], 64, "--days must be from 1"),
            (["stats", "--month", "October"], 64, "is not a month"),
            (["stats", "--days", "1", "--month", "2026-10"], 64, "cannot be given together"),
            (["help", "stats", "row"], 64, "did you mean 'caudal stats rows'?"),
            (["failures", "sails"], 1, "did you mean 'sales'?"), (["export", "last"], 64, "format"),
            (["export", "last", "--format", "otlp", "--send"], 1, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ] as [([String], Int32, String)])
    func usage(words: [String], status: Int32, message: String) async throws {
        let project = try Self.project()
        try project.write("go", "")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let answer = try await project.caudal(words)
        #expect(answer.status == status && answer.errors.contains(message), "\(answer)")
    }

    @Test("A run is exported in each form, later too, and read by others", .enabled(if: ForeignReader.isThere))
    func export() async throws {
        let project = try Self.project()
        try await Self.fail(in: project)
        for format in ["otlp", "openlineage", "openmetrics"] {
            let answer = try await project.caudal("export", "last", "--format", format)
            #expect(answer.status == 0)
            let again = try await project.caudal("export", "last", "--format", format, "--output", "out.txt")
            #expect(again.status == 0, "\(again)")
            #expect(try project.read("out.txt") == answer.output, "\(format)")
            let found = try await ForeignReader.read(answer.output, as: format)
            #expect(!found.isEmpty)
        }
        let metrics = try await project.caudal("metrics")
        let samples = try await ForeignReader.read(metrics.output, as: "openmetrics")
        func value(_ name: String, _ label: String, _ wanted: String) -> Double? {
            samples.first {
                Self.word($0["name"]) == name && ($0["labels"] as? [String: String])?[label] == wanted
            }?["value"] as? Double
        }
        // Two runs failed, and one of them ended once more.
        #expect(value("caudal_runs_total", "result", "failed") == 2, "\(metrics)")
        #expect(value("caudal_runs_total", "result", "succeeded") == 1)
        #expect(value("caudal_run_state", "caudal_run_state", "succeeded") == 1)
        #expect(value("caudal_stage_attempts", "stage", "load") == 2)
    }

    @Test("Programs of stages are told their span, and a run within a trace belongs to it")
    func traceParent() async throws {
        let project = try Self.project()
        try project.write("go", "")
        let outer = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(try await project.caudal("run", "p.yaml", "--plain", variables: ["TRACEPARENT": outer]).status == 0)
        let handed = try #require(TraceContext(parsing: try project.read("trace.txt")))
        #expect(handed.trace == "4bf92f3577b34da6a3ce929d0e0e4736")
        let text = try await project.caudal("export", "last", "--format", "otlp").output
        #expect(text.contains(#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736""#))
        #expect(text.contains(#""spanId":"\#(handed.span)""#), "the span of the stage")
        #expect(text.contains(#""parentSpanId":"00f067aa0ba902b7","name":"RUN sales""#), "\(text)")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let own = try #require(TraceContext(parsing: try project.read("trace.txt")))
        #expect(own.trace != handed.trace)
    }

    @Test(
        "Runs write the files and tell the servers that variables name, once each", .enabled(if: ForeignReader.isThere))
    func sending() async throws {
        let secret = "s3cret-of-the-collector"
        let receiver = try await NotificationReceiver(.http, variables: ["RECEIVER_SECRETS": secret])
        let base = "http://127.0.0.1:\(receiver.port)"
        let project = try Self.project(variables: [
            "CAUDAL_METRICS_FILE": "caudal.prom", "CAUDAL_OTLP_FILE": "traces.jsonl",
            "CAUDAL_OPENLINEAGE_FILE": "lineage.ndjson", "OTEL_EXPORTER_OTLP_ENDPOINT": base,
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20\(secret)", "OPENLINEAGE_URL": base + "/marquez",
            "OPENLINEAGE_API_KEY": secret,
        ])
        try await Self.fail(in: project)
        let samples = try await ForeignReader.read(try project.read("caudal.prom"), as: "prometheus")
        #expect(samples.contains { Self.word($0["name"]) == "caudal_run_last_success_timestamp_seconds" })
        let entries = try receiver.entries
        #expect(entries.allSatisfy { $0.leaks?.isEmpty == true && $0.headers?["Authorization"] == "Bearer \(secret)" })
        let traces = entries.filter { $0.path == "/v1/traces" }.compactMap(\.body)
        #expect(traces.count == 3, "each end of a run is one request")
        let spans = try await ForeignReader.read(traces.joined(separator: "\n"), as: "otlp")
        // Each attempt once: the retry sends only what is new, and the run once more.
        #expect(spans.filter { Self.word($0["name"]) == "load" }.count == 3)
        #expect(spans.filter { Self.word($0["name"]) == "extract" }.count == 2)
        #expect(spans.filter { Self.word($0["name"]) == "RUN sales" }.count == 3)
        let events = entries.filter { $0.path == "/marquez/api/v1/lineage" }.compactMap(\.body)
        let lineage = try await ForeignReader.read(events.joined(separator: "\n"), as: "openlineage")
        #expect(lineage.filter { Self.word($0["eventType"]) == "FAIL" }.count == 4)
        #expect(lineage.filter { Self.word($0["eventType"]) == "COMPLETE" }.count == 4)
        #expect(try project.read("traces.jsonl").split(separator: "\n").count == 3)
        #expect(try project.read("lineage.ndjson").split(separator: "\n").count == events.count)
    }

    @Test("A server that does not answer fails no run; the next run tells it the rest")
    func silence() async throws {
        let port = try NotificationReceiver.freePort()
        let project = try Self.project(variables: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(port)"])
        try project.write("go", "")
        let lost = try await project.caudal("run", "p.yaml", "--plain")
        #expect(lost.status == 0 && lost.errors.contains("observer otlp was not told everything"), "\(lost)")
        let receiver = try await NotificationReceiver(.http, port: port)
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        #expect(try receiver.entries.map(\.path) == ["/v1/traces", "/v1/traces"])
        // What a run has sent is sent again by hand only.
        let last = try await project.caudal("export", "last", "--format", "otlp", "--send")
        #expect(last.status == 0, "\(last)")
        #expect(try receiver.entries.count == 3)
    }
}
