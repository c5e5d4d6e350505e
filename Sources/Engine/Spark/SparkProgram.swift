import CaudalModel
import Foundation

/// Python with PySpark, and the Java that it needs.
struct SparkProgram: Sendable {
    var python: String
    /// The variables that it is started with.
    var environment: [String: String]
    var version: String
    /// The first line of what Java says of itself; nil where there is none, which Spark Connect does without.
    var java: String?

    static let oldest = "4.0.0"
    static let pinned = "4.3.0"

    /// Finds Python and PySpark: in `CAUDAL_PYTHON`, else on PATH, with what `make setup-spark` installs.
    ///
    /// - Throws: ``Failure`` when there is no Python, or no PySpark that will do.
    static func locate(
        root: String, variables: [String: String], reactor: ProcessReactor
    ) async throws(Failure) -> SparkProgram {
        let chosen = variables["CAUDAL_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
        guard let python = chosen ?? ProgramPath.find("python3", path: variables["PATH"]) else {
            throw Failure(
                "python3 was not found, and stages on Spark need it",
                remedy: "install Python 3.10 or newer, or set CAUDAL_PYTHON")
        }
        var environment = variables
        let own = ToolFolders.all(root: root, path: ".tools/pyspark").first { FileText.exists($0 + "/pyspark") }
        if chosen == nil, let own {
            environment["PYTHONPATH"] = [own, variables["PYTHONPATH"]].compactMap { $0 }.joined(separator: ":")
        }
        let answer = try await ToolRun.output(
            of: python, ["-c", "import pyspark; print('pyspark', pyspark.__version__)"], environment: environment,
            limit: ToolRun.patience, reactor: reactor)
        let words = answer.text.split(whereSeparator: \.isWhitespace)
        guard answer.exit == .exited(0), words.count >= 2, words[words.count - 2] == "pyspark" else {
            throw Failure(
                "\(python) has no pyspark, and stages on Spark need it",
                remedy:
                    "run 'make setup-spark', or 'pip install pyspark==\(pinned)', or set CAUDAL_PYTHON to a Python that has it"
            )
        }
        let version = String(words[words.count - 1])
        guard (version.split(separator: ".").first.flatMap { Int($0) } ?? 0) >= 4 else {
            throw Failure(
                "\(python) has pyspark \(version), and at least \(oldest) is needed",
                remedy: "run 'make setup-spark' to get \(pinned)")
        }
        return SparkProgram(
            python: python, environment: environment, version: version,
            java: await java(environment, reactor: reactor))
    }

    /// What Java says of itself; nil where there is none.
    private static func java(_ variables: [String: String], reactor: ProcessReactor) async -> String? {
        let home = variables["JAVA_HOME"].map { $0 + "/bin/java" }.flatMap { ProgramPath.isExecutable($0) ? $0 : nil }
        guard let java = home ?? ProgramPath.find("java", path: variables["PATH"]) else { return nil }
        do throws(Failure) {
            let answer = try await ToolRun.output(
                of: java, ["-version"], environment: variables, limit: ToolRun.patience, reactor: reactor)
            return answer.errors.split(separator: "\n").first.map(String.init)
        } catch {
            return nil
        }
    }
}
