import ArgumentParser
import CaudalModel
import Engine
import Foundation

/// `caudal replay`: a run as it went, in the dashboard.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Show a run in the dashboard as it went, at any speed.",
        discussion: CommandHelp.paragraphs(
            """
            The run is one of the project, or a file that 'caudal export RUN --bundle' wrote on any machine. Space stops the
            replay and goes on, < and > change its speed, comma and point go from event to event, { and } a tenth back and
            ahead. All panes, searches and inspections work as they do in a live run; nothing is changed. Times in which no
            process ran the run are cut short.
            """))

    @Argument(
        help: ArgumentHelp("The run: its ID, a part of it, 'last', or a file that export wrote.", valueName: "run"))
    var run: String = "last"

    @Option(help: ArgumentHelp("How many times as fast as it went, from 0.25 to 64.", valueName: "factor"))
    var speed: Double = 1

    @Option(help: ArgumentHelp("Begin so far into the run, such as 90s or 5m.", valueName: "duration"))
    var from: String?

    @OptionGroup var screen: ScreenOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if !(0.25...64).contains(speed) { throw ValidationError("--speed must be between 0.25 and 64") }
        if let from, ScalarFormats.duration(from) == nil {
            throw ValidationError("--from must be a duration such as 90s or 5m, not '\(from)'")
        }
    }

    func run() async throws {
        let bundle = PathText.absolute(run, in: state.project.currentFolder)
        guard FileText.isFile(bundle) else {
            let target = try RunTarget.find(run, state)
            return try await replay(target.id, in: target.store)
        }
        let folder = try Output.reporting { try TemporaryFolders.make("caudal-replay") }
        defer { TemporaryFolders.remove(folder) }
        let (id, store) = try Output.reporting { try RunBundle.unpack(bundle, into: StateFolder(path: folder)) }
        try await replay(id, in: store)
    }

    private func replay(_ id: RunID, in store: RunStore) async throws {
        let follower = try Output.reporting { try RunFollower(id, in: store) }
        if follower.isLive {
            Output.error("error: run \(id) is live; watch it with: caudal watch \(id)")
            throw ExitStatus.failed.code
        }
        var shown = try Output.reporting { try ShownRun(replaying: follower, folder: store.folder.run(id)) }
        shown.replay?.setSpeed(speed)
        if let from = from.flatMap({ ScalarFormats.duration($0) }) { shown.replay?.seek(to: from.milliseconds) }
        guard let terminal = try await ShowOptions.screen(screen).openTerminal() else {
            throw ValidationError("a replay needs a terminal; see 'caudal show \(id)'")
        }
        await Self.show(shown, on: terminal)
    }

    @MainActor
    private static func show(_ shown: ShownRun, on terminal: Terminal) async {
        defer { terminal.close() }
        _ = await DashboardLoop(shown, terminal: terminal, isReadOnly: true).run()
    }
}
