import CaudalModel
import Engine
import Foundation
import Testing

@testable import App

@Suite("The tour", .timeLimit(.minutes(15)))
struct DemoScriptTests {
    @Test("Each step waits for its time and for what it tells of, and presses its keys one after the other")
    func steps() {
        var script = DemoScript([
            .init(caption: "first", after: 0),
            .init(caption: "second", keys: ["e", .enter], after: 1000, when: { $0.focus == .log }),
        ])
        var state = SampleRun.failed.dashboard(rows: 24, columns: 80)
        #expect(script.next(state, now: 0) == nil && script.caption == "first")
        #expect(script.next(state, now: 5000) == nil && script.caption == "first")
        state.focus = .log
        #expect(script.next(state, now: 5100) == nil && script.caption == "second")
        #expect(script.next(state, now: 5200) == nil)
        #expect(script.next(state, now: 6000) == "e")
        #expect(script.next(state, now: 6100) == nil)
        #expect(script.next(state, now: 7000) == .enter)
        #expect(script.next(state, now: 99_000) == nil)
    }

    @Test("Its pipeline is valid, and has what the tour tells of")
    func pipeline() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tour-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "demo.yaml").path
        try DemoCommand.pipeline.write(toFile: file, atomically: true, encoding: .utf8)
        let loaded = try PipelineLoader(variables: [:]).load(file)
        #expect(
            loaded.pipeline.stages.map(\.id).contains("rates") && loaded.pipeline.stages.map(\.id).contains("clean"))
        #expect(loaded.warnings.isEmpty)
    }

    @Test("Every key of the tour is bound where it is pressed")
    func keys() {
        let bound = Set(DashboardKeys.all.flatMap(\.bindings).flatMap(\.keys))
        #expect(Set(DemoScript.tour.allKeys).isSubset(of: bound))
    }
}
