package import CaudalModel
import Foundation

/// A pipeline file of a project, as last read.
package struct ProjectFile: Sendable {
    /// The absolute path.
    package var path: String
    /// The pipeline; nil while the file cannot be read.
    package var pipeline: Pipeline?
    /// The first error in the file.
    package var fault: String?
    /// The name that the file gives the pipeline, also while it has errors; nil when that cannot be read.
    package var statedName: String?
    fileprivate var mark: FileMark?
    fileprivate var readAt: Int64
}

/// The pipeline files in the folder `config` of a project; each is read again when it has changed.
package final class ProjectFiles {
    /// The project's root, absolute.
    package let root: String
    /// The root that the user chose, if any.
    private let chosenRoot: String?
    private let variables: [String: String]
    private var files: [String: ProjectFile] = [:]

    /// How long a file with an error is believed, as what it refers to may have been mended; in milliseconds.
    private static let patience: Int64 = 5000

    /// - Parameters:
    ///   - chosenRoot: The project's root that the user named; nil leaves it to the files.
    ///   - variables: The process's environment.
    package init(root: String, chosenRoot: String?, variables: [String: String]) {
        self.root = root
        self.chosenRoot = chosenRoot
        self.variables = variables
    }

    /// Reads the files that are new or have changed.
    ///
    /// - Parameter now: By a clock that never goes back, in milliseconds.
    /// - Returns: All files, by path.
    package func read(now: Int64) -> [ProjectFile] {
        var found: [String: ProjectFile] = [:]
        for path in paths {
            let mark = FileMark(path)
            if let known = files[path], known.mark == mark, !isStale(known, now) {
                found[path] = known
            } else {
                found[path] = load(path, mark, now)
            }
        }
        files = found
        return found.values.sorted { $0.path < $1.path }
    }

    /// Whether ``read(now:)`` would find another state of the files than it found last.
    package func hasChanged(now: Int64) -> Bool {
        let paths = paths
        return Set(paths) != Set(files.keys)
            || files.values.contains { $0.mark != FileMark($0.path) || isStale($0, now) }
    }

    private var paths: [String] {
        let folder = root + "/config"
        // A project without the folder has no files.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        // Hidden files are what editors and copies leave.
        return names.filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) && !$0.hasPrefix(".") }.map {
            "\(folder)/\($0)"
        }
    }

    /// Whether what makes a file invalid may have been mended elsewhere.
    private func isStale(_ file: ProjectFile, _ now: Int64) -> Bool {
        file.fault != nil && now - file.readAt >= Self.patience
    }

    private func load(_ path: String, _ mark: FileMark?, _ now: Int64) -> ProjectFile {
        var file = ProjectFile(path: path, mark: mark, readAt: now)
        // To open a pipe waits for whoever writes to it.
        guard FileText.isFile(path) else {
            file.fault = "it is not a regular file"
            return file
        }
        do throws(InvalidPipeline) {
            defer { file.statedName = file.pipeline?.name ?? Self.statedName(path) }
            file.pipeline = try PipelineLoader(variables: variables).load(path, root: chosenRoot).pipeline
        } catch {
            let first = error.errors.first
            let line = first.flatMap { $0.location.isWhole ? nil : "line \($0.location.line): " } ?? ""
            file.fault = line + (first?.message ?? "cannot be read")
        }
        return file
    }

    /// What stands behind `name:` at the beginning of a line.
    private static func statedName(_ path: String) -> String? {
        guard let text = try? FileText.userText(path),
            let name = String(decoding: text, as: UTF8.self).firstMatch(of: /(?m)^name:[ \t]*["']?([^\s"'#]+)/)?.1
        else { return nil }
        return String(name)
    }
}

extension [ProjectFile] {
    /// The pipelines with schedules, each name once; and the files that are left out because another one has their name, with
    /// the rest of a sentence about each.
    package var scheduled:
        (pipelines: [(file: ProjectFile, pipeline: Pipeline)], doubles: [(path: String, reason: String)])
    {
        var owners: [String: ProjectFile] = [:]
        var found: [(ProjectFile, Pipeline)] = []
        var doubles: [(String, String)] = []
        for file in self {
            guard let pipeline = file.pipeline, !pipeline.schedules.isEmpty else { continue }
            if let owner = owners[pipeline.name] {
                let name = PathText.lastComponent(of: owner.path)
                doubles.append(
                    (
                        file.path,
                        "left out: \(name) is a pipeline '\(pipeline.name)' too; give each a name of its own"
                    ))
            } else {
                owners[pipeline.name] = file
                found.append((file, pipeline))
            }
        }
        return (found, doubles)
    }
}

extension Schedule.Arrivals.Source {
    /// Why a dataset that is waited for will never be published, as the rest of a sentence; nil when a pipeline does.
    ///
    /// - Parameter files: The pipeline files of the project.
    package func fault(among files: [ProjectFile]) -> String? {
        let name = "\(pipeline)/\(dataset)"
        let pipelines = files.compactMap(\.pipeline).filter { $0.name == pipeline }
        guard let first = pipelines.first else {
            // What a file with a fault holds is not known.
            if files.contains(where: { $0.fault != nil }) { return nil }
            let known = files.compactMap(\.pipeline?.name)
            return "waits for \(name), and there is no pipeline '\(pipeline)' in config/"
                + Suggestion.phrase(for: pipeline, among: known)
        }
        if first.stages.contains(where: { $0.definition.outputs.contains(DatasetName(dataset)) }) { return nil }
        if first.dataset(DatasetName(dataset)) != nil {
            return "waits for \(name), and no stage of '\(pipeline)' writes that dataset"
        }
        return "waits for \(name), and '\(pipeline)' has no such dataset"
            + Suggestion.phrase(for: dataset, among: first.datasets.map(\.name.rawValue))
    }
}
