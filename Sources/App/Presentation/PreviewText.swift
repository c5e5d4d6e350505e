import Engine

/// A line of something told at length: a label or an indentation, and text that may be broken over several lines.
struct LabelledLine {
    /// What stands before the text; further lines of the text begin below the text.
    var lead = ""
    var text: String
    var style = Style.plain

    /// The whole line for the command line.
    func painted(_ paint: Paint) -> StyledText {
        switch style {
        case .good: paint.good(lead + text)
        case .bad: paint.bad(lead + text)
        default: StyledText(lead + text)
        }
    }
}

/// What a command would bring about, in lines: the same for the dashboard's questions and for `--dry-run`.
enum PreviewText {
    /// How many items of a fan-out are named, and how many files.
    private static let (itemLimit, fileLimit) = (3, 10)

    /// That what is told is not done.
    static let dryRunNote = "this is what would happen; nothing was run or changed"

    static func lines(_ preview: CommandPreview) -> [LabelledLine] {
        if let refusal = preview.refusal { return [LabelledLine(text: refusal)] }
        var lines: [LabelledLine] = []
        func tell(_ label: String, _ text: String) {
            lines.append(LabelledLine(lead: "\(label):".padding(to: 13), text: text))
        }
        if let marked = preview.marked {
            tell("Counts as", "\(marked.outcome.rawValue), without running: \(marked.unit)")
        }
        if !preview.runs.isEmpty {
            tell(preview.standing.isEmpty ? "Runs" : "Runs again", list(preview.runs) { running($0, preview) })
        }
        if !preview.harmful.isEmpty { tell("Careful", "running it twice does harm: \(list(preview.harmful))") }
        if !preview.stops.isEmpty { tell("Stops", list(preview.stops)) }
        if !preview.goesOn.isEmpty { tell("Goes on", list(preview.goesOn)) }
        if !preview.runs.isEmpty {
            if !preview.stays.isEmpty {
                let stays = list(preview.stays) { staying($0, preview) }
                tell("Stays", "\(stays): succeeded, and read as they are")
            }
            if !preview.left.isEmpty { tell("Left alone", list(preview.left) { leaving($0, preview) }) }
        }
        for (stage, decision) in preview.reuse {
            switch decision {
            case .reuse(let run): tell("Reused", "\(stage): nothing has changed since run \(run)")
            case .run(let reason): tell("Not reused", "\(stage): \(reason)")
            case .open(let reason): tell("Perhaps", "\(stage): \(reason)")
            }
        }
        for skip in preview.skips { tell("Skipped", "\(skip.stage): \(skip.reason)") }
        if !preview.overwrites.isEmpty { tell("Overwrites", names(preview.overwrites, limit: fileLimit)) }
        if let estimate = preview.estimate {
            tell("Should take", "\(estimate.short), as in past runs")
        } else if !preview.runs.isEmpty {
            tell("Should take", "not known: \(list(preview.withoutHistory)) never succeeded before")
        }
        if preview.runs.isEmpty, preview.stops.isEmpty, preview.goesOn.isEmpty {
            lines.append(LabelledLine(text: "Nothing would run."))
        }
        return lines
    }

    private static func list(_ stages: [StageID], _ notes: (StageID) -> [String] = { _ in [] }) -> String {
        stages.map { stage in
            let notes = notes(stage)
            return notes.isEmpty ? stage.rawValue : "\(stage) (\(notes.joined(separator: "; ")))"
        }.joined(separator: ", ")
    }

    private static func running(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        var notes = preview.standing[stage].map { [$0.rawValue] } ?? []
        if preview.findsItems.contains(stage) { notes.append("its items are looked up again") }
        return notes + named(preview.items[stage])
    }

    private static func staying(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        named(preview.keptItems[stage])
    }

    private static func leaving(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        if let items = preview.leftItems[stage] { return named(items) }
        return preview.standing[stage].map { [$0.rawValue] } ?? []
    }

    /// Items in words, such as `7 items: a, b, c and 4 more`.
    private static func named(_ items: [ItemKey]?) -> [String] {
        guard let items, !items.isEmpty else { return [] }
        return ["\(items.count.counted("item")): \(names(items.map(\.rawValue), limit: itemLimit))"]
    }

    private static func names(_ names: [String], limit: Int) -> String {
        let rest = names.count - limit
        return names.prefix(limit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}

/// What was changed in a run's plan, in lines.
enum PlanChangeText {
    /// Each difference with the lines that went and came.
    static func lines(_ differences: [PlanDifference]) -> [LabelledLine] {
        differences.flatMap { difference in
            [LabelledLine(lead: "  ", text: difference.title)]
                + difference.lines.map { line in
                    LabelledLine(
                        lead: "    \(line.prefix(2))", text: String(line.dropFirst(2)),
                        style: line.hasPrefix("-") ? .bad : .good)
                }
        }
    }

    /// The names alone, in a sentence.
    static func sentence(_ differences: [PlanDifference]) -> String {
        differences.map(\.title).joined(separator: ", ")
    }
}
