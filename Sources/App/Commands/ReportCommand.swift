import CaudalModel
import ArgumentParser
import Engine

/// `caudal report`: a run on one page, to keep or to send.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a report of a run: a self-contained HTML page, Markdown or JSON.")

    @Argument(help: .run)
    var run: String = "last"

    @Option(
        help: ArgumentHelp(
            "Output format (default: by the extension of --output, otherwise html).", valueName: "format"))
    var format: ReportFormat?

    @Option(name: [.short, .long], help: "Write to this file instead of standard output.")
    var output: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        let text = try Output.reporting {
            let found = try store.state(of: try store.find(run))
            let background = try RunBackground(of: found, in: store)
            return RunReport(state: found, background: background, now: SystemClock.now).text(in: chosenFormat)
        }
        guard let output else { return format == .json ? Output.json(text) : Output.document(text) }
        let path = PathText.absolute(output, in: state.project.currentFolder)
        try Output.reporting { try FileText.write(text, to: path) }
        Output.error("wrote the report to \(output)")
    }

    private var chosenFormat: ReportFormat {
        format ?? ReportFormat.allCases.first { output?.hasSuffix("." + $0.fileExtension) == true } ?? .html
    }
}

extension ReportFormat: ExpressibleByArgument {}
