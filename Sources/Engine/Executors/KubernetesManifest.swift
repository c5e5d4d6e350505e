import CaudalModel
import Foundation

/// The Job that runs one try of an attempt, as it is given to Kubernetes.
///
/// Everybody who may list Jobs can read it: what the program gets stands in the launch folder, and nothing of it here.
struct KubernetesManifest: Encodable {
    private let apiVersion = "batch/v1"
    private let kind = "Job"
    private let metadata: Metadata
    private let spec: Spec

    private struct Metadata: Encodable {
        var name: String?
        var namespace: String?
        var labels: [String: String]
        var annotations: [String: String]
    }

    private struct Spec: Encodable {
        var activeDeadlineSeconds: Int?
        /// A retry is Caudal's to decide.
        let backoffLimit = 0
        let completions = 1
        let parallelism = 1
        var ttlSecondsAfterFinished: Int
        var template: Template
    }

    private struct Template: Encodable {
        var metadata: Metadata
        var spec: PodSpec
    }

    private struct PodSpec: Encodable {
        let restartPolicy = "Never"
        var terminationGracePeriodSeconds: Int
        var serviceAccountName: String?
        /// A program gets the rights of an account only where the target names one.
        var automountServiceAccountToken: Bool
        let enableServiceLinks = false
        var nodeSelector: [String: String]?
        var securityContext: PodSecurity
        var containers: [Container]
        var volumes: [Volume]
    }

    private struct PodSecurity: Encodable {
        /// Files belong to whoever runs Caudal, who alone may read what the program gets.
        var runAsUser: UInt32
        var runAsGroup: UInt32
        var runAsNonRoot: Bool?
        let seccompProfile = ["type": "RuntimeDefault"]
    }

    private struct Container: Encodable {
        let name = KubernetesManifest.container
        var image: String
        var imagePullPolicy: String
        var command: [String]
        var env: [Variable]
        var resources: Demands
        var securityContext: Security
        /// The last lines of what failed before there was a file for them.
        let terminationMessagePolicy = "FallbackToLogsOnError"
        var volumeMounts: [Mount]
    }

    private struct Variable: Encodable {
        var name: String
        var valueFrom: [String: [String: String]]
    }

    private struct Demands: Encodable {
        var requests: [String: String] = [:]
        var limits: [String: String] = [:]
    }

    private struct Security: Encodable {
        let allowPrivilegeEscalation = false
        var capabilities: [String: [String]]?
    }

    private struct Mount: Encodable {
        let name = KubernetesManifest.volume
        var mountPath: String
    }

    private struct Volume: Encodable {
        let name = KubernetesManifest.volume
        var persistentVolumeClaim: [String: String]
    }

    static let (container, volume) = ("attempt", "project")
    /// The label by which a try's Job and its pods are found; its value is the Job's name.
    static let jobLabel = "caudal.job"

    init(
        _ folder: LaunchFolder, _ settings: KubernetesSettings, mount: String, _ call: ProgramCall,
        for attempt: AttemptControl, user: uid_t = geteuid(), group: gid_t = getegid()
    ) {
        let name = Self.name(folder.note)
        var labels = [
            "app.kubernetes.io/managed-by": "caudal", Self.jobLabel: name,
            "caudal.run": Self.label(attempt.run.rawValue), "caudal.stage": Self.label(attempt.unit.stage.rawValue),
            "caudal.attempt": String(attempt.number),
        ]
        if let item = attempt.unit.item { labels["caudal.item"] = Self.label(item.rawValue) }
        let annotations = ["caudal.attempt": attempt.marker]
        metadata = Metadata(name: name, namespace: settings.namespace, labels: labels, annotations: annotations)
        var demands = Demands()
        if let memory = settings.memory ?? call.resources.memory {
            demands.requests["memory"] = String(memory)
            demands.limits["memory"] = String(memory)
        }
        // Without a limit: what nobody else uses costs nothing.
        if let cpu = settings.cpu ?? call.resources.cpu {
            demands.requests["cpu"] = "\(max(1, Int((cpu * 1000).rounded(.up))))m"
        }
        let script = folder.file("job.sh")
        let begin = #"[ -r "$0" ] || { echo "caudal: $CAUDAL_NODE does not see $0" >&2; exit 125; }; exec /bin/sh "$0""#
        let container = Container(
            image: settings.image, imagePullPolicy: Self.policy(settings.pull),
            command: ["/bin/sh", "-c", begin, Self.literal(script)],
            env: [Variable(name: LaunchFolder.nodeVariable, valueFrom: ["fieldRef": ["fieldPath": "spec.nodeName"]])],
            resources: demands, securityContext: Security(capabilities: user == 0 ? nil : ["drop": ["ALL"]]),
            volumeMounts: [Mount(mountPath: mount)])
        let pod = PodSpec(
            terminationGracePeriodSeconds: max(1, Int(attempt.grace.seconds.rounded(.up))),
            serviceAccountName: settings.serviceAccount, automountServiceAccountToken: settings.serviceAccount != nil,
            nodeSelector: settings.nodes.isEmpty ? nil : settings.nodes,
            securityContext: PodSecurity(runAsUser: user, runAsGroup: group, runAsNonRoot: user == 0 ? nil : true),
            containers: [container], volumes: [Volume(persistentVolumeClaim: ["claimName": settings.claim])])
        spec = Spec(
            activeDeadlineSeconds: attempt.timeLimit.map { Self.deadline($0, grace: attempt.grace) },
            ttlSecondsAfterFinished: Int(settings.keep.seconds.rounded(.up)),
            template: Template(metadata: Metadata(labels: labels, annotations: annotations), spec: pod))
    }

    /// The manifest as JSON, the same for the same try.
    var text: String { JSONText.formatted(self) }

    /// A try's name, which no other one has: it is the Job's name, and a label.
    static func name(_ launch: LaunchNote) -> String {
        let readable = String(
            launch.marker.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        let random = launch.mark.split(separator: "-").last ?? ""
        return "caudal-\(readable.prefix(39))-\(random)"
    }

    /// A text as the value of a label: at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
    static func label(_ text: String) -> String {
        let kept = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "_" }
        let isEnd: (Character) -> Bool = { "-_.".contains($0) }
        return String(kept.drop(while: isEnd).prefix(63).reversed().drop(while: isEnd).reversed())
    }

    /// A word of a command in which Kubernetes would otherwise look for names of variables.
    private static func literal(_ text: String) -> String { text.replacing("$(", with: "$$(") }

    private static func policy(_ pull: ContainerSettings.Pull) -> String {
        switch pull {
        case .never: "Never"
        case .missing: "IfNotPresent"
        case .always: "Always"
        }
    }

    /// When Kubernetes ends what Caudal is not there to end: later than Caudal, which has counted from before.
    private static func deadline(_ limit: Duration, grace: Duration) -> Int {
        Int((limit + grace).seconds.rounded(.up)) + 60
    }
}
