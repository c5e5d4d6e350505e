import CaudalModel
import Engine
import Foundation

/// A schedule in words, for a table.
struct ScheduleWords {
    let entry: ScheduleOverview.Entry
    /// The zone of the machine.
    private let local: TimeZone

    init(_ entry: ScheduleOverview.Entry, local: TimeZone = .current) { (self.entry, self.local) = (entry, local) }

    /// When it fires next: `06:00, in 3h 12m`, `2026-11-30 06:00 Europe/Berlin, in 2d`, `06:00, overdue 5m`.
    func next(now: Int64) -> String {
        if !entry.schedule.isEnabled { return "-" }
        if case .after = entry.schedule.trigger { return "when something arrives" }
        guard let next = entry.next else { return "never" }
        if entry.pause != nil, next < now { return "when it is resumed" }
        return distance(to: next, now: now)
    }

    /// A time, and how far away it is: `06:00, in 3h 12m`.
    func distance(to instant: Int64, now: Int64) -> String {
        let distance = Duration.milliseconds(abs(instant - now)).short
        return time(instant, now: now) + zoneName + (instant >= now ? ", in \(distance)" : ", overdue \(distance)")
    }

    /// The name of the zone where its clock is not that of the machine: ` Europe/Berlin`.
    private var zoneName: String {
        // Foundation calls UTC by its older name.
        let name = local.identifier == "GMT" ? "UTC" : local.identifier
        return entry.schedule.timezone == name ? "" : " \(entry.schedule.timezone)"
    }

    /// How it stands, with the reason.
    var standing: String {
        switch entry.standing {
        case .paused:
            let reason = entry.pause?.reason ?? ""
            return "paused" + (reason.isEmpty ? "" : ": \(reason)")
        case .on where !entry.isKnown: return "not seen by a scheduler yet"
        default: return entry.standing.rawValue
        }
    }

    /// A time as the clock of the schedule's zone shows it, without the date when that is today's.
    func time(_ instant: Int64, now: Int64) -> String {
        let seconds = instant.floored(by: 1000)
        let local = entry.zone.local(at: seconds)
        let clock = local.clock
        if local.date == entry.zone.date(at: now.floored(by: 1000)) { return clock }
        return "\(local.date) \(clock)"
    }

    /// The same in ten columns: `06:00`, `Mon 06:00`, `24 Dec`.
    func short(_ instant: Int64, now: Int64) -> String {
        let seconds = instant.floored(by: 1000)
        let local = entry.zone.local(at: seconds)
        let days = local.date.days - entry.zone.date(at: now.floored(by: 1000)).days
        let clock = local.clock
        if days == 0 { return clock }
        if days < 7 { return "\(Self.weekdays[local.date.weekday]) \(clock.prefix(5))" }
        let parts = local.date.parts
        return "\(parts.day) \(Self.months[parts.month - 1])" + (days > 300 ? " \(parts.year)" : "")
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

/// A slot as one character.
enum SlotMark {
    /// What the characters mean.
    static let legend =
        "✓ succeeded, ✗ failed or interrupted, ▶ running, ◷ waiting, » skipped, ∅ missed, ! could not start, ⊗ cancelled, · its run was removed"

    /// The last slots, oldest first.
    static func strip(_ entry: ScheduleOverview.Entry, count: Int) -> String {
        entry.recent.filter { $0.outcome != .begun }.prefix(count).reversed().map { mark($0, ascii: false) }.joined()
    }

    /// The character of a decision.
    static func mark(_ slot: RecordedSlot, ascii: Bool) -> String {
        switch slot.outcome {
        case .skipped: return ascii ? "-" : "»"
        case .missed: return ascii ? "0" : "∅"
        case .wait: return ascii ? "w" : "◷"
        case .failed: return "!"
        case .late, .begun: return ""
        case .run, .caughtUp:
            if slot.hasLostItsRun { return ascii ? "." : "·" }
            switch slot.runStatus {
            case nil, .running: return ascii ? ">" : "▶"
            case .succeeded: return StatusMark.glyph(.succeeded, frame: 0, ascii: ascii)
            case .cancelled: return StatusMark.glyph(.cancelled, frame: 0, ascii: ascii)
            case .failed, .interrupted: return StatusMark.glyph(.failed, frame: 0, ascii: ascii)
            }
        }
    }

    /// The style of that character.
    static func style(_ slot: RecordedSlot) -> Style {
        switch slot.outcome {
        case .skipped, .late, .begun: return .dim
        case .missed, .failed: return .bad
        case .wait: return .wait
        case .run, .caughtUp:
            if slot.hasLostItsRun { return .dim }
            switch slot.runStatus {
            case nil, .running: return .busy
            case .succeeded: return .good
            case .cancelled: return .dim
            case .failed, .interrupted: return .bad
            }
        }
    }
}
