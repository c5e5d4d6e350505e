package import CaudalModel
package import Engine
import Synchronization

/// A journal in memory that checks every event as it is recorded and fails when it is told to.
package final class SimulatedJournal: RunJournal {
    private struct Contents {
        var events: [RunEvent] = []
        var invariants: RunInvariants
        var published: [UnitID: Set<Int>] = [:]
        var records = 0
        var failures: Set<Int> = []
        var violation: RunInvariants.Violation?
    }

    private let contents: Mutex<Contents>

    /// `failures`: which calls of ``record(_:remarks:of:)`` fail, counted from 1.
    package init(state: RunState, failures: Set<Int>) {
        contents = Mutex(Contents(invariants: RunInvariants(state: state), failures: failures))
    }

    package func record(_ events: [RunEvent], remarks: [LogChannel.Remark], of state: RunState) throws(StoreError) {
        let fails = contents.withLock { contents in
            contents.records += 1
            if contents.failures.contains(contents.records) { return true }
            for event in events {
                if contents.violation != nil { break }
                contents.events.append(event)
                do throws(RunInvariants.Violation) { try contents.invariants.check(event) } catch {
                    contents.violation = error
                }
                if case .publishing(let id, let number, _, _) = event.change {
                    contents.published[id, default: []].insert(number)
                }
            }
            return false
        }
        if fails { throw StoreError(.full, path: "the simulated disk") }
    }

    package func takeLease(
        of unit: UnitID, planned: PlannedStage, run: RunID, pools: [PoolName: Int]
    ) throws(StoreError) -> String? { nil }

    package func releaseLease(of unit: UnitID, run: RunID) throws(StoreError) {}

    /// Everything recorded.
    package var events: [RunEvent] { contents.withLock { $0.events } }

    /// The fold of everything recorded.
    package var state: RunState { contents.withLock { $0.invariants.state } }

    /// The first invariant that an event broke.
    package var violation: RunInvariants.Violation? { contents.withLock { $0.violation } }

    /// Whether it is recorded that an attempt was going to move its outputs.
    package func hasPublishing(_ id: UnitID, _ number: Int) -> Bool {
        contents.withLock { $0.published[id]?.contains(number) == true }
    }
}
