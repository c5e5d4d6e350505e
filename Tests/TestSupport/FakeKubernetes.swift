package import CaudalModel
import Engine
import Foundation

/// A fake of a Kubernetes cluster, which a real `kubectl` talks to: `scripts/fake-kubernetes`.
///
/// Its two nodes are this machine. It says what an API server would say, as far as that is documented; it is no proof of what
/// a real one does.
package final class FakeKubernetes: Sendable {
    /// Why tests with it are skipped; nil when they run.
    package static let absence: String? = {
        for name in ["kubectl", "curl"] where !isInstalled(name) { return "\(name) is not installed" }
        return FileText.exists(Checkout.root + "/.tools/kubernetes/installed")
            ? nil : "the schemas of Kubernetes are not installed: make setup-tests"
    }()

    private static let instance = Task { try await FakeKubernetes() }

    /// The one of this process, for tests that let nothing happen to it.
    package static func shared() async throws -> FakeKubernetes { try await instance.value }

    private let folder: OwnFolder
    private let reactor = ProcessReactor()
    private let child: ChildProcess

    /// Starts one of a test's own, which ends with this process at the latest.
    package init() async throws {
        folder = try LastingFolders.make()
        let (lines, arrival) = AsyncStream<String>.makeStream()
        child = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=TERM", Checkout.root + "/scripts/fake-kubernetes", folder.path],
                variables: ProcessInfo.processInfo.environment, folder: "/", marker: "test/fake-kubernetes")
        ) { stream, bytes in
            guard stream == .stdout else { return }
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        for await text in lines where text.contains("ready") { return }
        throw Failure("the fake cluster did not start")
    }

    /// Ends it, and waits for that.
    package func stop() async {
        child.stop()
        _ = await child.exit()
    }

    /// The variables with which it is reached.
    package var variables: [String: String] {
        ["KUBECONFIG": settings, "KUBECACHEDIR": folder["cache"], "NO_PROXY": "127.0.0.1"]
    }

    /// The file with kubectl's settings.
    package var settings: String { folder["kubeconfig"] }

    /// The target of the tests, as a pipeline file writes it; `more` begins with a comma.
    package static func target(
        image: String = "tools:1", claim: String = "shared", memory: String = "50MB", _ more: String = ""
    ) -> String {
        "{type: kubernetes, image: \"\(image)\", claim: \(claim), memory: \(memory), cpu: 0.5, poll: 300ms\(more)}"
    }

    /// The same, as it is read.
    package static var kind: Target.Kind {
        .kubernetes(
            KubernetesSettings(
                image: "tools:1", claim: "shared", memory: 50_000_000, cpu: 0.5, poll: .milliseconds(300)))
    }

    /// Makes something happen: a word of `scripts/fake-kubernetes`.
    package func happens(_ word: String, _ value: String = "1") throws {
        let answer = outcome(of: [
            "curl", "-sSf", "-X", "POST", "\(try folder.text("address"))/fake/\(word)?it=\(value)",
        ])
        if answer.status != 0 { throw Failure("\(word): \(answer.text)") }
    }

    /// The attempts for which Jobs were made, in their order: `run/stage/item#attempt`.
    package func made() throws -> [String] {
        let answer = outcome(of: ["curl", "-sSf", "\(try folder.text("address"))/fake/made"])
        guard let made = try? JSONDecoder().decode([String].self, from: Data(answer.text.utf8)) else {
            throw Failure("made: \(answer.text)")
        }
        return made
    }

    /// What kubectl says.
    package func ask(_ words: String...) -> String {
        outcome(of: ["kubectl"] + words, variables: variables).text.trimmed
    }
}
