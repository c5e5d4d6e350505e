import CaudalModel
import Foundation
import Synchronization

/// Runs programs in containers, by podman or docker.
///
/// The client is a child process, and what it writes is what the program writes. A client that is killed leaves its
/// container running: the container is stopped, and found again, by its name and its labels.
struct ContainerExecutor: ProgramExecutor {
    private let host: ProgramHost
    private let settings: ContainerSettings
    private let place: LaunchPlace

    init(_ host: ProgramHost, _ settings: ContainerSettings, _ place: LaunchPlace) {
        self.host = host
        self.settings = settings
        self.place = place
    }

    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        let engine = try ContainerEngine.find { host.environment[$0] }
        let name = Self.name(attempt.marker)
        let (arguments, variables) = arguments(call, name: name, engine, attempt)
        // Another engine may come first on PATH by the time it is looked for.
        var place = place
        place.variables[ContainerEngine.variable] = engine.path
        let noted = try LaunchFolder(at: place, in: call.workFolder, for: attempt)
        try noted.keepNote()
        attempt.log.note("runs in \(engine.name.rawValue) container \(name) of \(settings.image)")
        let launch = ProcessLaunch(
            program: engine.path, arguments: arguments, inherited: host.environment, variables: variables,
            folder: host.folder, marker: attempt.marker, grace: attempt.grace, ledger: attempt.ledger)
        let stop = ContainerStop(engine: engine, name: name, host: host, grace: attempt.grace)
        let told = Collected(limit: 4096)
        let child = try await host.reactor.run(
            launch,
            onStart: { child in
                let work = WorkIdentity.job(kind: engine.name.rawValue, id: name)
                attempt.started(child, as: work) { stop.begin(child) }
            },
            output: { stream, bytes in
                if stream == .stderr { told.append(stream, bytes) }
                output(stream, bytes)
            })
        attempt.onStop(nil)
        await stop.end()
        var end = ProgramEnd(child)
        end.wasKilled = end.wasKilled || stop.gaveUp
        // A client that ended in another way than its container did, or while it was stopped, may have left it behind.
        var hasLeft = end.exit == .exited(125) || attempt.stopReason != nil
        if case .signaled = end.exit { hasLeft = true }
        if hasLeft {
            try await engine.remove([name], on: host)
            await engine.endMonitors(of: [name])
        }
        // One that cannot be noted is looked for once more.
        try? noted.end()
        explain(&end, engine, of: call, told.text(.stderr))
        return end
    }

    func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String] {
        let names = Set(launches.map { Self.name($0.note.marker) })
        let ended: [String]
        do throws(Failure) {
            ended = try await end(names, try ContainerEngine.find { host.environment[$0] })
        } catch {
            throw launches[0].unanswered(error.message)
        }
        for launch in launches { try launch.end() }
        return ended
    }

    /// Ends those of the containers that are there.
    private func end(_ names: Set<String>, _ engine: ContainerEngine) async throws(Failure) -> [String] {
        let answer = try await engine.ask(
            ["ps", "--all", "--filter", "label=caudal.run", "--format", "{{.Names}}"], on: host)
        guard answer.exit == .exited(0) else {
            throw Failure("\(engine.name.rawValue) says: \(answer.errors.trimmed.shortened(to: 200))")
        }
        let found = answer.text.split(whereSeparator: \.isWhitespace).map(String.init).filter(names.contains)
        try await engine.remove(found, on: host)
        await engine.endMonitors(of: names)
        return found.map { "\(engine.name.rawValue) container \($0)" }
    }

    /// The container's name, which tells what runs in it and differs between attempts.
    static func name(_ marker: String) -> String {
        let readable = String(marker.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        // Different markers may read the same once their special characters are gone.
        return "caudal-\(readable.prefix(80))-\(ContentHash.of(marker).suffix(6))"
    }

    private func arguments(
        _ call: ProgramCall, name: String, _ engine: ContainerEngine, _ attempt: AttemptControl
    ) -> ([String], [String: String]) {
        var words = ["run", "--rm", "--name", name]
        let labels = [
            "run": attempt.run.rawValue, "stage": attempt.unit.stage.rawValue,
            "item": attempt.unit.item?.rawValue ?? "", "attempt": String(attempt.number),
        ]
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) { words += ["--label", "caudal.\(key)=\(value)"] }
        words += [
            "--init", "--pull=\(settings.pull.rawValue)", "--log-driver", "none", "--network",
            settings.network.rawValue, "--security-opt", "label=disable",
        ]
        words += ["--user", settings.user ?? "\(geteuid()):\(getegid())"]
        // Without root, podman's own mapping would make another user of the one who runs Caudal.
        if engine.name == .podman, geteuid() != 0, settings.user == nil { words += ["--userns", "keep-id"] }
        let isMounted = call.tool == .duckDB && settings.duckDB == nil
        for (path, access) in MountList(host, call, settings.mounts, tool: isMounted ? call.program : nil).mounts {
            if access == .hidden {
                // Engines write this in other ways where a path has a colon, and agree on none that is read-only.
                words +=
                    path.contains(":")
                    ? ["--mount", "type=tmpfs,destination=\(path)"] : ["--tmpfs", "\(path):ro"]
            } else if path.contains(":") {
                let access = access == .readOnly ? ",readonly" : ""
                words += ["--mount", "type=bind,source=\(path),target=\(path)\(access)"]
            } else {
                words += ["--volume", "\(path):\(path)" + (access == .readOnly ? ":ro" : "")]
            }
        }
        words += ["--workdir", call.folder ?? host.folder]
        let variables = host.variables(of: call, passing: settings.variables)
        var passed: [String: String] = [:]
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if ContainerEngine.needs(name), host.environment[name] != value {
                words += ["--env", "\(name)=\(value)"]
            } else {
                // Its value does not stand in the list of processes.
                words += ["--env", name]
                if !ContainerEngine.needs(name) { passed[name] = value }
            }
        }
        let program = call.tool == .duckDB ? settings.duckDB ?? call.program : call.program
        words += ["--entrypoint", "", settings.image, program]
        return (words + call.arguments, passed)
    }

    /// Says what an exit status of the engine itself means.
    ///
    /// `told`: the beginning of what was written to standard error.
    private func explain(_ end: inout ProgramEnd, _ engine: ContainerEngine, of call: ProgramCall, _ told: String) {
        end.takeSignalFromStatus()
        // The first process of podman's containers has a status of its own for a program that is not there.
        if end.exit == .exited(1), told.contains(#/^ERROR \(catatonit:[0-9]+\): failed to exec pid1:/#) {
            end.exit = .exited(told.contains("Permission denied") ? 126 : 127)
        }
        // Programs have the same statuses, such as a shell for what it does not find itself, and write to the same place.
        let isOfRuntime = told.contains(#/(?i)crun: |runc: |OCI runtime|executable file|failed to exec pid1:/#)
        let isOfEngine =
            isOfRuntime
            || told.contains(
                #/(?i)(^|\n)Error: [^\n]*(image|container|network|mount|statfs|user|option|flag)|daemon: /#)
        switch end.exit {
        case .exited(125) where !told.isEmpty && !isOfEngine: return
        case .exited(126) where told.contains(#/unable to find user|no matching entries in passwd/#):
            end.meaning =
                "\(engine.name.rawValue) knows no user '\(settings.user ?? "")' in \(settings.image) (exit status 126)"
        case .exited(126) where !isOfRuntime, .exited(127) where !isOfRuntime: return
        case .exited(125): end.meaning = "\(engine.name.rawValue) could not run the container (exit status 125)"
        case .exited(126): end.meaning = "'\(call.program)' cannot be executed in \(settings.image) (exit status 126)"
        case .exited(127): end.meaning = "there is no program '\(call.program)' in \(settings.image) (exit status 127)"
        default: break
        }
    }
}

/// Stops one container through its engine, so that the program gets its grace.
private final class ContainerStop: Sendable {
    private let engine: ContainerEngine
    private let name: String
    private let host: ProgramHost
    private let grace: Duration
    private let state = Mutex<(task: Task<Void, Never>?, gaveUp: Bool)>((nil, false))

    init(engine: ContainerEngine, name: String, host: ProgramHost, grace: Duration) {
        self.engine = engine
        self.name = name
        self.host = host
        self.grace = grace
    }

    /// Whether the container had to be killed.
    var gaveUp: Bool { state.withLock { $0.gaveUp } }

    /// Begins to stop it; `child` is the client that waits for it.
    func begin(_ child: ChildProcess) {
        let task = Task.detached { [self] in await stop(child) }
        state.withLock { $0.task = task }
    }

    /// Waits until nothing is being stopped any more.
    func end() async {
        guard let task = state.withLock({ $0.task }) else { return }
        task.cancel()
        await task.value
    }

    private func stop(_ child: ChildProcess) async {
        let seconds = Int(grace.seconds.rounded(.up))
        // A container that does not exist yet is about to be made, or its image is being fetched.
        for _ in 0..<5 {
            if Task.isCancelled { return }
            let began = ContinuousClock.now
            let answer = try? await engine.ask(
                ["stop", "--time", String(seconds), name], limit: grace + .seconds(20), on: host)
            if answer?.exit == .exited(0) {
                if ContinuousClock.now - began >= grace { state.withLock { $0.gaveUp = true } }
                return
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
        child.stop()
    }
}
