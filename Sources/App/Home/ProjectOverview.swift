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
        /// Its latest runs, newest first.
        var runs: [RunSummary]

        /// The median duration of its latest successes.
        var usual: Duration? {
            let took = runs.filter { $0.trueStatus == .succeeded }.compactMap { $0.duration?.seconds }.sorted()
            return took.isEmpty ? nil : .milliseconds(Int64(took[took.count / 2] * 1000))
        }
    }

    var pipelines: [Pipeline] = []
    /// Newest first.
    var runs: [RunSummary] = []

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
}

/// Reads the content of a project, and detects changes.
final class ProjectReader {
    /// A pipeline file, as last read.
    private struct ParsedPipelineFile {
        var changed: Date
        var name: String
        var stageCount: Int?
        var fault: String?
    }

    /// The project root, absolute.
    let root: String
    private let place: ProjectPlace
    private var files: [String: ParsedPipelineFile] = [:]
    private var store: RunStore?
    private var change: StoreChange?

    private static let runLimit = 200
    private static let historyLength = 20

    init(_ place: ProjectPlace) {
        self.place = place
        let state = place.stateFolder()?.path
        let start = place.chosenFolder ?? place.currentFolder
        root = state.flatMap { $0.hasSuffix("/.caudal") ? PathText.folder(of: $0) : nil } ?? start
    }

    /// Opens the run store of the project; nil while there is none.
    func openStore() throws(StoreError) -> RunStore? {
        if let store { return store }
        guard let folder = place.stateFolder() else { return nil }
        let opened = try RunStore(folder)
        store = opened
        change = try StoreChange(opened)
        return opened
    }

    /// Whether the store has changed since the last call.
    func hasChanged() throws(StoreError) -> Bool {
        guard try openStore() != nil, let change else { return false }
        return try change.hasChanged()
    }

    /// Reads the pipeline files and the runs.
    func read() throws(StoreError) -> ProjectOverview {
        readFiles()
        let store = try openStore()
        var overview = ProjectOverview()
        overview.runs = try store?.runs(limit: Self.runLimit) ?? []
        for (path, file) in files {
            overview.pipelines.append(
                .init(name: file.name, file: path, stageCount: file.stageCount, fault: file.fault, runs: []))
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

    /// Reads the files that are new or have changed.
    private func readFiles() {
        let folder = root + "/config"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var found: [String: ParsedPipelineFile] = [:]
        for name in names where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            let path = "\(folder)/\(name)"
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            let changed = attributes?[.modificationDate] as? Date ?? .distantPast
            let key = shown(path)
            if let known = files[key], known.changed == changed {
                found[key] = known
            } else {
                found[key] = load(path, name, changed)
            }
        }
        files = found
    }

    private func load(_ path: String, _ name: String, _ changed: Date) -> ParsedPipelineFile {
        let loader = PipelineLoader(variables: place.variables)
        do throws(InvalidPipeline) {
            let pipeline = try loader.load(path, root: place.chosenFolder).pipeline
            return ParsedPipelineFile(changed: changed, name: pipeline.name, stageCount: pipeline.stages.count)
        } catch {
            let first = error.errors.first
            let line = first.flatMap { $0.location.isWhole ? nil : "line \($0.location.line): " } ?? ""
            return ParsedPipelineFile(changed: changed, name: name, fault: line + (first?.message ?? "cannot be read"))
        }
    }

    /// A path relative to the current folder.
    private func shown(_ path: String) -> String {
        let here = place.currentFolder + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}
