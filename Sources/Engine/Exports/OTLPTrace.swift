import CaudalModel

/// A run as a trace in OTLP/JSON: a span for the run, and one below it for each attempt.
///
/// As the protocol asks for, ids are hexadecimal, 64-bit integers are texts, and enumerations are integers. Spans that have
/// not ended are left out. A run that is exported again has the same ids.
struct OTLPTrace {
    private let run: ExportedRun
    private let names: ExportNames
    /// Only attempts that ended later than this, in milliseconds since 1970; nil means all.
    private let since: Int64?

    /// As many spans as are sent at once: receivers limit the size of a request.
    static let spanLimit = 500

    init(_ run: ExportedRun, names: ExportNames = ExportNames(), since: Int64? = nil) {
        self.run = run
        self.names = names
        self.since = since
    }

    /// All of it as one request.
    var request: JSONValue { request(spans) }

    /// The same in parts that receivers accept.
    var requests: [JSONValue] {
        let spans = spans
        return stride(from: 0, to: spans.count, by: Self.spanLimit).map {
            request(Array(spans[$0..<min($0 + Self.spanLimit, spans.count)]))
        }
    }

    private func request(_ spans: [JSONValue]) -> JSONValue {
        let origin = run.state.plan.origin
        var resource = Attributes()
        resource.add(TraceNames.service, names.service)
        resource.add(TraceNames.serviceVersion, origin?.caudal ?? Version.text)
        resource.add(TraceNames.host, origin?.host)
        resource.add(TraceNames.environment, run.state.plan.environment)
        return .object([
            "resourceSpans": .array([
                .object([
                    "resource": .object(["attributes": resource.json]),
                    "scopeSpans": .array([
                        .object([
                            "scope": .object(["name": .string("caudal"), "version": .string(Version.text)]),
                            "spans": .array(spans),
                        ])
                    ]),
                ])
            ])
        ])
    }

    private var spans: [JSONValue] {
        let attempts = run.attempts.compactMap { attempt -> JSONValue? in
            guard let end = attempt.attempt.endedAt ?? lastHeard else { return nil }
            if let since, end.wall <= since { return nil }
            return span(attempt, end)
        }
        return [root].compactMap { $0 } + attempts
    }

    /// When what was open ended, in a run whose process died.
    private var lastHeard: Moment? { run.state.status == .interrupted ? run.state.lastEventAt : nil }

    // MARK: - Spans

    private var root: JSONValue? {
        let (state, plan) = (run.state, run.state.plan)
        guard let start = state.startedAt, let end = run.end, let result = TraceNames.result(state.status) else {
            return nil
        }
        var attributes = Attributes()
        attributes.add(TraceNames.pipelineName, plan.pipeline)
        attributes.add(TraceNames.pipelineRunID, state.id.rawValue)
        attributes.add(TraceNames.pipelineAction, "RUN")
        attributes.add(TraceNames.pipelineResult, result.rawValue)
        attributes.add(TraceNames.environment, plan.environment)
        if result.isError { attributes.add(TraceNames.errorType, result == .error ? "interrupted" : "stage failed") }
        attributes.add("caudal.stages", Int64(plan.stages.count))
        attributes.add("caudal.schedule.name", plan.slot?.schedule)
        attributes.add("caudal.schedule.time", plan.slot.map { UTC.isoSecond($0.planned) })
        attributes.add("caudal.schedule.date", plan.slot?.localDate)
        let parameters = SecretNames().hidden(plan.parameters).sorted { $0.key < $1.key }
        for (name, value) in parameters { attributes.add("caudal.parameter.\(name)", value) }
        let failed = state.stages.filter { $0.unit.status == .failed && !state.isAllowedFailure($0.id) }
        let events = run.commands.map { command -> JSONValue in
            var attributes = Attributes()
            attributes.add("caudal.by", command.by)
            attributes.add("caudal.command", command.command.words)
            return event("caudal.command", at: command.at, attributes)
        }
        return span(
            "RUN \(plan.pipeline)", id: run.trace.root, parent: run.trace.parent?.span, kind: .server, from: start,
            to: end, attributes, events, result,
            message: failed.isEmpty ? nil : failed.map(\.id.rawValue).joined(separator: ", ") + " failed")
    }

    private func span(_ exported: ExportedAttempt, _ end: Moment) -> JSONValue {
        let (attempt, result) = (exported.attempt, exported.attempt.result)
        let outcome = TraceNames.result(result, stopped: attempt.stopRequested)
        var attributes = Attributes()
        attributes.add(TraceNames.taskName, exported.unit.stage.rawValue)
        attributes.add(TraceNames.taskRunID, exported.name(in: run.state.id))
        attributes.add(TraceNames.taskResult, outcome.rawValue)
        if outcome.isError {
            attributes.add(TraceNames.errorType, TraceNames.errorType(result, stopped: attempt.stopRequested))
        }
        attributes.add("caudal.stage.type", exported.planned?.type)
        attributes.add("caudal.item", exported.unit.item?.rawValue)
        attributes.add("caudal.attempt", Int64(attempt.number))
        attributes.add("caudal.ending", result?.ending.rawValue)
        attributes.add("caudal.queued_ms", attempt.queued?.milliseconds)
        attributes.add("caudal.reused_from", result?.reusedFrom?.rawValue)
        if let rows = result?.rows {
            if rows.isReadKnown { attributes.add("caudal.rows.read", rows.read) }
            attributes.add("caudal.rows.written", rows.written)
            attributes.add("caudal.rows.quarantined", rows.quarantined)
            attributes.add("caudal.rows.duplicates", rows.duplicates)
            attributes.add("caudal.rows.dropped", rows.dropped)
        }
        if let usage = result?.usage {
            attributes.add(TraceNames.cpuTime, (usage.user + usage.system).seconds)
            if usage.peakMemory > 0 { attributes.add(TraceNames.memory, usage.peakMemory) }
        }
        if case .exited(let status)? = result?.exit { attributes.add("process.exit.code", Int64(status)) }
        let events = (result?.checks ?? []).map { check -> JSONValue in
            var attributes = Attributes()
            attributes.add("caudal.check", check.id)
            attributes.add("caudal.check.kind", check.kind)
            attributes.add("caudal.check.outcome", check.word)
            attributes.add("caudal.check.part", check.partition)
            attributes.add("caudal.check.measured", check.measured)
            attributes.add("caudal.check.message", check.message)
            return event("caudal.check", at: end, attributes)
        }
        return span(
            exported.unit.description, id: run.trace.span(of: exported.unit, attempt: attempt.number),
            parent: run.trace.root, kind: .internal, from: attempt.startedAt, to: end, attributes, events, outcome,
            message: result?.failure?.message)
    }

    // MARK: - JSON

    private enum Kind: Int64 { case `internal` = 1, server = 2 }

    private func span(
        _ name: String, id: String, parent: String?, kind: Kind, from start: Moment, to end: Moment,
        _ attributes: Attributes, _ events: [JSONValue], _ result: TraceNames.Result, message: String?
    ) -> JSONValue {
        // A clock that was set back must not make a span end before it began.
        let endTime = max(end.wall, start.wall)
        let status: JSONValue = .object([
            "message": result.isError ? message.map { .string($0.shortened(to: Self.messageLimit)) } : nil,
            "code": .integer(result.isError ? 2 : 0),
        ])
        return .object([
            "traceId": .string(run.trace.id), "spanId": .string(id), "parentSpanId": parent.map { .string($0) },
            "name": .string(name), "kind": .integer(kind.rawValue), "startTimeUnixNano": Self.nanoseconds(start.wall),
            "endTimeUnixNano": Self.nanoseconds(endTime), "attributes": attributes.json,
            "events": events.isEmpty ? nil : .array(events), "status": status,
        ])
    }

    private static let messageLimit = 1000

    private func event(_ name: String, at time: Moment, _ attributes: Attributes) -> JSONValue {
        .object([
            "timeUnixNano": Self.nanoseconds(time.wall), "name": .string(name), "attributes": attributes.json,
        ])
    }

    private static func nanoseconds(_ milliseconds: Int64) -> JSONValue { .string(String(milliseconds) + "000000") }

    /// Attributes of a span, an event or a resource.
    private struct Attributes {
        private var values: [JSONValue] = []

        var json: JSONValue { .array(values) }

        mutating func add(_ key: String, _ text: String?) {
            if let text { add(key, .object(["stringValue": .string(text)])) }
        }

        mutating func add(_ key: String, _ number: Int64?) {
            if let number { add(key, .object(["intValue": .string(String(number))])) }
        }

        mutating func add(_ key: String, _ number: Double?) {
            // OTLP/JSON has no number for what is not finite.
            if let number, number.isFinite { add(key, .object(["doubleValue": .number(number)])) }
        }

        private mutating func add(_ key: String, _ value: JSONValue) {
            values.append(.object(["key": .string(key), "value": value]))
        }
    }
}
