package import CaudalModel
import Foundation

/// How the schedules of a project stand.
package struct ScheduleOverview: Sendable {
    /// One schedule.
    package struct Entry: Sendable {
        package var key: ScheduleKey
        package var schedule: Schedule
        /// The zone whose clock it goes by.
        package var zone: ZoneRules
        /// The pipeline file, absolute.
        package var file: String
        /// When it fires next, in milliseconds since 1970; nil when nothing is planned, or it waits for what others bring.
        package var next: Int64?
        /// The pause that lasts, if there is one.
        package var pause: WatchedSchedule.Pause?
        /// The last decisions, newest first; what was told to be late is in ``late``.
        package var recent: [RecordedSlot]
        /// The slots among the recent ones that were told to be late.
        package var late: Set<Slot>
        /// Whether a scheduler has seen it as it is in the file now.
        package var isKnown: Bool
        /// How far its slots are decided, in milliseconds since 1970.
        package var decidedThrough: Int64?

        /// How it stands, in a word.
        package var standing: Standing {
            if !schedule.isEnabled { return .disabled }
            if pause != nil { return .paused }
            if let last = recent.first(where: { $0.outcome != .begun }) {
                if last.outcome == .wait { return .waiting }
                if last.outcome == .failed { return .failed }
                if last.outcome.isToRun, !last.hasLostItsRun, last.runStatus ?? .running == .running { return .running }
            }
            return .on
        }
    }

    /// How a schedule stands.
    package enum Standing: String, Sendable, Codable {
        case on, paused, waiting, running, failed, disabled
    }

    /// The schedules, by pipeline and name.
    package var entries: [Entry]
    /// Pipeline files that cannot be read, with their first error.
    package var faults: [(file: String, fault: String)]
    /// The process that decides slots; nil when none does.
    package var holder: SchedulerLock.Holder?

    /// Reads how the schedules of a project stand.
    ///
    /// - Parameters:
    ///   - store: The run store; nil while the project has none.
    ///   - now: In milliseconds since 1970.
    ///   - history: How many decisions of each schedule are read.
    package init(
        _ files: [ProjectFile], _ store: RunStore?, now: Int64, history: Int = 20
    ) throws(StoreError) {
        let zones = ZoneLibrary()
        var entries: [Entry] = []
        let (pipelines, doubles) = files.scheduled
        for (file, pipeline) in pipelines {
            for schedule in pipeline.schedules {
                guard let zone = zones.zone(named: schedule.timezone) else { continue }
                entries.append(try Self.entry(schedule, pipeline.name, file.path, zone, store, now, history))
            }
        }
        self.entries = entries.sorted { ($0.key.pipeline, $0.key.schedule) < ($1.key.pipeline, $1.key.schedule) }
        faults = files.compactMap { file in file.fault.map { (file.path, $0) } } + doubles
        holder = store.flatMap { SchedulerLock.holder($0.folder, now: now) }
    }

    private static func entry(
        _ schedule: Schedule, _ pipeline: String, _ file: String, _ zone: ZoneRules, _ store: RunStore?, _ now: Int64,
        _ history: Int
    ) throws(StoreError) -> Entry {
        let key = ScheduleKey(pipeline: pipeline, schedule: schedule.name)
        let record = try store?.scheduleRecord(key)
        let isKnown = record?.definition == schedule.definition
        let all = try store?.recentSlots(of: key, limit: history) ?? []
        let watched = WatchedSchedule(
            pipeline: pipeline, schedule: schedule, timetable: Timetable(schedule, in: zone), decidedThrough: now)
        // What is due and not decided yet comes first; a schedule that nobody has seen begins now.
        let from = isKnown ? max(record?.decidedThrough ?? now, now - schedule.catchUpWindow.milliseconds) : now
        let next = schedule.isEnabled ? watched.next(after: from) : nil
        return Entry(
            key: key, schedule: schedule, zone: zone, file: file, next: next?.planned,
            pause: try store?.pauses(of: key, after: now).first { $0.until == nil },
            recent: all.filter { $0.outcome != .late },
            late: Set(all.filter { $0.outcome == .late }.map(\.slots.last)),
            isKnown: isKnown, decidedThrough: record?.decidedThrough)
    }
}
