package import CaudalModel

/// `check`: checks of a dataset that exists already.
package struct CheckStage: StageType {
    package static let typeName = "check"
    package var runsOnSpark: Bool { true }

    package var input: Located<DatasetName>

    package var inputs: [Located<DatasetName>] { [input] }
    package var outputs: [DatasetName] { [] }
    package var hasRowsToCheck: Bool { true }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> CheckStage {
        let input = reader.text("input", isRequired: true) ?? Located("", at: reader.location)
        if reader.nodes("checks").isEmpty {
            context.problems.report("\(reader.subject) needs 'checks'", at: reader.location)
        }
        return CheckStage(input: Located(DatasetName(input.value), at: input.location))
    }

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] { [:] }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let source = try attempt.source(input.value)
        let faults = CheckCompiler.faults(
            of: attempt.stage.checks, columns: source.columns, references: attempt.referenceTypes)
        if let fault = faults.first { throw fault }
        var script = SQLScript(
            title:
                "\(attempt.pipeline.name) / \(attempt.stage.id): \(attempt.stage.checks.count.counted("check")) of \(input.value)"
        )
        attempt.bind(attempt.itemReferences + attempt.references(of: attempt.stage.checks), in: &script)
        let judge = attempt.addChecks(on: source, to: &script)
        return .data(
            DataWork(
                script: script, reads: [source] + attempt.otherSources(than: input.value), essentialStatements: 0,
                threads: attempt.threads, memory: attempt.stage.resources.memory,
                conclude: { readings in
                    let rows = readings.measuredRows
                    return DataOutcome(rows: rows.map { RowAccount(read: $0, written: $0) })
                },
                judge: judge))
    }
}
