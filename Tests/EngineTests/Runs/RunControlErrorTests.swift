import CaudalModel
import Foundation
import Testing

@testable import Engine

@Suite("Errors with a kind, in words", .timeLimit(.minutes(15)))
struct RunControlErrorTests {
    @Test(
        "A run that cannot be steered is told with what can be done instead",
        arguments: [
            (
                .live("r1", hinders: .removing),
                "run r1 is live: another process runs it; stop it first with 'caudal cancel r1'"
            ),
            (
                .live("r1", hinders: .restoring),
                "run r1 is live: another process runs it; restore its versions when it has ended"
            ),
            (
                .notLive("r1", .failed, file: "p.yaml", verb: "pause"),
                "run r1 has ended: failed; there is nothing to pause; rerun what failed with 'caudal retry r1'"
            ),
            (
                .notLive("r1", .succeeded, file: "p.yaml", verb: "cancel"),
                "run r1 has ended: succeeded; there is nothing to cancel; run it again with 'caudal run p.yaml'"
            ),
            (.refused("the run is paused already"), "the run is paused already"),
            (
                .refused("no stage has failed", ifContinued: "r1"),
                "run r1 was interrupted: its process died; if it continued, no stage has failed; continue it with 'caudal resume r1'"
            ),
        ] as [(RunControlError, String)])
    func words(error: RunControlError, words: String) {
        #expect(error.description == words)
        #expect(error.reason == words)
        #expect(Failure(describing: error).description == words)
    }

    @Test("An interrupted run is never told to run again what may still be running")
    func interrupted() {
        let error = RunControlError.notLive("r1", .interrupted, file: "p.yaml", verb: "mark")
        #expect(error.failure.message == "run r1 was interrupted: its process died, there is nothing to mark")
        #expect(error.failure.remedy?.contains("caudal resume r1") == true)
    }

    @Test("A path that another run writes is shown from the project root")
    func pathTaken() {
        let conflict = PathConflict(run: "r2", pipeline: "sales", path: "/project/data/mid.csv")
        let error = RunControlError.pathTaken(conflict, root: "/project")
        #expect(error.failure.message.hasPrefix("run r2 of 'sales' is "))
        #expect(error.failure.message.hasSuffix(" and writes data/mid.csv too"))
    }

    @Test("Any error becomes a failure with its remedy and place")
    func described() {
        let place = SourceLocation(file: "p.yaml", line: 3, column: 5)
        let config = Failure(describing: ConfigError("no such key", remedy: "remove it", at: place))
        #expect(config == Failure("no such key", remedy: "remove it", location: place))
        let own = Failure("a", remedy: "b", kind: .missingTable)
        #expect(Failure(describing: own) == own)
        let system = Failure(describing: POSIXError(.ENOENT))
        #expect(system.message == "No such file or directory")
        #expect(Failure("x cannot be read", errno: EACCES).message == "x cannot be read: Permission denied")
    }
}
