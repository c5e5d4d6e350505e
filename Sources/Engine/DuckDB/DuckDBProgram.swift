package import CaudalModel
import Foundation

/// The `duckdb` command line program: its path and its version.
package struct DuckDBProgram: Sendable, Hashable {
    package let path: String
    package let version: String

    /// A program that is known to exist, such as one found earlier.
    package init(path: String, version: String) {
        self.path = path
        self.version = version
    }

    /// The oldest supported version.
    package static let oldest = "1.5.0"
    /// The version that `scripts/setup.sh` installs, and for which there are database extensions.
    package static let pinned = "1.5.5"

    /// Finds the program: `CAUDAL_DUCKDB`, then the tool folders of the project and of this program, then PATH.
    ///
    /// - Parameter variables: The process's environment.
    /// - Throws: ``Failure`` with the places that were searched, when it is not found.
    package static func find(root: String, variables: [String: String]) throws(Failure) -> String {
        if let chosen = variables["CAUDAL_DUCKDB"], !chosen.isEmpty {
            if ProgramPath.isExecutable(chosen) { return chosen }
            throw Failure(
                "CAUDAL_DUCKDB names \(chosen), which does not exist or is not executable",
                remedy: "correct or unset it")
        }
        let own = ToolFolders.all(root: root, path: ".tools/duckdb/duckdb_cli/duckdb")
        if let found = own.first(where: ProgramPath.isExecutable) { return found }
        if let found = ProgramPath.find("duckdb", path: variables["PATH"]) { return found }
        throw Failure(
            "duckdb was not found, and data stages need it",
            remedy:
                "run 'make setup', or 'pip install duckdb-cli==\(pinned)' and put its program on PATH, or set CAUDAL_DUCKDB"
        )
    }

    /// Finds the program and its version, which `cache` keeps for each file of the program.
    ///
    /// - Throws: ``Failure`` when the program is not found, does not answer, or is too old.
    package static func locate(
        root: String, variables: [String: String], cache: String, reactor: ProcessReactor
    ) async throws(Failure) -> DuckDBProgram {
        let path = try find(root: root, variables: variables)
        var status = stat()
        stat(path, &status)
        let key = "\(path) \(status.st_size) \(status.st_mtim.tv_sec)"
        // Without a cache the program is asked again, which takes 20 ms.
        if let kept = try? FileText.read(cache),
            let line = kept.split(separator: "\n").first(where: { $0.hasPrefix(key + " ") })
        {
            return DuckDBProgram(path: path, version: String(line.dropFirst(key.count + 1)))
        }
        let answer = try await ToolRun.output(
            of: path, ["-no-init", "--version"], limit: ToolRun.patience, reactor: reactor)
        guard answer.exit == .exited(0), let word = answer.text.split(separator: " ").first, word.hasPrefix("v") else {
            throw Failure(
                "\(path) does not answer as duckdb does: \(answer.text.trimmed.shortened(to: 100))",
                remedy: "put the native program of duckdb \(pinned) in its place")
        }
        let version = String(word.dropFirst())
        guard isAtLeast(version, oldest) else {
            throw Failure(
                "\(path) is duckdb \(version), and at least \(oldest) is needed",
                remedy: "run 'make setup' to get \(pinned)")
        }
        // A folder that cannot be written to gets no cache; the error is reported where writing matters.
        try? FileText.write("\(key) \(version)\n", to: cache, isPrivate: true)
        return DuckDBProgram(path: path, version: version)
    }

    private static func isAtLeast(_ version: String, _ wanted: String) -> Bool {
        func numbers(_ text: String) -> [Int] { text.split { $0 == "." || $0 == "-" }.map { Int($0) ?? 0 } }
        for (a, b) in zip(numbers(version) + [0, 0, 0], numbers(wanted)) where a != b { return a > b }
        return true
    }
}
