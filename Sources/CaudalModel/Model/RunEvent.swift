/// Something that happened in a run, as its journal records it.
package struct RunEvent: Sendable, Hashable {
    /// The event's number in the run, from 1 without gaps.
    package let sequence: Int64
    package let time: Moment
    package let change: RunChange

    package init(sequence: Int64, time: Moment, change: RunChange) {
        self.sequence = sequence
        self.time = time
        self.change = change
    }
}

/// The changes that events record; ``RunState`` is their fold.
package enum RunChange: Sendable, Hashable {
    /// The run begins in this process.
    case runStarted(ProcessIdentity)
    /// Another process takes over the run: its previous process died, or an operator retries it.
    case runResumed(ProcessIdentity)
    /// The pipeline file changed after the run began, and the run continues with the new plan.
    indirect case planChanged(PlanChange, by: String)
    /// A command was received; its effects follow as events of their own.
    case commandReceived(RunCommand, by: String)
    /// An operator changed how much of the run may be done at once.
    case limitSet(RunLimit, Int)
    /// No new attempts start until the run is continued.
    case paused
    case unpaused
    /// The unit is ready and waits for a slot.
    case unitQueued(UnitID)
    /// The unit is ready, and something outside of this run holds what it needs.
    case unitHeld(UnitID, reason: String)
    case attemptStarted(UnitID, attempt: Int)
    /// The attempt's process exists; a later process can find and end it.
    case attemptSpawned(UnitID, attempt: Int, WorkIdentity)
    case progressed(UnitID, attempt: Int, Progress)
    case stopRequested(UnitID, attempt: Int, StopReason)
    /// All outputs are written and checked, and are about to be moved into place.
    indirect case publishing(UnitID, attempt: Int, PublishPlan, AttemptResult)
    indirect case attemptEnded(UnitID, attempt: Int, AttemptResult)
    /// The fan-out's items are known.
    case itemsFound(StageID, [Item])
    /// The next attempt starts by itself after a delay.
    case retryScheduled(UnitID, delay: Duration)
    /// The unit ended; only a retry runs it again.
    case unitEnded(UnitID, Outcome, reason: String?)
    /// An operator set the outcome, with a reason; the unit did not run.
    case unitMarked(UnitID, Outcome, reason: String)
    /// The unit is to run again: it is pending.
    case unitReset(UnitID)
    /// Items of the fan-out are to run again; the other items keep their outcomes.
    case stageReopened(StageID)
    case runEnded(Outcome)
    /// After the run had ended, an operator published versions of it again, or began to.
    case restored(RestoredVersions, by: String)
}

/// Versions of a run that an operator published again.
package struct RestoredVersions: Sendable, Hashable, Codable {
    /// The published files, with paths as artifacts have them.
    package var paths: [String]
    /// The files of other runs that were taken away because the run had none there; nil where there were none.
    package var putAway: [String]?
    /// Whether it is only about to happen; nil once it has.
    package var isBegun: Bool?

    package init(paths: [String], putAway: [String] = [], isBegun: Bool = false) {
        self.paths = paths
        self.putAway = putAway.isEmpty ? nil : putAway
        self.isBegun = isBegun ? true : nil
    }
}

/// How a stage, an item or a run ended.
package enum Outcome: String, Sendable, Codable, CaseIterable {
    case succeeded, failed
    /// A stage upstream failed.
    case blocked
    /// The condition is false, or an operator skipped it.
    case skipped
    case cancelled
    /// Nothing had changed since the last success, whose outputs were reused.
    case reused

    /// Whether downstream stages may run.
    package var isSuccess: Bool { self == .succeeded || self == .reused }
}

/// Why an attempt is stopped.
package enum StopReason: String, Sendable, Codable {
    case cancelled
    case timedOut
    /// The engine shuts down after an error of its own.
    case shutdown
}

/// What identifies a process after the engine that started it has died.
package struct ProcessIdentity: Sendable, Hashable, Codable {
    package var pid: Int32
    /// The start time in clock ticks since boot, from the kernel; 0 when unknown.
    package var startTicks: UInt64
    /// The id of the boot during which it started.
    package var bootID: String
    /// Its session; nil where it was not looked up.
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
    /// `kind`: what began it: a target's name, or a container engine's.
    /// `id`: the name by which that knows it.
    /// `at`: the machine that it runs on, once that is known.
    case job(kind: String, id: String, at: String? = nil)

    /// The process, where it is one.
    package var process: ProcessIdentity? { if case .process(let process) = self { process } else { nil } }

    /// Such as `pid 4242` and `slurm job 17`.
    package var description: String {
        switch self {
        case .process(let process): "pid \(process.pid)"
        case .job(let kind, let id, let machine):
            "\(kind) \(ContainerEngineName(rawValue: kind) == nil ? "job" : "container") \(id)"
                + (machine.map { " on \($0)" } ?? "")
        }
    }

    /// Where it runs, in words; nil for a process of this machine.
    package var place: String? {
        switch self {
        case .process: nil
        case .job(let kind, let id, let machine):
            ContainerEngineName(rawValue: kind) == nil
                ? machine.map { "\($0) (\(kind) job \(id))" } ?? "\(kind) job \(id)" : "a \(kind) container"
        }
    }
}

extension WorkIdentity: Codable {
    private struct Job: Codable { var kind: String; var id: String; var at: String? }

    /// A process is written as it was before there were jobs, so that every store can be read.
    package init(from decoder: any Decoder) throws {
        if let job = try? Job(from: decoder) {
            self = .job(kind: job.kind, id: job.id, at: job.at)
        } else {
            self = .process(try ProcessIdentity(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .process(let process): try process.encode(to: encoder)
        case .job(let kind, let id, let machine): try Job(kind: kind, id: id, at: machine).encode(to: encoder)
        }
    }
}

/// The programs that run containers.
package enum ContainerEngineName: String, Sendable, CaseIterable {
    case podman, docker
}

/// The moves that publish an attempt's outputs, recorded so that another process can finish them.
package struct PublishPlan: Sendable, Hashable, Codable {
    /// One file or folder and its target.
    package struct Move: Sendable, Hashable, Codable {
        /// Absolute paths.
        package var staged: String
        package var target: String
        /// The inode of the staged file or folder: if the target has it, the move was made, even when two folders were
        /// exchanged.
        package var inode: UInt64
        /// The content's fingerprint, which identifies the file on another file system, where inodes mean nothing.
        package var contentHash: String?
        /// The absolute path of the run's own hard link or clone of the staged file, from which a lost file can be
        /// staged again.
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
    /// A name that no other attempt has, used in names of temporary files beside the targets; empty outside of runs.
    package var owner: String?

    package init(moves: [Move], owner: String? = nil) {
        self.moves = moves
        self.owner = owner
    }
}

/// The commands that an operator can send to a run.
package enum RunCommand: Sendable, Hashable, Codable {
    /// Run a stage again; of a fan-out that failed, only the items that did not succeed.
    case retry(StageID, downstream: Bool)
    /// Run these items of a fan-out again; journals of before it could have `downstream` lack it.
    case retryItems(StageID, [ItemKey], downstream: Bool = false)
    /// Run these stages again, each once, in the graph's order.
    case retryStages([StageID])
    /// Run every stage and item again that failed or was cancelled.
    case retryFailed
    /// Stop a stage or an item, or keep it from starting.
    case cancel(UnitID)
    /// Stop the whole run.
    case cancelRun
    /// Start no new attempts.
    case pause
    case unpause
    /// Change how much of the run may be done at once.
    case setLimit(RunLimit, Int)
    /// Give a stage or an item an outcome without running it.
    case mark(UnitID, Outcome, reason: String)

    /// Whether the command ends running attempts of a unit.
    package func cancels(_ unit: UnitID) -> Bool {
        switch self {
        case .cancelRun: true
        case .cancel(let cancelled): unit == cancelled || cancelled.item == nil && unit.stage == cancelled.stage
        case .retry, .retryItems, .retryStages, .retryFailed, .pause, .unpause, .setLimit, .mark: false
        }
    }
}

/// A limit of a run that an operator may change while it is live.
package enum RunLimit: Sendable, Hashable, Codable {
    /// How many stages and items run at once.
    case maxParallel
    /// How many slots a pool has.
    case pool(PoolName)

    /// The name by which the pipeline file and commands know it.
    package var name: String {
        switch self {
        case .maxParallel: "max_parallel"
        case .pool(let pool): pool.rawValue
        }
    }

    /// The limit with a name.
    package init(_ name: String) { self = name == Self.maxParallel.name ? .maxParallel : .pool(PoolName(name)) }

    /// The numbers that are allowed.
    package static let range = 1...4096
}
