package import CaudalModel
import Foundation

/// `command`: runs a program.
package struct CommandStage: StageType {
    package static let typeName = "command"

    package typealias Run = StageProgram.Call

    /// The program.
    package var run: Run
    /// Where the command is written.
    package var location: SourceLocation
    package var environment: [String: Template]
    package var inputs: [Located<DatasetName>]
    package var output: DatasetName?
    /// A regular expression that finds progress in the program's output.
    package var progressPattern: String?

    package var outputs: [DatasetName] { output.map { [$0] } ?? [] }
    package var references: [(Template.Reference, SourceLocation)] {
        (run.words + environment.values).flatMap(\.references).map { ($0, location) }
    }
    package var program: StageProgram? { StageProgram(run, environment: environment) }
    package var needsSQLEngine: Bool { false }
    package var dividesRows: Bool { false }
    package func reuseObstacle(isWanted: Bool) -> String? {
        output == nil && !isWanted ? "a command without an output always runs" : nil
    }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> CommandStage {
        let problems = context.problems
        var run = Run.line(Template(text: "true"))
        var location = reader.location
        if let node = reader.node("run"), !node.isEmpty {
            location = node.location
            switch node.content {
            case .scalar(let text, _):
                if text.allSatisfy(\.isWhitespace) { problems.report("'run' must not be empty", at: node.location) }
                if let template = problems.template(Located(text, at: node.location)) {
                    run = .line(template.value)
                    if let fault = ShellText.fault(of: template.value) {
                        problems.report(fault.message, remedy: fault.remedy, at: node.location)
                    }
                }
            case .sequence:
                let parts = problems.texts(of: node, what: "'run'", allowsEmpty: true).compactMap {
                    problems.template($0)?.value
                }
                if parts.first?.description.isEmpty ?? true {
                    problems.report("'run' must not be empty", at: node.location)
                } else {
                    run = .arguments(parts)
                    if let fault = ShellArguments(parts).fault {
                        problems.report(fault.message, remedy: fault.remedy, at: node.location)
                    }
                }
            case .mapping: problems.report("'run' must be a command, not \(node.kindName)", at: node.location)
            }
        } else {
            problems.report("\(reader.subject) needs 'run'", at: reader.location)
        }
        var environment: [String: Template] = [:]
        for entry in reader.named("env") {
            let texts = problems.texts(of: entry.value, what: "a variable", allowsEmpty: true)
            environment[entry.key.value] = texts.first.flatMap { problems.template($0)?.value }
        }
        return CommandStage(
            run: run, location: location, environment: environment,
            inputs: reader.texts("inputs").map { Located(DatasetName($0.value), at: $0.location) },
            output: reader.text("output").map { DatasetName($0.value) },
            progressPattern: progress(&reader))
    }

    private static func progress(_ reader: inout MappingReader) -> String? {
        guard let pattern = reader.text("progress") else { return nil }
        do throws(LogPattern.Fault) {
            let expression = try LogExpression(pattern.value, ignoresCase: false)
            if !(1...2).contains(expression.groupCount) {
                reader.problems.report(
                    "'progress' has \(expression.groupCount.counted("group")), and needs one or two",
                    remedy:
                        "put a percentage into parentheses, as in '([0-9]+)%', or what is done and the total, as in "
                        + "'([0-9]+) of ([0-9]+)'; '(?:' begins a group that does not count", at: pattern.location)
                return nil
            }
            return pattern.value
        } catch {
            reader.problems.report(
                "'\(pattern.value.shortened(to: 60))' is not a regular expression: \(error.message)",
                remedy: "put a backslash before brackets and other special characters that are literal",
                at: pattern.location)
            return nil
        }
    }

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] { [:] }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        var variables: [String: String] = [:]
        for (name, template) in attempt.pipeline.environment.mapValues(\.value).merging(
            environment, uniquingKeysWith: { $1 })
        {
            variables[name] = template.filled { attempt.value(of: $0) ?? "" }
        }
        for (name, value) in attempt.facts.parameters {
            variables[Template.Reference.param(name).programVariable] = value
        }
        for (name, value) in attempt.item?.values ?? [:] {
            variables[Template.Reference.item(name).programVariable] = value
        }
        variables["CAUDAL_RUN_STARTED"] = UTC.iso(attempt.facts.started.wall)
        for reference in [Template.Reference.slotTime, .slotDate] {
            variables[reference.programVariable] = attempt.value(of: reference) ?? ""
        }
        variables["CAUDAL_PIPELINE"] = attempt.pipeline.name
        let lists = try inputs.compactMap { try list(of: $0.value, attempt, &variables) }
        let outputs = output.map { [attempt.output($0, columns: [])] } ?? []
        if let output = outputs.first { variables[Template.Reference.stageOutput.programVariable] = output.staged }
        func value(_ reference: Template.Reference) -> String { attempt.value(of: reference) ?? "" }
        let arguments: [String]
        switch run {
        case .arguments(let templates):
            let text = ShellArguments(templates).text
            let line = text.map { ShellLine(templates[$0]) }
            arguments = templates.enumerated().map { $0 == text ? line?.text ?? "" : $1.filled(value) }
            for reference in text.map({ templates[$0].references }) ?? [] {
                variables[reference.programVariable] = value(reference)
            }
            for variable in line?.variables ?? [] {
                variables[variable.name] = variable.value(value(variable.reference))
            }
        case .line(let template):
            if let words = ShellText.words(of: template) {
                arguments = words.map { $0.filled(value) }
            } else {
                let line = ShellLine(template)
                // A script of several lines would go on behind a line that failed, and publish half an output.
                arguments = ["/bin/sh"] + (line.text.trimmed.contains("\n") ? ["-e"] : []) + ["-c", line.text]
                for variable in line.variables { variables[variable.name] = variable.value(value(variable.reference)) }
            }
            // Where the program runs, the variable itself may not be there, or be another one.
            for case .environment(let name) in template.references {
                variables[Template.Reference.environment(name).programVariable] = value(.environment(name))
            }
        }
        return .command(
            CommandWork(
                arguments: arguments, environment: variables, outputs: outputs, lists: lists,
                progressPattern: progressPattern))
    }

    /// The longest list of files that a variable can have, in bytes: Linux takes no variable and no argument of more than
    /// 128 KiB, its name and what a shell needs to quote it included.
    private static let longestVariable = 120_000

    /// Sets the variables for the files of an input.
    ///
    /// - Returns: The file with the list; nil where nothing is run.
    /// - Throws: ``Failure`` where the list is too long for a variable, and the command does not read it from the file: a
    ///   variable without a value would be an input without files to it.
    private func list(
        of name: DatasetName, _ attempt: StageAttempt, _ variables: inout [String: String]
    ) throws(Failure) -> InputList? {
        let reference = Template.Reference.input(name.rawValue)
        let files = attempt.value(of: reference) ?? ""
        variables[reference.programVariable] = files
        guard let folder = attempt.stagingFolder, let variable = reference.listVariable else { return nil }
        let path = "\(folder)/.lists/\(PathComponent.of(name.rawValue))"
        variables[variable] = path
        if files.utf8.count > Self.longestVariable {
            let templates = run.words + environment.values
            guard templates.contains(where: { $0.description.contains(variable) }),
                !templates.contains(where: { $0.references.contains(reference) })
            else {
                let count = attempt.sources[name]?.files.count ?? 0
                throw Failure(
                    "the paths of the \(count.counted("file")) of '\(name)' are \(Int64(files.utf8.count).shortBytes), and a "
                        + "variable or an argument of a program cannot be longer than 128 KiB",
                    remedy: "let 'run' read them from the file $\(variable), which has one on each line, and name "
                        + "neither ${\(reference)} nor $\(reference.programVariable)", location: location)
            }
            variables[reference.programVariable] = nil
        }
        return InputList(path: path, text: files.isEmpty ? "" : files + "\n")
    }
}
