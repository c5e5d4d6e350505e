import CaudalModel
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Engine

@Suite("The socket of a run", .timeLimit(.minutes(15)))
struct ControlServerTests {
    /// A folder with a server in it that accepts everything and remembers it.
    private final class Counter: Sendable {
        let scratch: ScratchFolder
        let folder: RunFolder
        let server: ControlServer
        private let asked: Log

        private final class Log: Sendable {
            let commands = Mutex<[(RunCommand, String)]>([])
        }

        init(below parts: String = "run", patience: Duration = .seconds(120)) throws {
            let scratch = try ScratchFolder()
            self.scratch = scratch
            folder = RunFolder(path: scratch.path(parts))
            try folder.create()
            let asked = Log()
            self.asked = asked
            server = try ControlServer(folder, patience: patience) { command, by in
                asked.commands.withLock { $0.append((command, by)) }
                return .accepted("done")
            }
        }

        var commands: [RunCommand] { asked.commands.withLock { $0.map(\.0) } }
        var names: [String] { asked.commands.withLock { $0.map(\.1) } }
    }

    @Test("A command reaches the run with the name of who asked, and its answer comes back")
    func command() async throws {
        let counter = try Counter()
        let answer = try await ControlClient(counter.folder, patience: .seconds(120)).ask(
            .cancel(UnitID("load", "north")), by: "ann@host")
        #expect(answer == .accepted("done"))
        #expect(counter.commands == [.cancel(UnitID("load", "north"))])
        #expect(counter.names == ["ann@host"])
        await counter.server.stop()
    }

    @Test("A name cannot drive a terminal or fill the journal")
    func names() async throws {
        let counter = try Counter()
        _ = try await ControlClient(counter.folder, patience: .seconds(120)).ask(
            .pause, by: "\u{1b}[2Jann\n" + String(repeating: "x", count: 500))
        let name = try #require(counter.names.first)
        #expect(name.hasPrefix("[2Jannx"))
        #expect(name.count == 100)
        await counter.server.stop()
    }

    @Test("The socket is its owner's alone, also where its path is longer than an address")
    func longPath() async throws {
        let counter = try Counter(
            below: (1...6).map { _ in String(repeating: "long", count: 10) }.joined(separator: "/"))
        #expect(counter.folder.socket.utf8.count > 200)
        let rights = try FileManager.default.attributesOfItem(atPath: counter.folder.socket)[.posixPermissions] as? Int
        #expect(rights == 0o600)
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.pause, by: "ann") == .accepted("done")
        )
        await counter.server.stop()
        #expect(!FileText.exists(counter.folder.socket))
    }

    @Test("A socket that a dead process left is replaced")
    func leftSocket() async throws {
        let counter = try Counter()
        let second = try ControlServer(counter.folder) { _, _ in .refused("the second one") }
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.pause, by: "ann")
                == .refused("the second one"))
        await counter.server.stop()
        await second.stop()
    }

    @Test("Where no process holds the run there is nobody to ask")
    func nobody() async throws {
        let counter = try Counter()
        await counter.server.stop()
        #expect(try await ControlClient(counter.folder, patience: .seconds(120)).ask(.pause, by: "ann") == nil)
    }

    @Test(
        "Rubbish is refused and its sender let go",
        arguments: ["nonsense\n", "{}\n", "\n", "{\"by\":\"x\",\"command\":{\"fly\":{}}}\n", "\u{0}\u{1}\u{ff}\n"])
    func rubbish(line: String) async throws {
        let counter = try Counter()
        let rude = try #require(RawClient(counter.folder.path))
        await rude.send(line)
        #expect(await rude.receive()?.contains("refused") == true)
        #expect(await rude.receive() == nil)
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.pause, by: "ann") == .accepted("done")
        )
        #expect(counter.commands == [.pause])
        await counter.server.stop()
    }

    @Test("A line without an end is refused before it fills memory")
    func endlessLine() async throws {
        let counter = try Counter()
        let rude = try #require(RawClient(counter.folder.path))
        await rude.send(String(repeating: "[", count: 2 << 20))
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.pause, by: "ann") == .accepted("done")
        )
        await counter.server.stop()
    }

    @Test("Half a line, hanging up and two lines at once do no harm")
    func halves() async throws {
        let counter = try Counter()
        let line = "{\"by\":\"ann\",\"command\":{\"pause\":{}}}\n"
        await RawClient(counter.folder.path)?.send(String(line.prefix(20)))
        let slow = try #require(RawClient(counter.folder.path))
        await slow.send(String(line.prefix(9)))
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.unpause, by: "ann")
                == .accepted("done"))
        await slow.send(String(line.dropFirst(9)) + line)
        var answers = ""
        while answers.count(where: { $0 == "\n" }) < 2, let more = await slow.receive() { answers += more }
        #expect(answers.count(where: { $0 == "\n" }) == 2)
        #expect(counter.commands == [.unpause, .pause, .pause])
        await counter.server.stop()
    }

    @Test("A client that never reads, and a hundred that never speak, keep nobody else from being answered")
    func crowd() async throws {
        let counter = try Counter()
        let deaf = try #require(RawClient(counter.folder.path))
        let line = "{\"by\":\"deaf\",\"command\":{\"pause\":{}}}\n"
        await deaf.send(String(repeating: line, count: 1000))
        let silent = (0..<100).compactMap { _ in RawClient(counter.folder.path) }
        #expect(silent.count == 100)
        #expect(
            try await ControlClient(counter.folder, patience: .seconds(120)).ask(.unpause, by: "ann")
                == .accepted("done"))
        withExtendedLifetime(silent) {}
        await counter.server.stop()
    }

    @Test("Whoever says nothing is let go when their time is over")
    func silence() async throws {
        let counter = try Counter(patience: .milliseconds(20))
        let silent = try #require(RawClient(counter.folder.path))
        #expect(await silent.receive() == nil)
        await counter.server.stop()
    }
}
