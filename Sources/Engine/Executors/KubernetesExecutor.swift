import CaudalModel
import Foundation

/// Runs programs as Jobs of Kubernetes: one Job for each try, with one pod.
///
/// The volume with the project is mounted at the path that it has here, so that a program reads and writes what it would
/// read and write on this machine. Nobody waits for the server's word where a file of the attempt tells.
struct KubernetesExecutor: JobCluster {
    private let host: ProgramHost
    private let target: Target
    private let settings: KubernetesSettings
    private let place: LaunchPlace
    private let cluster: KubernetesCluster

    init(_ host: ProgramHost, _ target: Target, _ settings: KubernetesSettings, _ place: LaunchPlace) {
        self.host = host
        self.target = target
        self.settings = settings
        self.place = place
        cluster = KubernetesCluster(host, settings)
    }

    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        let located = try await cluster.locate()
        var (target, place) = (target, place)
        target.kind = .kubernetes(located)
        place.kind = .target(target)
        let folder = try LaunchFolder(at: place, in: call.workFolder, for: attempt)
        let mount = try mount(for: folder)
        try folder.write(call, for: target, on: host)
        try FileText.write(
            folder.jobScript(grace: attempt.grace.shellSeconds), to: folder.file("job.sh"), isPrivate: true)
        let manifest = KubernetesManifest(folder, located, mount: mount, call, for: attempt)
        try FileText.write(manifest.text, to: folder.file("job.json"), isPrivate: true)
        if attempt.stopReason != nil { throw Failure("it was stopped before it was submitted") }
        try folder.keepNote()
        let job = KubernetesManifest.name(folder.note)
        // First of all: if this process dies while it submits, the job is looked for by this name.
        attempt.began(.job(kind: target.name, id: job))
        guard try await submit(folder, attempt) else { return ProgramEnd(exit: .signaled(SIGTERM)) }
        attempt.log.note("submitted to Kubernetes as job \(job) in namespace \(located.namespace ?? "default")")
        return try await follow(job, folder, for: attempt, output: output)
    }

    /// Where the volume is mounted.
    ///
    /// - Throws: ``Failure`` when the attempt's folder does not lie there.
    private func mount(for folder: LaunchFolder) throws(Failure) -> String {
        let mount = settings.mount ?? host.folder
        guard folder.path.hasPrefix(mount == "/" ? "/" : mount + "/") else {
            throw .notShared(
                folder.path, told: "the claim '\(settings.claim)' is mounted at \(mount), which does not have it")
        }
        return mount
    }

    /// Submits the job.
    ///
    /// Its name is its own: asking twice makes one.
    ///
    /// - Returns: Whether it was taken; otherwise the attempt was stopped before.
    /// - Throws: ``Failure`` when it was not taken, and never begins.
    private func submit(_ folder: LaunchFolder, _ attempt: AttemptControl) async throws(Failure) -> Bool {
        var refusal: Failure?
        for wait in [1, 3, 0] where attempt.stopReason == nil && !folder.hasBegun {
            do throws(Failure) {
                guard let clear = try await cluster.create(folder.file("job.json")) else { return true }
                refusal = clear
                break
            } catch {
                refusal = error
                await pause(.seconds(wait))
            }
        }
        // It may have been taken without an answer; what is taken from now on ends without having begun anything.
        guard try folder.revoke() else { return true }
        try? folder.end()
        try? await cluster.delete([KubernetesManifest.name(folder.note)])
        if let refusal, attempt.stopReason == nil { throw refusal }
        return false
    }

    func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String] {
        var begun: [LaunchFolder] = []
        for launch in launches where try !launch.revoke() { begun.append(launch) }
        var open: [String] = []
        do throws(Failure) {
            open = try await cluster.find(launches.map { KubernetesManifest.name($0.note) })
                .filter(\.value.isOpen).keys.sorted()
            if !open.isEmpty { try await cluster.end(open) }
        } catch {
            // What waits in the cluster and cannot begin does no harm.
            if let first = begun.first { throw first.unanswered(error.message) }
        }
        for launch in launches { try launch.end() }
        return open.map { "\(target.name) job \($0)" }
    }

    // MARK: - Following it

    var targetName: String { target.name }

    func look(at job: String, since: ContinuousClock.Instant) async -> JobSight {
        guard let found = await cluster.look(at: job) else { return .goesOn() }
        if !found.isOpen { return .gone }
        let place = Self.place(found.pod?.node)
        if let pod = await cluster.lostPod(of: found) {
            let reason = pod.reason ?? pod.disruption ?? .init(word: pod.phase, message: "its pod does not end")
            return .lost(found.lost(job, place, reason))
        }
        let waits = found.waits
        if let waits, KubernetesJob.hopeless.contains(waits.word) {
            return .cannotBegin(
                Failure(
                    "job \(job)\(place) cannot begin (\(waits.text))",
                    remedy: "see 'image' and 'pull' of the target '\(target.name)'"))
        }
        if found.pods.allSatisfy({ $0.phase == "Pending" }), ContinuousClock.now - since > settings.start {
            let told = await cluster.warning(about: [job] + found.pods.map(\.name))
            let reason = waits?.text ?? told ?? (found.pods.isEmpty ? "it has no pod" : "its pod is pending")
            return .cannotBegin(
                Failure(
                    "job \(job)\(place) did not begin within \(settings.start.written) (\(reason))",
                    remedy: "change what it needs, or 'start' of the target '\(target.name)'"))
        }
        return .goesOn(waits: waits?.text)
    }

    func isOpen(_ job: String) async throws(Failure) -> Bool { try await cluster.find(job).isOpen }

    // What cannot be told now is told again by killing the job.
    func askToEnd(_ job: String) async { try? await cluster.delete([job]) }

    func kill(_ job: String) async { try? await cluster.delete([job], atOnce: true) }

    func reason(of job: String, _ folder: LaunchFolder, on machine: String?) async throws(Failure) -> Failure {
        let found = try await cluster.find(job)
        return found.reason(job, Self.place(machine ?? found.pod?.node), target: target.name, folder: folder)
    }

    func meaning(of job: String, _ folder: LaunchFolder, on machine: String?) async -> String? {
        let earlier = await cluster.known(job)
        // The node tells of an end some moments after the program could.
        for _ in 0..<10 {
            guard var found = try? await cluster.find(job) else { return nil }
            // A pod that was taken away is gone soon after, and with it what took it.
            if found.pods.isEmpty, let pods = earlier?.pods,
                pods.contains(where: { ($0.disruption ?? $0.reason) != nil })
            {
                found.pods = pods
            }
            if let told = found.interference(job, Self.place(machine), target: target.name) {
                return told.message
            }
            if !found.isOpen { return nil }
            await pause(.milliseconds(500))
        }
        return nil
    }

    private static func place(_ node: String?) -> String { node.map { " on \($0)" } ?? "" }
}
