// Imported for `stat`: its members belong to whichever C module is imported first.
import CaudalModel
import CSystem
import Foundation
import Synchronization

/// The connections to the machines of a target: one for each, which its attempts share.
///
/// A connection is kept by a process that ends with this one, as it reads from a pipe that this process holds open.
final class SSHConnections: Sendable {
    private let host: ProgramHost
    private let settings: SSHSettings
    private struct State {
        /// A folder for sockets and pipes, with a short path: the kernel allows sockets no long one.
        var folder: String?
        var pipes = 0
        /// The socket of each machine's connection, and the pipe that keeps it.
        var masters: [String: (socket: String, pipe: HeldPipe)] = [:]
    }
    private let state = Mutex(State())

    init(_ host: ProgramHost, _ settings: SSHSettings) {
        self.host = host
        self.settings = settings
    }

    deinit {
        let (masters, folder) = state.withLock { ($0.masters, $0.folder) }
        for master in masters.values { master.pipe.close() }
        if let folder { TemporaryFolders.remove(folder) }
    }

    /// A pipe that this process holds open.
    ///
    /// - Throws: ``Failure`` when it cannot be made.
    func pipe() throws(Failure) -> HeldPipe {
        let result = state.withLock { state -> Result<String, Failure> in
            if state.folder == nil {
                Self.removeOfDead()
                // The path of a socket is short.
                do throws(Failure) {
                    state.folder = try TemporaryFolders.make("\(Self.prefix)\(getpid())", in: "/tmp")
                } catch {
                    return .failure(error)
                }
            }
            state.pipes += 1
            return .success("\(state.folder ?? "")/\(state.pipes)")
        }
        return try HeldPipe(try result.get())
    }

    private static let prefix = "caudal-ssh-"

    /// Removes the folders of processes that were killed.
    ///
    /// The number of one may be that of a process in another container: only what is a day old is removed.
    private static func removeOfDead() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] where name.hasPrefix(prefix) {
            guard let number = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }) else { continue }
            var status = stat()
            guard lstat("/tmp/" + name, &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR,
                time(nil) - status.st_mtim.tv_sec > 86_400
            else { continue }
            if kill(number, 0) == 0 || errno != ESRCH { continue }
            // What cannot be removed is an empty folder among the temporary files.
            try? FileManager.default.removeItem(atPath: "/tmp/" + name)
        }
    }

    /// The options of `ssh` for a machine.
    ///
    /// `control`: the socket of the connection that is shared; nil makes one of its own.
    func words(for machine: String, control: String?) -> [String] {
        // ssh takes the first of what it is told of a setting: first what Caudal relies on, then what the user wants.
        var words = ["-o", "BatchMode=yes", "-o", "ControlPath=\(control ?? "none")"]
        for option in settings.options { words += ["-o", option] }
        words += ["-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"]
        if let user = settings.user { words += ["-l", user] }
        if let port = settings.port { words += ["-p", String(port)] }
        if let identity = settings.identity { words += ["-i", PathText.absolute(identity, in: host.folder)] }
        return words
    }

    /// Runs a line of shell on a machine, over a connection of its own, as the one that is shared may be the one that was lost.
    ///
    /// - Throws: ``Failure`` when it does not answer.
    func ask(_ machine: String, _ script: String, within limit: Duration) async throws(Failure) -> ToolRun.Answer {
        guard let ssh = host.program("ssh") else { throw Failure("'ssh' is not on PATH") }
        return try await ToolRun.output(
            of: ssh,
            words(for: machine, control: nil)
                + ["-o", "ControlMaster=no", "-n", "-T", machine, "exec /bin/sh -c \(ShellText.quoted(script))"],
            environment: host.environment.all, limit: limit, reactor: host.reactor)
    }

    /// The socket of the connection that attempts on a machine share; it is begun for the first of them, which does not
    /// wait for it.
    func control(_ machine: String, _ ssh: String) async -> String? {
        if let known = state.withLock({ $0.masters[machine] }) { return known.socket }
        // Without a shared connection each attempt makes its own, which takes it longer.
        guard let pipe = try? pipe() else { return nil }
        let socket = pipe.path + ".socket"
        let isFirst = state.withLock { state in
            guard state.masters[machine] == nil else { return false }
            state.masters[machine] = (socket, pipe)
            return true
        }
        if !isFirst {
            pipe.close()
            return state.withLock { $0.masters[machine]?.socket }
        }
        let script = #"exec 3< "$0"; "$@" < /dev/null 3<&- & p=$!; read -r word <&3; kill $p; wait $p"#
        let launch = ProcessLaunch(
            program: "/bin/sh",
            arguments: ["-c", script, pipe.path, ssh] + words(for: machine, control: socket)
                + ["-o", "ControlMaster=yes", "-N", machine],
            inherited: host.environment, variables: [:], folder: "/", marker: "caudal/ssh", grace: .seconds(1))
        let child = try? await host.reactor.start(launch) { _, _ in }
        // One that was lost is begun anew for the next attempt.
        child?.onExit { [weak self] _ in
            self?.state.withLock { state in
                if state.masters[machine]?.socket == socket { state.masters[machine] = nil }
            }
        }
        return socket
    }
}

/// A pipe with a name that this process holds open: whoever reads from it learns of this process's end by the pipe's.
final class HeldPipe: Sendable {
    let path: String
    private let descriptor: Mutex<Int32>

    /// - Throws: ``Failure`` when it cannot be made.
    init(_ path: String) throws(Failure) {
        self.path = path
        guard mkfifo(path, 0o600) == 0 else { throw Failure("\(path) cannot be made", errno: errno) }
        // Opened for both, so that it waits for no reader, and so that its end comes only when it is closed here.
        let opened = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { throw Failure("\(path) cannot be opened", errno: errno) }
        descriptor = Mutex(opened)
    }

    deinit { close() }

    /// Writes a word as a line.
    func write(_ word: String) {
        let line = Array((word + "\n").utf8)
        // A reader that has gone needs no word any more.
        descriptor.withLock { if $0 >= 0 { _ = Foundation.write($0, line, line.count) } }
    }

    /// Says again and again that this process is there, until the task is cancelled.
    func beat(each time: Duration) -> Task<Void, Never> {
        Task.detached { [weak self] in
            while !Task.isCancelled, let self {
                write(SSHScripts.heartbeat)
                do { try await Task.sleep(for: time) } catch { return }
            }
        }
    }

    /// Ends it.
    func close() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            Foundation.close(descriptor)
            unlink(path)
            descriptor = -1
        }
    }
}
