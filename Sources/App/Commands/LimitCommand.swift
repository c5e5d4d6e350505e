import CaudalModel
import ArgumentParser
import Engine

/// `caudal limit`: changes how much of a live run is done at once.
struct LimitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Change how much of a live run is done at once.",
        discussion: CommandHelp.paragraphs(
            """
            NAME is max_parallel or a pool of the pipeline file. What runs goes on; with a smaller number nothing new starts
            until fewer are running. The run keeps the number when it is retried or resumed, unless the file says another one
            by then. Other runs and the pipeline file stay as they are.
            """))

    @Argument(help: .run)
    var run: String

    @Argument(help: ArgumentHelp("What to change, such as max_parallel=2 or warehouse=1.", valueName: "name=number"))
    var limits: [String]

    @Flag(help: "Print each answer as one line of JSON.")
    var json = false

    @OptionGroup var state: StateOptions

    func validate() throws { _ = try commands }

    /// What is asked of the run, in the order of the arguments.
    private var commands: [RunCommand] {
        get throws {
            try limits.map { text in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty, let number = Int(parts[1]) else {
                    throw ValidationError("'\(text)' is not NAME=NUMBER, such as max_parallel=2")
                }
                return .setLimit(RunLimit(String(parts[0])), number)
            }
        }
    }

    func run() async throws {
        let target = try RunTarget.find(run, state)
        for command in try commands {
            if try await target.carryOutIfLive(command, json: json) { continue }
            try Output.reporting {
                throw RunControlError.notLive(try target.store.state(of: target.id), "limit")
            }
        }
    }
}
