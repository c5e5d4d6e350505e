import CaudalModel
import Engine
import Foundation

/// Which lines of the log are shown, as the user types it: all of its words must fit.
///
/// A word fits a line whose text or source has it, as a regular expression; `!` before it turns it round. `stage:`, `item:`,
/// `attempt:`, `level:`, `since:` and `until:` fit by what they say. A word with blanks stands between quotation marks.
struct LogFilter {
    private(set) var view: LogIndex.View
    /// What is wrong with it, in words.
    private(set) var fault: String?

    /// `view`: what it changes; what it does not name stays.
    init(_ text: String, changing view: LogIndex.View, in state: DashboardState) {
        self.view = view
        (self.view.wanted, self.view.unwanted) = ([], [])
        (self.view.attempt, self.view.since, self.view.until) = (nil, nil, nil)
        var item: String?
        for word in Self.words(text) {
            let parts = word.text.split(separator: ":", maxSplits: 1).map(String.init)
            guard !word.isQuoted, parts.count == 2, !parts[1].isEmpty else {
                let isWanted = word.isQuoted || !word.text.hasPrefix("!")
                let rest = isWanted ? word.text : String(word.text.dropFirst())
                // What is typed so far may be the beginning of a word.
                if rest.isEmpty { continue }
                if let fault = LogSearch(rest)?.fault { self.fault = "'\(rest)' is taken as text: it \(fault.words)" }
                if isWanted { self.view.wanted.append(rest) } else { self.view.unwanted.append(rest) }
                continue
            }
            switch parts[0].lowercased() {
            case "stage": takeStage(parts[1], state)
            case "item": item = parts[1]
            case "attempt":
                self.view.attempt = Int(parts[1])
                if self.view.attempt == nil { fault = "'\(parts[1])' is no number of an attempt" }
            case "level":
                let level = LogLevel.allCases.first { $0.name.hasPrefix(parts[1].lowercased()) }
                self.view.level = level ?? self.view.level
                if level == nil { fault = "the levels are debug, info, warn and error" }
            case "since": self.view.since = time(parts[1], state)
            case "until": self.view.until = time(parts[1], state)
            default: self.view.wanted.append(word.text)
            }
        }
        if let item { takeItem(item, state) }
    }

    private mutating func takeStage(_ name: String, _ state: DashboardState) {
        guard let found = StageSearch(name, in: state).found.first else {
            return fault = "there is no stage '\(name)'"
        }
        view.unit = found
    }

    private mutating func takeItem(_ name: String, _ state: DashboardState) {
        let stages = view.unit.map { [$0.stage] } ?? [state.selection.stage] + state.run.stages.map(\.id)
        func first(_ fits: (ItemKey) -> Bool) -> [UnitID] {
            for id in stages {
                let keys = state.run.stage(id)?.items.map(\.item.key).filter(fits) ?? []
                if !keys.isEmpty { return keys.map { UnitID(id, $0) } }
            }
            return []
        }
        let exact = first { $0.rawValue == name }
        // The beginning of one key alone stands for it.
        let begun = exact.isEmpty ? first { $0.rawValue.hasPrefix(name) } : exact
        switch begun.count {
        case 0: fault = "there is no item '\(name)'"
        case 1: view.unit = begun[0]
        default:
            let example = begun[0].item?.rawValue ?? ""
            fault = "there is no item '\(name)'; \(begun.count) begin with it, such as \(example)"
        }
    }

    /// A time of day such as `13:04`, on the day of the run or the day after, or how long ago, such as `5m`.
    private mutating func time(_ text: String, _ state: DashboardState) -> Int64? {
        if let duration = ScalarFormats.duration(text) { return state.now.wall - duration.milliseconds }
        let parts = text.split(separator: ":").map { Int($0) }
        guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1],
            let second = parts.count == 3 ? parts[2] : 0, (0..<24).contains(hour), (0..<60).contains(minute),
            (0..<60).contains(second)
        else {
            fault = "'\(text)' is no time: write 13:04, 13:04:29, or 5m for five minutes ago"
            return nil
        }
        let begun = state.run.startedAt?.wall ?? state.now.wall
        let offset = Int64(state.zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(begun) / 1000))) * 1000
        let day = begun + offset - ((begun + offset) % 86_400_000 + 86_400_000) % 86_400_000
        let time = day - offset + Int64(hour * 3600 + minute * 60 + second) * 1000
        // A run may go on after midnight.
        return time < begun - 3_600_000 && state.now.wall >= time + 86_400_000 ? time + 86_400_000 : time
    }

    /// The words of a text; those between quotation marks may have blanks.
    private static func words(_ text: String) -> [(text: String, isQuoted: Bool)] {
        var words: [(text: String, isQuoted: Bool)] = []
        for (index, part) in text.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                if !part.isEmpty { words.append((String(part), true)) }
            } else {
                words += part.split(separator: " ").map { (String($0), false) }
            }
        }
        return words
    }
}
