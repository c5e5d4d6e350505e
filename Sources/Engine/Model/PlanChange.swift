/// How a run's plan was changed after it began: what it goes on with, and what is different in it.
package struct PlanChange: Sendable, Hashable, Codable {
    /// The whole new plan.
    package var plan: RunPlan
    /// In the new plan's order, with what was removed at the end.
    package var differences: [PlanDifference]

    package init(plan: RunPlan, differences: [PlanDifference]) {
        self.plan = plan
        self.differences = differences
    }
}

/// What is different in one stage, or in what belongs to the whole pipeline.
package struct PlanDifference: Sendable, Hashable, Codable {
    /// What became of it.
    package enum Kind: String, Sendable, Codable { case added, removed, changed }

    /// The stage; nil for what belongs to the whole pipeline.
    package var stage: StageID?
    package var kind: Kind
    /// Lines that went, beginning with `- `, and lines that came, beginning with `+ `; none for a stage that is
    /// new or gone.
    package var lines: [String]

    package init(stage: StageID?, kind: Kind, lines: [String] = []) {
        self.stage = stage
        self.kind = kind
        self.lines = lines
    }

    /// What it is about and what became of it, such as `process changed`.
    package var title: String { "\(stage?.rawValue ?? "the pipeline") \(kind.rawValue)" }
}

extension RunPlan {
    /// What is different in a newer plan of the same pipeline, by the texts of the definitions.
    package func differences(to new: RunPlan) -> [PlanDifference] {
        var found: [PlanDifference] = []
        let lines = Self.difference(from: definitionText, to: new.definitionText)
        if !lines.isEmpty { found.append(PlanDifference(stage: nil, kind: .changed, lines: lines)) }
        for stage in new.stages {
            guard let index = index(of: stage.id) else {
                found.append(PlanDifference(stage: stage.id, kind: .added))
                continue
            }
            let lines = Self.difference(from: stages[index].definitionText, to: stage.definitionText)
            if !lines.isEmpty { found.append(PlanDifference(stage: stage.id, kind: .changed, lines: lines)) }
        }
        for stage in stages where new.index(of: stage.id) == nil {
            found.append(PlanDifference(stage: stage.id, kind: .removed))
        }
        return found
    }

    /// The lines that went and those that came, each change where it stands.
    private static func difference(from old: String, to new: String) -> [String] {
        guard old != new else { return [] }
        let (before, after) = (old.split(separator: "\n"), new.split(separator: "\n"))
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in after.difference(from: before) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [String] = []
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if removed.contains(left) {
                lines.append("- \(before[left])")
                left += 1
            } else if inserted.contains(right) {
                lines.append("+ \(after[right])")
                right += 1
            } else {
                left += 1
                right += 1
            }
        }
        return lines
    }
}

extension PlannedStage {
    /// The lines of its definition that decide what comes out of it.
    package var workLines: [String] { DefinitionLine.work(in: definitionText) }
}

/// The parts of a line of a resolved definition, such as `steps[1].filter: total > 0`.
package enum DefinitionLine {
    /// Keys that say when and how a stage runs, and nothing about what comes out of it.
    private static let settings: Set<String> = [
        "allow_failure", "description", "foreach.max_parallel", "foreach.on_failure", "group", "idempotent", "if",
        "log", "needs", "pool", "resources", "retry", "reuse", "timeout", "when",
    ]

    /// The lines of a stage's resolved definition that decide what comes out of it.
    package static func work(in definition: String) -> [String] {
        definition.split(separator: "\n").map(String.init).filter { line in
            settings.isDisjoint(with: [path(of: line), key(of: line)])
        }
    }

    /// The keys that lead to its value: `steps[1].filter`; of a dataset's line `dataset sales_raw`.
    package static func path(of line: String) -> String {
        for word in ["dataset ", "schema of "] where line.hasPrefix(word) {
            return word + line.dropFirst(word.count).prefix { $0 != " " }
        }
        return String(line.prefix { $0 != ":" })
    }

    /// The first of those keys: `steps`.
    package static func key(of line: String) -> String { String(path(of: line).prefix { $0 != "." && $0 != "[" }) }

}
