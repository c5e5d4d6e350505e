import CaudalModel
import Foundation

/// What a cluster says of a job when it is asked.
enum JobSight: Sendable {
    /// It may go on. `waits`: why it has not begun, where the cluster says so.
    case goesOn(waits: String? = nil)
    /// Nothing of it goes on.
    case gone
    /// It would wait for ever, and why.
    case cannotBegin(Failure)
    /// Nothing can be heard of it any more, though it may go on, and why.
    case lost(Failure)
}

/// A cluster whose jobs run programs from launch folders, and write into them what comes of it.
///
/// A job belongs to the cluster and outlives this process. What it prints and how it ends are files, which is why it is
/// followed in the same way whatever the cluster is.
protocol JobCluster: ProgramExecutor {
    /// The name of the target, as it is told.
    var targetName: String { get }

    /// What is known of a job; asked for all jobs of a run together, and as often as the target says.
    ///
    /// - Parameter since: When it was submitted, or taken up again.
    func look(at job: String, since: ContinuousClock.Instant) async -> JobSight

    /// Whether a job goes on, asked now.
    ///
    /// - Throws: ``Failure`` when the cluster does not answer.
    func isOpen(_ job: String) async throws(Failure) -> Bool

    /// Asks a job to end: one that has not begun is taken out of the queue.
    func askToEnd(_ job: String) async

    /// Has a job killed.
    func kill(_ job: String) async

    /// Why a job that has gone did not record how its program ended.
    ///
    /// - Throws: ``Failure`` when the cluster does not answer.
    func reason(of job: String, _ folder: LaunchFolder, on machine: String?) async throws(Failure) -> Failure

    /// What the cluster did to a job whose program recorded a failure; nil when that is the program's own affair.
    func meaning(of job: String, _ folder: LaunchFolder, on machine: String?) async -> String?
}

extension JobCluster {
    func meaning(of job: String, _ folder: LaunchFolder, on machine: String?) async -> String? { nil }

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

    func recover(_ identity: WorkIdentity, _ folder: LaunchFolder) async -> RecoveredWork {
        guard case .job(_, let job, _) = identity else { return .ended }
        if folder.exitStatus != nil { return .attachable }
        if folder.isOver { return .ended }
        do throws(Failure) {
            if try await isOpen(job) { return .attachable }
            await folder.settles()
            return folder.exitStatus != nil ? .attachable : .ended
        } catch {
            return .unknown(error.description)
        }
    }

    /// Hands on what a job writes until it has ended.
    ///
    /// - Parameter resumes: Goes on behind what another process of Caudal has read.
    /// - Throws: ``Failure`` when it left no result.
    func follow(
        _ job: String, _ folder: LaunchFolder, resumes: Bool = false, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        var reader = LaunchOutput(folder, resumes: resumes)
        var stop = JobStop(job: job, grace: attempt.grace)
        let began = ContinuousClock.now
        var machine: String?
        var told: String?
        var (hasGone, isRevoked) = (false, false)
        while true {
            reader.read(output)
            if machine == nil, let found = folder.machine {
                machine = found
                attempt.began(.job(kind: targetName, id: job, at: found))
                attempt.log.note("job \(job) runs on \(found)")
            }
            if let status = folder.exitStatus {
                reader.finish(output)
                var end = ProgramEnd(
                    exit: .exited(status), leftBehind: folder.leftBehind, wasKilled: stop.gaveUp)
                if status != 0, attempt.stopReason == nil {
                    end.meaning = await meaning(of: job, folder, on: machine)
                }
                end.takeSignalFromStatus()
                return end
            }
            if hasGone {
                // The queue may not show what the cluster knows, and the cluster may not answer.
                let isOpen: Bool
                do throws(Failure) { isOpen = try await self.isOpen(job) } catch { isOpen = true }
                if isOpen {
                    hasGone = false
                    await pause(.seconds(1))
                    continue
                }
                reader.finish(output)
                if attempt.stopReason != nil {
                    return ProgramEnd(exit: .signaled(stop.gaveUp ? SIGKILL : SIGTERM), wasKilled: stop.gaveUp)
                }
                throw try await reason(of: job, folder, on: machine)
            }
            if attempt.stopReason != nil {
                if !folder.hasBegun, !isRevoked { isRevoked = try folder.revoke() }
                await stop.advance(self)
                if isRevoked, stop.gaveUp {
                    // Whenever the cluster hears of it, nothing begins.
                    reader.finish(output)
                    try? folder.end()
                    return ProgramEnd(exit: .signaled(SIGTERM))
                }
            }
            switch await look(at: job, since: began) {
            case .goesOn(let waits):
                if let waits, waits != told { attempt.log.note("job \(job) waits: \(waits)", level: .warn) }
                told = waits ?? told
                let age = ContinuousClock.now - began
                await pause(min(.seconds(1), max(.milliseconds(50), age / 20)))
            case .gone:
                await folder.settles()
                hasGone = true
            case .cannotBegin(let failure):
                guard try folder.revoke() else {
                    await pause(.milliseconds(200))
                    continue
                }
                await askToEnd(job)
                reader.finish(output)
                try? folder.end()
                throw failure
            case .lost(let failure):
                reader.finish(output)
                throw failure
            }
        }
    }

    func pause(_ time: Duration) async {
        // The task of an attempt is never cancelled.
        try? await Task.sleep(for: time)
    }
}

extension LaunchFolder {
    /// Waits a little for the last files of what has ended: they may be seen here only after a while.
    func settles() async {
        for _ in 0..<25 where exitStatus == nil {
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    /// What a job runs: the program in a group of its own, to which it passes the request to end on.
    ///
    /// - Parameters:
    ///   - note: Shell that notes more of the job, once it has begun.
    ///   - grace: The seconds that what it leaves running has to end.
    func jobScript(noting note: String = ":", grace: Int) -> String {
        """
        #!/bin/sh
        PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}; export PATH
        c=; told=; asked=
        end() { kill -TERM "-$c" 2> /dev/null || kill -TERM "$c" 2> /dev/null; }
        trap 'told=1; asked=1; [ -z "$c" ] || end' TERM
        \(take)
        \(note)
        if [ "$told" ]; then
          rc=143
          \(record)
          exit $rc
        fi
        \(start) > "$d/stdout" 2> "$d/stderr" & c=$!
        # The request may have come before there was anything to pass it on to.
        [ -z "$told" ] || end
        wait $c; rc=$?
        # A signal ends a wait before the program has ended: only another wait has its exit status.
        while [ "$told" ]; do
          told=
          wait $c; again=$?
          [ $again = 127 ] || rc=$again
        done
        # A program that was asked to end has not done all of its work, though it ends well.
        [ -z "$asked" ] || [ $rc != 0 ] || rc=143
        \(endRest(grace: grace))
        \(record)
        exit $rc

        """
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
    mutating func advance(_ cluster: some JobCluster) async {
        guard let askedAt else {
            askedAt = .now
            await cluster.askToEnd(job)
            return
        }
        // Again and again until it has gone: the cluster may not have heard of it.
        let isDue = killedAt.map { ContinuousClock.now - $0 >= .seconds(5) } ?? true
        if isDue, ContinuousClock.now - askedAt >= grace {
            (gaveUp, killedAt) = (true, .now)
            await cluster.kill(job)
        }
    }
}
