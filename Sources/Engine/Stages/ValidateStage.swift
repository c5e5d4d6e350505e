package import CaudalModel

/// `validate`: rows that are valid by a JSON Schema are typed and passed on; the others are quarantined with the rule
/// each broke.
///
/// A file is read once. What does not fit into the stage's memory waits on the disk, in the attempt's staging folder.
package struct ValidateStage: StageType {
    package static let typeName = "validate"
    package var runsOnSpark: Bool { true }

    /// What happens to an invalid row.
    package enum OnInvalid: String, Sendable, CaseIterable {
        /// The first invalid row fails the stage.
        case fail
        /// Invalid rows are counted and dropped.
        case drop
        /// Invalid rows are put aside in a file, each with the rule it broke.
        case quarantine
    }

    /// The maximum number or fraction of invalid rows before the stage fails.
    package enum Limit: Sendable, Equatable {
        case rows(Int64)
        case part(Double)
    }

    package var input: Located<DatasetName>
    package var output: DatasetName
    package var onInvalid: OnInvalid
    package var maxInvalid: Limit?
    /// The path of the quarantine.
    package var quarantine: Template
    /// Where the file sets the quarantine, or where the stage is written.
    package var quarantineLocation: SourceLocation
    /// Whether dates and times must follow RFC 3339 exactly, also in CSV.
    package var isStrict: Bool

    package var inputs: [Located<DatasetName>] { [input] }
    package var outputs: [DatasetName] { [output] }
    package var validatedInput: Located<DatasetName>? { input }
    package var references: [(Template.Reference, SourceLocation)] {
        quarantine.references.map { ($0, input.location) }
    }
    package func otherOutputs(of pipeline: String) -> [OtherOutput] {
        onInvalid == .quarantine ? [OtherOutput("the quarantine", path: quarantine, at: quarantineLocation)] : []
    }

    // MARK: - Reading

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> ValidateStage {
        let input = reader.text("input", isRequired: true) ?? Located("", at: reader.location)
        let output = reader.text("output", isRequired: true)
        let onInvalid = reader.choice("on_invalid", as: OnInvalid.self) ?? .quarantine
        let limit = limit(&reader)
        let quarantine = reader.template("quarantine")
        if quarantine != nil, onInvalid != .quarantine {
            context.problems.report(
                "'quarantine' needs 'on_invalid: quarantine'", at: reader.location(of: "quarantine"))
        }
        if let quarantine, ![".csv", ".parquet"].contains(where: quarantine.value.description.hasSuffix) {
            context.problems.report("'quarantine' must be a .csv or .parquet file", at: quarantine.location)
        }
        let isStrict = reader.boolean("strict_formats") ?? false
        return ValidateStage(
            input: Located(DatasetName(input.value), at: input.location),
            output: DatasetName(output?.value ?? ""), onInvalid: onInvalid, maxInvalid: limit,
            quarantine: quarantine?.value ?? Template(text: "data/quarantine/\(input.value).csv"),
            quarantineLocation: quarantine?.location ?? reader.location, isStrict: isStrict)
    }

    private static func limit(_ reader: inout MappingReader) -> Limit? {
        guard let text = reader.text("max_invalid") else { return nil }
        if let part = ScalarFormats.percentage(text.value), (0...1).contains(part) { return .part(part) }
        if let rows = Int64(text.value), rows >= 0 { return .rows(rows) }
        reader.problems.report(
            "'max_invalid' must be a percentage such as 5% or a number of rows, not '\(text.value)'", at: text.location)
        return nil
    }

    // MARK: - Typing

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        guard let source = typing.sources[input.value], let schema = typing.schemas[input.value] else { return [:] }
        let intake = try Intake(
            source: source, schema: schema, root: typing.root, isStrict: isStrict, stageLocation: input.location,
            sql: typing.sql)
        for property in schema.properties {
            guard let obstacle = property.rules.pattern.flatMap({ typing.sql.obstacle(toPattern: $0) }) else {
                continue
            }
            throw ConfigError(obstacle, at: property.location)
        }
        return [output: intake.typedColumns.map { Column($0.name, $0.type) }]
    }

    package func textsReadAsTimes(_ typing: StageTyping) -> DatasetName? {
        guard let schema = typing.schemas[input.value], !isStrict,
            typing.sources[input.value]?.isForeignJSON == false,
            schema.properties.contains(where: { $0.rules.columnType == .timestamp })
        else { return nil }
        return input.value
    }

    package func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin] {
        output.map {
            ColumnOrigin(column: $0.name, sources: [ColumnSource(input.value, $0.name)], changes: ["validate"])
        }
    }

    // MARK: - Work

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let source = try attempt.source(input.value)
        guard let schema = attempt.schemas[input.value] else {
            throw Failure("the dataset '\(input.value)' has no schema to validate with", location: input.location)
        }
        let intake = try Intake(
            source: source, schema: schema, root: attempt.pipeline.root, isStrict: isStrict,
            stageLocation: input.location, sql: attempt.sql)
        var script = SQLScript(
            title: "\(attempt.pipeline.name) / \(attempt.stage.id): \(input.value) against \(schema.file)")
        attempt.bind(attempt.itemReferences + attempt.references(of: attempt.stage.checks), in: &script)
        let partition = attempt.item == nil ? [] : attempt.partitionVariables
        if !attempt.corrections.isEmpty, attempt.item != nil {
            throw Failure("a stage with 'foreach' cannot use corrected rows", location: input.location)
        }
        let statements = intake.statements
        statements.addSearch(to: &script, partition: partition, corrections: attempt.corrections)

        var outputs: [StagedOutput] = []
        let quarantinePath = quarantinePath(attempt)
        let stagedQuarantine = attempt.staged(path: quarantinePath, beside: self.output)
        if onInvalid != .drop {
            let format: Dataset.Format = quarantinePath.hasSuffix(".parquet") ? .parquet : .csv
            script.add(
                "write the quarantined rows",
                .write(
                    statements.quarantineQuery(partition: partition),
                    to: SQLScript.OutputFile(stagedQuarantine, format)))
            if onInvalid == .quarantine {
                outputs.append(StagedOutput(dataset: nil, staged: stagedQuarantine, target: quarantinePath))
            }
        }
        let output = try attempt.writtenOutput(
            self.output, columns: intake.typedColumns.map { Column($0.name, $0.type) })
        let valid = statements.validQuery(
            partition: partition, format: output.file.format, isCorrected: !attempt.corrections.isEmpty)
        let writing = script.add("write the valid rows", weight: 12, .write(valid, to: output.file))
        outputs.append(output.staged)
        let written = script.statements.count
        let judge = attempt.addChecks(on: output.rows, to: &script)
        let stage = self
        var reads = [source] + attempt.otherSources(than: input.value)
        if !attempt.corrections.isEmpty {
            // The corrections are part of the output's inputs.
            reads.append(
                DataSource(dataset: input.value, files: attempt.corrections, format: .csv, columns: [], isOwn: true))
        }
        return .data(
            DataWork(
                script: script, reads: reads, outputs: outputs,
                essentialStatements: written, threads: attempt.threads, memory: attempt.stage.resources.memory,
                evidence: [stagedQuarantine],
                conclude: { readings in
                    if var fault = intake.fault(in: readings) {
                        fault.location = attempt.pipeline.dataset(stage.input.value)?.placeLocation
                        throw fault
                    }
                    return try stage.conclude(
                        readings, schema: schema.file, samples: attempt.samples,
                        encoding: source.recodedFrom ?? source.csv.encoding,
                        remedy: stage.remedy(run: attempt.facts.runID, stage: attempt.stage.id),
                        output: output.file.path,
                        written: readings.written[writing])
                },
                judge: judge))
    }

    private func quarantinePath(_ attempt: StageAttempt) -> String {
        let path = attempt.path(quarantine)
        guard let item = attempt.item, quarantine.itemVariables.isEmpty else { return path }
        // Each item has its own quarantine file.
        let name = PathText.lastComponent(of: path)
        let folder = PathText.folder(of: path)
        let stem = name.split(separator: ".").dropLast().joined(separator: ".")
        return (folder.isEmpty ? "" : folder + "/") + "\(stem)/\(PathComponent.of(item.key.rawValue))"
            + (name.hasSuffix(".parquet") ? ".parquet" : ".csv")
    }

    private func conclude(
        _ readings: DataReadings, schema: String, samples: SampleRule, encoding: String?, remedy: String,
        output: String,
        written: Int64?
    ) throws(Failure) -> DataOutcome {
        guard let read = readings.count(.read), let invalid = readings.count(.invalid),
            let rejected = readings.count(.rejected), let written
        else { throw .uncounted }
        guard read == written + invalid + rejected else {
            throw Failure(
                "the input changed while it was read: \(read.counted("row")) at first, then \(written.grouped) valid and "
                    + "\((invalid + rejected).grouped) invalid", remedy: "retry when no program writes to it any more")
        }
        let bad = invalid + rejected
        let violations = readings.rows(.violation, as: Violation.self)
        var outcome = schemaCheck(bad: bad, read: read, schema: schema, violations)
        if samples != .all {
            // Rules and row numbers are not personal data; the values that broke a rule may be.
            for index in outcome.samples.indices { outcome.samples[index].values[2] = nil }
        }
        var result = DataOutcome(outputRows: [output: written], checks: [outcome])
        var account = RowAccount(read: read, written: written)
        if onInvalid == .drop { account.dropped = bad } else { account.quarantined = bad }
        account.steps = [StepCount(step: "validate against \(schema)", rowsIn: read, rowsOut: written)]
        result.rows = account
        if let odd = readings.count(.odd), odd > 0 {
            result.notes.append(
                "\(odd.counted("line")) quarantined for not being \(CSVRemedy.name(of: encoding)); "
                    + CSVRemedy.encoding(insteadOf: encoding))
        }
        if let corrected = readings.count(.corrected) {
            result.notes.append("\(corrected.counted("corrected row")) used in place of invalid ones")
        }
        if outcome.outcome == .failed {
            let shown = 3
            let worst = violations.prefix(shown).map { row in
                "\(row.column ?? "") \(row.rule) (\(row.rows.counted("row")), first row \(row.row)"
                    + (samples == .all ? ": '\((row.value ?? "").shortened(to: 40))')" : ")")
            }.joined(separator: "; ")
            let others = violations.count - shown
            let more =
                others <= 0
                ? ""
                : "; and \(violations.count < CheckResult.sampleLimit ? "" : "at least ")\(others.counted("other broken rule"))"
            result.failure = Failure(
                "\(outcome.message), \(outcome.expectation.lowercased()): \(worst)\(more)", remedy: remedy)
        }
        return result
    }

    /// A rule that rows break, with how many they are and the first of them.
    private struct Violation: Decodable {
        var column: String?
        var rule: String
        var rows: Int64
        var row: Int64
        var value: String?
    }

    /// What to do when too many rows are invalid.
    private func remedy(run: RunID, stage: StageID) -> String {
        let correct = "correct the data, the schema or '\(onInvalid == .fail ? "on_invalid" : "max_invalid")'"
        return onInvalid == .drop ? correct : "see the rows with 'caudal quarantine show \(run) \(stage)'; \(correct)"
    }

    /// The validation as a check result, so that it is shown, stored and compared like other checks.
    private func schemaCheck(
        bad: Int64, read: Int64, schema: String, _ violations: [Violation]
    ) -> CheckResult {
        let part = read == 0 ? 0 : Double(bad) / Double(read)
        var outcome: CheckResult.Outcome = bad == 0 ? .passed : .warned
        let expectation: String
        switch (onInvalid, maxInvalid) {
        case (.fail, _):
            expectation = "no invalid row is allowed"
            if bad > 0 { outcome = .failed }
        case (_, .part(let limit)?):
            expectation = "at most \(CheckText.percent(limit)) may be invalid"
            if part > limit { outcome = .failed }
        case (_, .rows(let limit)?):
            expectation = "at most \(limit.counted("row")) may be invalid"
            if bad > limit { outcome = .failed }
        case (_, nil):
            expectation =
                "not all rows may be invalid; invalid ones are \(onInvalid == .drop ? "dropped" : "quarantined")"
            // Then the file or the schema is the wrong one; a bad day does not make every row invalid.
            if bad > 0, bad == read { outcome = .failed }
        }
        let message =
            "\(bad.grouped) of \(read.counted("row")) \(bad == 1 ? "is" : "are") invalid (\(CheckText.percent(part)))"
        let samples = violations.map { row in
            SampleRow(
                row: row.row, columns: ["column", "rule", "value", "rows"],
                values: [row.column, row.rule, row.value, row.rows.grouped])
        }
        return CheckResult(
            id: "schema", kind: CheckResult.schemaKind, severity: .error, outcome: outcome, measured: Double(bad),
            expectation: expectation, message: message, failingRows: bad, totalRows: read, samples: samples)
    }
}
