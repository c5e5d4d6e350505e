import CaudalModel
import Foundation
import Synchronization

/// Runs programs with bubblewrap: as processes of this machine that see the project, the system's programs and nothing else.
struct SandboxExecutor: ProgramExecutor {
    private let host: ProgramHost
    private let settings: SandboxSettings

    init(_ host: ProgramHost, _ settings: SandboxSettings) {
        self.host = host
        self.settings = settings
    }

    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        guard let bubblewrap = host.program("bwrap") else {
            throw Failure("bubblewrap ('bwrap') is not on PATH", remedy: "install the package 'bubblewrap'")
        }
        var variables = host.variables(of: call, passing: settings.variables)
        variables["PATH"] = variables["PATH"] ?? Self.path
        variables["HOME"] = variables["HOME"] ?? "/tmp"
        let program =
            call.isOfUser
            ? try ProcessExecutor.find(call.program, path: variables["PATH"] ?? "", folder: host.folder) : call.program
        if !FileText.exists(program) { throw Failure("\(program) is not there") }
        let isOfSystem = Self.system.contains { program.hasPrefix($0 + "/") }
        let launch = ProcessLaunch(
            program: bubblewrap,
            arguments: arguments(call, tool: isOfSystem ? nil : program) + ["--", program] + call.arguments,
            // Only what is named here; what the program must not see is not there.
            variables: variables, folder: host.folder, marker: attempt.marker, grace: attempt.grace,
            ledger: attempt.ledger, awaited: call.awaitedWrites(attempt))
        let stop = SandboxStop()
        let child = try await host.reactor.run(
            launch,
            onStart: { child in
                attempt.started(child, as: .process(child.identity)) { stop.begin(child, grace: attempt.grace) }
            }, output: output)
        attempt.onStop(nil)
        stop.end()
        var end = ProgramEnd(child)
        // Nothing outlives a sandbox: what is still there is bubblewrap's own second process.
        end.leftBehind = []
        end.wasKilled = stop.gaveUp
        end.takeSignalFromStatus()
        return end
    }

    private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// Folders of the system that are seen, and only to read.
    private static let system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt"]

    private func arguments(_ call: ProgramCall, tool: String?) -> [String] {
        var words = ["--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
        if settings.network == .none { words.append("--unshare-net") }
        words += [
            "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs",
            "/tmp",
        ]
        for folder in Self.system {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder) {
                words += ["--symlink", target, folder]
            } else if FileText.exists(folder) {
                words += ["--ro-bind", folder, folder]
            }
        }
        // Names of hosts are looked up by what this link may lead to.
        if settings.network != .none { words += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"] }
        let mounts = MountList(host, call, settings.mounts, tool: tool).mounts
        for (path, access) in mounts {
            switch access {
            case .writable: words += ["--bind", path, path]
            case .readOnly: words += ["--ro-bind", path, path]
            case .hidden: words += ["--tmpfs", path]
            }
        }
        // Behind the mounts in them, for which there must be places.
        for (path, access) in mounts where access == .hidden { words += ["--remount-ro", path] }
        return words + ["--chdir", call.folder ?? host.folder]
    }
}

/// Stops what runs in a sandbox: a signal to bubblewrap itself would kill it without any grace.
private final class SandboxStop: Sendable {
    private let state = Mutex<(task: Task<Void, Never>?, gaveUp: Bool)>((nil, false))

    /// Whether the program had to be killed.
    var gaveUp: Bool { state.withLock { $0.gaveUp } }

    func begin(_ child: ChildProcess, grace: Duration) {
        let task = Task.detached { [self] in
            // Bubblewrap may not have started the program yet.
            for _ in 0..<100 {
                if Self.signal(SIGTERM, below: child.identity.pid) { break }
                do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
            }
            do { try await Task.sleep(for: grace) } catch { return }
            state.withLock { $0.gaveUp = true }
            child.stop()
        }
        state.withLock { $0.task = task }
    }

    func end() { state.withLock { $0.task }?.cancel() }

    /// Signals the programs that run in a sandbox, which are not bubblewrap's own two processes.
    private static func signal(_ signal: Int32, below pid: Int32) -> Bool {
        let table = ProcessTable.snapshot()
        let children = Dictionary(grouping: table.keys) { table[$0]?.parent ?? 0 }
        var found: [Int32] = []
        var waiting = children[pid] ?? []
        while let next = waiting.popLast() {
            if table[next]?.name != "bwrap" { found.append(next) }
            waiting += children[next] ?? []
        }
        for process in found {
            kill(process, signal)
            kill(process, SIGCONT)
        }
        return !found.isEmpty
    }
}
