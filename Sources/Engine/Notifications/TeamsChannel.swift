import CaudalModel

/// `teams`: an adaptive card through a workflow of Microsoft Teams that is started by a webhook.
enum TeamsChannel: ChannelKind {
    static let typeName = "teams"
    /// Whoever has the address can write into the channel.
    static let secretSettings: Set = ["url"]

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        subject.settings("url").flatMap { subject.address($0["url"]) }.map { ["url": $0] }
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        .transfer(.json(form(of: notice), to: settings["url"] ?? "", delivery.id))
    }

    private struct Form: Encodable {
        struct Block: Encodable {
            var type = "TextBlock"
            var text: String
            var wrap = true
            var weight: String?
            var size: String?
            var color: String?
            var fontType: String?
        }
        struct Card: Encodable {
            var schema = "http://adaptivecards.io/schemas/adaptive-card.json"
            var type = "AdaptiveCard"
            var version = "1.4"
            var body: [Block]

            enum CodingKeys: String, CodingKey { case schema = "$schema", type, version, body }
        }
        struct Attachment: Encodable {
            var contentType = "application/vnd.microsoft.card.adaptive"
            var content: Card
        }

        var type = "message"
        var attachments: [Attachment]
    }

    static func form(of notice: Notice) -> String {
        let text = NoticeText(notice)
        var title = Form.Block(text: escaped(text.title, limit: 300))
        (title.weight, title.size, title.color) = ("Bolder", "Medium", color(of: notice.occasion))
        var blocks = [title]
        blocks += text.facts.map { Form.Block(text: escaped($0, limit: 600)) }
        if !text.lastLines.isEmpty {
            // A blank line keeps lines apart in a text block.
            let lines = NoticeText.newest(text.lastLines.map { escaped($0, limit: 400) }, within: 4000)
            var block = Form.Block(text: lines.joined(separator: "\n\n"))
            block.fontType = "Monospace"
            blocks.append(block)
        }
        for command in text.commands {
            var block = Form.Block(text: escaped(command, limit: 300))
            block.fontType = "Monospace"
            blocks.append(block)
        }
        return JSONText.encoded(Form(attachments: [.init(content: .init(body: blocks))]))
    }

    private static func color(of occasion: NotificationRule.Occasion) -> String {
        switch occasion {
        case .failed, .missed: "Attention"
        case .late, .retrying, .checkWarned, .cancelled: "Warning"
        case .recovered, .succeeded: "Good"
        case .started: "Default"
        }
    }

    /// A text whose characters Markdown would take for its own are escaped.
    private static func escaped(_ text: String, limit: Int) -> String {
        text.shortened(to: limit).map { "\\`*_[]<>#".contains($0) ? "\\\($0)" : String($0) }.joined()
    }
}
