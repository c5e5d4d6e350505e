import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

/// The driver's program with a stand-in for PySpark (`fakePySpark`), whose sessions and statements take as long as a test wants.
@Suite("Spark: the driver's program", .timeLimit(.minutes(2)))
struct SparkDriverProgramTests {
    /// A client of Spark Connect: it forgets an interruption where nothing runs, as Spark does.
    private static let fakePySpark = """
        import os, threading, time

        class Session:
            version = "4.3.0"
            class conf:
                set = staticmethod(lambda name, value: None)
            def __init__(self):
                self.runs, self.stopped = False, threading.Event()
            def sql(self, text):
                here = os.path.dirname(__file__)
                if text == "late":
                    # It is on its way to the server while it is interrupted.
                    open(here + "/begun", "w").close()
                    while not os.path.exists(here + "/interrupted"):
                        time.sleep(0.01)
                self.runs = True
                if not self.stopped.wait(100):
                    raise SystemExit("nobody interrupted it")
                raise RuntimeError("interrupted")
            def interruptAll(self):
                open(os.path.dirname(__file__) + "/interrupted", "w").close()
                if self.runs:
                    self.stopped.set()
            def addTag(self, tag): pass
            def registerProgressHandler(self, handler): pass
            def removeProgressHandler(self, handler): pass
            def stop(self): pass

        class Builder:
            made = 0
            def appName(self, name): return self
            def remote(self, address): return self
            def create(self):
                Builder.made += 1
                # The second one is the first job's.
                if Builder.made == 2 and os.path.exists(os.path.dirname(__file__) + "/hangs"):
                    time.sleep(100)
                return Session()

        class SparkSession:
            builder = Builder()

        """

    /// Runs a job of one statement on the driver, and cancels it once a file is there.
    ///
    /// - Returns: The events up to the job's end.
    private func cancel(after file: String?, _ folder: OwnFolder, sql: String) async throws -> [String] {
        try FileManager.default.createDirectory(atPath: folder["pyspark"], withIntermediateDirectories: true)
        try folder.write("", to: "pyspark/__init__.py")
        try folder.write(Self.fakePySpark, to: "pyspark/sql.py")
        try folder.write(
            #"{"title": "job", "user": {}, "settings": {}, "sources": [], "variables": [], "statements": [{"do": "view", "name": "v", "sql": "\#(sql)", "essential": true}]}"#,
            to: "job.json")
        let (input, reactor) = (try ChildInput(), ProcessReactor())
        let (texts, arrival) = AsyncStream<String>.makeStream()
        let child = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/env", arguments: ["python3", "-u", "-c", SparkDriverProgram.text],
                variables: ["PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": folder.path], folder: "/",
                marker: "test/driver/\(folder.path)", grace: .seconds(5), ledger: nil, input: input)
        ) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        var events: [String] = []
        input.send(#"{"op": "open", "name": "test", "remote": "sc://nowhere"}"#)
        reading: for await text in texts {
            for line in text.split(separator: "\n").map(String.init) where !line.contains("beat") {
                events.append(line)
                if line.contains("ready") {
                    input.send(#"{"op": "job", "id": "j", "file": "\#(folder["job.json"])"}"#)
                    if let file { try await wait(forFile: folder["pyspark/" + file]) }
                    input.send(#"{"op": "cancel", "id": "j"}"#)
                }
                if ["done", "failed", "cancelled"].contains(where: { line.contains("\"event\": \"\($0)\"") }) {
                    break reading
                }
            }
        }
        input.close()
        _ = await child.exit()
        return events
    }

    @Test("A job whose session does not begin is cancelled all the same")
    func sessionThatHangs() async throws {
        let folder = try OwnFolder()
        try FileManager.default.createDirectory(atPath: folder["pyspark"], withIntermediateDirectories: true)
        try folder.write("", to: "pyspark/hangs")
        let events = try await cancel(after: nil, folder, sql: "any")
        #expect(events.last?.contains(#""event": "cancelled""#) == true, "\(events)")
        #expect(!events.contains { $0.contains("statement") })
    }

    @Test("A cancellation that comes while a statement is about to begin reaches it")
    func statementThatBegins() async throws {
        let events = try await cancel(after: "begun", OwnFolder(), sql: "late")
        #expect(events.last?.contains(#""event": "cancelled""#) == true, "\(events)")
    }
}
