import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct LogLineTests {
    private let channel = LogChannel(
        pipeline: "sales", run: "r1", unit: UnitID("clean", "north"), attempt: 2, stream: .stderr)

    private func written(_ line: [UInt8], level: LogLevel? = nil) -> [UInt8] {
        var block: [UInt8] = []
        _ = line.withUnsafeBufferPointer { channel.append($0, time: 1_795_392_000_123, level: level, to: &block) }
        return block
    }

    private func read(_ bytes: [UInt8]) -> LogRecord? { bytes.withUnsafeBufferPointer { LogLineParser.record($0) } }

    @Test("A line is read back with everything that is known about it")
    func roundTrip() throws {
        let record = try #require(read(written(Array("WARN: \"quoted\"\tand\u{1b}[31m ü".utf8))))
        #expect(
            record
                == LogRecord(
                    time: 1_795_392_000_123, level: .warn, pipeline: "sales", run: "r1", stage: "clean", item: "north",
                    attempt: 2, stream: .stderr, message: "WARN: \"quoted\"\tand\u{1b}[31m ü"))
        #expect(record.source == "clean[north]#2")
    }

    @Test("Any bytes are read back as the text they are, bad ones as U+FFFD")
    func anyBytes() throws {
        var random = SplitMix64(seed: 3)
        for round in 0..<1000 {
            let line = (0..<Int.random(in: 0...30, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            .filter { $0 != 0x0A }
            let block = written(line, level: .info)
            #expect(block.count { $0 == 0x0A } == 1)
            #expect(read(block)?.message == String(decoding: line, as: UTF8.self), "round \(round)")
        }
    }

    @Test("A line that is a JSON object gives its level and message, and keeps its fields")
    func jsonLines() throws {
        let line = #"{"level":"error","msg":"disk full","code":[1,{"a":"}"}]}"#
        let record = try #require(read(written(Array(line.utf8))))
        #expect(record.level == .error)
        #expect(record.message == "disk full")
        #expect(record.fields == line)
    }

    @Test("A torn line is no record", arguments: ["", "{", #"{"time":"2026"#, #"{"message":"a"#, "plain text"])
    func tornLines(_ text: String) { #expect(read(Array(text.utf8)) == nil) }

    @Test("No cut of a line is taken for the whole")
    func everyCut() {
        let line = written(Array(#"{"level":"warn","msg":"a \" b"}"#.utf8)).dropLast()
        for length in 0..<line.count { #expect(read(Array(line.prefix(length))) == nil, "length \(length)") }
    }

    @Test("An index counts warnings and errors, and reads each line on demand, while lines are added")
    func index() throws {
        let folder = try ScratchFolder()
        let writer = try LogWriter(folder: folder.path) { _ in }
        let index = LogIndex(folder: folder.path)
        index.work()
        #expect(index.count == 0)
        var block: [UInt8] = []
        channel.append("first", time: 1, level: .info, to: &block)
        channel.append("second", time: 2, level: .warn, to: &block)
        writer.append(block)
        index.work()
        var more: [UInt8] = []
        LogChannel(pipeline: "sales", run: "r1", stream: .engine).append("third", time: 3, level: .error, to: &more)
        writer.append(more)
        index.work()
        index.work()
        #expect(index.count == 3 && index.warnings == 1 && index.errors == 1)
        #expect((0..<3).map { index.record(at: $0)?.message } == ["first", "second", "third"])
        #expect(
            (0..<3).map { index.record(at: $0)?.unit } == [UnitID("clean", "north"), UnitID("clean", "north"), nil])
        #expect(index.record(at: 3) == nil)
    }
}
