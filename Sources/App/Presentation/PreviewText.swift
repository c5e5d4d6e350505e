import CaudalModel
import Engine

/// A line with a label or an indentation, whose text may wrap over several lines.
struct LabelledLine {
    /// The label or indentation before the text; wrapped lines are aligned with the text.
    var lead = ""
    var text: String
    var style = Style.plain

    /// The whole line, for printed output.
    func painted(_ paint: Paint) -> StyledText {
        switch style {
        case .good: paint.good(lead + text)
        case .bad: paint.bad(lead + text)
        default: StyledText(lead + text)
        }
    }
}

/// Describes the effects of a command in lines, for the dashboard's questions and for `--dry-run`.
enum PreviewText {
    /// The maximum number of items of a fan-out, and of files, to name.
    private static let (itemLimit, fileLimit) = (3, 10)
    /// The maximum number of stages to name of those that run, and of those that nothing happens to.
    private static let (runLimit, idleLimit) = (20, 6)

    /// The note that a dry run prints.
    static let dryRunNote = "dry run: nothing was run or changed"

    /// - Parameter isShort: Whether of many stages only some are named, as for a question.
    static func lines(_ preview: CommandPreview, isShort: Bool = false) -> [LabelledLine] {
        if let refusal = preview.refusal { return [LabelledLine(text: refusal)] }
        var lines: [LabelledLine] = []
        func add(_ label: String, _ text: String) {
            lines.append(LabelledLine(lead: "\(label):".padding(to: 13), text: text))
        }
        let (runLimit, idleLimit) = isShort ? (runLimit, idleLimit) : (.max, .max)
        if let marked = preview.marked {
            add("Counts as", "\(marked.outcome.rawValue), without running: \(marked.unit)")
        }
        if !preview.runs.isEmpty {
            add(preview.standing.isEmpty ? "Runs" : "Runs again", list(preview.runs, runLimit) { running($0, preview) })
        }
        if !preview.harmful.isEmpty { add("Careful", "running it twice does harm: \(list(preview.harmful))") }
        if !preview.stops.isEmpty { add("Stops", list(preview.stops, runLimit)) }
        if !preview.blocks.isEmpty { add("Blocks", list(preview.blocks, runLimit)) }
        if !preview.goesOn.isEmpty { add("Goes on", list(preview.goesOn, idleLimit)) }
        if !preview.runs.isEmpty {
            if !preview.stays.isEmpty {
                let stays = list(preview.stays, idleLimit) { staying($0, preview) }
                add("Stays", "\(stays): succeeded, and read as they are")
            }
            if !preview.left.isEmpty { add("Left alone", list(preview.left, idleLimit) { leaving($0, preview) }) }
        }
        for (stage, decision) in preview.reuse {
            switch decision {
            case .reuse(let run): add("Reused", "\(stage): nothing has changed since run \(run)")
            case .run(let reason): add("Not reused", "\(stage): \(reason)")
            case .open(let reason): add("Perhaps", "\(stage): \(reason)")
            }
        }
        for skip in preview.skips { add("Skipped", "\(skip.stage): \(skip.reason)") }
        if !preview.overwrites.isEmpty { add("Overwrites", names(preview.overwrites, limit: fileLimit)) }
        if let estimate = preview.estimate {
            add("Should take", "\(estimate.short), as in past runs")
        } else if !preview.runs.isEmpty {
            add("Should take", "not known: \(list(preview.withoutHistory, idleLimit)) never succeeded before")
        }
        if preview.runs.isEmpty, preview.stops.isEmpty, preview.goesOn.isEmpty {
            lines.append(LabelledLine(text: "Nothing would run."))
        }
        return lines
    }

    /// Names stages with notes; of more than a limit it names half of so many, such as `186 stages: a, b, c and 183 more`.
    private static func list(
        _ stages: [StageID], _ limit: Int = .max, _ notes: (StageID) -> [String] = { _ in [] }
    ) -> String {
        let texts = stages.prefix(stages.count > limit ? max(1, limit / 2) : limit).map { stage in
            let notes = notes(stage)
            return notes.isEmpty ? stage.rawValue : "\(stage) (\(notes.joined(separator: "; ")))"
        }
        let named = texts.joined(separator: ", ")
        guard texts.count < stages.count else { return named }
        return "\(stages.count.counted("stage")): \(named) and \(stages.count - texts.count) more"
    }

    private static func running(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        var notes = preview.standing[stage].map { [$0.rawValue] } ?? []
        if preview.findsItems.contains(stage) { notes.append("its items are determined again") }
        return notes + named(preview.items[stage])
    }

    private static func staying(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        named(preview.keptItems[stage])
    }

    private static func leaving(_ stage: StageID, _ preview: CommandPreview) -> [String] {
        if let items = preview.leftItems[stage] { return named(items) }
        return preview.standing[stage].map { [$0.rawValue] } ?? []
    }

    /// Names items, such as `7 items: a, b, c and 4 more`.
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

/// Describes changes of a run's plan in lines.
enum PlanChangeText {
    /// Each difference with its removed and added lines.
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

    /// The titles of the differences alone, for a sentence.
    static func sentence(_ differences: [PlanDifference]) -> String {
        differences.map(\.title).joined(separator: ", ")
    }
}
