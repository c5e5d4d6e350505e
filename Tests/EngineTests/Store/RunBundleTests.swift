import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

@Suite("Bundles of runs", .timeLimit(.minutes(15)))
struct RunBundleTests {
    private static let definition = "env.MY_TOKEN: tok-abcdef"
    private static let file = "version: 1\nenv: {MY_TOKEN: tok-abcdef}\n"

    /// A store with two runs, the first of which has a log, SQL and a secret.
    private func store(in scratch: ScratchFolder) throws -> RunStore {
        let store = try RunStore(StateFolder(path: scratch.path("state")))
        let plan = RunPlan(
            pipeline: "sales", maxParallel: 1, stages: [PlannedStage(id: "a", definitionText: Self.definition)],
            definitionText: Self.definition)
        for id in ["20261123-060000-aaaa", "20261124-060000-bbbb"] as [RunID] {
            try store.folder.run(id).create()
            try store.record(
                id, plan, [.runStarted(.ofTest)] + .attempt(UnitID("a"), .succeeded) + [.runEnded(.succeeded)])
        }
        let folder = store.folder.run("20261123-060000-aaaa")
        try "{\"time\":\"2026-11-23T06:00:00.000Z\"}\n".write(
            toFile: folder.logs + "/000001.jsonl", atomically: true, encoding: .utf8)
        try "SELECT 1".write(toFile: folder.sql + "/a.1.sql", atomically: true, encoding: .utf8)
        try Self.file.write(toFile: folder.pipelineFile, atomically: true, encoding: .utf8)
        try "{\"token\":\"s3cret\"}".write(toFile: folder.path + "/parameters.json", atomically: true, encoding: .utf8)
        return store
    }

    @Test("A run is the same elsewhere: its journal, its log, its SQL and its file; its secrets and other runs stay")
    func whole() throws {
        let scratch = try ScratchFolder()
        let store = try store(in: scratch)
        let file = scratch.path("run.caudal")
        try RunBundle.write("20261123-060000-aaaa", of: store, to: file, masking: SecretMasker(secrets: ["tok-abcdef"]))
        let (run, copy) = try RunBundle.unpack(file, into: StateFolder(path: scratch.path("elsewhere")))
        #expect(run == "20261123-060000-aaaa")
        #expect(try copy.events(of: run) == store.events(of: run))
        var plan = try store.plan(of: run)
        plan.definitionText = "env.MY_TOKEN: ••••"
        plan.stages[0].definitionText = plan.definitionText
        #expect(try copy.plan(of: run) == plan)
        #expect(!String(decoding: try FileText.bytes(file), as: UTF8.self).contains("tok-abcdef"))
        #expect(throws: StoreError.self) { try copy.find("20261124") }
        let folder = copy.folder.run(run)
        #expect(LogFiles.segments(in: folder.logs).map(\.number) == [1])
        #expect(try FileText.read(folder.sql + "/a.1.sql") == "SELECT 1")
        #expect(try FileText.read(folder.pipelineFile) == "version: 1\nenv: {MY_TOKEN: ••••}\n")
        #expect(!FileText.exists(folder.path + "/parameters.json"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path(".")).sorted() == [
                "elsewhere", "run.caudal", "state",
            ])
    }

    @Test("Without the secrets of its pipeline, a bundle has nothing in which they may stand")
    func unmasked() throws {
        let scratch = try ScratchFolder()
        let store = try store(in: scratch)
        let file = scratch.path("run.caudal")
        try RunBundle.write("20261123-060000-aaaa", of: store, to: file, masking: nil)
        #expect(!String(decoding: try FileText.bytes(file), as: UTF8.self).contains("tok-abcdef"))
        let (run, copy) = try RunBundle.unpack(file, into: StateFolder(path: scratch.path("elsewhere")))
        #expect(try copy.state(of: run).status == .succeeded)
        let folder = copy.folder.run(run)
        #expect(LogFiles.segments(in: folder.logs).map(\.number) == [1])
        #expect(!FileText.exists(folder.pipelineFile) && !FileText.exists(folder.sql + "/a.1.sql"))
    }

    @Test(
        "A bundle whose names lead elsewhere writes nothing",
        arguments: [
            "UPDATE runs SET id = '../../elsewhere'",
            "UPDATE bundled_files SET path = '../../x' WHERE path = 'pipeline.yaml'",
            "UPDATE bundled_files SET path = 'logs/../../x' WHERE path = 'pipeline.yaml'",
            "UPDATE bundled_files SET path = '.profile' WHERE path = 'pipeline.yaml'",
            "INSERT INTO runs SELECT 'second', pipeline, file, root, environment, parameters, trigger, status, started_at, ended_at, duration_ms, stage_count, plan FROM runs",
        ])
    func hostile(change: String) throws {
        let scratch = try ScratchFolder()
        let file = scratch.path("run.caudal")
        try RunBundle.write(
            "20261123-060000-aaaa", of: try store(in: scratch), to: file, masking: SecretMasker(secrets: []))
        try DatabaseQueue(path: file).write { try $0.execute(sql: change) }
        let folder = StateFolder(path: scratch.path("a/b/state"))
        #expect(throws: Failure.self) { try RunBundle.unpack(file, into: folder) }
        let written = FileManager.default.subpaths(atPath: scratch.path("a"))?.filter {
            FileText.isFile(scratch.path("a/\($0)")) && !$0.contains("caudal.db")
        }
        #expect(written?.contains { $0.hasSuffix("x") || $0.contains("elsewhere") || $0.contains(".profile") } == false)
    }

    @Test("What is no bundle is refused, and so is a live run")
    func refusals() throws {
        let scratch = try ScratchFolder()
        let store = try store(in: scratch)
        let text = scratch.path("text")
        try "no bundle".write(toFile: text, atomically: true, encoding: .utf8)
        for path in [text, store.folder.database, scratch.path("nothing")] {
            #expect(throws: Failure.self, "\(path)") {
                try RunBundle.unpack(path, into: StateFolder(path: scratch.path("elsewhere")))
            }
        }
        // Nothing but a bundle is replaced by one.
        symlink(text, scratch.path("link"))
        for path in [text, scratch.path("link"), scratch.path(""), "/dev/null"] {
            #expect(throws: Failure.self, "\(path)") {
                try RunBundle.write("20261123-060000-aaaa", of: store, to: path, masking: SecretMasker(secrets: []))
            }
        }
        #expect(try FileText.read(text) == "no bundle")
        for _ in 1...2 {
            try RunBundle.write(
                "20261123-060000-aaaa", of: store, to: scratch.path("twice"), masking: SecretMasker(secrets: []))
        }
        let lock = try RunLock.take(store.folder.run("20261124-060000-bbbb"))
        #expect(throws: Failure.self) {
            try RunBundle.write(
                "20261124-060000-bbbb", of: store, to: scratch.path("b"), masking: SecretMasker(secrets: []))
        }
        #expect(lock != nil && !FileText.exists(scratch.path("b")))
    }
}
