import CaudalModel
import Dispatch
import Foundation
import TestSupport
import Testing

@testable import Engine

/// Writes a line for each stage that has ended.
private struct StageLines: RunObserver {
    let name = "stage-lines"
    let file: String

    func wants(_ change: RunChange) -> Bool {
        if case .unitEnded(let unit, _, _) = change { unit.item == nil } else { false }
    }

    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
        guard case .unitEnded(let unit, let outcome, _) = event.event.change else { return }
        notes.keep(String((Int(try notes.text("count") ?? "") ?? 0) + 1), "count")
        let handle = try FileHandle(forWritingTo: URL(filePath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("\(event.id) \(unit) \(outcome)\n".utf8))
        try handle.close()
    }
}

/// One that kills its process at the end of a stage.
private struct KilledLines: RunObserver {
    let lines: StageLines
    let stage: StageID
    let isBehindEffect: Bool
    var name: String { lines.name }

    func wants(_ change: RunChange) -> Bool { lines.wants(change) }

    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
        let isFatal = if case .unitEnded(UnitID(stage), _, _) = event.event.change { true } else { false }
        if isFatal, !isBehindEffect { kill(getpid(), SIGKILL) }
        try await lines.take(event, &notes)
        if isFatal { kill(getpid(), SIGKILL) }
    }
}

/// One that never comes back, without giving its thread away.
private final class StuckObserver: RunObserver {
    let name: String
    private let released = DispatchSemaphore(value: 0)

    init(_ name: String) { self.name = name }

    func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws { block() }

    private func block() { released.wait() }

    func release() { for _ in 0..<1000 { released.signal() } }
}

/// A project whose runs are observed.
private struct ObservedProject {
    let path: String
    private static let variables = ["PATH": "/usr/local/bin:/usr/bin:/bin"]

    func services(_ observers: [any RunObserver]) throws -> RunServices {
        try RunServices(
            state: StateFolder(path: path + "/.caudal"), variables: Self.variables, observers: observers)
    }

    func loaded() throws -> LoadedPipeline {
        try Data(
            """
            version: 1
            name: observed
            max_parallel: 1
            stages:
              a: {type: command, run: "true"}
              b: {type: command, run: "true", needs: [a]}
              c: {type: command, run: "test -e go || exec sleep 1000", needs: [b]}
            """.utf8
        ).write(to: URL(filePath: path + "/observed.yaml"))
        return try LoadedPipeline(file: path + "/observed.yaml", variables: Self.variables)
    }

    func start(in services: RunServices) async throws -> RunSession {
        let loaded = try loaded()
        let planner = Planner(loaded, request: RunRequest(), now: services.now(), machine: MachineResources.total)
        return try await RunSession.start(loaded, plan: try planner.plan(), in: services)
    }

    var lines: [String] {
        ((try? FileText.read(path + "/lines.txt")) ?? "").split(separator: "\n").map(String.init)
    }

    var stageLines: StageLines {
        let file = path + "/lines.txt"
        if !FileText.exists(file) { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        return StageLines(file: file)
    }
}

@Suite("Runs and who hears of them", .timeLimit(.minutes(15)))
struct ObservedRunsTests {
    private static let patience = Duration.seconds(60)

    @Test("A line is written for each stage that ends, while the run goes on and after its end")
    func lines() async throws {
        let folder = try ScratchFolder()
        try folder.write("go", "")
        let project = ObservedProject(path: folder.path)
        let services = try project.services([project.stageLines])
        let session = try await project.start(in: services)
        #expect(try await session.run().status == .succeeded)
        #expect(await services.observers.settle(within: Self.patience) == [])
        let words = project.lines.map { $0.split(separator: " ").dropFirst().joined(separator: " ") }
        #expect(words == ["a succeeded", "b succeeded", "c succeeded"])
    }

    @Test(
        "Killed before or after its effect, an observer hears the event again with the next run, and nothing is lost",
        arguments: [false, true])
    func killed(isBehindEffect: Bool) async throws {
        let folder = try ScratchFolder()
        let project = ObservedProject(path: folder.path)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, isBehindEffect = isBehindEffect as Bool] in
            let project = ObservedProject(path: path)
            let observer = KilledLines(lines: project.stageLines, stage: "b", isBehindEffect: isBehindEffect)
            let services = try project.services([observer])
            // Stage c goes on for ever: the process dies with its run under way.
            _ = try await project.start(in: services).run()
        }
        let before = project.lines
        #expect(before.count == (isBehindEffect ? 2 : 1), "\(before)")

        let services = try project.services([project.stageLines])
        let dead = try services.store.find("last")
        #expect(try services.store.runs().first?.trueStatus == .interrupted)
        // Another run is enough to be told what was missed of the dead one; that goes on later.
        try folder.write("go", "")
        #expect(try await project.start(in: services).run().status == .succeeded)
        #expect(await services.observers.settle(within: Self.patience) == [])
        #expect(project.lines.filter { $0.hasPrefix(dead.rawValue) }.last?.hasSuffix("b succeeded") == true)
        let session = try await RunSession.reopen(dead, try project.loaded(), by: "test", in: services)
        #expect(try await session.run().status == .succeeded)
        #expect(await services.observers.settle(within: Self.patience) == [])

        let ofDead = project.lines.filter { $0.hasPrefix(dead.rawValue) }
        let expected = try services.store.events(of: dead).compactMap { event -> String? in
            guard case .unitEnded(let unit, let outcome, _) = event.change else { return nil }
            return "\(dead)/\(event.sequence) \(unit) \(outcome)"
        }
        // Where an effect was made and not recorded, the event comes again with the same id.
        var known: Set<String> = []
        #expect(ofDead.filter { known.insert($0).inserted } == expected)
        #expect(ofDead.count { $0 == expected[1] } == (isBehindEffect ? 2 : 1))
        #expect(expected.count == 3)
        #expect(try services.store.note("count", of: "stage-lines") == "6", "what is in the store is there once")
    }

    @Test("Observers that hang, on threads of their own, hold no run up")
    func stuck() async throws {
        let folder = try ScratchFolder()
        try folder.write("go", "")
        let project = ObservedProject(path: folder.path)
        let stuck = (1...8).map { StuckObserver("stuck-\($0)") }
        let services = try project.services(stuck.map { $0 as any RunObserver } + [project.stageLines])
        let session = try await project.start(in: services)
        #expect(try await session.run().status == .succeeded)
        let lags = await services.observers.settle(within: .milliseconds(500))
        #expect(lags.filter { $0.observer.hasPrefix("stuck") }.count == 8, "\(lags)")
        stuck.forEach { $0.release() }
        #expect(await services.observers.settle(within: Self.patience) == [])
        #expect(project.lines.count == 3)
    }
}
