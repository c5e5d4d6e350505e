import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal quarantine`: rows that validate stages quarantined.
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "List and show the rows that validate stages quarantined, and replay them once they are corrected.",
        subcommands: [List.self, Show.self, Replay.self])

    /// What is said of rows that a failed stage quarantined.
    static let unpublished = "not published: the stage failed"

    /// `caudal quarantine list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the stages of a run that quarantined rows.")

        @Argument(help: .run)
        var run: String = "last"

        @OptionGroup var state: StateOptions

        func run() async throws {
            let target = try RunTarget.find(run, state)
            let files = try Output.reporting {
                QuarantineFile.all(of: try target.store.state(of: target.id), in: target.folder)
            }
            if files.isEmpty { return Output.line("run \(target.id) quarantined no rows") }
            let rows = files.map { file in
                [
                    file.stage.rawValue, file.rows.map { $0.counted("row") } ?? "",
                    file.isPublished ? file.path : "\(file.path)  (\(QuarantineCommand.unpublished))",
                ]
            }
            Output.table(rows)
        }
    }

    /// `caudal quarantine show`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the rows that a stage quarantined, with the rule that each one broke.")

        @Argument(help: .run)
        var run: String

        @Argument(help: "The validate stage.")
        var stage: String

        @Option(help: .limit(of: "broken rules to show"))
        var limit: Int = 50

        @Option(
            help: "Write the rows to this CSV file, one line each, to correct them there for 'replay --fixed'."
        )
        var to: String?

        @Flag(help: .asStarted)
        var asStarted = false

        @OptionGroup var state: StateOptions

        func run() async throws {
            let reopen = try ReopenOptions.parse(asStarted ? ["--as-started"] : [])
            let found = try ReopenedRun.find(run, reopen, state)
            let rows = RowCorrections(found: found, stage: StageID(stage))
            try await Output.reporting {
                let files = try rows.files()
                if files.contains(where: { !$0.isPublished }) { Output.error(message: QuarantineCommand.unpublished) }
                if let to { try await write(rows, to: to) } else { try await show(rows.reader(of: files)) }
            }
        }

        private func show(_ reader: QuarantineReader) async throws {
            let rows = try await reader.brokenRules(limit: limit).map {
                ["\($0.file) row \($0.row)", $0.column, $0.rule, $0.value.shortened(to: 60)]
            }
            Output.table(rows, titles: ["WHERE", "COLUMN", "RULE", "VALUE"])
        }

        private func write(_ rows: RowCorrections, to name: String) async throws {
            let file = PathText.absolute(name, in: state.project.currentFolder)
            guard !FileText.exists(file) else {
                throw Failure("\(file) is there already", remedy: "choose another name")
            }
            try await rows.export(to: file)
            Output.line(
                plain: "correct the rows in \(name), then: "
                    + CommandHint(rows.found.services.state)(
                        "quarantine replay \(rows.found.id) \(stage) --fixed \(ShellText.word(name))"))
        }
    }

    /// `caudal quarantine replay`.
    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Rerun a validate stage with corrected rows or rules, and everything downstream.",
            discussion: CommandHelp.paragraphs(
                """
                Each row of --fixed replaces the invalid row with the same file and row number. Rows that are valid, or were
                corrected before, stay as they are. Without --fixed, the stage validates its input against the present schema.
                """))

        @Argument(help: .run)
        var run: String

        @Argument(help: "The validate stage.")
        var stage: String

        @Option(help: "A CSV file of corrected rows, first written by 'caudal quarantine show RUN STAGE --to FILE'.")
        var fixed: String?

        @OptionGroup var reopen: ReopenOptions
        @OptionGroup var show: ShowOptions
        @OptionGroup var state: StateOptions

        func run() async throws {
            let found = try ReopenedRun.find(run, reopen, state)
            let id = StageID(stage)
            let kept = try await Output.reporting {
                let text = try fixed.map { try FileText.read(PathText.absolute($0, in: state.project.currentFolder)) }
                return try await RowCorrections(found: found, stage: id)
                    .keep(text, from: fixed ?? "", dryRun: reopen.dryRun)
            }
            do {
                try await found.carryOut(.retry(id, downstream: true), named: id, reopen, show)
            } catch {
                // Corrections that the stage could not use must not stand in the way of better ones.
                if let kept,
                    try found.services.store.state(of: found.id).stage(id)?.unit.status.outcome?.isSuccess != true
                {
                    try found.services.state.run(found.id).remove(corrections: kept)
                }
                throw error
            }
        }
    }
}
