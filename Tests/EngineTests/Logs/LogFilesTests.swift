import CaudalModel
import Engine
import Foundation
import Synchronization
import Testing
import TestSupport

@Suite("The log's files", .timeLimit(.minutes(15)))
struct LogFilesTests {
    private func channel(_ stream: LogStream = .stdout) -> LogChannel {
        LogChannel(
            pipeline: "sales \"x\"", run: "20261123-060000-k3f9", unit: UnitID("process", "north/é"), attempt: 2,
            stream: stream)
    }

    private func block(_ lines: [[UInt8]], time: Int64 = 1_795_413_600_123) -> [UInt8] {
        var block: [UInt8] = []
        let channel = channel()
        for line in lines { line.withUnsafeBufferPointer { _ = channel.append($0, time: time, to: &block) } }
        return block
    }

    private func writer(_ folder: OwnFolder) throws -> LogWriter {
        try LogWriter(folder: folder.path) { Issue.record("the log failed: \($0)") }
    }

    @Test("Whatever a line holds, it comes back with everything that is known about it")
    func roundTrip() throws {
        let folder = try OwnFolder()
        var lines: [[UInt8]] = [
            [], Array("plain".utf8), Array(" \t\"quoted\" \\ back\\n".utf8), Array("{not json}".utf8),
            Array((0...0x1F).filter { $0 != 0x0A }), [0x7F], Array("é 漢字 🐟 \u{202e}\u{85}".utf8),
            Array("\u{1b}[31mred".utf8),
            Array(String(repeating: "y", count: 65_536).utf8), Array("}{][,:\"".utf8), [0x0D], Array("\\u0000\\".utf8),
        ]
        // From a fixed seed, so that a failure can be had again.
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
            lines.append(
                (0..<Int.random(in: 0...60, using: &random)).map { _ in
                    let byte = UInt8.random(in: 0...0x7F, using: &random)
                    return byte == 0x0A ? 0x20 : byte
                })
        }
        try writer(folder).append(block(lines))
        let found = WrittenLog.records(in: folder.path)
        #expect(found.map { Array($0.message.utf8) } == lines)
        #expect(found.allSatisfy { $0.time == 1_795_413_600_123 && $0.pipeline == "sales \"x\"" && $0.attempt == 2 })
        #expect(found.allSatisfy { $0.stage == "process" && $0.item == "north/é" && $0.stream == .stdout })
        // Other programs read the file too: every line is JSON by itself.
        for line in try folder.text("000001.jsonl").split(separator: "\n") {
            _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
    }

    @Test(
        "Bytes that are no UTF-8 are in the file and come back as U+FFFD",
        arguments: [
            [0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xC0, 0xAF], [0x61, 0xE9, 0x62],
        ] as [[UInt8]])
    func badBytes(line: [UInt8]) throws {
        let folder = try OwnFolder()
        try writer(folder).append(block([line, Array("next".utf8)]))
        let found = WrittenLog.records(in: folder.path)
        try #require(found.count == 2)
        #expect(found[0].message == String(decoding: line, as: UTF8.self))
        #expect(found[1].message == "next")
        let raw = try folder.text("000001.jsonl")
        for byte in line where byte >= 0x80 { #expect(raw.contains("\\udbff\\udf" + String(byte, radix: 16))) }
    }

    @Test("A line that is JSON keeps its fields and gives its level and message")
    func jsonLines() throws {
        let folder = try OwnFolder()
        let line = #"{"level":"WARNING","msg":"disk \"a\" is full","path":"/x","deep":{"a":[1,"}"]}}"#
        try writer(folder).append(block([Array(line.utf8), Array(#"{"level":"error","x":1} trailing"#.utf8)]))
        let found = WrittenLog.records(in: folder.path)
        try #require(found.count == 2)
        #expect(found[0].level == .warn)
        #expect(found[0].message == "disk \"a\" is full")
        #expect(found[0].fields == line)
        #expect(found[1].fields == nil)
    }

    @Test("JSON that is nested without end, or has a level that is none, is text")
    func hostileJSON() throws {
        let folder = try OwnFolder()
        let deep = "{\"a\":" + String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000) + "}"
        try writer(folder).append(block([Array(deep.utf8), Array(#"{"level":{"x":1},"msg":7}"#.utf8)]))
        let found = WrittenLog.records(in: folder.path)
        try #require(found.count == 2)
        #expect(found[0].message == deep)
        #expect(found[1].level == .info)
        #expect(found[1].message == "7")
    }

    @Test(
        "A level is taken from capitals near the beginning of a line",
        arguments: [
            ("2026-11-23 06:00 ERROR disk", LogLevel.error), ("[WARN] x", .warn), ("WARNING: x", .warn),
            ("DEBUG x", .debug), ("no error here", .info), ("ERRORS are many", .info), ("TERROR", .info), ("", .info),
            (String(repeating: ".", count: 100) + " ERROR", .info), ("FATAL", .error),
        ])
    func levels(line: String, level: LogLevel) throws {
        let folder = try OwnFolder()
        try writer(folder).append(block([Array(line.utf8)]))
        #expect(WrittenLog.records(in: folder.path).map(\.level) == [level])
    }

    @Test("Mangled lines are skipped or read in part and never end the program")
    func mangledLines() {
        let whole = block([Array("a \"b\" \\ \u{1b} é".utf8), Array(#"{"level":"warn","a":[{"b":"}"}]}"#.utf8)])
        var random = SplitMix64(seed: 11)
        for _ in 0..<1500 {
            var line = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<line.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: line[place] = UInt8.random(in: 0...255, using: &random)
                case 1: line.remove(at: place)
                default: line.removeSubrange(place...)
                }
                if line.isEmpty { line = [0x7B] }
            }
            line.withUnsafeBufferPointer { _ = LogLineParser.record($0) }
        }
    }

    @Test("A segment that is full is followed by the next, and nothing is lost between them")
    func rollover() throws {
        let folder = try OwnFolder()
        let log = try writer(folder)
        let big = block([[UInt8](repeating: 0x61, count: LogWriter.segmentLimit / 2)])
        log.append(big)
        log.append(big)
        log.append(block([Array("after".utf8)]))
        let segments = LogFiles.segments(in: folder.path)
        #expect(segments.map(\.number) == [1, 2])
        #expect(FileText.size(segments[0].path) == Int64(big.count * 2))
        #expect(try folder.text("000002.jsonl").contains("\"message\":\"after\""))
    }

    @Test("A writer never goes on in a file that another one left")
    func newWriter() throws {
        let folder = try OwnFolder()
        try writer(folder).append(block([Array("one".utf8)]))
        try writer(folder).append(block([Array("two".utf8)]))
        #expect(folder.contents == ["000001.jsonl", "000002.jsonl"])
        #expect(WrittenLog.records(in: folder.path).map(\.message) == ["one", "two"])
    }

    @Test("The log is readable by its owner alone")
    func permissions() throws {
        let folder = try OwnFolder()
        try writer(folder).append(block([[]]))
        let attributes = try FileManager.default.attributesOfItem(atPath: folder["000001.jsonl"])
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("The index follows a file that grows by pieces of lines")
    func growingFile() throws {
        let folder = try OwnFolder()
        let index = LogIndex(folder: folder.path)
        index.work()
        var random = SplitMix64(seed: 3)
        var rest = block((0..<50).map { Array("line \($0)".utf8) })[...]
        _ = FileManager.default.createFile(atPath: folder["000001.jsonl"], contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: folder["000001.jsonl"]))
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...97, using: &random))
            try file.write(contentsOf: Data(piece))
            rest = rest.dropFirst(piece.count)
            index.work()
        }
        #expect((0..<index.count).map { index.record(at: $0)?.message } == (0..<50).map { "line \($0)" })
    }

    @Test("A torn last line, as a crash leaves it, is skipped, and what a new process writes is read")
    func tornLine() throws {
        let folder = try OwnFolder()
        let whole = block([Array("whole".utf8)])
        let torn = block([Array("torn away".utf8)]).dropLast(9)
        try Data(whole + torn).write(to: URL(filePath: folder["000001.jsonl"]))
        let index = LogIndex(folder: folder.path)
        index.work()
        #expect(index.count == 1)
        try writer(folder).append(block([Array("later".utf8)]))
        index.work()
        #expect((0..<index.count).map { index.record(at: $0)?.message } == ["whole", "later"])
    }

    @Test("A file of garbage gives no records")
    func garbage() throws {
        let folder = try OwnFolder()
        var random = SplitMix64(seed: 5)
        let bytes = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try Data(bytes).write(to: URL(filePath: folder["000001.jsonl"]))
        #expect(WrittenLog.records(in: folder.path).isEmpty)
        let index = LogIndex(folder: folder.path)
        index.work()
        #expect(index.count == 0)
    }

    @Test("The index finds each line again, with its level and source, as the log grows")
    func index() throws {
        let folder = try OwnFolder()
        let log = try writer(folder)
        let index = LogIndex(folder: folder.path)
        index.work()
        var engine: [UInt8] = []
        LogChannel(pipeline: "p", run: "r", stream: .engine).append("begun", time: 0, level: .info, to: &engine)
        log.append(engine)
        log.append(block([Array("WARN a".utf8), Array("ERROR b".utf8), Array("c".utf8)]))
        index.work()
        #expect((index.count, index.warnings, index.errors) == (4, 1, 1))
        #expect((0..<4).map { index.record(at: $0)?.level } == [.info, .warn, .error, .info])
        #expect(index.record(at: 0)?.unit == nil)
        #expect(index.record(at: 2)?.unit == UnitID("process", "north/é"))
        #expect(index.record(at: 2)?.message == "ERROR b")
        #expect(index.record(at: 4) == nil)
        #expect(index.record(at: -1) == nil)
        try writer(folder).append(block([Array("d".utf8)]))
        index.work()
        #expect(index.record(at: 4)?.message == "d")
        #expect(index.record(at: 1)?.message == "WARN a")
    }

    @Test(
        "A view has the lines that it shows and finds a text in them, however it is reached", arguments: [false, true])
    func view(isCompressed: Bool) throws {
        let folder = try OwnFolder()
        var random = SplitMix64(seed: 2)
        let lines = (0..<9000).map { "\($0 % 50 == 0 ? "ERROR" : "line") \($0) \(random.next() % 97)" }
        do {
            let log = try writer(folder)
            for start in stride(from: 0, to: lines.count, by: 700) {
                log.append(block(lines[start..<min(start + 700, lines.count)].map { Array($0.utf8) }))
            }
        }
        if isCompressed { _ = try CompressedLog.compress(LogFiles.segments(in: folder.path)[0]) }
        let views = [
            LogIndex.View(), LogIndex.View(level: .error), LogIndex.View(search: "error 5"),
            LogIndex.View(level: .error, unit: UnitID("process"), search: " 9"), LogIndex.View(unit: UnitID("other")),
        ]
        let changing = LogIndex(folder: folder.path)
        for view in views {
            let shown = lines.filter { view.level == .debug || $0.hasPrefix("ERROR") }.filter { _ in
                view.unit?.stage != "other"
            }
            let hits = shown.indices.filter {
                !view.search.isEmpty && shown[$0].lowercased().contains(view.search)
            }
            let fresh = LogIndex(folder: folder.path)
            fresh.show(view)
            changing.show(view)
            for index in [fresh, changing] {
                // A little at a time, as when the log is long.
                while index.work(limit: 10_000) || !index.isComplete {}
                #expect((index.count, index.hits) == (shown.count, hits.count))
                #expect(index.errors == 180)
                for place in stride(from: 0, to: shown.count, by: 37) {
                    #expect(index.record(at: place)?.message == shown[place])
                }
                for place in [-1, 0, 100, shown.count / 2, shown.count] {
                    #expect(index.hit(from: place, forward: true) == hits.first { $0 > place })
                    #expect(index.hit(from: place, forward: false) == hits.last { $0 < place })
                }
                #expect(hits.prefix(5).allSatisfy { index.isHit(at: $0) })
            }
        }
    }

    @Test("A log that was cut or removed under the index gives nothing, and does not end the program")
    func vanishedLog() throws {
        let folder = try OwnFolder()
        try writer(folder).append(block([Array("a".utf8), Array("b".utf8)]))
        let index = LogIndex(folder: folder.path)
        index.work()
        truncate(folder["000001.jsonl"], 10)
        #expect(index.record(at: 1) == nil)
        try FileManager.default.removeItem(atPath: folder.path)
        index.work()
        let other = LogIndex(folder: folder.path)
        other.work()
        #expect(other.record(at: 0) == nil)
    }

    @Test("Many writers at once do not tear each other's lines")
    func concurrentBlocks() async throws {
        let folder = try OwnFolder()
        let log = try writer(folder)
        await withTaskGroup(of: Void.self) { group in
            for source in 0..<20 {
                group.addTask {
                    for number in 0..<50 { log.append(self.block([Array("\(source):\(number)".utf8)])) }
                }
            }
        }
        let messages = WrittenLog.records(in: folder.path).map(\.message)
        #expect(messages.count == 1000)
        for source in 0..<20 {
            #expect(messages.filter { $0.hasPrefix("\(source):") } == (0..<50).map { "\(source):\($0)" })
        }
    }

    @Test("A folder that is not there is an error that says which")
    func missingFolder() {
        let failure = #expect(throws: Failure.self) { try LogWriter(folder: "/nowhere/logs") { _ in } }
        #expect(failure?.message == "the log /nowhere/logs/000001.jsonl cannot be written: No such file or directory")
    }

    @Test(
        "A full disk is reported once, with the remedy, and whole lines before it can be read",
        .enabled(if: SmallDisk.isPossible, "no file system can be mounted here"))
    func fullDisk() throws {
        let disk = try SmallDisk(sizeInKiB: 256)
        let failures = Mutex<[Failure]>([])
        let log = try LogWriter(folder: disk.path) { failure in failures.withLock { $0.append(failure) } }
        for number in 0..<1000 { log.append(block([Array("\(number) \(String(repeating: "x", count: 1000))".utf8)])) }
        let reported = failures.withLock { $0 }
        #expect(reported.count == 1)
        #expect(reported.first?.message.contains("No space left on device") == true)
        #expect(reported.first?.remedy?.contains("caudal resume") == true)
        let found = WrittenLog.records(in: disk.path)
        #expect(!found.isEmpty)
        #expect(found.enumerated().allSatisfy { $1.message.hasPrefix("\($0) ") })
    }
}
