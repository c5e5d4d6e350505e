extension Check {
    /// What a value means for this check, waivers aside: a breach of its limits fails it, or warns where it is no more
    /// than a warning; a breach of its closer limits warns.
    package func outcome(of value: Double) -> CheckResult.Outcome {
        if !limits.contain(value) { return breach }
        if let warnLimits, !warnLimits.contain(value) { return .warned }
        return .passed
    }

    /// What a breach of its limits means, waivers aside.
    var breach: CheckResult.Outcome { severity == .warn ? .warned : .failed }
}

/// How far a value lies from those of earlier runs.
package enum Deviation {
    /// How many earlier runs an anomaly check needs before it judges.
    package static let minimum = 5

    /// The change from a median, as a part of it.
    package static func change(of value: Double, from median: Double) -> Double {
        median == 0 ? (value == 0 ? 0 : 1) : abs(value - median) / abs(median)
    }

    /// The distance from the median of earlier values in their median absolute deviations.
    package static func distance(of value: Double, from past: [Double], median: Double) -> Double {
        abs(value - median) / spread(of: past, median: median)
    }

    /// What counts as one deviation: the median absolute deviation of earlier values, scaled and never nothing.
    package static func spread(of past: [Double], median: Double) -> Double {
        // 1.4826 makes the median absolute deviation of a normal distribution its standard deviation; the floor
        // keeps a history that never moved from calling every change an anomaly of infinite size.
        max((past.map { abs($0 - median) }.median ?? 0) * 1.4826, abs(median) * 0.001, 1e-9)
    }
}

extension Check.Bounds {
    /// The same bounds in another unit; what may not be bounded below or above stays so.
    func mapped(_ change: (Double) -> Double) -> Check.Bounds {
        Check.Bounds(min: min.map(change), max: max.map(change))
    }
}

extension CheckResult {
    /// Gives the limits in the unit of what was measured.
    mutating func scaleLimits(_ change: (Double) -> Double) {
        limits = limits?.mapped(change)
        warnLimits = warnLimits?.mapped(change)
    }

    /// Turns limits of a distance from a middle into limits of the value itself.
    ///
    /// `unit`: what a distance of one stands for.
    mutating func spreadLimits(around middle: Double, by unit: Double) {
        func spread(_ bounds: Check.Bounds) -> Check.Bounds {
            guard let max = bounds.max else { return Check.Bounds() }
            return Check.Bounds(min: middle - max * unit, max: middle + max * unit)
        }
        limits = limits.map(spread)
        warnLimits = warnLimits.map(spread)
    }
}
