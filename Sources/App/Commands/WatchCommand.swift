import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal watch`: the dashboard of a run of another process, or of one that has ended.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Open the dashboard of a run of another process, or of one that has ended.",
        discussion: CommandHelp.paragraphs(
            """
            Keys that change the run send a request to the process that runs it. Closing the dashboard does not affect the
            run. Retrying a run that has ended reopens it in this process, as 'caudal retry' does. Without a terminal, the
            command prints lines as 'caudal show --follow' does.
            """))

    @Argument(help: .run)
    var run: String = "last"

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let target = try RunTarget.find(run, state, evenIfFull: false)
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
        let (ending, reopened) = try await Output.reporting { try await watched.show(on: terminal) }
        terminal.close()
        let hint = CommandHint(target.store.folder)
        if let reopened { return try show.reportEnding(ending, reopened, hint) }
        let now = try Output.reporting { try target.store.state(of: target.id) }
        if now.status == .running {
            Output.line("\(now.plan.pipeline) ▸ \(now.id) continues; watch it again with: \(hint("watch \(now.id)"))")
        } else {
            for line in RunWords.summary(now, now: SystemClock.now, paint: Paint(show.color), hint) {
                Output.line(line)
            }
        }
    }
}
