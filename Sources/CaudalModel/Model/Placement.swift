/// Where the program of a stage runs.
package enum Placement: Sendable, Hashable {
    /// As a process of this machine.
    case local
    /// In a container of this machine.
    case container(ContainerSettings)
    /// As a process of this machine that sees little of it.
    case sandbox(SandboxSettings)
    /// Where a target of this name says.
    case target(String)

    /// The word for it in a pipeline file's `run_on`, where it has one.
    package static let localName = "local"

    /// Whether what it uses belongs to another machine.
    package var isElsewhere: Bool { if case .target = self { true } else { false } }
}

/// A folder or file of this machine that a container or a sandbox sees, at the same path.
package struct PlacementMount: Sendable, Hashable, Codable {
    /// The path as the file gives it; relative ones start from the project's root.
    package var path: String
    package var isReadOnly: Bool

    package init(path: String, isReadOnly: Bool) {
        self.path = path
        self.isReadOnly = isReadOnly
    }
}

/// What of the network a container or a sandbox sees.
package enum PlacementNetwork: String, Sendable, CaseIterable, Codable {
    /// Nothing.
    case none
    /// What this machine sees.
    case host
    /// The network that the container engine makes for its containers.
    case bridge
}

/// The container that a stage's program runs in.
package struct ContainerSettings: Sendable, Hashable, Codable {
    /// When the image is fetched from its registry.
    package enum Pull: String, Sendable, CaseIterable, Codable {
        case never, missing, always
    }

    package var image: String
    package var mounts: [PlacementMount]
    package var network: PlacementNetwork
    /// The user inside; nil for the one who runs Caudal.
    package var user: String?
    /// The names of variables of Caudal's environment that the program gets.
    package var variables: [String]
    package var pull: Pull
    /// The path of `duckdb` in the image; nil has that of this machine mounted.
    package var duckDB: String?

    package init(
        image: String, mounts: [PlacementMount] = [], network: PlacementNetwork = .none, user: String? = nil,
        variables: [String] = [], pull: Pull = .missing, duckDB: String? = nil
    ) {
        self.image = image
        self.mounts = mounts
        self.network = network
        self.user = user
        self.variables = variables
        self.pull = pull
        self.duckDB = duckDB
    }
}

/// The sandbox that a stage's program runs in.
package struct SandboxSettings: Sendable, Hashable, Codable {
    package var mounts: [PlacementMount]
    package var network: PlacementNetwork
    /// The names of variables of Caudal's environment that the program gets.
    package var variables: [String]

    package init(mounts: [PlacementMount] = [], network: PlacementNetwork = .none, variables: [String] = []) {
        self.mounts = mounts
        self.network = network
        self.variables = variables
    }
}

/// Machines or a cluster that stages run on.
package struct Target: Sendable, Hashable, Codable {
    /// How it is reached.
    package enum Kind: Sendable, Hashable, Codable {
        case ssh(SSHSettings)
        case slurm(SlurmSettings)
        case kubernetes(KubernetesSettings)

        /// Its name as the file gives it.
        package var name: String {
            switch self {
            case .ssh: "ssh"
            case .slurm: "slurm"
            case .kubernetes: "kubernetes"
            }
        }
    }

    package var name: String
    package var kind: Kind
    /// The path of `duckdb` there; nil for the path that it has here.
    package var duckDB: String?
    /// The names of variables of Caudal's environment that programs get there.
    package var variables: [String]
    package var location: SourceLocation

    package init(
        name: String, kind: Kind, duckDB: String? = nil, variables: [String] = [], location: SourceLocation
    ) {
        self.name = name
        self.kind = kind
        self.duckDB = duckDB
        self.variables = variables
        self.location = location
    }
}

/// Machines that are reached by ssh.
package struct SSHSettings: Sendable, Hashable, Codable {
    /// One of the machines.
    package struct Host: Sendable, Hashable, Codable {
        /// Its name or address, or its name in ssh's own settings.
        package var name: String
        /// The number of attempts that run there at once.
        package var slots: Int

        package init(name: String, slots: Int) {
            self.name = name
            self.slots = slots
        }
    }

    package var hosts: [Host]
    package var user: String?
    package var port: Int?
    /// The file with the private key.
    package var identity: String?
    /// Settings of ssh, each as in its `-o`.
    package var options: [String]
    /// How long a program goes on there while nothing is heard of this machine.
    package var silence: Duration
    /// Whether the attempt's folder is copied there and back; nil where both machines see one file system.
    package var copies: Bool?

    /// That of a target that does not set it: longer than ssh takes to give a connection up.
    package static let usualSilence = Duration.seconds(120)

    package init(
        hosts: [Host], user: String? = nil, port: Int? = nil, identity: String? = nil, options: [String] = [],
        silence: Duration = usualSilence, copies: Bool? = nil
    ) {
        self.copies = copies
        self.hosts = hosts
        self.user = user
        self.port = port
        self.identity = identity
        self.options = options
        self.silence = silence
    }
}

/// A cluster whose queue is Slurm's.
package struct SlurmSettings: Sendable, Hashable, Codable {
    package var partition: String?
    package var account: String?
    package var qos: String?
    /// The time limit of a job.
    package var time: Duration?
    /// The memory of a job, in bytes; it goes before that of the stage.
    package var memory: Int64?
    /// The processors of a job; they go before those of the stage.
    package var cpus: Int?
    /// How often the queue is asked.
    package var poll: Duration
    /// Further options of `sbatch`.
    package var options: [String]

    package init(
        partition: String? = nil, account: String? = nil, qos: String? = nil, time: Duration? = nil,
        memory: Int64? = nil, cpus: Int? = nil, poll: Duration = .seconds(2), options: [String] = []
    ) {
        self.partition = partition
        self.account = account
        self.qos = qos
        self.time = time
        self.memory = memory
        self.cpus = cpus
        self.poll = poll
        self.options = options
    }
}

/// A cluster of Kubernetes, in which an attempt is a Job.
package struct KubernetesSettings: Sendable, Hashable, Codable {
    /// The context of kubectl's settings; nil for the current one.
    package var context: String?
    /// Nil for that of the context.
    package var namespace: String?
    package var image: String
    package var pull: ContainerSettings.Pull
    /// The account with whose rights programs run; nil for none.
    package var serviceAccount: String?
    /// The claim of the volume that has the project.
    package var claim: String
    /// Where that is mounted; nil for the project's folder.
    package var mount: String?
    /// The memory of a job, in bytes; it goes before that of the stage.
    package var memory: Int64?
    /// The processors of a job; they go before those of the stage.
    package var cpu: Double?
    /// The labels of the nodes that jobs run on.
    package var nodes: [String: String]
    /// How long a job may wait before its program begins.
    package var start: Duration
    /// How long Kubernetes keeps a job that has ended.
    package var keep: Duration
    /// How often the cluster is asked.
    package var poll: Duration

    package init(
        context: String? = nil, namespace: String? = nil, image: String, pull: ContainerSettings.Pull = .missing,
        serviceAccount: String? = nil, claim: String, mount: String? = nil, memory: Int64? = nil, cpu: Double? = nil,
        nodes: [String: String] = [:], start: Duration = .seconds(600), keep: Duration = .seconds(86_400),
        poll: Duration = .seconds(2)
    ) {
        self.context = context
        self.namespace = namespace
        self.image = image
        self.pull = pull
        self.serviceAccount = serviceAccount
        self.claim = claim
        self.mount = mount
        self.memory = memory
        self.cpu = cpu
        self.nodes = nodes
        self.start = start
        self.keep = keep
        self.poll = poll
    }
}
