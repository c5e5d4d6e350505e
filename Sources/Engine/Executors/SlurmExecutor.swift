import CaudalModel
import Foundation

/// Runs programs as jobs of Slurm.
///
/// A job belongs to the cluster, and outlives this process: its number is recorded, its output and its exit status are
/// files in the attempt's folder, and another process of Caudal takes it up again.
struct SlurmExecutor: ProgramExecutor {
    private let host: ProgramHost
    private let target: Target
    private let settings: SlurmSettings
    private let place: LaunchPlace
    private let queue: SlurmQueue

    init(_ host: ProgramHost, _ target: Target, _ settings: SlurmSettings, _ place: LaunchPlace) {
        self.host = host
        self.target = target
        self.place = place
        self.settings = settings
        queue = SlurmQueue(host, poll: settings.poll)
    }

    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        var variables = call.variables
        for name in target.variables where variables[name] == nil { variables[name] = host.environment[name] }
        let program = call.tool == .duckDB ? target.duckDB ?? call.program : call.program
        let folder = try LaunchFolder(at: place, in: call.workFolder, for: attempt)
        try folder.write(call, program: program, variables: variables, on: host)
        try FileText.write(script(folder), to: folder.file("job.sh"), isPrivate: true)
        if attempt.stopReason != nil { throw Failure("it was stopped before it was submitted") }
        try folder.keepNote()
        let job = try await submit(call, folder, attempt)
        attempt.began(.job(kind: target.name, id: job))
        attempt.log.note("submitted to Slurm as job \(job)")
        return try await follow(job, folder, for: attempt, output: output)
    }

    /// Submits the job, and returns its number.
    ///
    /// - Throws: ``Failure`` when it was not taken, and never begins.
    private func submit(
        _ call: ProgramCall, _ folder: LaunchFolder, _ attempt: AttemptControl
    ) async throws(Failure) -> String {
        let refusal: Failure
        do throws(Failure) { return try await queue.submit(words(call, folder, attempt)) } catch { refusal = error }
        // The answer may be lost, or come too late, of a controller that took the job.
        let name = Self.name(folder.note)
        for _ in 0..<3 {
            if let job = folder.text("job") { return job }
            do throws(Failure) {
                guard let job = try await queue.jobs(named: [name]).first else { break }
                return job
            } catch {
                await pause(.seconds(1))
            }
        }
        guard try folder.revoke() else {
            // It has begun meanwhile, and tells its number first of all.
            for _ in 0..<50 where folder.text("job") == nil { await pause(.milliseconds(200)) }
            if let job = folder.text("job") { return job }
            throw refusal
        }
        // What Slurm takes from now on ends without having begun anything.
        try? folder.end()
        throw refusal
    }

    func recover(_ identity: WorkIdentity, _ folder: LaunchFolder) async -> RecoveredWork {
        guard case .job(_, let job, _) = identity else { return .ended }
        if folder.exitStatus != nil { return .attachable }
        if folder.isOver { return .ended }
        do throws(Failure) {
            if try await queue.find(job)?.isOpen == true { return .attachable }
            // It may have ended just now, and its last files may be seen here only after a while.
            for _ in 0..<25 where folder.exitStatus == nil { await pause(.milliseconds(200)) }
            return folder.exitStatus != nil ? .attachable : .ended
        } catch {
            return .unknown(error.description)
        }
    }

    func attach(
        to identity: WorkIdentity, _ call: ProgramCall, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        guard case .job(_, let job, _) = identity, let folder = call.workFolder.flatMap(LaunchFolder.all)?.last else {
            throw Failure("nothing can be heard of \(identity) any more")
        }
        // What DuckDB writes is read from its beginning: only all of it together is a result.
        return try await follow(job, folder, resumes: call.tool == nil, for: attempt, output: output)
    }

    func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String] {
        var begun: [LaunchFolder] = []
        for launch in launches where try !launch.revoke() { begun.append(launch) }
        var jobs: [String] = []
        do throws(Failure) {
            jobs = try await queue.jobs(named: launches.map { Self.name($0.note) })
            if !jobs.isEmpty { try await queue.cancel(jobs) }
        } catch {
            // What waits in the queue and cannot begin does no harm.
            if let first = begun.first { throw first.unanswered(error.message) }
        }
        for launch in launches { try launch.end() }
        return jobs.map { "\(target.name) job \($0)" }
    }

    /// The name of a try's job, which no other one has.
    private static func name(_ launch: LaunchNote) -> String {
        "\(ContainerExecutor.name(launch.marker))-\(launch.mark.suffix(8))"
    }

    // MARK: - The job

    private func words(_ call: ProgramCall, _ folder: LaunchFolder, _ attempt: AttemptControl) -> [String] {
        // These are patterns, in which a doubled sign stands for itself.
        let output = folder.file("slurm.out").replacing("%", with: "%%")
        var words = [
            "--parsable", "--no-requeue", "--export=ALL", "--job-name=\(Self.name(folder.note))",
            "--comment=caudal \(attempt.marker)", "--chdir=/", "--output=\(output)", "--error=\(output)",
            "--open-mode=append",
        ]
        if let partition = settings.partition { words.append("--partition=\(partition)") }
        if let account = settings.account { words.append("--account=\(account)") }
        if let qos = settings.qos { words.append("--qos=\(qos)") }
        if let time = settings.time {
            // Slurm counts in minutes.
            words.append("--time=\(max(1, Int((time.seconds / 60).rounded(.up))))")
        }
        if let memory = settings.memory ?? call.resources.memory {
            words.append("--mem=\(max(1, (memory + 1_048_575) / 1_048_576))M")
        }
        if let cpus = settings.cpus ?? call.resources.cpu.map({ max(1, Int($0.rounded(.up))) }) {
            words.append("--cpus-per-task=\(cpus)")
        }
        return words + settings.options + [folder.file("job.sh")]
    }

    /// What the batch step does: it runs the program in a group of its own and passes on the request to end.
    private func script(_ folder: LaunchFolder) -> String {
        """
        #!/bin/sh
        PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}; export PATH
        \(folder.take)
        echo "$SLURM_JOB_ID" > "$d/job.new" && mv "$d/job.new" "$d/job"
        setsid /bin/sh "$d/launch.sh" < /dev/null > "$d/stdout" 2> "$d/stderr" & c=$!
        trap 'told=1; kill -TERM "-$c" 2> /dev/null' TERM
        told=
        wait $c; rc=$?
        # A signal ends a wait before the program has ended: only another wait has its exit status.
        while [ "$told" ]; do
          told=
          wait $c; again=$?
          [ $again = 127 ] || rc=$again
        done
        \(folder.record)
        exit $rc

        """
    }

    // MARK: - Following it

    /// Hands on what a job writes until it has ended.
    private func follow(
        _ job: String, _ folder: LaunchFolder, resumes: Bool = false, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        var reader = LaunchOutput(folder, resumes: resumes)
        var stop = JobStop(job: job, grace: attempt.grace)
        let began = ContinuousClock.now
        var machine: String?
        var hasGone = false
        while true {
            reader.read(output)
            if machine == nil, let found = folder.machine {
                machine = found
                attempt.began(.job(kind: target.name, id: job, at: found))
                attempt.log.note("job \(job) runs on \(found)")
            }
            if let status = folder.exitStatus {
                reader.finish(output)
                var end = ProgramEnd(exit: .exited(status), wasKilled: stop.gaveUp)
                end.takeSignalFromStatus()
                return end
            }
            if hasGone {
                // The queue may not show what Slurm knows, and Slurm may not answer.
                let isOpen: Bool
                do throws(Failure) { isOpen = try await queue.find(job)?.isOpen == true } catch { isOpen = true }
                if isOpen {
                    hasGone = false
                    await pause(.seconds(1))
                    continue
                }
                reader.finish(output)
                return try await end(of: job, folder, machine, stop, attempt)
            }
            if attempt.stopReason != nil { await stop.advance(queue) }
            if !(await queue.mayGoOn(job)) {
                // Its last files may be seen here only after a while.
                for _ in 0..<25 where folder.exitStatus == nil { await pause(.milliseconds(200)) }
                hasGone = true
                continue
            }
            let age = ContinuousClock.now - began
            await pause(min(.seconds(1), max(.milliseconds(50), age / 20)))
        }
    }

    private func pause(_ time: Duration) async {
        // The task of an attempt is never cancelled.
        try? await Task.sleep(for: time)
    }

    /// The end of a job that did not record how its program ended.
    private func end(
        of job: String, _ folder: LaunchFolder, _ machine: String?, _ stop: JobStop, _ attempt: AttemptControl
    ) async throws(Failure) -> ProgramEnd {
        if attempt.stopReason != nil {
            return ProgramEnd(exit: .signaled(stop.gaveUp ? SIGKILL : SIGTERM), wasKilled: stop.gaveUp)
        }
        let found = try await queue.find(job)
        let node = machine ?? found?.node
        let place = node.map { " on \($0)" } ?? ""
        guard let found else {
            throw Failure(
                "Slurm does not know job \(job) any more, and it left no result", remedy: "see 'sacct -j \(job)'")
        }
        if !folder.hasBegun, found.status == LaunchFolder.notShared {
            throw .notShared(
                folder.path,
                told: "\(node ?? "the node") does not see \(folder.path) as this machine does, or cannot write there")
        }
        switch found.state {
        case "TIMEOUT", "DEADLINE":
            throw Failure(
                "Slurm ended job \(job)\(place) at its time limit",
                remedy: "raise 'time' of the target '\(target.name)'")
        case "OUT_OF_MEMORY":
            throw Failure(
                "Slurm ended job \(job)\(place) because it used more memory than it asked for",
                remedy: "raise 'memory' of the target '\(target.name)', or of the stage's 'resources'")
        case "NODE_FAIL", "BOOT_FAIL":
            throw Failure(
                "the node of job \(job)\(place) was lost (\(found.state))",
                remedy: "a 'retry' of the stage begins it again on another node")
        case "CANCELLED", "PREEMPTED", "REVOKED":
            throw Failure("job \(job)\(place) was ended by others (\(found.state))")
        default:
            let signal = found.signal.map { ", signal \($0)" } ?? ""
            throw Failure(
                "job \(job)\(place) ended without a result (\(found.state), exit status \(found.status)\(signal))",
                remedy: "see 'scontrol show job \(job)' and the log of the node's slurmd")
        }
    }
}

/// How far the stop of a job has come.
private struct JobStop {
    let job: String
    let grace: Duration
    private var askedAt: ContinuousClock.Instant?
    private var killedAt: ContinuousClock.Instant?
    private(set) var gaveUp = false

    init(job: String, grace: Duration) {
        self.job = job
        self.grace = grace
    }

    /// Asks the job to end, and later has it killed.
    mutating func advance(_ queue: SlurmQueue) async {
        guard let askedAt else {
            askedAt = .now
            await queue.askToEnd(job)
            return
        }
        // Again and again until it has gone: Slurm may not have heard of it.
        let isDue = killedAt.map { ContinuousClock.now - $0 >= .seconds(5) } ?? true
        if isDue, ContinuousClock.now - askedAt >= grace {
            (gaveUp, killedAt) = (true, .now)
            await queue.kill(job)
        }
    }
}

/// Reads what a program of another machine writes to its files.
private struct LaunchOutput {
    private let folder: LaunchFolder
    /// How much has been handed on, of both streams.
    private var offsets: [LogStream: Int64] = [.stdout: 0, .stderr: 0]

    /// - Parameter resumes: Goes on behind what another process of Caudal has read.
    init(_ folder: LaunchFolder, resumes: Bool) {
        self.folder = folder
        guard resumes, let text = try? FileText.read(folder.file("read")) else { return }
        let numbers = text.split(separator: " ").compactMap {
            Int64($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if numbers.count == 2 { offsets = [.stdout: numbers[0], .stderr: numbers[1]] }
    }

    /// Hands on what is new.
    mutating func read(_ output: ProcessReactor.OutputHandler) {
        let news = read(.stdout, output, wholeLines: true) + read(.stderr, output, wholeLines: true)
        guard news > 0 else { return }
        // A note that is lost only repeats lines.
        try? FileText.replace(
            "\(offsets[.stdout] ?? 0) \(offsets[.stderr] ?? 0)\n", at: folder.file("read"))
    }

    /// Hands on the rest, and that there is no more.
    mutating func finish(_ output: ProcessReactor.OutputHandler) {
        for stream in [LogStream.stdout, .stderr] {
            _ = read(stream, output, wholeLines: false)
            output(stream, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// - Parameter wholeLines: Leaves the beginning of a line for later, so that a process that goes on from here has it.
    private mutating func read(
        _ stream: LogStream, _ output: ProcessReactor.OutputHandler, wholeLines: Bool
    ) -> Int64 {
        let descriptor = open(folder.file(stream == .stdout ? "stdout" : "stderr"), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var total: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let offset = offsets[stream] ?? 0
            let count = pread(descriptor, &buffer, buffer.count, off_t(offset))
            if count <= 0 { return total }
            var length = count
            if wholeLines, count < buffer.count {
                guard let end = buffer[..<count].lastIndex(of: UInt8(ascii: "\n")) else { return total }
                length = end + 1
            }
            buffer.withUnsafeBytes { output(stream, UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
            offsets[stream] = offset + Int64(length)
            total += Int64(length)
        }
    }
}
