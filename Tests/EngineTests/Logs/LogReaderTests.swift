import CaudalModel
import Engine
import Foundation
import Synchronization
import TestSupport
import Testing

/// Prints the run and the text of each line.
private struct PlainRenderer: LogRenderer {
    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8]) {
        output += Array("\(isContext ? "-" : "")\(line.source.run) \(line.message)\n".utf8)
    }
    mutating func appendGap(to output: inout [UInt8]) { output += Array("--\n".utf8) }
}

@Suite("Reading logs", .timeLimit(.minutes(10))) struct LogReaderTests {
    private static let start: Int64 = 1_795_413_600_000

    /// A line of a run's log, `after` milliseconds behind the start of all.
    private struct Line {
        var text: String
        var after: Int64
        var level: LogLevel?
        var stage = "s"
    }

    /// Writes lines of a run as its process does, in segments.
    private func write(_ run: RunID, _ segments: [[Line]], in folder: OwnFolder) throws -> LoggedRun {
        let logs = folder[run.rawValue]
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
        for lines in segments {
            let writer = try LogWriter(folder: logs) { Issue.record("\($0)") }
            var block: [UInt8] = []
            for line in lines {
                let channel = LogChannel(
                    pipeline: "p", run: run, unit: UnitID(StageID(line.stage)), attempt: 1, stream: .stdout)
                var text = line.text
                _ = text.withUTF8 { channel.append($0, time: Self.start + line.after, level: line.level, to: &block) }
            }
            writer.append(block)
        }
        let first = segments.first?.first?.after ?? 0
        return LoggedRun(id: run, folder: logs, started: Self.start + first, isLive: false)
    }

    private func read(_ runs: [LoggedRun], _ query: LogQuery = LogQuery()) async -> (
        lines: [String], outcome: LogMerge.Outcome
    ) {
        var output: [UInt8] = []
        let outcome = await LogMerge(runs, query) { PlainRenderer() }.read {
            output += $0
            return true
        }
        return (String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init), outcome)
    }

    @Test("Lines of several runs come in the order of their times, those of one run in its own")
    func merged() async throws {
        let folder = try OwnFolder()
        let a = try write(
            "a", [[Line(text: "1", after: 0), Line(text: "4", after: 30)], [Line(text: "5", after: 20)]], in: folder)
        let b = try write(
            "b", [[Line(text: "2", after: 10), Line(text: "3", after: 15), Line(text: "7", after: 50)]], in: folder)
        let c = try write("c", [[Line(text: "6", after: 40)]], in: folder)
        let (lines, outcome) = await read([c, b, a])
        #expect(lines == ["a 1", "b 2", "b 3", "a 4", "a 5", "c 6", "b 7"])
        #expect(outcome.matches == 7 && outcome.damage.isEmpty)
    }

    @Test("Blocks that are read at the same time give what one after the other gives")
    func blocks() async throws {
        let folder = try OwnFolder()
        var random = SplitMix64(seed: 9)
        let lines = (0..<40_000).map { number in
            Line(
                text: "\(number) " + String(repeating: "x", count: Int.random(in: 0...200, using: &random)),
                after: Int64(number),
                level: number % 97 == 0 ? .error : .info)
        }
        let run = try write("a", [Array(lines[..<25_000]), Array(lines[25_000...])], in: folder)
        let (all, _) = await read([run])
        #expect(all == lines.map { "a \($0.text)" })
        var query = LogQuery()
        query.level = .error
        #expect(await read([run], query).lines == lines.filter { $0.level == .error }.map { "a \($0.text)" })
        query = LogQuery()
        query.pattern = try LogPattern("77")
        #expect(await read([run], query).lines == lines.filter { $0.text.contains("77") }.map { "a \($0.text)" })
        query.isInverted = true
        #expect(await read([run], query).outcome.matches == lines.count { !$0.text.contains("77") })
        for segment in LogFiles.segments(in: run.folder) { _ = try CompressedLog.compress(segment) }
        #expect(LogFiles.segments(in: run.folder).map(\.isCompressed) == [true, true])
        #expect(await read([run]).lines == lines.map { "a \($0.text)" })
    }

    @Test(
        "Any text is found by itself, by a pattern, and by letters of any case",
        arguments: [
            "needle", "a\"b", "a\\b", "tab\there", "é", "東京", "x=[1]", "End", "{\"a\":1}", "\u{7f}",
            "n",
        ])
    func anyText(_ text: String) async throws {
        let folder = try OwnFolder()
        let lines = ["before", "x \(text) y", "behind \\ \"", text, "NEEDLE eND", "nope\ttab"]
        let run = try write("a", [lines.map { Line(text: $0, after: 0, level: .info) }], in: folder)
        let pattern = NSRegularExpression.escapedPattern(for: text)
        for form in [pattern, "(?:\(pattern))", "\(pattern)()", ".*\(pattern)"] {
            for ignoresCase in [false, true] {
                var query = LogQuery()
                query.pattern = try LogPattern(form, ignoresCase: ignoresCase)
                let expression = try NSRegularExpression(pattern: form, options: ignoresCase ? .caseInsensitive : [])
                let expected = lines.filter {
                    expression.firstMatch(in: $0, range: NSRange($0.startIndex..., in: $0)) != nil
                }
                // A line is printed as it is: tabs and line ends would be told apart only in the text.
                #expect(await read([run], query).outcome.matches == expected.count, "\(form) \(ignoresCase)")
            }
        }
        var query = LogQuery()
        if RequiredLiterals.plain(text) != nil {
            query.pattern = try LogPattern(text)
            #expect(await read([run], query).outcome.matches == lines.count { $0.contains(text) })
        }
    }

    @Test("Lines match as they are printed: what steers a terminal is no part of them")
    func colours() async throws {
        let folder = try OwnFolder()
        let texts = [
            "\u{1b}[31mERROR\u{1b}[0m: disk full", "\u{1b}]0;disk\u{7}title", "\u{1b}]8;;disk\u{1b}\\link",
            "\u{1b}(Bplain",
            "plain",
        ]
        let run = try write("a", [texts.map { Line(text: $0, after: 0, level: .info) }], in: folder)
        for (pattern, count) in [
            ("ERROR: disk", 1), ("^ERROR", 1), ("disk", 1), ("^title$", 1), ("^link$", 1), ("^plain$", 2), ("31", 0),
        ] {
            var query = LogQuery()
            query.pattern = try LogPattern(pattern)
            #expect(await read([run], query).outcome.matches == count, "\(pattern)")
        }
    }

    @Test("A line that has too many ways to match is told of once; bytes that are no UTF-8 match as they are printed")
    func hardLines() async throws {
        let folder = try OwnFolder()
        let long = String(repeating: "a", count: 60) + "!"
        let run = try write("a", [[long, long, "aaa", "b"].map { Line(text: $0, after: 0, level: .info) }], in: folder)
        let given = Mutex(0)
        var query = LogQuery()
        query.pattern = try LogPattern("^(a+)+$") { given.withLock { $0 += 1 } }
        #expect(await read([run], query).lines == ["a aaa"] && given.withLock { $0 } == 1)
        let pattern = try LogPattern("^Gr.\u{fffd}+e [0-9]$")
        let bytes: [UInt8] = Array("Gr".utf8) + [0xF6, 0xDF] + Array("e 7".utf8)
        let line = try write("b", [[Line(text: "x", after: 0, level: .info)]], in: folder)
        let segment = try #require(LogFiles.segments(in: line.folder).first).path
        let text = try FileText.bytes(segment)
        let place = try #require(text.firstRange(of: Array(#""message":"x""#.utf8)))
        let changed =
            Array(text[..<place.lowerBound]) + Array(#""message":""#.utf8) + bytes + text[(place.upperBound - 1)...]
        try Data(changed).write(to: URL(filePath: segment))
        query.pattern = pattern
        #expect(await read([line], query).outcome.matches == 1)
    }

    @Test("What is no regular expression is told with its place")
    func faults() {
        for (pattern, place) in [("ab(", 4), ("é[a", 4), ("a**+*", 3)] {
            #expect(throws: LogPattern.Fault.self, "\(pattern)") { try LogPattern(pattern) }
            do throws(LogPattern.Fault) { _ = try LogPattern(pattern) } catch {
                #expect(error.place == place && !error.message.isEmpty, "\(error)")
            }
        }
    }

    @Test("Filters by stage, attempt, level and time are those of the fields, never of the text")
    func filters() async throws {
        let folder = try OwnFolder()
        let run = try write(
            "a",
            [
                [
                    Line(text: #""level":"error","stage":"t""#, after: 0), Line(text: "one", after: 10, stage: "t"),
                    Line(text: "two", after: 20, level: .error),
                    Line(text: "three", after: 30, level: .warn, stage: "t"),
                ]
            ], in: folder)
        func texts(_ change: (inout LogQuery) -> Void) async -> [String] {
            var query = LogQuery()
            change(&query)
            return await read([run], query).lines.map { String($0.dropFirst(2)) }
        }
        #expect(await texts { $0.stage = "t" } == ["one", "three"])
        #expect(await texts { $0.level = .error } == ["two"])
        #expect(await texts { $0.attempt = 2 } == [])
        #expect(await texts { $0.since = Self.start + 20 } == ["two", "three"])
        #expect(await texts { $0.until = Self.start + 10 }.count == 2)
        #expect(await texts { ($0.since, $0.until) = (Self.start + 10, Self.start + 20) } == ["one", "two"])
    }

    @Test("Context is printed once, with a gap between matches that stand apart, also across blocks")
    func context() async throws {
        let folder = try OwnFolder()
        let texts = (0..<20_000).map {
            $0 % 5000 == 2500 ? "hit \($0)" : "line \($0) \(String(repeating: "y", count: 90))"
        }
        let run = try write("a", [texts.map { Line(text: $0, after: 0) }], in: folder)
        var query = LogQuery()
        query.pattern = try LogPattern("hit")
        query.context = 2
        let lines = await read([run], query).lines.map { String($0.prefix(13)) }
        var expected: [String] = []
        for place in [2500, 7500, 12_500, 17_500] {
            if place > 2500 { expected.append("--") }
            for other in place - 2...place + 2 {
                let line = other == place ? "a hit \(place)" : "-a line \(other) "
                expected.append(String(line.prefix(13)))
            }
        }
        #expect(lines == expected)
    }

    @Test("The lines of a stack trace are one record")
    func records() async throws {
        let folder = try OwnFolder()
        let logs = folder["a"]
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
        let log = AttemptLog(
            writer: try LogWriter(folder: logs) { _ in }, pipeline: "p", run: "a", unit: UnitID("s"), attempt: 1,
            masker: SecretMasker(secrets: []), now: { Moment(wall: Self.start, steady: 0) })
        for text in ["begun", "ERROR failed", "a.b.Exception: why", "\tat x(y)", "done"] {
            var text = text
            log.write(.stderr) { take in text.withUTF8 { take($0) } }
        }
        let run = LoggedRun(id: "a", folder: logs, started: Self.start, isLive: false)
        var query = LogQuery()
        query.pattern = try LogPattern("why")
        let found = await read([run], query)
        #expect(found.lines == ["a ERROR failed", "a a.b.Exception: why", "a \tat x(y)"])
        #expect(found.outcome.matches == 1)
        query.isInverted = true
        #expect(await read([run], query).lines == ["a begun", "a done"])
        query = LogQuery()
        query.level = .error
        #expect(await read([run], query).lines.count == 3)
    }

    @Test("Damaged and torn lines are read around, and told of")
    func damaged() async throws {
        let folder = try OwnFolder()
        let run = try write(
            "a", [(0..<5).map { Line(text: "line \($0)", after: 0) }, [Line(text: "last", after: 0)]], in: folder)
        let first = LogFiles.segments(in: run.folder)[0].path
        var bytes = try FileText.bytes(first)
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        // Garbage for the second, a torn third one with a whole one behind, zeros before the fifth, a torn end.
        bytes =
            Array(lines[0]) + [0x0A, 0xFF, 0x00, 0x0A] + lines[2].prefix(90) + lines[3] + [0x0A]
            + [UInt8](repeating: 0, count: 100) + lines[4] + [0x0A] + lines[0].prefix(50)
        try Data(bytes).write(to: URL(filePath: first))
        let (found, outcome) = await read([run])
        #expect(found == ["a line 0", "a line 3", "a line 4", "a last"])
        #expect(outcome.damage.map(\.damage.lines) == [4])
        #expect(outcome.damage.first?.damage.path == first)
        let newest = LogBackward.newest(2, of: [(run, nil)], LogQuery()) { PlainRenderer() }
        #expect(String(decoding: newest.output, as: UTF8.self) == "a line 4\na last\n")
    }

    @Test("Of a compressed segment that is damaged all else is read, and no line is made up", arguments: 0..<30)
    func damagedCompression(_ seed: Int) async throws {
        let folder = try OwnFolder()
        var random = SplitMix64(seed: 4)
        let lines = (0..<30_000).map { Line(text: "line \($0) \(random.next())", after: 0) }
        let run = try write("a", [lines, [Line(text: "last", after: 0)]], in: folder)
        _ = try CompressedLog.compress(LogFiles.segments(in: run.folder)[0])
        let path = LogFiles.segments(in: run.folder)[0].path
        var bytes = try FileText.bytes(path)
        var chance = SplitMix64(seed: UInt64(seed))
        let place = Int.random(in: bytes.count / 3..<bytes.count - 8, using: &chance)
        switch seed % 3 {
        case 0: bytes.removeLast(bytes.count - place)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &chance)
        default: bytes.replaceSubrange(place..<min(place + 4096, bytes.count), with: [0x1F, 0x8B, 8])
        }
        try Data(bytes).write(to: URL(filePath: path))
        let (found, outcome) = await read([run])
        #expect(found.last == "a last")
        // Lines of one damaged part are lost; of a file that is cut, those behind the cut.
        #expect(found.count > (seed % 3 == 0 ? 8000 : 20_000) && found.count < 30_000)
        var rest = lines.map { "a \($0.text)" }[...]
        for line in found.dropLast() {
            let place = try #require(rest.firstIndex(of: line), "no such line was written: \(line)")
            rest = rest[(place + 1)...]
        }
        #expect(outcome.damage.count == 1)
    }

    @Test("Compression keeps every byte and the time, and frees space")
    func compression() throws {
        let folder = try OwnFolder()
        let run = try write("a", [(0..<5000).map { Line(text: "line \($0)", after: 0) }], in: folder)
        let before = try FileText.bytes(LogFiles.segments(in: run.folder)[0].path)
        let written = LogFiles.segments(in: run.folder)[0].written
        let freed = try CompressedLog.compress(LogFiles.segments(in: run.folder)[0])
        let segment = LogFiles.segments(in: run.folder)[0]
        #expect(segment.isCompressed && segment.number == 1 && segment.written == written && freed > before.count / 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.folder) == ["000001.jsonl.gz"])
        let zcat = Process()
        zcat.executableURL = URL(filePath: "/bin/zcat")
        zcat.arguments = [segment.path]
        let pipe = Pipe()
        zcat.standardOutput = pipe
        try zcat.run()
        #expect(try pipe.fileHandleForReading.readToEnd().map { Array($0) } == before)
        zcat.waitUntilExit()
        #expect(WrittenLog.lineCount(in: run.folder) == 5000)
    }

    @Test("The newest lines are read from the ends")
    func newest() throws {
        let folder = try OwnFolder()
        let a = try write(
            "a", [(0..<9000).map { Line(text: "\($0)", after: Int64($0), level: $0 % 3000 == 0 ? .error : .info) }],
            in: folder)
        let b = try write("b", [[Line(text: "x", after: 8997), Line(text: "y", after: 9500)]], in: folder)
        func newest(_ count: Int, _ level: LogLevel = .debug) -> [String] {
            var query = LogQuery()
            query.level = level
            let found = LogBackward.newest(count, of: [(a, Self.start + 9000), (b, Self.start + 9500)], query) {
                PlainRenderer()
            }
            return String(decoding: found.output, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        #expect(newest(4) == ["a 8997", "a 8998", "a 8999", "b y"])
        #expect(newest(5).first == "b x")
        #expect(newest(2, .error) == ["a 3000", "a 6000"])
        #expect(newest(0) == [])
        #expect(newest(100_000).count == 9002)
    }

    @Test("A follower gives each line once, when it is whole, also of later segments and runs")
    func follower() throws {
        let folder = try OwnFolder()
        let run = try write("a", [[Line(text: "old", after: 0)]], in: folder)
        var follower = LogFollower(LogQuery()) { PlainRenderer() }
        let live = LoggedRun(id: "a", folder: run.folder, started: run.started, isLive: true)
        follower.add(live, from: LogFollower.end(of: live))
        func look() -> String { String(decoding: follower.look(now: Self.start), as: UTF8.self) }
        #expect(look() == "")
        let segment = LogFiles.segments(in: run.folder)[0].path
        let line = try FileText.bytes(segment)
        let file = try #require(FileHandle(forWritingAtPath: segment))
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.prefix(60)))
        #expect(look() == "")
        try file.write(contentsOf: Data(line.dropFirst(60)))
        #expect(look() == "a old\n")
        _ = try write("a", [[Line(text: "next segment", after: 1)]], in: folder)
        #expect(look() == "a next segment\n")
        follower.add(try write("b", [[Line(text: "of another", after: 0)]], in: folder))
        _ = try write("a", [[Line(text: "later", after: 5)]], in: folder)
        #expect(look() == "b of another\na later\n")
        #expect(look() == "")
        follower.remove("a")
        #expect(follower.runs == ["b"])
    }

    @Test("A follower asks a pattern of a whole stack trace, also when its lines come one after the other")
    func tracesInPieces() throws {
        let folder = try OwnFolder()
        let run = try write("a", [[Line(text: "begin", after: 0)]], in: folder)
        var query = LogQuery()
        query.pattern = try LogPattern("KeyError", ignoresCase: false) {}
        var follower = LogFollower(query) { PlainRenderer() }
        let live = LoggedRun(id: "a", folder: run.folder, started: run.started, isLive: true)
        follower.add(live, from: LogFollower.end(of: live))
        let writer = try LogWriter(folder: run.folder) { _ in }
        func append(_ text: String, continues: Bool = false) {
            let mark = continues ? #","continues":true"# : ""
            let line = """
                {"time":"\(UTC.iso(Self.start))","level":"error","pipeline":"p","run":"a","stream":"stderr"\(mark)\
                ,"message":\(JSONText.quoted(text))}

                """
            writer.append(Array(line.utf8))
        }
        func look(after milliseconds: Int64, ended: [RunID] = []) -> String {
            String(decoding: follower.look(ended: ended, now: Self.start + milliseconds), as: UTF8.self)
        }
        append("Traceback (most recent call last):")
        #expect(look(after: 10) == "")
        append("  File \"load.py\", line 3, in <module>", continues: true)
        append("KeyError: 'day'", continues: true)
        #expect(look(after: 50) == "", "more lines may come")
        let trace = """
            a Traceback (most recent call last):
            a   File "load.py", line 3, in <module>
            a KeyError: 'day'

            """
        #expect(look(after: 101) == trace)
        append("ERROR KeyError again")
        #expect(look(after: 20) == "")
        #expect(look(after: 20, ended: ["a"]) == "a ERROR KeyError again\n", "nothing more comes of a run that ended")
    }
}
