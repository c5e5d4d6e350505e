import ArgumentParser
import Engine
import Foundation

/// `caudal watch`: the dashboard of a run that another process runs, or of one that has ended.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Open the dashboard of a run that another process runs, or that has ended.",
        discussion: CommandHelp.paragraphs(
            """
            The keys that change a run ask the process that runs it. Leaving the screen leaves the run alone. A retry of a
            run that has ended takes it up again here, as 'caudal retry' does. Where there is no terminal, lines are
            printed as by 'caudal show --follow'.
            """))

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String = "last"

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let follower = try Output.reporting { try RunFollower(target.id, in: target.store) }
        guard let terminal = try await show.openTerminal() else {
            return try await Output.reporting {
                let masker = target.folder.masker(of: follower.initial.plan, state.variables)
                try await FollowPrinter(
                    follower: follower, json: show.json, paint: Paint(show.color), masker: masker
                ).run()
            }
        }
        try await watch(target, follower, on: terminal)
    }

    @MainActor
    private func watch(_ target: RunTarget, _ follower: RunFollower, on terminal: Terminal) async throws {
        let watched = WatchedRun(
            follower: follower, state: target.store.folder, variables: state.variables, options: show)
        let (ending, taken) = try await Output.reporting { try await watched.show(on: terminal) }
        terminal.close()
        if let taken { return try show.sayEnding(ending, taken) }
        let now = try Output.reporting { try target.store.state(of: target.id) }
        if now.status == .running {
            Output.line("\(now.plan.pipeline) ▸ \(now.id) goes on; look again with: caudal watch \(now.id)")
        } else {
            for line in RunWords.summary(now, now: SystemClock.now, paint: Paint(show.color)) { Output.line(line) }
        }
    }
}
