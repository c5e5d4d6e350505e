import CaudalModel
import Engine
import Foundation

/// Programs of others that read what Caudal exports: `Tests/Validators/validate.py`.
package enum ForeignReader {
    /// Whether they are installed; where every tool must be there, tests fail without them.
    package static var isThere: Bool {
        FileText.exists(Repository.path(".tools/validators/installed"))
            || ProcessInfo.processInfo.environment["CI"] != nil
    }

    /// What they found in a text: spans, events or samples.
    ///
    /// - Parameter format: otlp, openlineage, openmetrics or prometheus.
    /// - Throws: ``Failure`` with their message for a text that they do not accept.
    package static func read(_ text: String, as format: String) async throws -> [[String: Any]] {
        let folder = try ScratchFolder()
        let file = try folder.write("text", text)
        let answer = try await ToolRun.output(
            of: "/usr/bin/env", ["python3", Repository.path("Tests/Validators/validate.py"), format, file],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"],
            reactor: ProcessReactor())
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
        return try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [[String: Any]] ?? []
    }
}
