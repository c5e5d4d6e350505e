import CaudalModel
import Foundation

/// Runs programs as jobs of Slurm.
///
/// A job's number is recorded, so that another process of Caudal takes it up again.
struct SlurmExecutor: JobCluster {
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
        let folder = try LaunchFolder(at: place, in: call.workFolder, for: attempt)
        try folder.write(call, for: target, on: host)
        try FileText.write(
            folder.jobScript(
                noting: #"echo "$SLURM_JOB_ID" > "$d/job.new" && mv "$d/job.new" "$d/job""#,
                grace: attempt.grace.shellSeconds),
            to: folder.file("job.sh"), isPrivate: true)
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
        let output = folder.file("slurm.out").replacing(scalar: "%", with: "%%")
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

    // MARK: - Following it

    var targetName: String { target.name }

    func look(at job: String, since: ContinuousClock.Instant) async -> JobSight {
        await queue.mayGoOn(job) ? .goesOn() : .gone
    }

    func isOpen(_ job: String) async throws(Failure) -> Bool { try await queue.find(job)?.isOpen == true }

    func askToEnd(_ job: String) async { await queue.askToEnd(job) }

    func kill(_ job: String) async { await queue.kill(job) }

    func reason(of job: String, _ folder: LaunchFolder, on machine: String?) async throws(Failure) -> Failure {
        let found = try await queue.find(job)
        let node = machine ?? found?.node
        let place = node.map { " on \($0)" } ?? ""
        guard let found else {
            return Failure(
                "Slurm does not know job \(job) any more, and it left no result", remedy: "see 'sacct -j \(job)'")
        }
        if !folder.hasBegun, found.status == LaunchFolder.notShared {
            return .notShared(
                folder.path,
                told: "\(node ?? "the node") does not see \(folder.path) as this machine does, or cannot write there")
        }
        if let told = interference(with: job, place, found.state) { return told }
        let signal = found.signal.map { ", signal \($0)" } ?? ""
        return Failure(
            "job \(job)\(place) ended without a result (\(found.state), exit status \(found.status)\(signal))",
            remedy: "see 'scontrol show job \(job)' and the log of the node's slurmd")
    }

    func meaning(of job: String, _ folder: LaunchFolder, on machine: String?) async -> String? {
        // What Slurm ends, it ends by signals.
        guard let status = folder.exitStatus, status > 128 else { return nil }
        // A job is over some moments after its program.
        for _ in 0..<10 {
            guard let found = try? await queue.find(job) else { return nil }
            let place = (machine ?? found.node).map { " on \($0)" } ?? ""
            if let told = interference(with: job, place, found.state) { return told.message }
            if !found.isOpen { return nil }
            await pause(.milliseconds(500))
        }
        return nil
    }

    /// What Slurm, or somebody by it, did to a job; nil where it ended by itself.
    private func interference(with job: String, _ place: String, _ state: String) -> Failure? {
        switch state {
        case "TIMEOUT", "DEADLINE":
            return Failure(
                "Slurm ended job \(job)\(place) at its time limit",
                remedy: "raise 'time' of the target '\(target.name)'")
        case "OUT_OF_MEMORY":
            return Failure(
                "Slurm ended job \(job)\(place) because it used more memory than it asked for",
                remedy: "raise 'memory' of the target '\(target.name)', or of the stage's 'resources'")
        case "NODE_FAIL", "BOOT_FAIL":
            return Failure(
                "the node of job \(job)\(place) was lost (\(state))",
                remedy: "a 'retry' of the stage begins it again on another node")
        case "CANCELLED", "PREEMPTED", "REVOKED":
            return Failure("job \(job)\(place) was ended by others (\(state))")
        default: return nil
        }
    }
}
