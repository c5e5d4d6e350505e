/// Everything known about a run: the fold of its events, and nothing else.
package struct RunState: Sendable {
    /// How a run stands.
    package enum Status: String, Sendable, Codable, CaseIterable {
        case running, succeeded, failed, cancelled
        /// Its process died before it ended.
        case interrupted

        package init(_ outcome: Outcome) {
            switch outcome {
            case .succeeded, .reused, .skipped: self = .succeeded
            case .failed, .blocked: self = .failed
            case .cancelled: self = .cancelled
            }
        }
    }

    /// Which run it is.
    package let id: RunID
    /// What the run is to do, as it was last revised.
    package internal(set) var plan: RunPlan
    /// How the plan was changed since the run began, first to last.
    package internal(set) var planChanges: [RecordedPlanChange] = []
    /// How the run stands as a whole.
    package internal(set) var status: Status = .running
    /// In the plan's order.
    package internal(set) var stages: [StageState]
    /// Stages that a changed plan no longer has: one that comes back goes on counting its attempts.
    package internal(set) var formerStages: [StageID: StageState] = [:]
    /// Whether nothing new starts until somebody lets it.
    package internal(set) var isPaused = false
    /// Whether somebody cancelled the run, and nobody has asked for anything to run again since then.
    package internal(set) var isCancelled = false
    /// When it began; nil before its first event.
    package internal(set) var startedAt: Moment?
    /// When it ended; nil while it goes on.
    package internal(set) var endedAt: Moment?
    /// When it began to run last: at its start, or when it was taken up again.
    package internal(set) var runningSince: Moment?
    /// How long it ran before it was taken up again; the time in which nothing ran does not count.
    package internal(set) var ranBefore: Duration = .zero
    /// When the last event came, which for a run whose process died is when it was last known to run.
    package internal(set) var lastEventAt: Moment?
    /// The process that runs it, or ran it last.
    package internal(set) var owner: ProcessIdentity?
    /// How many processes have run it: 1, and one more for each resumption.
    package internal(set) var incarnation = 0
    /// The number of the last event it holds.
    package internal(set) var lastSequence: Int64 = 0
    /// The last thing an operator asked for, and who it was.
    package internal(set) var lastCommand: (command: RunCommand, by: String, at: Moment)?
    /// How many attempts are open now.
    package internal(set) var openAttempts = 0
    /// When its versions were published again, first to last.
    package internal(set) var restorations: [Restoration] = []

    /// A run of which nothing has happened yet.
    package init(id: RunID, plan: RunPlan) {
        self.id = id
        self.plan = plan
        stages = plan.stages.map { StageState(id: $0.id) }
    }

    /// The state after all of `events`, which must be in order from the first.
    package init(id: RunID, plan: RunPlan, events: some Sequence<RunEvent>) {
        self.init(id: id, plan: plan)
        for event in events { apply(event) }
    }

    /// How long it has run, without the time between an end and a retry, or between a crash and a resumption.
    package func duration(now: Moment) -> Duration {
        guard let runningSince else { return ranBefore }
        let end = status == .interrupted ? lastEventAt ?? now : endedAt ?? now
        return ranBefore + end.since(runningSince)
    }

    /// Until when a run tells how long things take: now, or its last sign of life once its process has died.
    package func clock(_ now: Moment) -> Moment { status == .interrupted ? lastEventAt ?? now : now }

    /// The state of a stage, or nil when it is not part of the run.
    package func stage(_ id: StageID) -> StageState? { plan.index(of: id).map { stages[$0] } }

    /// The state of a stage or an item, or nil when there is none of that name.
    package func unit(_ id: UnitID) -> UnitState? {
        guard let stage = stage(id.stage) else { return nil }
        guard let key = id.item else { return stage.unit }
        return stage.itemIndex[key].map { stage.items[$0].unit }
    }

    /// Whether a stage has failed and may: that blocks nothing and leaves the run unharmed.
    package func isAllowedFailure(_ id: StageID) -> Bool {
        plan.index(of: id).map { stages[$0].unit.status == .failed && plan.stages[$0].allowsFailure } ?? false
    }

    /// How many stages stand in each status.
    package var counts: [UnitStatus: Int] {
        var counts: [UnitStatus: Int] = [:]
        for stage in stages { counts[stage.status, default: 0] += 1 }
        return counts
    }

    /// Whether every stage has ended.
    package var isSettled: Bool { stages.allSatisfy { $0.unit.status.isFinished } }
}

/// A change of a run's plan, with who wanted it and when.
package struct RecordedPlanChange: Sendable, Equatable {
    /// What is different from the plan before.
    package let differences: [PlanDifference]
    /// Who agreed to it.
    package let by: String
    /// When that was.
    package let at: Moment
}

/// Versions of a run that were published again, with who did it and when.
package struct Restoration: Sendable, Equatable {
    /// What was given an earlier version.
    package let paths: [String]
    /// Who asked for it.
    package let by: String
    /// When that was.
    package let at: Moment
}

extension RunState: Equatable {
    package static func == (left: RunState, right: RunState) -> Bool {
        left.id == right.id && left.status == right.status && left.stages == right.stages
            && left.formerStages == right.formerStages && left.planChanges == right.planChanges
            && left.isPaused == right.isPaused && left.isCancelled == right.isCancelled
            && left.startedAt == right.startedAt && left.endedAt == right.endedAt && left.owner == right.owner
            && left.incarnation == right.incarnation
            && left.lastSequence == right.lastSequence && left.openAttempts == right.openAttempts
    }
}

/// How a stage or an item stands.
package enum UnitStatus: String, Sendable, Codable, CaseIterable {
    case pending
    /// Ready; waits for a slot.
    case queued
    case running
    /// Waits for its delay; holds no slot.
    case retrying
    case succeeded, failed, blocked, skipped, cancelled, reused

    package init(_ outcome: Outcome) {
        switch outcome {
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .blocked: self = .blocked
        case .skipped: self = .skipped
        case .cancelled: self = .cancelled
        case .reused: self = .reused
        }
    }

    /// How it ended, or nil while it has not.
    package var outcome: Outcome? {
        switch self {
        case .pending, .queued, .running, .retrying: nil
        case .succeeded: .succeeded
        case .failed: .failed
        case .blocked: .blocked
        case .skipped: .skipped
        case .cancelled: .cancelled
        case .reused: .reused
        }
    }

    /// Whether it has ended.
    package var isFinished: Bool { outcome != nil }
}

/// The state of one stage, its items included.
package struct StageState: Sendable, Equatable {
    /// Which stage it is.
    package let id: StageID
    /// The stage as a whole; its attempts find the items when it is fanned out.
    package internal(set) var unit = UnitState()
    /// The items of a fan-out in their order; empty before they are found.
    package internal(set) var items: [ItemState] = []
    /// Whether the items are known.
    package internal(set) var hasItems = false
    /// The place of each item in the list of items, by its key.
    package internal(set) var itemIndex: [ItemKey: Int] = [:]
    /// Whether its fan-out was changed since the items were found, so that they must be found anew.
    package internal(set) var itemsAreStale = false
    /// How long it was worked on, its items included, since it was last asked to run again as a whole.
    package internal(set) var worked = WorkedTime()
    /// How many items stand in each status.
    package internal(set) var itemCounts: [UnitStatus: Int] = [:]

    init(id: StageID) { self.id = id }

    /// How the stage stands; a fan-out whose items all wait is shown as waiting.
    package var status: UnitStatus {
        guard hasItems, unit.status == .running, !items.isEmpty else { return unit.status }
        if itemCounts[.running, default: 0] > 0 { return .running }
        if itemCounts[.retrying, default: 0] > 0, itemCounts[.queued, default: 0] == 0 { return .retrying }
        return finishedItems > 0 ? .running : .queued
    }

    /// How many items have ended.
    package var finishedItems: Int {
        itemCounts.reduce(0) { $0 + ($1.key.isFinished ? $1.value : 0) }
    }

    /// Rows of the whole stage: its own, or the sum of its items'.
    package var rows: RowAccount? {
        guard hasItems else { return unit.lastResult?.rows }
        let accounts = items.compactMap { $0.unit.lastResult?.rows }
        guard var sum = accounts.first else { return nil }
        for account in accounts.dropFirst() { sum = sum + account }
        if let all = unit.lastResult?.rowsToDivide, all > sum.read, accounts.count == items.count,
            itemCounts[.succeeded, default: 0] == items.count
        {
            sum.unassigned = all - sum.read
            sum.read = all
        }
        return sum
    }

    /// Everything it published, items in their order.
    package var artifacts: [Artifact] {
        hasItems ? items.flatMap { $0.unit.lastResult?.artifacts ?? [] } : unit.lastResult?.artifacts ?? []
    }

    /// The results of its checks, items in their order.
    package var checks: [CheckResult] {
        hasItems ? items.flatMap { $0.unit.lastResult?.checks ?? [] } : unit.lastResult?.checks ?? []
    }

    /// How far it is, from 0 to 1, when that is known.
    package var fraction: Double? {
        if unit.status.outcome?.isSuccess == true { return 1 }
        guard hasItems, !items.isEmpty else { return unit.status == .running ? unit.progress?.fraction : nil }
        let open = items.reduce(0.0) { sum, item in
            item.unit.status == .running ? sum + (item.unit.progress?.fraction ?? 0) : sum
        }
        return (Double(finishedItems) + open) / Double(items.count)
    }

    /// When its first attempt, or its first item's, began.
    package var startedAt: Moment? { unit.firstStart }

    /// When it ended.
    package var endedAt: Moment? { unit.endedAt }

    /// How long it has been worked on; nil when it has not begun.
    package func took(now: Moment) -> Duration? { unit.firstStart == nil ? nil : worked.total(now: now) }
}

/// The state of one item of a fan-out.
package struct ItemState: Sendable, Equatable {
    package internal(set) var item: Item
    /// How the item stands.
    package internal(set) var unit = UnitState()
}

/// The state of a stage or an item: where it stands and every attempt it had.
package struct UnitState: Sendable, Equatable {
    /// How it stands.
    package internal(set) var status: UnitStatus = .pending
    /// Every attempt since the run began, first to last.
    package internal(set) var attempts: [Attempt] = []
    /// Why it ended as it did, when that needs saying.
    package internal(set) var reason: String?
    /// Whether an operator decided its outcome.
    package internal(set) var isMarked = false
    /// What outside the run holds it, while it is queued.
    package internal(set) var heldBy: String?
    /// When it became ready to run; nil before that.
    package internal(set) var queuedAt: Moment?
    /// When it ended; nil while it has not.
    package internal(set) var endedAt: Moment?
    /// When its next try comes, while it waits for that.
    package internal(set) var retryAt: Moment?
    /// How far the open attempt is.
    package internal(set) var progress: Progress?
    /// How many attempts it had when it was last asked to run again by hand.
    package internal(set) var attemptsBeforeReset = 0
    /// How long its own attempts were open since then.
    package internal(set) var worked = WorkedTime()

    /// The attempt that is open now.
    package var openAttempt: Attempt? { attempts.last.flatMap { $0.result == nil ? $0 : nil } }

    /// The result of the last attempt that ended.
    package var lastResult: AttemptResult? { attempts.last { $0.result != nil }?.result }

    /// When the first attempt since the last reset began.
    package var firstStart: Moment? {
        attempts.count > attemptsBeforeReset ? attempts[attemptsBeforeReset].startedAt : nil
    }

    /// How long it has been worked on since the last reset, without the items of a fan-out; nil when it has not begun.
    package func took(now: Moment) -> Duration? { firstStart == nil ? nil : worked.total(now: now) }

    /// How many attempts since the last reset count against the limit: those that an engine's death ended do not.
    package var countedAttempts: Int {
        attempts[attemptsBeforeReset...].reduce(0) { $0 + ($1.result?.ending == .interrupted ? 0 : 1) }
    }
}

extension StageState {
    /// The stage's own unit, and those of its items in their order.
    package var units: [(id: UnitID, state: UnitState)] {
        [(UnitID(id), unit)] + (hasItems ? items.map { (UnitID(id, $0.item.key), $0.unit) } : [])
    }
}

/// One try of a stage or an item.
package struct Attempt: Sendable, Equatable {
    /// Counted from 1 within the run.
    package let number: Int
    /// When the attempt began.
    package let startedAt: Moment
    /// When it ended; nil while it goes on.
    package internal(set) var endedAt: Moment?
    /// The process or job that does its work, once one was started.
    package internal(set) var work: WorkIdentity?
    /// Why it was told to stop; nil where it was not.
    package internal(set) var stopRequested: StopReason?
    /// Who asked for it to be cancelled, where somebody did.
    package internal(set) var cancelledBy: String?
    /// The moves that were about to be made, with the result that holds once they are.
    package internal(set) var publishing: PublishPlan?
    package internal(set) var publishingResult: AttemptResult? {
        get { publishingBox?.value }
        set { publishingBox = newValue.map(Box.init) }
    }
    package internal(set) var result: AttemptResult? {
        get { resultBox?.value }
        set { resultBox = newValue.map(Box.init) }
    }
    // Apart, because a result is large and most attempts of a run have none yet, or an old one that nobody looks at.
    private var publishingBox: Box<AttemptResult>?
    private var resultBox: Box<AttemptResult>?

    init(number: Int, startedAt: Moment) {
        self.number = number
        self.startedAt = startedAt
    }
}

/// A value that is kept apart from what holds it.
private final class Box<Value: Sendable & Equatable>: Sendable, Equatable {
    let value: Value

    init(_ value: Value) { self.value = value }

    static func == (left: Box, right: Box) -> Bool { left === right || left.value == right.value }
}
