/// Something that happened to a run, as its journal holds it.
package struct RunEvent: Sendable, Hashable {
    /// Counted from 1 within the run, without gaps.
    package let sequence: Int64
    package let time: Moment
    package let change: RunChange

    package init(sequence: Int64, time: Moment, change: RunChange) {
        self.sequence = sequence
        self.time = time
        self.change = change
    }
}

/// The things that can happen to a run.
///
/// The fold of them is ``RunState``.
package enum RunChange: Sendable, Hashable {
    /// The run begins, in this process.
    case runStarted(ProcessIdentity)
    /// Another process takes the run over: its first one died, or an operator retries it.
    case runResumed(ProcessIdentity)
    /// The pipeline file was changed since the run began, and the run goes on with what it says now.
    indirect case planChanged(PlanChange, by: String)
    /// Somebody asked for something; what it did follows as events of their own.
    case commandReceived(RunCommand, by: String)
    /// No new attempts start from here on.
    case paused
    case unpaused
    /// It is ready and waits for a slot.
    case unitQueued(UnitID)
    /// It is ready, and something outside this run holds what it needs.
    case unitHeld(UnitID, reason: String)
    case attemptStarted(UnitID, attempt: Int)
    /// The attempt's process exists; a later process can find and end it.
    case attemptSpawned(UnitID, attempt: Int, WorkIdentity)
    case progressed(UnitID, attempt: Int, Progress)
    case stopRequested(UnitID, attempt: Int, StopReason)
    /// Everything is written and checked; the outputs are about to be moved into place.
    indirect case publishing(UnitID, attempt: Int, PublishPlan, AttemptResult)
    indirect case attemptEnded(UnitID, attempt: Int, AttemptResult)
    /// The fan-out's items are known.
    case itemsFound(StageID, [Item])
    /// The next try comes by itself after a delay.
    case retryScheduled(UnitID, delay: Duration)
    /// It ended for good, unless somebody retries it.
    case unitEnded(UnitID, Outcome, reason: String?)
    /// An operator decided how it ended, with a reason; it did not run.
    case unitMarked(UnitID, Outcome, reason: String)
    /// It is to run again: back to pending.
    case unitReset(UnitID)
    /// A fanned-out stage has items to run again; its other items keep their outcomes.
    case stageReopened(StageID)
    case runEnded(Outcome)
    /// After the run's end, versions of it were published again.
    case restored(RestoredVersions, by: String)
}

/// Versions of a run that somebody published again.
package struct RestoredVersions: Sendable, Hashable, Codable {
    /// The published files, as artifacts have their paths.
    package var paths: [String]

    package init(paths: [String]) { self.paths = paths }
}

/// How a stage, an item or a run ended.
package enum Outcome: String, Sendable, Codable, CaseIterable {
    case succeeded, failed
    /// Something upstream failed.
    case blocked
    /// Its condition is false, or it was skipped by hand.
    case skipped
    case cancelled
    /// Nothing had changed since its last success.
    case reused

    /// Whether what waits for it may run.
    package var isSuccess: Bool { self == .succeeded || self == .reused }
}

/// Why an attempt is stopped.
package enum StopReason: String, Sendable, Codable {
    case cancelled
    case timedOut
    /// The engine is shutting down after a failure of its own.
    case shutdown
}

/// A process that can be recognized after its engine died.
package struct ProcessIdentity: Sendable, Hashable, Codable {
    package var pid: Int32
    /// When it started, in clock ticks since boot, as the kernel tells it; 0 when unknown.
    package var startTicks: UInt64
    /// The boot it belongs to.
    package var bootID: String
    /// The session it is in, where that was looked at.
    package var session: Int32?

    package init(pid: Int32, startTicks: UInt64, bootID: String) {
        self.pid = pid
        self.startTicks = startTicks
        self.bootID = bootID
    }
}

/// What does an attempt's work, so that it can be recognized after the engine that began it has died.
package enum WorkIdentity: Sendable, Hashable, CustomStringConvertible {
    /// A process of this machine.
    case process(ProcessIdentity)
    /// Work that another program looks after.
    ///
    /// `kind`: the name of the executor that began it, such as `slurm`.
    /// `id`: the name by which that program knows it.
    case job(kind: String, id: String)

    /// The process, where it is one.
    package var process: ProcessIdentity? { if case .process(let process) = self { process } else { nil } }

    /// Such as `pid 4242` and `slurm job 17`.
    package var description: String {
        switch self {
        case .process(let process): "pid \(process.pid)"
        case .job(let kind, let id): "\(kind) job \(id)"
        }
    }
}

extension WorkIdentity: Codable {
    private struct Job: Codable { var kind: String; var id: String }

    /// A process is written as it was before there were jobs, so that every store can be read.
    package init(from decoder: any Decoder) throws {
        if let job = try? Job(from: decoder) {
            self = .job(kind: job.kind, id: job.id)
        } else {
            self = .process(try ProcessIdentity(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .process(let process): try process.encode(to: encoder)
        case .job(let kind, let id): try Job(kind: kind, id: id).encode(to: encoder)
        }
    }
}

/// The moves that put an attempt's outputs in place, so that another process can finish them.
package struct PublishPlan: Sendable, Hashable, Codable {
    /// One file or folder and its place.
    package struct Move: Sendable, Hashable, Codable {
        /// Absolute paths.
        package var staged: String
        package var target: String
        /// The staged file's or folder's own number on its file system: whoever finds it at the target knows that the
        /// move was made, also when two folders have changed places.
        package var inode: UInt64
        /// The fingerprint of its content, by which it is known on another file system, where its number says nothing.
        package var contentHash: String?
        /// Where the run keeps another name of the staged file, absolute: what was lost can be staged again from it.
        package var kept: String?

        package init(staged: String, target: String, inode: UInt64, contentHash: String? = nil, kept: String? = nil) {
            self.staged = staged
            self.target = target
            self.inode = inode
            self.contentHash = contentHash
            self.kept = kept
        }
    }

    package var moves: [Move]
    /// What no other attempt is called, for the names of files beside the targets; empty outside of runs.
    package var owner: String?

    package init(moves: [Move], owner: String? = nil) {
        self.moves = moves
        self.owner = owner
    }
}

/// What an operator can ask of a run.
package enum RunCommand: Sendable, Hashable, Codable {
    /// Run a stage again; of a fanned-out stage that failed, only the items that did not succeed.
    case retry(StageID, downstream: Bool)
    /// Run these items of a fanned-out stage again.
    case retryItems(StageID, [ItemKey])
    /// Run these stages again, each once, in the order of the graph.
    case retryStages([StageID])
    /// Run everything again that failed or was cancelled.
    case retryFailed
    /// Stop a stage or an item, or keep it from starting.
    case cancel(UnitID)
    /// Stop everything.
    case cancelRun
    /// Start nothing new.
    case pause
    case unpause
    /// Treat a stage or an item as ended without running it.
    case mark(UnitID, Outcome, reason: String)

    /// Whether what runs of a unit is ended by it.
    func cancels(_ unit: UnitID) -> Bool {
        switch self {
        case .cancelRun: true
        case .cancel(let cancelled): unit == cancelled || cancelled.item == nil && unit.stage == cancelled.stage
        case .retry, .retryItems, .retryStages, .retryFailed, .pause, .unpause, .mark: false
        }
    }
}
