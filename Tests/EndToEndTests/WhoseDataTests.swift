import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Random pipelines over files that days, environments and pipelines share; runs beside each other, killed, retried and
/// run in parts.
///
/// What a stage writes follows from its name, the day, the environment and what it reads, so that what is right is known
/// whatever happened before: a run that succeeds has published just that. Refusing is right as well.
///
/// `CAUDAL_PROPERTY_CASES` says how many pipelines, `CAUDAL_PROPERTY_SEED` from which seed.
@Suite("Whose data it is", .timeLimit(.minutes(30)))
struct WhoseDataTests {
    private static let variables = ProcessInfo.processInfo.environment
    private static let cases = variables["CAUDAL_PROPERTY_CASES"].flatMap { Int($0) } ?? 8
    private static let seed =
        variables["CAUDAL_PROPERTY_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...1_000_000)

    /// A pipeline of commands, and what each of them has to write.
    private struct RandomPipeline {
        struct Stage {
            var name: String
            var inputs: [Int]
            var usesDay: Bool
            /// Whether all days and environments write one path.
            var isShared: Bool
        }

        var stages: [Stage] = []

        init(using chance: inout Chance) {
            for index in 0..<chance.number(2...6) {
                let inputs = (0..<index).filter { _ in chance.happens(60) }
                stages.append(
                    Stage(
                        name: "s\(index)", inputs: inputs, usesDay: chance.happens(70), isShared: chance.happens(60)))
            }
        }

        /// What a stage writes.
        func text(_ index: Int, day: String, place: String) -> String {
            let stage = stages[index]
            return "\(stage.name) \(stage.usesDay ? day : "any") \(place)\n"
                + stage.inputs.map { text($0, day: day, place: place) }.joined()
        }

        func file(overlap: String) -> String {
            let datasets = stages.map { stage in
                "  d\(stage.name): {path: \"\(stage.isShared ? "data/\(stage.name).csv" : "data/${params.day}/\(stage.name).csv")\"}"
            }
            let works = stages.map { stage in
                let inputs = stage.inputs.map { "ds\($0)" }
                let reads = inputs.map { "cat ${input.\($0)} >> ${stage.output}; " }.joined()
                return """
                      \(stage.name):
                        type: command
                        inputs: [\(inputs.joined(separator: ", "))]
                        output: d\(stage.name)
                        run: 'test ! -e fail-\(stage.name) || exit 1; printf "\(stage.name) %s %s\\n" \(stage.usesDay ? "${params.day}" : "any") "$PLACE" > ${stage.output}; \(reads)sleep 0.0\(stage.inputs.count)'
                    """
            }
            return """
                version: 1
                name: random
                overlap: \(overlap)
                params: {day: {type: date}}
                env: {PLACE: dev}
                datasets:
                \(datasets.joined(separator: "\n"))
                stages:
                \(works.joined(separator: "\n"))
                environments: {prod: {env: {PLACE: prod}}}
                """
        }
    }

    @Test("A run that succeeds has read and written what its own day and environment say, whatever else ran")
    func neverMixed() async throws {
        var chance = Chance(seed: Self.seed)
        var succeeded = 0
        for number in 0..<Self.cases {
            let pipeline = RandomPipeline(using: &chance)
            let overlap = chance.pick(["refuse", "wait", "allow"])
            let project = try CaudalProject(copying: [])
            try project.write("p.yaml", pipeline.file(overlap: overlap))
            var story: [String] = []
            for _ in 0..<10 { story.append(try await step(project, pipeline, &chance)) }
            let place = "seed \(Self.seed), pipeline \(number), overlap \(overlap):\n\(story.joined(separator: "\n"))"
            succeeded += try expectOwnData(project, pipeline, place)
        }
        #expect(succeeded >= Self.cases * 3, "too few runs succeeded to tell anything: \(succeeded)")
    }

    /// Does something with the project, and says what.
    private func step(
        _ project: CaudalProject, _ pipeline: RandomPipeline, _ chance: inout Chance
    ) async throws -> String {
        let fails = chance.happens(30) ? chance.pick(pipeline.stages).name : nil
        if let fails { try project.write("fail-\(fails)", "") }
        defer { if let fails { unlink(project.folder.path("fail-\(fails)")) } }
        func run(_ chance: inout Chance) -> [String] {
            var arguments = ["run", "p.yaml", "--json", "--param", "day=2026-01-0\(chance.number(1...3))"]
            if chance.happens(30) { arguments += ["--env", "prod"] }
            if chance.happens(30) {
                arguments += ["--select", chance.pick(pipeline.stages).name + chance.pick(["", "+"])]
            }
            return arguments
        }
        let ids = try runs(of: project)
        switch chance.number(0...9) {
        case 0...2 where !ids.isEmpty:
            let id = chance.pick(ids).rawValue
            let more = chance.happens(40) ? [chance.pick(pipeline.stages).name] : []
            let arguments = ["retry", id] + more + ["--json", "--yes"]
            let answer = try await project.caudal(arguments)
            return "\(arguments.joined(separator: " ")) → \(answer.status ?? -1)"
        case 3...4:
            let arguments = run(&chance)
            let process = try await project.start(arguments)
            await process.passes(events: chance.number(1...12))
            await process.killHard()
            if chance.happens(30) { return "\(arguments.joined(separator: " ")) → killed" }
            if chance.happens(50) { _ = try await project.caudal(run(&chance)) }
            let answer = try await project.caudal(["resume", "last", "--json", "--yes"])
            return "\(arguments.joined(separator: " ")) → killed, resume last → \(answer.status ?? -1)"
        case 5...6:
            let (one, other) = (run(&chance), run(&chance))
            async let first = project.caudal(one)
            async let second = project.caudal(other)
            return "\(one.joined(separator: " ")) → \(try await first.status ?? -1) beside "
                + "\(other.joined(separator: " ")) → \(try await second.status ?? -1)"
        default:
            let arguments = run(&chance)
            return "\(arguments.joined(separator: " ")) → \(try await project.caudal(arguments).status ?? -1)"
        }
    }

    private func runs(of project: CaudalProject) throws -> [RunID] {
        guard project.exists(".caudal/caudal.db") else { return [] }
        return try RunStore(StateFolder(path: project.folder.path(".caudal"))).runs(limit: 100).map(\.id)
    }

    /// Looks at everything that any run has published.
    ///
    /// - Returns: How many runs succeeded.
    private func expectOwnData(
        _ project: CaudalProject, _ pipeline: RandomPipeline, _ place: String
    ) throws -> Int {
        let store = try RunStore(StateFolder(path: project.folder.path(".caudal")))
        var succeeded = 0
        for id in try runs(of: project) {
            let state = try store.state(of: id)
            if state.status == .succeeded { succeeded += 1 }
            let (day, where_) = (state.plan.parameters["day"] ?? "", state.plan.environment ?? "dev")
            for (index, stage) in pipeline.stages.enumerated() {
                guard let unit = state.unit(UnitID(StageID(stage.name))), unit.status == .succeeded else { continue }
                let right = ContentHash.of(pipeline.text(index, day: day, place: where_))
                #expect(
                    unit.lastResult?.artifacts.first?.contentHash == right,
                    "\(id) (\(day), \(where_)) wrote other data in \(stage.name); \(place)")
                for (read, input) in zip(unit.lastResult?.reads ?? [], stage.inputs) {
                    // Where others may write at the same time, a program's input can be replaced while it runs; the run
                    // says so instead of naming a version. With `--select` that may be whatever `overlap` says: only
                    // what a run writes is its own.
                    if read.contentHash == nil,
                        unit.lastResult?.notes.contains(where: { $0.hasPrefix("\(read.path) was changed") }) == true
                    {
                        continue
                    }
                    let right = ContentHash.of(pipeline.text(input, day: day, place: where_))
                    #expect(read.contentHash == right, "\(id) read other data of s\(input) in \(stage.name); \(place)")
                }
            }
        }
        return succeeded
    }
}
