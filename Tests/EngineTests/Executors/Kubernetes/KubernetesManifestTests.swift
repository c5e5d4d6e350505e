import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

@Suite("Manifests for Kubernetes", .timeLimit(.minutes(1)))
struct KubernetesManifestTests {
    private static let expectation = "Tests/EngineTests/Executors/Kubernetes/manifest.json"

    private func manifest(
        _ settings: KubernetesSettings, resources: Resources = Resources(), user: uid_t = 1000
    ) throws -> (manifest: KubernetesManifest, folder: LaunchFolder, scratch: OwnFolder) {
        let scratch = try OwnFolder()
        let log = AttemptLog(
            writer: nil, pipeline: "sales", run: "20261123-060000-4f21", unit: nil, attempt: nil,
            masker: SecretMasker(secrets: []), now: { SystemClock.now })
        let attempt = AttemptControl(
            unit: UnitID("Load", "region=Nord & Süd/2026-11"), number: 2, run: "20261123-060000-4f21", log: log,
            grace: .milliseconds(4200), timeLimit: .seconds(3600))
        let folder = try LaunchFolder(at: LaunchPlace(.local, of: [:]), in: scratch.path, for: attempt)
        let call = ProgramCall(
            program: "load", arguments: ["--token", "pineapple"], variables: ["TOKEN": "pineapple"],
            workFolder: scratch.path, resources: resources)
        return (
            KubernetesManifest(
                folder, settings, mount: "/srv/project", call, for: attempt, user: user, group: user), folder, scratch
        )
    }

    private static let full = KubernetesSettings(
        context: "work", namespace: "etl", image: "registry.example.com/tools:3", pull: .always,
        serviceAccount: "loader", claim: "shared", memory: 4_000_000_000, cpu: 0.25,
        nodes: ["example.com/pool": "big"], keep: .seconds(7200))

    @Test("A Job is what it was when its expectation was read by a person")
    func expected() throws {
        let (manifest, folder, _) = try manifest(Self.full)
        let random = try #require(folder.note.mark.split(separator: "-").last)
        let text = manifest.text.replacing(folder.path, with: "/srv/project/staging/.caudal-launch/1")
            .replacing(random, with: "0123456789abcdef")
        let path = Repository.path(Self.expectation)
        if ProcessInfo.processInfo.environment["CAUDAL_RECORD_GOLDEN"] == "1" {
            try FileText.write(text, to: path)
            Issue.record("the expectation was recorded: read it, then run without CAUDAL_RECORD_GOLDEN")
        }
        #expect(try FileText.read(path) == text)
        #expect(!text.contains("pineapple"))
    }

    @Test(
        "Kubernetes' own schemas take the Jobs, the oldest and the newest at hand",
        .enabled(if: FakeKubernetes.absence == nil, "\(FakeKubernetes.absence ?? "")"))
    func schemas() async throws {
        // The fake looks at each Job with them, and knows the namespace 'default' alone.
        let cluster = try await FakeKubernetes()
        var least = KubernetesSettings(namespace: "default", image: "tools", claim: "shared")
        var most = Self.full
        (least.poll, most.namespace) = (.seconds(1), "default")
        for (settings, user) in [(least, 0), (least, 1000), (most, 1000)] as [(KubernetesSettings, uid_t)] {
            let (manifest, folder, scratch) = try manifest(
                settings, resources: Resources(cpu: 2, memory: 1 << 30), user: user)
            try FileText.write(manifest.text, to: folder.file("job.json"))
            let said = cluster.ask("create", "--validate=false", "--filename=\(folder.file("job.json"))")
            #expect(said.contains("created"), "\(said)")
            withExtendedLifetime(scratch) {}
        }
        // And refuses what they do not know.
        let (manifest, folder, scratch) = try manifest(least)
        try FileText.write(
            manifest.text.replacing("backoffLimit", with: "backofLimit"), to: folder.file("job.json"))
        let said = cluster.ask("create", "--validate=false", "--filename=\(folder.file("job.json"))")
        #expect(said.contains("backofLimit"), "\(said)")
        withExtendedLifetime(scratch) {}
        await cluster.stop()
    }

    @Test("The resources of a stage count where the target has none, and the user is that of Caudal")
    func resources() throws {
        let least = KubernetesSettings(image: "tools", claim: "shared")
        let text = try manifest(least, resources: Resources(cpu: 1.5, memory: 64_000_000), user: 0).manifest.text
        #expect(text.contains("\"cpu\" : \"1500m\"") && text.contains("\"memory\" : \"64000000\""))
        #expect(text.contains("\"runAsUser\" : 0") && !text.contains("runAsNonRoot") && !text.contains("capabilities"))
        #expect(!text.contains("nodeSelector") && !text.contains("serviceAccountName"))
        #expect(text.contains("\"automountServiceAccountToken\" : false"))
    }

    @Test(
        "Names become values of labels",
        arguments: [
            ("load", "load"), ("region=Nord & Süd", "region_Nord___S_d"), ("-_.", ""), ("_a.", "a"), ("", ""),
            (String(repeating: "a", count: 62) + "-b", String(repeating: "a", count: 62)),
        ])
    func labels(text: String, label: String) { #expect(KubernetesManifest.label(text) == label) }
}
