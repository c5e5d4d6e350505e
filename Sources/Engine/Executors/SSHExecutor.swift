import CaudalModel
import Foundation
import Synchronization

/// Runs programs on machines that are reached by ssh.
///
/// Whatever runs there ends with its connection: it reads from a pipe that this process holds open, and whose end means
/// that nobody waits for the program any more.
struct SSHExecutor: ProgramExecutor {
    private let host: ProgramHost
    private let target: Target
    private let settings: SSHSettings
    private let pool: HostPool
    private let connections: SSHConnections

    init(_ host: ProgramHost, _ target: Target, _ settings: SSHSettings) {
        self.host = host
        self.target = target
        self.settings = settings
        pool = HostPool(settings.hosts)
        connections = SSHConnections(host, settings)
    }

    /// What came of a try on one machine.
    private enum Outcome {
        case ended(ProgramEnd)
        /// Nothing has begun there.
        case unreached(String)
    }

    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        guard let ssh = host.program("ssh") else {
            throw Failure("'ssh' is not on PATH", remedy: "install the package 'openssh-client'")
        }
        var reason = "no machine of '\(target.name)' can be used"
        var tried: Set<String> = []
        // A machine that could not be reached has done nothing: another one may.
        while attempt.stopReason == nil, let machine = await pool.take(except: tried, for: attempt) {
            tried.insert(machine)
            let outcome: Outcome
            do throws(Failure) {
                outcome = try await run(call, on: machine, ssh, for: attempt, output: output)
            } catch {
                await pool.give(machine)
                throw error
            }
            switch outcome {
            case .ended(let end):
                await pool.give(machine)
                return end
            case .unreached(let message):
                await pool.give(machine, isDown: attempt.stopReason == nil)
                reason = "\(machine) cannot be reached: \(message)"
                if attempt.stopReason == nil { attempt.log.note(reason, level: .warn) }
            }
        }
        if attempt.stopReason != nil {
            throw Failure("it was stopped before it began on a machine of '\(target.name)'")
        }
        throw Failure(reason, remedy: "try 'ssh -o BatchMode=yes \(settings.hosts[0].name) true'")
    }

    private func run(
        _ call: ProgramCall, on machine: String, _ ssh: String, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> Outcome {
        var variables = call.variables
        for name in target.variables where variables[name] == nil { variables[name] = host.environment[name] }
        let program = call.tool == .duckDB ? target.duckDB ?? call.program : call.program
        let folder = try LaunchFolder(call, program: program, variables: variables, for: attempt, on: host)
        let pipe = try connections.pipe()
        defer { pipe.close() }
        let master = await connections.control(machine, ssh)
        let words =
            connections.words(for: machine, control: master)
            + ["-o", "ControlMaster=no", "-T", machine, "exec /bin/sh -c \(ShellText.quoted(script(folder, attempt)))"]
        let launch = ProcessLaunch(
            program: "/bin/sh",
            arguments: ["-c", #"exec 0< "$0"; exec "$@""#, pipe.path, ssh] + words, inherited: host.environment,
            variables: [:], folder: host.folder, marker: attempt.marker, grace: .seconds(1), ledger: attempt.ledger)
        let told = Collected()
        let stop = RemoteStop(pipe: pipe, folder: folder, grace: attempt.grace)
        attempt.log.note("runs on \(machine), by ssh")
        let child = try await host.reactor.run(
            launch,
            onStart: { child in
                let work = WorkIdentity.job(kind: target.name, id: String(child.identity.pid), at: machine)
                attempt.started(child, as: work) { stop.begin(child) }
            },
            output: { stream, bytes in
                if stream == .stderr { told.append(stream, bytes) }
                output(stream, bytes)
            })
        attempt.onStop(nil)
        stop.end()
        let last = told.text(.stderr).split(whereSeparator: \.isNewline).last.map(String.init) ?? "ssh said nothing"
        return try await outcome(child, folder, machine, last, stop, attempt)
    }

    /// Finds out how the program ended: the connection's end alone does not tell.
    private func outcome(
        _ child: ChildExit, _ folder: LaunchFolder, _ machine: String, _ last: String, _ stop: RemoteStop,
        _ attempt: AttemptControl
    ) async throws(Failure) -> Outcome {
        if child.exit == .exited(255), folder.machine == nil { return .unreached(last) }
        if child.exit == .exited(LaunchFolder.notShared), folder.machine == nil {
            throw .notShared(folder.path, told: last)
        }
        // A file system of a network shows what the other side wrote only after a while.
        if case .exited(let status) = child.exit, status != 255 {
            for _ in 0..<50 where folder.exitStatus == nil {
                do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
            }
        }
        if let status = folder.exitStatus {
            var end = ProgramEnd(exit: .exited(status), wasKilled: stop.gaveUp)
            end.takeSignalFromStatus()
            return .ended(end)
        }
        if attempt.stopReason != nil {
            return .ended(ProgramEnd(exit: .signaled(stop.gaveUp ? SIGKILL : SIGTERM), wasKilled: stop.gaveUp))
        }
        if child.exit == .exited(0) {
            throw .notShared(folder.path, told: "what \(machine) wrote to \(folder.path) is not seen here")
        }
        throw Failure(
            "the connection to \(machine) was lost: \(last.shortened(to: 200))",
            remedy: "what ran there ends with its connection; a 'retry' of the stage begins it again")
    }

    /// What the other machine does: it runs the program in a group of its own, and reads meanwhile what it is told.
    private func script(_ folder: LaunchFolder, _ attempt: AttemptControl) -> String {
        let grace = max(1, Int(attempt.grace.seconds.rounded(.up)))
        return """
            exec 3<&0
            \(folder.check)
            setsid /bin/sh "$d/launch.sh" < /dev/null 3<&- & c=$!
            (
              while read -r word <&3; do kill "-$word" "-$c"; done
              kill -TERM "-$c"
              sleep \(grace)
              kill -KILL "-$c"
            ) > /dev/null 2>&1 & w=$!
            wait $c; rc=$?
            # What it left running in its group ends too, before its end is told.
            if kill -0 "-$c" 2> /dev/null; then
              kill -TERM "-$c" 2> /dev/null; n=0
              while [ $n -lt \(grace) ] && kill -0 "-$c" 2> /dev/null; do sleep 1; n=$((n + 1)); done
              kill -KILL "-$c" 2> /dev/null
            fi
            \(folder.record)
            kill $w 2> /dev/null
            exit $rc
            """
    }
}

/// Stops a program of another machine by words on its pipe.
private final class RemoteStop: Sendable {
    private let pipe: HeldPipe
    private let folder: LaunchFolder
    private let grace: Duration
    private let state = Mutex<(task: Task<Void, Never>?, gaveUp: Bool)>((nil, false))

    init(pipe: HeldPipe, folder: LaunchFolder, grace: Duration) {
        self.pipe = pipe
        self.folder = folder
        self.grace = grace
    }

    /// Whether the program had to be killed.
    var gaveUp: Bool { state.withLock { $0.gaveUp } }

    /// `child`: the client whose connection it is.
    func begin(_ child: ChildProcess) {
        // Nothing has begun there: without its connection nothing will.
        if folder.machine == nil { return child.stop() }
        pipe.write("TERM")
        let task = Task.detached { [self] in
            do { try await Task.sleep(for: grace) } catch { return }
            state.withLock { $0.gaveUp = true }
            pipe.write("KILL")
            do { try await Task.sleep(for: .seconds(10)) } catch { return }
            child.stop()
        }
        state.withLock { $0.task = task }
    }

    func end() { state.withLock { $0.task }?.cancel() }
}
