import CaudalModel
import Foundation
import Testing

@testable import Engine

@Suite("Traces' ids")
struct TraceContextTests {
    @Test(
        "A traceparent is read as the W3C defines it, and nothing else",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-follows", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6-00f067aa0ba902b7-01", false), ("", false), ("no", false),
        ])
    func parsing(text: String, isOne: Bool) {
        let context = TraceContext(parsing: text)
        #expect((context != nil) == isOne)
        if text.hasPrefix("00"), isOne { #expect(context?.text == text) }
    }

    @Test("Ids follow from the run: the same each time, others for each attempt and item")
    func ids() {
        let trace = RunTrace("20261128-060000-k3f9")
        #expect(trace == RunTrace("20261128-060000-k3f9") && trace.id == RunTrace("20261128-060000-k3f9").id)
        #expect(trace.id.count == 32 && trace.root.count == 16)
        let units = [UnitID("a"), UnitID("b"), UnitID("a", "north"), UnitID("a", "south")]
        let spans = units.flatMap { unit in (1...3).map { trace.span(of: unit, attempt: $0) } } + [trace.root]
        #expect(Set(spans).count == 13)
        #expect(RunTrace("20261128-060000-k3fa").id != trace.id)
    }

    @Test("A run within a trace has its id, and its attempts hand it on")
    func parent() {
        let parent = TraceContext(
            trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7", flags: "00")
        let trace = RunTrace("r1", parent: parent)
        #expect(trace.id == parent.trace)
        let handed = trace.context(of: UnitID("a"), attempt: 2)
        #expect(handed.trace == parent.trace && handed.flags == "00")
        #expect(handed.span == trace.span(of: UnitID("a"), attempt: 2))
        #expect(RunTrace("r1").context(of: UnitID("a"), attempt: 1).text.hasSuffix("-01"))
    }

    @Test("UUIDs are of version 7, begin with the time, and follow from the name")
    func uuids() throws {
        let id = RunTrace.uuid("r1/a#1", at: 1_795_413_600_000)
        #expect(UUID(uuidString: id) != nil)
        let digits = id.replacing("-", with: "")
        #expect(Int64(digits.prefix(12), radix: 16) == 1_795_413_600_000)
        let parts = id.split(separator: "-")
        #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
        let variant = try #require(parts[3].first)
        #expect(parts[2].first == "7" && "89ab".contains(variant))
        #expect(id == RunTrace.uuid("r1/a#1", at: 1_795_413_600_000))
        #expect(id != RunTrace.uuid("r1/a#2", at: 1_795_413_600_000))
    }
}
