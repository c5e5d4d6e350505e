import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// The option of all verbs that read pipeline files: where the project is.
struct ProjectOptions: ParsableArguments {
    @Option(
        help:
            "The project root, for relative paths (default: the pipeline file's folder, or its parent if that is config/)."
    )
    var project: String?

    /// The process's environment.
    var variables: [String: String] { ProcessInfo.processInfo.environment }

    var currentFolder: String { FileManager.default.currentDirectoryPath }

    /// Reads a pipeline file; prints its errors and ends the program with status 2 if it is invalid.
    ///
    /// `root`: the project root, if it is known already.
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

    /// Reads a pipeline file, and leaves it to the caller to report its errors.
    func read(
        _ file: String, environment: String? = nil, root: String? = nil
    ) throws(InvalidPipeline) -> LoadedPipeline {
        let loader = PipelineLoader(variables: variables)
        return try loader.load(file, environment: environment, root: root ?? chosenFolder)
    }

    /// The folder that the user chose, absolute.
    var chosenFolder: String? { project.map { absolute($0) } }

    fileprivate func absolute(_ path: String) -> String { PathText.absolute(path, in: currentFolder) }
}

/// The option of all verbs that need runs: where the project keeps them.
struct StateOptions: ParsableArguments {
    @Option(help: "The state folder, which keeps runs (default: CAUDAL_STATE, or .caudal in the project root).")
    var state: String?

    @OptionGroup var project: ProjectOptions

    /// The process's environment.
    var variables: [String: String] { project.variables }

    /// The state folder that the user chose, if any.
    private var chosen: StateFolder? {
        guard let chosen = state ?? variables[StateFolder.variable], !chosen.isEmpty else { return nil }
        return StateFolder(path: project.absolute(chosen))
    }

    /// The state folder of a pipeline.
    func stateFolder(root: String) -> StateFolder {
        chosen ?? StateFolder(path: PathText.absolute(".caudal", in: root))
    }

    /// The state folder of the project that the user named, or the nearest in the current folder or above it; nil when it
    /// holds no runs.
    func foundStateFolder() -> StateFolder? {
        if let chosen { return StateFolder.found(from: project.currentFolder, [StateFolder.variable: chosen.path]) }
        if let root = project.chosenFolder {
            // One above it is that of another project.
            return StateFolder.found(from: root, [StateFolder.variable: stateFolder(root: root).path])
        }
        return StateFolder.found(from: project.currentFolder, [:])
    }

    /// The state folder of the current project; ends the program with an error when there is none.
    func existingStateFolder() throws -> StateFolder {
        if let found = foundStateFolder() { return found }
        if let chosen {
            Output.error("error: there are no runs in \(chosen.path)")
        } else {
            let place = project.chosenFolder ?? "\(project.currentFolder) or above it"
            Output.error("error: there are no runs here: no .caudal in \(place)")
        }
        Output.error("  start a run with 'caudal run FILE', change to its project, or give the folder with --state")
        throw ExitStatus.failed.code
    }

    /// Opens the run store of the current project.
    ///
    /// - Parameter evenIfFull: Whether it is read from a copy on a full disk, which does not change with the store.
    func openStore(evenIfFull: Bool = true) throws -> RunStore {
        let folder = try existingStateFolder()
        return try Output.reporting { try RunStore(folder, evenIfFull: evenIfFull) }
    }

    /// The services that run pipelines of a project.
    func services(root: String) throws -> RunServices {
        try Output.reporting { try RunServices(opening: stateFolder(root: root), variables: variables) }
    }

    /// Runs an action with services for questions about a pipeline; creates no state folder where there is none yet.
    func withReadOnlyServices<Result>(root: String, _ action: (RunServices) async throws -> Result) async throws
        -> Result
    {
        let state = stateFolder(root: root)
        if FileText.exists(state.database) { return try await action(try services(root: root)) }
        let passing = try Output.reporting { try TemporaryFolders.make("caudal-questions") }
        defer { TemporaryFolders.remove(passing) }
        return try await action(
            try Output.reporting { try RunServices(state: StateFolder(path: passing), variables: variables) })
    }
}
