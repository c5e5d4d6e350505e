import CaudalModel
import Engine
import Foundation

/// Which pipelines and runs are listed, as the user types it: all of its words must fit.
///
/// A word fits what contains it: a name, a file, an ID, how a run was started, or a parameter as `region=eu`. `state:failed`,
/// `day:2026-11-22` and `region:eu` fit runs by their state, the day that they are for or began on, and their parameters;
/// `!` before a word turns it round.
struct HomeFilter {
    private enum Test {
        case text(String)
        case field(String, String)
    }

    private let tests: [(test: Test, isWanted: Bool)]
    private let zone: TimeZone

    /// - Parameter zone: In which the screen shows times, and takes their days.
    init(_ text: String, zone: TimeZone) {
        self.zone = zone
        tests = text.lowercased().split(separator: " ").compactMap { word in
            let isWanted = word.first != "!"
            let word = isWanted ? word[...] : word.dropFirst()
            // What is typed so far may be the beginning of a word.
            if word.isEmpty { return nil }
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts.count == 2 ? .field(parts[0], parts[1]) : .text(String(word)), isWanted)
        }
    }

    func fits(_ run: RunSummary) -> Bool {
        let parameters = run.parameters.map { "\($0.key)=\($0.value)" }
        let texts = [run.id.rawValue, run.pipeline, run.trueStatus.rawValue, run.trigger.description] + parameters
        return fits(texts, run)
    }

    /// A pipeline fits by its own texts, and by the fields of its last run.
    func fits(_ pipeline: ProjectOverview.Pipeline) -> Bool {
        let last = pipeline.runs.first
        return fits([pipeline.name, pipeline.file, last?.trueStatus.rawValue ?? "never run"], last)
    }

    private func fits(_ texts: [String], _ run: RunSummary?) -> Bool {
        tests.allSatisfy { test, isWanted in
            let isFound =
                switch test {
                case .text(let text): texts.contains { $0.lowercased().contains(text) }
                case .field(let name, let value): run.map { field(name, of: $0, begins: value) } ?? false
                }
            return isFound == isWanted
        }
    }

    private func field(_ name: String, of run: RunSummary, begins value: String) -> Bool {
        if name == "state" { return run.trueStatus.rawValue.hasPrefix(value) }
        let parameter = run.parameters.first { $0.key.lowercased() == name }?.value
        if let parameter { return parameter.lowercased().hasPrefix(value) }
        switch name {
        case "day": return UTC.date(run.started, in: zone).hasPrefix(value)
        case "pipeline": return run.pipeline.lowercased().hasPrefix(value)
        default: return false
        }
    }
}
