package import CaudalModel
import Foundation

/// The `curl` program, by which notifications are sent.
package enum CurlProgram {
    /// The environment variables, in lower case, by which it finds proxies and certificates.
    static let passedVariables: Set = [
        "http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "curl_ca_bundle", "path",
    ]

    /// Finds the program: `CAUDAL_CURL`, then PATH.
    ///
    /// - Parameter variables: The process's environment.
    /// - Throws: ``Failure`` when it is not found.
    package static func find(_ variables: [String: String]) throws(Failure) -> String {
        if let chosen = variables["CAUDAL_CURL"], !chosen.isEmpty {
            if ProgramPath.isExecutable(chosen) { return chosen }
            throw Failure(
                "CAUDAL_CURL names \(chosen), which does not exist or is not executable", remedy: "correct or unset it")
        }
        if let found = ProgramPath.find("curl", path: variables["PATH"]) { return found }
        throw Failure(
            "curl was not found, and notifications are sent by it",
            remedy: "run 'make setup', or install it, or set CAUDAL_CURL")
    }

    /// Its version, such as `7.88.1`.
    ///
    /// - Throws: ``Failure`` when it does not answer.
    package static func version(of program: String, reactor: ProcessReactor) async throws(Failure) -> String {
        let answer = try await ToolRun.output(
            of: program, ["--disable", "--version"], limit: ToolRun.patience, reactor: reactor)
        let words = answer.text.split(separator: " ")
        guard answer.exit == .exited(0), words.count > 1, words[0] == "curl" else {
            throw Failure("\(program) is no curl", remedy: "install curl, or set CAUDAL_CURL")
        }
        return String(words[1])
    }
}
