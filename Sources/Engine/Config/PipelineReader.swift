package import CaudalModel
import Foundation

/// What all readers of a pipeline file share.
package struct ReadingContext {
    package let problems: ConfigProblems
    /// The readers of stage types, by the name in `type:`.
    package let stageTypes: [String: StageReader]
    let readChecks: CheckReader
    /// The names of the pools, sorted, for suggestions and checks.
    package var poolNames: [String] = []
    /// The names of the targets, and where stages run that say nothing of it.
    var targetNames: [String] = []
    var placement: (placement: Placement, definition: [String])?
    /// What runs the SQL of stages that say nothing of it.
    var engine: EngineChoice?
}

/// Reads the keys that belong to one stage type from the stage's mapping.
package typealias StageReader = (inout MappingReader, ReadingContext) -> any StageDefinition

/// Reads the entries of `checks:`.
package typealias CheckReader = (_ nodes: [ConfigNode], _ problems: ConfigProblems) -> [Check]

/// Reads the entries of `schedule:` of a pipeline that is read besides; `environments` are the names of those that the file
/// defines.
package typealias ScheduleReader = (
    _ nodes: [ConfigNode], _ pipeline: Pipeline, _ environments: [String], _ problems: ConfigProblems
) -> [Schedule]

/// Reads the entries of `notify:`; `stage` is the stage that they belong to, nil for those of the pipeline.
package typealias NotificationReader = (
    _ nodes: [ConfigNode], _ stage: StageID?, _ problems: ConfigProblems
) -> [NotificationRule]

/// Reads a whole pipeline file into a ``Pipeline``.
package struct PipelineReader {
    private var context: ReadingContext
    /// What the rules between the parts need to know about the reading.
    package private(set) var notes = ReadingNotes()
    /// The targets that pipelines share; those of the file itself come before them.
    package var sharedTargets: [Target] = []
    private let readSchedules: ScheduleReader
    private let readNotifications: NotificationReader
    private var problems: ConfigProblems { context.problems }

    package init(
        problems: ConfigProblems, stageTypes: [String: StageReader], checks: @escaping CheckReader,
        schedules: @escaping ScheduleReader, notifications: @escaping NotificationReader
    ) {
        context = ReadingContext(problems: problems, stageTypes: stageTypes, readChecks: checks)
        readSchedules = schedules
        readNotifications = notifications
    }

    /// Reads `root`, which already has its environment merged into it.
    ///
    /// - Parameters:
    ///   - file: The file as the user named it.
    ///   - folder: The absolute folder that relative paths start from.
    ///   - defaultParallel: The default for the number of stages that run at once.
    package mutating func read(
        _ root: ConfigNode, file: String, folder: String, defaultParallel: Int
    ) -> Pipeline {
        var reader = MappingReader(root, subject: "the pipeline", kind: "pipeline", problems: problems)
        if case .mapping = root.content {
        } else if root.isEmpty {
            problems.report("the file is empty", remedy: "write at least 'name' and 'stages'", at: root.location)
        }
        readVersion(&reader)
        var pipeline = Pipeline(
            name: reader.name("name", isRequired: true)?.value ?? "unnamed", file: file, root: folder,
            maxParallel: defaultParallel)
        pipeline.description = reader.prose("description")?.value ?? ""
        pipeline.parameters = reader.named("params").compactMap { readParameter($0) }
        readVariables(&reader, &pipeline)
        pipeline.secretNames = SecretNames(reader.texts("secrets").map(\.value))
        pipeline.maxParallel = reader.integer("max_parallel", in: 1...4096) ?? defaultParallel
        pipeline.reusesUnchanged = StageSettingsReader.reuse(&reader) ?? false
        pipeline.overlap = reader.choice("overlap", as: Overlap.self) ?? .refuse
        pipeline.keepsVersions = reader.integer("keep_versions", in: 0...1000) ?? 1
        pipeline.retention = StageSettingsReader.retention(&reader)
        pipeline.timeZone = reader.timeZone("timezone") ?? .gmt
        pipeline.samples = reader.choice("samples", as: SampleRule.self) ?? .all
        pipeline.logLimit = StageSettingsReader.logLimit(&reader) ?? pipeline.logLimit
        readPools(&reader, &pipeline)
        readPlacement(&reader, &pipeline, of: root)
        context.engine = reader.choice("engine", as: EngineChoice.self)
        pipeline.spark = SparkSettingsReader.read(&reader)
        for entry in reader.named("connections") { pipeline.connections[entry.key.value] = readConnection(entry) }
        notes.templatesOutsideStages = problems.templates
        let kinds = pipeline.connections.mapValues(\.kind)
        pipeline.datasets = reader.named("datasets").map { DatasetReader.read($0, kinds, problems) }
        let stages = reader.named("stages")
        if stages.isEmpty, reader.node("stages").map({ $0.isEmpty || $0.entries?.isEmpty == true }) ?? true {
            reader.reportMissing(
                "the pipeline has no stages", remedy: "add 'stages:' with at least one",
                at: reader.location(of: "stages"))
        }
        pipeline.stages = stages.map { readStage($0) }
        let schedules = reader.nodes("schedule")
        pipeline.schedules = readSchedules(schedules, pipeline, PipelineLoader.environments(of: root), problems)
        let count = problems.templates.count
        pipeline.notifications = readNotifications(reader.nodes("notify"), nil, problems)
        for entry in stages {
            guard let node = entry.value[key: "notify"], !node.isEmpty else { continue }
            pipeline.notifications += readNotifications(node.elements, StageID(entry.key.value), problems)
        }
        notes.templatesOutsideStages += problems.templates[count...]
        checkEnvironments(&reader)
        let hasUnknownKeys = !reader.remaining.isEmpty
        for section in ["params", "pools", "connections", "datasets", "stages"] {
            notes.note(section, of: root, hasUnknownKeys: hasUnknownKeys)
        }
        reader.finish()
        // Texts below an unknown or invalid key cannot be judged.
        if !problems.hasErrors { refuseUnfilled(in: root) }
        return pipeline
    }

    /// Keys whose texts name existing columns: a column's name may look like a reference, and a missing column is an
    /// error of its own.
    private static let columnKeys: Set = [
        "by", "order_by", "select", "drop", "trim", "on", "add", "column", "key", "partition_by",
    ]
    /// Keys with mappings from columns.
    private static let columnMappings: Set = ["fill_missing", "rename", "cast", "on", "add"]

    /// Reports references in texts where they are not replaced: they would stay as they are written.
    private func refuseUnfilled(in node: ConfigNode, of key: String? = nil) {
        func refuse(_ text: String, at location: SourceLocation) {
            guard let reference = Template.firstReference(in: text), !problems.isSettled(location) else { return }
            problems.report(
                "'\(reference)' is not replaced here", remedy: "write the value itself", at: location)
        }
        switch node.content {
        case .scalar(let text, _): if !Self.columnKeys.contains(key ?? "") { refuse(text, at: node.location) }
        case .sequence(let nodes): for node in nodes { refuseUnfilled(in: node, of: key ?? "") }
        case .mapping(let entries):
            for entry in entries where key != nil || entry.key.value != "environments" {
                if !Self.columnMappings.contains(key ?? "") { refuse(entry.key.value, at: entry.key.location) }
                // Below names that the file chooses, no key is one of the keywords.
                let isChosen = key == "values" || Self.columnMappings.contains(key ?? "")
                refuseUnfilled(in: entry.value, of: isChosen ? "" : entry.key.value)
            }
        }
    }

    private func readVariables(_ reader: inout MappingReader, _ pipeline: inout Pipeline) {
        for entry in reader.named("env") {
            guard case .scalar(let text, _) = entry.value.content else {
                problems.report("a variable must be text, not \(entry.value.kindName)", at: entry.value.location)
                continue
            }
            pipeline.environment[entry.key.value] = problems.template(Located(text, at: entry.value.location))
        }
    }

    private mutating func readPools(_ reader: inout MappingReader, _ pipeline: inout Pipeline) {
        let entries = reader.named("pools")
        for entry in entries {
            if case .scalar(let text, _) = entry.value.content, let slots = Int(text), (1...4096).contains(slots) {
                pipeline.pools[PoolName(entry.key.value)] = slots
            } else {
                problems.report(
                    "the pool '\(entry.key.value)' needs a number of slots from 1 to 4096, not \(entry.value.kindName)",
                    at: entry.value.location)
            }
        }
        // Including those with an invalid number of slots, which is reported at its place.
        context.poolNames = entries.map(\.key.value).sorted()
    }

    /// Reads a stage, and notes whether it has a fault.
    private mutating func readStage(_ entry: ConfigNode.Entry) -> Stage {
        let count = problems.errors.count
        let stage = StageSettingsReader.read(entry, context)
        if problems.errors[count...].contains(where: { $0.severity == .error }) { notes.unsoundStages.insert(stage.id) }
        return stage
    }

    /// Reads the targets, and where stages run that say nothing of it.
    private mutating func readPlacement(
        _ reader: inout MappingReader, _ pipeline: inout Pipeline, of root: ConfigNode
    ) {
        for target in sharedTargets + TargetReader.read(&reader) { pipeline.targets[target.name] = target }
        // Those with a fault are reported where they are, and not where they are used.
        let own = root[key: "targets"]?.entries?.map(\.key.value) ?? []
        context.targetNames = Array(Set(own).union(pipeline.targets.keys)).sorted()
        guard let placement = PlacementReader.read(&reader, targets: context.targetNames) else { return }
        // What a container holds decides what its programs do; where they run does not.
        let lines = root[key: "container"]?.definitionLines("container") ?? []
        context.placement = (placement, lines)
    }

    private func checkEnvironments(_ reader: inout MappingReader) {
        for entry in reader.named("environments") {
            guard case .mapping(let entries) = entry.value.content else {
                if !entry.value.isEmpty {
                    problems.report(
                        "an environment must be a mapping, not \(entry.value.kindName)", at: entry.value.location)
                }
                continue
            }
            for inner in entries where inner.key.value == "environments" {
                problems.report(
                    "an environment cannot hold environments", remedy: "put them beside '\(entry.key.value)'",
                    at: inner.key.location)
            }
        }
    }

    private func readVersion(_ reader: inout MappingReader) {
        guard let version = reader.text("version", isRequired: true), version.value != "1" else { return }
        problems.report(
            "this is version \(version.value) of the format, and this caudal reads version 1",
            remedy: "write 'version: 1'", at: version.location)
    }

    // MARK: - Parameters

    private func readParameter(_ entry: ConfigNode.Entry) -> Parameter? {
        let name = entry.key.value
        var reader = MappingReader(entry.value, subject: "parameter '\(name)'", kind: "param", problems: problems)
        let values = reader.texts("values", allowsEmpty: true).map(\.value)
        let kinds: [String: Parameter.Kind] = [
            "string": .string, "integer": .integer, "number": .number, "boolean": .boolean, "date": .date,
            "enum": .choice(values),
        ]
        var parameter = Parameter(
            name: name, kind: .string, defaultValue: nil, description: reader.prose("description")?.value ?? "",
            location: entry.key.location)
        if let type = reader.text("type", isRequired: true) {
            if let kind = kinds[type.value] {
                parameter.kind = kind
            } else {
                let phrase = Suggestion.closest(to: type.value, among: kinds.keys.sorted()).map {
                    "did you mean '\($0)'?"
                }
                problems.report(
                    "'type' must be \(kinds.keys.sorted().formattedAsChoice), not '\(type.value)'", remedy: phrase,
                    at: type.location)
            }
            if type.value == "enum", values.isEmpty {
                problems.report("\(reader.subject) needs 'values'", at: entry.key.location)
            } else if type.value != "enum", !values.isEmpty {
                problems.report("'values' can only be given with 'type: enum'", at: reader.location(of: "values"))
            }
        }
        if let text = reader.text("default", allowsEmpty: true) {
            parameter.defaultValue = text.value
            if case .failure(let fault) = parameter.value(of: text.value, now: Moment(wall: 0, steady: 0)) {
                problems.report("the default of \(reader.subject) is not valid: \(fault.message)", at: text.location)
            }
        }
        reader.finish()
        return parameter
    }

    // MARK: - Connections

    private func readConnection(_ entry: ConfigNode.Entry) -> Connection {
        let name = entry.key.value
        var reader = MappingReader(entry.value, subject: "connection '\(name)'", kind: "connection", problems: problems)
        let kind = reader.choice("type", as: Connection.Kind.self)
        if kind == nil, reader.node("type") == nil {
            reader.reportMissing("\(reader.subject) needs 'type'", at: entry.key.location)
        }
        var settings: [String: Template] = [:]
        for key in ["host", "port", "database", "user", "path", "bucket", "region", "endpoint"] {
            settings[key] = reader.template(key)?.value
        }
        let password = reader.template("password")
        if let password, password.value.references.isEmpty {
            problems.report(
                "a password must not be written in the file",
                remedy: "write \"${env.PGPASSWORD}\" and set the variable, or put it in .env", at: password.location)
        }
        switch kind {
        case .postgres? where settings["database"] == nil, .mysql? where settings["database"] == nil:
            reader.reportMissing("\(reader.subject) needs 'database'", at: entry.key.location)
        case .http? where settings["endpoint"] == nil:
            reader.reportMissing("\(reader.subject) needs 'endpoint'", at: entry.key.location)
        case .s3? where settings["bucket"] == nil:
            reader.reportMissing("\(reader.subject) needs 'bucket'", at: entry.key.location)
        case .sqlite? where settings["path"] == nil, .duckdb? where settings["path"] == nil,
            .delta? where settings["path"] == nil, .iceberg? where settings["path"] == nil:
            problems.report("\(reader.subject) needs 'path'", at: entry.key.location)
        default: break
        }
        reader.finish()
        return Connection(
            name: name, kind: kind ?? .postgres, settings: settings, password: password?.value,
            location: entry.key.location)
    }
}
