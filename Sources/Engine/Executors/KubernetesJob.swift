import CaudalModel
import Foundation

/// A Job of Kubernetes and its pods, as one answer told of them.
struct KubernetesJob: Sendable {
    /// One container, as that is all that a pod of ours has.
    struct Pod: Sendable {
        var name = ""
        var node: String?
        var phase = ""
        var grace: Duration = .seconds(30)
        var isBeingDeleted = false
        /// What ended the pod as a whole.
        var reason: Reason?
        /// Why something in the cluster takes it away.
        var disruption: Reason?
        /// Why no node has taken it.
        var unscheduled: String?
        /// Why its container has not begun.
        var waiting: Reason?
        var ended: (reason: Reason, status: Int32)?

        var isOpen: Bool { phase != "Succeeded" && phase != "Failed" }
    }

    /// A word for machines with one for people.
    struct Reason: Sendable {
        var word: String
        var message: String?

        /// Both, as far as they are there.
        var text: String { message.map { "\(word): \($0.trimmed.shortened(to: 300))" } ?? word }
    }

    var isThere = false
    var isBeingDeleted = false
    /// Why it failed; nil as long as it has not, and when it succeeded.
    var failure: Reason?
    var isFinished = false
    var pods: [Pod] = []

    /// Whether anything of it goes on, or may yet begin.
    var isOpen: Bool { pods.contains(where: \.isOpen) || (isThere && !isFinished && !isBeingDeleted) }

    /// The pod that tells most: one that found its place taken has nothing to tell.
    var pod: Pod? {
        pods.first { $0.ended == nil || $0.ended?.status != LaunchFolder.notShared } ?? pods.first
    }

    /// Why it has not begun, where that is known.
    var waits: Reason? {
        guard let pod else { return nil }
        if let message = pod.unscheduled { return Reason(word: "Unschedulable", message: message) }
        guard let waiting = pod.waiting, !["ContainerCreating", "PodInitializing"].contains(waiting.word) else {
            return nil
        }
        return waiting
    }

    /// What keeps a pod from ever beginning, by what Kubernetes calls it.
    static let hopeless: Set = [
        "InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff", "CreateContainerConfigError",
        "CreateContainerError",
    ]
}

// MARK: - In words

extension KubernetesJob {
    /// What the cluster did to what ran in it; nil when nothing of that is known.
    ///
    /// `place`: such as ` on node1`, or nothing.
    func interference(_ job: String, _ place: String, target: String) -> Failure? {
        let again = "a 'retry' of the stage begins it again"
        if let pod, pod.ended?.reason.word == "OOMKilled" {
            return Failure(
                "Kubernetes killed job \(job)\(place) because it used more memory than its limit (OOMKilled)",
                remedy: "raise 'memory' of the target '\(target)', or of the stage's 'resources'")
        }
        if let reason = pod?.reason {
            switch reason.word {
            case "Evicted":
                return Failure("job \(job) was evicted\(place): \(reason.message ?? "no reason")", remedy: again)
            case "DeadlineExceeded": return timeLimit(job, place)
            case "NodeLost": return lost(job, place, reason)
            case "Shutdown", "Terminated", "NodeShutdown":
                return Failure("the node of job \(job)\(place) was shut down (\(reason.text))", remedy: again)
            case "Preempting":
                return Failure("job \(job)\(place) made room for another one (\(reason.text))", remedy: again)
            default: break
            }
        }
        if let reason = pod?.disruption {
            switch reason.word {
            case "PreemptionByScheduler":
                return Failure("job \(job)\(place) made room for another one (\(reason.text))", remedy: again)
            case "EvictionByEvictionAPI":
                return Failure("job \(job) was evicted\(place) (\(reason.text))", remedy: again)
            case "DeletionByTaintManager", "DeletionByPodGC": return lost(job, place, reason)
            case "TerminationByKubelet":
                return Failure("the node of job \(job)\(place) ended it (\(reason.text))", remedy: again)
            default: break
            }
        }
        if failure?.word == "DeadlineExceeded" { return timeLimit(job, place) }
        if !isThere || isBeingDeleted || pod?.isBeingDeleted == true {
            return Failure("job \(job)\(place) was deleted by others", remedy: again)
        }
        // Pods that end by themselves stay as long as their Job.
        if isFinished, pods.isEmpty {
            return Failure("the pod of job \(job)\(place) was removed by others", remedy: again)
        }
        return nil
    }

    private func timeLimit(_ job: String, _ place: String) -> Failure {
        Failure(
            "Kubernetes ended job \(job)\(place) at its time limit", remedy: "raise 'timeout' of the stage")
    }

    /// A node of which nothing is heard.
    func lost(_ job: String, _ place: String, _ reason: Reason) -> Failure {
        Failure(
            "the node of job \(job)\(place) was lost (\(reason.text))",
            remedy: "a 'retry' of the stage begins it again, once Kubernetes says that its pod has gone")
    }

    /// Why it ended without a result.
    func reason(_ job: String, _ place: String, target: String, folder: LaunchFolder) -> Failure {
        let ended = pod?.ended
        if !folder.hasBegun, let ended {
            switch ended.status {
            case 0: return .notShared(folder.path, told: "what job \(job)\(place) wrote there is not seen here")
            case LaunchFolder.notShared:
                return .notShared(
                    folder.path,
                    told: ended.reason.message ?? "its node does not see \(folder.path) as this machine does")
            case 126, 127, 128:
                return Failure(
                    "the container of job \(job)\(place) could not begin (\(ended.reason.text))",
                    remedy: "an image needs '/bin/sh' and 'setsid'")
            default: break
            }
        }
        if let found = interference(job, place, target: target) {
            return Failure(found.message + ", and left no result", remedy: found.remedy)
        }
        let facts = [
            ended.map { "\($0.reason.text), exit status \($0.status)" }, failure?.text,
        ].compactMap { $0 }
        return Failure(
            "job \(job)\(place) ended without a result" + (facts.isEmpty ? "" : " (\(facts.joined(separator: "; ")))"),
            remedy: "see 'kubectl describe job \(job)'")
    }
}

// MARK: - Reading answers

extension KubernetesJob {
    /// What is read of a list of Jobs and pods.
    private struct Listing: Decodable {
        var items: [Item]

        struct Item: Decodable {
            var kind: String
            var metadata: Metadata
            var spec: Spec?
            var status: Status?
        }
        struct Metadata: Decodable {
            var name: String
            var labels: [String: String]?
            var deletionTimestamp: String?
            var deletionGracePeriodSeconds: Double?
        }
        struct Spec: Decodable {
            var nodeName: String?
            var terminationGracePeriodSeconds: Double?
        }
        struct Status: Decodable {
            var phase: String?
            var reason: String?
            var message: String?
            var conditions: [Condition]?
            var containerStatuses: [Container]?
        }
        struct Condition: Decodable {
            var type: String
            var status: String
            var reason: String?
            var message: String?
        }
        struct Container: Decodable {
            var state: State?
        }
        struct State: Decodable {
            var waiting: Told?
            var terminated: Told?
        }
        struct Told: Decodable {
            var reason: String?
            var message: String?
            var exitCode: Int32?
        }
    }

    /// The Jobs of a list by their names, each with its pods; nil when it is no list.
    static func all(in text: String) -> [String: KubernetesJob]? {
        guard let listing = try? JSONDecoder().decode(Listing.self, from: Data(text.utf8)) else { return nil }
        var jobs: [String: KubernetesJob] = [:]
        for item in listing.items {
            guard let name = item.metadata.labels?[KubernetesManifest.jobLabel] else { continue }
            if item.kind == "Pod" {
                jobs[name, default: KubernetesJob()].pods.append(pod(item))
                continue
            }
            var job = jobs[name] ?? KubernetesJob()
            job.isThere = true
            job.isBeingDeleted = item.metadata.deletionTimestamp != nil
            for condition in item.status?.conditions ?? [] where condition.status == "True" {
                if ["Complete", "Failed"].contains(condition.type) { job.isFinished = true }
                if ["Failed", "FailureTarget"].contains(condition.type) { job.failure = reason(condition) }
            }
            jobs[name] = job
        }
        return jobs
    }

    private static func reason(_ condition: Listing.Condition) -> Reason {
        Reason(word: condition.reason ?? condition.type, message: condition.message)
    }

    private static func pod(_ item: Listing.Item) -> Pod {
        let status = item.status
        var pod = Pod(name: item.metadata.name, node: item.spec?.nodeName, phase: status?.phase ?? "Pending")
        pod.grace = .seconds(
            item.metadata.deletionGracePeriodSeconds ?? item.spec?.terminationGracePeriodSeconds ?? 30)
        pod.isBeingDeleted = item.metadata.deletionTimestamp != nil
        pod.reason = status?.reason.map { Reason(word: $0, message: status?.message) }
        for condition in status?.conditions ?? [] {
            switch (condition.type, condition.status) {
            case ("DisruptionTarget", "True"): pod.disruption = reason(condition)
            case ("PodScheduled", "False"): pod.unscheduled = condition.message ?? condition.reason
            default: break
            }
        }
        let state = status?.containerStatuses?.first?.state
        pod.waiting = state?.waiting.map { Reason(word: $0.reason ?? "Waiting", message: $0.message) }
        pod.ended = state?.terminated.map {
            (Reason(word: $0.reason ?? "Error", message: $0.message), $0.exitCode ?? -1)
        }
        return pod
    }
}
