import CaudalModel
import Engine
import Foundation

/// A MariaDB server of the tests' own on loopback, started when it is first asked for and ended with the process.
///
/// Its clock is that of India, so that times that are read in the server's zone are noticed.
package final class MariaDBServer: Sendable {
    /// Why its tests are skipped; nil when its programs are there, and where every tool must be there.
    package static let absence: String? =
        server == nil && ProcessInfo.processInfo.environment["CI"] == nil ? missing : nil

    private static let missing = "no mariadbd was found: './scripts/setup.sh tests' installs MariaDB's programs"
    private static let places: [String] = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"]
    private static let server: String? = places.first { place in access(place, X_OK) == 0 }
    private static let instance = Task { try await MariaDBServer() }

    /// The one server of this process.
    package static func shared() async throws -> MariaDBServer { try await instance.value }

    package let port: Int
    package let user = "caudal"
    /// With signs that would mean something in a connection string, and long enough to be masked.
    package let password = "p'w\"=\\ " + UUID().uuidString.lowercased()
    private let rootPassword = UUID().uuidString
    private let folder: ScratchFolder
    private let reactor = ProcessReactor()

    private init() async throws {
        guard let program = Self.server else { throw Failure(Self.missing) }
        folder = try ScratchFolder()
        port = try NotificationReceiver.freePort()
        let data = folder.path("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        // The server refuses to run as root: it gets a user of its own, who must reach its folder.
        var prefix = ["--pdeathsig=KILL"]
        if getuid() == 0 {
            let owner = getpwnam("mysql") == nil ? "nobody" : "mysql"
            let account = getpwnam(owner)?.pointee
            chmod(folder.path, 0o711)
            chown(data, account?.pw_uid ?? 0, account?.pw_gid ?? 0)
            prefix += ["--reuid=\(owner)", "--regid=\(owner == "nobody" ? "nogroup" : owner)", "--clear-groups"]
        }
        let made = try await run(
            ["/usr/bin/setpriv"] + prefix + [
                "/usr/bin/mariadb-install-db", "--no-defaults", "--datadir=\(data)",
                "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-flush-log-at-trx-commit=0",
            ])
        guard made.exit == .exited(0) else { throw Failure("mariadb-install-db: \(made.text)\(made.errors)") }
        // The server ends with this process, however that ends: the kernel tells it, once its user is another.
        let words =
            prefix + [
                program, "--no-defaults", "--datadir=\(data)", "--bind-address=127.0.0.1", "--port=\(port)",
                "--socket=\(data)/s", "--pid-file=\(data)/pid", "--skip-name-resolve", "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--default-time-zone=+05:30",
                "--sql-mode=",
            ]
        let server = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv", arguments: words, variables: [:], folder: "/", marker: "test/server")
        ) { _, _ in }
        while try await client(["-e", "SELECT 1"], user: "root", password: "").exit != .exited(0) {
            guard ProcessTable.isAlive(server.identity) else { throw Failure("the server did not start") }
        }
        let quoted = password.replacing("\\", with: "\\\\").replacing("'", with: "''")
        let granted = try await client(
            [
                "-e",
                "CREATE USER \(user)@'127.0.0.1' IDENTIFIED BY '\(quoted)'; GRANT ALL ON *.* TO \(user)@'127.0.0.1'; "
                    + "ALTER USER root@localhost IDENTIFIED BY '\(rootPassword)'",
            ], user: "root", password: "")
        guard granted.exit == .exited(0) else { throw Failure(granted.errors) }
    }

    private func run(_ words: [String], environment: [String: String] = [:]) async throws(Failure) -> ToolRun.Answer {
        try await ToolRun.output(
            of: words[0], Array(words.dropFirst()), environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 },
            marker: "test/\(folder.path)", reactor: reactor)
    }

    private func client(
        _ arguments: [String], user: String, password: String
    ) async throws(Failure) -> ToolRun.Answer {
        // Root has a way in by the socket alone.
        let place = user == "root" ? ["--socket=\(folder.path("data"))/s"] : ["--host=127.0.0.1", "--port=\(port)"]
        return try await run(
            ["/usr/bin/mariadb", "--no-defaults", "--default-character-set=utf8mb4", "--user=\(user)", "-N", "-B"]
                + place + arguments, environment: ["MYSQL_PWD": password])
    }

    /// Makes a database for one test and gives its name.
    package func database() async throws -> String {
        let name = "test_" + UUID().uuidString.lowercased().prefix(8)
        _ = try await query("CREATE DATABASE \(name) CHARACTER SET utf8mb4", in: "mysql")
        return name
    }

    /// Runs a query in a transaction that stays open until ``letGo(_:)``.
    ///
    /// - Returns: The number of its connection.
    package func hold(_ sql: String, in database: String) async throws -> String {
        // A task of its own, because it waits for as long as the test holds on.
        Task {
            _ = try? await client([database, "-e", "begin; \(sql); select sleep(600)"], user: user, password: password)
        }
        while true {
            let found = try await query(
                "select id from information_schema.processlist where db = '\(database)' and info = 'select sleep(600)'",
                in: database)
            if let id = found.first { return id }
        }
    }

    /// Ends what ``hold(_:in:)`` began.
    package func letGo(_ connection: String) async throws { _ = try await query("kill \(connection)", in: "mysql") }

    /// What the client says to some SQL: a line for each row, its values joined by `|`.
    package func query(_ sql: String, in database: String) async throws -> [String] {
        let answer = try await client([database, "-e", sql], user: user, password: password)
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
        return answer.text.split(separator: "\n").map { String($0).replacing("\t", with: "|") }
    }
}
