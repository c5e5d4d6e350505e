import CaudalModel

/// The rules about references: each names something that there is, and stands where its value is known.
extension PipelineRules {
    static func checkReferences(_ pipeline: Pipeline, _ notes: ReadingNotes, _ problems: ConfigProblems) {
        let rules = ReferenceRules(pipeline: pipeline, notes: notes, problems: problems)
        for stage in pipeline.stages where !notes.unsoundStages.contains(stage.id) { rules.check(stage) }
        rules.checkOutsideStages()
        rules.checkSources()
    }

    /// Every reference in a stage's settings and its fan-out, with its place.
    static func allReferences(of stage: Stage) -> [(Template.Reference, SourceLocation)] {
        references(of: stage) + fanOutReferences(of: stage)
    }

    /// Every reference in a stage's own settings, with its place.
    fileprivate static func references(of stage: Stage) -> [(Template.Reference, SourceLocation)] {
        var found: [(Template.Reference, SourceLocation)] = []
        if let condition = stage.condition {
            // Other references in a condition are reported separately.
            found += (condition.left.references + condition.right.references).filter { !$0.isOfAttempt }
                .map { ($0, condition.location) }
        }
        for check in stage.checks {
            if let filter = check.filter { found += filter.value.references.map { ($0, filter.location) } }
            if let query = check.definition.query { found += query.value.references.map { ($0, query.location) } }
        }
        return found + stage.definition.references
    }

    /// Every reference in a stage's fan-out, with its place.
    fileprivate static func fanOutReferences(of stage: Stage) -> [(Template.Reference, SourceLocation)] {
        guard let fanOut = stage.fanOut else { return [] }
        return fanOut.variables.flatMap { _, source -> [(Template.Reference, SourceLocation)] in
            switch source {
            case .query(let query): query.value.references.map { ($0, query.location) }
            case .files(let pattern): pattern.references.map { ($0, fanOut.location) }
            case .days(let from, let to): (from.references + to.references).map { ($0, fanOut.location) }
            case .values(let values): values.flatMap { value in value.value.references.map { ($0, value.location) } }
            }
        }
    }
}

private struct ReferenceRules {
    let pipeline: Pipeline
    let notes: ReadingNotes
    let problems: ConfigProblems

    /// What references can name at a place, besides parameters.
    private struct Known {
        var variables: [String] = []
        var inputs: [String] = []
        var hasOutput = false
    }

    private func check(_ reference: Template.Reference, _ known: Known, at location: SourceLocation) {
        switch reference {
        case .param(let name) where notes.lacks(name, in: "params"):
            problems.report(
                "there is no parameter '\(name)'"
                    + Suggestion.phrase(for: name, among: pipeline.parameters.map(\.name)), at: location)
        case .item(let name) where !known.variables.contains(name):
            problems.report(
                "there is no fan-out variable '\(name)'" + Suggestion.phrase(for: name, among: known.variables),
                remedy: known.variables.isEmpty ? "add 'foreach', or remove it" : nil, at: location)
        case .input(let name) where !known.inputs.contains(name):
            problems.report(
                "'${input.\(name)}' needs a command that reads '\(name)'"
                    + Suggestion.phrase(for: name, among: known.inputs),
                remedy: "add it to 'inputs' of a command, or remove it", at: location)
        case .stageOutput where !known.hasOutput:
            problems.report(
                "'${stage.output}' needs a stage with an 'output'", remedy: "add 'output', or remove it", at: location)
        default: break
        }
    }

    // MARK: - Stages

    func check(_ stage: Stage) {
        let definition = stage.definition
        let variables = stage.fanOut?.variables.map(\.name) ?? []
        let known = Known(
            variables: variables, inputs: definition.runsProgram ? definition.inputs.map(\.value.rawValue) : [],
            hasOutput: !definition.outputs.isEmpty)
        for (reference, location) in PipelineRules.references(of: stage) { check(reference, known, at: location) }
        checkCondition(of: stage)
        checkFanOut(of: stage)
        for dataset in definition.outputs.compactMap(pipeline.dataset) {
            for reference in dataset.path?.references ?? [] {
                check(reference, Known(variables: variables), at: dataset.placeLocation)
            }
        }
    }

    private func checkCondition(of stage: Stage) {
        guard let condition = stage.condition else { return }
        for reference in condition.left.references + condition.right.references
        where reference.isOfAttempt || reference.isOfRun {
            problems.report(
                "'${\(reference)}' is not known yet where 'if' is decided, before the run begins",
                remedy: "compare a parameter or a variable", at: condition.location)
        }
    }

    private func checkFanOut(of stage: Stage) {
        for case (_, .values(let values)) in stage.fanOut?.variables ?? [] {
            for value in values {
                guard let name = value.value.references.compactMap(\.name).first(where: pipeline.secretNames.isSecret)
                else { continue }
                problems.report(
                    "'\(name)' is a secret, and the values of items are recorded",
                    remedy: "give it to the command in 'env'", at: value.location)
            }
        }
        for (reference, location) in PipelineRules.fanOutReferences(of: stage) {
            if reference.isOfAttempt {
                problems.report(
                    "'${\(reference)}' is not known yet where the items are found",
                    remedy: "remove it from 'foreach'", at: location)
            } else {
                check(reference, Known(), at: location)
            }
        }
    }

    // MARK: - Others

    func checkOutsideStages() {
        for template in notes.templatesOutsideStages {
            for reference in template.value.references {
                if reference.isOfAttempt {
                    problems.report(
                        "'${\(reference)}' is only known within a stage",
                        remedy: "remove it, or put it into the 'env' of the stage that needs it", at: template.location)
                } else {
                    check(reference, Known(), at: template.location)
                }
            }
        }
    }

    /// Checks the places of datasets that no stage writes.
    func checkSources() {
        let written = Set(pipeline.stages.flatMap(\.definition.outputs))
        for dataset in pipeline.datasets where !written.contains(dataset.name) {
            for reference in (dataset.path ?? dataset.remote?.name)?.references ?? [] {
                var known = Known()
                if case .item = reference {
                    // A stage that was read with a fault may be the one that writes or reads the dataset.
                    guard notes.unsoundStages.isEmpty else { continue }
                    let reader = pipeline.stages.first { $0.reads.contains { $0.value == dataset.name } }
                    known.variables = reader?.fanOut?.variables.map(\.name) ?? []
                }
                check(reference, known, at: dataset.placeLocation)
            }
        }
    }
}
