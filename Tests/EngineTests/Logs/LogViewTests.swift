import CaudalModel
import TestSupport
import Testing

@testable import Engine

/// Which lines a view of the log shows, and where they have what is searched for.
@Suite("Views of the log", .timeLimit(.minutes(15)))
struct LogViewTests {
    /// Lines of several sources, one a second.
    private func write(_ lines: [(source: UnitID?, attempt: Int, text: String)], to folder: OwnFolder) throws {
        let log = try LogWriter(folder: folder.path) { Issue.record("the log failed: \($0)") }
        for (number, line) in lines.enumerated() {
            let channel = LogChannel(
                pipeline: "sales", run: "r1", unit: line.source, attempt: line.source == nil ? nil : line.attempt,
                stream: line.source == nil ? .engine : .stdout)
            var block: [UInt8] = []
            Array(line.text.utf8).withUnsafeBufferPointer {
                _ = channel.append($0, time: Int64(number) * 1000, to: &block)
            }
            log.append(block)
        }
    }

    private func texts(_ view: LogIndex.View, _ folder: OwnFolder) -> [String] {
        let index = LogIndex(folder: folder.path)
        index.show(view)
        index.work()
        return (0..<index.count).compactMap { index.record(at: $0)?.message }
    }

    private static let lines: [(source: UnitID?, attempt: Int, text: String)] = [
        (nil, 1, "run started"), (UnitID("load"), 1, "connecting to Warehouse"),
        (UnitID("clean", "north"), 1, "WARN row 7: amount"), (UnitID("clean", "north"), 2, "row 9: amount"),
        (UnitID("clean", "south"), 1, "ERROR row 12: amount"), (UnitID("load"), 1, "sent 24 rows"),
    ]

    @Test(
        "A line is shown if it fits every part of the view",
        arguments: [
            (["amount"], [], nil, nil, nil, [2, 3, 4]), ([], ["amount"], nil, nil, nil, [0, 1, 5]),
            (["row \\d+:"], ["error"], nil, nil, nil, [2, 3]), (["Amount"], [], nil, nil, nil, []),
            (["clean\\[north"], [], nil, nil, nil, [2, 3]), (["engine"], [], nil, nil, nil, [0]),
            ([], [], 2, nil, nil, [3]), ([], [], nil, 1000, 3000, [1, 2, 3]), (["("], [], nil, nil, nil, []),
        ] as [([String], [String], Int?, Int64?, Int64?, [Int])])
    func filters(
        wanted: [String], unwanted: [String], attempt: Int?, since: Int64?, until: Int64?, shown: [Int]
    ) throws {
        let folder = try OwnFolder()
        try write(Self.lines, to: folder)
        var view = LogIndex.View()
        (view.wanted, view.unwanted, view.attempt) = (wanted, unwanted, attempt)
        (view.since, view.until) = (since, until)
        #expect(texts(view, folder) == shown.map { Self.lines[$0].text })
    }

    @Test("Warnings and errors are counted up to any time, as the log grows, whatever the view shows")
    func troublesUntil() throws {
        let folder = try OwnFolder()
        let index = LogIndex(folder: folder.path)
        #expect(index.troubles(until: .max) == (0, 0))
        // More lines than a part has.
        let lines = (0..<2000).map { number in
            let word = number % 7 == 0 ? "ERROR" : number % 5 == 0 ? "WARN" : "fine"
            return (source: UnitID("load"), attempt: 1, text: "\(word) \(number)")
        }
        index.show(LogIndex.View(unit: UnitID("other")))
        try write(lines.map { ($0.source, $0.attempt, $0.text) }, to: folder)
        while index.work() || !index.isComplete {}
        for until in [-1, 0, 999, 1000, 6999, 7000, 700_000, 1_234_567, 1_998_999, 1_999_000, 9_000_000] as [Int64] {
            let before = lines.prefix(until < 0 ? 0 : Int(until / 1000) + 1)
            let expected = (
                before.count { $0.text.hasPrefix("WARN") }, before.count { $0.text.hasPrefix("ERROR") }
            )
            #expect(index.troubles(until: until) == expected, "\(until)")
        }
        #expect(index.troubles(until: .max) == (index.warnings, index.errors))
    }

    @Test("A search is a regular expression with smart case, over texts and sources, and counts its places")
    func search() throws {
        let folder = try OwnFolder()
        try write(Self.lines, to: folder)
        let index = LogIndex(folder: folder.path)
        for (text, hits) in [
            ("warehouse", [1]), ("Warehouse", [1]), ("WAREHOUSE", []), ("row \\d", [2, 3, 4]), ("^sent|^run", [0, 5]),
            ("clean\\[north\\]#2", [3]), ("load", [1, 5]), ("\\Sow", [2, 3, 4, 5]), ("9:", [3]),
        ] as [(String, [Int])] {
            index.show(LogIndex.View(search: text))
            while index.work() || !index.isComplete {}
            #expect((0..<index.count).filter { index.isHit(at: $0) } == hits, "\(text)")
            #expect(index.hits == hits.count)
            for (number, line) in hits.enumerated() { #expect(index.hitNumber(at: line) == number + 1) }
        }
    }

    @Test("Where a text has what is searched for is told by its bytes")
    func places() throws {
        let text = "é row 7, Row 12"
        let search = try #require(LogSearch("row \\d+"))
        #expect(search.places(in: text) == [3..<8, 10..<16])
        #expect(try #require(LogSearch("Row")).places(in: text) == [10..<13])
        #expect(try #require(LogSearch("x*")).places(in: text).isEmpty, "nothing is marked where nothing is found")
        let broken = try #require(LogSearch("row ("))
        #expect(broken.fault != nil && broken.matches("a row (1)"))
        #expect(LogSearch("") == nil)
    }

    @Test("Another search keeps the lines and their numbers, while it goes on and while the log grows")
    func searchKeepsLines() throws {
        let folder = try OwnFolder()
        let lines: [(source: UnitID?, attempt: Int, text: String)] = (0..<4000).map {
            (UnitID("load"), 1, "line \($0)")
        }
        try write(lines, to: folder)
        let index = LogIndex(folder: folder.path)
        index.work()
        var random = SplitMix64(seed: 16)
        for round in 0..<40 {
            let text = "\(Int.random(in: 0..<40, using: &random))"
            index.show(LogIndex.View(search: text))
            #expect(index.count == 4000 + round && !index.isComplete)
            try write([(UnitID("load"), 1, "later \(text)")], to: folder)
            while index.work(limit: 100_000) || !index.isComplete {
                #expect(index.count >= 4000 + round)
            }
            let hits = (0..<index.count).filter { index.record(at: $0)?.message.contains(text) == true }
            #expect(index.hits == hits.count)
            for place in [0, 1999, index.count - 1] {
                #expect(index.hit(from: place, forward: true) == hits.first { $0 > place })
                #expect(index.hit(from: place, forward: false) == hits.last { $0 < place })
            }
            if let last = hits.last { #expect(index.hitNumber(at: last) == hits.count) }
        }
    }

    @Test("Errors are found one after the other, also among lines that are not shown")
    func errors() throws {
        let folder = try OwnFolder()
        var lines: [(source: UnitID?, attempt: Int, text: String)] = []
        for number in 0..<3000 {
            lines.append((UnitID("load"), 1, number % 500 == 7 ? "ERROR \(number)" : "line \(number)"))
        }
        try write(lines, to: folder)
        let index = LogIndex(folder: folder.path)
        index.work()
        var found: [Int] = []
        var place = -1
        while let next = index.error(from: place, forward: true) {
            found.append(next)
            place = next
        }
        #expect(found == [7, 507, 1007, 1507, 2007, 2507])
        #expect(index.error(from: 507, forward: false) == 7)
        #expect(index.error(from: 7, forward: false) == nil)
    }

    @Test(
        "The lines of a stack trace are folded into the line that they explain, however the log grows",
        arguments: [1, 3, 1000])
    func traces(at once: Int) throws {
        let folder = try OwnFolder()
        let log = try LogWriter(folder: folder.path) { Issue.record("the log failed: \($0)") }
        let (load, other) = (UnitID("load"), UnitID("other"))
        let lines: [(UnitID, String)] = [
            (load, "begun"), (load, "ERROR java.lang.IllegalStateException: boom"),
            (load, "\tat com.acme.Load.run(Load.java:12)"),
            (other, "meanwhile"), (load, "\tat com.acme.Main.main(Main.java:3)"), (load, "done"),
        ]
        var readers: [UnitID: LogRecordReader] = [:]
        let index = LogIndex(folder: folder.path)
        var view = LogIndex.View()
        view.foldsTraces = true
        index.show(view)
        for (number, (source, text)) in lines.enumerated() {
            let channel = LogChannel(pipeline: "sales", run: "r1", unit: source, attempt: 1, stream: .stdout)
            var block: [UInt8] = []
            Array(text.utf8).withUnsafeBufferPointer {
                _ = channel.append(
                    $0, LogChannel.Stamp(Int64(number)), level: nil, &readers[source, default: LogRecordReader()],
                    to: &block)
            }
            log.append(block)
            if number % once == 0 { index.work() }
        }
        index.work()
        #expect(
            (0..<index.count).compactMap { index.record(at: $0)?.message } == [
                "begun", lines[1].1, "meanwhile", "done",
            ])
        #expect((0..<index.count).map { index.folded(at: $0) } == [0, 2, 0, 0])
        view.search = "Main"
        index.show(view)
        while index.work() || !index.isComplete {}
        #expect(
            (0..<index.count).filter { index.isHit(at: $0) } == [1],
            "what is found in a folded line is found in its first one")
        view.foldsTraces = false
        index.show(view)
        while index.work() || !index.isComplete {}
        #expect((0..<index.count).filter { index.isHit(at: $0) } == [4])
    }
}
