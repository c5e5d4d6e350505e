package import CaudalModel
import Foundation

/// Whether an attempt must be made, or an earlier success can be reused.
enum ReuseDecision: Sendable {
    /// It must be made, for this reason.
    case run(String)
    /// The earlier success, whose outputs are unchanged.
    case reuse(RecordedSuccess)
}

/// Decides whether attempts can be replaced by an earlier success because nothing has changed.
package struct StageReuse: Sendable {
    private let loaded: LoadedPipeline
    private let store: RunStore
    /// Whether the run reuses stages that have no setting of their own.
    private let reusesUnchanged: Bool

    package init(loaded: LoadedPipeline, store: RunStore, reusesUnchanged: Bool) {
        self.loaded = loaded
        self.store = store
        self.reusesUnchanged = reusesUnchanged
    }

    /// Whether the log says why a stage runs: the run reuses stages, or the stage asks for reuse itself.
    package func isWanted(for stage: Stage) -> Bool { reusesUnchanged || stage.reusesUnchanged == true }

    // MARK: - What can never be reused

    /// References and variables whose values differ in every run.
    private static let ofTheRun = [
        "${run.id}", "${run.started}", "${schedule.time}", "CAUDAL_RUN_ID", "CAUDAL_RUN_STARTED",
        "CAUDAL_SCHEDULE_TIME",
        "CAUDAL_ATTEMPT", TraceContext.variable,
    ]

    /// Why successes of a stage can never be reused; nil if they can.
    package func obstacle(for stage: Stage) -> String? {
        if stage.reusesUnchanged == false { return "the file says 'reuse: never'" }
        if let obstacle = stage.definition.reuseObstacle(isWanted: stage.reusesUnchanged == true) { return obstacle }
        for name in stage.dataNames {
            if let table = loaded.pipeline.dataset(name)?.table {
                return "it reads the table \(table), which may change"
            }
        }
        let text = lines(of: stage).joined(separator: "\n")
        if let name = Self.ofTheRun.first(where: text.contains) { return "it names \(name), which every run has anew" }
        if let word = stage.unsteady.first { return "it asks for \(word), which is not the same twice" }
        // What a stage says of itself is taken for it.
        if stage.reusesUnchanged != true, let obstacle = files(of: stage, [:], { _ in "x" })?.obstacle {
            return obstacle
        }
        for check in stage.checks {
            if let obstacle = check.kind.reuseObstacle { return "its check \(check.id) \(obstacle)" }
        }
        return nil
    }

    private func lines(of stage: Stage) -> [String] { DefinitionLine.work(in: loaded.definitionText(of: stage)) }

    // MARK: - The key

    // Stored, because a regex literal is compiled at each use. It is never changed, and matching does not change it.
    private nonisolated(unsafe) static let parameterReference = #/\$\{params\.([^}]*)\}/#
    private nonisolated(unsafe) static let variableReference = #/\$\{env\.([^}]*)\}/#
    private nonisolated(unsafe) static let redirection = #/>+\s*[^\s;|&]+|\btee\s+(-a\s+)?[^\s;|&]+/#
    private nonisolated(unsafe) static let quotation = #/"([^"]*)"|'([^']*)'/#

    /// Everything that determines the output of an attempt; nil when one of its files cannot be read.
    ///
    /// - Parameters:
    ///   - reads: The files it reads, with their fingerprints.
    ///   - duckDB: The version of DuckDB, if it does the work.
    package func key(of attempt: StageAttempt, reads: [InputVersion], duckDB: String?) -> ReuseKey? {
        var key = ReuseKey()
        let lines = lines(of: attempt.stage)
        for (name, lines) in Dictionary(grouping: lines, by: DefinitionLine.key) {
            key.add(.definition, name, ContentHash.of(lines.joined(separator: "\n")))
        }
        let facts = attempt.facts
        let text = lines.joined(separator: "\n")
        var parameters = Set(text.matches(of: Self.parameterReference).map { String($0.output.1) })
        // A command gets every parameter as a variable.
        if attempt.stage.definition.runsProgram { parameters.formUnion(facts.parameters.keys) }
        for name in parameters { key.add(.parameter, name, ContentHash.of(facts.parameters[name] ?? "")) }
        for match in text.matches(of: Self.variableReference) {
            let name = String(match.output.1)
            key.add(.variable, name, ContentHash.of(facts.environment[name] ?? ""))
        }
        for name in passedVariables(to: attempt.stage) {
            key.add(.variable, name, ContentHash.of(facts.environment[name] ?? ""))
        }
        if ["${schedule.date}", "CAUDAL_SCHEDULE_DATE"].contains(where: text.contains) {
            key.add(.parameter, "schedule.date", ContentHash.of(facts.today(at: facts.started)))
        }
        if let item = attempt.item {
            let values = item.values.sorted { $0.key < $1.key }.map {
                "\($0.key)=\($0.value.map(JSONText.quoted) ?? "null")"
            }
            key.add(.item, item.key.rawValue, ContentHash.of(values.joined(separator: "\n")))
        }
        var reads = reads
        if let named = files(of: attempt.stage, facts.environment, { attempt.value(of: $0) ?? "" }) {
            for name in named.variables { key.add(.variable, name, ContentHash.of(facts.environment[name] ?? "")) }
            guard let scripts = try? scripts(of: attempt, named) else { return nil }
            reads += scripts
        }
        for read in reads {
            guard let hash = read.contentHash else { return nil }
            key.add(.input, read.path, hash)
        }
        // The same bytes are different values if a column has another type; a program only sees bytes.
        if !attempt.stage.definition.runsProgram {
            for (name, source) in attempt.sources {
                let columns = source.columns.map { "\($0.name): \($0.type)" } + ["zone: \(source.zone ?? "none")"]
                key.add(.input, "columns of \(name)", ContentHash.of(columns.joined(separator: "\n")))
            }
        }
        key.add(.program, "caudal", Version.text)
        if let duckDB { key.add(.program, "DuckDB", duckDB) }
        return key
    }

    /// The names of variables that a program gets where it runs.
    private func passedVariables(to stage: Stage) -> [String] {
        if !stage.definition.runsProgram { return [] }
        switch stage.placement {
        case .local: return []
        case .container(let settings): return settings.variables
        case .sandbox(let settings): return settings.variables
        case .target(let name): return loaded.pipeline.targets[name]?.variables ?? []
        }
    }

    /// The files of the project that a command names, and what its line says besides; nil for other stages.
    ///
    /// `value`: what stands for a reference.
    private func files(
        of stage: Stage, _ environment: [String: String], _ value: @escaping (Template.Reference) -> String
    ) -> CommandFiles? {
        guard let program = stage.definition.program else { return nil }
        func filled(_ template: Template) -> String {
            template.filled { reference in
                switch reference {
                // They are compared, or made, by themselves.
                case .stageOutput, .input: "/dev/null"
                default: value(reference)
                }
            }
        }
        let own = loaded.pipeline.environment.mapValues(\.value).merging(program.environment) { $1 }
        return CommandFiles(of: program.call, root: loaded.pipeline.root, filling: filled) { name in
            own[name].map(filled) ?? environment[name]
        }
    }

    /// The files that a command names in its line.
    private func scripts(of attempt: StageAttempt, _ named: CommandFiles) throws(Failure) -> [InputVersion] {
        guard let program = attempt.stage.definition.program else { return [] }
        let root = loaded.pipeline.root
        var words = named.words
        // Texts of programs inside of the line name files too.
        for template in program.call.words {
            let text = template.filled { reference in
                switch reference {
                case .stageOutput, .input: "/dev/null"
                default: attempt.value(of: reference) ?? ""
                }
            }
            // The files that it writes do not determine its output.
            var read = text.replacing(Self.redirection, with: " ")
            for folder in ["$PWD/", "${PWD}/", "$(pwd)/", "`pwd`/"] { read = read.replacing(folder, with: "./") }
            words.formUnion(read.split { " \t\n\"'();|&<=`@,:".contains($0) }.map(String.init))
            words.formUnion(read.matches(of: Self.quotation).map { String($0.output.1 ?? $0.output.2 ?? "") })
        }
        var paths: Set<String> = []
        for word in words where !word.isEmpty && word.utf8.count < 4096 && !word.contains("\0") {
            for folder in named.folders {
                let path = PathText.absolute(word, in: folder)
                // What a folder outside of the project has is not the project's.
                let isTree = named.words.contains(word) && path.hasPrefix(root + "/")
                try paths.formUnion(Self.files(named: path, isTree: isTree))
            }
        }
        // Its own output, of which a pattern beside it may tell, does not determine it.
        let own = attempt.stage.definition.outputs.compactMap { loaded.pipeline.dataset($0)?.path }.map { path in
            let text = path.filled { if case .item = $0 { "*" } else { attempt.value(of: $0) ?? "" } }
            return PathText.absolute(text, in: root)
        }
        return paths.sorted().compactMap { path in
            if own.contains(where: { path == $0 || path.hasPrefix($0 + "/") || Glob.matches(path, $0) }) { return nil }
            return InputVersion(
                dataset: nil, path: PathText.relative(path, to: root), sizeInBytes: FileText.size(path) ?? 0,
                contentHash: store.fingerprint(ofFile: path))
        }
    }

    /// The largest number of files in a folder that are compared.
    private static let largestTree = 1000

    /// The files that a word of a command may mean: one, those of a pattern, or those in a folder.
    ///
    /// - Parameter isTree: Whether the folder may be one of which everything is read.
    private static func files(named path: String, isTree: Bool) throws(Failure) -> [String] {
        func kind(_ path: String) -> mode_t? {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
        }
        func isFile(_ path: String) -> Bool { kind(path) == S_IFREG }
        if isFile(path) { return [path] }
        if isTree, kind(path) == S_IFDIR, let below = FileManager.default.enumerator(atPath: path) {
            var found: [String] = []
            while let name = below.nextObject() as? String {
                // What programs keep for themselves.
                if name.split(separator: "/").last.map({ $0.hasPrefix(".") || $0 == "__pycache__" }) == true {
                    below.skipDescendants()
                } else if isFile(path + "/" + name) {
                    found.append(path + "/" + name)
                }
                if found.count > largestTree { throw Failure("it names the folder \(path), which has too many files") }
            }
            return found
        }
        guard path.contains(where: "*?[".contains) else { return [] }
        // A folder that cannot be looked into is one that the command cannot look into either.
        return ((try? Glob.files(matching: path)) ?? []).filter(isFile)
    }

    // MARK: - The decision

    /// Looks for a success with the same key whose outputs are unchanged.
    ///
    /// - Throws: ``StoreError`` when the history cannot be read.
    func decide(_ unit: UnitID, _ key: ReuseKey) throws(StoreError) -> ReuseDecision {
        let pipeline = loaded.pipeline.name
        guard let success = try store.success(of: unit, pipeline: pipeline, key: key) else {
            guard let last = try store.lastSuccessKey(of: unit, pipeline: pipeline) else {
                return .run("no earlier success")
            }
            return .run(key.difference(from: last))
        }
        for artifact in success.result.artifacts {
            guard let hash = artifact.contentHash else { return .run("output \(artifact.path) has no fingerprint") }
            let path = PathText.absolute(artifact.path, in: loaded.pipeline.root)
            guard FileText.exists(path) else { return .run("output \(artifact.path) is missing") }
            guard FileText.size(path) == artifact.sizeInBytes, store.fingerprint(ofFile: path) == hash else {
                return .run("output \(artifact.path) was changed")
            }
        }
        return .reuse(success)
    }
}
