package import CaudalModel
import Foundation

/// What a user requests for a run, besides the pipeline.
package struct RunRequest: Sendable {
    /// Parameters as given, `name=value`.
    package var parameters: [String: String]
    /// The selector of stages; nil means all.
    package var selection: String?
    package var exclusion: String?
    /// Whether unchanged stages are reused; nil leaves that to the file.
    package var reuse: Bool?
    /// Whether stages that add to their outputs make them anew.
    package var refreshesAll = false
    /// The slot that the run is for, whose date is `today`; nil when no schedule starts it.
    package var slot: ScheduleSlot?

    package init(
        parameters: [String: String] = [:], selection: String? = nil, exclusion: String? = nil, reuse: Bool? = nil,
        slot: ScheduleSlot? = nil
    ) {
        self.parameters = parameters
        self.selection = selection
        self.exclusion = exclusion
        self.reuse = reuse
        self.slot = slot
    }
}

/// Makes the ``RunPlan`` of a pipeline: parameters filled in, conditions decided.
package struct Planner {
    private let loaded: LoadedPipeline
    private let request: RunRequest
    private let now: Moment
    private let machine: Resources

    /// - Parameter machine: The machine's resources, for stages that ask for more.
    package init(_ loaded: LoadedPipeline, request: RunRequest, now: Moment, machine: Resources) {
        self.loaded = loaded
        self.request = request
        self.now = now
        self.machine = machine
    }

    /// Makes the plan.
    ///
    /// - Parameter selected: The stages that take part; nil means all. Selected stages keep their order even when a
    ///   stage between them is left out.
    /// - Throws: ``InvalidPipeline`` with all faults.
    package func plan(selected: Set<StageID>? = nil) throws(InvalidPipeline) -> RunPlan {
        let problems = ConfigProblems()
        let pipeline = loaded.pipeline
        let parameters = parameters(problems)
        let upstream = pipeline.upstream
        let chosen = selected ?? Set(pipeline.stages.map(\.id))
        var stages: [PlannedStage] = []
        for stage in pipeline.stages where chosen.contains(stage.id) {
            let needs = nearest(of: stage.id, upstream: upstream, chosen: chosen)
            stages.append(planned(stage, needs: needs, parameters: parameters, problems))
        }
        let places = PlaceRules(pipeline, problems, variables: loaded.variables) { value(of: $0, parameters) }
        places.checkValues(of: chosen)
        for (stage, writers) in places.check() where chosen.contains(stage) {
            let waits = behind(stage, upstream)
            for writer in writers.sorted() where chosen.contains(writer) && !waits.contains(writer) {
                problems.report(
                    "with these values '\(stage)' reads what '\(writer)' writes, and does not wait for it",
                    remedy: "add 'needs: \(writer)'", at: pipeline.stage(stage)?.location ?? .whole(pipeline.file))
            }
        }
        if problems.hasErrors {
            let lines = [pipeline.file: ConfigSource(file: pipeline.file, text: loaded.text).lines]
            throw InvalidPipeline(errors: problems.errors, sources: lines)
        }
        var plan = RunPlan(
            pipeline: pipeline.name, description: pipeline.description, file: pipeline.file, root: pipeline.root,
            environment: pipeline.chosenEnvironment, parameters: parameters, maxParallel: pipeline.maxParallel,
            pools: pipeline.pools, stages: stages,
            selection: selected == nil ? nil : request.selection ?? "chosen stages",
            reusesUnchanged: request.reuse ?? pipeline.reusesUnchanged,
            definitionText: loaded.withoutSecrets(loaded.settingsText),
            keepsVersions: pipeline.keepsVersions == 1 ? nil : pipeline.keepsVersions, slot: request.slot,
            notifications: pipeline.notifications.isEmpty ? nil : pipeline.notifications.map(\.withoutPlace))
        plan.filePlace = PathText.relative(
            PathText.absolute(pipeline.file, in: FileManager.default.currentDirectoryPath), to: pipeline.root)
        plan.refreshesAll = request.refreshesAll ? true : nil
        plan.timeZone = pipeline.timeZone == .gmt ? nil : pipeline.timeZone.identifier
        plan.variables = fingerprints(ofVariablesIn: plan)
        return plan
    }

    // MARK: - Parameters

    private func parameters(_ problems: ConfigProblems) -> [String: String] {
        var values: [String: String] = [:]
        let pipeline = loaded.pipeline
        for message in pipeline.unknownParameters(in: request.parameters.keys) {
            problems.report(message, at: .whole(pipeline.file))
        }
        for parameter in pipeline.parameters {
            guard let text = request.parameters[parameter.name] ?? parameter.defaultValue else {
                problems.report(
                    "the parameter '\(parameter.name)' has no default and was not given",
                    remedy: "add --param \(parameter.name)=…", at: parameter.location)
                continue
            }
            switch parameter.value(of: text, now: now, in: pipeline.timeZone, today: request.slot?.localDate) {
            case .success(let value): values[parameter.name] = value
            case .failure(let fault):
                let isSecret = pipeline.secretNames.isSecret(parameter.name) && !text.isEmpty
                let message = isSecret ? fault.message.replacing(text, with: SecretNames.replacement) : fault.message
                problems.report("the parameter '\(parameter.name)' does not fit: \(message)", at: parameter.location)
            }
        }
        return values
    }

    // MARK: - Stages

    private func planned(
        _ stage: Stage, needs: [StageID], parameters: [String: String], _ problems: ConfigProblems
    ) -> PlannedStage {
        var planned = PlannedStage(id: stage.id, type: stage.definition.typeName, upstream: needs)
        planned.description = stage.description
        planned.group = stage.group
        planned.when = stage.when
        planned.retry = stage.retry
        planned.timeout = stage.timeout
        planned.pool = stage.pool
        // Another machine's resources are not this one's to share out.
        planned.resources = stage.placement.isElsewhere ? Resources() : stage.resources
        planned.allowsFailure = stage.allowsFailure
        planned.isIdempotent = stage.isIdempotent
        planned.fanOut = stage.fanOut.map { .init(maxParallel: $0.maxParallel, onFailure: $0.onFailure) }
        planned.inputs = stage.reads.map(\.value.rawValue)
        // Including stages whose files it reads by a pattern, or from a folder.
        let behind = (loaded.pipeline.fileEdges[stage.id] ?? []).flatMap {
            loaded.pipeline.stage($0)?.definition.outputs ?? []
        }
        planned.reads = Set((stage.dataNames + behind).map(\.rawValue)).sorted()
        planned.outputs = stage.definition.outputs.map(\.rawValue)
        planned.outputPaths = stage.definition.outputs.compactMap { loaded.pipeline.dataset($0) }.map { dataset in
            switch dataset.place {
            case .path(let path, _): path.partlyFilled { value(of: $0, parameters) }.description
            case .table(let connection, let table): "\(connection).\(table)"
            // Nothing is written there.
            case .remote(let files): files.name.description
            }
        }
        planned.definitionText = loaded.recordedDefinition(of: stage)
        if let condition = stage.condition {
            // Beside a date, `today` is the day of the run.
            func side(_ template: Template, beside other: Template) -> String {
                let text = template.filled { value(of: $0, parameters) ?? "" }
                guard template.references.isEmpty, let parameter = loaded.pipeline.parameter(of: other) else {
                    return text
                }
                let zone = loaded.pipeline.timeZone
                return (try? parameter.value(of: text, now: now, in: zone, today: request.slot?.localDate).get())
                    ?? text
            }
            let left = side(condition.left, beside: condition.right)
            let right = side(condition.right, beside: condition.left)
            let values = loaded.pipeline.values(of: condition)
            if !condition.holds(left, right, as: values) { planned.skipReason = "\(condition.description) is false" }
        }
        checkVariables(stage, problems)
        checkResources(stage, problems)
        return planned
    }

    /// Fingerprints of the variables that the definitions name, by which a later retry tells that they have other values.
    private func fingerprints(ofVariablesIn plan: RunPlan) -> [String: String] {
        var names: Set<String> = []
        for text in [plan.definitionText] + plan.stages.map(\.definitionText) {
            // Bytes, because a pipeline may have thousands of stages.
            var rest = text.utf8[...]
            while let place = rest.firstIndex(of: UInt8(ascii: "$")) {
                rest = rest[place...].dropFirst()
                guard rest.starts(with: "{env.".utf8) else { continue }
                names.insert(String(Substring(rest.dropFirst("{env.".utf8.count).prefix { $0 != UInt8(ascii: "}") })))
            }
        }
        var found: [String: String] = [:]
        for name in names where !loaded.pipeline.secretNames.isSecret(name) {
            found[name] = ContentHash.of(loaded.variables[name] ?? "")
        }
        return found
    }

    private func value(of reference: Template.Reference, _ parameters: [String: String]) -> String? {
        switch reference {
        case .param(let name): parameters[name]
        case .environment(let name): loaded.variables[name]
        case .runID, .runStarted, .slotTime, .slotDate, .item, .input, .stageOutput: nil
        }
    }

    private func checkVariables(_ stage: Stage, _ problems: ConfigProblems) {
        var references = PipelineRules.allReferences(of: stage)
        if stage.definition.runsProgram {
            references += loaded.pipeline.environment.values.flatMap { text in
                text.value.references.map { ($0, text.location) }
            }
        }
        for name in stage.reads.map(\.value) + stage.definition.outputs {
            guard let dataset = loaded.pipeline.dataset(name) else { continue }
            references += (dataset.path?.references ?? []).map { ($0, dataset.placeLocation) }
            references += (dataset.remote?.name.references ?? []).map { ($0, dataset.placeLocation) }
            if let used = dataset.table?.connection ?? dataset.remote?.connection,
                let connection = loaded.pipeline.connections[used]
            {
                references += connection.settings.values.flatMap(\.references).map { ($0, connection.location) }
                // libpq has a password file to look into.
                let password = connection.kind == .postgres ? [] : connection.password?.references ?? []
                references += password.map { ($0, connection.location) }
            }
        }
        var reported: Set<String> = []
        for (reference, location) in references {
            guard case .environment(let name) = reference, loaded.variables[name] == nil,
                reported.insert(name).inserted,
                // Several stages may share the location, such as that of a dataset or of `env`.
                !problems.errors.contains(where: { $0.location == location })
            else { continue }
            problems.report(
                "the environment variable '\(name)' is not set",
                remedy: "set it, or put it into .env beside the pipeline file",
                at: location)
        }
    }

    private func checkResources(_ stage: Stage, _ problems: ConfigProblems) {
        if stage.placement.isElsewhere { return }
        if let asked = stage.resources.memory, let there = machine.memory, asked > there {
            problems.report(
                "stage '\(stage.id)' asks for \(asked.shortBytes) of memory, and this machine has \(there.shortBytes)",
                remedy: "it could never start: ask for less", at: stage.location)
        }
        if let asked = stage.resources.cpu, let there = machine.cpu, asked > there {
            problems.report(
                "stage '\(stage.id)' asks for \(asked.plain) processors, and this machine has \(there.plain)",
                remedy: "it could never start: ask for fewer", at: stage.location)
        }
    }

    /// All direct and indirect upstream stages.
    private func behind(_ id: StageID, _ upstream: [StageID: Set<StageID>]) -> Set<StageID> {
        var found: Set<StageID> = []
        var open = Array(upstream[id] ?? [])
        while let next = open.popLast() {
            if found.insert(next).inserted { open += upstream[next] ?? [] }
        }
        return found
    }

    /// The upstream stages among the selected ones: a stage that is left out passes on its own upstream stages.
    private func nearest(
        of id: StageID, upstream: [StageID: Set<StageID>], chosen: Set<StageID>
    ) -> [StageID] {
        var found: Set<StageID> = []
        var seen: Set<StageID> = []
        var next = Array(upstream[id] ?? [])
        while let need = next.popLast() {
            guard seen.insert(need).inserted else { continue }
            if chosen.contains(need) { found.insert(need) } else { next += upstream[need] ?? [] }
        }
        return found.sorted { loaded.pipeline.position(of: $0) ?? 0 < loaded.pipeline.position(of: $1) ?? 0 }
    }
}

extension Pipeline {
    /// A sentence for each name that is no parameter of the pipeline.
    package func unknownParameters(in given: some Sequence<String>) -> [String] {
        let names = parameters.map(\.name)
        return given.filter { !names.contains($0) }.sorted().map { name in
            let others =
                names.isEmpty ? "; it has none" : Suggestion.phrase(for: name, among: names)
            return "the pipeline has no parameter '\(name)'" + others
        }
    }
}

extension LoadedPipeline {
    /// The resolved definition of a stage and of everything that determines its output: its datasets, their schemas,
    /// and for a command the pipeline's variables.
    package func definitionText(of stage: Stage) -> String {
        var lines = [stage.definitionText]
        for name in Set(stage.names).sorted() {
            guard let dataset = pipeline.dataset(name) else { continue }
            lines += Self.prefixed("dataset \(name) ", dataset.definitionText)
            lines += Self.prefixed("schema of \(name) ", schemas[name]?.definitionText ?? "")
        }
        if stage.definition.runsProgram, let variables = resolved[key: "env"] {
            lines += variables.definitionLines("the pipeline's env")
        }
        return lines.joined(separator: "\n")
    }

    /// The resolved definition of the pipeline's settings that change how it runs.
    package var settingsText: String {
        ["max_parallel", "notify", "params", "pools", "reuse"].compactMap { key in
            resolved[key: key].map { $0.definitionLines(key).joined(separator: "\n") }
        }.joined(separator: "\n")
    }

    private static func prefixed(_ prefix: String, _ text: String) -> [String] {
        text.split(separator: "\n").map { prefix + $0 }
    }
}

extension Stage {
    /// Every dataset that it reads or writes.
    var names: [DatasetName] { reads.map(\.value) + definition.outputs }
}
