import CaudalModel
import Foundation

/// Makes requests by `curl`.
///
/// What it is told, keys among it, it reads from a file without a name.
struct HTTPClient: Sendable {
    typealias Setting = (name: String, value: String?)

    struct Answer: Sendable {
        /// 0 where there was none.
        var status: Int
        var text: String
        /// Why the program did not get the whole answer; nil where it did.
        var fault: String?
    }

    let reactor: ProcessReactor
    let variables: [String: String]
    /// A folder for files that only their owner may read.
    let folder: String

    /// Makes a request, again where a later one may succeed.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that is served: the program is its child, and is stopped with it.
    ///   - isWork: Whether it is the attempt's work, and not what comes before that.
    /// - Throws: ``Failure`` where the program cannot be run.
    func send(
        _ address: String, _ settings: [Setting], for attempt: AttemptControl?, isWork: Bool = false
    ) async throws(Failure) -> Answer {
        let program = try CurlProgram.find(variables)
        let own: [Setting] = [
            ("url", address), ("proto", "=http,https"), ("user-agent", "caudal/\(Version.text)"),
            ("connect-timeout", "10"), ("retry", attempt == nil ? "1" : "4"), ("write-out", "\n%{response_code}"),
            ("silent", nil), ("show-error", nil), ("retry-connrefused", nil), ("globoff", nil), ("path-as-is", nil),
        ]
        let text = (own + settings).map { name, value in
            guard let value else { return name }
            let plain = value.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"").replacing(
                scalar: "\n", with: "\\n")
            return "\(name) = \"\(plain)\""
        }.joined(separator: "\n")
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("\(folder) cannot be made: \(error.reason)")
        }
        removeRemains()
        var launch = ProcessLaunch(
            program: program, arguments: ["--disable", "--config", "-"],
            variables: variables.filter { CurlProgram.passedVariables.contains($0.key.lowercased()) },
            folder: "/", marker: attempt?.marker ?? "caudal/tool", grace: .seconds(1), ledger: attempt?.ledger)
        launch.text = try UnnamedFile(text + "\n", in: folder)
        let told = Collected()
        let child = try await reactor.run(
            launch,
            onStart: { child in
                if isWork { attempt?.started(child) } else { attempt?.onStop { child.stop() } }
            }, output: { told.append($0, $1) })
        attempt?.onStop(nil)
        let output = told.text(.stdout)
        var answer = Answer(status: output.split(separator: "\n").last.flatMap { Int($0) } ?? 0, text: output)
        if child.exit != .exited(0) {
            let errors = told.text(.stderr).trimmed
            answer.fault = errors.isEmpty ? "curl: \(child.exit.description)" : errors.shortened(to: 200)
        }
        return answer
    }

    /// Removes what earlier versions of Caudal left when they were killed: files with names, and keys in them.
    private func removeRemains() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix(".request-") && name.hasSuffix(".settings") {
            unlink("\(folder)/\(name)")
        }
    }
}

extension ObjectStore {
    /// What signs a request with a key, which the environment of a child would hold.
    ///
    /// - Parameter digest: The SHA-256 of the content that is sent.
    func signature(_ key: [String: String], digest: String) -> [HTTPClient.Setting] {
        guard let name = key[Self.keyVariable], !name.isEmpty else { return [] }
        var settings: [HTTPClient.Setting] = [
            ("user", "\(name):\(key[Self.secretVariable] ?? "")"), ("aws-sigv4", "aws:amz:\(region):s3"),
            ("header", "x-amz-content-sha256: \(digest)"),
        ]
        if let token = key[Self.tokenVariable], !token.isEmpty {
            settings.append(("header", "x-amz-security-token: \(token)"))
        }
        return settings
    }
}
