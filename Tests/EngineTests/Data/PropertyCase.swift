import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// One random case of a property of data stages: a stage, its input, and what a reference that goes row by row makes
/// of it.
protocol PropertyCase {
    init(seed: UInt64)

    /// Whether the reference says that the stage must fail.
    var mustFail: Bool { get }

    /// The pipeline, for a reader to replay; and what the stage reads.
    var yaml: String { get }
    var rows: String { get }

    /// Writes what the stage reads; `place` is a folder of the case's own in the workbench's.
    func sources(_ bench: StageWorkbench, in place: String) throws -> [DataSource]

    /// What is wrong with an outcome; nil when it is as the reference has it.
    func fault(in outcome: StageWorkbench.Outcome) -> String?

    /// Simpler cases of the same kind, the simplest first.
    var smaller: [Self] { get }
}

/// Runs many random cases, many to a process, and tells of the simplest form of each that fails.
struct PropertyRun {
    /// How many cases each property is tried on; `CAUDAL_PROPERTY_CASES` says another number.
    static func count(_ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["CAUDAL_PROPERTY_CASES"].flatMap { Int($0) } ?? usual
    }

    /// How many cases run in one process.
    private static let batch = 40
    /// How many runs are spent on making one failing case simpler.
    private static let shrinkingLimit = 150
    /// How many failing cases are told of.
    private static let reportLimit = 5

    let bench: StageWorkbench

    init() throws { bench = try StageWorkbench() }

    /// Tries `count` cases, made from the seeds from `first` on.
    func check<Case: PropertyCase>(_ type: Case.Type, count: Int, from first: UInt64 = 0) async throws {
        var reported = 0
        var seed = first
        while seed < first + UInt64(count), reported < Self.reportLimit {
            let seeds = (seed..<min(seed + UInt64(Self.batch), first + UInt64(count))).map { $0 }
            seed += UInt64(seeds.count)
            for (seed, failing) in try await failing(seeds.map { ($0, Case(seed: $0)) }) {
                let (simple, fault) = try await simplest(failing)
                Issue.record("seed \(seed) of \(Case.self): \(fault)\n\(simple.yaml)\n\(simple.rows)")
                reported += 1
                if reported == Self.reportLimit { return }
            }
        }
    }

    private func failing<Case: PropertyCase>(_ cases: [(UInt64, Case)]) async throws -> [(UInt64, Case)] {
        let together = cases.filter { !$0.1.mustFail }
        var suspects = cases.filter(\.1.mustFail)
        do {
            let stages = try together.map { seed, one in (one.yaml, try one.sources(bench, in: "\(seed)")) }
            let outcomes = try await bench.run(together: stages)
            suspects += zip(together, outcomes).filter { $0.1.fault(in: $1) != nil }.map(\.0)
        } catch {
            // One of them failed, and nothing is known of the others.
            suspects = cases
        }
        var failing: [(UInt64, Case)] = []
        for (seed, one) in suspects where try await fault(in: one) != nil { failing.append((seed, one)) }
        return failing
    }

    /// What is wrong with a case that runs alone.
    private func fault<Case: PropertyCase>(in one: Case) async throws -> String? {
        let sources = try one.sources(bench, in: "alone")
        do {
            let outcome = try await bench.run(one.yaml, sources)
            return one.mustFail ? "the stage must fail, and did not" : one.fault(in: outcome)
        } catch {
            return one.mustFail ? nil : "the stage failed: \(error)"
        }
    }

    private func simplest<Case: PropertyCase>(_ failing: Case) async throws -> (Case, String) {
        var simple = failing
        var known = try await fault(in: failing) ?? "it failed only together with others"
        var runs = 0
        search: while true {
            for candidate in simple.smaller {
                runs += 1
                if runs > Self.shrinkingLimit { break search }
                if let fault = try await fault(in: candidate) {
                    simple = candidate
                    known = fault
                    continue search
                }
            }
            break
        }
        return (simple, known)
    }

    /// Shorter lists: without each half first, then without each element.
    static func shorter<Element>(_ list: [Element]) -> [[Element]] {
        guard !list.isEmpty else { return [] }
        let half = list.count / 2
        let halves = half > 1 ? [Array(list.prefix(half)), Array(list.suffix(list.count - half))] : []
        return halves
            + list.indices.map { index in
                var list = list
                list.remove(at: index)
                return list
            }
    }

    /// The first row that is not as expected; nil when all are, in order.
    static func difference(_ expected: [[Cell]], _ found: [[String?]]) -> String? {
        for index in 0..<min(expected.count, found.count)
        where
            !(expected[index].count == found[index].count
            && zip(expected[index], found[index]).allSatisfy { $0.agrees(with: $1) })
        {
            return "row \(index + 1) is \(found[index].map { $0 ?? "null" }), not \(expected[index])"
        }
        return expected.count == found.count ? nil : "there are \(found.count) rows, not \(expected.count)"
    }
}

extension NaiveTable {
    /// The table as a source of a stage.
    func source(_ name: DatasetName, _ bench: StageWorkbench, in place: String) throws -> DataSource {
        try bench.source(name, columns, rows.map { $0.map(\.text) }, file: "\(place)/\(name).csv")
    }

    /// The table with the column that the workbench adds to each source.
    var asRead: NaiveTable {
        NaiveTable(columns: columns + [Column("x_", .text)], rows: rows.map { $0 + [.text("x")] })
    }

    /// For a reader: the columns with their types, and a line for each row.
    var listing: String {
        (["columns: " + columns.map { "\($0.name.quotedInYAML) \($0.type)" }.joined(separator: ", ")]
            + rows.map { "  [" + $0.map(\.description).joined(separator: ", ") + "]" }).joined(separator: "\n")
    }
}
