import CaudalModel
import Engine
import Foundation

/// A PostgreSQL server of the tests' own on loopback, started when it is first asked for and ended with the process.
package final class PostgresServer: Sendable {
    /// Why tests of PostgreSQL are skipped; nil when its programs are there, and where every tool must be there.
    package static let absence: String? =
        binaries == nil && ProcessInfo.processInfo.environment["CI"] == nil ? missing : nil

    private static let missing = "no initdb was found: './scripts/setup.sh tests' installs PostgreSQL's programs"

    private static let binaries: String? = {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let places =
            versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
            + ["/usr/local/bin", "/usr/bin"]
        return places.first { access($0 + "/initdb", X_OK) == 0 && access($0 + "/postgres", X_OK) == 0 }
    }()

    // A task of its own, because all tests wait for it and none of them may cancel it for the others.
    private static let instance = Task { try await PostgresServer() }

    /// The one server of this process.
    package static func shared() async throws -> PostgresServer { try await instance.value }

    package let port: Int
    package let user = "caudal"
    /// Long enough to be masked, and nothing else holds it.
    package let password = "pw-" + UUID().uuidString.lowercased()
    private let folder: ScratchFolder
    private let reactor = ProcessReactor()

    private init() async throws {
        guard let binaries = Self.binaries else { throw Failure(Self.missing) }
        folder = try ScratchFolder()
        port = try NotificationReceiver.freePort()
        let data = folder.path("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        let passwordFile = try folder.write("password", password)
        // The server refuses to run as root: it gets a user of its own, who must reach its folder.
        var prefix: [String] = []
        if getuid() == 0 {
            let owner = getpwnam("postgres") == nil ? "nobody" : "postgres"
            let group = owner == "nobody" ? "nogroup" : owner
            prefix = ["/usr/bin/setpriv", "--reuid=\(owner)", "--regid=\(group)", "--clear-groups"]
            let account = getpwnam(owner)?.pointee
            chmod(folder.path, 0o711)
            for path in [data, passwordFile] { chown(path, account?.pw_uid ?? 0, account?.pw_gid ?? 0) }
        }
        let made = try await run(
            prefix + [
                binaries + "/initdb", "-D", data, "-U", user, "--pwfile=\(passwordFile)", "-A", "scram-sha-256", "-E",
                "UTF8", "--locale=C", "--no-sync",
            ])
        guard made.exit == .exited(0) else { throw Failure("initdb: \(made.errors)") }
        // The server ends with this process, however that ends: the kernel tells it, once its user is another.
        let words =
            ["--pdeathsig=INT"] + prefix.dropFirst() + [
                binaries + "/postgres", "-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", data, "-F", "-c",
                "max_wal_size=1GB", "-c", "synchronous_commit=off",
            ]
        let server = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv", arguments: words, variables: [:], folder: "/", marker: "test/server")
        ) { _, _ in }
        while try await run([binaries + "/pg_isready", "-q", "-h", "127.0.0.1", "-p", String(port)]).exit != .exited(0)
        {
            guard ProcessTable.isAlive(server.identity) else { throw Failure("the server did not start") }
        }
    }

    private func run(_ words: [String], environment: [String: String] = [:]) async throws(Failure) -> ToolRun.Answer {
        try await ToolRun.output(
            of: words[0], Array(words.dropFirst()), environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 },
            marker: "test/\(folder.path)", reactor: reactor)
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
            for: "1",
            from: "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(name)' AND query LIKE "
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
        try await run(
            [(Self.binaries ?? "") + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql],
            environment: [
                "PGHOST": "127.0.0.1", "PGPORT": String(port), "PGUSER": user, "PGPASSWORD": password,
                "PGDATABASE": database, "PGAPPNAME": application,
            ])
    }
}
