package import CaudalModel

/// What is told about one event: everything that the messages of all channels are made from.
package struct Notice: Sendable, Hashable, Codable {
    /// What failed, and how.
    package struct Failed: Sendable, Hashable, Codable {
        package var message: String
        package var remedy: String?
        /// The last lines that it wrote, oldest first.
        package var lines: [String] = []
        /// The item of a fan-out that it is about.
        package var item: String?
        /// How often the stage was tried.
        package var attempts = 1
        /// See ``FailureFingerprint/id``.
        package var fingerprint: String
        /// How often it failed in the same way before, in words.
        package var history: String?

        package init(message: String, fingerprint: String) {
            self.message = message
            self.fingerprint = fingerprint
        }
    }

    /// Identifies the event.
    package var id: String
    package var occasion: NotificationRule.Occasion
    package var pipeline: String
    package var environment: String?
    package var run: RunID?
    /// The stage that it happened to.
    package var stage: StageID?
    /// The stage whose own rule asked for it; nil for rules of the pipeline.
    package var ruleStage: StageID?
    /// When it happened, in milliseconds since 1970.
    package var at: Int64
    /// When the run began.
    package var started: Int64?
    /// How long the run took, or the stage.
    package var duration: Duration?
    /// What started the run.
    package var trigger: String?
    package var parameters: [String: String] = [:]
    package var failed: Failed?
    /// Since when it has not been well, and in how many runs it failed since.
    package var since: Int64?
    package var failedRuns: Int?
    /// The stages that cannot run because of it.
    package var blocks: [String] = []
    /// More about it, a sentence each.
    package var details: [String] = []
    /// The project's root, and the machine.
    package var root: String
    package var host: String
    /// Whether its run was interrupted and nobody goes on with it.
    package var isInterrupted: Bool?
    /// Whether it only shows what would be sent.
    package var isTest = false

    package init(
        id: String, occasion: NotificationRule.Occasion, pipeline: String, environment: String? = nil,
        run: RunID? = nil, stage: StageID? = nil, at: Int64, root: String, host: String
    ) {
        self.id = id
        self.occasion = occasion
        self.pipeline = pipeline
        self.environment = environment
        self.run = run
        self.stage = stage
        self.at = at
        self.root = root
        self.host = host
    }
}
