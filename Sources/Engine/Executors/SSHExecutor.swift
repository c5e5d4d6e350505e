import CaudalModel
import Foundation
import Synchronization

/// Runs programs on machines that are reached by ssh.
///
/// Whatever runs there ends with its connection: it reads from a pipe that this process holds open, and whose end means
/// that nobody waits for the program any more. Before another try begins, the machine is asked whether it has ended.
struct SSHExecutor: ProgramExecutor {
    private let host: ProgramHost
    private let target: Target
    private let settings: SSHSettings
    private let place: LaunchPlace
    private let pool: HostPool
    private let connections: SSHConnections

    init(_ host: ProgramHost, _ target: Target, _ settings: SSHSettings, _ place: LaunchPlace) {
        self.host = host
        self.target = target
        self.place = place
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
        let folder = try LaunchFolder(at: place, on: machine, in: call.workFolder, for: attempt)
        try folder.write(call, for: target, on: host)
        try folder.keepNote()
        let pipe = try connections.pipe()
        defer { pipe.close() }
        let master = await connections.control(machine, ssh)
        var copies: SSHCopies?
        if settings.copies == true {
            let way = SSHCopies(
                host: host, ssh: ssh,
                words: connections.words(for: machine, control: master) + ["-o", "ControlMaster=no", "-T", machine],
                folder: folder, attempt: attempt)
            if case .failed(let told) = try await way.send(call) {
                // Nothing has begun there, and nothing will.
                _ = try folder.revoke()
                try? folder.end()
                await remove(folder, on: machine, within: .seconds(10))
                return .unreached(told)
            }
            try folder.handOver()
            copies = way
        }
        let script = SSHScripts.run(
            folder, grace: attempt.grace.shellSeconds, silence: settings.silence.shellSeconds)
        let words =
            connections.words(for: machine, control: master)
            + ["-o", "ControlMaster=no", "-T", machine, "exec /bin/sh -c \(ShellText.quoted(script))"]
        let launch = ProcessLaunch(
            program: "/bin/sh",
            arguments: ["-c", #"exec 0< "$0"; exec "$@""#, pipe.path, ssh] + words, inherited: host.environment,
            variables: [:], folder: host.folder, marker: attempt.marker, grace: .seconds(1), ledger: attempt.ledger)
        let told = Collected()
        let stop = RemoteStop(pipe: pipe, folder: folder, grace: attempt.grace)
        let begin = AwaitedBegin(folder, machine, attempt.log, limit: settings.silence)
        attempt.log.note("runs on \(machine), by ssh")
        let beats = pipe.beat(each: settings.silence / 4)
        defer { beats.cancel() }
        let child = try await host.reactor.run(
            launch,
            onStart: { child in
                let work = WorkIdentity.job(kind: target.name, id: String(child.identity.pid), at: machine)
                attempt.started(child, as: work) { stop.begin(child) }
                begin.watch(child)
            },
            output: { stream, bytes in
                if stream == .stderr { told.append(stream, bytes) }
                output(stream, bytes)
            })
        attempt.onStop(nil)
        stop.end()
        let last =
            begin.end() ?? told.text(.stderr).split(whereSeparator: \.isNewline).last.map(String.init)
            ?? "ssh said nothing"
        guard let copies else { return try await outcome(child, folder, machine, last, stop, attempt) }
        switch try await copies.fetch() {
        case .notBegun:
            try? folder.end()
            return attempt.stopReason == nil ? .unreached(last) : .ended(ProgramEnd(exit: .signaled(SIGTERM)))
        case .failed(let told): attempt.log.note("nothing came back from \(machine): \(told)", level: .warn)
        case .done: await remove(folder, on: machine)
        }
        return try await outcome(child, folder, machine, last, stop, attempt)
    }

    /// Removes an attempt's folder on another machine; one that stays is in nobody's way.
    private func remove(_ folder: LaunchFolder, on machine: String, within limit: Duration = .seconds(60)) async {
        _ = try? await connections.ask(machine, SSHCopies.removal(of: folder), within: limit)
    }

    /// Finds out how the program ended: the connection's end alone does not tell.
    private func outcome(
        _ child: ChildExit, _ folder: LaunchFolder, _ machine: String, _ last: String, _ stop: RemoteStop,
        _ attempt: AttemptControl
    ) async throws(Failure) -> Outcome {
        let hasNotBegun = folder.exitStatus == nil ? try folder.revoke() : false
        if hasNotBegun {
            // Nothing has begun there, and nothing will.
            try? folder.end()
            if attempt.stopReason != nil { return .ended(ProgramEnd(exit: .signaled(SIGTERM))) }
            if child.exit == .exited(LaunchFolder.notShared) { throw .notShared(folder.path, told: last) }
            if child.exit == .exited(0) {
                throw .notShared(folder.path, told: "what \(machine) wrote to \(folder.path) is not seen here")
            }
            return .unreached(last)
        }
        // A file system of a network shows what the other side wrote only after a while.
        if case .exited(let status) = child.exit, status != 255, !folder.isCopied {
            for _ in 0..<50 where folder.exitStatus == nil {
                do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
            }
        }
        var remedy = "a 'retry' of the stage begins it again"
        if folder.exitStatus == nil {
            do throws(Failure) {
                if try await !settle([folder]).isEmpty { remedy = "what ran there was ended; " + remedy }
            } catch {
                remedy += ", once \(machine) says that what runs there has ended"
            }
        }
        if let status = folder.exitStatus {
            var end = ProgramEnd(exit: .exited(status), leftBehind: folder.leftBehind, wasKilled: stop.gaveUp)
            end.takeSignalFromStatus()
            return .ended(end)
        }
        if attempt.stopReason != nil {
            return .ended(ProgramEnd(exit: .signaled(stop.gaveUp ? SIGKILL : SIGTERM), wasKilled: stop.gaveUp))
        }
        throw Failure("the connection to \(machine) was lost: \(last.shortened(to: 200))", remedy: remedy)
    }

    func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String] {
        var begun: [String: [LaunchFolder]] = [:]
        for launch in launches {
            if try launch.revoke() {
                try launch.end()
                // Inputs may have been on their way there.
                if launch.isCopied, let machine = launch.note.machine {
                    await remove(launch, on: machine, within: .seconds(10))
                }
            } else {
                begun[launch.note.machine ?? "", default: []].append(launch)
            }
        }
        var ended: [String] = []
        for (machine, launches) in begun {
            let revoking = launches.filter(\.isCopied).map {
                "mv \(ShellText.quoted($0.file("mark"))) \(ShellText.quoted($0.file("revoked"))) 2> /dev/null\n"
            }
            let script =
                revoking.joined()
                + SSHScripts.settle(
                    launches.map(\.note.mark), expecting: launches.lazy.compactMap(\.machine).first, grace: 5)
            let answer: ToolRun.Answer
            do throws(Failure) {
                answer = try await connections.ask(machine, script, within: .seconds(60))
            } catch {
                throw launches[0].unanswered("\(machine) does not answer: \(error.message)")
            }
            guard answer.exit == .exited(0) else {
                let told = answer.errors.trimmed.shortened(to: 200)
                let hasAnswered = answer.exit == .exited(SSHScripts.unable)
                throw launches[0].unanswered("\(machine) \(hasAnswered ? "says" : "cannot be reached"): \(told)")
            }
            for launch in launches {
                try launch.end()
                if launch.isCopied { await remove(launch, on: machine) }
            }
            if !answer.text.trimmed.isEmpty { ended += launches.map { "\($0.note.marker) on \(machine)" } }
        }
        return ended
    }

}

/// Gives a machine up that takes a connection, or seems to, and begins nothing: ssh's own limits end with the connection.
private final class AwaitedBegin: Sendable {
    private let folder: LaunchFolder
    private let machine: String
    private let log: AttemptLog
    private let limit: Duration
    private let state = Mutex<(task: Task<Void, Never>?, gaveUp: Bool)>((nil, false))

    init(_ folder: LaunchFolder, _ machine: String, _ log: AttemptLog, limit: Duration) {
        self.folder = folder
        self.machine = machine
        self.log = log
        self.limit = limit
    }

    /// `child`: the client whose connection it is.
    func watch(_ child: ChildProcess) {
        let task = Task.detached { [self] in
            do { try await Task.sleep(for: limit / 8) } catch { return }
            if folder.hasBegun { return }
            log.note(
                "\(machine) has not begun what ssh asked of it for \((limit / 8).short); it has \(limit.short)",
                level: .warn)
            do { try await Task.sleep(for: limit - limit / 8) } catch { return }
            // Taken back in one step: what has begun goes on, and what has not never will.
            guard (try? folder.revoke()) == true else { return }
            state.withLock { $0.gaveUp = true }
            child.stop()
        }
        state.withLock { $0.task = task }
    }

    /// - Returns: Why the machine was given up; nil when it was not.
    func end() -> String? {
        let gaveUp = state.withLock { state in
            state.task?.cancel()
            return state.gaveUp
        }
        return gaveUp ? "it did not begin within \(limit.short) what ssh asked of it" : nil
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
        // Without its connection nothing will begin there that has not.
        if !folder.hasBegun { return child.stop() }
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
