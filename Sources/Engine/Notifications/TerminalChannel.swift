/// `terminal`: a signal of the terminal in which a run is shown, while it is shown.
package enum TerminalChannel: ChannelKind {
    /// How the terminal is made to give a signal.
    package enum Form: String, Sendable, CaseIterable {
        /// The bell.
        case bell
        /// A notification of the desktop, as iTerm2, Windows Terminal and others understand it.
        case osc9
        /// The same, as urxvt, foot, Ghostty and VTE understand it.
        case osc777
    }

    static let typeName = "terminal"
    static let usualOccasions: [NotificationRule.Occasion] = [.failed, .succeeded]
    static let possibleOccasions: [NotificationRule.Occasion] = [
        .failed, .succeeded, .cancelled, .retrying, .checkWarned,
    ]

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        let key = Located(typeName, at: subject.node.location)
        var reader = MappingReader(
            ConfigNode(.mapping([.init(key: key, value: subject.node)]), at: subject.node.location),
            subject: "a notification", kind: "notification", problems: subject.problems)
        return reader.choice(typeName, as: Form.self).map { ["form": $0.rawValue] }
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch { .nothing }

    /// The forms in which a screen tells of an occasion, by the rules of its run.
    package static func forms(
        for occasion: NotificationRule.Occasion, of stage: StageID?, by rules: [NotificationRule]
    ) -> Set<Form> {
        Set(
            rules.filter { rule in
                rule.channel.kind == typeName && rule.occasions.contains(occasion) && rule.stage == stage
            }.compactMap { $0.channel.settings["form"].flatMap(Form.init) })
    }
}
