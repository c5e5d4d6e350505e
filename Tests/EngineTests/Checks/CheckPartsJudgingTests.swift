import CaudalModel
import Engine
import TestSupport
import Testing

@Suite("Judging checks by parts", .timeLimit(.minutes(15)))
struct CheckPartsJudgingTests {
    private func results(_ lines: String, errors: [String] = []) throws -> [CheckResult] {
        let check = try Check(yaml: "{not_null: id, partition_by: region}")
        let judge = CheckJudge(
            checks: [check], columns: [], stage: "s", history: NoCheckHistory(), now: Moment(wall: 0, steady: 0))
        return judge.results(DataReadings(output: Array(lines.utf8)), errors: errors, found: [])
    }

    private let whole = #"{"caudal":"parts","check":0,"part":null,"m0":1,"t0":3}"# + "\n"

    @Test("A check whose query did not run is an error with the reason, never a pass without rows")
    func didNotRun() throws {
        let found = try results("", errors: ["Binder error: no such column"])
        #expect(found.map(\.outcome) == [.error])
        #expect(found.first?.message == "could not run: Binder error: no such column")
    }

    @Test("A query that ran and found no parts passes")
    func noParts() throws {
        let none = whole.replacing("\"m0\":1,\"t0\":3", with: "\"m0\":0,\"t0\":0")
        #expect(try results(none).map(\.outcome) == [.passed])
    }

    @Test("Each part has a result of its own")
    func parts() throws {
        let found = try results(
            whole + #"{"caudal":"part","check":0,"part":"north","m0":0,"t0":2}"# + "\n"
                + #"{"caudal":"part","check":0,"part":"south","m0":1,"t0":1}"# + "\n")
        #expect(found.map(\.outcome) == [.passed, .failed])
        #expect(found.map(\.partition) == ["region=north", "region=south"])
    }

    @Test("More parts than are judged one by one are an error, never passed over")
    func tooMany() throws {
        let parts = (0...CheckCompiler.partLimit).map {
            #"{"caudal":"part","check":0,"part":"\#($0)","m0":0,"t0":1}"# + "\n"
        }
        let found = try results(whole + parts.joined())
        #expect(found.map(\.outcome) == [.error])
        #expect(found.first?.message == "'region' has more than 1,000 values")
    }
}
