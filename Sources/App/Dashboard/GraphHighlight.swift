import CaudalModel
import Engine

/// Stages that stand out in the graph and in lists, while the others are dimmed.
enum GraphHighlight: Equatable {
    case upstream
    case downstream
    /// The longest path of what is left of the run.
    case criticalPath
}

extension DashboardState {
    /// Turns a highlight on, or off again.
    mutating func toggle(_ kind: GraphHighlight) {
        highlight = highlight == kind ? nil : kind
        guard let highlight, let words = highlightWords else { return say("nothing is highlighted") }
        if highlight == .criticalPath, highlightedStages?.isEmpty == true {
            self.highlight = nil
            return say("nothing is left to run", .good)
        }
        say(words)
    }

    /// What is highlighted, in words.
    var highlightWords: String? {
        guard let highlight, let stages = highlightedStages else { return nil }
        switch highlight {
        case .upstream: return "\((stages.count - 1).counted("stage")) upstream of \(selection.stage)"
        case .downstream:
            return "\((stages.count - 1).counted("stage")) downstream of \(selection.stage)"
        case .criticalPath: return "critical path: \(stages.count.counted("stage"))"
        }
    }

    /// What the highlighted stages depend on.
    struct HighlightKey: Hashable {
        let kind: GraphHighlight
        let stage: StageID
        let sequence: Int64
        let second: Int64
    }

    /// The stages that stand out in the graph: the highlighted ones, or else those that fit the filter; nil if all do.
    var standingOut: Set<Int>? {
        if let highlightedStages { return highlightedStages }
        guard !filter.isEmpty else { return nil }
        let key = FilterKey(text: filter.text, sequence: run.lastSequence, second: now.steady / 1000)
        return rememberedFilter.value(for: key) { Set(run.stages.indices.filter { filter.matches($0, self) }) }
    }

    /// What the stages that fit the filter depend on: some of it on how long stages have been running.
    struct FilterKey: Hashable {
        let text: String
        let sequence: Int64
        let second: Int64
    }

    /// The highlighted stages; nil if none are.
    var highlightedStages: Set<Int>? {
        guard let highlight, let index = selectedIndex else { return nil }
        // The critical path depends on how long stages have been running.
        let second = highlight == .criticalPath ? now.steady / 1000 : 0
        let key = HighlightKey(
            kind: highlight, stage: selection.stage, sequence: run.lastSequence, second: second)
        return rememberedHighlight.value(for: key) {
            switch highlight {
            case .upstream: Set(run.plan.allUpstream(of: index) + [index])
            case .downstream: Set(run.plan.allDownstream(of: index) + [index])
            case .criticalPath:
                Set(CriticalPath.path(of: run, now: now).compactMap { run.plan.index(of: $0) })
            }
        }
    }
}
