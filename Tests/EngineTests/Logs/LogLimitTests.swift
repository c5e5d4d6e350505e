import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("What the log may take", .timeLimit(.minutes(15)))
struct LogLimitTests {
    private func log(_ writer: LogWriter, _ stage: StageID, attempt: Int = 1) -> AttemptLog {
        AttemptLog(
            writer: writer, pipeline: "p", run: "r", unit: UnitID(stage), attempt: attempt,
            masker: SecretMasker(secrets: []), now: { Moment(wall: 1_795_413_600_000, steady: 0) })
    }

    private func write(_ lines: some Sequence<String>, to log: AttemptLog) {
        for line in lines {
            var line = line
            line.withUTF8 { bytes in log.write(.stdout) { $0(bytes) } }
        }
    }

    private func size(_ folder: OwnFolder) -> Int {
        LogFiles.segments(in: folder.path).reduce(0) { $0 + Int(FileText.size($1.path) ?? 0) }
    }

    @Test("A flood keeps its first and its last lines, and what was left out between is counted in one line")
    func flood() throws {
        let folder = try OwnFolder()
        let writer = try LogWriter(folder: folder.path, limits: LogLimits(run: 1_000_000)) { Issue.record("\($0)") }
        let noisy = log(writer, "noisy")
        write((1...50_000).lazy.map { "line \($0)" }, to: noisy)
        noisy.note("a word of the engine")
        let note = try #require(noisy.finish())
        #expect(size(folder) <= 1_000_000)
        let found = WrittenLog.records(in: folder.path)
        let printed = found.filter { $0.stream == .stdout }
        #expect(printed.first?.message == "line 1" && printed.last?.message == "line 50000")
        let gap = try #require(found.first { $0.level == .warn })
        let left = 50_000 - printed.count
        #expect(gap.message.hasPrefix("\(Int64(left).grouped) lines ("), "\(gap.message)")
        #expect(note.hasPrefix("\(Int64(left).grouped) lines"), "\(note)")
        #expect(found.contains { $0.message == "a word of the engine" })
    }

    @Test("The lines of others, and of the next attempt, are there all the same")
    func others() throws {
        let folder = try OwnFolder()
        let writer = try LogWriter(folder: folder.path, limits: LogLimits(run: 1_000_000)) { Issue.record("\($0)") }
        let noisy = log(writer, "noisy")
        write((1...50_000).lazy.map { "line \($0)" }, to: noisy)
        let quiet = log(writer, "quiet")
        write(["one", "two"], to: quiet)
        #expect(quiet.finish() == nil)
        _ = noisy.finish()
        let again = log(writer, "noisy", attempt: 2)
        write((1...50_000).lazy.map { "again \($0)" }, to: again)
        _ = again.finish()
        let messages = WrittenLog.records(in: folder.path).filter { $0.stream == .stdout }.map(\.message)
        #expect(messages.contains("one") && messages.contains("two"))
        #expect(messages.contains("again 1") && messages.last == "again 50000")
        #expect(size(folder) <= 1_100_000)
    }

    @Test("Many attempts that are each below the limit are together below it")
    func manyItems() throws {
        let folder = try OwnFolder()
        let writer = try LogWriter(folder: folder.path, limits: LogLimits(run: 1_000_000)) { Issue.record("\($0)") }
        let logs = (1...20).map { log(writer, StageID("s\($0)")) }
        for number in 1...2000 { for log in logs { write(["line \(number)"], to: log) } }
        for log in logs { _ = log.finish() }
        #expect(size(folder) <= 1_400_000)
        let found = WrittenLog.records(in: folder.path).filter { $0.stream == .stdout }
        for number in 1...20 {
            let own = found.filter { $0.stage == StageID("s\(number)") }
            #expect(own.first?.message == "line 1" && own.last?.message == "line 2000", "s\(number)")
        }
    }

    @Test("A log below its limit is kept whole, also one that another process began")
    func below() throws {
        let folder = try OwnFolder()
        for round in 1...2 {
            let writer = try LogWriter(folder: folder.path, limits: LogLimits(run: 2_000_000)) { Issue.record("\($0)") }
            let log = log(writer, "a", attempt: round)
            write((1...5000).lazy.map { "\(round) \($0)" }, to: log)
            #expect(log.finish() == nil)
        }
        #expect(WrittenLog.records(in: folder.path).count == 10_000)
    }

    @Test("A stage has a limit of its own, which leaves the others their room")
    func stageLimit() throws {
        let folder = try OwnFolder()
        let limits = LogLimits(stages: ["noisy": 1_000_000])
        let writer = try LogWriter(folder: folder.path, limits: limits) { Issue.record("\($0)") }
        let (noisy, other) = (log(writer, "noisy"), log(writer, "other"))
        write((1...20_000).lazy.map { "line \($0)" }, to: noisy)
        write((1...20_000).lazy.map { "line \($0)" }, to: other)
        #expect(noisy.finish() != nil && other.finish() == nil)
        #expect(WrittenLog.records(in: folder.path).count { $0.stage == "other" && $0.stream == .stdout } == 20_000)
    }
}
