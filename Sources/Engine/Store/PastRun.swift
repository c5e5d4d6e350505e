package import CaudalModel

extension RunPlan {
    /// The earlier runs that did what the plan does: with the same parameters, the same environment and all stages.
    ///
    /// - Parameter recorded: Parameters as they are recorded: without their secrets.
    package func repetitions(
        among runs: [PastRun], _ recorded: ([String: String]) -> [String: String]
    ) -> [PastRun] {
        let parameters = recorded(parameters)
        return runs.filter { $0.parameters == parameters && $0.environment == environment && $0.selection == nil }
    }
}

/// An earlier run as a backfill sees it.
package struct PastRun: Sendable {
    package var id: RunID
    /// The true status; running only if a process runs it.
    package var status: RunState.Status
    package var parameters: [String: String]
    package var environment: String?
    package var selection: String?
    /// What started it.
    package var trigger: RunTrigger

    package init(
        id: RunID, status: RunState.Status, parameters: [String: String], environment: String? = nil,
        selection: String? = nil, trigger: RunTrigger = .manual
    ) {
        self.id = id
        self.status = status
        self.parameters = parameters
        self.environment = environment
        self.selection = selection
        self.trigger = trigger
    }
}
