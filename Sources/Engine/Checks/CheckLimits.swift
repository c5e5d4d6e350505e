package import CaudalModel

extension Check {
    /// The outcome of a value, without waivers: a breach of the limits fails the check, or warns if its severity is
    /// `warn`; a breach of the warning limits warns.
    ///
    /// - Parameter digits: The value with all of its digits, where floating point may round it.
    package func outcome(of value: Double, digits: String? = nil) -> CheckResult.Outcome {
        if !limits.contain(value, digits: digits) { return breach }
        if let warnLimits, !warnLimits.contain(value, digits: digits) { return .warned }
        return .passed
    }

    /// The outcome of a breach of its limits, without waivers.
    var breach: CheckResult.Outcome { severity == .warn ? .warned : .failed }
}

/// The deviation of a value from those of earlier runs.
package enum Deviation {
    /// The number of earlier runs that an anomaly check needs before it judges.
    package static let minimum = 5

    /// The change from a median, as a fraction of it.
    package static func change(of value: Double, from median: Double) -> Double {
        median == 0 ? (value == 0 ? 0 : 1) : abs(value - median) / abs(median)
    }

    /// The distance from the median of earlier values, in median absolute deviations.
    package static func distance(of value: Double, from past: [Double], median: Double) -> Double {
        abs(value - median) / spread(of: past, median: median)
    }

    /// The size of one deviation: the median absolute deviation of earlier values, scaled and never zero.
    package static func spread(of past: [Double], median: Double) -> Double {
        // 1.4826 scales the median absolute deviation of a normal distribution to its standard deviation; the floor
        // keeps a constant history from making every change an infinite anomaly.
        max((past.map { abs($0 - median) }.median ?? 0) * 1.4826, abs(median) * 0.001, 1e-9)
    }
}

extension Check.Bounds {
    /// The same bounds in another unit; a missing bound stays missing.
    func mapped(_ change: (Double) -> Double) -> Check.Bounds {
        Check.Bounds(min: min.map(change), max: max.map(change))
    }
}

extension CheckResult {
    /// Converts the limits to the unit of the measure.
    mutating func scaleLimits(_ change: (Double) -> Double) {
        limits = limits?.mapped(change)
        warnLimits = warnLimits?.mapped(change)
    }

    /// Converts limits of a distance from a middle value to limits of the value itself.
    ///
    /// - Parameter unit: The size of a distance of one.
    mutating func spreadLimits(around middle: Double, by unit: Double) {
        func spread(_ bounds: Check.Bounds) -> Check.Bounds {
            guard let max = bounds.max else { return Check.Bounds() }
            return Check.Bounds(min: middle - max * unit, max: middle + max * unit)
        }
        limits = limits.map(spread)
        warnLimits = warnLimits.map(spread)
    }
}
