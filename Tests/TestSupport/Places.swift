package import CaudalModel
import Engine
import Foundation
import Synchronization

/// Runs a program to its end, outside of everything that is tested.
func outcome(of words: [String], variables: [String: String] = [:]) -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch { return (-1, error.localizedDescription) }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationReason == .exit ? process.terminationStatus : -1, text)
}

/// Folders that live as long as the tests' process, and go with it: the objects that own them are never released.
enum LastingFolders {
    private static let paths = Mutex<[String]>([])
    private static let cleaner: Void = { atexit { LastingFolders.remove() } }()

    static func make(in base: String = FileManager.default.temporaryDirectory.path) throws -> OwnFolder {
        let folder = try OwnFolder(in: base)
        _ = cleaner
        paths.withLock { $0.append(folder.path) }
        return folder
    }

    private static func remove() {
        for path in paths.withLock({ $0 }) {
            // What an engine mounted there would otherwise keep its files.
            let mounted =
                #"awk -v p="$0/" 'index($2, p) == 1 {print $2}' /proc/mounts | sort -r | xargs -r -n 1 umount -l"#
            _ = outcome(of: ["sh", "-c", mounted + #"; rm -rf "$0""#, path])
        }
    }
}

func isInstalled(_ name: String) -> Bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains {
        access("\($0)/\(name)", X_OK) == 0
    }
}

/// Bubblewrap, as far as this machine lets it work.
package enum Bubblewrap {
    /// Why tests of it are skipped; nil when they run.
    package static let absence: String? = {
        guard isInstalled("bwrap") else { return "bubblewrap is not installed" }
        let tried = outcome(of: ["bwrap", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "/bin/true"])
        return tried.status == 0 ? nil : "bubblewrap cannot make namespaces here: \(tried.text)"
    }()
}

/// Podman with a store of its own, and an image of programs of this machine.
package final class ContainerBench: Sendable {
    /// The image that the tests use.
    package static let image = "localhost/caudal-test/small:1"

    /// The variables with which Caudal finds the engine; what they need is gone with the process.
    package var variables: [String: String] { ["CAUDAL_CONTAINER_ENGINE": folder["podman"]] }
    private let folder: OwnFolder

    private static let made: Result<ContainerBench, Failure> = {
        do { return .success(try ContainerBench()) } catch { return .failure(Failure(describing: error)) }
    }()

    /// Why tests of containers are skipped; nil when they run.
    package static let absence: String? = {
        switch made {
        case .success: return nil
        case .failure(let failure): return failure.message
        }
    }()

    /// The one of this process.
    package static func shared() throws -> ContainerBench { try made.get() }

    private init() throws {
        guard isInstalled("podman"), isInstalled("busybox") else {
            throw Failure("podman, or busybox for its image, is not installed")
        }
        folder = try LastingFolders.make()
        // Its own limits, because a machine may let nobody raise them; no groups, because some machines have both kinds.
        try folder.write(
            """
            [containers]
            default_ulimits = ["nofile=4096:4096", "nproc=4000:4000"]
            cgroups = "disabled"
            """, to: "containers.conf")
        let store =
            "podman --root '\(folder["store"])' --runroot '\(folder["run"])' --cgroup-manager cgroupfs "
            + "--events-backend none --log-level error --storage-driver"
        let hidden =
            "umount -R -l /sys/fs/cgroup 2> /dev/null; mount -t tmpfs none /sys/fs/cgroup; exec \"$@\""
        var reasons: [String] = []
        for driver in ["overlay", "vfs"] {
            for wrap in ["", "unshare -m --propagation private sh -c '\(hidden)' _ "] {
                try folder.write(
                    """
                    #!/bin/sh
                    export CONTAINERS_CONF='\(folder["containers.conf"])'
                    exec \(wrap)\(store) \(driver) "$@"

                    """, to: "podman", permissions: 0o755)
                guard let reason = makeImage() else { return }
                reasons.append(reason)
            }
        }
        throw Failure("podman cannot run containers here: \(reasons.last ?? "")")
    }

    /// Makes the image, and runs a program in it.
    ///
    /// - Returns: Why that is not possible; nil when it is.
    private func makeImage() -> String? {
        let files = "'\(folder.path)/rootfs'"
        var steps = [
            "rm -rf \(files) && mkdir -p \(files)/bin \(files)/tmp \(files)/lib64 && chmod 1777 \(files)/tmp",
            "cp \"$(command -v busybox)\" \(files)/bin/busybox",
            "for n in $(busybox --list); do ln -s busybox \(files)/bin/$n 2> /dev/null || true; done",
        ]
        // The libraries of DuckDB, whose program is mounted.
        if let program = Checkout.duckDB?.path {
            steps.append(
                "for f in $(ldd '\(program)' | grep -o '/[^ ]*'); do mkdir -p \(files)$(dirname $f); "
                    + "cp -L $f \(files)$f; done")
        }
        steps.append("tar -C \(files) -c . | '\(folder["podman"])' import - \(Self.image) && rm -rf \(files)")
        steps.append("'\(folder["podman"])' run --rm --init --network none \(Self.image) true")
        for step in steps {
            let tried = outcome(of: ["sh", "-c", step])
            if tried.status != 0 { return tried.text.split(separator: "\n").last.map(String.init) ?? "no reason" }
        }
        return nil
    }

    /// Builds the image of Caudal on a base that is made of this machine's files.
    ///
    /// - Returns: The image's name.
    package func caudal(_ program: String) throws -> String {
        let files = "'\(folder.path)/base'"
        let name = "localhost/caudal-test/caudal:1"
        let base = "localhost/caudal-test/base:1"
        guard let duckDB = Checkout.duckDB?.path else { throw Failure("duckdb is not installed") }
        let steps = [
            "cd \(files) 2> /dev/null || mkdir -p \(files)/bin \(files)/tmp \(files)/etc \(files)/project \(files)/lib64",
            "chmod 1777 \(files)/tmp; cp \"$(command -v busybox)\" \(files)/bin/busybox",
            "for n in $(busybox --list); do ln -s busybox \(files)/bin/$n 2> /dev/null || true; done",
            "cp '\(duckDB)' \(files)/bin/duckdb; touch \(files)/etc/passwd \(files)/etc/group",
            "for f in $(ldd '\(duckDB)' '\(program)' | grep -o '/[^ ]*[.]so[^ ]*'); do "
                + "mkdir -p \(files)$(dirname $f); cp -L $f \(files)$f; done",
            "tar -C \(files) -c . | '\(folder["podman"])' import - \(base) && rm -rf \(files)",
            "'\(Checkout.root)/scripts/image.sh' \(name)",
        ]
        for step in steps {
            let made = outcome(
                of: ["sh", "-c", step],
                variables: [
                    "CAUDAL_PROGRAM": program, "CAUDAL_IMAGE_BUILDER": folder["podman"], "BASE": base,
                    "BUILDAH_ISOLATION": "chroot", "CAUDAL_IMAGE_LARGEST": "1000",
                ])
            guard made.status == 0 else { throw Failure("\(step): \(made.text)") }
        }
        return name
    }

    /// Runs a container to its end; `words`: what follows `podman run --rm`.
    package func run(_ words: [String]) -> (status: Int32, text: String) {
        outcome(of: [folder["podman"], "run", "--rm"] + words)
    }

    /// The names of the containers of a run, running or not.
    package func containers(of run: String) -> [String] {
        outcome(of: [
            folder["podman"], "ps", "--all", "--filter", "label=caudal.run=\(run)", "--format", "{{.Names}}",
        ]).text.split(separator: "\n").map(String.init)
    }
}

/// An ssh server of the tests' own on loopback.
package final class SSHServer: Sendable {
    /// Why tests of ssh are skipped; nil when they run.
    package static let absence: String? = {
        guard isInstalled("sshd"), isInstalled("ssh"), isInstalled("ssh-keygen") else {
            return "openssh-server is not installed"
        }
        // Another user's server needs that user's password file.
        return geteuid() == 0 ? nil : "a server for tests needs root here"
    }()

    /// Why nothing can be hidden from the server; nil where it can.
    package static let hidingAbsence: String? =
        absence ?? (outcome(of: ["unshare", "-m", "true"]).status == 0 ? nil : "no namespaces can be made here")

    private static let instance = Task { try await SSHServer() }

    /// The one of this process.
    package static func shared() async throws -> SSHServer { try await instance.value }

    private let folder: OwnFolder
    private let reactor = ProcessReactor()
    package let port: Int

    private init() async throws {
        folder = try LastingFolders.make()
        port = try NotificationReceiver.freePort()
        for name in ["host", "key"] {
            let made = outcome(of: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder[name]])
            guard made.status == 0 else { throw Failure("ssh-keygen: \(made.text)") }
        }
        // A second key, with which nothing of the temporary files is seen.
        let temporary = FileManager.default.temporaryDirectory.path
        let blind = outcome(of: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder["blind"]])
        guard blind.status == 0 else { throw Failure("ssh-keygen: \(blind.text)") }
        let hidden = #"exec unshare -m sh -c 'mount -t tmpfs none \#(temporary); exec sh -c \"$SSH_ORIGINAL_COMMAND\"'"#
        // A third key, with which the folder of temporary files is another one, which stays.
        let other = outcome(of: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder["other"]])
        guard other.status == 0 else { throw Failure("ssh-keygen: \(other.text)") }
        _ = outcome(of: ["mkdir", "-p", folder["elsewhere"]])
        let elsewhere =
            #"exec unshare -m sh -c 'mount --bind \#(folder["elsewhere"]) \#(temporary); exec sh -c \"$SSH_ORIGINAL_COMMAND\"'"#
        let keys =
            try folder.text("key.pub") + "command=\"\(hidden)\" " + folder.text("blind.pub")
            + "command=\"\(elsewhere)\" " + folder.text("other.pub")
        try folder.write(keys, to: "authorized", permissions: 0o600)
        // Where the server separates its privileges.
        _ = outcome(of: ["mkdir", "-p", "/run/sshd"])
        let settings = try folder.write(
            """
            Port \(port)
            ListenAddress 127.0.0.1
            HostKey \(folder["host"])
            AuthorizedKeysFile \(folder["authorized"])
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            SetEnv HOME=\(folder.path)
            MaxStartups 200
            MaxSessions 100

            """, to: "sshd_config")
        // The server ends with this process, however that ends.
        let server = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=TERM", "/usr/sbin/sshd", "-D", "-e", "-f", settings], variables: [:],
                folder: "/", marker: "test/server")
        ) { _, _ in }
        while outcome(of: ["ssh"] + words + ["127.0.0.1", "true"]).status != 0 {
            guard ProcessTable.isAlive(server.identity) else { throw Failure("sshd did not start") }
        }
    }

    /// Settings of ssh that reach it.
    package var options: [String] {
        ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    }
    /// The private key that it accepts.
    package var identity: String { folder["key"] }
    /// One with which the folder of temporary files is empty there.
    package var blindIdentity: String { folder["blind"] }

    /// One with which the folder of temporary files is ``elsewhere`` there.
    package var otherIdentity: String { folder["other"] }
    /// What that machine has in place of the temporary files.
    package var elsewhere: String { folder["elsewhere"] }

    private var words: [String] {
        ["-o", "BatchMode=yes", "-p", String(port), "-i", identity] + options.flatMap { ["-o", $0] }
    }

    /// The target of the tests, as a pipeline file writes it.
    package func target(
        hosts: String = "[127.0.0.1, localhost]", slots: Int = 4, identity: String? = nil, port: Int? = nil,
        silence: String? = nil, options more: [String] = []
    ) -> String {
        "{type: ssh, hosts: \(hosts), slots: \(slots), port: \(port ?? self.port), "
            + (silence.map { "silence: \($0), " } ?? "")
            + "identity: \(identity ?? self.identity), options: [\((options + more).joined(separator: ", "))]}"
    }

    /// The same, as it is read.
    package func settings(slots: Int = 4) -> SSHSettings {
        SSHSettings(
            hosts: [.init(name: "127.0.0.1", slots: slots), .init(name: "localhost", slots: slots)], port: port,
            identity: identity, options: options)
    }
}

/// A Slurm cluster of the tests' own: a controller and two nodes on loopback.
package final class SlurmCluster: Sendable {
    /// Why tests of Slurm are skipped; nil when they run.
    package static let absence: String? = {
        for name in ["slurmctld", "slurmd", "sbatch", "munged", "python3"] where !isInstalled(name) {
            return "\(name) is not installed"
        }
        return geteuid() == 0 ? nil : "a cluster for tests needs root"
    }()

    private static let instance = Task { try await SlurmCluster() }

    /// The one of this process.
    package static func shared() async throws -> SlurmCluster { try await instance.value }

    private let folder: OwnFolder
    private let reactor = ProcessReactor()

    private init() async throws {
        folder = try LastingFolders.make(in: "/tmp")
        let (lines, arrival) = AsyncStream<String>.makeStream()
        // It ends with this process, however that ends.
        _ = try await reactor.start(
            ProcessLaunch(
                program: "/usr/bin/setpriv",
                arguments: ["--pdeathsig=KILL", Checkout.root + "/scripts/test-cluster", folder.path],
                variables: ["PATH": "/usr/local/bin:/usr/bin:/bin"], folder: "/", marker: "test/cluster")
        ) { _, bytes in
            if bytes.isEmpty { arrival.finish() } else { arrival.yield(String(decoding: bytes, as: UTF8.self)) }
        }
        for await text in lines where text.contains("ready") { return }
        throw Failure("the cluster did not start")
    }

    /// The variables with which its programs are reached.
    package var variables: [String: String] { ["SLURM_CONF": folder["slurm.conf"]] }

    /// What one of its programs says.
    package func ask(_ words: String...) -> String { ask(words) }

    /// What one of its programs says.
    package func ask(_ words: [String]) -> String { outcome(of: words, variables: variables).text.trimmed }

    /// Kills the daemon of a node; what runs there goes on.
    package func kill(node: Int) throws { try say("kill \(node)") }

    /// Starts it again.
    package func start(node: Int) throws { try say("start \(node)") }

    private func say(_ words: String) throws {
        try FileHandle(forWritingTo: URL(filePath: folder["words"])).write(contentsOf: Data((words + "\n").utf8))
    }
}
