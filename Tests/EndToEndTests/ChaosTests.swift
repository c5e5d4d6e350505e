import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Runs of a real pipeline, killed at random moments and resumed until they are done.
///
/// `make chaos` sets how many kills (`CAUDAL_CHAOS`) and from which seed (`CAUDAL_CHAOS_SEED`); `make test` does twenty.
@Suite("Killed again and again", .timeLimit(.minutes(15)))
struct ChaosTests {
    private static let variables = ProcessInfo.processInfo.environment
    private static let kills = variables["CAUDAL_CHAOS"].flatMap { Int($0) } ?? 20
    private static let seed =
        variables["CAUDAL_CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...1_000_000)

    /// SQL stages, fan-outs of SQL and of commands, checks, a quarantine, and a command that must not run twice unsaid.
    private static let pipeline = """
        version: 1
        name: chaos
        max_parallel: 3
        datasets:
          raw: {path: data/raw/sales_data.csv, schema: data/schemas/sales_schema_v1.json}
          catalog: {path: data/raw/product_catalog.csv}
          valid: {path: out/valid.parquet}
          clean: {path: "out/clean/region=${item.region}.parquet"}
          enriched: {path: out/enriched.csv}
          totals: {path: out/totals.parquet}
          letters: {path: "out/letters/${item.number}.csv"}
        stages:
          validate: {type: validate, input: raw, output: valid, max_invalid: 10%, quarantine: out/bad.csv}
          process:
            type: process
            input: valid
            output: clean
            foreach: {region: {sql: select distinct region from valid order by 1}}
            steps:
              - deduplicate: {by: [order_id], keep: first}
              - fill_missing: {quantity: 0, price: 0}
              - derive: {total: quantity * price}
          enrich:
            type: enrich
            input: clean
            output: enriched
            lookups: [{dataset: catalog, on: product_id, add: [product_name, category], default: unknown}]
            checks: [{unique: order_id}, {completeness: total, min: 95%}]
          total: {type: sql, inputs: enriched, output: totals, query: "select category, sum(total) as total from enriched group by 1 order by 1"}
          letter:
            type: command
            foreach: {number: ["1", "2", "3", "4"]}
            run: "for word in word one two three; do echo $word; sleep 0.02; done > ${stage.output}"
            output: letters
          ledger:
            type: command
            needs: [enrich, letter]
            run: "echo $CAUDAL_RUN_ID $CAUDAL_ATTEMPT >> ledger; sleep 0.05"
            idempotent: false
          report: {type: report, needs: [total, ledger], output_dir: reports}
        """

    @Test("After every kill nothing is half done, and in the end everything is as if nobody had killed it")
    func killAndResume() async throws {
        var chance = Chance(seed: Self.seed)
        let project = try CaudalProject(copying: ["data/raw", "data/schemas"])
        try project.write("chaos.yaml", Self.pipeline)
        let clock = ContinuousClock()
        let began = clock.now
        let calm = try await project.caudal("run", "chaos.yaml", "--plain")
        // Beside all the other tests the first run takes long, and the later ones do not.
        let length = min(began.duration(to: clock.now), .seconds(2))
        #expect(calm.exit == .exited(0), "\(calm)")
        let wanted = try Self.contents(of: project)
        #expect(wanted.count >= 12, "\(wanted.keys)")

        var kills = 0
        while kills < Self.kills {
            let outputs = project.folder.path("out")
            if FileManager.default.fileExists(atPath: outputs) { try FileManager.default.removeItem(atPath: outputs) }
            let before = try Self.newest(project)?.id
            var arguments = ["run", "chaos.yaml", "--json"]
            // A run may be killed several times before its last resumption is left in peace.
            repeat {
                let process = try await project.start(arguments)
                if chance.happens(50) {
                    try await clock.sleep(for: length * (Double(chance.number(0...1000)) / 1000))
                } else {
                    await process.passes(events: chance.number(1...60))
                }
                if await process.killHard() == .signaled(9) { kills += 1 }
                for (name, bytes) in try Self.contents(of: project) {
                    #expect(wanted[name] == bytes, "seed \(Self.seed), kill \(kills): \(name) is half done")
                }
                arguments = ["resume", "last", "--json", "--yes"]
            } while try Self.newest(project)?.trueStatus == .interrupted && chance.happens(40)

            let place = "seed \(Self.seed), after \(kills) kills"
            if try Self.newest(project)?.trueStatus == .interrupted {
                let answer = try await project.caudal("resume", "last", "--plain", "--yes")
                #expect(answer.exit == .exited(0), "\(place): \(answer)")
            }
            // Killed before the run was recorded: nothing is there to go on with.
            if try Self.newest(project)?.id != before { #expect(try Self.contents(of: project) == wanted, "\(place)") }
            try Self.expectTrueRecords(project, place)
        }
        let took = began.duration(to: clock.now)
        print("\(kills) kills from seed \(Self.seed) in \(took.formatted(.units(allowed: [.seconds])))")
    }

    /// Every day and both environments write the same files in the middle; what comes out at the end is each one's own.
    private static let shared = """
        version: 1
        name: shared
        max_parallel: 3
        params: {day: {type: date}}
        env: {PLACE: dev}
        datasets:
          raw: {path: work/raw.csv}
          part: {path: "work/part-${item.k}.parquet"}
          whole: {path: work/whole.parquet}
          out: {path: "out/dev-${params.day}.csv"}
        stages:
          raw: {type: command, output: raw, run: 'for k in a b; do for n in 1 2 3; do echo $k,$n,${params.day},$PLACE; done; done | sed "1i k,n,day,place" > ${stage.output}'}
          part: {type: process, input: raw, output: part, foreach: {k: {sql: select distinct k from raw order by 1}}, steps: [{cast: {n: integer}}]}
          whole: {type: sql, output: whole, query: "select k, sum(n) as n, min(day) as day, max(day) as last, min(place) as place from part group by k order by k"}
          out: {type: sql, output: out, query: select * from whole}
        environments:
          prod: {env: {PLACE: prod}, datasets: {out: {path: "out/prod-${params.day}.csv"}}}
        """

    @Test(
        "Runs of days and environments that share files, beside each other and killed, never mix",
        .timeLimit(.minutes(30)))
    func overlapping() async throws {
        var chance = Chance(seed: Self.seed)
        let project = try CaudalProject(copying: [])
        try project.write("shared.yaml", Self.shared)
        let clock = ContinuousClock()
        var (kills, made) = (0, Set<String>())
        while kills < Self.kills {
            // Several at once: each waits for those that write what it writes.
            var processes: [(CaudalProject.Started, day: String, place: String)] = []
            for _ in 0..<chance.number(2...3) {
                // Each with values of its own: a run that a success with the same ones has followed keeps no versions.
                var (day, place) = ("", "")
                repeat {
                    (day, place) = ("2026-01-0\(chance.number(1...4))", chance.pick(["dev", "prod"]))
                } while processes.contains { $0.day == day && $0.place == place }
                var arguments = ["run", "shared.yaml", "--json", "--wait", "--param", "day=\(day)"]
                if place == "prod" { arguments += ["--env", "prod"] }
                processes.append((try await project.start(arguments), day, place))
            }
            for (process, day, place) in processes {
                if chance.happens(60) {
                    try await clock.sleep(for: .milliseconds(chance.number(0...400)))
                    if await process.killHard() == .signaled(9) { kills += 1 }
                } else {
                    #expect(await process.child.exit().exit == .exited(0), "seed \(Self.seed), kill \(kills)")
                    made.insert("\(place)-\(day).csv")
                }
            }
            let store = try Self.store(of: project)
            for run in try store.runs(limit: 20) where run.trueStatus == .interrupted {
                let answer = try await project.caudal("resume", run.id.rawValue, "--plain", "--yes", "--wait")
                #expect(answer.exit == .exited(0), "seed \(Self.seed), kill \(kills): \(answer)")
                let place = try store.plan(of: run.id).environment ?? "dev"
                made.insert("\(place)-\(run.parameters["day"] ?? "").csv")
            }
            for (name, bytes) in try Self.contents(of: project) where !name.hasPrefix(".") {
                let (place, day) = (name.hasPrefix("dev") ? "dev" : "prod", name.suffix(14).dropLast(4))
                let right = "k,n,day,last,place\na,6,\(day),\(day),\(place)\nb,6,\(day),\(day),\(place)\n"
                #expect(String(decoding: bytes, as: UTF8.self) == right, "seed \(Self.seed), kill \(kills): \(name)")
            }
            #expect(made.isSubset(of: try Self.contents(of: project).keys), "seed \(Self.seed), kill \(kills)")
            #expect(try store.faults() == [])
        }
        print("\(kills) kills of runs beside each other from seed \(Self.seed)")
    }

    /// What stands in the output folder, by path; hidden files too, so that nothing half done goes unseen.
    private static func contents(of project: CaudalProject) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in project.files(in: "out") {
            found[name] = try Data(contentsOf: URL(filePath: project.folder.path("out/" + name)))
        }
        return found
    }

    private static func newest(_ project: CaudalProject) throws -> RunSummary? {
        try store(of: project).runs(pipeline: nil, limit: 1).first
    }

    private static func store(of project: CaudalProject) throws -> RunStore {
        try RunStore(StateFolder(path: project.folder.path(".caudal")))
    }

    /// The database is sound, no run stands as running, nothing works for one, and what ran is what the journal says.
    private static func expectTrueRecords(_ project: CaudalProject, _ place: String) throws {
        let store = try store(of: project)
        #expect(try store.faults() == [], "\(place)")
        let ledger = (try? project.read("ledger"))?.split(separator: "\n").map(String.init) ?? []
        #expect(Set(ledger).count == ledger.count, "\(place): an attempt ran twice: \(ledger)")
        for run in try store.runs(pipeline: nil, limit: 3) {
            #expect(run.trueStatus == .succeeded, "\(place): \(run.id) is \(run.trueStatus)")
            let leftovers = ProcessTable.marked(ProcessLaunch.markerVariable, beginning: "\(run.id)/")
            #expect(leftovers.isEmpty, "\(place): \(leftovers) still work for \(run.id)")
            let state = RunState(id: run.id, plan: try store.plan(of: run.id), events: try store.events(of: run.id))
            let attempts = try #require(state.unit(UnitID("ledger"))).attempts.map(\.number)
            let lines = ledger.filter { $0.hasPrefix("\(run.id) ") }
            #expect(lines.allSatisfy { line in attempts.contains { line.hasSuffix(" \($0)") } }, "\(place): \(lines)")
        }
    }
}
