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
    /// The file that it writes to, as the pipeline file names it; nil for a channel that writes none, and in recorded plans.
    package var file: Located<Template>?

    private enum CodingKeys: CodingKey { case occasions, channel, renotify, stage }

    package init(
        occasions: [Occasion], channel: NotificationChannel, renotify: Duration? = usualRenotify, stage: StageID? = nil,
        file: Located<Template>? = nil
    ) {
        self.occasions = occasions
        self.channel = channel
        self.renotify = renotify
        self.stage = stage
        self.file = file
    }

    /// The rule as plans record it.
    package var withoutPlace: NotificationRule {
        var rule = self
        rule.file = nil
        return rule
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
