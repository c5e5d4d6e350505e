package import CaudalModel

/// Reads the entries of `notify:` in a pipeline file.
package enum NotificationRulesReader {
    /// Reads all entries; what does not fit is reported.
    ///
    /// An entry with several channels or receivers gives a rule for each.
    ///
    /// `stage`: the stage that they belong to, nil for those of the pipeline.
    package static func read(
        _ nodes: [ConfigNode], _ stage: StageID?, _ problems: ConfigProblems
    ) -> [NotificationRule] {
        nodes.flatMap { read($0, stage, problems) }
    }

    private static func read(
        _ node: ConfigNode, _ stage: StageID?, _ problems: ConfigProblems
    ) -> [NotificationRule] {
        var reader = MappingReader(node, subject: "a notification", kind: "notification", problems: problems)
        let occasions = readOccasions(&reader, stage, problems)
        let renotify = readRenotify(&reader, problems)
        var rules: [NotificationRule] = []
        var hasChannel = false
        for kind in ChannelKinds.all {
            guard let value = reader.node(kind.typeName), !value.isEmpty else { continue }
            hasChannel = true
            for (occasion, place) in occasions ?? [] where !kind.possibleOccasions.contains(occasion) {
                problems.report(
                    "'\(kind.typeName)' cannot tell that something is '\(occasion.rawValue)'",
                    remedy: "it tells \(kind.possibleOccasions.map(\.rawValue).formattedAsList)", at: place)
            }
            let count = problems.templates.count
            guard let settings = kind.read(ChannelSubject(kind: kind, node: value, problems: problems)) else {
                continue
            }
            let wanted = occasions?.map(\.0) ?? kind.usualOccasions
            let templates = problems.templates[count...]
            refuseUnknown(templates, wanted, problems)
            let file = kind == FileChannel.self ? templates.first : nil
            rules += kind.divided(settings).map { settings in
                NotificationRule(
                    occasions: wanted, channel: NotificationChannel(kind: kind.typeName, settings: settings),
                    renotify: renotify, stage: stage, file: file)
            }
        }
        if !hasChannel {
            reader.reportMissing("a notification needs \(ChannelKinds.names.map { "'\($0)'" }.formattedAsChoice)")
        }
        reader.finish()
        return rules
    }

    /// The occasions with their places; nil where the entry names none.
    private static func readOccasions(
        _ reader: inout MappingReader, _ stage: StageID?, _ problems: ConfigProblems
    ) -> [(NotificationRule.Occasion, SourceLocation)]? {
        guard reader.has("on") else { return nil }
        var seen: Set<NotificationRule.Occasion> = []
        return reader.texts("on", needsOne: true).compactMap { text in
            guard let occasion = NotificationRule.Occasion(rawValue: text.value) else {
                let words = NotificationRule.Occasion.allCases.map(\.rawValue)
                let close = Suggestion.closest(to: text.value, among: words).map { "did you mean '\($0)'?" }
                problems.report(
                    "'on' must hold \(words.formattedAsChoice), not '\(text.value)'", remedy: close, at: text.location)
                return nil
            }
            if stage != nil, occasion == .late || occasion == .missed {
                problems.report(
                    "a stage cannot be '\(occasion.rawValue)'", remedy: "put it into 'notify' of the pipeline",
                    at: text.location)
                return nil
            }
            return seen.insert(occasion).inserted ? (occasion, text.location) : nil
        }
    }

    private static func readRenotify(_ reader: inout MappingReader, _ problems: ConfigProblems) -> Duration? {
        guard let text = reader.text("renotify") else { return NotificationRule.usualRenotify }
        if text.value == "never" { return nil }
        return reader.duration("renotify")
    }

    /// Reports references to what there is not where a notification is about a slot without a run.
    private static func refuseUnknown(
        _ templates: ArraySlice<Located<Template>>, _ occasions: [NotificationRule.Occasion],
        _ problems: ConfigProblems
    ) {
        guard let slot = occasions.first(where: { $0 == .late || $0 == .missed }) else { return }
        for template in templates {
            guard
                let reference = template.value.references.first(where: {
                    if case .environment = $0 { false } else { !$0.isOfAttempt }
                })
            else { continue }
            problems.report(
                "'${\(reference)}' is not known for '\(slot.rawValue)', which may have no run",
                remedy: "use a variable, or make a notification of its own for '\(slot.rawValue)'",
                at: template.location)
        }
    }
}
