import CaudalModel
import Engine
import Foundation

/// The content of a project: its pipelines and their runs.
struct ProjectOverview: Sendable {
    /// One pipeline, found by its file or by its runs.
    struct Pipeline: Sendable {
        var name: String
        /// The file, as an argument for `caudal run`.
        var file: String
        /// The number of its stages; nil if its file is invalid.
        var stageCount: Int?
        /// The first error in its file.
        var fault: String?
        /// Its parameters, in the order of the file.
        var parameters: [Parameter] = []
        /// The time zone in which its runs take `today`.
        var timeZone = TimeZone.gmt
        /// Which names denote secrets.
        var secretNames = SecretNames()
        /// Its latest runs, newest first.
        var runs: [RunSummary]
        /// How its schedules stand, by name.
        var schedules: [ScheduleOverview.Entry] = []

        /// The schedule that fires next, or the first one where none does.
        var nextSchedule: ScheduleOverview.Entry? {
            let due = schedules.filter { $0.next != nil }.min { $0.next ?? 0 < $1.next ?? 0 }
            return due ?? schedules.first
        }

        /// The run that tells how it stands: one that goes on, otherwise the latest.
        var current: RunSummary? { runs.first { $0.trueStatus == .running } ?? runs.first }

        /// How soon somebody should look at a pipeline.
        enum Urgency: Int, Comparable {
            case attention, running, none
            static func < (a: Urgency, b: Urgency) -> Bool { a.rawValue < b.rawValue }
        }

        var urgency: Urgency {
            if fault != nil { return .attention }
            // What became of a schedule's last slot counts until the next one has run.
            let isMissed = schedules.contains { entry in
                entry.recent.first { $0.outcome != .begun }.map { [.missed, .failed].contains($0.outcome) } ?? false
            }
            switch current?.trueStatus {
            case .failed, .interrupted: return .attention
            case .running: return .running
            case .succeeded, .cancelled, nil: return isMissed ? .attention : .none
            }
        }

        /// How long runs like the current one usually take.
        var usual: Duration? { current.flatMap { runs.usual[$0.id] }?.duration }
    }

    var pipelines: [Pipeline] = []
    /// The newest ones, the latest first.
    var runs: [RunSummary] = []
    /// How many there are besides these.
    var olderRuns = 0
    /// The process that decides when pipelines run by themselves; nil when none does.
    var scheduler: SchedulerLock.Holder?

    /// How all schedules stand.
    var schedules: [ScheduleOverview.Entry] { pipelines.flatMap(\.schedules) }
    /// Whether any run is live.
    var isMoving: Bool { runs.contains { $0.trueStatus == .running } }
}

/// Where to look for a project.
struct ProjectPlace {
    /// The folder that the user chose, absolute; nil if the user chose none.
    let chosenFolder: String?
    let currentFolder: String
    /// The process's environment.
    let variables: [String: String]
    /// Finds the state folder of the project; nil while there is none.
    let stateFolder: () -> StateFolder?

    /// The project's root, absolute.
    var root: String {
        let state = stateFolder()?.path
        return state.flatMap { $0.hasSuffix("/.caudal") ? PathText.folder(of: $0) : nil } ?? chosenFolder
            ?? currentFolder
    }
}

/// Reads the content of a project, and detects changes.
final class ProjectReader {
    /// The project root, absolute.
    let root: String
    private let place: ProjectPlace
    private let files: ProjectFiles
    private var store: RunStore?
    private var change: StoreChange?

    private static let runLimit = 200
    private static let historyLength = 20

    init(_ place: ProjectPlace) {
        self.place = place
        root = place.root
        files = ProjectFiles(root: root, chosenRoot: place.chosenFolder, variables: place.variables)
    }

    /// Writes the commands that the user may type next.
    var hint: CommandHint { store.map { CommandHint($0.folder) } ?? CommandHint() }

    /// Opens the run store of the project; nil while there is none.
    func openStore() throws(StoreError) -> RunStore? {
        if let store { return store }
        guard let folder = place.stateFolder() else { return nil }
        let opened = try RunStore(folder)
        store = opened
        change = try StoreChange(opened)
        return opened
    }

    /// Opens the run store of the project, which is made where there is none.
    func makeStore() throws(StoreError) -> RunStore? {
        if let opened = try openStore() { return opened }
        _ = try RunStore(StateFolder(path: root + "/.caudal"))
        return try openStore()
    }

    /// Whether the store has changed since the last call.
    func hasChanged() throws(StoreError) -> Bool {
        // Whatever has its name now is the project's store; without one there are no runs.
        if let store, store.isReplaced {
            (self.store, change) = (nil, nil)
            return true
        }
        guard try openStore() != nil, let change else { return false }
        return try change.hasChanged()
    }

    /// Reads the pipeline files and the runs.
    func read() throws(StoreError) -> ProjectOverview {
        let now = SystemClock.now
        let files = files.read(now: now.steady)
        let store = try openStore()
        let schedules = try ScheduleOverview(files, store, now: now.wall, history: Self.historyLength)
        var overview = ProjectOverview()
        overview.scheduler = schedules.holder
        overview.runs = try store?.runs(limit: Self.runLimit) ?? []
        if let store, overview.runs.count == Self.runLimit {
            overview.olderRuns = max(0, try store.runCount() - Self.runLimit)
        }
        for file in files {
            let name = file.pipeline?.name ?? PathText.lastComponent(of: file.path)
            overview.pipelines.append(
                .init(
                    name: name, file: shown(file.path), stageCount: file.pipeline?.stages.count, fault: file.fault,
                    parameters: file.pipeline?.parameters ?? [], timeZone: file.pipeline?.timeZone ?? .gmt,
                    secretNames: file.pipeline?.secretNames ?? SecretNames(), runs: [],
                    schedules: schedules.entries.filter { $0.file == file.path }))
        }
        // A pipeline whose file is elsewhere is found by its runs.
        for run in overview.runs where !overview.pipelines.contains(where: { $0.name == run.pipeline }) {
            let path = shown(PathText.absolute(run.file, in: root))
            overview.pipelines.append(.init(name: run.pipeline, file: path, stageCount: run.stageCount, runs: []))
        }
        overview.pipelines.sort { ($0.name, $0.file) < ($1.name, $1.file) }
        for index in overview.pipelines.indices {
            overview.pipelines[index].runs =
                try store?.runs(pipeline: overview.pipelines[index].name, limit: Self.historyLength) ?? []
        }
        return overview
    }

    /// A path relative to the current folder.
    private func shown(_ path: String) -> String {
        let here = place.currentFolder + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}
