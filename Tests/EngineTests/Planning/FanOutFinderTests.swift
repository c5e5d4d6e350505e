import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

/// The items of a fan-out, from every source that variables have.
@Suite("FanOutFinder", .tags(.runs), .timeLimit(.minutes(15)))
struct FanOutFinderTests {
    private let folder: ScratchFolder
    /// 2026-11-23 04:04 UTC, which is still the day before in New York.
    private static let now = Moment(wall: 1_795_406_640_000, steady: 0)

    init() throws { folder = try ScratchFolder() }

    /// An attempt of the only stage with a fan-out.
    private func attempt(
        foreach: String, head: String = "", path: String = "out/${item.x}.csv", stage: String? = nil,
        parameters: [String: String] = ["p": "value", "from": "2026-11-21"], sources: [DataSource] = []
    ) throws -> StageAttempt {
        let yaml = """
            \(head)
            params: {p: {type: string, default: d}, from: {type: date, default: today}}
            datasets: {raw: {path: raw.csv}, out: {path: "\(path)"}}
            stages:
              s: {\(stage ?? "type: command, run: make, output: out"), foreach: \(foreach)}
            """
        let loaded = try LoadedPipeline(yaml: yaml, in: folder)
        return StageAttempt(
            pipeline: loaded.pipeline, stage: try #require(loaded.pipeline.stage("s")),
            facts: RunFacts(runID: "r", started: Self.now, parameters: parameters, environment: [:]),
            sql: DuckDBDialect(),
            sources: Dictionary(uniqueKeysWithValues: sources.map { ($0.dataset, $0) }),
            stagingFolder: folder.path("staging"), now: Self.now)
    }

    private func keys(_ attempt: StageAttempt, _ readings: DataReadings? = nil) throws -> [String] {
        try FanOutFinder(attempt).items(readings).map(\.key.rawValue)
    }

    // MARK: - Sources

    /// A fan-out over one variable `x`, and its items.
    static let lists: [(foreach: String, keys: [String])] = [
        ("{x: [b, a]}", ["b", "a"]),
        ("{x: [\"${params.p}\", \"${params.p}2\"]}", ["value", "value2"]),
        ("{x: [\"${run.id}\"]}", ["r"]),
        ("{x: [\"a,b\"]}", ["a,b"]),
        ("{x: [\"(none)\"]}", ["\"(none)\""]),
        ("{x: {days: {from: 2026-11-21, to: 2026-11-23}}}", ["2026-11-21", "2026-11-22", "2026-11-23"]),
        ("{x: {days: {from: 2024-02-28, to: 2024-03-01}}}", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("{x: {days: {from: 2026-11-23, to: today}}}", ["2026-11-23"]),
        ("{x: {days: {from: yesterday, to: today}}}", ["2026-11-22", "2026-11-23"]),
        ("{x: {days: {from: \"${params.from}\", to: yesterday}}}", ["2026-11-21", "2026-11-22"]),
        ("{x: {days: {from: \"${params.from}\", to: 2026-11-20}}}", []),
        ("{x: {files: \"in/*.csv\"}}", ["in/a.csv", "in/b.csv"]),
        ("{x: {files: \"in/${params.p}*\"}}", []),
        ("{x: {files: \"nowhere/*\"}}", []),
    ]

    @Test("A list, days and files give their values in order, with references filled", arguments: lists)
    func list(foreach: String, keys expected: [String]) throws {
        for name in ["b.csv", "a.csv", "c.txt"] { try folder.write("in/" + name, "x") }
        let attempt = try attempt(foreach: foreach)
        #expect(try keys(attempt) == expected)
        #expect(try FanOutFinder(attempt).script() == nil, "nothing has to be asked")
    }

    @Test("today and yesterday are days of the pipeline's zone")
    func zone() throws {
        let attempt = try attempt(
            foreach: "{x: {days: {from: yesterday, to: today}}}", head: "timezone: America/New_York")
        #expect(try keys(attempt) == ["2026-11-21", "2026-11-22"])
    }

    @Test("Files that were found before are taken, and not looked for again")
    func listed() throws {
        try folder.write("in/a.csv", "x")
        let finder = FanOutFinder(try attempt(foreach: "{x: {files: \"in/*.csv\"}}"), listed: ["x": ["in/q.csv"]])
        #expect(try finder.items(nil).map(\.key) == ["in/q.csv"])
    }

    @Test("Several variables make every combination, the last one fastest")
    func combinations() throws {
        let attempt = try attempt(foreach: "{x: [a, b], y: [p, q]}", path: "out/${item.x}/${item.y}.csv")
        let items = try FanOutFinder(attempt).items(nil)
        #expect(items.map(\.key) == ["a,p", "a,q", "b,p", "b,q"])
        #expect(items[1].values == ["x": "a", "y": "q"])
        let none = try self.attempt(foreach: "{x: [a, b], y: {files: \"no/*\"}}", path: "out/${item.x}/${item.y}.csv")
        #expect(try keys(none).isEmpty)
    }

    // MARK: - Queries

    /// What DuckDB answers to a query of items, a value each.
    private func answers(_ values: [String?], of name: String = "x") -> DataReadings {
        let lines = values.map { value in
            let text = value.map { "\"\($0)\"" } ?? "null"
            return #"{"caudal":"item","name":"\#(name)","value":\#(text)}"#
        }
        return DataReadings(output: Data((lines.joined(separator: "\n") + "\n").utf8))
    }

    @Test("A query's values are items, each once, byte by byte, and a missing one is an item too", .tags(.duckDB))
    func query() throws {
        let source = DataSource(
            dataset: "raw", files: ["raw.csv"], format: .csv, columns: [Column("region", .text)], isOwn: true)
        let attempt = try attempt(foreach: "{x: {sql: select region from raw}}", sources: [source])
        let script = try #require(try FanOutFinder(attempt).script())
        let sql = DuckDBDialect().text(of: script, prelude: [])
        #expect(sql.contains("select region from raw") && sql.contains("LIMIT \(FanOutFinder.limit + 1)"), "\(sql)")
        // Other readings, such as those of another variable, are no items of it.
        let accent = "e\u{301}"
        let readings = answers(["north", "south", "north", nil, nil, "\u{e9}", accent])
        #expect(try keys(attempt, readings) == ["north", "south", "(none)", "\u{e9}", accent])
        #expect(try keys(attempt, answers(["north"], of: "y")).isEmpty)
        #expect(try FanOutFinder(attempt).items(readings)[2].values == ["x": nil])
    }

    @Test("A stage whose items divide the rows of its input counts them; one whose items see all rows does not")
    func dividedInput() throws {
        let source = DataSource(
            dataset: "raw", files: ["raw.csv"], format: .csv, columns: [Column("x", .text), Column("y", .text)],
            isOwn: true)
        func counts(_ foreach: String, path: String = "out/${item.x}.csv") throws -> Bool {
            let attempt = try attempt(
                foreach: foreach, path: path, stage: "type: process, input: raw, output: out", sources: [source])
            return try FanOutFinder(attempt).script()?.statements.contains {
                if case .measure(.divided, _) = $0.kind { true } else { false }
            } ?? false
        }
        #expect(try counts("{x: [a, b]}"))
        #expect(try !counts("{x: [a, b], partition: false}"))
        #expect(try !counts("{z: [a, b]}", path: "out/${item.z}.csv"), "a variable that names no column")
    }

    // MARK: - Faults

    @Test("A value that stands twice with this run's parameters is refused")
    func twice() throws {
        let attempt = try attempt(foreach: "{x: [a, \"${params.p}\"]}", parameters: ["p": "a", "from": "2026-11-21"])
        let error = #expect(throws: Failure.self) { try keys(attempt) }
        #expect(error?.message == "'x' holds 'a' twice with the values of this run")
        #expect(error?.location != nil)
    }

    @Test("Days that are no dates are refused")
    func noDates() throws {
        let attempt = try attempt(
            foreach: "{x: {days: {from: \"${params.p}\", to: today}}}", parameters: ["p": "soon", "from": "today"])
        let error = #expect(throws: Failure.self) { try keys(attempt) }
        #expect(error?.message == "the days of the fan-out are not dates: from 'soon' to '2026-11-23'")
    }

    @Test("More than 100,000 items are refused with their number")
    func limit() throws {
        let attempt = try attempt(foreach: "{x: {days: {from: 1900-01-01, to: 2200-01-01}}}")
        let error = #expect(throws: Failure.self) { try keys(attempt) }
        #expect(error?.message == "'foreach' gives 109,574 items, and at most 100,000 are allowed")
    }

    @Test("Items that would write one file are refused, with both names and the file")
    func sharedPlace() throws {
        let attempt = try attempt(
            foreach: "{x: [a, \"${params.p}\"], y: [bc, c]}", path: "out/${item.x}${item.y}.csv",
            parameters: ["p": "ab", "from": "today"])
        let error = #expect(throws: Failure.self) { try keys(attempt) }
        #expect(error?.message == "the items a,bc and ab,c would both write out/abc.csv")
    }
}
