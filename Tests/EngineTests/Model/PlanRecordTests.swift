import CaudalModel
import Foundation
import Testing

@Suite("Plans and rows as they are recorded", .timeLimit(.minutes(15)))
struct PlanRecordTests {
    private func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test("A stage with no rules of its own is recorded by its id alone, and one with rules by what differs")
    func stages() throws {
        #expect(try text(PlannedStage(id: "a")) == #"{"id":"a"}"#)
        var stage = PlannedStage(id: "a", pool: "warehouse")
        stage.inputs = ["raw"]
        stage.reads = ["raw"]
        #expect(try text(stage) == #"{"id":"a","inputs":["raw"],"pool":"warehouse"}"#)
        #expect(try read(PlannedStage.self, text(stage)) == stage)
        stage.reads = ["raw", "rates"]
        #expect(try read(PlannedStage.self, text(stage)) == stage)
    }

    @Test("Pools are recorded by their names; a plan of an earlier version, without the newer fields, is still read")
    func plans() throws {
        let plan = RunPlan(pipeline: "sales", maxParallel: 2, pools: ["warehouse": 3], stages: [PlannedStage(id: "a")])
        let recorded = try text(plan)
        #expect(recorded.contains(#""pools":{"warehouse":3}"#))
        #expect(try read(RunPlan.self, recorded) == plan)
        let old =
            #"{"pipeline":"sales","file":"p.yaml","root":"/","parameters":{},"maxParallel":1,"pools":{},"stages":[]}"#
        #expect(try read(RunPlan.self, old).reusesUnchanged == false)
    }

    @Test("Rows read that are not known are not recorded, and then those written stand for them")
    func rows() throws {
        let unknown = RowAccount(read: 7, written: 7, isReadKnown: false)
        #expect(
            try text(unknown) == #"{"dropped":0,"duplicates":0,"quarantined":0,"steps":[],"written":7}"#)
        #expect(try read(RowAccount.self, text(unknown)) == unknown)
        var made = RowAccount(read: 5, written: 7)
        made.made = 2
        #expect(try read(RowAccount.self, text(made)) == made)
    }
}
