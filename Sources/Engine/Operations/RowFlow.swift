/// Where the rows of a run went, from the file they came in with to the last dataset they reached.
package struct RowFlow: Sendable {
    /// One stage of the chain.
    package struct Part: Sendable {
        package let stage: StageID
        package let rows: RowAccount
    }

    /// The stages that hand the rows on, first to last.
    package let parts: [Part]

    /// Follows the rows of a run: from the first stage that reads what no stage has counted, along the stages that read
    /// each other's output first.
    ///
    /// Nil when no rows were counted.
    package init?(_ state: RunState) {
        let stages = zip(state.plan.stages, state.stages)
        // Data that a stage wrote without counting rows, such as a command, counts as coming from outside.
        let written = Set(stages.filter { $0.1.rows != nil }.flatMap(\.0.outputs))
        var parts: [Part] = []
        var wanted: String?
        for (planned, stage) in stages {
            guard let input = planned.inputs.first, let rows = stage.rows, !planned.outputs.isEmpty else { continue }
            let isNext = wanted == nil ? !written.contains(input) : input == wanted
            // A query makes rows of its own: the chain ends before it.
            guard isNext, parts.last.map({ $0.rows.written == rows.read }) ?? true else { continue }
            parts.append(Part(stage: planned.id, rows: rows))
            wanted = planned.outputs.first
        }
        if parts.isEmpty { return nil }
        self.parts = parts
    }

    /// Rows that came in.
    package var read: Int64 { parts[0].rows.read }
    /// Rows in the last dataset of the chain.
    package var written: Int64 { parts[parts.count - 1].rows.written }
    package var quarantined: Int64 { parts.reduce(0) { $0 + $1.rows.quarantined } }
    package var duplicates: Int64 { parts.reduce(0) { $0 + $1.rows.duplicates } }
    package var dropped: Int64 { parts.reduce(0) { $0 + $1.rows.dropped } }

    /// Whether every row is accounted for.
    package var isBalanced: Bool { read == written + quarantined + duplicates + dropped }

    /// `1,000 rows in = 951 out + 20 duplicates + 29 quarantined`.
    package var sentence: String {
        var terms = ["\(written.grouped) out"]
        if duplicates > 0 { terms.append("\(duplicates.grouped) duplicates") }
        if quarantined > 0 { terms.append("\(quarantined.grouped) quarantined") }
        if dropped > 0 { terms.append("\(dropped.grouped) dropped") }
        let sum = "\(read.grouped) rows in \(isBalanced ? "=" : "≠") \(terms.joined(separator: " + "))"
        return isBalanced
            ? sum : sum + " (\((read - written - quarantined - duplicates - dropped).grouped) unaccounted for)"
    }
}
