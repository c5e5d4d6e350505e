import CaudalModel

/// Reads the settings that every stage may have; the stage's type reads the others.
enum StageSettingsReader {
    static func read(_ entry: ConfigNode.Entry, _ context: ReadingContext) -> Stage {
        let problems = context.problems
        let subject = "stage '\(entry.key.value)'"
        let typeName = entry.value[key: "type"].flatMap { node -> String? in
            if case .scalar(let text, _) = node.content { text } else { nil }
        }
        var reader = MappingReader(
            entry.value, subject: subject, kind: "stage:\(typeName ?? "")", problems: problems)
        let type = reader.text("type", isRequired: true)
        let definition: any StageDefinition
        if let type, let read = context.stageTypes[type.value] {
            definition = read(&reader, context)
        } else {
            if let type {
                let names = context.stageTypes.keys.sorted()
                problems.report(
                    "there is no stage type '\(type.value)'" + Suggestion.phrase(for: type.value, among: names),
                    at: type.location)
            }
            // Without a known type the other keys cannot be judged.
            definition = UnknownStage()
        }
        var stage = Stage(id: StageID(entry.key.value), definition: definition, location: entry.key.location)
        stage.description = reader.prose("description")?.value ?? ""
        stage.group = reader.name("group")?.value
        stage.needs = reader.texts("needs").map { Located(StageID($0.value), at: $0.location) }
        stage.when = reader.choice("when", as: TriggerRule.self) ?? .allSucceeded
        stage.condition = condition(&reader)
        if let node = reader.node("foreach"), !node.isEmpty {
            stage.fanOut = FanOutReader.read(node, problems)
        }
        stage.retry = retry(&reader)
        stage.timeout = reader.duration("timeout", isPositive: true)
        stage.pool = pool(&reader, context)
        stage.outputLocation = reader.valueLocation(of: "output") ?? stage.location
        stage.resources = resources(&reader)
        stage.logLimit = logLimit(&reader)
        let inherited = place(&stage, &reader, context)
        stage.engine = SparkSettingsReader.engine(of: definition, &reader, usual: context.engine)
        stage.allowsFailure = reader.boolean("allow_failure") ?? false
        stage.isIdempotent = reader.boolean("idempotent") ?? true
        stage.reusesUnchanged = reuse(&reader)
        // Read with those of the pipeline, because they may not mention what only attempts know.
        _ = reader.node("notify")
        stage.samples = reader.choice("samples", as: SampleRule.self)
        stage.checks = checks(&reader, context, hasData: definition.hasRowsToCheck)
        let engine =
            stage.engine != .duckdb && reader.valueLocation(of: "engine") == nil
            ? ["engine: \(stage.engine.rawValue)"] : []
        stage.definitionText = (entry.value.definitionLines() + inherited + engine).joined(separator: "\n")
        if definition is UnknownStage { _ = reader.takeRemaining() }
        reader.finish()
        return stage
    }

    /// Reads where the stage's program runs.
    ///
    /// - Returns: What the pipeline's own settings add to the stage's definition.
    private static func place(
        _ stage: inout Stage, _ reader: inout MappingReader, _ context: ReadingContext
    ) -> [String] {
        let own = PlacementReader.read(&reader, targets: context.targetNames)
        let definition = stage.definition
        let canMove = definition.runsProgram || definition.needsSQLEngine && definition.loadedTable == nil
        if let own {
            stage.placement = own
            if own != .local, !canMove {
                let key = ["container", "sandbox", "run_on"].first { reader.valueLocation(of: $0) != nil } ?? "type"
                context.problems.report(
                    "a stage of type \(definition.typeName) always runs as a part of caudal on this machine",
                    remedy: "remove '\(key)'", at: reader.location(of: key))
            }
            return []
        }
        guard canMove, let usual = context.placement else { return [] }
        stage.placement = usual.placement
        return usual.definition
    }

    /// Reads `log` of a stage or of the pipeline.
    static func logLimit(_ parent: inout MappingReader) -> Int64? {
        guard var reader = parent.mapping("log", subject: "'log'", kind: "log") else { return nil }
        let limit = reader.size("max")
        if let limit, limit < LogLimits.least {
            reader.problems.report("'max' must be at least 1MB", at: reader.valueLocation(of: "max") ?? reader.location)
        } else if reader.node("max") == nil {
            reader.reportMissing("'log' needs 'max'", remedy: "write a size: log: {max: 100MB}")
        }
        reader.finish()
        return limit
    }

    /// Reads `retention` of the pipeline.
    static func retention(_ parent: inout MappingReader) -> Retention {
        guard var reader = parent.mapping("retention", subject: "'retention'", kind: "retention") else {
            return Retention()
        }
        let rules = Retention(
            newest: reader.integer("keep", in: 1...1_000_000), age: reader.duration("older_than"),
            size: reader.size("max_size"), compressAfter: reader.duration("compress_after"))
        reader.finish()
        return rules
    }

    /// Reads `reuse` of a stage or of the pipeline; nil when it is absent or invalid.
    static func reuse(_ reader: inout MappingReader) -> Bool? {
        guard let reuse = reader.text("reuse") else { return nil }
        if !["unchanged", "never"].contains(reuse.value) {
            reader.problems.report("'reuse' must be unchanged or never, not '\(reuse.value)'", at: reuse.location)
        }
        return reuse.value == "unchanged"
    }

    private static func checks(_ reader: inout MappingReader, _ context: ReadingContext, hasData: Bool) -> [Check] {
        let nodes = reader.nodes("checks")
        if !nodes.isEmpty, !hasData {
            context.problems.report(
                "\(reader.subject) has no output to check", remedy: "use a stage of type check",
                at: reader.location(of: "checks"))
        }
        return context.readChecks(nodes, context.problems)
    }

    private static func pool(_ reader: inout MappingReader, _ context: ReadingContext) -> PoolName? {
        guard let name = reader.text("pool") else { return nil }
        if !context.poolNames.contains(name.value) {
            let close = Suggestion.closest(to: name.value, among: context.poolNames)
            context.problems.report(
                "there is no pool '\(name.value)'",
                remedy: close.map { "did you mean '\($0)'?" } ?? "add it: 'pools: {\(name.value): 1}'",
                at: name.location)
        }
        return PoolName(name.value)
    }

    private static func retry(_ parent: inout MappingReader) -> RetryPolicy {
        guard let node = parent.node("retry"), !node.isEmpty else { return .none }
        if case .scalar(let text, _) = node.content {
            if let limit = Int(text), (0...1000).contains(limit) { return RetryPolicy(limit: limit) }
            parent.problems.report(
                "'retry' must be a mapping with 'limit', or a number, not '\(text)'", at: node.location)
            return .none
        }
        var reader = MappingReader(node, subject: "'retry'", kind: "retry", problems: parent.problems)
        var policy = RetryPolicy(limit: reader.integer("limit", in: 0...1000) ?? 0)
        if reader.node("limit") == nil { parent.problems.report("'retry' needs 'limit'", at: node.location) }
        policy.delay = reader.duration("delay") ?? policy.delay
        policy.backoff = reader.number("backoff", in: 1...100) ?? policy.backoff
        policy.maxDelay = reader.duration("max_delay") ?? max(policy.maxDelay, policy.delay)
        policy.jitter = reader.percentage("jitter") ?? 0
        policy.exitStatuses = reader.texts("on_exit", needsOne: true).compactMap { text in
            if let status = Int32(text.value), (1...255).contains(status) { return status }
            parent.problems.report(
                "'on_exit' must hold exit statuses from 1 to 255, not '\(text.value)'", at: text.location)
            return nil
        }
        if policy.maxDelay < policy.delay {
            parent.problems.report("'max_delay' is shorter than 'delay'", at: reader.location(of: "max_delay"))
        }
        reader.finish()
        return policy
    }

    private static func resources(_ parent: inout MappingReader) -> Resources {
        guard var reader = parent.mapping("resources", subject: "'resources'", kind: "resources") else {
            return Resources()
        }
        let resources = Resources(cpu: reader.number("cpu", in: 0.01...4096), memory: reader.size("memory"))
        if let memory = resources.memory, memory < 64_000_000 {
            parent.problems.report("'memory' must be at least 64MB", at: reader.location(of: "memory"))
        }
        reader.finish()
        return resources
    }

    private static func condition(_ reader: inout MappingReader) -> Condition? {
        guard let text = reader.text("if") else { return nil }
        for comparison in Condition.Comparison.allCases {
            guard let range = text.value.firstRange(of: comparison.rawValue) else { continue }
            func side(_ part: Substring) -> Template? {
                var side = String(part).trimmed
                if side.count >= 2, let quote = side.first, quote == side.last, quote == "'" || quote == "\"" {
                    side = String(side.dropFirst().dropLast())
                }
                return reader.problems.template(Located(side, at: text.location))?.value
            }
            guard let left = side(text.value[..<range.lowerBound]), let right = side(text.value[range.upperBound...])
            else { return nil }
            if left.references.isEmpty, right.references.isEmpty { break }
            return Condition(left: left, comparison: comparison, right: right, location: text.location)
        }
        reader.problems.report(
            "'if' must compare a parameter, not '\(text.value)'",
            remedy: "write it as \"${params.mode} == full\", with ==, !=, <, <=, > or >=", at: text.location)
        return nil
    }
}

/// Stands in for a stage of unknown type until the file is rejected.
private struct UnknownStage: StageDefinition {
    static let typeName = "unknown"
    let inputs: [Located<DatasetName>] = []
    let outputs: [DatasetName] = []
}
