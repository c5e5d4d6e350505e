package import CaudalModel
import Foundation

/// A pipeline with everything that was read together with its file.
package struct LoadedPipeline: Sendable {
    package var pipeline: Pipeline
    /// The schemas of the datasets that have one.
    package var schemas: [DatasetName: RowSchema]
    /// The variables that `${env.…}` can refer to: those of the process and of `.env`.
    package var variables: [String: String]
    /// The warnings about the file.
    package var warnings: [ConfigError]
    /// What is as it should be and may surprise all the same.
    package var notes: [ConfigError] = []
    /// The `.env` file that was read, if there is one.
    package var variableFile: String?
    /// The file's text.
    package var text: String
    /// The texts of the schemas, by their paths in the file.
    package var schemaTexts: [String: [UInt8]]
    /// The file with its environment merged into it; every value with its place.
    package var resolved: ConfigNode
}

/// The texts that a pipeline was read from, as kept by a run: its file and the schemas that it names.
package struct KeptPipeline: Sendable {
    package var text: [UInt8]
    /// The text of a schema, by its path in the file; nil for one that was not kept.
    package var schema: @Sendable (String) -> [UInt8]?

    package init(text: [UInt8], schema: @escaping @Sendable (String) -> [UInt8]?) {
        self.text = text
        self.schema = schema
    }
}

extension LoadedPipeline {
    /// What is left of a run's pipeline whose text is lost: enough to record that the run has ended.
    package init(lostOf plan: RunPlan, file: String, variables: [String: String]) {
        self.init(
            pipeline: Pipeline(name: plan.pipeline, file: file, root: plan.root, maxParallel: plan.maxParallel),
            schemas: [:], variables: variables, warnings: [], variableFile: nil, text: "", schemaTexts: [:],
            resolved: ConfigNode(.mapping([]), at: .whole(file)))
    }

    /// A pipeline of a single dataset, for questions about a file that belongs to no pipeline.
    package init(of dataset: Dataset, file: String, root: String, variables: [String: String]) {
        self.init(
            pipeline: Pipeline(
                name: dataset.name.rawValue, file: file, root: root, maxParallel: 1, datasets: [dataset]),
            schemas: [:], variables: variables, warnings: [], variableFile: nil, text: "",
            schemaTexts: [:], resolved: ConfigNode(.mapping([]), at: .whole(file)))
    }
}

/// Reads a pipeline file and everything it refers to.
package struct PipelineLoader {
    private let stageTypes: [String: StageReader]
    private let checks: CheckReader
    private let schedules: ScheduleReader
    private let notifications: NotificationReader
    private let variables: [String: String]
    private let processorCount: Int
    private let queries: any QueryReader

    /// A loader for the given stage types.
    ///
    /// - Parameters:
    ///   - checks: Reads the checks of a stage.
    ///   - schedules: Reads the schedules of a pipeline.
    ///   - notifications: Reads whom to notify of what.
    ///   - queries: Finds what the queries of a file read.
    ///   - variables: The process's environment.
    ///   - processorCount: The default for the number of stages that run at once.
    package init(
        stageTypes: [String: StageReader], checks: @escaping CheckReader, schedules: @escaping ScheduleReader,
        notifications: @escaping NotificationReader, queries: any QueryReader, variables: [String: String],
        processorCount: Int
    ) {
        self.stageTypes = stageTypes
        self.checks = checks
        self.schedules = schedules
        self.notifications = notifications
        self.queries = queries
        self.variables = variables
        self.processorCount = processorCount
    }

    /// Reads a pipeline.
    ///
    /// - Parameters:
    ///   - file: The file as the user named it.
    ///   - environment: One of its `environments`, or nil.
    ///   - root: The folder that relative paths start from; nil means the file's folder, or its parent if the folder is
    ///     called `config`.
    ///   - kept: The texts of an earlier version, read instead of those on the disk.
    /// - Throws: ``InvalidPipeline`` with all faults.
    package func load(
        _ file: String, environment: String? = nil, root: String? = nil, kept: KeptPipeline? = nil
    ) throws(InvalidPipeline) -> LoadedPipeline {
        let problems = ConfigProblems()
        let path = PathText.absolute(file, in: FileManager.default.currentDirectoryPath)
        let bytes: [UInt8]
        do throws(Failure) {
            var isFolder: ObjCBool = false
            if let sign = path.first(where: \.isNewline) {
                // Statements and messages of many programs are lines.
                throw Failure(
                    "the path of the project holds a line break: \(path.replacing(String(sign), with: "\\n"))")
            }
            if let kept {
                bytes = kept.text
            } else if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
                throw Failure("'\(file)' is a folder")
            } else if !FileText.exists(path) {
                throw Failure("there is no file '\(file)'")
            } else {
                bytes = try FileText.userText(path)
            }
        } catch {
            problems.report(error.message, remedy: "give the path of a pipeline file", at: .whole(file))
            throw InvalidPipeline(errors: problems.errors, sources: [:])
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let source = ConfigSource(file: file, bytes: bytes)
        var sources = [file: source.lines]
        guard let node = source.read(problems) else {
            throw InvalidPipeline(errors: problems.errors, sources: sources)
        }
        let chosen = choose(environment, in: node, problems)
        var reader = PipelineReader(
            problems: problems, stageTypes: stageTypes, checks: checks, schedules: schedules,
            notifications: notifications)
        reader.sharedTargets = readTargets(problems, &sources)
        var pipeline = reader.read(
            chosen, file: file, folder: root ?? Self.root(of: path), defaultParallel: processorCount)
        pipeline.chosenEnvironment = environment
        if let sign = pipeline.root.first(where: { "*?[\\".contains($0) }) {
            // A pattern in the file would be one of the folder too, and read files of other projects.
            problems.report(
                "the project's folder \(pipeline.root) has '\(sign)' in its name, which means other folders in patterns of files",
                remedy: "rename the folder", at: .whole(file))
        }
        var notes = reader.notes
        let (variables, variableFile) = readVariables(beside: path, problems)
        QueryExamination(queries, problems, lines: source.lines).examine(&pipeline, &notes, variables)
        pipeline.fileEdges = PlaceRules(pipeline, problems, variables: variables) { _ in nil }.check()
        PipelineRules.check(pipeline, notes, problems)
        var schemaTexts: [String: [UInt8]] = [:]
        let schemas = readSchemas(of: pipeline, kept, problems, &sources, &schemaTexts)
        if problems.hasErrors { throw InvalidPipeline(errors: problems.errors, sources: sources) }
        return LoadedPipeline(
            pipeline: pipeline, schemas: schemas, variables: variables,
            warnings: problems.errors.filter { $0.severity == .warning },
            notes: problems.errors.filter { $0.severity == .note }, variableFile: variableFile, text: text,
            schemaTexts: schemaTexts, resolved: chosen)
    }

    /// The folder that relative paths of a pipeline file start from.
    package static func root(of path: String) -> String {
        let folder = PathText.folder(of: path)
        return PathText.lastComponent(of: folder) == "config" ? PathText.folder(of: folder) : folder
    }

    /// The names of the environments that a file defines.
    package static func environments(of node: ConfigNode) -> [String] {
        guard case .mapping(let entries)? = node[key: "environments"]?.content else { return [] }
        return entries.map(\.key.value)
    }

    private func choose(_ environment: String?, in node: ConfigNode, _ problems: ConfigProblems) -> ConfigNode {
        guard let environment else { return node }
        let names = Self.environments(of: node)
        guard let overlay = node[key: "environments"]?[key: environment] else {
            problems.report(
                "there is no environment '\(environment)'" + Suggestion.phrase(for: environment, among: names),
                remedy: names.isEmpty ? "the file has no 'environments'" : nil,
                at: node[key: "environments"]?.location ?? node.location)
            return node
        }
        guard case .mapping = overlay.content else {
            // An invalid value is reported where it is read.
            return node
        }
        return node.overlaid(with: overlay)
    }

    /// Reads the targets that pipelines share: those of the user's own settings.
    private func readTargets(_ problems: ConfigProblems, _ sources: inout [String: [String]]) -> [Target] {
        let chosen = variables["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        guard let folder = chosen ?? variables["HOME"].map({ $0 + "/.config" }) else { return [] }
        let file = folder + "/caudal/targets.yaml"
        guard FileText.exists(file) else { return [] }
        do throws(Failure) {
            let (targets, lines) = TargetReader.read(file: file, try FileText.userText(file), problems)
            sources[file] = lines
            return targets
        } catch {
            problems.report(error.message, at: .whole(file))
            return []
        }
    }

    private func readSchemas(
        of pipeline: Pipeline, _ kept: KeptPipeline?, _ problems: ConfigProblems,
        _ sources: inout [String: [String]], _ texts: inout [String: [UInt8]]
    ) -> [DatasetName: RowSchema] {
        var schemas: [DatasetName: RowSchema] = [:]
        for dataset in pipeline.datasets {
            guard let file = dataset.schema else { continue }
            if let fault = PlaceRules.schemeFault(file.value) {
                problems.report(fault.message, remedy: fault.remedy, at: file.location)
                continue
            }
            let path = PathText.absolute(file.value, in: pipeline.root)
            let bytes: [UInt8]
            do throws(Failure) {
                if let text = kept?.schema(file.value) { bytes = text } else { bytes = try FileText.userText(path) }
            } catch {
                let reason = FileText.exists(path) ? ": \(error.message)" : ""
                problems.report(
                    "the schema '\(file.value)' of dataset '\(dataset.name)' cannot be read\(reason)",
                    remedy: "paths start from \(pipeline.root)", at: file.location)
                continue
            }
            texts[file.value] = bytes
            let source = ConfigSource(file: file.value, bytes: bytes)
            sources[file.value] = source.lines
            guard let node = source.read(problems, emptyRemedy: RowSchemaReader.emptyRemedy) else { continue }
            schemas[dataset.name] = RowSchemaReader.read(node, file: file.value, problems)
        }
        return schemas
    }

    private func readVariables(beside path: String, _ problems: ConfigProblems) -> ([String: String], String?) {
        let file = PathText.folder(of: path) + "/.env"
        guard FileText.exists(file) else { return (variables, nil) }
        do throws(Failure) {
            // Variables of the process take precedence over those of the file.
            let text = String(decoding: try FileText.userText(file), as: UTF8.self)
            let found = VariableFile.read(text, file: file, problems)
            return (found.merging(variables) { $1 }, file)
        } catch {
            problems.report(error.message, at: SourceLocation(file: file, line: 1, column: 1))
            return (variables, nil)
        }
    }
}

/// Reads a `.env` file: a `NAME=value` on each line, values optionally in quotation marks, `#` before comments.
///
/// Between double marks, `\"`, `\\`, `\$` and `\n` have the meaning that other readers of such files give them.
enum VariableFile {
    static func read(_ text: String, file: String, _ problems: ConfigProblems) -> [String: String] {
        var variables: [String: String] = [:]
        // Some editors begin every file with a mark of its encoding.
        let text = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            var line = String(raw).trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("export ") { line = String(line.dropFirst(7)).trimmed }
            guard let equals = line.firstIndex(of: "="), equals != line.startIndex else {
                problems.report(
                    "this line sets no variable", remedy: "write it as NAME=value",
                    at: SourceLocation(file: file, line: index + 1, column: 1))
                continue
            }
            let name = String(line[..<equals]).trimmed
            guard let value = value(of: String(line[line.index(after: equals)...]).trimmed) else {
                problems.report(
                    "the value of \(name) has a quotation mark without its end, or something behind its end",
                    remedy: "write it as \(name)=\"value\", and \\\" for a mark inside",
                    at: SourceLocation(file: file, line: index + 1, column: 1))
                continue
            }
            variables[name] = value
        }
        return variables
    }

    /// A value without its quotation marks and the comment behind it; nil where these do not fit together.
    private static func value(of text: String) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            if text.hasPrefix("#") { return "" }
            return text.firstRange(of: " #").map { String(text[..<$0.lowerBound]).trimmed } ?? text
        }
        let escapes: [Character: Character] = ["\"": "\"", "\\": "\\", "$": "$", "n": "\n"]
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote {
                let behind = String(rest).trimmed
                return behind.isEmpty || behind.hasPrefix("#") ? value : nil
            }
            if character == "\\", quote == "\"", let next = rest.first, let escaped = escapes[next] {
                value.append(escaped)
                rest.removeFirst()
            } else {
                value.append(character)
            }
        }
        return nil
    }
}
