import CaudalModel

/// `slack`: a message through an incoming webhook of Slack.
enum SlackChannel: ChannelKind {
    static let typeName = "slack"
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

    /// Slack refuses a section with more characters.
    static let sectionLimit = 3000

    private struct Form: Encodable {
        struct Text: Encodable { var type: String; var text: String }
        struct Block: Encodable { var type: String; var text: Text }

        var text: String
        var blocks: [Block]
    }

    static func form(of notice: Notice) -> String {
        let text = NoticeText(notice)
        func section(_ words: String) -> Form.Block {
            .init(type: "section", text: .init(type: "mrkdwn", text: words))
        }
        var blocks = [section("*\(escaped(text.title, limit: 300))*")]
        let facts = text.facts.map { escaped($0, limit: 600) }.joined(separator: "\n")
        if !facts.isEmpty { blocks.append(section(String(facts.prefix(sectionLimit)))) }
        if !text.lastLines.isEmpty {
            // A fence within the lines would end the block.
            let lines = text.lastLines.map { escaped($0.replacing("```", with: "'''"), limit: 400) }
            let fitting = NoticeText.newest(lines, within: sectionLimit - 10).joined(separator: "\n")
            blocks.append(section("```\n\(fitting)\n```"))
        }
        let commands = text.commands.map { "`\(escaped($0, limit: 300))`" }.joined(separator: "\n")
        if !commands.isEmpty { blocks.append(section(commands)) }
        return JSONText.encoded(Form(text: escaped(text.title, limit: 300), blocks: blocks))
    }

    /// A text without the characters by which Slack finds links and mentions.
    private static func escaped(_ text: String, limit: Int) -> String {
        text.shortened(to: limit).replacing(scalar: "&", with: "&amp;").replacing(scalar: "<", with: "&lt;").replacing(
            ">", with: "&gt;")
    }
}
