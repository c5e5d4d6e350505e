import CaudalModel
import Engine
import Foundation

/// An S3 server of the tests' own on loopback, which checks signatures: `Tests/Servers/objects.py`.
package final class ObjectServer: Sendable {
    /// Why tests of it are skipped; nil when they run.
    package static let absence: String? = {
        if !FileText.exists(packages + "/installed") {
            return "moto is not installed in .tools: run 'make setup-tests'"
        }
        let driver = Repository.path(
            ".tools/duckdb-extensions/duckdb_extension_httpfs/extensions/v\(DuckDBProgram.pinned)/httpfs.duckdb_extension"
        )
        return FileText.exists(driver) ? nil : "DuckDB's httpfs is not installed in .tools: run 'make setup-tests'"
    }()

    private static let packages = Repository.path(".tools/moto")
    private static let instance = Task { try await ObjectServer() }

    /// The one of this process.
    package static func shared() async throws -> ObjectServer { try await instance.value }

    private struct Told: Decodable { var port: Int; var key: String; var secret: String }
    private let told: Told
    private let reactor = ProcessReactor()

    private init() async throws {
        let (lines, arrival) = AsyncStream<String>.makeStream()
        // It ends with this process, however that ends.
        _ = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: [
                    "--pdeathsig=KILL", "python3", Repository.path("Tests/Servers/objects.py"), Self.packages, "lake",
                ], variables: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"], folder: "/",
                marker: "test/objects")
        ) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        for await text in lines {
            told = try JSONDecoder().decode(Told.self, from: Data(text.utf8))
            return
        }
        throw Failure("the object server did not start")
    }

    /// The secret part of the key.
    package var secret: String { told.secret }
    /// The port on loopback.
    package var port: Int { told.port }
    /// Puts an object there.
    package func put(_ key: String, _ content: String) async throws {
        let folder = try ScratchFolder()
        try await put(file: try folder.write("object", content), key)
    }

    /// Puts a file there as an object.
    package func put(file: String, _ key: String) async throws {
        let path = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["/", ".", "-", "_"])) ?? key
        let answer = try await ToolRun.output(
            of: "/usr/bin/curl",
            [
                "--silent", "--show-error", "--fail", "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                "--aws-sigv4", "aws:amz:eu-central-1:s3", "--user", "\(told.key):\(told.secret)",
                "--request", "PUT", "--data-binary", "@" + file, "--header", "content-type: application/octet-stream",
                "http://127.0.0.1:\(told.port)/lake/\(path)",
            ], reactor: reactor)
        guard answer.exit == .exited(0) else { throw Failure("\(key) was not put: \(answer.errors)") }
    }

    /// The variables by which its key is found.
    package var variables: [String: String] { ["LAKE_KEY": told.key, "LAKE_SECRET": told.secret] }

    /// The connection, as a pipeline file writes it.
    package var connection: String {
        "{type: s3, bucket: lake, region: eu-central-1, endpoint: \"http://127.0.0.1:\(told.port)\", "
            + "user: \"${env.LAKE_KEY}\", password: \"${env.LAKE_SECRET}\"}"
    }
}
