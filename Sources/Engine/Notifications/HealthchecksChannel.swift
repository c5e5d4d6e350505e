/// `healthchecks`: pings of a check of healthchecks.io, or of a server of its kind, which also notices silence.
enum HealthchecksChannel: ChannelKind {
    static let typeName = "healthchecks"
    /// Whoever has the address can tell that all is well.
    static let secretSettings: Set = ["url"]
    static let usualOccasions: [NotificationRule.Occasion] = [.started, .succeeded, .failed]
    static let possibleOccasions: [NotificationRule.Occasion] = [.started, .succeeded, .failed, .cancelled]
    static let wantsEachRun = true

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        subject.settings("url").flatMap { subject.address($0["url"]) }.map { ["url": $0] }
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let url = address(settings["url"] ?? "", for: notice)
        var transfer = CurlTransfer(url: url, body: body(of: notice))
        transfer.headers = [
            .init(name: "Content-Type", value: "text/plain; charset=utf-8"),
            .init(name: "X-Caudal-Delivery", value: delivery.id),
        ]
        return .transfer(transfer)
    }

    /// The address of a ping: `URL/start?rid=…`; the id of the run lets runs overlap.
    static func address(_ url: String, for notice: Notice) -> String {
        let parts = url.split(separator: "?", maxSplits: 1).map(String.init)
        var path = parts.first ?? ""
        while path.hasSuffix("/") { path.removeLast() }
        switch notice.occasion {
        case .started: path += "/start"
        case .failed: path += "/fail"
        case .cancelled: path += "/log"
        case .succeeded, .recovered, .late, .missed, .retrying, .checkWarned: break
        }
        let run = notice.run.map { ["rid=\(MessageSignature.uuid(of: "run \($0)"))"] } ?? []
        let query = parts.dropFirst() + run
        return path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// As much as a server of version 3 keeps of a ping.
    private static let bodyLimit = 10_000

    /// The notice as text, with the last lines of what failed.
    private static func body(of notice: Notice) -> String {
        var text = NoticeText(notice).plain
        while text.utf8.count > bodyLimit { text.removeLast(max(1, (text.utf8.count - bodyLimit) / 4)) }
        return text
    }
}
