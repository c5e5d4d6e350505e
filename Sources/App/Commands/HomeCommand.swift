import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal home`, or `caudal` alone in a terminal: the pipelines and runs of a project.
struct HomeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "home", abstract: "Show the project's pipelines and runs, to start and open them.",
        discussion: "'caudal' without a subcommand does the same in a terminal.")

    @OptionGroup var screen: ScreenOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        guard let terminal = try await ShowOptions.screen(screen).openTerminal() else {
            throw ValidationError("the list of pipelines and runs needs a terminal; see 'caudal runs'")
        }
        try await Output.reporting { try await list(on: terminal) }
    }

    @MainActor
    private func list(on terminal: Terminal) async throws {
        defer { terminal.close() }
        let reader = ProjectReader(
            ProjectPlace(
                chosenFolder: state.project.chosenFolder, currentFolder: state.project.currentFolder,
                variables: state.variables, stateFolder: state.foundStateFolder))
        let (folder, variables) = (reader, state.variables)
        let loop = HomeLoop(reader, terminal: terminal, isReadOnly: screen.readOnly) { id in
            guard let store = try folder.openStore() else { return nil }
            let found = try RunFollower(id, in: store)
            return HomeLoop.OpenedRun(
                run: found.initial, isLive: found.isLive,
                previewReopening: ReopenedRun.files(in: store.folder, variables).previewReopening)
        }
        while true {
            let effect = try await loop.run()
            if effect == .quit { return }
            do {
                if let said = try await carryOut(effect, reader, on: terminal) { loop.say(said.text, said.style) }
            } catch let left as ScreenClosed {
                if left.status != .succeeded { throw left.status.code }
                return
            }
        }
    }

    /// The user left the screen while a run of this process was running, and the run has ended since.
    private struct ScreenClosed: Error { let status: ExitStatus }

    @MainActor
    private func carryOut(
        _ effect: HomeEffect, _ reader: ProjectReader, on terminal: Terminal
    ) async throws -> Span? {
        switch effect {
        case .open(let id): try await open(id, reader, on: terminal)
        case .run(let file, let parameters):
            let values = parameters.flatMap { ["--param", $0] }
            try await run(on: terminal, saying: "checking \(file) …") {
                try await RunCommandLine.parse([file] + values + projectArguments).prepare()
            }
        case .runScheduled(let key):
            try await run(on: terminal, saying: "checking \(key) …") {
                try await ScheduleRunNow.parse([key.pipeline, key.schedule] + projectArguments).prepare()
            }
        case .reopen(let id, let command, let agreed):
            try await open(id, reader, on: terminal, first: .reopen(command, agreed))
        case .ask(let id, let command): return try await ask(id, command, reader)
        case .prepare, .pause, .redraw, .suspend, .mouse, .quit: break
        }
        return nil
    }

    /// The options that locate the project, to pass on to other verbs.
    private var projectArguments: [String] {
        (state.state.map { ["--state", $0] } ?? []) + (state.project.project.map { ["--project", $0] } ?? [])
    }

    @MainActor
    private func open(
        _ id: RunID, _ reader: ProjectReader, on terminal: Terminal, first: DashboardEffect? = nil
    ) async throws {
        guard let store = try reader.openStore() else { return }
        let watched = WatchedRun(
            follower: try RunFollower(id, in: store), state: store.folder, variables: state.variables,
            options: try ShowOptions.screen(screen))
        let (ending, reopened) = try await watched.show(on: terminal, first: first)
        if let reopened, ending == .detached { throw ScreenClosed(status: ExitStatus(reopened.status)) }
    }

    /// Prepares a run on the normal screen, where errors can be read, and shows it in the dashboard.
    @MainActor
    private func run(
        on terminal: Terminal, saying text: String, _ prepare: () async throws -> SessionRunner?
    ) async throws {
        terminal.suspend()
        Output.line(plain: text)
        let runner: SessionRunner?
        do {
            runner = try await prepare()
        } catch {
            // The errors were printed; they stay on the screen until the user has read them.
            if !(error is ExitCode) { Output.error(message: "error: \(error)") }
            Output.line("press enter to return to the list")
            _ = readLine()
            return terminal.resume()
        }
        terminal.resume()
        guard let (ending, state) = try await runner?.show(on: terminal) else { return }
        if ending == .detached { throw ScreenClosed(status: ExitStatus(state.status)) }
    }

    private func ask(_ id: RunID, _ command: RunCommand, _ reader: ProjectReader) async throws -> Span? {
        guard let store = try reader.openStore() else { return nil }
        do throws(ControlError) {
            switch try await ControlClient(store.folder.run(id)).ask(command, by: Operator.sender(via: "list of runs"))
            {
            case .accepted(let text): return Span(text, .good)
            case .refused(let text): return Span(text, .wait)
            case nil: return Span("the run has ended meanwhile", .wait)
            }
        } catch {
            return Span(error.description, .bad)
        }
    }
}
