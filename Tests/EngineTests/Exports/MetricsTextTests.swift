import CaudalModel
import TestSupport
import Testing

@testable import Engine

@Suite("Figures as text")
struct MetricsTextTests {
    private static var families: [MetricFamily] {
        var counter = MetricFamily("x_runs", .counter, "Runs.")
        counter.add(["pipeline": "a\"b\\c\nd", "environment": nil, "result": "failed"], 3)
        var seconds = MetricFamily("x_took_seconds", .gauge, unit: "seconds", "How long it took.")
        seconds.add([:], 0.25)
        seconds.add(["stage": "none"], nil)
        seconds.add(["stage": "odd"], .infinity)
        var state = MetricFamily("x_state", .stateset, "The state.")
        state.add(["pipeline": "p"], state: "bad", of: ["good", "bad"])
        var facts = MetricFamily("x_build", .info, "The program.")
        facts.add(["version": "1.2"], 1)
        return [counter, seconds, state, facts, MetricFamily("x_empty", .gauge, "Nothing.")]
    }

    @Test("OpenMetrics has types, units and an end, and escapes what labels hold")
    func openMetrics() {
        let text = MetricsText.openMetrics(Self.families)
        #expect(
            text == """
                # TYPE x_runs counter
                # HELP x_runs Runs.
                x_runs_total{pipeline="a\\"b\\\\c\\nd",result="failed"} 3
                # TYPE x_took_seconds gauge
                # UNIT x_took_seconds seconds
                # HELP x_took_seconds How long it took.
                x_took_seconds 0.25
                x_took_seconds{stage="odd"} +Inf
                # TYPE x_state stateset
                # HELP x_state The state.
                x_state{pipeline="p",x_state="good"} 0
                x_state{pipeline="p",x_state="bad"} 1
                # TYPE x_build info
                # HELP x_build The program.
                x_build_info{version="1.2"} 1
                # EOF

                """)
    }

    @Test("The text for node_exporter's collector has neither units nor an end, and the types that it knows")
    func prometheus() {
        let text = MetricsText.prometheus(Self.families)
        #expect(text.hasPrefix("# HELP x_runs_total Runs.\n# TYPE x_runs_total counter\nx_runs_total{"))
        #expect(text.contains("# TYPE x_state gauge\n") && text.contains("# TYPE x_build_info gauge\n"))
        #expect(!text.contains("UNIT") && !text.contains("EOF") && text.hasSuffix("\n"))
    }

    @Test("A run's figures name no run, and sum up its items")
    func run() {
        let run = ReportedRun().state
        let text = MetricsText.openMetrics(MetricsSnapshot(of: run).families)
        #expect(!text.contains(run.id.rawValue))
        let wanted = [
            #"caudal_run_state{pipeline="sales",caudal_run_state="failed"} 1"#,
            #"caudal_run_duration_seconds{pipeline="sales"} 6"#,
            #"caudal_stage_attempts{pipeline="sales",stage="publish"} 2"#,
            #"caudal_stage_rows{pipeline="sales",stage="validate",kind="quarantined"} 29"#,
            #"caudal_check{pipeline="sales",stage="clean",check="no_negative_totals",caudal_check="warned"} 1"#,
            #"caudal_check_value{pipeline="sales",stage="clean",check="no_negative_totals"} 3"#,
        ]
        for line in wanted { #expect(text.contains(line + "\n"), "\(line) is missing:\n\(text)") }
        #expect(!text.contains("last_success"), "it failed")
        #expect(!text.contains(#"stage="tell""#), "what did not run has no figures")
    }

    @Test("A run whose process died is interrupted, and does not count as live")
    func dead() throws {
        let folder = try ScratchFolder()
        let store = try RunStore(StateFolder(path: folder.path("state")))
        let (id, start) = (RunID("20261129-060000-abcd"), Moment(wall: 1_000_000, steady: 0))
        let plan = RunPlan(pipeline: "sales", maxParallel: 1, stages: [PlannedStage(id: "a", type: "command")])
        let events = [RunEvent(sequence: 1, time: start, change: .runStarted(.ofTest))]
        try store.create(RunRecord(id: id, plan: plan, trigger: .manual, started: start))
        try store.folder.run(id).create()
        try store.record(events, remarks: [], of: RunState(id: id, plan: plan, events: events))
        var lock = try RunLock.take(store.folder.run(id))
        let living = MetricsText.openMetrics(try MetricsSnapshot(of: store).families)
        #expect(living.contains(#"caudal_runs_live{pipeline="sales"} 1"#), "\(living)")
        #expect(lock != nil)
        lock = nil
        let text = MetricsText.openMetrics(try MetricsSnapshot(of: store).families)
        #expect(text.contains(#"caudal_run_state{pipeline="sales",caudal_run_state="interrupted"} 1"#), "\(text)")
        #expect(text.contains(#"caudal_runs_live{pipeline="sales"} 0"#), "\(text)")
    }
}
