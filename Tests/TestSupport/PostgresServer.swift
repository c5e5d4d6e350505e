import Engine
import Foundation
import Synchronization

/// A PostgreSQL server of the tests' own on loopback, started when it is first asked for and ended with the process.
package final class PostgresServer: Sendable {
    /// Why tests of PostgreSQL are skipped; nil when its programs are there.
    package static let absence: String? =
        binaries == nil ? "no initdb was found: './scripts/setup.sh tests' installs PostgreSQL's programs" : nil

    private static let binaries: String? = {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let places =
            versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
            + ["/usr/local/bin", "/usr/bin"]
        return places.first { access($0 + "/initdb", X_OK) == 0 && access($0 + "/postgres", X_OK) == 0 }
    }()

    private static let instance = Mutex<Result<PostgresServer, Failure>?>(nil)
    private static let process = Mutex<Int32>(0)

    /// The one server of this process.
    package static func shared() throws -> PostgresServer {
        try instance.withLock { kept in
            let result =
                kept
                ?? Result { try PostgresServer() }.mapError { $0 as? Failure ?? Failure($0.localizedDescription) }
            kept = result
            return try result.get()
        }
    }

    package let port: Int
    package let user = "caudal"
    /// Long enough to be masked, and nothing else holds it.
    package let password = "pw-" + UUID().uuidString.lowercased()
    private let folder: ScratchFolder
    private let reactor = ProcessReactor()

    private init() throws {
        guard let binaries = Self.binaries else { throw Failure(Self.absence ?? "") }
        folder = try ScratchFolder()
        port = try Self.freePort()
        let data = folder.path("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        let passwordFile = try folder.write("password", password)
        // The server refuses to run as root: it gets a user of its own, who must reach its folder.
        var prefix: [String] = []
        if getuid() == 0 {
            let owner = getpwnam("postgres") == nil ? "nobody" : "postgres"
            let group = owner == "nobody" ? "nogroup" : owner
            prefix = ["/usr/bin/setpriv", "--reuid=\(owner)", "--regid=\(group)", "--clear-groups"]
            chmod(folder.path, 0o711)
            for path in [data, passwordFile] {
                let account = getpwnam(owner)?.pointee
                chown(path, account?.pw_uid ?? 0, account?.pw_gid ?? 0)
            }
        }
        try Self.run(
            prefix + [
                binaries + "/initdb", "-D", data, "-U", user, "--pwfile=\(passwordFile)", "-A", "scram-sha-256", "-E", "UTF8",
                "--locale=C", "--no-sync",
            ]
        ).waitUntilExit()
        let server = try Self.run(
            prefix + [
                binaries + "/postgres", "-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", data, "-F", "-c",
                "max_wal_size=1GB", "-c", "synchronous_commit=off",
            ])
        let pid = server.processIdentifier
        Self.process.withLock { $0 = pid }
        // SIGINT ends a server at once, whoever is connected.
        atexit { PostgresServer.process.withLock { if $0 > 0 { kill($0, SIGINT) } } }
        while true {
            let question = try Self.run([binaries + "/pg_isready", "-q", "-h", "127.0.0.1", "-p", String(port)])
            question.waitUntilExit()
            if question.terminationStatus == 0 { break }
            guard server.isRunning else { throw Failure("the server did not start") }
        }
    }

    private static func run(_ words: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: words[0])
        process.arguments = Array(words.dropFirst())
        process.currentDirectoryURL = URL(filePath: "/")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure("there is no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Makes a database for one test and gives its name.
    package func database() async throws -> String {
        let name = "test_" + UUID().uuidString.lowercased().prefix(8)
        _ = try await query("CREATE DATABASE \(name)", in: "postgres")
        return name
    }

    /// What `psql` says to some SQL: a line for each row, its values joined by `|`.
    package func query(_ sql: String, in database: String) async throws -> [String] {
        let answer = try await psql(sql, in: database)
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
        return answer.text.split(separator: "\n").map(String.init)
    }

    /// Waits until a query gives a line.
    package func waits(for line: String, from sql: String, in database: String) async throws {
        while try await query(sql, in: database) != [line] {}
    }

    /// Runs SQL and stays connected in its transaction until ``letGo(_:in:)``.
    package func hold(_ name: String, _ sql: String, in database: String) async throws {
        // A task of its own, because it waits for as long as the test holds on.
        Task { _ = try? await psql("\(sql); SELECT pg_sleep(600)", in: database, application: name) }
        try await waits(
            for: "1", from: "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(name)' AND query LIKE "
                + "'%pg_sleep%' AND wait_event = 'PgSleep'", in: database)
    }

    /// Ends what ``hold(_:_:in:)`` began.
    package func letGo(_ name: String, in database: String) async throws {
        _ = try await query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'", in: database)
    }

    private func psql(
        _ sql: String, in database: String, application: String = "test"
    ) async throws -> ToolRun.Answer {
        try await ToolRun.output(
            of: (Self.binaries ?? "") + "/psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql],
            environment: [
                "PGHOST": "127.0.0.1", "PGPORT": String(port), "PGUSER": user, "PGPASSWORD": password,
                "PGDATABASE": database, "PGAPPNAME": application,
            ], marker: "test/\(folder.path)", reactor: reactor)
    }
}
