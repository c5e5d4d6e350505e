import CaudalModel

/// Makes notices of what happened in a run, from its journal and from what is known of earlier failures.
struct NoticeComposer {
    private let event: ObservedEvent
    private let store: RunStore
    private let host: String
    private let state: RunState

    /// - Throws: ``StoreError`` when the journal cannot be read.
    init(_ event: ObservedEvent, in store: RunStore, host: String) throws(StoreError) {
        self.event = event
        self.store = store
        self.host = host
        // As it was then: later attempts are not what is told of.
        let events = try store.events(of: event.run.id).prefix { $0.sequence <= event.event.sequence }
        state = RunState(id: event.run.id, plan: try store.plan(of: event.run.id), events: events)
    }

    /// The delivery by which a rule tells of the event.
    ///
    /// - Throws: ``StoreError`` when what is known of earlier failures cannot be read.
    func delivery(for telling: NotificationMemory.Telling) throws(StoreError) -> Delivery {
        Delivery(
            of: try notice(for: telling), through: telling.rule.channel, file: event.run.file, root: event.run.root)
    }

    private func notice(for telling: NotificationMemory.Telling) throws(StoreError) -> Notice {
        let run = event.run
        var notice = Notice(
            id: event.id, occasion: telling.occasion, pipeline: run.pipeline, environment: run.environment, run: run.id,
            stage: telling.stage, at: event.event.time.wall, root: run.root, host: host)
        notice.ruleStage = telling.rule.stage
        notice.started = run.started
        notice.trigger = run.trigger.description
        notice.parameters = run.parameters
        (notice.since, notice.failedRuns) = (telling.since, telling.failedRuns)
        notice.duration = state.duration(now: event.event.time)
        guard let stage = telling.stage, let found = state.stage(stage) else {
            if telling.occasion == .cancelled, let command = state.lastCommand, state.isCancelled {
                notice.details.append("by \(command.by)")
            }
            return notice
        }
        notice.duration = found.took(now: event.event.time)
        switch telling.occasion {
        case .failed, .retrying: try describeFailure(of: found, in: &notice)
        case .checkWarned:
            notice.details += found.checks.filter { $0.outcome == .warned && $0.waiver == nil }.prefix(5).map {
                "\($0.id): \($0.message) (\($0.expectation))"
            }
        case .recovered, .succeeded, .started, .cancelled, .late, .missed: break
        }
        return notice
    }

    private func describeFailure(of stage: StageState, in notice: inout Notice) throws(StoreError) {
        // Of a fan-out, the first item that failed stands for all.
        let item = stage.items.first { [.failed, .retrying].contains($0.unit.status) }
        let unit = item?.unit ?? stage.unit
        let failure = unit.lastResult?.failure ?? Failure(unit.reason ?? stage.unit.reason ?? "failed")
        let fingerprint = FailureFingerprint(failure).id
        // Colours are for terminals.
        var failed = Notice.Failed(message: EscapeParser.removed(from: failure.message), fingerprint: fingerprint)
        failed.remedy = failure.remedy
        failed.lines = (unit.lastResult?.lastLines ?? []).map(EscapeParser.removed)
        failed.item = item?.item.key.rawValue
        failed.attempts = max(1, unit.attempts.count - unit.attemptsBeforeReset)
        failed.history = try store.failureHistory(
            of: fingerprint, stage: stage.id, pipeline: event.run.pipeline, except: event.run.id
        ).words()
        notice.failed = failed
        if item != nil, let reason = stage.unit.reason { notice.details.append(reason) }
        if notice.occasion == .retrying, let at = unit.retryAt {
            notice.details.append("tried again at \(NoticeText.minute(at.wall))")
        }
        guard notice.occasion == .failed, let index = state.plan.index(of: stage.id), !state.isAllowedFailure(stage.id)
        else { return }
        notice.blocks = state.plan.allDownstream(of: index).filter { place in
            state.plan.stages[place].when == .allSucceeded && !state.stages[place].unit.status.isFinished
                || state.stages[place].unit.status == .blocked
        }.map { state.plan.stages[$0].id.rawValue }
    }
}

extension Delivery {
    /// The delivery of a notice through a channel; the same each time it is made.
    init(of notice: Notice, through channel: NotificationChannel, file: String, root: String) {
        let about = notice.ruleStage.map { "/\($0)" } ?? ""
        let target = "\(notice.pipeline)\(about) \(channel.name)"
        self.init(
            id: MessageSignature.uuid(of: "\(notice.id) \(notice.occasion.rawValue) \(target)"), event: notice.id,
            occasion: notice.occasion, pipeline: notice.pipeline, run: notice.run, stage: notice.stage, target: target,
            channel: channel, file: file, root: root, notice: JSONText.encoded(notice), created: notice.at)
    }
}
