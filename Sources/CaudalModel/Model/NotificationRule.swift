/// Whom to notify of what: one channel and its occasions.
package struct NotificationRule: Sendable, Hashable, Codable {
    /// What a notification may be about.
    package enum Occasion: String, Sendable, Hashable, Codable, CaseIterable {
        /// A stage failed, with all of its retries used up.
        case failed
        /// What had failed succeeded again.
        case recovered
        case succeeded
        /// The run of a slot has not succeeded by its deadline.
        case late
        /// A slot had no run although it was to have one.
        case missed
        /// A stage failed, and is tried again by itself.
        case retrying
        /// A stage succeeded, and checks of its data warned.
        case checkWarned = "check_warned"
        case started, cancelled
    }

    /// What it is sent for.
    package var occasions: [Occasion]
    package var channel: NotificationChannel
    /// How long the same failure is not told again; nil until it has recovered.
    package var renotify: Duration?
    /// The stage that it is about; nil for the whole pipeline.
    package var stage: StageID?

    package init(
        occasions: [Occasion], channel: NotificationChannel, renotify: Duration? = usualRenotify, stage: StageID? = nil
    ) {
        self.occasions = occasions
        self.channel = channel
        self.renotify = renotify
        self.stage = stage
    }

    /// How long the same failure is not told again where the file does not say.
    package static let usualRenotify = Duration.seconds(4 * 3600)
}

/// Where notifications go: the kind of channel, and its settings as the pipeline file writes them.
///
/// References to variables are filled in only when something is sent, so that no secret is recorded.
package struct NotificationChannel: Sendable, Hashable, Codable {
    /// The key of the pipeline file, such as `webhook`.
    package var kind: String
    /// The settings, by their keys, with their references unfilled.
    package var settings: [String: String]

    /// Whom it is for, of several that one entry of the file names.
    package var receiver: String? { settings["receiver"] }

    package init(kind: String, settings: [String: String]) {
        self.kind = kind
        self.settings = settings
    }
}
