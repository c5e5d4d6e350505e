import ArgumentParser
import Engine
import Foundation

/// Where a project is: what every verb may be told that reads pipeline files.
struct ProjectOptions: ParsableArguments {
    @Option(help: "The folder that relative paths start from (default: the pipeline file's, or the one above config/).")
    var project: String?

    /// The process's environment.
    var variables: [String: String] { ProcessInfo.processInfo.environment }

    var currentFolder: String { FileManager.default.currentDirectoryPath }

    /// Reads a pipeline file; what is wrong with it is printed and ends the program with status 2.
    ///
    /// - Parameter root: The project's root, where it is known already.
    func load(_ file: String, environment: String? = nil, root: String? = nil) throws -> LoadedPipeline {
        do throws(InvalidPipeline) {
            return try read(file, environment: environment, root: root)
        } catch {
            Output.error(message: error.description)
            if !error.errors.allSatisfy(\.location.isWhole) {
                Output.error("\(error.errors.count.counted("problem")) in \(file)")
            }
            throw ExitStatus.invalid.code
        }
    }

    /// Reads a pipeline file; what is wrong with it is left to the caller to tell.
    func read(
        _ file: String, environment: String? = nil, root: String? = nil
    ) throws(InvalidPipeline) -> LoadedPipeline {
        let loader = PipelineLoader(variables: variables)
        return try loader.load(file, environment: environment, root: root ?? chosenFolder)
    }

    /// The folder that was chosen, absolute.
    var chosenFolder: String? { project.map { absolute($0) } }

    fileprivate func absolute(_ path: String) -> String { PathText.absolute(path, in: currentFolder) }
}

/// Where a project keeps its runs.
struct StateOptions: ParsableArguments {
    @Option(help: "The folder that keeps runs (default: .caudal in the project; or CAUDAL_STATE).")
    var state: String?

    @OptionGroup var project: ProjectOptions

    /// The process's environment.
    var variables: [String: String] { project.variables }

    /// The state folder that was chosen, if one was.
    private var chosen: StateFolder? {
        guard let chosen = state ?? variables["CAUDAL_STATE"], !chosen.isEmpty else { return nil }
        return StateFolder(path: project.absolute(chosen))
    }

    /// The state folder of a pipeline.
    func stateFolder(root: String) -> StateFolder {
        chosen ?? StateFolder(path: PathText.absolute(".caudal", in: root))
    }

    /// The state folder that the current folder belongs to, the nearest one upwards; nil when it holds no runs.
    func foundStateFolder() -> StateFolder? {
        if let chosen { return FileText.exists(chosen.database) || FileText.isForbidden(chosen.path) ? chosen : nil }
        var folder = project.chosenFolder ?? project.currentFolder
        while true {
            let state = stateFolder(root: folder)
            // One that this user may not look into is there all the same: opening it says why it cannot be read.
            if FileText.exists(state.database) || FileText.isForbidden(state.path) { return state }
            if folder.count <= 1 { return nil }
            folder = PathText.folder(of: folder)
        }
    }

    /// The state folder of the project that the current folder belongs to, for verbs that need runs.
    func existingStateFolder() throws -> StateFolder {
        if let found = foundStateFolder() { return found }
        if let chosen {
            Output.error("error: there are no runs in \(chosen.path)")
        } else {
            Output.error("error: there are no runs here: no .caudal in \(project.currentFolder) or above it")
        }
        Output.error("  start one with 'caudal run FILE', go to its project, or name the folder with --state")
        throw ExitStatus.failed.code
    }

    /// Opens the store of the current project.
    func openStore() throws -> RunStore {
        let folder = try existingStateFolder()
        return try Output.reporting { try RunStore(folder) }
    }

    /// Everything that is needed to run pipelines of a project.
    func services(root: String) throws -> RunServices {
        try Output.reporting { try RunServices(state: stateFolder(root: root), variables: variables) }
    }

    /// Does something with services that answer questions about a pipeline: where nothing is kept yet, nothing is made.
    func withReadOnlyServices<Result>(root: String, _ action: (RunServices) async throws -> Result) async throws
        -> Result
    {
        let state = stateFolder(root: root)
        if FileText.exists(state.database) { return try await action(try services(root: root)) }
        let passing = StateFolder(path: NSTemporaryDirectory() + "caudal-questions-\(UInt64.random(in: 0 ... .max))")
        // What cannot be removed holds nothing but answered questions.
        defer { try? FileManager.default.removeItem(atPath: passing.path) }
        return try await action(try Output.reporting { try RunServices(state: passing, variables: variables) })
    }
}
