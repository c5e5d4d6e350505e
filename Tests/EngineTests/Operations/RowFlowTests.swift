import CaudalModel
import Engine
import Testing

@Suite("What is said of a run's rows", .timeLimit(.minutes(15)))
struct RowFlowTests {
    private func run(
        _ stages: [(id: StageID, type: String, input: String, output: String?, rows: RowAccount?)]
    ) -> RunState {
        let planned = stages.map {
            PlannedStage(id: $0.id, type: $0.type, inputs: [$0.input], outputs: $0.output.map { [$0] } ?? [])
        }
        var state = RunState(id: "run", plan: RunPlan(pipeline: "p", maxParallel: 1, stages: planned))
        var sequence: Int64 = 0
        func happen(_ change: RunChange) {
            sequence += 1
            state.apply(RunEvent(sequence: sequence, time: Moment(wall: 0, steady: 0), change: change))
        }
        for stage in stages {
            let unit = UnitID(stage.id)
            happen(.attemptStarted(unit, attempt: 1))
            happen(.attemptEnded(unit, attempt: 1, AttemptResult(ending: .succeeded, rows: stage.rows)))
            happen(.unitEnded(unit, .succeeded, reason: nil))
        }
        return state
    }

    @Test("One chain through all stages gives one sentence")
    func oneChain() {
        let state = run([
            ("validate", "validate", "raw", "valid", RowAccount(read: 7, written: 2, quarantined: 5)),
            ("clean", "process", "valid", "clean", RowAccount(read: 2, written: 1, duplicates: 1)),
            ("look", "check", "clean", nil, RowAccount(read: 1, written: 1)),
        ])
        #expect(RowFlow.sentences(of: state) == ["7 rows in = 1 out + 1 duplicates + 5 quarantined"])
        #expect(RowFlow(state)?.read == 7)
    }

    @Test("Rows that a query makes stand on the side of those that came in")
    func madeRows() {
        var rows = RowAccount(read: 3, written: 4, duplicates: 3)
        rows.made = 4
        let state = run([
            ("clean", "process", "raw", "clean", rows),
            ("fill", "process", "clean", "full", RowAccount(read: 4, written: 4)),
        ])
        #expect(RowFlow.sentences(of: state) == ["3 rows in + 4 made = 4 out + 3 duplicates"])
    }

    @Test("The rows of a stage are those of its last attempt, and not of all that were tried")
    func tries() {
        var state = RunState(id: "run", plan: RunPlan(pipeline: "p", maxParallel: 1, stages: [PlannedStage(id: "s")]))
        let results: [AttemptResult.Ending] = [.failed, .succeeded]
        for (index, ending) in results.enumerated() {
            let result = AttemptResult(ending: ending, rows: RowAccount(read: 3, written: 3))
            for change: RunChange in [
                .attemptStarted(UnitID("s"), attempt: index + 1),
                .attemptEnded(UnitID("s"), attempt: index + 1, result),
            ] {
                state.apply(
                    RunEvent(sequence: state.lastSequence + 1, time: Moment(wall: 0, steady: 0), change: change))
            }
        }
        #expect(state.stages[0].rows?.written == 3)
    }

    @Test("Stages that no single chain holds give a sentence for each chain, and no figures for the run")
    func severalChains() {
        let state = run([
            ("orders", "process", "a", "b", RowAccount(read: 4, written: 2, duplicates: 2)),
            ("validate", "validate", "raw", "valid", RowAccount(read: 7, written: 2, quarantined: 5)),
            ("clean", "process", "valid", "clean", RowAccount(read: 2, written: 2)),
        ])
        #expect(
            RowFlow.sentences(of: state) == [
                "orders: 4 rows in = 2 out + 2 duplicates", "validate → clean: 7 rows in = 2 out + 5 quarantined",
            ])
        #expect(RowFlow(state) == nil)
    }

    @Test("Two stages that read the same rows are two chains, and four chains say nothing")
    func fork() {
        let rows = RowAccount(read: 3, written: 3)
        let two = run([
            ("a", "process", "raw", "x", rows), ("b", "process", "x", "y", rows), ("c", "process", "x", "z", rows),
        ])
        #expect(RowFlow.sentences(of: two) == ["a → b: 3 rows in = 3 out", "c: 3 rows in = 3 out"])
        let four = run((1...4).map { (StageID("s\($0)"), "process", "raw\($0)", Optional("out\($0)"), Optional(rows)) })
        #expect(RowFlow.sentences(of: four).isEmpty)
    }

    @Test("A run that only checked rows, or only queried them, says nothing of rows in and out")
    func nothing() {
        #expect(RowFlow.sentences(of: run([("look", "check", "raw", nil, RowAccount(read: 0, written: 0))])).isEmpty)
        #expect(
            RowFlow.sentences(
                of: run([("q", "sql", "raw", "out", RowAccount(read: 5, written: 5, isReadKnown: false))])
            ).isEmpty)
    }
}
