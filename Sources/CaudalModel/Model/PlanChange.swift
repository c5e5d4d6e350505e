/// A change of a run's plan after the run began: the new plan, and how it differs from the old one.
package struct PlanChange: Sendable, Hashable, Codable {
    /// The whole new plan.
    package var plan: RunPlan
    /// The differences in the new plan's order, removed stages last.
    package var differences: [PlanDifference]

    package init(plan: RunPlan, differences: [PlanDifference]) {
        self.plan = plan
        self.differences = differences
    }

    /// Whether the texts are the same, and only variables that they name have other values.
    package var isOfVariablesAlone: Bool {
        differences.allSatisfy {
            $0.kind == .changed && $0.lines.allSatisfy { $0.hasSuffix(PlanDifference.otherValue) }
        }
    }
}

/// What differs in one stage, or in the settings of the whole pipeline.
package struct PlanDifference: Sendable, Hashable, Codable {
    /// What happened to the stage.
    package enum Kind: String, Sendable, Codable { case added, removed, changed }

    /// The stage; nil for the settings of the whole pipeline.
    package var stage: StageID?
    package var kind: Kind
    /// Removed lines, beginning with `- `, and added lines, beginning with `+ `; empty for an added or removed stage.
    package var lines: [String]

    package init(stage: StageID?, kind: Kind, lines: [String] = []) {
        self.stage = stage
        self.kind = kind
        self.lines = lines
    }

    /// How a line about a variable ends: its values are not recorded.
    static let otherValue = "}: another value than before"

    /// What changed and how, such as `process changed`.
    package var title: String { "\(stage?.rawValue ?? "the pipeline") \(kind.rawValue)" }
}

extension RunPlan {
    /// The differences of a newer plan of the same pipeline, by the texts of the definitions and the variables that these name.
    package func differences(to new: RunPlan) -> [PlanDifference] {
        var found: [PlanDifference] = []
        let changed = (variables ?? [:]).filter { name, value in new.variables?[name] ?? value != value }.keys.sorted()
        func difference(from old: String, to new: String) -> [String] {
            let names = changed.filter { new.contains("${env.\($0)}") }
            return Self.difference(from: old, to: new) + names.map { "+ ${env.\($0)" + PlanDifference.otherValue }
        }
        let lines = difference(from: definitionText, to: new.definitionText)
        if !lines.isEmpty { found.append(PlanDifference(stage: nil, kind: .changed, lines: lines)) }
        for stage in new.stages {
            guard let index = index(of: stage.id) else {
                found.append(PlanDifference(stage: stage.id, kind: .added))
                continue
            }
            let lines = difference(from: stages[index].definitionText, to: stage.definitionText)
            if !lines.isEmpty { found.append(PlanDifference(stage: stage.id, kind: .changed, lines: lines)) }
        }
        for stage in stages where new.index(of: stage.id) == nil {
            found.append(PlanDifference(stage: stage.id, kind: .removed))
        }
        return found
    }

    /// The removed and added lines, each change in its place.
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
    /// The lines of its definition that determine its output.
    package var workLines: [String] { DefinitionLine.work(in: definitionText) }
}

/// The parts of a line of a resolved definition, such as `steps[1].filter: total > 0`.
package enum DefinitionLine {
    /// Keys that say when and how a stage runs and do not affect its output.
    private static let settings: Set<String> = [
        "allow_failure", "description", "foreach.max_parallel", "foreach.on_failure", "group", "idempotent", "if",
        "log", "needs", "notify", "pool", "resources", "retry", "reuse", "run_on", "timeout", "when",
    ]

    /// The lines of a stage's resolved definition that determine its output.
    package static func work(in definition: String) -> [String] {
        definition.split(separator: "\n").map(String.init).filter { line in
            settings.isDisjoint(with: [path(of: line), key(of: line)])
        }
    }

    /// The keys that lead to the line's value: `steps[1].filter`; for a dataset's line `dataset sales_raw`.
    package static func path(of line: String) -> String {
        for word in ["dataset ", "schema of "] where line.hasPrefix(word) {
            return word + line.dropFirst(word.count).prefix { $0 != " " }
        }
        return String(line.prefix { $0 != ":" })
    }

    /// The first of those keys: `steps`.
    package static func key(of line: String) -> String { String(path(of: line).prefix { $0 != "." && $0 != "[" }) }

}
