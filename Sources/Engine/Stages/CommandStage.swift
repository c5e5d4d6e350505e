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
    /// The name of the executor that runs it.
    package var executor: String

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
                if let template = problems.template(Located(text, at: node.location)) { run = .line(template.value) }
            case .sequence:
                let parts = problems.texts(of: node, what: "'run'", allowsEmpty: true).compactMap {
                    problems.template($0)?.value
                }
                if parts.first?.description.isEmpty ?? true {
                    problems.report("'run' must not be empty", at: node.location)
                } else {
                    run = .arguments(parts)
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
            progressPattern: progress(&reader), executor: executor(&reader))
    }

    private static func executor(_ reader: inout MappingReader) -> String {
        guard let name = reader.text("run_on") else { return ProcessExecutor.name }
        if !CommandExecutors.names.contains(name.value) {
            let suggestion = Suggestion.closest(to: name.value, among: CommandExecutors.names)
            reader.problems.report(
                "'run_on' must be \(CommandExecutors.names.formattedAsChoice), not '\(name.value)'",
                remedy: suggestion.map { "did you mean '\($0)'?" }, at: name.location)
        }
        return name.value
    }

    private static func progress(_ reader: inout MappingReader) -> String? {
        guard let pattern = reader.text("progress") else { return nil }
        do {
            let expression = try NSRegularExpression(pattern: pattern.value)
            if !(1...2).contains(expression.numberOfCaptureGroups) {
                reader.problems.report(
                    "'progress' has \(expression.numberOfCaptureGroups.counted("group")), and needs one or two",
                    remedy:
                        "put a percentage into parentheses, as in '([0-9]+)%', or what is done and the total, as in "
                        + "'([0-9]+) of ([0-9]+)'; '(?:' begins a group that does not count", at: pattern.location)
                return nil
            }
            return pattern.value
        } catch {
            reader.problems.report(
                "'\(pattern.value.shortened(to: 60))' is not a regular expression",
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
        for (name, value) in attempt.facts.parameters { variables[ShellText.variable(.param(name))] = value }
        for (name, value) in attempt.item?.values ?? [:] { variables[ShellText.variable(.item(name))] = value }
        variables["CAUDAL_RUN_STARTED"] = UTC.iso(attempt.facts.started.wall)
        for reference in [Template.Reference.slotTime, .slotDate] {
            variables[ShellText.variable(reference)] = attempt.value(of: reference) ?? ""
        }
        variables["CAUDAL_PIPELINE"] = attempt.pipeline.name
        for name in inputs {
            let reference = Template.Reference.input(name.value.rawValue)
            variables[ShellText.variable(reference)] = attempt.value(of: reference) ?? ""
        }
        let outputs = output.map { [attempt.output($0, columns: [])] } ?? []
        if let output = outputs.first { variables[ShellText.variable(.stageOutput)] = output.staged }
        let arguments: [String]
        switch run {
        case .arguments(let templates): arguments = templates.map { $0.filled { attempt.value(of: $0) ?? "" } }
        case .line(let template):
            arguments =
                ShellText.words(of: template).map { $0.map { $0.filled { attempt.value(of: $0) ?? "" } } }
                ?? ["/bin/sh", "-c", ShellText.line(of: template)]
        }
        return .command(
            CommandWork(
                arguments: arguments, environment: variables, outputs: outputs, progressPattern: progressPattern,
                executor: executor))
    }
}

/// Command lines for the shell, in which values are passed as variables and never become part of the text.
package enum ShellText {
    /// The environment variable that holds the value of a reference.
    package static func variable(_ reference: Template.Reference) -> String {
        switch reference {
        case .param(let name): "CAUDAL_PARAM_\(upper(name))"
        case .item(let name): "CAUDAL_ITEM_\(upper(name))"
        case .environment(let name): name
        case .runID: "CAUDAL_RUN_ID"
        case .runStarted: "CAUDAL_RUN_STARTED"
        case .slotTime: "CAUDAL_SCHEDULE_TIME"
        case .slotDate: "CAUDAL_SCHEDULE_DATE"
        case .input(let name): "CAUDAL_INPUT_\(upper(name))"
        case .stageOutput: "CAUDAL_OUTPUT"
        }
    }

    /// A name in capitals, with `_` in place of characters that a variable's name cannot contain.
    package static func upper(_ name: String) -> String {
        String(name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    /// The line with each reference as a variable, quoted so that its value stays one word.
    package static func line(of template: Template) -> String {
        var line = ""
        var quote: Character?
        for segment in template.segments {
            switch segment {
            case .reference(let reference):
                let name = variable(reference)
                switch quote {
                case "'": line += "'\"${\(name)}\"'"
                case "\"": line += "${\(name)}"
                default: line += "\"${\(name)}\""
                }
            case .text(let text):
                line += text
                var isEscaped = false
                for character in text {
                    if isEscaped {
                        isEscaped = false
                    } else if character == "\\", quote != "'" {
                        isEscaped = true
                    } else if quote == nil, character == "'" || character == "\"" {
                        quote = character
                    } else if character == quote {
                        quote = nil
                    }
                }
            }
        }
        return line
    }

    /// Words that only a shell interprets at the beginning of a line.
    private static let builtins: Set<String> = [
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac",
        "eval",
        "exec", "exit", "export", "fg", "fi", "for", "getopts", "hash", "if", "jobs", "local", "read", "readonly",
        "return",
        "set", "shift", "source", "then", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until",
        "wait",
        "while",
    ]

    /// Whether a shell gives the character no special meaning, except that of a blank between words.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: plainSigns.contains(byte)
        }
    }

    private static let plainSigns = Array(" _@%+:,./-".utf8)

    /// The words of a line that needs no shell; nil when it needs one.
    ///
    /// As in make, a line without characters that are special to a shell is run directly, which saves a process.
    package static func words(of template: Template) -> [Template]? {
        var words: [[Template.Segment]] = [[]]
        for segment in template.segments {
            switch segment {
            case .reference: words[words.count - 1].append(segment)
            case .text(let text):
                guard text.utf8.allSatisfy(isPlain) else { return nil }
                let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                for (index, part) in parts.enumerated() {
                    if index > 0 { words.append([]) }
                    if !part.isEmpty { words[words.count - 1].append(.text(String(Substring(part)))) }
                }
            }
        }
        let filled = words.filter { !$0.isEmpty }.map { Template(segments: $0) }
        guard let first = filled.first, first.references.isEmpty, !builtins.contains(first.filled { _ in "" }) else {
            return nil
        }
        return filled
    }
}
