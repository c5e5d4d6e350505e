import CaudalModel
import Foundation

/// A job as Slurm knows it.
struct SlurmJob: Sendable, Equatable {
    /// Such as `RUNNING`.
    var state: String
    var status: Int32 = 0
    var signal: Int32?
    var node: String?

    /// Whether it has not ended.
    var isOpen: Bool {
        [
            "PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "REQUEUED",
            "SIGNALING",
        ]
        .contains(state)
    }

    /// What `scontrol show job --oneliner` says.
    init?(scontrol text: String) {
        var fields: [String: String] = [:]
        for word in text.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
        }
        guard let state = fields["JobState"] else { return nil }
        self.init(state: state, exit: fields["ExitCode"], node: fields["BatchHost"] ?? fields["NodeList"])
    }

    /// A line of `sacct --parsable2 --format State,ExitCode,NodeList`.
    init?(sacct line: String) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 3, let state = fields[0].split(separator: " ").first else { return nil }
        self.init(state: String(state), exit: fields[1], node: fields[2])
    }

    private init(state: String, exit: String?, node: String?) {
        self.state = state
        let numbers = (exit ?? "").split(separator: ":").compactMap { Int32($0) }
        status = numbers.first ?? 0
        signal = numbers.count > 1 && numbers[1] != 0 ? numbers[1] : nil
        self.node = node.flatMap { ["", "(null)", "None assigned"].contains($0) ? nil : $0 }
    }
}

/// Slurm's queue, asked by one command for all jobs of a run.
actor SlurmQueue {
    private let host: ProgramHost
    private let poll: Duration
    private var askedAt: ContinuousClock.Instant?
    private var asking: Task<Void, Never>?
    /// How often in a row the queue did not have each job that somebody asks about.
    private var absences: [String: Int] = [:]

    init(_ host: ProgramHost, poll: Duration) {
        self.host = host
        self.poll = poll
    }

    /// Submits a job, and returns its number.
    ///
    /// - Throws: ``Failure`` when Slurm does not take it.
    func submit(_ words: [String]) async throws(Failure) -> String {
        // A job begins with what is set for `sbatch`. Without that Slurm would run the user's login shell for it, which
        // takes as long as that shell likes.
        let answer = try await ask("sbatch", words, with: host.environment.all.filter { Self.isPassed($0.key) })
        let number = answer.text.trimmed
        // A number with the name of another cluster is one that nothing else here would ask.
        guard answer.exit == .exited(0), Int(number) != nil else {
            throw Failure("Slurm does not take the job: \((answer.errors + answer.text).trimmed.shortened(to: 300))")
        }
        return number
    }

    /// Whether a job may still be in the queue; while Slurm does not answer, it may.
    func mayGoOn(_ job: String) async -> Bool {
        absences[job] = absences[job] ?? 0
        if let asking {
            await asking.value
        } else if askedAt.map({ ContinuousClock.now - $0 >= poll }) ?? true {
            let task = Task { await look(for: Array(absences.keys)) }
            asking = task
            await task.value
        }
        // One absence may be the moment between two states.
        if absences[job, default: 0] < 2 { return true }
        absences[job] = nil
        return false
    }

    private func look(for jobs: [String]) async {
        if let seen = await openJobs() {
            for job in jobs where absences[job] != nil {
                absences[job] = seen.contains(job) ? 0 : absences[job, default: 0] + 1
            }
        }
        askedAt = .now
        asking = nil
    }

    private func openJobs() async -> Set<String>? {
        guard let answer = try? await ask("squeue", Self.open), answer.exit == .exited(0) else { return nil }
        return Self.jobs(answer)
    }

    /// The words that ask for the numbers of the user's jobs in the queue.
    private static let open = ["--noheader", "--me", "--format=%i"]

    private static func jobs(_ answer: ToolRun.Answer) -> Set<String> {
        Set(answer.text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    /// What Slurm knows of a job; nil when it knows nothing any more.
    ///
    /// - Throws: ``Failure`` when Slurm does not answer.
    func find(_ job: String) async throws(Failure) -> SlurmJob? {
        let answer = try await ask("scontrol", ["show", "job", job, "--oneliner"])
        if answer.exit == .exited(0) { return SlurmJob(scontrol: answer.text) }
        guard answer.errors.contains("Invalid job id") else {
            throw Self.silence(answer)
        }
        // Of jobs that ended some minutes ago only the accounting knows, where there is one.
        let kept = try await ask(
            "sacct",
            ["--noheader", "--parsable2", "--allocations", "--format=State,ExitCode,NodeList", "--jobs=\(job)"])
        guard kept.exit == .exited(0) else { return nil }
        return kept.text.split(separator: "\n").first.flatMap { SlurmJob(sacct: String($0)) }
    }

    /// The jobs in the queue that have one of these names.
    ///
    /// - Throws: ``Failure`` when Slurm does not answer.
    func jobs(named names: [String]) async throws(Failure) -> [String] {
        if names.isEmpty { return [] }
        let answer = try await ask(
            "squeue", ["--noheader", "--me", "--format=%i", "--name=\(names.joined(separator: ","))"])
        guard answer.exit == .exited(0) else {
            throw Self.silence(answer)
        }
        return answer.text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func silence(_ answer: ToolRun.Answer) -> Failure {
        Failure("Slurm does not answer: \(answer.errors.trimmed.shortened(to: 200))")
    }

    /// Ends jobs and waits until they have ended.
    ///
    /// - Throws: ``Failure`` when they do not end, or Slurm does not say so.
    func cancel(_ jobs: [String]) async throws(Failure) {
        _ = try await ask("scancel", jobs)
        var (absences, silence): (Int, Failure?) = (0, nil)
        for _ in 0..<300 {
            // One question for all of the user's: of a job that is long gone, Slurm says that there is none, as an error.
            let answer = try await ask("squeue", Self.open)
            if answer.exit == .exited(0) {
                absences = Self.jobs(answer).isDisjoint(with: jobs) ? absences + 1 : 0
                // One absence may be the moment between two states.
                if absences == 2 { return }
                silence = nil
            } else {
                silence = Self.silence(answer)
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
        }
        if let silence { throw silence }
        throw Failure(
            "jobs \(jobs.joined(separator: ", ")) of Slurm do not end", remedy: "end them with 'scancel', then resume")
    }

    /// Asks a job to end: one that has not begun is taken out of the queue.
    func askToEnd(_ job: String) async {
        // What cannot be told to Slurm now is told again by killing the job.
        _ = try? await ask("scancel", ["--state=PENDING", job])
        _ = try? await ask("scancel", ["--batch", "--signal=TERM", job])
    }

    /// Has a job killed.
    func kill(_ job: String) async {
        _ = try? await ask("scancel", ["--full", "--signal=KILL", job])
        _ = try? await ask("scancel", [job])
    }

    private static func isPassed(_ name: String) -> Bool {
        ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"].contains(name)
            || ["LC_", "SLURM_", "SBATCH_"].contains { name.hasPrefix($0) }
    }

    private func ask(
        _ name: String, _ words: [String], with variables: [String: String]? = nil
    ) async throws(Failure) -> ToolRun.Answer {
        guard let program = host.program(name) else {
            throw Failure("'\(name)' is not on PATH", remedy: "install Slurm's client programs on this machine")
        }
        // What a user has set for himself, such as SQUEUE_STATES, would hide jobs.
        let own = host.environment.all.filter { !$0.key.hasPrefix("SQUEUE_") && !$0.key.hasPrefix("SACCT_") }
        return try await ToolRun.output(
            of: program, words, environment: variables ?? own, limit: ToolRun.patience,
            reactor: host.reactor)
    }
}
