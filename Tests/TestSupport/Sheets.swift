import CaudalModel
import Engine
import Foundation

/// Excel files as other programs write them: `Tests/Tables/sheets.py`.
package enum Sheets {
    /// Whether those programs are installed; where every tool must be there, tests fail without them.
    package static var isThere: Bool {
        FileText.exists(Repository.path(".tools/sheets/installed"))
            || ProcessInfo.processInfo.environment["CI"] != nil
    }

    /// Writes one of the files.
    ///
    /// - Throws: ``Failure`` with what Python says.
    package static func write(_ name: String, to file: String) async throws {
        let answer = try await ToolRun.output(
            of: "/usr/bin/env", ["python3", Repository.path("Tests/Tables/sheets.py"), name, file],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"],
            reactor: ProcessReactor())
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
    }
}
