import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

/// What is made of a cluster's answers.
///
/// They are written by hand after the documentation of Kubernetes.
@Suite("What Kubernetes says of Jobs", .timeLimit(.minutes(1)))
struct KubernetesJobTests {
    /// A list with the Job `j` in a state, and with its pod.
    private func job(_ status: String = "{}", pod: String? = nil, deleted: Bool = false) throws -> KubernetesJob {
        let labels = #""labels": {"caudal.job": "j"}"#
        let leaving = deleted ? #", "deletionTimestamp": "2026-11-23T06:00:00Z""# : ""
        var items = [#"{"kind": "Job", "metadata": {"name": "j", \#(labels)\#(leaving)}, "status": \#(status)}"#]
        if let pod {
            items.append(
                #"{"kind": "Pod", "metadata": {"name": "j-1", \#(labels)}, "spec": {"nodeName": "n1"}, "status": \#(pod)}"#
            )
        }
        let text = #"{"kind": "List", "items": [\#(items.joined(separator: ", "))]}"#
        return try #require(KubernetesJob.all(in: text)?["j"])
    }

    private static func failed(_ reason: String) -> String {
        #"{"conditions": [{"type": "Failed", "status": "True", "reason": "\#(reason)"}]}"#
    }

    /// A pod whose container ended so.
    private static func ended(_ reason: String, _ status: Int, _ more: String = "") -> String {
        #"{"phase": "Failed"\#(more), "containerStatuses": [{"state": {"terminated": {"reason": "\#(reason)", "exitCode": \#(status)}}}]}"#
    }

    @Test(
        "What ended a job is told in words",
        arguments: [
            (failed("BackoffLimitExceeded"), ended("OOMKilled", 137), "used more memory than its limit (OOMKilled)"),
            (
                failed("BackoffLimitExceeded"),
                ended("Error", 143, #", "reason": "Evicted", "message": "low on memory""#),
                "job j was evicted on n1: low on memory"
            ),
            (failed("DeadlineExceeded"), nil, "Kubernetes ended job j on n1 at its time limit"),
            (
                failed("BackoffLimitExceeded"),
                ended("Error", 137, #", "reason": "NodeLost", "message": "unresponsive""#),
                "the node of job j on n1 was lost (NodeLost: unresponsive)"
            ),
            (
                failed("BackoffLimitExceeded"),
                ended(
                    "Error", 143,
                    #", "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]"#
                ),
                "job j on n1 made room for another one (PreemptionByScheduler)"
            ),
            (
                failed("BackoffLimitExceeded"),
                ended(
                    "Error", 143,
                    #", "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]"#
                ),
                "the node of job j on n1 was lost (DeletionByTaintManager)"
            ),
            (
                failed("BackoffLimitExceeded"),
                ended(
                    "Error", 143,
                    #", "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]"#
                ),
                "job j was evicted on n1 (EvictionByEvictionAPI)"
            ),
            (
                failed("BackoffLimitExceeded"),
                ended("Error", 143, #", "reason": "Terminated", "message": "node shutdown""#),
                "the node of job j on n1 was shut down (Terminated: node shutdown)"
            ),
            (failed("BackoffLimitExceeded"), nil, "the pod of job j on n1 was removed by others"),
            (failed("BackoffLimitExceeded"), ended("Error", 3), nil), ("{}", #"{"phase": "Running"}"#, nil),
        ] as [(String, String?, String?)])
    func words(status: String, pod: String?, message: String?) throws {
        let told = try job(status, pod: pod).interference("j", " on n1", target: "there")?.message
        if let message {
            #expect(told?.contains(message) == true, "\(told ?? "nothing")")
        } else {
            #expect(told == nil)
        }
    }

    @Test(
        "Whether anything goes on",
        arguments: [
            ("{}", nil, true), ("{}", #"{"phase": "Pending"}"#, true), ("{}", #"{"phase": "Running"}"#, true),
            ("{}", #"{"phase": "Unknown"}"#, true), (failed("BackoffLimitExceeded"), ended("Error", 1), false),
            // A Job that has failed by its deadline may have a pod that is still ending.
            (failed("DeadlineExceeded"), #"{"phase": "Running"}"#, true), (failed("DeadlineExceeded"), nil, false),
            (#"{"conditions": [{"type": "Complete", "status": "True"}]}"#, #"{"phase": "Succeeded"}"#, false),
            (#"{"conditions": [{"type": "Complete", "status": "False"}]}"#, nil, true),
        ] as [(String, String?, Bool)])
    func open(status: String, pod: String?, isOpen: Bool) throws {
        #expect(try job(status, pod: pod).isOpen == isOpen)
    }

    @Test("A Job that is being deleted and has no pod goes on no more")
    func deleted() throws {
        #expect(try !job(deleted: true).isOpen)
        #expect(try job(pod: #"{"phase": "Running"}"#, deleted: true).isOpen)
        #expect(try job(deleted: true).interference("j", "", target: "there")?.message == "job j was deleted by others")
        #expect(KubernetesJob().interference("j", "", target: "there")?.message == "job j was deleted by others")
    }

    @Test(
        "Why a job waits",
        arguments: [
            (
                #"{"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}"#,
                "Unschedulable: 0/3 nodes"
            ),
            (
                #"{"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}]}"#,
                "ErrImagePull: no such image"
            ),
            (
                #"{"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}"#,
                nil
            ),
            (#"{"phase": "Running"}"#, nil),
        ] as [(String, String?)])
    func waits(pod: String, text: String?) throws { #expect(try job(pod: pod).waits?.text == text) }

    @Test("What is no list is no answer")
    func noList() { #expect(KubernetesJob.all(in: "<html>") == nil && KubernetesJob.all(in: "") == nil) }
}
