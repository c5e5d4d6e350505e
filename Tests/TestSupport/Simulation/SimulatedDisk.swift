package import CaudalModel
import Engine

/// A disk with the outputs of a simulated run, and the staged ones that are not in place yet.
///
/// A move is whole or not made. A kill may come between two moves of one attempt.
package struct SimulatedDisk {
    /// The attempt whose content is at a place.
    package private(set) var content: [String: Int] = [:]
    private var staged: Set<String> = []

    package init() {}

    /// Where an attempt stages its files and where they belong.
    package static func plan(_ id: UnitID, _ number: Int, files: Int) -> PublishPlan {
        PublishPlan(
            moves: (0..<files).map {
                .init(staged: "\(id)#\(number).\($0)", target: "\(id).\($0)", inode: UInt64(number))
            })
    }

    package mutating func stage(_ plan: PublishPlan) { for move in plan.moves { staged.insert(move.staged) } }

    /// Makes one move; nothing when it was made before.
    package mutating func make(_ move: PublishPlan.Move) {
        if staged.remove(move.staged) != nil { content[move.target] = Int(move.inode) }
    }
}
