import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("The history of rows", .timeLimit(.minutes(5)))
struct SnapshotTests {
    private func project(_ more: String, columns: String = "id, city, moved", type: String = "sql") throws
        -> CaudalProject
    {
        let project = try CaudalProject(copying: [])
        let query = "query: \"select \(columns) from typed\""
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              rows: {path: rows.csv}
              typed: {path: typed.parquet}
              history: {path: history.parquet}
            stages:
              typed: {type: process, input: rows, output: typed, steps: [{cast: {id: integer, moved: timestamp}}]}
              history: {type: \(type), \(type == "sql" ? query : "input: typed"), output: history, mode: snapshot, key: id\(more)}
            """)
        return project
    }

    private func write(_ rows: [String], to project: CaudalProject) throws {
        try project.write("rows.csv", "id,city,moved\n" + rows.map { $0 + "\n" }.joined())
    }

    private func run(_ project: CaudalProject) async throws {
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
    }

    private func history(_ project: CaudalProject, _ list: String = "*") async throws -> [String] {
        try await project.query("select \(list) from 'history.parquet' order by all")
    }

    @Test(
        "Any changes, kills and runs again give each version once, with its times", arguments: [UInt64(1), 2],
        ["sql", "process"])
    func anyChanges(seed: UInt64, type: String) async throws {
        var random = SplitMix64(seed: seed)
        let project = try project(", changed_at: moved", type: type)
        var state: [Int: (city: String, at: Int)] = [:]
        var expected: [String] = []
        func time(_ hour: Int) -> String { "2026-11-\(10 + hour / 24) \(hour % 24 < 10 ? "0" : "")\(hour % 24):00:00" }
        for step in 1...6 {
            for id in 1...8 where random.next() % 2 == 0 {
                let city = ["", "Rome", "Oslo"][Int(random.next() % 3)]
                // A row may be written again without a change.
                if let old = state[id], old.city != city {
                    expected.append("\(id)|\(old.city)|\(time(old.at))|\(time(step * 5))")
                }
                if state[id]?.city != city { state[id] = (city, step * 5) }
            }
            try write(state.map { "\($0),\($1.city),\(time($1.at))" }, to: project)
            let started = try await project.start("run", "p.yaml", "--plain")
            await started.passes(events: Int(random.next() % 8) + 1)
            await started.killHard()
            try await run(project)
            if random.next() % 2 == 0 { try await run(project) }
        }
        expected += state.map { "\($0)|\($1.city)|\(time($1.at))|" }
        #expect(
            try await history(project, "id, coalesce(city, ''), valid_from, coalesce(valid_to::varchar, '')").sorted()
                == expected.sorted(), "seed \(seed)")
    }

    @Test("Without a time of its own, a change has that of the run, and what is gone ends if that is wanted")
    func timesOfRuns() async throws {
        let project = try project(", missing: end", columns: "id, city")
        try write(["1,Rome,2026-11-01", "2,Oslo,2026-11-01"], to: project)
        try await run(project)
        try await run(project)
        let first = try await history(project, "id, city, valid_to is null")
        #expect(first == ["1|Rome|true", "2|Oslo|true"])
        try write(["1,Bern,2026-11-01"], to: project)
        // Times of runs have seconds.
        _ = try await project.caudal("run", "p.yaml", "--plain")
        while try await history(project).count < 3 { _ = try await project.caudal("run", "p.yaml", "--plain") }
        #expect(
            try await history(project, "id, city, valid_to is null, valid_to > valid_from or valid_to is null")
                == ["1|Bern|true|true", "1|Rome|false|true", "2|Oslo|false|true"])
        // What a lookup finds at a time is the version of then.
        #expect(
            try await project.query(
                "select count(*) from 'history.parquet' a join 'history.parquet' b on a.id = b.id and a.city <> b.city "
                    + "and a.valid_from < coalesce(b.valid_to, timestamp '9999-01-01') and b.valid_from < coalesce(a.valid_to, timestamp '9999-01-01')"
            ) == ["0"])
    }

    @Test("A full refresh does not touch a history")
    func refreshed() async throws {
        let project = try project(", changed_at: moved")
        try write(["1,Rome,2026-11-05 10:00:00"], to: project)
        try await run(project)
        try write(["1,Oslo,2026-11-06 10:00:00"], to: project)
        let ran = try await project.caudal("run", "p.yaml", "--plain", "--full-refresh")
        #expect(ran.status == 0, "\(ran)")
        #expect(try await history(project, "city") == ["Oslo", "Rome"])
    }

    @Test("The histories of a fan-out's items stay too when everything is made anew")
    func refreshedItems() async throws {
        let project = try project("")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets: {rows: {path: rows.csv}, history: {path: "h/${item.city}.parquet"}, all: {path: all.csv}}
            stages:
              history: {type: process, input: rows, output: history, mode: snapshot, key: [city, id], foreach: {city: [Rome, Bern]}}
              all: {type: process, input: history, output: all}
            """)
        try write(["1,Rome,a", "1,Bern,a"], to: project)
        try await run(project)
        try write(["1,Rome,b", "1,Bern,a"], to: project)
        for more in [[], ["--full-refresh"], []] {
            let ran = try await project.caudal(["run", "p.yaml", "--plain"] + more)
            #expect(ran.status == 0, "\(ran)")
            let rows = try await project.query("select city, moved from 'all.csv' order by all")
            #expect(rows == ["Bern|a", "Rome|a", "Rome|b"], "\(more)")
        }
    }

    @Test("A change that is older than what is there, or has no time, is refused, and the output stays")
    func faults() async throws {
        let project = try project(", changed_at: moved")
        try write(["1,Rome,2026-11-05 10:00:00"], to: project)
        try await run(project)
        let before = try await history(project)
        try write(["1,Oslo,2026-11-04 10:00:00"], to: project)
        let late = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            late.status == 1 && late.output.contains("1 row with a change that is older than a later one"), "\(late)")
        try write(["1,Oslo,"], to: project)
        let timeless = try await project.caudal("run", "p.yaml", "--plain")
        #expect(timeless.status == 1 && timeless.output.contains("1 row without a value in 'moved'"), "\(timeless)")
        #expect(try await history(project) == before)
        let told = try await "\(self.project(", changed_at: moved, missing: end").caudal("validate", "p.yaml"))"
        #expect(told.contains("'missing: end' needs a time at which a row went"), "\(told)")
        let taken = try self.project("", columns: "id, city as valid_from")
        try write(["1,Rome,2026-11-05 10:00:00"], to: taken)
        let named = try await taken.caudal("validate", "p.yaml")
        #expect("\(named)".contains("the stage gives a column 'valid_from'"), "\(named)")
    }
}
