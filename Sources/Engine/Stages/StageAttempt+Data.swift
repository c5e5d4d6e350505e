import CaudalModel

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
