/// Everything known about a run: the fold of its events, and nothing else.
package struct RunState: Sendable, Equatable {
    /// How a run stands.
    package enum Status: String, Sendable, Codable, CaseIterable {
        case running, succeeded, failed, cancelled
        /// The run's process died before the run ended.
        case interrupted

        package init(_ outcome: Outcome) {
            switch outcome {
            case .succeeded, .reused, .skipped: self = .succeeded
            case .failed, .blocked: self = .failed
            case .cancelled: self = .cancelled
            }
        }
    }

    /// The run's id.
    package let id: RunID
    /// The current plan, as it was last changed.
    package internal(set) var plan: RunPlan
    /// The changes of the plan since the run began, oldest first.
    package internal(set) var planChanges: [RecordedPlanChange] = []
    /// The state of the run as a whole.
    package internal(set) var status: Status = .running
    /// The stages, in the plan's order.
    package internal(set) var stages: [StageState]
    /// Stages that a changed plan no longer has; if one comes back, its attempts continue to be counted.
    package internal(set) var formerStages: [StageID: StageState] = [:]
    /// Whether no new attempts start until an operator continues the run.
    package internal(set) var isPaused = false
    /// Limits that an operator has changed, with their present numbers.
    package internal(set) var limits: [RunLimit: Int] = [:]
    /// Whether the run was cancelled and no command since then asked for anything to run again.
    package internal(set) var isCancelled = false
    /// When it began; nil before its first event.
    package internal(set) var startedAt: Moment?
    /// When it ended; nil while it is running.
    package internal(set) var endedAt: Moment?
    /// When it last began to run: at its start, or when it was resumed.
    package internal(set) var runningSince: Moment?
    /// How long it ran before it was last resumed, without the time in which no process ran it.
    package internal(set) var ranBefore: Duration = .zero
    /// The time of the last event; for a run whose process died, the last time it is known to have run.
    package internal(set) var lastEventAt: Moment?
    /// The process that runs it, or last ran it.
    package internal(set) var owner: ProcessIdentity?
    /// The number of processes that have run it: 1, and one more for each resumption.
    package internal(set) var incarnation = 0
    /// The sequence number of the last applied event.
    package internal(set) var lastSequence: Int64 = 0
    /// The last thing an operator asked for, and who it was.
    package internal(set) var lastCommand: RecordedCommand?
    /// How many attempts are open now.
    package internal(set) var openAttempts = 0
    /// The restorations of its versions, oldest first.
    package internal(set) var restorations: [Restoration] = []

    /// A run without events.
    package init(id: RunID, plan: RunPlan) {
        self.id = id
        self.plan = plan
        stages = plan.stages.map { StageState(id: $0.id) }
    }

    /// The state after all of `events`, which must be complete and in order.
    package init(id: RunID, plan: RunPlan, events: some Sequence<RunEvent>) {
        self.init(id: id, plan: plan)
        for event in events { apply(event) }
    }

    /// Records that the run's process died before the run ended.
    package mutating func markInterrupted() { status = .interrupted }

    /// The run with usual durations added for stages whose plan has none.
    package func expecting(_ usual: [StageID: Duration]) -> RunState {
        var state = self
        state.plan = plan.expecting(usual)
        return state
    }

    /// How long it has run, without the time between its end and a retry, or between a crash and a resumption.
    package func duration(now: Moment) -> Duration {
        guard let runningSince else { return ranBefore }
        let end = status == .interrupted ? lastEventAt ?? now : endedAt ?? now
        return ranBefore + end.since(runningSince)
    }

    /// The time up to which durations are counted: now, or the last event once the run's process has died.
    package func clock(_ now: Moment) -> Moment { status == .interrupted ? lastEventAt ?? now : now }

    /// The state of a stage, or nil when the run does not include it.
    package func stage(_ id: StageID) -> StageState? { plan.index(of: id).map { stages[$0] } }

    /// Whether a stage has succeeded, and with another definition than it has in a plan that the run may go on with.
    package func isOutdated(_ id: StageID, by plan: RunPlan) -> Bool {
        guard let old = self.plan.index(of: id), let new = plan.index(of: id),
            stages[old].unit.status.outcome?.isSuccess == true
        else { return false }
        if let made = stages[old].madeWith { return made != plan.stages[new].workLines }
        let (before, after) = (self.plan.stages[old], plan.stages[new])
        return before.definitionText != after.definitionText && before.workLines != after.workLines
    }

    /// The state of a stage or an item, or nil when there is none with that name.
    package func unit(_ id: UnitID) -> UnitState? {
        guard let stage = stage(id.stage) else { return nil }
        guard let key = id.item else { return stage.unit }
        return stage.itemIndex[key].map { stage.items[$0].unit }
    }

    /// Whether a stage has failed and is allowed to: such a failure blocks nothing and does not fail the run.
    package func isAllowedFailure(_ id: StageID) -> Bool {
        plan.index(of: id).map { stages[$0].unit.status == .failed && plan.stages[$0].allowsFailure } ?? false
    }

    /// Whether a status is that of something that a process was running which has died.
    package func isInterrupted(_ status: UnitStatus) -> Bool { self.status == .interrupted && status == .running }

    /// The word of a status of a stage or an item: what a dead process was running is interrupted, as its run is.
    package func word(of status: UnitStatus) -> String {
        isInterrupted(status) ? Status.interrupted.rawValue : status.rawValue
    }

    /// The number of stages in each status.
    package var counts: [UnitStatus: Int] {
        var counts: [UnitStatus: Int] = [:]
        for stage in stages { counts[stage.status, default: 0] += 1 }
        return counts
    }

    /// Whether every stage has ended.
    package var isSettled: Bool { stages.allSatisfy { $0.unit.status.isFinished } }
}

/// Something that an operator asked of a run, with who it was and when.
package struct RecordedCommand: Sendable, Equatable {
    /// What was asked for.
    package let command: RunCommand
    /// Who asked.
    package let by: String
    /// When that was.
    package let at: Moment

    package init(command: RunCommand, by: String, at: Moment) {
        self.command = command
        self.by = by
        self.at = at
    }
}

/// A change of a run's plan, with who wanted it and when.
package struct RecordedPlanChange: Sendable, Equatable {
    /// The differences from the previous plan.
    package let differences: [PlanDifference]
    /// Who approved it.
    package let by: String
    /// When it was made.
    package let at: Moment
}

/// A restoration of a run's versions, with who asked for it and when.
package struct Restoration: Sendable, Equatable {
    /// The files that got an earlier version.
    package let paths: [String]
    /// The files of other runs that were taken away.
    package let putAway: [String]
    /// Who asked for it.
    package let by: String
    /// When it was made.
    package let at: Moment
    /// Whether all of it was done; what ended in the middle leaves some files as they were.
    package let isDone: Bool
}

/// How a stage or an item stands.
package enum UnitStatus: String, Sendable, Codable, CaseIterable {
    case pending
    /// Ready; waits for a slot.
    case queued
    case running
    /// Waits for the delay before its next attempt; holds no slot.
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

    /// The outcome; nil until the unit has ended.
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

/// The state of one stage, including its items.
package struct StageState: Sendable, Equatable {
    /// The stage's id.
    package let id: StageID
    /// The stage as a whole; the attempts of a fan-out's unit find its items.
    package internal(set) var unit = UnitState()
    /// The items of a fan-out in their order; empty before they are found.
    package internal(set) var items: [ItemState] = []
    /// Whether the items have been found.
    package internal(set) var hasItems = false
    /// The position of each item in the list of items, by its key.
    package internal(set) var itemIndex: [ItemKey: Int] = [:]
    /// Whether the fan-out changed after the items were found, so that they must be found again.
    package internal(set) var itemsAreStale = false
    /// The lines of the definition with which it succeeded, where a later plan has others; nil otherwise.
    package internal(set) var madeWith: [String]?
    /// The working time, including its items, since the whole stage was last reset.
    package internal(set) var worked = WorkedTime()
    /// The number of items in each status.
    package internal(set) var itemCounts: [UnitStatus: Int] = [:]

    package init(id: StageID) { self.id = id }

    /// The status of the stage; a fan-out whose items all wait is shown as waiting.
    package var status: UnitStatus {
        guard hasItems, unit.status == .running, !items.isEmpty else { return unit.status }
        if itemCounts[.running, default: 0] > 0 { return .running }
        if itemCounts[.retrying, default: 0] > 0, itemCounts[.queued, default: 0] == 0 { return .retrying }
        return finishedItems > 0 ? .running : .queued
    }

    /// The number of items that have ended.
    package var finishedItems: Int {
        itemCounts.reduce(0) { $0 + ($1.key.isFinished ? $1.value : 0) }
    }

    /// The rows of the whole stage: its own, or the sum over its items.
    package var rows: RowAccount? {
        guard hasItems else { return unit.lastResult?.rows }
        let accounts = items.compactMap { $0.unit.lastResult?.rows }
        guard var sum = accounts.first else { return nil }
        for account in accounts.dropFirst() { sum = sum + account }
        if let all = unit.lastResult?.rowsToDivide, all > sum.read, accounts.count == items.count,
            itemCounts[.succeeded, default: 0] + itemCounts[.reused, default: 0] == items.count
        {
            sum.unassigned = all - sum.read
            sum.read = all
        }
        return sum
    }

    /// Everything it published, in the order of its items.
    package var artifacts: [Artifact] {
        hasItems ? items.flatMap { $0.unit.lastResult?.artifacts ?? [] } : unit.lastResult?.artifacts ?? []
    }

    /// The results of its checks, in the order of its items.
    package var checks: [CheckResult] {
        hasItems ? items.flatMap { $0.unit.lastResult?.checks ?? [] } : unit.lastResult?.checks ?? []
    }

    /// Its progress from 0 to 1, when that is known.
    package var fraction: Double? {
        if unit.status.outcome?.isSuccess == true { return 1 }
        guard hasItems, !items.isEmpty else { return unit.status == .running ? unit.progress?.fraction : nil }
        let open = items.reduce(0.0) { sum, item in
            item.unit.status == .running ? sum + (item.unit.progress?.fraction ?? 0) : sum
        }
        return (Double(finishedItems) + open) / Double(items.count)
    }

    /// When its first attempt, or that of its first item, began.
    package var startedAt: Moment? { unit.firstStart }

    /// When it ended.
    package var endedAt: Moment? { unit.endedAt }

    /// Its working time; nil when it has not begun.
    package func took(now: Moment) -> Duration? { unit.firstStart == nil ? nil : worked.total(now: now) }
}

/// The state of one item of a fan-out.
package struct ItemState: Sendable, Equatable {
    package internal(set) var item: Item
    /// The state of the item.
    package internal(set) var unit = UnitState()
}

/// The state of a stage or an item: its status and all of its attempts.
package struct UnitState: Sendable, Equatable {
    /// The status.
    package internal(set) var status: UnitStatus = .pending
    /// Every attempt since the run began, oldest first.
    package internal(set) var attempts: [Attempt] = []
    /// The reason for its outcome, where the outcome alone does not explain it.
    package internal(set) var reason: String?
    /// Whether an operator set its outcome.
    package internal(set) var isMarked = false
    /// Whether an operator decided that it is not to run.
    package var isSkippedByHand: Bool { isMarked && status == .skipped }
    /// What outside of the run holds what it needs, while it is queued.
    package internal(set) var heldBy: String?
    /// When it became ready to run; nil before that.
    package internal(set) var queuedAt: Moment?
    /// When it ended; nil until then.
    package internal(set) var endedAt: Moment?
    /// When its next attempt starts, while it waits for a retry.
    package internal(set) var retryAt: Moment?
    /// The progress of the open attempt.
    package internal(set) var progress: Progress?
    /// The number of attempts before it was last reset by an operator.
    package internal(set) var attemptsBeforeReset = 0
    /// The working time of its own attempts since then.
    package internal(set) var worked = WorkedTime()

    /// A unit that nothing has happened to.
    package init() {}

    /// The attempt that is open now.
    package var openAttempt: Attempt? { attempts.last.flatMap { $0.result == nil ? $0 : nil } }

    /// The result of the last attempt that has ended.
    package var lastResult: AttemptResult? { attempts.last { $0.result != nil }?.result }

    /// When the first attempt since the last reset began.
    package var firstStart: Moment? {
        attempts.count > attemptsBeforeReset ? attempts[attemptsBeforeReset].startedAt : nil
    }

    /// The working time since the last reset, without the items of a fan-out; nil when it has not begun.
    package func took(now: Moment) -> Duration? { firstStart == nil ? nil : worked.total(now: now) }

    /// The attempts since the last reset that count against the retry limit: not those that an engine's death ended.
    package var countedAttempts: Int {
        attempts[attemptsBeforeReset...].reduce(0) { $0 + ($1.result?.ending == .interrupted ? 0 : 1) }
    }
}

extension StageState {
    /// The attempt that it is at, where that is not the first; of a fan-out, of which items that is so.
    package var attemptWords: String? {
        guard hasItems, !items.isEmpty else {
            return unit.attempts.count > 1 ? "attempt \(unit.attempts.count)" : nil
        }
        let counts = items.map(\.unit.attempts.count)
        guard let most = counts.max(), most > 1 else { return nil }
        if counts.allSatisfy({ $0 == most }) { return "attempt \(most)" }
        let last = most > 2 ? ", up to attempt \(most)" : ""
        return "\(counts.count { $0 > 1 }) of \(items.count) items tried again\(last)"
    }

    /// The stage's own unit, and those of its items in their order.
    package var units: [(id: UnitID, state: UnitState)] {
        [(UnitID(id), unit)] + (hasItems ? items.map { (UnitID(id, $0.item.key), $0.unit) } : [])
    }
}

/// One try of a stage or an item.
package struct Attempt: Sendable, Equatable {
    /// The attempt's number within the run, from 1.
    package let number: Int
    /// When the attempt began.
    package let startedAt: Moment
    /// When its unit became ready; nil where it did not wait for a slot.
    package let queuedAt: Moment?
    /// When it ended; nil while it is open.
    package internal(set) var endedAt: Moment?
    /// The process or job that does its work, once one was started.
    package internal(set) var work: WorkIdentity?
    /// Why it was told to stop; nil where it was not.
    package internal(set) var stopRequested: StopReason?
    /// Who cancelled it; nil if nobody did.
    package internal(set) var cancelledBy: String?
    /// The moves that were about to be made, with the result that applies once they are made.
    package internal(set) var publishing: PublishPlan?
    package internal(set) var publishingResult: AttemptResult? {
        get { publishingBox?.value }
        set { publishingBox = newValue.map(Box.init) }
    }
    package internal(set) var result: AttemptResult? {
        get { resultBox?.value }
        set { resultBox = newValue.map(Box.init) }
    }
    /// How long its unit waited for a slot; nil where it did not.
    package var queued: Duration? { queuedAt.map { startedAt.since($0) } }

    // Boxed, because a result is large, and most attempts of a run have none yet or an old one that is rarely read.
    private var publishingBox: Box<AttemptResult>?
    private var resultBox: Box<AttemptResult>?

    init(number: Int, startedAt: Moment, queuedAt: Moment? = nil) {
        self.number = number
        self.startedAt = startedAt
        self.queuedAt = queuedAt
    }
}

/// A value stored outside of the struct that holds it.
private final class Box<Value: Sendable & Equatable>: Sendable, Equatable {
    let value: Value

    init(_ value: Value) { self.value = value }

    static func == (left: Box, right: Box) -> Bool { left === right || left.value == right.value }
}
