import CaudalModel

/// What values are called where programs get them, and what they are compared with.
extension PipelineRules {
    /// Programs tell values apart by variables, in whose names letters are capitals and other signs are `_`.
    static func checkVariables(_ pipeline: Pipeline, _ problems: ConfigProblems) {
        func check(_ references: [(Template.Reference, SourceLocation)]) {
            var seen: [String: Template.Reference] = [:]
            for (reference, location) in references {
                let variable = reference.programVariable
                if let other = seen[variable], other != reference {
                    problems.report(
                        "'${\(other)}' and '${\(reference)}' are one variable to programs: \(variable)",
                        remedy: "give one of them a name that differs in more than signs and case", at: location)
                }
                seen[variable] = reference
            }
        }
        let programs = pipeline.stages.filter(\.definition.runsProgram)
        if !programs.isEmpty { check(pipeline.parameters.map { (.param($0.name), $0.location) }) }
        for stage in programs {
            check(stage.definition.inputs.map { (.input($0.value.rawValue), $0.location) })
            if let fanOut = stage.fanOut { check(fanOut.variables.map { (.item($0.name), fanOut.location) }) }
        }
    }

    /// Refuses a comparison with a text that a parameter never has, and one of numbers by a parameter that is text.
    static func checkCondition(_ stage: Stage, _ pipeline: Pipeline, _ problems: ConfigProblems) {
        guard let condition = stage.condition else { return }
        for (side, other) in [(condition.left, condition.right), (condition.right, condition.left)] {
            guard other.references.isEmpty, let parameter = pipeline.parameter(of: side) else { continue }
            let text = other.description
            // A whole number may lie below a fraction.
            if parameter.kind == .integer, let number = Double(text), number.isFinite { continue }
            if case .failure(let fault) = parameter.value(of: text, now: Moment(wall: 0, steady: 0)) {
                problems.report(
                    "'\(parameter.name)' is never '\(text)': \(fault.message)",
                    remedy: "compare it with a value that it can have", at: condition.location)
            } else if parameter.kind == .string, condition.comparison.isOrder, Double(text) != nil {
                problems.report(
                    "'\(parameter.name)' is text, of which '10' comes before '9'",
                    remedy: "give the parameter 'type: integer' or 'type: number' to compare it with \(text)",
                    at: condition.location)
            }
        }
    }

    /// Refuses values that make rows in an output that runs with other values add to: of what is there, nobody knows by which
    /// value it was made, and what one value leaves out is never read with another.
    ///
    /// `behind`: the stage and those that write what it reads.
    static func checkValues(
        of stage: Stage, _ references: [(Template.Reference, SourceLocation)], _ behind: [Stage],
        _ days: Set<String>, _ pipeline: Pipeline, _ problems: ConfigProblems
    ) {
        guard let column = stage.definition.newRowsAlone?.column else { return }
        let own = Set(stage.definition.outputs.flatMap { pipeline.dataset($0)?.path?.references ?? [] })
        // To programs and in paths, variables say where something is.
        let variables = behind.filter { !$0.definition.runsProgram }.flatMap(allReferences)
            .filter { if case .environment = $0.0 { true } else { false } }
        let parameters = references.filter { reference, _ in
            if case .param(let name) = reference { !days.contains(name) } else { false }
        }
        guard let (reference, location) = (parameters + variables).first(where: { !own.contains($0.0) }) else { return }
        problems.report(
            "'\(stage.id)' reads what is newer than its output, and that depends on ${\(reference)} (line \(location.line)): "
                + "with another value, rows that this one left out would never be read, and those that it made would stay",
            remedy:
                "write the value itself, give each value an output of its own, with ${\(reference)} in its path, or write "
                + "'partial: true' if this is meant", at: column.location)
    }
}
