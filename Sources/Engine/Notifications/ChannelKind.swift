package import CaudalModel

/// A kind of channel: how it is read, and what is sent through it.
///
/// A kind is one Swift type in a file of its own that conforms to this protocol and is listed in ``ChannelKinds/all``; no
/// other code knows it.
protocol ChannelKind: Sendable {
    /// The key of the pipeline file.
    static var typeName: String { get }

    // MARK: Reading

    /// Reads the value of its key; what does not fit is reported.
    ///
    /// - Returns: The settings by their names, with references unfilled; nil when it cannot be used.
    static func read(_ subject: ChannelSubject) -> [String: String]?

    /// The settings of each receiver, who is told and asked again apart from the others.
    static func divided(_ settings: [String: String]) -> [[String: String]]

    /// The settings whose values are secret, so that they must come from variables.
    static var secretSettings: Set<String> { get }

    /// The occasions of a rule that names none.
    static var usualOccasions: [NotificationRule.Occasion] { get }

    /// The occasions that it can tell of.
    static var possibleOccasions: [NotificationRule.Occasion] { get }

    /// Whether the receiver follows each run by itself, so that no failure may be left out as known already.
    static var wantsEachRun: Bool { get }

    // MARK: Sending

    /// What is sent for a notice.
    ///
    /// - Parameter settings: The channel's settings with their references filled in, besides those that
    ///   ``keepsReferences`` names.
    /// - Throws: ``Failure`` when the settings cannot be used.
    static func dispatch(_ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]) throws(Failure)
        -> ChannelDispatch

    /// The settings whose references become variables of a command, and are not part of its text.
    static var keepsReferences: Set<String> { get }
}

extension ChannelKind {
    static func divided(_ settings: [String: String]) -> [[String: String]] { [settings] }
    static var secretSettings: Set<String> { [] }
    static var usualOccasions: [NotificationRule.Occasion] { [.failed, .recovered] }
    static var possibleOccasions: [NotificationRule.Occasion] { NotificationRule.Occasion.allCases }
    static var wantsEachRun: Bool { false }
    static var keepsReferences: Set<String> { [] }
}

/// What is known of a delivery when it is sent.
struct DeliveryFacts: Sendable, Hashable {
    /// Identifies the delivery, the same each time it is sent: receivers can drop what they have.
    var id: String
    /// When it is sent, in milliseconds since 1970.
    var sentAt: Int64
    /// The folder that relative paths start from.
    var root: String
    /// The machine's name.
    var host: String
}

/// How a notice leaves this program.
enum ChannelDispatch: Sendable, Hashable {
    /// A transfer by `curl`.
    case transfer(CurlTransfer)
    /// A line at the end of a file.
    case line(String, file: String)
    /// A command line, which gets the notice as variables and as a file with a text.
    case command(Template, text: String, variables: [String: String])
    /// Nothing: screens show it while a run goes on.
    case nothing
}

/// All kinds of channel.
package enum ChannelKinds {
    /// The list of kinds; a new kind is added here.
    static let all: [any ChannelKind.Type] = [
        WebhookChannel.self, SlackChannel.self, TeamsChannel.self, PagerDutyChannel.self, HealthchecksChannel.self,
        EmailChannel.self, CommandChannel.self, FileChannel.self, TerminalChannel.self,
    ]

    /// The names of the kinds in pipeline files.
    package static var names: [String] { all.map { $0.typeName } }

    /// The kind with this name in pipeline files; nil when only a newer caudal knows it.
    static func named(_ name: String) -> (any ChannelKind.Type)? { all.first { $0.typeName == name } }

    /// The variables and parameters whose values channels keep secret.
    package static func secretReferences(of rules: [NotificationRule]) -> [Template.Reference] {
        rules.flatMap { rule -> [Template.Reference] in
            guard let kind = named(rule.channel.kind) else { return [] }
            return rule.channel.settings.filter { kind.secretSettings.contains($0.key) }.values.flatMap { text in
                // The reader of the file has parsed it before.
                (try? Template(parsing: text))?.references ?? []
            }
        }
    }

    /// Whether a rule needs the program `curl`.
    package static func needsCurl(_ rule: NotificationRule) -> Bool {
        ![CommandChannel.typeName, FileChannel.typeName, TerminalChannel.typeName].contains(rule.channel.kind)
    }
}

/// The value of a channel's key while it is read: a text, or a mapping with keys.
struct ChannelSubject {
    let kind: any ChannelKind.Type
    let node: ConfigNode
    let problems: ConfigProblems

    /// Reads a text as one setting, or a mapping in which that setting is a key among others.
    ///
    /// `main`: the setting that a text stands for.
    /// `others`: reads the other keys of a mapping.
    func settings(
        _ main: String, others: (inout MappingReader, inout [String: String]) -> Void = { _, _ in }
    ) -> [String: String]? {
        let count = problems.errors.count
        var settings: [String: String] = [:]
        if case .mapping = node.content {
            var reader = self.reader
            settings[main] = template(main, isRequired: true, &reader)
            others(&reader, &settings)
            reader.finish()
        } else {
            settings[main] = template()
        }
        return isSound(since: count) ? settings : nil
    }

    /// A reader of the mapping.
    var reader: MappingReader {
        MappingReader(node, subject: "'\(kind.typeName)'", kind: "channel:\(kind.typeName)", problems: problems)
    }

    func isSound(since count: Int) -> Bool {
        !problems.errors[count...].contains { $0.severity == .error }
    }

    /// The node itself as a text with references.
    private func template() -> String? {
        // A mapping with this one key, so that its faults are worded as everywhere.
        let key = Located(kind.typeName, at: node.location)
        var reader = MappingReader(
            ConfigNode(.mapping([.init(key: key, value: node)]), at: node.location), subject: "a notification",
            kind: "notification", problems: problems)
        let text = reader.template(kind.typeName)
        return text.flatMap { check($0, name: kind.typeName, isSecret: !kind.secretSettings.isEmpty) }
    }

    /// Takes a text with references; one that is secret must come from a variable.
    func template(_ key: String, isRequired: Bool = false, _ reader: inout MappingReader) -> String? {
        reader.template(key, isRequired: isRequired).flatMap {
            check($0, name: key, isSecret: kind.secretSettings.contains(key))
        }
    }

    private func check(_ text: Located<Template>, name: String, isSecret: Bool) -> String? {
        if isSecret, text.value.references.isEmpty {
            let word = name == kind.typeName ? kind.variableWord : name.uppercased()
            problems.report(
                "'\(name)' is a secret and must not be written in the file",
                remedy:
                    "write \"${env.\(kind.typeName.uppercased())_\(word)}\" and set the variable, or put it in .env",
                at: text.location)
            return nil
        }
        return text.value.description
    }

    /// Takes a text and reports one that is no address; what a variable holds is seen when it is sent.
    func address(_ text: String?, schemes: [String] = ["http", "https"]) -> String? {
        guard let text else { return nil }
        let starts = schemes.map { $0 + "://" }
        guard !text.hasPrefix("${"), !starts.contains(where: text.lowercased().hasPrefix) else { return text }
        problems.report(
            "'\(kind.typeName)' must be an address, not '\(text.shortened(to: 60))'",
            remedy: "write one that begins with \(starts.last ?? "")",
            at: node[key: "url"]?.location ?? node[key: "server"]?.location ?? node.location)
        return nil
    }
}

extension ChannelKind {
    /// The last word of the variable's name that messages propose.
    static var variableWord: String { secretSettings.contains("routing_key") ? "KEY" : "URL" }
}
