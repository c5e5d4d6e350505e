import ArgumentParser
import Engine
import Foundation

/// `caudal quarantine`: rows that validate stages quarantined.
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "List and show the rows that validate stages quarantined, and replay them once they are corrected.",
        subcommands: [List.self, Show.self, Replay.self])

    /// The file that a stage put its invalid rows into.
    struct QuarantineFile {
        let stage: StageID
        /// How many rows there are, when that was recorded.
        let rows: Int64?
        /// What the file was when it was published; nil for one that a failed attempt left behind.
        let artifact: Artifact?
        /// The file: relative to the project's root where it was published, else absolute.
        let path: String
    }

    /// What the stages of a run put aside last, also where the stage failed and published nothing.
    static func aside(in state: RunState, _ folder: RunFolder) -> [QuarantineFile] {
        state.stages.flatMap { stage -> [QuarantineFile] in
            guard state.plan.index(of: stage.id).map({ state.plan.stages[$0].type }) == ValidateStage.typeName else {
                return []
            }
            let units =
                stage.hasItems
                ? stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) } : [(UnitID(stage.id), stage.unit)]
            return units.compactMap { id, unit in
                guard let attempt = unit.attempts.last(where: { $0.result != nil }), let result = attempt.result else {
                    return nil
                }
                if result.ending == .failed { return evidence(of: attempt, result, id, folder) }
                guard let rows = result.rows?.quarantined, rows > 0,
                    let artifact = result.artifacts.first(where: { $0.dataset == nil })
                else { return nil }
                return QuarantineFile(stage: stage.id, rows: rows, artifact: artifact, path: artifact.path)
            }
        }
    }

    /// What a failed attempt put aside, which lies where it worked.
    private static func evidence(
        of attempt: Attempt, _ result: AttemptResult, _ id: UnitID, _ folder: RunFolder
    ) -> QuarantineFile? {
        let place = folder.attempt(id, attempt.number)
        // Nothing is left of an attempt that failed for another reason.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        guard let name = names.first(where: { $0.hasSuffix(".csv") || $0.hasSuffix(".parquet") }) else { return nil }
        let rows = result.checks.first { $0.kind == CheckResult.schemaKind }?.failingRows
        return rows == 0 ? nil : QuarantineFile(stage: id.stage, rows: rows, artifact: nil, path: place + "/" + name)
    }

    /// What is said of rows that a failed stage put aside.
    static let unpublished = "not published: the stage failed"

    /// `caudal quarantine list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the stages of a run that quarantined rows.")

        @Argument(help: "The run: its ID, the start or end of the ID, or 'last'.")
        var run: String = "last"

        @OptionGroup var state: StateOptions

        func run() async throws {
            let target = try RunTarget.find(run, state)
            let found = try Output.reporting {
                QuarantineCommand.aside(in: try target.store.state(of: target.id), target.folder)
            }
            if found.isEmpty { return Output.line("run \(target.id) put no rows aside") }
            let rows = found.map { aside in
                [
                    aside.stage.rawValue, aside.rows.map { $0.counted("row") } ?? "",
                    aside.artifact == nil ? "\(aside.path)  (\(QuarantineCommand.unpublished))" : aside.path,
                ]
            }
            for line in Columns.lines(rows) { Output.line(line) }
        }
    }

    /// `caudal quarantine show`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the rows that a stage quarantined, with the rule that each one broke.")

        @Argument(help: "The run: its ID, the start or end of the ID, or 'last'.")
        var run: String

        @Argument(help: "The validate stage.")
        var stage: String

        @Option(help: "Maximum number of broken rules to show.")
        var limit: Int = 50

        @Option(
            help: "Write the rows to this CSV file, one line each, to correct them there for 'replay --fixed'."
        )
        var to: String?

        @Flag(help: "Use the pipeline as recorded with the run, even if its file has changed.")
        var asStarted = false

        @OptionGroup var state: StateOptions

        func run() async throws {
            let reopen = try ReopenOptions.parse(asStarted ? ["--as-started"] : [])
            let found = try ReopenedRun.find(run, reopen, state)
            try await Output.reporting {
                guard found.state.stage(StageID(stage)) != nil else {
                    throw Failure(found.state.wordsOfUnknown(UnitID(StageID(stage), nil)))
                }
                let aside = QuarantineCommand.aside(in: found.state, found.services.state.run(found.id))
                    .filter { $0.stage.rawValue == stage }
                guard !aside.isEmpty else { throw Failure("stage '\(stage)' of run \(found.id) put no rows aside") }
                let files = try aside.map { try checked($0, found) }
                if aside.contains(where: { $0.artifact == nil }) {
                    Output.error(message: QuarantineCommand.unpublished)
                }
                let tools = found.services.tools(
                    for: found.loaded, parameters: found.parameters, folder: found.services.state.path + "/questions")
                if let to {
                    try await write(files, to: PathText.absolute(to, in: state.project.currentFolder), found, tools)
                } else {
                    try await show(files, tools)
                }
            }
        }

        /// The file, which a later run may have replaced.
        private func checked(_ aside: QuarantineFile, _ found: ReopenedRun) throws -> String {
            guard let artifact = aside.artifact else { return aside.path }
            let file = PathText.absolute(artifact.path, in: found.loaded.pipeline.root)
            guard found.services.store.fingerprint(ofFile: file) == artifact.contentHash else {
                throw Failure(
                    "\(artifact.path) has changed since run \(found.id) wrote it",
                    remedy: "a later run replaced it: look at that run")
            }
            return file
        }

        private func relation(_ files: [String]) -> String {
            let sql = DuckDBDialect()
            let list = "[" + files.map(sql.text).joined(separator: ", ") + "]"
            return files.allSatisfy { $0.hasSuffix(".parquet") }
                ? "read_parquet(\(list))"
                : "read_csv(\(list), header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"')"
        }

        private func show(_ files: [String], _ tools: DataTools) async throws {
            var script = SQLScript(title: "rows that were put aside")
            script.add("show them", "SELECT 'aside' AS caudal, * FROM \(relation(files)) LIMIT \(max(0, limit))")
            let rows = try await tools.ask(script, reading: files).rows("aside").map { row in
                [
                    "\(row.text("file") ?? "") row \(row.text("row") ?? "")", row.text("column") ?? "",
                    row.text("rule") ?? "", (row.text("value") ?? row.text("raw") ?? "").shortened(to: 60),
                ]
            }
            for line in Columns.lines([["WHERE", "COLUMN", "RULE", "VALUE"]] + rows) { Output.line(line) }
        }

        /// Writes one line for each row, with the columns of the input; or with its text where the input is JSON, or the
        /// line is no row.
        private func write(_ files: [String], to file: String, _ found: ReopenedRun, _ tools: DataTools) async throws {
            guard !FileText.exists(file) else {
                throw Failure("\(file) is there already", remedy: "choose another name")
            }
            let pipeline = found.loaded.pipeline
            guard let input = pipeline.stage(StageID(stage))?.definition.inputs.first?.value else {
                throw Failure("the pipeline file has no stage '\(stage)' any more")
            }
            let findings = await found.services.examination(of: found.loaded, plan: found.filledPlan).findings()
            guard let source = findings.sources[input] else {
                throw findings.unknown[input] ?? Failure("the columns of '\(input)' are not known")
            }
            let sql = DuckDBDialect()
            let isRow = "rule NOT LIKE 'malformed line%'"
            // Rows of JSON have keys and types of their own, which a cell of CSV cannot tell.
            let columns =
                source.isForeignJSON
                ? ["raw AS \(Intake.correctedJSON)"]
                : source.columnNames.map { name in
                    let path = sql.text("$.\"\(name.replacing("\"", with: "\\\""))\"")
                    return "CASE WHEN \(isRow) THEN json_extract_string(raw, \(path)) END AS \(sql.name(name))"
                } + ["CASE WHEN NOT (\(isRow)) THEN raw END AS \(Intake.correctedRaw)"]
            let query =
                "SELECT DISTINCT file AS \(Intake.correctedFile), CAST(\"row\" AS BIGINT) AS \(Intake.correctedRow),\n       "
                + columns.joined(separator: ",\n       ") + "\nFROM \(relation(files))\nORDER BY 1, 2"
            var script = SQLScript(title: "rows to be corrected")
            script.add("write them", "COPY (\n\(query)\n) TO \(sql.text(file)) (FORMAT csv, HEADER true)")
            _ = try await tools.ask(script, reading: files, writing: [PathText.folder(of: file)])
            Output.line(
                "correct the rows in \(to ?? file), then: caudal quarantine replay \(found.id) \(stage) --fixed \(to ?? file)"
            )
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

        @Argument(help: "The run: its ID, the start or end of the ID, or 'last'.")
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
            guard let definition = found.loaded.pipeline.stage(id) else {
                let names = found.loaded.pipeline.stages.map(\.id.rawValue)
                throw Failure("the pipeline file has no stage '\(stage)'" + Suggestion.phrase(for: stage, among: names))
            }
            guard let validated = definition.definition.validatedInput?.value else {
                throw Failure(
                    "stage '\(stage)' is of type \(definition.definition.typeName), and only a validate stage takes corrected rows"
                )
            }
            guard let fixed else { return nil }
            guard definition.fanOut == nil else {
                throw Failure(
                    "stage '\(stage)' has 'foreach', and corrected rows cannot be taken into such a stage",
                    remedy: "correct its input, and retry it")
            }
            let text = try FileText.read(PathText.absolute(fixed, in: state.project.currentFolder))
            let header = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
            for name in [Intake.correctedFile, Intake.correctedRow] where !header.contains(name) {
                throw Failure(
                    "\(fixed) has no column '\(name)'",
                    remedy: "begin with 'caudal quarantine show \(run) \(stage) --to FILE'")
            }
            let folder = found.services.state.run(found.id)
            let reads = found.state.stage(id)?.unit.attempts.compactMap(\.result?.reads).last { !$0.isEmpty } ?? []
            let examined = folder.correctedInputs(in: reads, of: validated)
            try await refuseIfChanged(examined, validated, found)
            if reopen.dryRun { return nil }
            return try folder.keep(corrections: text, of: id, madeFor: examined)
        }

        /// Refuses corrections of an input that is not what the quarantine was made of.
        private func refuseIfChanged(
            _ examined: [InputVersion], _ input: DatasetName, _ found: ReopenedRun
        ) async throws {
            let pipeline = found.loaded.pipeline
            // What a table holds now is known once the attempt has read it: then the same is asked again.
            guard !examined.isEmpty, pipeline.dataset(input)?.table == nil else { return }
            let findings = await found.services.examination(of: found.loaded, plan: found.plan).findings()
            var there: [String: String] = [:]
            for file in findings.sources[input]?.files ?? [] {
                there[PathText.relative(file, to: pipeline.root)] = found.services.store.fingerprint(ofFile: file)
            }
            let known = Dictionary(examined.map { ($0.path, $0.contentHash) }) { first, _ in first }
            let changed = Set(known.keys).union(there.keys).filter { known[$0].flatMap { $0 } != there[$0] }.sorted()
            guard let path = changed.first else { return }
            let others = changed.count > 1 ? " (and \(changed.count - 1) more)" : ""
            throw Failure(
                "\(path)\(others) has changed since run \(found.id) put rows of it aside: the corrections would replace "
                    + "other rows than those they were made for",
                remedy: "put the file back as it was; or run the pipeline anew, and correct what that run puts aside")
        }
    }
}
