import CaudalModel

/// An output that a script writes: what is published, the file that it is written to, and its rows as checks read them.
struct WrittenOutput {
    let staged: StagedOutput
    let file: SQLScript.OutputFile
    let rows: DataSource
}

extension StageAttempt {
    /// The rows of an input, restricted to the attempt's item, ready for steps.
    func relation(of source: DataSource, numbersRows: Bool) -> RelationBuilder {
        var builder = RelationBuilder(source, numbersRows: numbersRows, references: referenceTypes, sql: sql)
        if item != nil { builder.restrict(to: partitionVariables) }
        if let start = readingStart, source.dataset == stage.type.watermarkedInput { builder.restrict(from: start) }
        return builder
    }

    /// The staged output of a stage that writes one dataset.
    func output(_ name: DatasetName, columns: [Column]) -> StagedOutput {
        StagedOutput(dataset: name, staged: staged(name), target: target(name), columns: columns)
    }

    /// The same for an output that a script writes.
    ///
    /// - Throws: ``Failure`` when there is no such dataset, which the rules of the pipeline file rule out.
    func writtenOutput(_ name: DatasetName, columns: [Column]) throws(Failure) -> WrittenOutput {
        guard let dataset = pipeline.dataset(name) else { throw Failure("there is no dataset '\(name)'") }
        let output = output(name, columns: columns)
        let format = dataset.format ?? .parquet
        return WrittenOutput(
            staged: output,
            file: SQLScript.OutputFile(output.staged, format, dataset.csv, columns: columns.count),
            rows: DataSource(
                dataset: name, files: [output.staged], format: format, csv: dataset.csv, columns: columns, isOwn: true))
    }

    /// Adds the checks of the stage's output to the script, and returns the judge of their results.
    func addChecks(
        on source: DataSource, to script: inout SQLScript
    ) -> @Sendable (DataReadings, [String], [Column]) -> [CheckResult] {
        let checks = stage.checks
        guard !checks.isEmpty else { return { _, _, _ in [] } }
        let others = sources.filter { $0.key != source.dataset }
        CheckCompiler(source: source, checks: checks, references: referenceTypes, others: others, sql: sql)
            .add(to: &script)
        let judge = (stage.id, history, now)
        let (rule, keys, salt) = (samples, keyColumns, "\(pipeline.name)/\(stage.id)")
        let nameOfPart: @Sendable (String, String) -> String = { column, value in
            rule.part(value, of: column, salt: salt, isKey: keys.contains(column))
        }
        return { readings, errors, found in
            var judge = CheckJudge(
                checks: checks, columns: source.columns, stage: judge.0, history: judge.1, now: judge.2)
            judge.nameOfPart = nameOfPart
            return judge.results(readings, errors: errors, found: found.isEmpty ? source.columns : found)
        }
    }

    /// All references in the stage's SQL, to be bound.
    func references(of checks: [Check]) -> [Template.Reference] {
        checks.flatMap { check -> [Template.Reference] in
            var found = check.filter?.value.references ?? []
            if let query = check.definition.query { found += query.value.references }
            return found
        }
    }

    /// The references to the values of the item's own rows.
    var itemReferences: [Template.Reference] { item == nil ? [] : partitionVariables.map { .item($0) } }
}
