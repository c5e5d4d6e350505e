/// What runs of a pipeline have to have in common for one to tell how long another takes.
///
/// What a run takes depends on its values: a test with 1,000 rows says little of a month with a million.
package struct RunLikeness: Sendable, Hashable {
    private let environment: String?
    private let parameters: [String: String]
    private let undated: [String: String]

    /// - Parameter parameters: The run's, as they are recorded: without their secrets.
    package init(parameters: [String: String], environment: String?) {
        self.environment = environment
        self.parameters = parameters
        undated = parameters.filter { LocalDate($0.value) == nil }
    }

    /// How far another run is: 0 with the same values, 1 with the same but for dates, 2 with others in the same
    /// environment, 3 in another environment.
    package func distance(to other: RunLikeness) -> Int {
        if environment != other.environment { return Self.farthest }
        return parameters == other.parameters ? 0 : undated == other.undated ? 1 : 2
    }

    /// The median of the newest durations of those runs that are nearest, where there are enough of them; else of all.
    ///
    /// - Parameter durations: In milliseconds, newest first, each with its run's distance.
    /// - Returns: nil if there are none.
    package static func usual(of durations: [(distance: Int, milliseconds: Int64)]) -> UsualDuration? {
        for distance in 0...farthest {
            let near = durations.filter { $0.distance <= distance }.prefix(most)
            guard near.count >= enough || distance == farthest else { continue }
            // Fewer than enough may all be near.
            let farthest = near.map(\.distance).max() ?? distance
            return near.map { Double($0.milliseconds) }.median.map {
                UsualDuration(duration: .milliseconds(Int64($0)), runs: near.count, distance: farthest)
            }
        }
        return nil
    }

    /// Older ones tell of other data and other machines.
    private static let most = 20
    private static let enough = 3
    private static let farthest = 3
}

/// How long something usually takes, and by which runs.
package struct UsualDuration: Sendable, Hashable {
    package var duration: Duration
    /// How many runs it is the median of.
    package var runs: Int
    /// How far they are at most; see ``RunLikeness/distance(to:)``.
    package var distance: Int

    /// Those runs in words, such as `3 runs with the same values`.
    package var basis: String {
        let runs = runs.counted("run")
        return switch distance {
        case 0: "\(runs) with the same values"
        case 1: "\(runs) with the same values on other dates"
        default: "\(runs) with any values"
        }
    }
}
