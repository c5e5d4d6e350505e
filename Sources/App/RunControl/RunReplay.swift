import CaudalModel
import Engine

/// A run that is shown again as it went, at any speed, from its journal.
///
/// It is a value that time passes through: positions are milliseconds from the run's first event on. Times in which no
/// process ran the run, such as the night before it was resumed, are cut short.
struct RunReplay {
    /// The speeds, as factors.
    static let speeds = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]
    /// What is left of a time in which no process ran the run, in milliseconds.
    private static let pause: Int64 = 2000

    private let events: [RunEvent]
    /// The position of each event.
    private let positions: [Int64]
    /// States to begin from when the replay goes back: each with the number of events in it.
    private var checkpoints: [(count: Int, run: RunState)]
    /// How many events lie between two of them.
    private let step: Int

    /// The run as it was at the present position.
    private(set) var run: RunState
    /// How many events that is.
    private(set) var shown = 0
    private(set) var position: Int64 = 0
    private(set) var speed = 1.0
    var isPaused = false

    /// - Parameter events: All events of the run, in order.
    init(_ id: RunID, _ plan: RunPlan, _ events: [RunEvent], step: Int = 4096) {
        self.events = events
        self.step = step
        var (positions, position, last, isLive) = ([Int64](), Int64(0), events.first?.time.wall ?? 0, true)
        for event in events {
            // A clock that was set back in between moves nothing back.
            let passed = max(0, event.time.wall - last)
            if case .runResumed = event.change { isLive = false }
            position += isLive ? passed : min(passed, Self.pause)
            positions.append(position)
            last = event.time.wall
            isLive = if case .runEnded = event.change { false } else { true }
        }
        self.positions = positions
        run = RunState(id: id, plan: plan)
        checkpoints = [(0, run)]
    }

    /// How long the replay takes at its own speed, in milliseconds.
    var length: Int64 { positions.last ?? 0 }

    /// Whether everything was shown.
    var isAtEnd: Bool { shown == events.count && position >= length }

    /// What the clocks showed at the present position.
    var time: Moment {
        guard shown > 0 else { return events.first?.time ?? Moment(wall: 0, steady: 0) }
        let last = events[shown - 1].time
        let passed = max(0, position - positions[shown - 1])
        return Moment(wall: last.wall + passed, steady: last.steady + passed)
    }

    /// The event that was shown last.
    var last: RunEvent? { shown > 0 ? events[shown - 1] : nil }

    /// The last one of those that change what is seen.
    var lastSeen: RunEvent? { events[..<shown].suffix(1000).last { Self.isSeen($0.change) } }

    /// Lets time pass.
    ///
    /// - Parameter elapsed: In milliseconds, by the clock of whoever watches.
    /// - Returns: The events that happened meanwhile.
    @discardableResult
    mutating func pass(_ elapsed: Int64) -> ArraySlice<RunEvent> {
        if isPaused { return [] }
        return advance(to: min(length, position + Int64((Double(elapsed) * speed).rounded())))
    }

    /// Goes to a position, ahead or back.
    mutating func seek(to target: Int64) {
        let target = max(0, min(target, length))
        if target >= position {
            _ = advance(to: target)
            return
        }
        let count = positions.count { $0 <= target }
        let from = checkpoints.last { $0.count <= count } ?? checkpoints[0]
        (run, shown) = (from.run, from.count)
        _ = apply(upTo: count)
        position = target
    }

    /// Goes to the next event that changes what is seen, or to the one before.
    mutating func stepEvent(_ direction: Int) {
        if direction > 0 {
            guard let next = events.indices.dropFirst(shown).first(where: { Self.isSeen(events[$0].change) }) else {
                return seek(to: length)
            }
            seek(to: positions[next])
        } else {
            // Events of one moment are one step.
            let before = events.indices.prefix(shown).last {
                Self.isSeen(events[$0].change) && positions[$0] < position
            }
            seek(to: before.map { positions[$0] } ?? 0)
        }
    }

    /// Makes the replay faster or slower by a step.
    mutating func changeSpeed(_ step: Int) {
        let place = Self.speeds.firstIndex { $0 >= speed } ?? 2
        speed = Self.speeds[max(0, min(Self.speeds.count - 1, place + step))]
    }

    /// Sets the speed; what lies beyond the slowest and the fastest becomes these.
    mutating func setSpeed(_ factor: Double) {
        speed = max(Self.speeds[0], min(factor, Self.speeds[Self.speeds.count - 1]))
    }

    private static func isSeen(_ change: RunChange) -> Bool {
        switch change {
        case .progressed, .attemptSpawned, .unitQueued, .publishing: false
        default: true
        }
    }

    private mutating func advance(to target: Int64) -> ArraySlice<RunEvent> {
        var count = shown
        while count < events.count, positions[count] <= target { count += 1 }
        let passed = apply(upTo: count)
        position = target
        return passed
    }

    private mutating func apply(upTo count: Int) -> ArraySlice<RunEvent> {
        let passed = events[shown..<max(shown, count)]
        for event in passed {
            run.apply(event)
            shown += 1
            if shown % step == 0, checkpoints.allSatisfy({ $0.count < shown }) { checkpoints.append((shown, run)) }
        }
        return passed
    }
}
