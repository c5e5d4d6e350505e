import Engine

/// What a command would bring about, in lines: for the dashboard's questions and for `--dry-run`.
enum PreviewText {
    /// The lines.
    ///
    /// `inFull`: every name, and how each stage stands, where there is room for as many lines as it takes.
    static func lines(_ preview: CommandPreview, inFull: Bool = false) -> [String] {
        if let refusal = preview.refusal { return [refusal] }
        func shown(_ stage: StageID) -> String {
            var notes: [String] = []
            if let items = preview.items[stage], !items.isEmpty { notes.append("\(items.count) items") }
            if inFull, preview.runs.contains(stage), let status = preview.standing[stage] {
                notes.append(status.rawValue)
            }
            return notes.isEmpty ? stage.rawValue : "\(stage) (\(notes.joined(separator: ", ")))"
        }
        func list(_ stages: [StageID]) -> String {
            let limit = inFull ? stages.count : 5
            return stages.prefix(limit).map(shown).joined(separator: ", ")
                + (stages.count > limit ? ", +\(stages.count - limit) more" : "")
        }
        var lines: [String] = []
        let runs = preview.standing.isEmpty ? "Runs:        " : "Runs again:  "
        if !preview.runs.isEmpty { lines.append(runs + list(preview.runs)) }
        if !preview.stops.isEmpty { lines.append("Stops:       \(list(preview.stops))") }
        if !preview.goesOn.isEmpty { lines.append("Goes on:     \(list(preview.goesOn))") }
        if !preview.stays.isEmpty {
            if inFull {
                lines.append("Stays:       \(list(preview.stays)): succeeded, and read as they are")
            } else {
                let isOne = preview.stays.count == 1
                lines.append(
                    "Stays:       \(isOne ? preview.stays[0].rawValue : "\(preview.stays.count) finished stages")")
            }
        }
        for (stage, decision) in preview.reuse where inFull {
            switch decision {
            case .reuse(let run): lines.append("Reused:      \(stage): nothing has changed since run \(run)")
            case .run(let reason): lines.append("Not reused:  \(stage): \(reason)")
            case .open(let reason): lines.append("Perhaps:     \(stage): \(reason)")
            }
        }
        for skip in preview.skips where inFull { lines.append("Skipped:     \(skip.stage): \(skip.reason)") }
        if !preview.overwrites.isEmpty {
            let limit = inFull ? preview.overwrites.count : 3
            let rest = preview.overwrites.count > limit ? ", …" : ""
            lines.append("Overwrites:  \(preview.overwrites.prefix(limit).joined(separator: ", "))\(rest)")
        }
        if !preview.harmful.isEmpty {
            lines.append("Careful:     running it twice does harm: \(list(preview.harmful))")
        }
        if let estimate = preview.estimate {
            lines.append("Should take: \(estimate.short), as in past runs")
        } else if inFull, !preview.runs.isEmpty {
            lines.append("Should take: not known, as not every stage has succeeded before")
        }
        if inFull, preview.runs.isEmpty { lines.append("Nothing would run.") }
        return lines
    }
}

/// What was changed in a run's plan, in lines.
enum PlanChangeText {
    /// Each difference with the lines that went and came.
    static func lines(_ differences: [PlanDifference], paint: Paint) -> [String] {
        differences.flatMap { difference in
            ["  " + difference.title]
                + difference.lines.map { "    " + ($0.hasPrefix("-") ? paint.bad($0) : paint.good($0)) }
        }
    }

    /// The names alone, in a sentence.
    static func sentence(_ differences: [PlanDifference]) -> String {
        differences.map(\.title).joined(separator: ", ")
    }
}
