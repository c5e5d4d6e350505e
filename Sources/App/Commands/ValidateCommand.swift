import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal validate`: checks pipeline files and prints their errors.
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check pipeline files; print each problem with its place and a remedy.")

    @Argument(help: "The pipeline files.")
    var files: [String]

    @Option(name: [.customLong("env"), .short], help: "Check only this environment of the file (default: all).")
    var environment: String?

    @Flag(help: "Print the resolved pipeline, with the place that each value comes from.")
    var resolved = false

    @Flag(help: "Print one line of JSON for each file: whether it is valid, and each problem with its place.")
    var json = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if json, resolved { throw ValidationError("--resolved and --json cannot be given together") }
    }

    func run() async throws {
        var isFine = true
        for file in files {
            if json {
                let line = await Line(file, problems: problems(of: file))
                Output.json(line)
                isFine = isFine && line.isFine
                continue
            }
            do {
                try await check(file)
            } catch let code as ExitCode {
                if code != ExitStatus.invalid.code { throw code }
                isFine = false
            }
        }
        if !isFine { throw ExitStatus.invalid.code }
    }

    private func check(_ file: String) async throws {
        let loaded = try state.project.load(file, environment: environment)
        for warning in loaded.warnings + loaded.notes { Output.error(message: warning.oneLine) }
        if resolved {
            let masker = loaded.masker()
            for line in ResolvedText.lines(of: loaded.resolved) { Output.document(masker.masked(line) + "\n") }
            return
        }
        if let fault = curlFault(loaded) { Output.error(message: "\(file): warning: \(fault)") }
        for warning in scheduleFaults(loaded) { Output.error(message: warning.oneLine) }
        let others = environment == nil ? PipelineLoader.environments(of: loaded.resolved) : []
        for name in others { _ = try state.project.load(file, environment: name) }
        try await Output.reporting { try await checkColumns(loaded) }
        let pipeline = loaded.pipeline
        var words = [
            "\(file): \(pipeline.name) is valid: \(pipeline.stages.count.counted("stage")), \(pipeline.datasets.count.counted("dataset"))"
        ]
        if !others.isEmpty { words.append("environments \(others.joined(separator: ", "))") }
        if let variables = loaded.variableFile {
            words.append("variables from \(PathText.relative(variables, to: FileManager.default.currentDirectoryPath))")
        }
        Output.line(plain: words.joined(separator: ", "))
    }
}

extension ValidateCommand {
    /// What of its schedules cannot work as they stand beside the project's other files: datasets that no pipeline
    /// writes, and another pipeline of that name.
    private func scheduleFaults(_ loaded: LoadedPipeline) -> [ConfigError] {
        let schedules = loaded.pipeline.schedules
        guard let first = schedules.first else { return [] }
        let files = ProjectFiles(
            root: loaded.pipeline.root, chosenRoot: state.project.chosenFolder, variables: state.variables
        ).read(now: SystemClock.now.steady)
        let path = PathText.absolute(loaded.pipeline.file, in: state.project.currentFolder)
        let doubles = files.scheduled.doubles.filter { $0.path == path }.map {
            ConfigError("for the scheduler, this file is \($0.reason)", at: first.location, severity: .warning)
        }
        let awaited = schedules.flatMap { schedule -> [Located<Schedule.Arrivals.Source>] in
            if case .after(let arrivals) = schedule.trigger { arrivals.datasets } else { [] }
        }
        return doubles
            + awaited.compactMap { source in
                source.value.fault(among: files).map {
                    ConfigError("the schedule \($0)", at: source.location, severity: .warning)
                }
            }
    }

    /// Why notifications cannot be sent here; nil when they can, or need no program.
    private func curlFault(_ loaded: LoadedPipeline) -> Failure? {
        guard loaded.pipeline.notifications.contains(where: ChannelKinds.needsCurl) else { return nil }
        do throws(Failure) {
            _ = try CurlProgram.find(loaded.variables)
            return nil
        } catch {
            return error
        }
    }

    /// Checks each stage against the columns that its inputs have now; skipped if a parameter has no default.
    private func checkColumns(_ loaded: LoadedPipeline) async throws {
        guard loaded.pipeline.parameters.allSatisfy({ $0.defaultValue != nil }) else { return }
        try await state.withReadOnlyServices(root: loaded.pipeline.root) { services in
            let planner = Planner(loaded, request: RunRequest(), now: services.now(), machine: MachineResources.total)
            try await services.examination(of: loaded, plan: try planner.plan()).check()
        }
    }
}

extension ValidateCommand {
    /// The result for a file, as JSON.
    private struct Line: Encodable {
        struct Problem: Encodable {
            var severity: String
            var file: String?
            var line: Int?
            var column: Int?
            var message: String
            var remedy: String?

            init(_ error: ConfigError) {
                (severity, message, remedy) = (error.severity.rawValue, error.message, error.remedy)
                if !error.location.isWhole {
                    (file, line, column) = (error.location.file, error.location.line, error.location.column)
                }
            }

            init(_ error: any Error) {
                let failure = Failure(describing: error)
                (severity, message, remedy) = ("error", failure.message, failure.remedy)
            }
        }

        var file: String
        var isFine: Bool
        var problems: [Problem]

        init(_ file: String, problems: [Problem]) {
            (self.file, self.problems) = (file, problems)
            isFine = !problems.contains { $0.severity == ConfigError.Severity.error.rawValue }
        }
    }

    /// All errors and warnings of a file.
    private func problems(of file: String) async -> [Line.Problem] {
        var problems: [Line.Problem] = []
        do {
            let loaded = try state.project.read(file, environment: environment)
            problems = (loaded.warnings + loaded.notes + scheduleFaults(loaded)).map { Line.Problem($0) }
            for name in environment == nil ? PipelineLoader.environments(of: loaded.resolved) : [] {
                _ = try state.project.read(file, environment: name)
            }
            try await checkColumns(loaded)
        } catch let error as InvalidPipeline {
            problems += error.errors.map { Line.Problem($0) }
        } catch let error as ConfigError {
            problems.append(Line.Problem(error))
        } catch {
            problems.append(Line.Problem(error))
        }
        return problems
    }
}

/// Formats a resolved pipeline as text, each value with the place that it comes from.
enum ResolvedText {
    static func lines(of node: ConfigNode) -> [String] {
        var lines: [(text: String, place: SourceLocation?)] = []
        add(node, indent: 0, prefix: "", to: &lines)
        let width = min(72, lines.map(\.text.count).max() ?? 0)
        return lines.map { line in
            guard let place = line.place else { return line.text }
            return line.text + String(repeating: " ", count: max(1, width - line.text.count + 2)) + "# \(place)"
        }
    }

    private static func add(
        _ node: ConfigNode, indent: Int, prefix: String, to lines: inout [(text: String, place: SourceLocation?)]
    ) {
        let margin = String(repeating: " ", count: indent)
        switch node.content {
        case .scalar(let text, let isQuoted):
            if text.contains("\n") {
                lines.append((margin + prefix + "|", node.location))
                for line in text.split(separator: "\n") { lines.append((margin + "  " + line, nil)) }
            } else {
                lines.append((margin + prefix + (isQuoted ? JSONText.quoted(text) : text), node.location))
            }
        case .sequence(let nodes):
            if !prefix.isEmpty { lines.append((margin + prefix.trimmingTrailingBlank, nil)) }
            for element in nodes { add(element, indent: indent + 2, prefix: "- ", to: &lines) }
        case .mapping(let entries):
            if !prefix.isEmpty { lines.append((margin + prefix.trimmingTrailingBlank, nil)) }
            let inner = prefix.isEmpty ? indent : indent + 2
            for entry in entries where entry.key.value != "environments" || indent > 0 {
                add(entry.value, indent: inner, prefix: entry.key.value + ": ", to: &lines)
            }
        }
    }
}

extension String {
    fileprivate var trimmingTrailingBlank: String { hasSuffix(" ") ? String(dropLast()) : self }
}
