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
            try await Output.reporting {
                guard found.state.stage(StageID(stage)) != nil else {
                    throw Failure(found.state.wordsOfUnknown(UnitID(StageID(stage), nil)))
                }
                let files = QuarantineFile.all(of: found.state, in: found.services.state.run(found.id))
                    .filter { $0.stage.rawValue == stage }
                guard !files.isEmpty else { throw Failure("stage '\(stage)' of run \(found.id) quarantined no rows") }
                let paths = try files.map {
                    try $0.checkedPath(of: found.id, root: found.loaded.pipeline.root, in: found.services.store)
                }
                if files.contains(where: { !$0.isPublished }) { Output.error(message: QuarantineCommand.unpublished) }
                let tools = found.services.tools(
                    for: found.loaded, parameters: found.parameters, folder: found.services.state.path + "/questions")
                let reader = QuarantineReader(paths, sql: tools.sql) { (script, reading, writing) throws(Failure) in
                    try await tools.ask(script, reading: reading, writing: writing)
                }
                if let to { try await write(reader, to: to, found) } else { try await show(reader) }
            }
        }

        private func show(_ reader: QuarantineReader) async throws {
            let rows = try await reader.brokenRules(limit: limit).map {
                ["\($0.file) row \($0.row)", $0.column, $0.rule, $0.value.shortened(to: 60)]
            }
            Output.table(rows, titles: ["WHERE", "COLUMN", "RULE", "VALUE"])
        }

        private func write(_ reader: QuarantineReader, to name: String, _ found: ReopenedRun) async throws {
            let file = PathText.absolute(name, in: state.project.currentFolder)
            guard !FileText.exists(file) else {
                throw Failure("\(file) is there already", remedy: "choose another name")
            }
            guard let input = found.loaded.pipeline.stage(StageID(stage))?.definition.inputs.first?.value else {
                throw Failure("the pipeline file has no stage '\(stage)' any more")
            }
            let findings = await found.services.examination(of: found.loaded, plan: found.filledPlan).findings()
            guard let source = findings.sources[input] else {
                throw findings.unknown[input] ?? Failure("the columns of '\(input)' are not known")
            }
            try await reader.export(to: file, columnsOf: source)
            Output.line(
                "correct the rows in \(name), then: caudal quarantine replay \(found.id) \(stage) --fixed \(name)")
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
            let kept = try await Output.reporting { try await keep(for: id, found) }
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

        /// Keeps the corrections with the run, once nothing speaks against taking them.
        private func keep(for id: StageID, _ found: ReopenedRun) async throws -> String? {
            let target = try CorrectionTarget(id, of: found.loaded.pipeline)
            guard let fixed else { return nil }
            try target.refuseItems()
            let text = try FileText.read(PathText.absolute(fixed, in: state.project.currentFolder))
            try target.check(
                text, file: fixed, remedy: "begin with 'caudal quarantine show \(run) \(stage) --to FILE'")
            let folder = found.services.state.run(found.id)
            let examined = target.examined(in: found.state, folder)
            if target.canCompare(examined) {
                let findings = await found.services.examination(of: found.loaded, plan: found.plan).findings()
                try target.refuseIfChanged(
                    examined, files: findings.sources[target.input]?.files ?? [], since: found.id,
                    in: found.services.store)
            }
            if reopen.dryRun { return nil }
            return try folder.keep(corrections: text, of: id, madeFor: examined)
        }
    }
}
