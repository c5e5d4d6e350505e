import ArgumentParser
import Engine
import Foundation

/// A run that is taken up again: found, its pipeline file read as it is now.
struct ReopenedRun {
    let workshop: Workshop
    let id: RunID
    let loaded: LoadedPipeline

    /// Finds the run that a person means, and reads its pipeline.
    static func find(_ text: String, _ options: StateOptions) throws -> ReopenedRun {
        let folder = try options.existingStateFolder()
        return try Output.reporting {
            let workshop = try Workshop(state: folder, variables: options.variables)
            let id = try workshop.store.find(text)
            let plan = try workshop.store.plan(of: id)
            let file = PathText.absolute(plan.file, in: FileManager.default.currentDirectoryPath)
            let there = FileText.exists(file) ? plan.file : workshop.state.run(id).pipelineFile
            let loader = PipelineLoader(
                stageTypes: StageTypes.readers, variables: options.variables,
                processorCount: ProcessInfo.processInfo.activeProcessorCount)
            let loaded = try loader.load(there, environment: plan.environment, root: plan.root)
            return ReopenedRun(workshop: workshop, id: id, loaded: loaded)
        }
    }
}

/// `caudal retry`: runs what failed once more.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Run what failed in a run once more: everything, a stage, a stage and what follows, or an item.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String

    @Argument(help: "A stage, or stage/item; without it, everything that failed or was cancelled.")
    var stage: String?

    @Flag(help: "Run everything downstream of the stage again too.")
    var downstream = false

    @Flag(help: "Everything that failed or was cancelled; the default without a stage.")
    var failed = false

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if downstream, stage == nil { throw ValidationError("--downstream needs a stage") }
        if failed, stage != nil { throw ValidationError("--failed and a stage exclude each other") }
    }

    func run() async throws {
        let command = self.command
        if try await RunTarget.find(run, state).carryOutIfLive(command) { return }
        let found = try ReopenedRun.find(run, state)
        let session = try Output.reporting {
            let state = try found.workshop.store.state(of: found.id)
            if let refusal = RunMachine(state: state, seed: 0).refusal(of: command) { throw Failure(refusal) }
            return try RunSession.reopen(found.id, found.loaded, in: found.workshop)
        }
        try await SessionRunner(session: session, options: show, workshop: found.workshop)
            .run(commands: [(command, by: Operator.name)])
    }

    private var command: RunCommand {
        guard let stage else { return .retryFailed }
        guard let slash = stage.firstIndex(of: "/") else { return .retry(StageID(stage), downstream: downstream) }
        let item = ItemKey(String(stage[stage.index(after: slash)...]))
        return .retryItems(StageID(String(stage[..<slash])), [item])
    }
}

/// `caudal resume`: goes on with a run whose process died.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a run that was interrupted: clears up, then runs what is left.")

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String = "last"

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let found = try ReopenedRun.find(run, state)
        let session = try Output.reporting {
            let state = try found.workshop.store.state(of: found.id)
            switch state.status {
            case .interrupted, .running: break
            case .succeeded: throw Failure("run \(found.id) succeeded: there is nothing left to do")
            case .failed, .cancelled:
                throw Failure(
                    "run \(found.id) has ended: \(state.status.rawValue)", remedy: "use 'caudal retry \(found.id)'")
            }
            return try RunSession.reopen(found.id, found.loaded, in: found.workshop)
        }
        try await SessionRunner(session: session, options: show, workshop: found.workshop).run()
    }
}
