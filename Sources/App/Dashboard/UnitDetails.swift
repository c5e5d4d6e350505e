import CaudalModel
import Engine
import Foundation
import Synchronization

/// What the inspector shows of a stage or an item besides the state of the run: it is looked up in files and the store.
struct UnitDetails: Sendable {
    /// What the details are of; they are looked up again when it changes.
    struct Key: Hashable, Sendable {
        var unit: UnitID
        var attempt: Int
        var isFinished: Bool
        /// Whether its last lines are wanted, for which the log is searched.
        var hasLog: Bool
        /// For the log of what still runs: the second.
        var second: Int64
    }

    let key: Key
    /// How the stage ended in earlier runs, oldest first.
    var endings: [StageEnding] = []
    /// What its checks measured in earlier runs and this one, oldest first.
    var checks: [CheckPoint] = []
    /// The SQL of the last attempt, as it ran.
    var sql: [String] = []
    /// The stage's place in the pipeline file.
    var place: SourceLocation?
    /// Its last lines.
    var log: [String] = []

    init(_ key: Key) { self.key = key }

    private static let runs = 30
    private static let lines = 300

    /// Looks everything up; what cannot be read is left out.
    init(_ key: Key, of run: RunState, in folder: RunFolder, _ store: RunStore, _ places: StagePlaces) {
        self.key = key
        let stage = key.unit.stage
        endings = (try? store.endings(of: stage, before: run, limit: Self.runs)) ?? []
        checks =
            (try? store.checkPoints(of: run.plan.pipeline, stage: stage, upTo: run.id, runs: Self.runs)) ?? []
        let file = folder.sqlFile(key.unit, key.attempt)
        if let bytes = try? FileText.bytes(file) {
            sql = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
        }
        if let text = try? folder.keptPipeline(of: run.plan).text {
            place = places.place(of: stage, in: run.plan.file, text)
        }
        guard key.hasLog, key.attempt > 0 else { return }
        log = LoggedLines(run, folder).newest(Self.lines, of: key.unit)
            .split(separator: "\n").map(String.init)
    }
}

/// The places of stages in the pipeline file, which is read once and not for each stage that is looked at.
final class StagePlaces: Sendable {
    private let known = Mutex<(text: [UInt8], places: [StageID: SourceLocation])?>(nil)

    func place(of stage: StageID, in file: String, _ text: [UInt8]) -> SourceLocation? {
        known.withLock { known in
            if known?.text != text { known = (text, Self.read(file, text)) }
            return known?.places[stage]
        }
    }

    /// The stages of a pipeline file, in its order; none where it cannot be read.
    static func stages(in file: String, _ text: [UInt8]) -> [StageID] {
        read(file, text).sorted { ($0.value.line, $0.value.column) < ($1.value.line, $1.value.column) }.map(\.key)
    }

    private static func read(_ file: String, _ text: [UInt8]) -> [StageID: SourceLocation] {
        // A file with faults that can be read as YAML has its stages too.
        guard let stages = ConfigSource(file: file, bytes: text).read(ConfigProblems())?[key: "stages"] else {
            return [:]
        }
        var places: [StageID: SourceLocation] = [:]
        for entry in stages.entries ?? [] { places[StageID(entry.key.value)] = entry.key.location }
        guard stages.entries == nil else { return places }
        for node in stages.elements {
            if case .scalar(let name, _)? = node[key: "id"]?.content { places[StageID(name)] = node.location }
        }
        return places
    }
}

/// Lines of the log of a run, as text.
struct LoggedLines {
    private let run: LoggedRun
    private let ended: Int64?

    init(_ run: RunState, _ folder: RunFolder) {
        ended = run.endedAt?.wall
        self.run = LoggedRun(
            id: run.id, folder: folder.logs, started: run.startedAt?.wall ?? 0, isLive: run.endedAt == nil)
    }

    /// The newest lines of a stage or an item; of everything where it is nil.
    func newest(_ count: Int, of unit: UnitID?) -> String {
        let (query, format) = (Self.query(unit), Self.format)
        let found = LogBackward.newest(count, of: [(run, ended)], query) { format.renderer() }
        return String(decoding: found.output, as: UTF8.self)
    }

    /// Writes all lines to a new file, which only its owner may read, as the log itself.
    func write(_ unit: UnitID?, to path: String) async throws {
        let format = Self.format
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else {
            throw Failure("\(path) cannot be written", errno: errno)
        }
        let outcome = await LogMerge([run], Self.query(unit)) { format.renderer() }.read { bytes in
            bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
        }
        if fclose(file) != 0 || outcome.isStopped {
            let reason = errno
            unlink(path)
            throw Failure("\(path) cannot be written", errno: reason)
        }
    }

    private static func query(_ unit: UnitID?) -> LogQuery {
        var query = LogQuery()
        (query.stage, query.item) = (unit?.stage, unit?.item)
        return query
    }

    private static var format: LogFormat {
        let name = TimeZone.current.identifier
        let zone =
            ZoneLibrary().zone(named: name)
            ?? ZoneRules(name: name, first: Int64(TimeZone.current.secondsFromGMT()), changes: [])
        return LogFormat(zone: zone)
    }
}

extension DashboardState {
    /// The details that the inspector needs and that are not looked up; nil where it has them, or is not seen.
    var wantedDetails: UnitDetails.Key? {
        guard let unit = run.unit(selection) else { return nil }
        let layout = DashboardLayout(self)
        if case .copying = overlay {} else if layout.frame(of: .inspector) == nil { return nil }
        let isFinished = unit.status.isFinished
        let second = tab == .log && !isFinished ? now.steady / 1000 : 0
        let key = UnitDetails.Key(
            unit: selection, attempt: unit.attempts.last?.number ?? 0, isFinished: isFinished, hasLog: tab == .log,
            second: second)
        return details?.key == key ? nil : key
    }

    /// The details of the selected unit; those of an earlier moment until newer ones are looked up.
    var selectedDetails: UnitDetails? { details?.key.unit == selection ? details : nil }
}
