import CaudalModel

/// A notice as JSON for programs: the body of webhooks, the lines of files.
struct NoticeJSON: Encodable {
    struct Failure: Encodable {
        var message: String
        var remedy: String?
        var item: String?
        var attempts: Int
        var fingerprint: String
        var history: String?
        var lines: [String]
    }

    /// The version of this form; what is added does not change it.
    var version = 1
    var event: String
    /// Identifies what happened; a delivery of it to each channel has an id of its own.
    var id: String
    var delivery: String?
    var test: Bool?
    var pipeline: String
    var environment: String?
    var run: String?
    var stage: String?
    var at: String
    var started: String?
    var durationMs: Int64?
    var trigger: String?
    var parameters: [String: String]
    var failure: Failure?
    var since: String?
    var failedRuns: Int?
    var blocks: [String]
    var details: [String]
    var title: String
    var text: String
    var commands: [String]
    var root: String
    var host: String

    init(_ notice: Notice, delivery: String?) {
        event = notice.occasion.rawValue
        id = notice.id
        self.delivery = delivery
        test = notice.isTest ? true : nil
        pipeline = notice.pipeline
        environment = notice.environment
        run = notice.run?.rawValue
        stage = notice.stage?.rawValue
        at = UTC.iso(notice.at)
        started = notice.started.map(UTC.iso)
        durationMs = notice.duration?.milliseconds
        trigger = notice.trigger
        parameters = notice.parameters
        failure = notice.failed.map { failed in
            Failure(
                message: failed.message, remedy: failed.remedy, item: failed.item, attempts: failed.attempts,
                fingerprint: failed.fingerprint, history: failed.history, lines: failed.lines)
        }
        since = notice.since.map(UTC.iso)
        failedRuns = notice.failedRuns
        blocks = notice.blocks
        details = notice.details
        let words = NoticeText(notice)
        (title, text, commands) = (words.title, words.plain, words.commands)
        root = notice.root
        host = notice.host
    }

    /// The JSON on one line.
    var line: String { JSONText.encoded(self) }
}
