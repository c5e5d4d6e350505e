package import CaudalModel

/// What became of the rows of a run, from the first file read to the last dataset written.
package struct RowFlow: Sendable {
    /// One stage of the chain.
    package struct Part: Sendable {
        package let stage: StageID
        package let rows: RowAccount
    }

    /// The stages of the chain, in order.
    package let parts: [Part]

    /// The flow of a run in which one chain of stages passed on all counted rows; stages with queries produce their own
    /// rows and are not part of it.
    ///
    /// Nil for every other run: no single chain is the whole run.
    package init?(_ state: RunState) {
        let chains = Self.chains(of: state).chains
        guard chains.count == 1 else { return nil }
        self = chains[0]
    }

    private init(_ part: Part) { parts = [part] }

    private init(_ chain: RowFlow, and part: Part) { parts = chain.parts + [part] }

    /// The chains in which the stages of a run passed rows on: a stage that reads exactly what the last stage of a
    /// chain wrote continues the chain, and any other stage begins one.
    ///
    /// - Returns: The chains, and in `isWhole` whether every stage that counted its written rows is in one of them; a
    ///   query is not.
    private static func chains(of state: RunState) -> (chains: [RowFlow], isWhole: Bool) {
        var chains: [RowFlow] = []
        /// The last dataset of each chain, unless another stage has continued from it.
        var ends: [String: Int] = [:]
        var isWhole = true
        for (planned, stage) in zip(state.plan.stages, state.stages) {
            guard stage.unit.status.outcome?.isSuccess == true, let rows = stage.rows, !planned.outputs.isEmpty else {
                continue
            }
            guard rows.isReadKnown, let input = planned.inputs.first else {
                isWhole = false
                continue
            }
            let part = Part(stage: planned.id, rows: rows)
            var place = chains.count
            if let end = ends.removeValue(forKey: input), chains[end].written == rows.read {
                place = end
                chains[end] = RowFlow(chains[end], and: part)
            } else {
                chains.append(RowFlow(part))
            }
            for output in planned.outputs { ends[output] = place }
        }
        return (chains, isWhole)
    }

    /// The maximum number of chains in sentences; for more, see the table of rows.
    private static let chainLimit = 3

    /// What became of the rows of a run: a sentence, or one for each chain with its stages; empty when there are too
    /// many.
    package static func sentences(of state: RunState) -> [String] {
        let (chains, isWhole) = chains(of: state)
        if chains.count == 1, isWhole { return [chains[0].sentence] }
        guard chains.count <= chainLimit else { return [] }
        return chains.map { chain in
            "\(chain.parts.map(\.stage.rawValue).joined(separator: " → ")): \(chain.sentence)"
        }
    }

    /// Rows read.
    package var read: Int64 { parts[0].rows.read }
    /// Rows that queries among the steps produced.
    package var made: Int64 { parts.reduce(0) { $0 + $1.rows.made } }
    /// Rows in the last dataset of the chain.
    package var written: Int64 { parts[parts.count - 1].rows.written }
    package var quarantined: Int64 { parts.reduce(0) { $0 + $1.rows.quarantined } }
    package var duplicates: Int64 { parts.reduce(0) { $0 + $1.rows.duplicates } }
    package var dropped: Int64 { parts.reduce(0) { $0 + $1.rows.dropped } }
    /// The title of the column of rows that no item of a fan-out saw.
    static let othersTitle = "Of no item"
    /// Rows that no item of a fan-out saw.
    package var unassigned: Int64 { parts.reduce(0) { $0 + $1.rows.unassigned } }

    /// Whether every row is accounted for.
    package var isBalanced: Bool { lost == 0 }

    private var lost: Int64 { read + made - written - quarantined - duplicates - dropped - unassigned }

    /// `1,000 rows in = 951 out + 20 duplicates + 29 quarantined`.
    package var sentence: String {
        var terms = ["\(written.grouped) out"]
        if duplicates > 0 { terms.append("\(duplicates.grouped) duplicates") }
        if quarantined > 0 { terms.append("\(quarantined.grouped) quarantined") }
        if dropped > 0 { terms.append("\(dropped.grouped) dropped") }
        if unassigned > 0 { terms.append("\(unassigned.grouped) of no item") }
        let sources = "\(read.counted("row")) in" + (made > 0 ? " + \(made.grouped) made" : "")
        let sum = "\(sources) \(isBalanced ? "=" : "≠") \(terms.joined(separator: " + "))"
        return isBalanced ? sum : sum + " (\(lost.grouped) unaccounted for)"
    }
}
