import CaudalModel
import Engine
import Foundation
import Synchronization

/// A server of a test's own on loopback that receives notifications: `Tests/Servers/receiver.py`.
package final class NotificationReceiver: Sendable {
    /// What it receives.
    package enum Kind: String, Sendable { case http, smtp }

    /// A request or mail, as it was received.
    package struct Entry: Decodable, Sendable {
        package var path: String?
        package var method: String?
        /// What was answered; 0 for nothing, -1 for one that is answered later.
        package var status: Int?
        package var headers: [String: String]?
        package var body: String?
        /// Whether it was signed right; nil where it was not signed.
        package var signature: Bool?
        package var mail: String?
        package var from: String?
        package var to: [String]?
        package var user: String?
        package var encrypted: Bool?
        /// Whether a line of a mail ended without a carriage return.
        package var bare: Bool?
        /// Where secrets of the test could be seen by others meanwhile.
        package var leaks: [String]?

        /// The id of the delivery.
        package var delivery: String? { headers?["X-Caudal-Delivery"] }
        /// The event of a webhook.
        package var event: String? { headers?["X-Caudal-Event"] }
        /// The body of a request with JSON.
        package var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data((body ?? "").utf8)) as? [String: Any]) ?? [:]
        }
    }

    package let port: Int
    private let log: String
    private let child: ChildProcess
    private let folder: ScratchFolder
    private let reactor = ProcessReactor()

    /// Starts it.
    ///
    /// - Parameters:
    ///   - port: nil means any that is free.
    ///   - arguments: Options of the script.
    ///   - variables: RECEIVER_… of the script.
    package init(
        _ kind: Kind, port: Int? = nil, arguments: [String] = [], variables: [String: String] = [:]
    ) async throws {
        folder = try ScratchFolder()
        log = folder.path("log")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let (lines, continuation) = AsyncStream<String>.makeStream()
        let script = [Repository.path("Tests/Servers/receiver.py"), kind.rawValue, log]
        let launch = ProcessLaunch(
            program: "/usr/bin/env",
            arguments: ["python3"] + script + (port.map { ["--port", String($0)] } ?? []) + arguments,
            variables: variables.merging(["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]) {
                $1
            },
            folder: "/", marker: "test/receiver")
        child = try await reactor.start(launch) { stream, bytes in
            if stream == .stdout, !bytes.isEmpty { continuation.yield(String(decoding: bytes, as: UTF8.self)) }
            if bytes.isEmpty { continuation.finish() }
        }
        var found: Int?
        for await text in lines {
            found = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
            break
        }
        guard let found else { throw Failure("the receiver did not start") }
        self.port = found
    }

    deinit { child.stop() }

    /// Ends it, so that nothing listens any more.
    package func stop() async {
        child.stop()
        _ = await child.exit()
    }

    /// Everything that was received so far.
    package var entries: [Entry] { get throws { try Self.entries(in: log) } }

    private static func entries(in log: String) throws -> [Entry] {
        try FileText.read(log).split(separator: "\n").map { try JSONDecoder().decode(Entry.self, from: Data($0.utf8)) }
    }

    /// Waits until what was received fits a condition.
    package func waits(for condition: @escaping @Sendable ([Entry]) -> Bool) async throws {
        try await wait(forChangeIn: folder.path) { [log] in
            // A line that is being written cannot be read yet.
            (try? Self.entries(in: log)).map(condition) ?? false
        }
    }

    /// A port on which nothing listens, and which no other test is given: it lies below those that the kernel gives.
    package static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = UInt16.random(in: 15_000...31_000)
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isBound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isBound { return Int(port) }
        }
        throw Failure("there is no free port")
    }
}
