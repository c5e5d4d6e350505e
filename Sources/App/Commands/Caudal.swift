import CaudalModel
import ArgumentParser
import CSystem
import Engine
import Foundation

/// The `caudal` program: one verb for each thing it does.
@main
struct Caudal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "caudal",
        abstract: "Run data pipelines, watch them live, and keep a record of every run.",
        discussion: CommandHelp.paragraphs(
            """
            A pipeline is a YAML file of stages. 'caudal run FILE' opens the dashboard in a terminal; without a terminal it
            prints lines. Exit status: 0 succeeded, 1 the run failed, 2 the pipeline file is invalid, 3 the run was
            cancelled, 64 wrong usage, 130 interrupted.
            """),
        version: Version.text,
        subcommands: [
            RunCommandLine.self, RetryCommand.self, ResumeCommand.self, WatchCommand.self, ReplayCommand.self,
            CancelCommand.self, MarkCommand.self, PauseCommand.self, UnpauseCommand.self, LimitCommand.self,
            BackfillCommand.self, ScheduleCommand.self, NotifyCommand.self, PruneCommand.self, RestoreCommand.self,
            DiffCommand.self,
            ValidateCommand.self, ExplainCommand.self, GraphCommand.self, RunsCommand.self, ShowCommand.self,
            LogsCommand.self, FailuresCommand.self, StatsCommand.self, MetricsCommand.self, ExportCommand.self,
            ReportCommand.self, ChecksCommand.self, LineageCommand.self, SQLCommand.self,
            ProfileCommand.self, QuarantineCommand.self, GenerateCommand.self, DoctorCommand.self, HomeCommand.self,
            DemoCommand.self,
        ])

    /// Without a verb: shows the list of pipelines and runs in a terminal, and prints the help elsewhere.
    func run() async throws {
        let home = try HomeCommand.parse([])
        guard try ShowOptions.screen(home.screen).wantsDashboard else { throw CleanExit.helpRequest(self) }
        try await home.run()
    }

    /// Runs the requested verb; usage errors are printed in the same form as other errors.
    static func main() async {
        var verb: (any ParsableCommand)?
        cs_keep_ended_children()
        do {
            // The arguments are read there: without it every line would be taken for an empty one.
            if CommandLine.arguments.isEmpty || !FileText.exists("/proc/self/stat") {
                throw Failure("caudal needs /proc, which is not there", remedy: "mount it: mount -t proc proc /proc")
            }
            let words = Array(CommandLine.arguments.dropFirst())
            if let fault = VerbWords.emptyValue(in: words) ?? VerbWords.fault(in: words) { throw fault }
            let command = try parseAsRoot()
            verb = command
            try Output.reporting { try MachineLimits.ensure(need(of: command)) }
            let listener = SignalListener.endingDescendants([SIGINT, SIGTERM, SIGHUP])
            defer { withExtendedLifetime(listener) {} }
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else if var direct = verb {
                try direct.run()
            }
            // The status of a run is its own, whatever became of the lines about it.
            if let lost = Output.lost, !(command is any ConductsRuns) { throw lost }
        } catch {
            SignalListener.waitIfEnding()
            let code = error is VerbWords.Fault ? ExitCode.validationFailure : exitCode(for: error)
            // A bare status: the message was printed already. Help is this program's own text.
            if error is ExitCode { exit(withError: error) }
            if code == .success {
                let text = fullMessage(for: error)
                if !text.isEmpty { Output.write(CommandHelp.wrappingUsage(text) + "\n", to: STDOUT_FILENO) }
                exit(withError: code)
            }
            let isUsage = code == .validationFailure
            Output.error(message: isUsage ? usageMessage(for: error, verb) : "error: \(error.reason)")
            exit(withError: code)
        }
    }

    /// Limits that a verb needs: threads for children, signals and commands, threads of the runtime, each with its
    /// stack, and file descriptors for the store, the log and the pipes of children.
    private static func need(of verb: any ParsableCommand) -> MachineLimits.Requirement {
        switch verb {
        case is RunsCommand, is ShowCommand, is LogsCommand, is ReportCommand, is ChecksCommand, is LineageCommand,
            is SQLCommand, is FailuresCommand, is StatsSummary, is StatsRows, is StatsChecks, is StatsRetries,
            is MetricsCommand, is PauseCommand, is UnpauseCommand, is LimitCommand, is PruneCommand:
            MachineLimits.Requirement(threads: 5, files: 24, memory: 256 << 20)
        default: MachineLimits.Requirement(threads: 11, files: 40, memory: 512 << 20)
        }
    }

    /// Formats a usage error, followed by the usage line of the verb.
    private static func usageMessage(for error: any Error, _ verb: (any ParsableCommand)?) -> String {
        guard let verb else {
            if let fault = error as? VerbWords.Fault { return "error: \(fault.description)" }
            let message = CommandHelp.wrappingUsage(fullMessage(for: error))
            return message.hasPrefix("Error: ") ? "error: " + message.dropFirst(7) : message
        }
        let usage = usageString(for: type(of: verb))
        return "error: \(message(for: error))\n" + CommandHelp.wrappingUsage("Usage: \(usage)")
    }
}

/// A verb whose exit status tells how runs ended.
protocol ConductsRuns {}
extension RunCommandLine: ConductsRuns {}
extension RetryCommand: ConductsRuns {}
extension ResumeCommand: ConductsRuns {}
extension MarkCommand: ConductsRuns {}
extension BackfillCommand: ConductsRuns {}
extension ScheduleRunNow: ConductsRuns {}
