package import CaudalModel

/// What a scheduler has to tell of a slot; the events of its run tell the rest.
package struct SlotNotice: Sendable, Hashable {
    package var occasion: Occasion
    package var slot: ScheduleSlot
    /// The slot's run, where it has one.
    package var run: RunID?
    /// Why, in a sentence, such as `nothing could run from 06:00 to 08:10`.
    package var reason: String

    /// What there is to tell.
    package enum Occasion: String, Sendable {
        case late, missed
        /// Its run was interrupted again and again, and nobody goes on with it.
        case givenUp = "given_up"

        /// What the rules of a pipeline call it.
        var named: NotificationRule.Occasion {
            switch self {
            case .late: .late
            case .missed: .missed
            case .givenUp: .failed
            }
        }
    }

    package init(_ occasion: Occasion, _ slot: ScheduleSlot, run: RunID? = nil, reason: String) {
        self.occasion = occasion
        self.slot = slot
        self.run = run
        self.reason = reason
    }
}

extension RunStore {
    /// Puts into the outbox what is to be told of a slot; it may be called again for the same slot, and adds nothing then.
    ///
    /// Whoever sends next sends it: ``OutboxSender/wake()`` of this process, or any other one.
    ///
    /// `environment`: that of the slot's run.
    /// `now`: when it became known, in milliseconds since 1970.
    /// - Returns: How many deliveries were added.
    /// - Throws: ``StoreError`` when they cannot be recorded.
    @discardableResult
    package func tell(
        _ told: SlotNotice, of pipeline: Pipeline, environment: String?, at now: Int64, host: String
    ) throws(StoreError) -> Int {
        let occasion = told.occasion.named
        let id =
            Self.slotEvents(of: pipeline.name, told.slot.schedule)
            + "\(UTC.isoSecond(told.slot.planned)) \(told.occasion.rawValue)"
        var notice = Notice(
            id: id, occasion: occasion, pipeline: pipeline.name, environment: environment, run: told.run, at: now,
            root: pipeline.root, host: host)
        notice.isInterrupted = told.occasion == .givenUp ? true : nil
        notice.details = [
            "planned for \(NoticeText.minute(told.slot.planned)) by schedule \(told.slot.schedule)", told.reason,
        ]
        // The rules of a run have its values in them; a slot may have no run.
        let known = try told.occasion == .givenUp ? told.run.flatMap(plan)?.notifications : pipeline.notifications
        let rules = (known ?? []).filter { rule in
            rule.stage == nil && rule.occasions.contains(occasion) && rule.channel.kind != TerminalChannel.typeName
        }
        return try add(
            rules.map { Delivery(of: notice, through: $0.channel, file: pipeline.file, root: pipeline.root) })
    }
}
