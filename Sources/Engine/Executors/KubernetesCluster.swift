import CaudalModel
import Foundation

/// A cluster of Kubernetes, asked by `kubectl`, with one question for all jobs of a run.
actor KubernetesCluster {
    private let host: ProgramHost
    private var settings: KubernetesSettings
    private var isLocated = false
    private var askedAt: ContinuousClock.Instant?
    private var asking: Task<Void, Never>?
    /// What was last heard of each job that somebody follows; nothing yet for one that has just come.
    private var heard: [String: KubernetesJob?] = [:]
    /// When a pod was first seen to be going away.
    private var leavingSince: [String: ContinuousClock.Instant] = [:]

    init(_ host: ProgramHost, _ settings: KubernetesSettings) {
        self.host = host
        self.settings = settings
    }

    /// How long the server has for an answer.
    private static let patience = 20
    /// How long after its grace a pod may be there without being lost.
    private static let silence = Duration.seconds(60)
    /// How many jobs one question asks for: their names are words of a command.
    private static let most = 200

    // MARK: - Where it is

    /// The settings with the context and the namespace that they leave to kubectl: another run of Caudal must find the same
    /// place, whatever kubectl's own settings are by then.
    ///
    /// - Throws: ``Failure`` when kubectl does not tell.
    func locate() async throws(Failure) -> KubernetesSettings {
        if isLocated || (settings.context != nil && settings.namespace != nil) { return settings }
        let chosen = settings.context.map { ["--context=\($0)"] } ?? []
        let answer = try await ask(["config", "view", "--minify", "--output=json"] + chosen)
        struct View: Decodable {
            struct Context: Decodable {
                struct Facts: Decodable { var namespace: String? }
                var context: Facts
            }
            var contexts: [Context]?
            var current: String?
            enum CodingKeys: String, CodingKey {
                case contexts
                case current = "current-context"
            }
        }
        if answer.exit == .exited(0), let view = try? JSONDecoder().decode(View.self, from: Data(answer.text.utf8)) {
            if settings.context == nil { settings.context = view.current.flatMap { $0.isEmpty ? nil : $0 } }
            settings.namespace = settings.namespace ?? view.contexts?.first?.context.namespace
        } else if settings.context != nil {
            throw Failure(
                "kubectl does not know the context '\(settings.context ?? "")': \(Self.said(answer))",
                remedy: "see 'kubectl config get-contexts'")
        }
        // Without any settings kubectl runs in a pod, whose cluster does not change.
        settings.namespace = settings.namespace ?? "default"
        isLocated = true
        return settings
    }

    // MARK: - Questions

    /// Has the Job in a file made; nothing happens when it is there already.
    ///
    /// - Returns: Why the server does not want it; nil when it has it.
    /// - Throws: ``Failure`` when there is no clear answer: it may have it.
    func create(_ file: String) async throws(Failure) -> Failure? {
        let words = ["create", "--validate=false", "--output=name", "--filename=\(Self.listed(file))"]
        let answer = try await ask(located(words))
        if answer.exit == .exited(0) || answer.errors.contains("(AlreadyExists)") { return nil }
        let refusal = Failure("Kubernetes does not take the job: \(Self.said(answer))")
        let reasons = ["Forbidden", "Invalid", "NotFound", "BadRequest", "Unauthorized", "MethodNotAllowed"]
        if answer.errors.contains(" is invalid") || reasons.contains(where: { answer.errors.contains("(\($0))") }) {
            return refusal
        }
        throw refusal
    }

    /// What is known of a job now.
    ///
    /// - Throws: ``Failure`` when the cluster does not answer.
    func find(_ job: String) async throws(Failure) -> KubernetesJob {
        try await find([job])[job] ?? KubernetesJob()
    }

    /// What is known of jobs now; those that are not known are left out.
    ///
    /// - Throws: ``Failure`` when the cluster does not answer.
    func find(_ jobs: [String]) async throws(Failure) -> [String: KubernetesJob] {
        var found: [String: KubernetesJob] = [:]
        for start in stride(from: 0, to: jobs.count, by: Self.most) {
            let part = jobs[start..<min(start + Self.most, jobs.count)]
            let answer = try await ask(located(["get", "jobs.batch,pods", "--output=json", Self.selector(part)]))
            guard answer.exit == .exited(0), let some = KubernetesJob.all(in: answer.text) else {
                throw Failure("Kubernetes does not answer: \(Self.said(answer))")
            }
            found.merge(some) { $1 }
        }
        return found
    }

    /// The last warnings about a job, and about its pods.
    func warning(about names: [String]) async -> String? {
        struct Listing: Decodable {
            struct Event: Decodable { var type: String?, reason: String?, message: String? }
            var items: [Event]
        }
        var last: String?
        for name in names {
            guard
                let answer = try? await ask(
                    located(["get", "events", "--output=json", "--field-selector=involvedObject.name=\(name)"])),
                let listing = try? JSONDecoder().decode(Listing.self, from: Data(answer.text.utf8))
            else { continue }
            last = listing.items.last { $0.type == "Warning" }?.message ?? last
        }
        return last?.trimmed.shortened(to: 300)
    }

    /// What was heard of a job that is followed; nil before anything was.
    ///
    /// As long as the cluster does not answer, that is what it said before.
    func look(at job: String) async -> KubernetesJob? {
        if heard[job] == nil { heard[job] = .some(nil) }
        if let asking {
            await asking.value
        } else if askedAt.map({ ContinuousClock.now - $0 >= settings.poll }) ?? true {
            let task = Task { await look(for: Array(heard.keys)) }
            asking = task
            await task.value
        }
        guard let known = heard[job] ?? nil else { return nil }
        if !known.isOpen { heard[job] = nil }
        return known
    }

    /// What was last heard of a job that is followed.
    func known(_ job: String) -> KubernetesJob? { heard[job] ?? nil }

    private func look(for jobs: [String]) async {
        if let found = try? await find(jobs) {
            for job in jobs where heard[job] != nil { heard[job] = .some(found[job] ?? KubernetesJob()) }
            note(found.values.flatMap(\.pods))
        }
        askedAt = .now
        asking = nil
    }

    private func note(_ pods: [KubernetesJob.Pod]) {
        for pod in pods {
            if pod.isBeingDeleted, pod.isOpen {
                leavingSince[pod.name] = leavingSince[pod.name] ?? .now
            } else {
                leavingSince[pod.name] = nil
            }
        }
    }

    /// A pod whose node does not say that it has gone, though it had to go long ago.
    func lostPod(of job: KubernetesJob) -> KubernetesJob.Pod? {
        job.pods.first { pod in
            guard pod.isOpen else { return false }
            if pod.phase == "Unknown" || pod.reason?.word == "NodeLost" { return true }
            return leavingSince[pod.name].map { ContinuousClock.now - $0 > pod.grace + Self.silence } ?? false
        }
    }

    // MARK: - Ending

    /// Asks jobs to end, with their pods.
    ///
    /// - Parameter atOnce: Leaves the pods a second instead of their grace.
    /// - Throws: ``Failure`` when the cluster does not answer.
    func delete(_ jobs: [String], atOnce: Bool = false) async throws(Failure) {
        for start in stride(from: 0, to: jobs.count, by: Self.most) {
            let part = jobs[start..<min(start + Self.most, jobs.count)]
            let answer = try await ask(
                located(
                    ["delete", "jobs.batch,pods", "--wait=false", "--ignore-not-found", Self.selector(part)]
                        + (atOnce ? ["--grace-period=1"] : [])))
            // Who may delete Jobs need not be able to delete pods, which go with their Job.
            guard answer.exit == .exited(0) || answer.errors.contains("(Forbidden)") else {
                throw Failure("Kubernetes does not end the job: \(Self.said(answer))")
            }
        }
    }

    /// Ends jobs, and waits until nothing of them goes on.
    ///
    /// - Throws: ``Failure`` when they do not end.
    func end(_ jobs: [String]) async throws(Failure) {
        try await delete(jobs)
        var left: [String: KubernetesJob] = [:]
        for _ in 0..<120 {
            left = try await find(jobs).filter(\.value.isOpen)
            if left.isEmpty { return }
            note(left.values.flatMap(\.pods))
            if left.values.contains(where: { lostPod(of: $0) != nil }) { break }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { break }
        }
        let nodes = Set(left.values.flatMap(\.pods).filter(\.isOpen).compactMap(\.node)).sorted()
        throw Failure(
            "jobs \(left.keys.sorted().joined(separator: ", ")) of Kubernetes do not end"
                + (nodes.isEmpty ? "" : " on \(nodes.joined(separator: ", "))"))
    }

    // MARK: - kubectl

    private static func selector(_ jobs: some Collection<String>) -> String {
        "--selector=\(KubernetesManifest.jobLabel) in (\(jobs.joined(separator: ",")))"
    }

    /// A path as the only one of a list: kubectl reads one as a line of CSV.
    private static func listed(_ path: String) -> String { "\"\(path.replacing(scalar: "\"", with: "\"\""))\"" }

    /// What it said of an error, in one line.
    private static func said(_ answer: ToolRun.Answer) -> String {
        let lines = answer.errors.split(whereSeparator: \.isNewline).filter {
            // Its own log begins with a letter and the day; where its help is comes behind what is wrong.
            !($0.hasPrefix("E") && $0.dropFirst().first?.isNumber == true) && !$0.hasPrefix("See 'kubectl")
        }
        let text = (lines.last.map(String.init) ?? answer.errors).trimmed.shortened(to: 300)
        return text.isEmpty ? "kubectl \(answer.exit)" : text
    }

    private func located(_ words: [String]) -> [String] {
        words + (settings.context.map { ["--context=\($0)"] } ?? [])
            + (settings.namespace.map { ["--namespace=\($0)"] } ?? []) + ["--request-timeout=\(Self.patience)s"]
    }

    private func ask(_ words: [String]) async throws(Failure) -> ToolRun.Answer {
        guard let program = host.program("kubectl") else {
            throw Failure("'kubectl' is not on PATH", remedy: "install it on this machine")
        }
        return try await ToolRun.output(
            of: program, words, environment: host.environment.all, limit: ToolRun.patience + .seconds(10),
            reactor: host.reactor)
    }
}
