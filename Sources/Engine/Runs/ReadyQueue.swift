import CaudalModel
import HeapModule

/// A unit that waits for a slot, with its urgency.
struct ReadyUnit: Comparable, Sendable {
    let id: UnitID
    let stageIndex: Int
    /// The longest remaining path through its stage, in milliseconds; a longer path goes first.
    let urgency: Int64
    /// Its position in the file and in its fan-out; of equally urgent units the earlier goes first.
    let order: Int64

    static func < (left: ReadyUnit, right: ReadyUnit) -> Bool {
        left.urgency != right.urgency ? left.urgency < right.urgency : left.order > right.order
    }

    static func == (left: ReadyUnit, right: ReadyUnit) -> Bool {
        left.urgency == right.urgency && left.order == right.order && left.id == right.id
    }
}

/// A limit that can keep a ready unit from starting.
enum SlotLimit: Hashable, Sendable {
    case pool(PoolName)
    /// The items of one stage, by its position in the plan.
    case items(Int)
}

/// How many slots of each kind are taken.
struct SlotCounts: Sendable {
    private var room: [SlotLimit: Int]

    init(_ state: RunState) {
        room = [:]
        for (index, stage) in state.plan.stages.enumerated() {
            if let pool = stage.pool { room[.pool(pool)] = state.number(of: .pool(pool)) }
            if let items = stage.fanOut?.maxParallel { room[.items(index)] = items }
        }
    }

    func hasRoom(_ limit: SlotLimit) -> Bool { room[limit, default: 1] > 0 }

    mutating func take(_ limits: [SlotLimit]) { for limit in limits { room[limit, default: 1] -= 1 } }
    mutating func release(_ limits: [SlotLimit]) { for limit in limits { room[limit, default: 1] += 1 } }
}

/// The units that wait for a slot, most urgent first; units that a narrower limit holds are parked separately.
///
/// A cancelled unit stays in the queue; the caller that takes it out must check that it still waits.
struct ReadyQueue: Sendable {
    private var open = Heap<ReadyUnit>()
    private var parked: [SlotLimit: Heap<ReadyUnit>] = [:]

    mutating func insert(_ unit: ReadyUnit) { open.insert(unit) }

    /// Parks a unit until `limit` has room.
    mutating func park(_ unit: ReadyUnit, at limit: SlotLimit) { parked[limit, default: []].insert(unit) }

    /// Takes out the most urgent unit that is not known to be held by a full limit.
    mutating func popMostUrgent(_ slots: SlotCounts) -> ReadyUnit? {
        if parked.isEmpty { return open.popMax() }
        var best = open.max
        var source: SlotLimit?
        for (limit, heap) in parked {
            guard let candidate = heap.max, slots.hasRoom(limit) else { continue }
            if let current = best, !(current < candidate) { continue }
            best = candidate
            source = limit
        }
        guard let source else { return open.popMax() }
        let unit = parked[source]?.popMax()
        if parked[source]?.isEmpty == true { parked[source] = nil }
        return unit
    }

    mutating func removeAll() {
        open = []
        parked = [:]
    }
}
