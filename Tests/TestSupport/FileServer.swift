import CaudalModel
import Engine
import Foundation

/// A web server of a test's own on loopback, which serves a folder in good and in bad ways: `Tests/Servers/files.py`, or
/// another program there.
package final class FileServer: Sendable {
    /// The folder that it serves.
    package let folder: ScratchFolder
    /// What its addresses begin with, without a slash at the end.
    package let address: String
    private let reactor: ProcessReactor

    private struct Told: Decodable { var port: Int }

    package init(_ program: String = "files.py") async throws {
        let (folder, reactor) = (try ScratchFolder(), ProcessReactor())
        let (lines, arrival) = AsyncStream<String>.makeStream()
        // It ends with this process, however that ends.
        _ = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=KILL", "python3", Repository.path("Tests/Servers/\(program)"), folder.path],
                variables: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"], folder: "/",
                marker: "test/files")
        ) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        for await text in lines {
            let port = try JSONDecoder().decode(Told.self, from: Data(text.utf8)).port
            address = "http://127.0.0.1:\(port)"
            (self.folder, self.reactor) = (folder, reactor)
            return
        }
        throw Failure("the web server did not start")
    }

    /// The requests that it was asked so far, such as `200 /good/rows.csv`.
    package func requests() async throws -> [String] {
        let answer = try await ToolRun.output(of: "/usr/bin/curl", ["-s", address + "/log"], reactor: reactor)
        return answer.text.split(separator: "\n").map(String.init)
    }
}
