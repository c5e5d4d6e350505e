import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal logs`: prints log lines of runs.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print log lines of runs that match all filters.",
        discussion: "Without --run or --since, the command prints the log of the newest run.")

    @Option(help: "Only runs of this pipeline.")
    var pipeline: String?

    @Option(help: "Only this run: its ID, the start or end of the ID, or 'last'.")
    var run: String?

    @Option(help: "Only lines of this stage, or of an item as STAGE/ITEM.")
    var stage: UnitArgument?

    @Option(help: "Only lines of this level or above: debug, info, warn, error.")
    var level: String?

    @Option(help: "Only lines from this period up to now, such as 2h or 30m.")
    var since: String?

    @Option(help: "Only lines whose text matches this regular expression.")
    var grep: String?

    @Flag(name: .shortAndLong, help: "Keep printing new lines until the run ends.")
    var follow = false

    @Flag(help: "Print the lines as JSON, as they are stored.")
    var json = false

    @Option(help: "When to colour the output.")
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        let filter = try makeFilter()
        let ids = try Output.reporting { try chosenRuns(store) }
        if ids.isEmpty { try KnownNames.check(pipeline: pipeline, in: store) }
        if let unit = stage?.unit { try KnownNames.check(unit, of: ids, in: store) }
        if ids.isEmpty { return Output.error("no runs" + (pipeline.map { " of \($0)" } ?? "")) }
        let paint = Paint(color)
        for id in ids {
            let folder = store.folder.run(id)
            var tail = LogTail(folder: folder.logs)
            var isLive = follow && folder.isLive
            repeat {
                tail.read { line in
                    guard let record = LogLineParser.record(line), filter.accepts(record) else { return }
                    Self.show(line, record, json: json, paint)
                }
                guard isLive else { break }
                try await Task.sleep(for: .milliseconds(100))
                // Checked before the last read, so that lines written just before the end are not missed.
                isLive = folder.isLive
                if !isLive {
                    tail.read { line in
                        guard let record = LogLineParser.record(line), filter.accepts(record) else { return }
                        Self.show(line, record, json: json, paint)
                    }
                }
            } while isLive
        }
    }

    private static func show(_ line: some Sequence<UInt8>, _ record: LogRecord, json: Bool, _ paint: Paint) {
        if json {
            Output.json(String(decoding: Array(line), as: UTF8.self) + "\n")
        } else {
            Output.line(LogText.line(record, paint: paint))
        }
    }

    private func chosenRuns(_ store: RunStore) throws -> [RunID] {
        if let run { return [try store.find(run, pipeline: pipeline)] }
        guard since != nil else { return try store.runs(pipeline: pipeline, limit: 1).map(\.id) }
        return try store.runs(pipeline: pipeline, limit: 10_000).map(\.id).reversed()
    }

    private func makeFilter() throws -> LogFilter {
        var filter = LogFilter()
        if let level {
            guard let found = LogLevel(named: level) else {
                throw ValidationError("'\(level)' is not debug, info, warn or error")
            }
            filter.level = found
        }
        (filter.stage, filter.item) = (stage?.unit.stage, stage?.unit.item)
        if let since {
            guard let age = ScalarFormats.duration(since) else {
                throw ValidationError("'--since \(since)' is not a duration such as 2h")
            }
            filter.since = SystemClock.now.wall - age.milliseconds
        }
        if let grep {
            do {
                filter.pattern = try NSRegularExpression(pattern: grep)
                filter.overtime = Overtime(.seconds(10)) {
                    Output.error("error: '--grep \(grep)' took longer than 10s for one line and was stopped")
                    Output.error("  a nested repetition, such as (a+)+, tries every way to divide the line")
                    _exit(ExitStatus.failed.rawValue)
                }
            } catch {
                throw ValidationError("'--grep \(grep)' is not a regular expression")
            }
        }
        return filter
    }
}

/// Selects lines of the log.
struct LogFilter {
    var level: LogLevel?
    var stage: StageID?
    var item: ItemKey?
    var since: Int64?
    var pattern: NSRegularExpression?
    /// Stops a pattern whose matching does not end.
    var overtime: Overtime?

    func accepts(_ record: LogRecord) -> Bool {
        if let level, record.level < level { return false }
        if let stage, record.stage != stage { return false }
        if let item, record.item != item { return false }
        if let since, record.time < since { return false }
        if let pattern {
            let text = record.message
            func matches() -> Bool {
                pattern.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
            }
            return overtime?.watch(matches) ?? matches()
        }
        return true
    }
}

/// Formats lines of the log for people.
enum LogText {
    static func line(_ record: LogRecord, paint: Paint) -> StyledText {
        let level: StyledText
        switch record.level {
        case .debug: level = paint.dim("DEBUG")
        case .info: level = "INFO "
        case .warn: level = paint.wait("WARN ")
        case .error: level = paint.bad("ERROR")
        }
        let source = record.source
        let padded = StyledText(source).padded(to: 16)
        return "\(paint.dim(LocalTime.full(record.time)))  \(level)  \(padded)  \(record.message)"
    }
}

/// Checks names that filters use: an unknown one would silently match nothing.
enum KnownNames {
    /// Rejects a pipeline that never ran.
    static func check(pipeline: String?, in store: RunStore) throws {
        guard let pipeline else { return }
        let names = try Output.reporting { try store.pipelines() }
        if !names.contains(pipeline) { try refuse("there are no runs of a pipeline '\(pipeline)'", pipeline, names) }
    }

    /// Rejects a stage or an item that none of the runs has; accepts any item of a stage whose items are not known yet.
    static func check(_ unit: UnitID, of runs: [RunID], in store: RunStore) throws {
        guard let last = runs.last else { return }
        var stages: Set<String> = []
        for run in runs.reversed() {
            let plan = try Output.reporting { try store.plan(of: run) }
            stages.formUnion(plan.stages.map(\.id.rawValue))
            guard stages.contains(unit.stage.rawValue) else { continue }
            if unit.item == nil { return }
            let state = try Output.reporting { try store.state(of: run) }
            guard let stage = state.stage(unit.stage) else { continue }
            if state.unit(unit) != nil || stage.items.isEmpty && !stage.unit.status.isFinished { return }
        }
        if runs.count == 1 {
            let state = try Output.reporting { try store.state(of: last) }
            Output.error(message: "error: " + state.wordsOfUnknown(unit))
            throw ExitStatus.failed.code
        }
        if stages.contains(unit.stage.rawValue) {
            Output.error(
                message: "error: stage '\(unit.stage)' has no item '\(unit.item?.rawValue ?? "")' in any of these runs")
            throw ExitStatus.failed.code
        }
        try refuse("none of these runs has a stage '\(unit.stage)'", unit.stage.rawValue, stages.sorted())
    }

    private static func refuse(_ message: String, _ name: String, _ names: [String]) throws {
        Output.error(message: "error: " + message + Suggestion.phrase(for: name, among: names))
        throw ExitStatus.failed.code
    }
}
