import CaudalModel
import Engine
import Foundation

/// A network between the tests and a server of theirs, which can be cut: `Tests/Servers/wire.py`.
package final class Wire: Sendable {
    /// The port on loopback that leads to the server.
    package let port: Int
    private let child: ChildProcess
    private let reactor = ProcessReactor()
    private let lines: LineQueue

    /// - Parameter server: The server's port.
    package init(to server: Int) async throws {
        let lines = LineQueue()
        self.lines = lines
        child = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=KILL", "python3", Repository.path("Tests/Servers/wire.py"), String(server)],
                variables: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"], folder: "/",
                marker: "test/wire")
        ) { stream, bytes in if stream == .stdout { lines.take(bytes) } }
        guard let port = await lines.next().flatMap({ Int($0) }) else { throw Failure("the wire did not start") }
        self.port = port
    }

    deinit { child.stop() }

    /// Cuts it: what is connected hears nothing any more, and nothing new can be connected.
    package func cut() async { await say(SIGUSR1) }

    /// Lets new connections through again; those that were cut stay as they are.
    package func mend() async { await say(SIGUSR2) }

    private func say(_ signal: Int32) async {
        kill(child.identity.pid, signal)
        _ = await lines.next()
    }
}

/// The lines that a program prints, one after the other.
private actor LineQueue {
    private let stream: AsyncStream<String>
    private nonisolated let arrival: AsyncStream<String>.Continuation

    init() { (stream, arrival) = AsyncStream<String>.makeStream() }

    /// Each call has whole lines: the program prints one at a time.
    nonisolated func take(_ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty { return arrival.finish() }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") { arrival.yield(String(line)) }
    }

    func next() async -> String? {
        for await line in stream { return line }
        return nil
    }
}
