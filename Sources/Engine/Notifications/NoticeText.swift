import CaudalModel

/// A notice in words, as an operator reads it on a phone: what, since when, why, what follows, and what to type.
package struct NoticeText: Sendable, Hashable {
    /// What happened, on one line.
    package let title: String
    /// What there is to know of it, a line each, the most important first.
    package let facts: [String]
    /// The last lines of what failed.
    package let lastLines: [String]
    /// Commands that help.
    package let commands: [String]

    /// How many of the last lines are told.
    private static let lineCount = 8

    package init(_ notice: Notice) {
        title = (notice.isTest ? "TEST: " : "") + Self.title(of: notice)
        facts = Self.facts(of: notice)
        lastLines = (notice.failed?.lines ?? []).suffix(Self.lineCount).map { $0.withoutControls }
        commands = Self.commands(for: notice)
    }

    /// Everything as lines of text.
    package var plain: String {
        var parts = [([title] + facts).joined(separator: "\n")]
        if !lastLines.isEmpty { parts.append((["last lines:"] + lastLines.map { "  " + $0 }).joined(separator: "\n")) }
        if !commands.isEmpty { parts.append(commands.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// The newest lines that fit into so many characters.
    static func newest(_ lines: [String], within limit: Int) -> [String] {
        var (kept, left) = ([String](), limit)
        for line in lines.reversed() {
            left -= line.count + 2
            if left < 0 { break }
            kept.append(line)
        }
        return kept.reversed()
    }

    // MARK: - Words

    private static func title(of notice: Notice) -> String {
        let name = notice.pipeline + (notice.environment.map { " (\($0))" } ?? "")
        let stage = notice.stage.map(\.rawValue)
        func both(_ words: String) -> String { stage.map { "\(name): \($0) \(words)" } ?? "\(name) \(words)" }
        switch notice.occasion {
        case .failed:
            let item = notice.failed?.item.map { "[\($0)]" } ?? ""
            return "\(name) failed" + (stage.map { ": \($0)\(item)" } ?? "")
        case .recovered: return both("has recovered")
        case .succeeded: return both("succeeded")
        case .started: return both("started")
        case .cancelled: return both("was cancelled")
        case .late: return "\(name) is late"
        case .missed: return "\(name) missed a run"
        case .retrying: return both("failed and is tried again")
        case .checkWarned: return "\(name): checks" + (stage.map { " of \($0)" } ?? "") + " warned"
        }
    }

    private static func facts(of notice: Notice) -> [String] {
        var facts: [String] = []
        if let failed = notice.failed, notice.occasion != .recovered {
            facts.append("why: \(failed.message.shortened(to: 500))")
            if let remedy = failed.remedy { facts.append("remedy: \(remedy.shortened(to: 300))") }
        }
        facts += notice.details
        facts += times(of: notice)
        if let failed = notice.failed {
            if let history = failed.history { facts.append("this failure: \(history)") }
            if failed.attempts > 1 { facts.append("tried \(failed.attempts.counted("time"))") }
        }
        if !notice.blocks.isEmpty {
            let more = notice.blocks.count > 6 ? ["\(notice.blocks.count - 6) more"] : []
            facts.append("blocks: \((notice.blocks.prefix(6) + more).joined(separator: ", "))")
        }
        if let run = notice.run {
            var text = "run: \(run)"
            if let trigger = notice.trigger, trigger != RunTrigger.manual.description { text += ", \(trigger)" }
            let parameters = notice.parameters.sorted { $0.key < $1.key }.prefix(5).map { "\($0.key)=\($0.value)" }
            if !parameters.isEmpty { text += ", " + parameters.joined(separator: " ").shortened(to: 200) }
            facts.append(text)
        }
        facts.append("on \(notice.host) in \(notice.root)")
        return facts
    }

    private static func times(of notice: Notice) -> [String] {
        let runs = notice.failedRuns.flatMap { $0 > 1 ? ", in \($0.counted("run"))" : nil } ?? ""
        if notice.occasion == .recovered, let since = notice.since {
            let length = Duration.milliseconds(max(0, notice.at - since)).short
            return ["at \(minute(notice.at)); it had not been well since \(minute(since)) (\(length))\(runs)"]
        }
        if let since = notice.since, since < notice.at {
            let length = Duration.milliseconds(notice.at - since).short
            return ["since \(minute(since)) (\(length))\(runs)"]
        }
        return ["at \(minute(notice.at))" + (notice.duration.map { ", after \($0.short)" } ?? "")]
    }

    private static func commands(for notice: Notice) -> [String] {
        guard let run = notice.run else { return [] }
        switch notice.occasion {
        // What nobody goes on with has not ended.
        case .failed where notice.isInterrupted == true: return ["caudal resume \(run)", "caudal show \(run)"]
        case .failed:
            return ["caudal retry \(run)" + (notice.stage.map { " \($0)" } ?? ""), "caudal show \(run)"]
        case .cancelled: return ["caudal retry \(run)"]
        case .late, .retrying, .checkWarned: return ["caudal show \(run)"]
        case .recovered, .succeeded, .started, .missed: return []
        }
    }

    /// `2026-11-29 06:00 UTC`.
    package static func minute(_ milliseconds: Int64) -> String {
        UTC.iso(milliseconds).prefix(16).replacing(scalar: "T", with: " ") + " UTC"
    }
}
