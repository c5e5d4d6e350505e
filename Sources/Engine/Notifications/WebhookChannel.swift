/// `webhook`: a POST request with the notice as JSON, signed where there is a secret.
///
/// `X-Caudal-Signature: t=<seconds since 1970>,v1=<hex>` has the HMAC-SHA256 of `<t>.<body>`, as Stripe signs its
/// webhooks: whoever checks it can refuse old requests too.
enum WebhookChannel: ChannelKind {
    static let typeName = "webhook"
    static let secretSettings: Set = ["secret"]

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        guard case .mapping = subject.node.content else {
            return subject.plainAddress()
        }
        var settings = subject.settings("url") { reader, settings in
            settings["secret"] = subject.template("secret", &reader)
        }
        guard settings != nil, let url = subject.address(settings?["url"]) else { return nil }
        settings?["url"] = url
        return settings
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let body = NoticeJSON(notice, delivery: delivery.id).line
        var transfer = CurlTransfer(url: settings["url"] ?? "", body: body)
        transfer.headers = [
            ("Content-Type", "application/json"), ("X-Caudal-Delivery", delivery.id),
            ("X-Caudal-Event", notice.occasion.rawValue),
        ].map { CurlTransfer.Header(name: $0.0, value: $0.1) }
        if let secret = settings["secret"], !secret.isEmpty {
            let time = delivery.sentAt / 1000
            let code = MessageSignature.code(of: "\(time).\(body)", key: secret)
            transfer.headers.append(.init(name: "X-Caudal-Signature", value: "t=\(time),v1=\(code)"))
        }
        return .transfer(transfer)
    }
}

extension ChannelSubject {
    /// Reads a text that is an address.
    func plainAddress() -> [String: String]? {
        let key = Located(kind.typeName, at: node.location)
        var reader = MappingReader(
            ConfigNode(.mapping([.init(key: key, value: node)]), at: node.location), subject: "a notification",
            kind: "notification", problems: problems)
        guard let text = reader.template(kind.typeName), let url = address(text.value.description) else { return nil }
        return ["url": url]
    }
}
