import CaudalModel

/// A run as events of OpenLineage: its start and end, and those of each attempt, whose parent it is.
///
/// A retry is a run of OpenLineage's own with the same job. What checks found of the data that an attempt had written is
/// told by a job beside its stage, as the standard knows results of checks only for inputs. Ids follow from the run's, so
/// that each export has the same.
struct OpenLineageEvents {
    private let run: ExportedRun
    private let names: ExportNames
    /// Only attempts that ended later than this, in milliseconds since 1970; nil means all.
    private let since: Int64?

    init(_ run: ExportedRun, names: ExportNames = ExportNames(), since: Int64? = nil) {
        self.run = run
        self.names = names
        self.since = since
    }

    /// The events in the order of their times.
    var events: [JSONValue] {
        var events = attempts
        if let start = run.state.startedAt { events.insert((start.wall, started(at: start.wall)), at: 0) }
        let sorted = events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        // The end of the run stands last, also where a clock was set back.
        return sorted.map(\.element.event) + ended
    }

    private typealias Timed = (time: Int64, event: JSONValue)

    // MARK: - The run

    private var pipeline: String { run.state.plan.pipeline }
    private var runUUID: String { RunTrace.uuid(run.state.id.rawValue, at: run.state.startedAt?.wall ?? 0) }

    private func started(at time: Int64) -> JSONValue {
        event(
            .start, at: time, runUUID, runFacets.json, job: pipeline, jobFacets("PIPELINE", run.state.plan.description))
    }

    private var ended: [JSONValue] {
        guard let end = run.end else { return [] }
        let type: EventType
        switch run.state.status {
        case .succeeded: type = .complete
        case .failed: type = .fail
        case .cancelled, .interrupted: type = .abort
        case .running: return []
        }
        var facets = runFacets
        let failed = run.state.stages.filter { $0.unit.status == .failed && !run.state.isAllowedFailure($0.id) }
        if let first = failed.first {
            let message = first.unit.lastResult?.failure?.message ?? first.unit.reason ?? "failed"
            facets.add(
                .errorMessage,
                ["message": .string("\(first.id): \(message)"), "programmingLanguage": .string("Swift")])
        }
        return [
            event(
                type, at: end.wall, runUUID, facets.json, job: pipeline,
                jobFacets("PIPELINE", run.state.plan.description))
        ]
    }

    private var runFacets: OpenLineageFacets {
        let plan = run.state.plan
        var facets = OpenLineageFacets()
        if let slot = plan.slot {
            facets.add(.nominalTime, ["nominalStartTime": .string(UTC.iso(slot.planned))])
        }
        facets.add(
            .processingEngine,
            ["version": .string(plan.origin?.caudal ?? Version.text), "name": .string("caudal")])
        let parameters = SecretNames().hidden(plan.parameters).sorted { $0.key < $1.key }
        facets.add(
            .tags,
            [
                "tags": .array(
                    [tag("caudal.run", run.state.id.rawValue)]
                        + (plan.environment.map { [tag("environment", $0)] } ?? [])
                        + parameters.map { tag("parameter.\($0.key)", $0.value) })
            ])
        return facets
    }

    private func tag(_ key: String, _ value: String) -> JSONValue {
        .object(["key": .string(key), "value": .string(value), "source": .string("CAUDAL")])
    }

    private func jobFacets(_ type: String, _ description: String = "") -> JSONValue {
        var facets = OpenLineageFacets()
        facets.add(
            .jobType,
            [
                "processingType": .string("BATCH"), "integration": .string("CAUDAL"), "jobType": .string(type),
            ])
        if !description.isEmpty { facets.add(.documentation, ["description": .string(description)]) }
        return facets.json
    }

    // MARK: - Attempts

    private var attempts: [Timed] {
        run.attempts.flatMap { exported -> [Timed] in
            guard let end = exported.attempt.endedAt ?? lastHeard else { return [] }
            if let since, end.wall <= since { return [] }
            // What had no work read and wrote nothing.
            if exported.attempt.result?.ending == .skipped { return [] }
            return events(of: exported, endedAt: max(end.wall, exported.attempt.startedAt.wall))
        }
    }

    /// When what was open ended, in a run whose process died.
    private var lastHeard: Moment? { run.state.status == .interrupted ? run.state.lastEventAt : nil }

    private func events(of exported: ExportedAttempt, endedAt end: Int64) -> [Timed] {
        let (attempt, result) = (exported.attempt, exported.attempt.result)
        let (start, name) = (attempt.startedAt.wall, exported.name(in: run.state.id))
        let id = RunTrace.uuid(name, at: start)
        let job = "\(pipeline).\(exported.unit.stage)"
        let about = jobFacets("STAGE", exported.planned?.description ?? "")
        var facets = attemptFacets(exported)
        var events: [Timed] = [(start, event(.start, at: start, id, facets.json, job: job, about))]
        if let failure = result?.failure {
            let language = exported.planned?.type == "command" ? "shell" : "SQL"
            facets.add(
                .errorMessage, ["message": .string(failure.message), "programmingLanguage": .string(language)])
        }
        let checks = CheckedParts(result, isOfInput: exported.planned?.outputs.isEmpty ?? false)
        let inputs = (result?.reads ?? []).enumerated().map { index, read in
            dataset(of: read, checks: index == 0 ? checks.ofInput : [])
        }
        let isDone = result?.ending == .succeeded || result?.ending == .reused
        let outputs = isDone ? (result?.artifacts ?? []).map(dataset(of:)) : []
        events.append(
            (
                end,
                event(
                    type(of: attempt), at: end, id, facets.json, job: job, about, inputs: inputs, outputs: outputs)
            ))
        if isDone, !checks.ofOutput.isEmpty, let first = result?.artifacts.first {
            events += checkEvents(checks.ofOutput, of: first, name: name, job: job, exported, at: end)
        }
        return events
    }

    private func checkEvents(
        _ checks: [CheckResult], of artifact: Artifact, name: String, job: String, _ exported: ExportedAttempt,
        at time: Int64
    ) -> [Timed] {
        let id = RunTrace.uuid(name + "/checks", at: time)
        let facets = attemptFacets(exported).json
        let about = jobFacets("CHECK")
        let version = InputVersion(
            dataset: artifact.dataset, path: artifact.path, sizeInBytes: artifact.sizeInBytes,
            contentHash: artifact.contentHash)
        return [
            (time, event(.start, at: time, id, facets, job: job + ".checks", about)),
            (
                time,
                event(
                    .complete, at: time, id, facets, job: job + ".checks", about,
                    inputs: [dataset(of: version, checks: checks)])
            ),
        ]
    }

    private func type(of attempt: Attempt) -> EventType {
        switch TraceNames.result(attempt.result, stopped: attempt.stopRequested) {
        case .success, .skip: .complete
        case .failure, .timeout: .fail
        case .cancellation, .error: .abort
        }
    }

    private func attemptFacets(_ exported: ExportedAttempt) -> OpenLineageFacets {
        let parent: JSONValue = .object(["runId": .string(runUUID)])
        let job: JSONValue = .object(["namespace": .string(names.namespace), "name": .string(pipeline)])
        var facets = OpenLineageFacets()
        facets.add(.parent, ["run": parent, "job": job, "root": .object(["run": parent, "job": job])])
        if let tool = exported.attempt.result?.tool {
            let words = tool.split(separator: " ", maxSplits: 1).map(String.init)
            facets.add(
                .processingEngine,
                ["version": .string(words.count > 1 ? words[1] : ""), "name": .string(words[0])])
        }
        var tags = [tag("caudal.attempt", String(exported.attempt.number))]
        if let item = exported.unit.item { tags.append(tag("caudal.item", item.rawValue)) }
        facets.add(.tags, ["tags": .array(tags)])
        return facets
    }

    // MARK: - Datasets

    private func dataset(of read: InputVersion, checks: [CheckResult]) -> JSONValue {
        var facets = OpenLineageFacets()
        if let hash = read.contentHash { facets.add(.version, ["datasetVersion": .string(hash)]) }
        var own = OpenLineageFacets()
        own.add(.inputStatistics, ["size": .integer(read.sizeInBytes)])
        if !checks.isEmpty { own.add(.assertions, ["assertions": .array(checks.map(Self.assertion))]) }
        return dataset(read.path, facets, own: ("inputFacets", own))
    }

    private func dataset(of artifact: Artifact) -> JSONValue {
        var facets = OpenLineageFacets()
        if let hash = artifact.contentHash { facets.add(.version, ["datasetVersion": .string(hash)]) }
        if !artifact.columns.isEmpty {
            let fields = artifact.columns.map { column -> JSONValue in
                .object(["name": .string(column.name), "type": .string(column.type.description)])
            }
            facets.add(.schema, ["fields": .array(fields)])
        }
        var own = OpenLineageFacets()
        own.add(
            .outputStatistics,
            ["rowCount": artifact.rowCount.map { .integer($0) }, "size": .integer(artifact.sizeInBytes)])
        return dataset(artifact.path, facets, own: ("outputFacets", own))
    }

    /// A file by its absolute path, an object of a store by its bucket and key, a table by its connection and name.
    private func dataset(
        _ path: String, _ facets: OpenLineageFacets, own: (key: String, facets: OpenLineageFacets)
    ) -> JSONValue {
        var (namespace, name) = ("file", PathText.absolute(path, in: run.state.plan.root))
        if let scheme = path.firstRange(of: "://"), scheme.lowerBound > path.startIndex {
            let rest = path[scheme.upperBound...]
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            (namespace, name) = (String(path[..<slash]), String(rest[slash...].drop { $0 == "/" }))
        } else if Self.isTable(path), let dot = path.firstIndex(of: ".") {
            (namespace, name) = ("connection://" + path[..<dot], String(path[path.index(after: dot)...]))
        }
        return .object([
            JSONValue.Member(key: "namespace", value: .string(namespace)),
            JSONValue.Member(key: "name", value: .string(name)), JSONValue.Member(key: "facets", value: facets.json),
            JSONValue.Member(key: own.key, value: own.facets.json),
        ])
    }

    /// Whether a path is that of a table, `connection.table`: a file beside the pipeline file ends as files do.
    private static func isTable(_ path: String) -> Bool {
        let fileEndings: Set = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "gz", "zst", "zip", "db"]
        guard !path.contains("/"), let ending = path.split(separator: ".").dropFirst().last else { return false }
        return !fileEndings.contains(ending.lowercased())
    }

    private static func assertion(_ check: CheckResult) -> JSONValue {
        .object([
            "assertion": .string(check.kind), "success": .bool(check.outcome == .passed),
            "severity": .string(check.outcome == .warned ? "warn" : check.severity.rawValue), "name": .string(check.id),
            "description": .string(check.message), "expected": .string(check.expectation),
            "actual": check.measured.map { .string($0.plain) },
        ])
    }

    // MARK: - Events

    private enum EventType: String {
        case start = "START"
        case complete = "COMPLETE"
        case fail = "FAIL"
        case abort = "ABORT"
    }

    private func event(
        _ type: EventType, at time: Int64, _ id: String, _ facets: JSONValue, job: String, _ jobFacets: JSONValue,
        inputs: [JSONValue] = [], outputs: [JSONValue] = []
    ) -> JSONValue {
        .object([
            "eventType": .string(type.rawValue), "eventTime": .string(UTC.iso(time)),
            "producer": OpenLineageSchema.producer, "schemaURL": OpenLineageSchema.runEvent.url,
            "run": .object(["runId": .string(id), "facets": facets]),
            "job": .object([
                "namespace": .string(names.namespace), "name": .string(job), "facets": jobFacets,
            ]), "inputs": .array(inputs), "outputs": .array(outputs),
        ])
    }
}

/// Results of checks by what they are about.
private struct CheckedParts {
    var ofInput: [CheckResult] = []
    var ofOutput: [CheckResult] = []

    /// `isOfInput`: whether the stage writes nothing, and checks what it reads.
    init(_ result: AttemptResult?, isOfInput: Bool) {
        for check in result?.checks ?? [] {
            if isOfInput || check.kind == CheckResult.schemaKind {
                ofInput.append(check)
            } else {
                ofOutput.append(check)
            }
        }
    }
}
