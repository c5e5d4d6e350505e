import CSystem
import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Signals are heard in every phase", .timeLimit(.minutes(15)))
struct SignalTests {
    /// A stage that fills a screen again and again and then tells that it has; it ends when it is stopped.
    private static let pipeline = """
        version: 1
        name: long
        stages:
          noisy:
            type: command
            run: "for i in $(seq 1 300); do echo line $i of a noisy stage that writes long lines; sleep 0.01; done; touch begun; sleep 600"
          calm: {type: command, run: "sleep 600"}
        """

    private func project() throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write("long.yaml", Self.pipeline)
        return project
    }

    @Test("Ctrl-C stops a run whose screen was left")
    func afterLeaving() async throws {
        let project = try project()
        let terminal = try Pseudoterminal(reads: true)
        let run = try await terminal.start(project, "run", "long.yaml")
        await terminal.shows("RUNNING")
        terminal.press("q")
        await terminal.shows("Leave")
        await terminal.presses("\t\r", until: "continues; ctrl-C stops it")
        terminal.press("\u{3}")
        await terminal.shows("caudal: stopping the run")
        #expect(try await run.status.value == 3)
    }

    @Test("A stage fails also where caudal was started by a program that ignores the ends of its children")
    func ignoredEnds() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  a: {type: command, run: exit 3}\n")
        let ran = try await project.run(
            "/usr/bin/env", ["--ignore-signal=CHLD", CaudalProject.program, "run", "p.yaml", "--plain"])
        #expect(ran.status == 1 && ran.output.contains("a: exit status 3"), "\(ran)")
    }

    @Test("Programs have no terminal, which they could wait for unseen or paint over")
    func programsWithoutTerminal() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              asks: {type: command, run: "read answer < /dev/tty && echo $answer"}
              paints: {type: command, run: "echo painted > /dev/tty"}
            """)
        let terminal = try Pseudoterminal(reads: true)
        let run = try await terminal.start(project, "run", "p.yaml", "--plain")
        #expect(try await run.status.value == 1)
        for stage in ["asks", "paints"] {
            let log = try await project.caudal("logs", "--stage", stage)
            #expect(log.output.contains("/dev/tty: No such device or address"), "\(log)")
        }
    }

    @Test("SIGTERM ends a run whose terminal has gone")
    func withoutTerminal() async throws {
        let project = try project()
        let terminal = try Pseudoterminal(reads: true)
        let run = try await terminal.start(project, "run", "long.yaml")
        try await project.waits(for: "begun")
        terminal.hangUp()
        kill(run.pid, SIGTERM)
        let status = try await run.status.value
        #expect(status == 130 || status == 3, "\(status.map(String.init) ?? "killed")")
        let shown = try await project.caudal("runs", "--json")
        #expect(shown.output.contains("\"state\":\"cancelled\""), "\(shown)")
    }

    @Test("Without its terminal no screen goes on", arguments: [["watch", "last"], ["replay", "last"], ["home"]])
    func screenWithoutTerminal(verb: [String]) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("p.yaml", "version: 1\nname: p\nstages:\n  a: {type: command, run: 'true'}\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let terminal = try Pseudoterminal(reads: true)
        let screen = try await terminal.start(project, verb)
        await terminal.shows("quit")
        terminal.hangUp()
        #expect(try await screen.status.value == 0)
    }

    @Test("SIGTERM ends a run whose terminal takes nothing, on the screen and in lines", arguments: [true, false])
    func deafTerminal(onScreen: Bool) async throws {
        let project = try project()
        let terminal = try Pseudoterminal(reads: false)
        let run = try await terminal.start(project, ["run", "long.yaml"] + (onScreen ? [] : ["--plain"]))
        try await project.waits(for: "begun")
        kill(run.pid, SIGTERM)
        let status = try await run.status.value
        #expect(status == 130 || status == 3)
        let shown = try await project.caudal("runs", "--json")
        #expect(shown.output.contains("\"state\":\"cancelled\""), "\(shown)")
    }

    @Test("A signal leaves no temporary folder behind")
    func temporaryFolders() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("data.csv", "a\n1\n")
        try project.write("tmp/other", "")
        // Answers what version it is, and then tells that it was asked something and is silent.
        try project.write(
            "slow",
            "#!/bin/sh\ncase \"$*\" in *--version*) echo v1.5.5; exit;; esac\necho > \"$(dirname \"$0\")/asked\"\nexec sleep 600\n"
        )
        chmod(project.folder.path("slow"), 0o700)
        let ended = try await project.run(
            "/bin/sh",
            [
                "-c",
                "mkfifo asked; export TMPDIR=$PWD/tmp CAUDAL_DUCKDB=$PWD/slow; \"$0\" profile data.csv & read -r x < asked; "
                    + "ls tmp; kill $!; wait $!; ls tmp", CaudalProject.program,
            ])
        #expect(ended.output.contains("caudal-questions-"), "\(ended)")
        #expect(ended.lines.last == "other" && ended.lines.count == 3, "\(ended)")
    }

    @Test("A second signal asks no more")
    func twice() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "stubborn.yaml",
            """
            version: 1
            name: stubborn
            stages:
              a: {type: command, run: "trap '' TERM; touch begun; while :; do sleep 1; done"}
            """)
        let run = try await project.start("run", "stubborn.yaml", "--plain")
        try await project.waits(for: "begun")
        kill(run.child.identity.pid, SIGTERM)
        _ = await run.says("cancel the run")
        kill(run.child.identity.pid, SIGTERM)
        #expect(await run.child.exit().exit == .exited(130))
    }

    @Test("A verb that is interrupted takes the tool that it asks with it", arguments: [SIGINT, SIGTERM, SIGHUP])
    func tool(signal: Int32) async throws {
        let project = try CaudalProject(copying: [])
        let place = project.folder.path
        try project.write(
            "tool", "#!/bin/sh\ncd \(place)\necho $$ > begun.new\nmv begun.new begun\nsleep 600\n")
        chmod(project.folder.path("tool"), 0o755)
        try project.write("raw.csv", "n\n1\n")
        let profile = Task {
            try await project.run(
                "/bin/sh", ["-c", "echo $$ > asking; exec \(CaudalProject.program) profile raw.csv"],
                ["CAUDAL_DUCKDB": "\(place)/tool"])
        }
        try await project.waits(for: "begun")
        let tool = try #require(Int32(try project.read("begun").trimmed))
        kill(try #require(Int32(try project.read("asking").trimmed)), signal)
        #expect(try await profile.value.exit == .signaled(signal))
        #expect(kill(tool, 0) != 0)
    }

    @Test("A second signal leaves nothing running, in whatever session", arguments: [SIGINT, SIGTERM])
    func nothingLeft(signal: Int32) async throws {
        let project = try CaudalProject(copying: [])
        let loop = "while :; do sleep 0.1; done"
        try project.write("loop.sh", "trap '' INT TERM HUP\necho $$ > $1\n\(loop)\n")
        try project.write(
            "stubborn.yaml",
            """
            version: 1
            name: stubborn
            stages:
              a: {type: command, run: "exec sh loop.sh own"}
              b: {type: command, run: "setsid -f env -i /bin/sh loop.sh session; exec sh loop.sh beside"}
            """)
        let run = try await project.start("run", "stubborn.yaml", "--plain")
        let names = ["own", "session", "beside"]
        for name in names { try await project.waits(for: name) }
        kill(run.child.identity.pid, signal)
        _ = await run.says("cancel the run")
        kill(run.child.identity.pid, signal)
        // The test's own reactor would end what is left, so that is looked for as soon as the program has ended.
        await waitForEnd(ofProcess: run.child.identity.pid)
        for name in names {
            let pid = try #require(Int32(try project.read(name).trimmed))
            let state = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            #expect(state == nil || state?.contains(") Z ") == true, "\(name): \(state ?? "")")
        }
        #expect(await run.child.exit().exit == .exited(130))
    }
}

/// A terminal that may go away, or take nothing.
private final class Pseudoterminal: Sendable {
    /// A program in it.
    struct Started {
        let pid: Int32
        /// Its exit status, once it has ended.
        let status: Task<Int32?, any Error>
    }

    private let master: Int32
    /// Makes the reading thread close it: while a thread waits for bytes of it, it stays open for whoever writes.
    private let stop: Int32?
    private let path: String
    /// What was written to it so far, piece by piece; every piece ends a wait, so none may be lost.
    private let written: AsyncStream<[UInt8]>

    /// `reads`: whether what is written to it is taken away.
    init(reads: Bool) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // TIOCSPTLCK and TIOCGPTN, which unlock it and tell its number: what C has for that is not imported.
        var (locked, number): (Int32, UInt32) = (0, 0)
        guard master >= 0, ioctl(master, 0x4004_5431, &locked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw Failure("no pseudoterminal")
        }
        path = "/dev/pts/\(number)"
        var size = winsize(ws_row: 40, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        let master = master
        let (stream, arrival) = AsyncStream<[UInt8]>.makeStream(bufferingPolicy: .unbounded)
        written = stream
        let stop = reads ? cs_wake_create() : nil
        self.stop = stop
        guard let stop else { return }
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                var places = [master, stop].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                if poll(&places, 2, -1) < 0 { continue }
                if places[1].revents != 0 { break }
                let count = read(master, &buffer, buffer.count)
                if count <= 0 { break }
                arrival.yield(Array(buffer.prefix(count)))
            }
            close(master)
            close(stop)
            arrival.finish()
        }
    }

    /// Waits until a text has been written to it, since the last wait or before it.
    func shows(_ text: String) async {
        var seen: [UInt8] = []
        for await piece in written {
            seen += piece
            if String(decoding: seen, as: UTF8.self).contains(text) { return }
        }
        Issue.record("the terminal ended without '\(text)'")
    }

    /// Types characters again and again until a text is shown: a question takes no keys that came before it was shown.
    func presses(_ keys: String, until text: String) async {
        let typing = Task {
            while !Task.isCancelled {
                press(keys)
                try await Task.sleep(for: .milliseconds(300))
            }
        }
        await shows(text)
        typing.cancel()
    }

    /// Types characters.
    func press(_ keys: String) {
        let bytes = Array(keys.utf8)
        #expect(Foundation.write(master, bytes, bytes.count) == bytes.count)
    }

    func start(_ project: CaudalProject, _ arguments: String...) async throws -> Started {
        try await start(project, arguments)
    }

    /// Starts caudal with this as its terminal.
    func start(_ project: CaudalProject, _ arguments: [String]) async throws -> Started {
        let words = ([CaudalProject.program] + arguments).joined(separator: " ")
        let program = "echo $$ >pid.new; mv pid.new pid; exec \(words)"
        let line = "exec setsid --ctty --wait sh -c '\(program)' <\(path) >\(path) 2>&1"
        let status = Task { try await project.run("/bin/sh", ["-c", line], ["TERM": "xterm-256color"]).status }
        try await project.waits(for: "pid")
        return Started(pid: Int32(try project.read("pid").trimmed) ?? 0, status: status)
    }

    /// Closes it, as a window that is closed does.
    func hangUp() { if let stop { cs_wake(stop) } else { close(master) } }
}

extension CaudalProject {
    /// Waits until a file is there.
    func waits(for file: String) async throws {
        _ = try await run("/bin/sh", ["-c", "until test -e '\(file)'; do sleep 0.02; done"])
    }
}
