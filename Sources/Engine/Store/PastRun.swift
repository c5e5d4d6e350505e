package import CaudalModel

/// An earlier run as a backfill sees it.
package struct PastRun: Sendable {
    package var id: RunID
    /// The true status; running only if a process runs it.
    package var status: RunState.Status
    package var parameters: [String: String]
    package var environment: String?
    package var selection: String?

    package init(
        id: RunID, status: RunState.Status, parameters: [String: String], environment: String? = nil,
        selection: String? = nil
    ) {
        self.id = id
        self.status = status
        self.parameters = parameters
        self.environment = environment
        self.selection = selection
    }
}
