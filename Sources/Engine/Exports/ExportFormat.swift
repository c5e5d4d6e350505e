package import CaudalModel

/// The forms in which a run is handed to other programs.
package enum ExportFormat: String, Sendable, CaseIterable {
    /// A trace as OTLP/JSON, for OpenTelemetry.
    case otlp
    /// Events of OpenLineage, one on each line.
    case openlineage
    /// Figures for Prometheus.
    case openmetrics
}

/// A run as it is exported: the fold of its journal, so that each export of it is the same.
package struct ExportedRun: Sendable {
    package let state: RunState
    /// What operators asked for, oldest first.
    let commands: [RecordedCommand]
    /// When it ended before its last end, in milliseconds since 1970; what ended later is new since then.
    let endedBefore: Int64?

    /// - Parameters:
    ///   - state: The run after all events.
    ///   - events: Its whole journal.
    package init(_ state: RunState, events: [RunEvent]) {
        self.state = state
        var (commands, ends): ([RecordedCommand], [Int64]) = ([], [])
        for event in events {
            switch event.change {
            case .commandReceived(let command, let by):
                commands.append(RecordedCommand(command: command, by: by, at: event.time))
            case .runEnded: ends.append(event.time.wall)
            default: break
            }
        }
        self.commands = commands
        endedBefore = ends.count > 1 ? ends[ends.count - 2] : nil
    }

    /// Reads a run from the run store.
    ///
    /// - Throws: ``StoreError`` when there is no such run, or it cannot be read.
    package init(_ id: RunID, in store: RunStore) throws(StoreError) {
        self.init(try store.state(of: id), events: try store.events(of: id))
    }

    /// The run in a format, with a line end.
    package func text(in format: ExportFormat, names: ExportNames = ExportNames()) -> String {
        switch format {
        case .otlp: OTLPTrace(self, names: names).request.text + "\n"
        case .openlineage:
            OpenLineageEvents(self, names: names).events.map { $0.text + "\n" }.joined()
        case .openmetrics: MetricsText.openMetrics(MetricsSnapshot(of: state).families)
        }
    }

    /// The ids of its spans.
    var trace: RunTrace { RunTrace(state.id, parent: state.plan.origin?.traceContext) }

    /// Every attempt with its stage, its unit's item and itself, in the order of the plan; former stages last.
    var attempts: [ExportedAttempt] {
        let former = state.formerStages.values.sorted { $0.id.rawValue < $1.id.rawValue }
        return (state.stages + former).flatMap { stage in
            let planned = state.plan.index(of: stage.id).map { state.plan.stages[$0] }
            let units = [(UnitID(stage.id), stage.unit)] + stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) }
            return units.flatMap { id, unit in
                unit.attempts.map { ExportedAttempt(unit: id, planned: planned, attempt: $0) }
            }
        }
    }

    /// When the run ended, or was last heard of; nil while it is running.
    var end: Moment? { state.status == .interrupted ? state.lastEventAt : state.endedAt }
}

/// An attempt as it is exported.
struct ExportedAttempt {
    let unit: UnitID
    /// The stage in the plan; nil for one that a changed plan no longer has.
    let planned: PlannedStage?
    let attempt: Attempt

    /// Its unit and number, such as `process/north#2`.
    func name(in run: RunID) -> String { RunTrace.name(of: unit, attempt: attempt.number, in: run) }
}

/// The names under which a project appears in other programs.
package struct ExportNames: Sendable, Hashable {
    /// `service.name` of traces.
    package var service = "caudal"
    /// The namespace of jobs in OpenLineage.
    package var namespace = "caudal"

    package init() {}

    /// - Parameter variables: The process's environment.
    package init(_ variables: [String: String]) {
        if let name = variables["OTEL_SERVICE_NAME"], !name.isEmpty { service = name }
        if let name = variables["OPENLINEAGE_NAMESPACE"], !name.isEmpty { namespace = name }
    }
}
