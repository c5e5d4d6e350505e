import CaudalModel

/// `pagerduty`: an incident by the Events API v2, triggered by what goes wrong and resolved when it has recovered.
enum PagerDutyChannel: ChannelKind {
    static let typeName = "pagerduty"
    static let secretSettings: Set = ["routing_key"]
    static let possibleOccasions: [NotificationRule.Occasion] = [.failed, .recovered, .late, .missed, .checkWarned]

    /// Where events go, besides accounts in Europe.
    static let usualURL = "https://events.pagerduty.com/v2/enqueue"

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        var settings = subject.settings("routing_key") { reader, settings in
            settings["url"] = reader.template("url")?.value.description
        }
        if let url = settings?["url"] {
            guard let url = subject.address(url) else { return nil }
            settings?["url"] = url
        }
        return settings
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let form = form(of: notice, key: settings["routing_key"] ?? "", source: delivery.host)
        return .transfer(.json(form, to: settings["url"] ?? usualURL, delivery.id))
    }

    private struct Form: Encodable {
        struct Payload: Encodable {
            var summary: String
            var source: String
            var severity: String
            var timestamp: String
            var component: String
            var group: String?
            var custom_details: NoticeJSON?
        }

        var routing_key: String
        var event_action: String
        /// One incident for each pipeline, however many of its runs fail.
        var dedup_key: String
        var payload: Payload?
    }

    static func form(of notice: Notice, key: String, source: String) -> String {
        var form = Form(routing_key: key, event_action: "resolve", dedup_key: incident(of: notice))
        if notice.occasion != .recovered {
            form.event_action = "trigger"
            let text = NoticeText(notice)
            let summary = ([text.title] + text.facts.prefix(1)).joined(separator: ": ")
            form.payload = Form.Payload(
                // It refuses longer ones.
                summary: summary.shortened(to: 1024), source: source, severity: severity(of: notice.occasion),
                timestamp: UTC.iso(notice.at), component: notice.pipeline, group: notice.stage?.rawValue,
                custom_details: NoticeJSON(notice, delivery: nil))
        }
        return JSONText.encoded(form)
    }

    /// The incident that a notice belongs to.
    private static func incident(of notice: Notice) -> String {
        let environment = notice.environment.map { "@\($0)" } ?? ""
        let stage = notice.ruleStage.map { "/\($0)" } ?? ""
        return String("caudal/\(notice.pipeline)\(environment)\(stage)".prefix(255))
    }

    private static func severity(of occasion: NotificationRule.Occasion) -> String {
        switch occasion {
        case .failed, .missed: "error"
        case .late, .checkWarned, .retrying, .cancelled: "warning"
        case .recovered, .succeeded, .started: "info"
        }
    }
}
