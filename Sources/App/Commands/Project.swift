import ArgumentParser
import Engine
import Foundation

/// Where a project is: what every verb may be told.
struct ProjectOptions: ParsableArguments {
    @Option(help: "The folder that keeps runs (default: .caudal in the project; or CAUDAL_STATE).")
    var state: String?

    @Option(help: "The folder that relative paths start from (default: the pipeline file's, or the one above config/).")
    var project: String?

    /// The process's environment.
    var variables: [String: String] { ProcessInfo.processInfo.environment }

    private var currentFolder: String { FileManager.default.currentDirectoryPath }

    /// Reads a pipeline file; what is wrong with it is printed and ends the program with status 2.
    func load(_ file: String, environment: String? = nil) throws -> LoadedPipeline {
        let loader = PipelineLoader(
            stageTypes: StageTypes.readers, variables: variables,
            processorCount: ProcessInfo.processInfo.activeProcessorCount)
        do throws(InvalidPipeline) {
            return try loader.load(file, environment: environment, root: project.map { absolute($0) })
        } catch {
            Output.error(error.description)
            Output.error("\(error.errors.count == 1 ? "1 problem" : "\(error.errors.count) problems") in \(file)")
            throw ExitStatus.invalid.code
        }
    }

    /// The state folder of a pipeline.
    func stateFolder(root: String) -> StateFolder {
        if let chosen = state ?? variables["CAUDAL_STATE"], !chosen.isEmpty {
            return StateFolder(path: absolute(chosen))
        }
        return StateFolder(path: root + "/.caudal")
    }

    /// The state folder of the project that the current folder belongs to: the nearest one upwards.
    func stateFolder() throws -> StateFolder {
        if let chosen = state ?? variables["CAUDAL_STATE"], !chosen.isEmpty {
            return StateFolder(path: absolute(chosen))
        }
        var folder = project.map { absolute($0) } ?? currentFolder
        while true {
            if FileText.exists(folder + "/.caudal/caudal.db") { return StateFolder(path: folder + "/.caudal") }
            if folder.count <= 1 { break }
            folder = PathText.folder(of: folder)
        }
        Output.error("error: there are no runs here: no .caudal in \(currentFolder) or above it")
        Output.error("  run a pipeline first, go to its project, or name the folder with --state")
        throw ExitStatus.failed.code
    }

    private func absolute(_ path: String) -> String { PathText.absolute(path, in: currentFolder) }

    /// Opens the store of the current project.
    func openStore() throws -> RunStore {
        let folder = try stateFolder()
        return try Output.reporting { try RunStore(folder) }
    }

    /// Everything that is needed to run pipelines of a project.
    func workshop(root: String) throws -> Workshop {
        try Output.reporting { try Workshop(state: stateFolder(root: root), variables: variables) }
    }
}

/// Who asks for things: the user's name.
enum Operator {
    static var name: String { ProcessInfo.processInfo.environment["USER"] ?? NSUserName() }
}
