extension Array where Element == Double {
    /// The median; for an even count the mean of the two middle values; nil for no values.
    package var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Double {
    /// The number without a trailing `.0`.
    package var plain: String {
        self == rounded() && abs(self) < 1e15 ? String(Int64(self)) : String(self)
    }

    /// The number with at most `places` digits after the point, without trailing zeros.
    package func rounded(to places: Int) -> String {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        return ((self * factor).rounded() / factor).plain
    }
}

extension Int64 {
    /// The number with thousands separators: `1,234,567`.
    package var grouped: String {
        let digits = String(magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return self < 0 ? "-" + text : text
    }
}
