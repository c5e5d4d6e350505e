import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Steering a run from other processes", .timeLimit(.minutes(15)))
struct SteeringTests {
    /// Two stages that wait until a file is there, and one that rests on both.
    private static let pipeline = """
        version: 1
        name: gates
        stages:
          first: {type: command, run: "until test -e open-first; do sleep 0.05; done"}
          second: {type: command, run: "until test -e open-second; do sleep 0.05; done"}
          last: {type: command, run: echo last, needs: [first, second]}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("gates.yaml", Self.pipeline)
        return project
    }

    /// Starts the pipeline and waits until its first stages run.
    private func start(_ project: CaudalProject) async throws -> CaudalProject.Started {
        let run = try await project.start("run", "gates.yaml", "--plain")
        var started = Set<String>()
        for await line in run.lines where line.contains("started") {
            for name in ["first", "second"] where line.contains(name) { started.insert(name) }
            if started.count == 2 { break }
        }
        #expect(started.count == 2)
        return run
    }

    @Test("A run is cancelled from another process and ends with status 3", .timeLimit(.minutes(15)))
    func cancel() async throws {
        let project = try project()
        let run = try await start(project)
        let answer = try await project.caudal("cancel", "last")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(answer.output.contains("the run is being stopped"), "\(answer)")
        #expect(await run.child.exit().exit == .exited(3))
        let events = try await project.caudal("show", "last", "--follow", "--json")
        #expect(events.exit == .exited(3))
        #expect(events.output.contains("tester@"), "the journal knows who asked")
        let again = try await project.caudal("cancel", "last")
        #expect(again.exit == .exited(1))
        #expect(again.errors.contains("has ended: cancelled") && again.errors.contains("caudal retry"), "\(again)")
    }

    @Test("A stage is cancelled, then retried, while the run goes on", .timeLimit(.minutes(15)))
    func cancelAndRetryStage() async throws {
        let project = try project()
        let run = try await start(project)
        #expect(try await project.caudal("cancel", "last", "first").output.contains("first is being stopped"))
        let unknown = try await project.caudal("cancel", "last", "frist")
        #expect(unknown.exit == .exited(1))
        #expect(unknown.errors.contains("first"), "\(unknown)")
        #expect(await run.says("first   cancelled") != nil)
        let retried = try await project.caudal("retry", "last", "first")
        #expect(retried.output.contains("runs again: first"), "\(retried)")
        try project.write("open-first", "")
        try project.write("open-second", "")
        #expect(await run.child.exit().exit == .exited(0))
    }

    @Test("A paused run starts nothing; it goes on when told to", .timeLimit(.minutes(15)))
    func pause() async throws {
        let project = try project()
        let run = try await start(project)
        #expect(try await project.caudal("pause", "last").output.contains("paused: nothing new starts"))
        let twice = try await project.caudal("pause", "last")
        #expect(twice.exit == .exited(1))
        #expect(twice.errors.contains("paused already"), "\(twice)")
        try project.write("open-first", "")
        try project.write("open-second", "")
        for name in ["first", "second"] { #expect(await run.says("succeeded") != nil, "\(name)") }
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"running\""))
        #expect(try await project.caudal("unpause").output.contains("goes on"))
        #expect(await run.child.exit().exit == .exited(0))
        let ended = try await project.caudal("pause", "last")
        #expect(ended.exit == .exited(1))
        #expect(ended.errors.contains("succeeded") && ended.errors.contains("caudal run gates.yaml"), "\(ended)")
    }

    @Test("A stage is marked on a live run and on a finished one", .timeLimit(.minutes(15)))
    func mark() async throws {
        let project = try project()
        let run = try await start(project)
        let running = try await project.caudal("mark", "last", "first", "succeeded", "--reason", "done by hand")
        #expect(running.errors.contains("first is running; cancel it first"), "\(running)")
        _ = try await project.caudal("cancel", "last", "first")
        #expect(await run.says("first   cancelled") != nil)
        let marked = try await project.caudal("mark", "last", "first", "succeeded", "--reason", "done by hand")
        #expect(marked.output.contains("first counts as succeeded"), "\(marked)")
        _ = try await project.caudal("cancel", "last")
        #expect(await run.child.exit().exit == .exited(3))
        let finished = try await project.caudal("mark", "last", "second", "skipped", "--reason", "not today")
        #expect(finished.output.contains("second  counts as skipped: not today"), "\(finished)")
        #expect(try await project.caudal("mark", "last", "last", "skipped").exit == .exited(64))
    }

    @Test("Following prints what the run prints and ends as it does", .timeLimit(.minutes(15)))
    func follow() async throws {
        let project = try project()
        let run = try await start(project)
        let follower = try await project.start("show", "last", "--follow")
        #expect(await follower.says("second  started") != nil)
        try project.write("open-first", "")
        try project.write("open-second", "")
        #expect(await follower.says("last    succeeded") != nil)
        #expect(await follower.says("3 succeeded") != nil)
        #expect(await follower.child.exit().exit == .exited(0))
        #expect(await run.child.exit().exit == .exited(0))
    }

    @Test("Whoever follows a run whose process dies is told how to go on", .timeLimit(.minutes(15)))
    func killed() async throws {
        let project = try project()
        let run = try await start(project)
        let follower = try await project.start("show", "last", "--follow")
        #expect(await follower.says("second  started") != nil)
        await run.killHard()
        #expect(await follower.child.exit().exit == .exited(1))
        let told = try await project.caudal("show", "last", "--follow")
        #expect(told.exit == .exited(1))
        #expect(told.errors.contains("interrupted") && told.errors.contains("caudal resume"), "\(told)")
        let paused = try await project.caudal("pause", "last")
        #expect(paused.errors.contains("its process died") && paused.errors.contains("caudal resume"), "\(paused)")
        // The newest run is another one by now: which one was interrupted is told all the same.
        try project.write("other.yaml", "version: 1\nname: other\nstages: {a: {type: command, run: 'true'}}\n")
        let dead = try #require(
            try FileManager.default.contentsOfDirectory(atPath: project.folder.path(".caudal/runs")).first)
        #expect(try await project.caudal("run", "other.yaml").exit == .exited(0))
        let resumed = try await project.caudal("resume")
        #expect(
            resumed.status != 0 && resumed.errors.contains("run \(dead) was interrupted: 'caudal resume \(dead)'"),
            "\(resumed)")
        let given = try await project.caudal("cancel", dead)
        #expect(given.exit == .exited(0), "\(given)")
        #expect(given.output.contains("cancelled"), "\(given)")
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"cancelled\""))
    }

    @Test("A run whose lock file somebody removes is live, and nothing runs beside it", .timeLimit(.minutes(15)))
    func removedLock() async throws {
        let project = try project()
        let run = try await start(project)
        let lock = try #require(project.files(in: ".caudal/runs").first { $0.hasSuffix("/lock") })
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal/runs/" + lock))
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status == 1 && resumed.errors.contains("is live: another process runs it"), "\(resumed)")
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"running\""))
        let paused = try await project.caudal("pause", "last")
        #expect(paused.status == 0, "\(paused)")
        #expect(try await project.caudal("unpause", "last").status == 0)
        for name in ["open-first", "open-second"] { try project.write(name, "") }
        #expect(await run.child.exit().exit == .exited(0))
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"succeeded\""))
    }

    @Test(
        "What a dead run left is cleaned up without its file, its variables and its secrets", .timeLimit(.minutes(15)))
    func cancelWithoutFile() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(".env", "REGION=eu\n")
        try project.write(
            "gates.yaml",
            """
            version: 1
            name: gates
            params: {api_token: {type: string}}
            env: {WHERE: "${env.REGION}", TOKEN: "${params.api_token}"}
            stages:
              first: {type: command, run: "until test -e open-first; do sleep 0.05; done"}
            """)
        let run = try await project.start("run", "gates.yaml", "--plain", "--param", "api_token=s3cr3t-value")
        #expect(await run.says("started") != nil)
        await run.killHard()
        let kept = project.files(in: ".caudal/runs").filter {
            $0.hasSuffix("/pipeline.yaml") || $0.hasSuffix("/parameters.json")
        }
        #expect(kept.count == 2, "\(kept)")
        for file in ["gates.yaml", ".env"] + kept.map({ ".caudal/runs/" + $0 }) {
            try FileManager.default.removeItem(atPath: project.folder.path(file))
        }
        let resumed = try await project.caudal("resume", "last", "--plain", "--yes")
        #expect(resumed.status != 0, "\(resumed)")
        let given = try await project.caudal("cancel", "last")
        #expect(given.exit == .exited(0) && given.output.contains("cancelled"), "\(given)")
        #expect(try await project.caudal("runs", "--json").output.contains("\"state\":\"cancelled\""))
    }

    @Test("A rude client of the real socket harms neither the run nor other clients", .timeLimit(.minutes(15)))
    func hostileClient() async throws {
        let project = try project()
        let run = try await start(project)
        let socket = try #require(project.files(in: ".caudal/runs").first { $0.hasSuffix("/lock") })
        let folder = project.folder.path(".caudal/runs/" + PathText.folder(of: socket))
        let rights = try FileManager.default.attributesOfItem(atPath: folder + "/socket")[.posixPermissions] as? Int
        #expect(rights == 0o600)
        let rude = (0..<50).compactMap { _ in RawClient(folder) }
        #expect(rude.count == 50)
        for (client, text) in zip(
            rude, ["\u{0}\u{1}\n", String(repeating: "{", count: 1 << 20), "{\"command\":", "\n\n\n"])
        {
            await client.send(text)
        }
        #expect(try await project.caudal("cancel", "last").exit == .exited(0))
        #expect(await run.child.exit().exit == .exited(3))
        withExtendedLifetime(rude) {}
        #expect(!FileText.exists(folder + "/socket"), "the socket has gone with the run")
    }
}
