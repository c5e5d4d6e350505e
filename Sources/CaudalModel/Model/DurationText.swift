extension Duration {
    /// The duration in a few characters: `34ms`, `0.4s`, `12s`, `4:12`, `1h02`, `3d04h`.
    package var short: String {
        let seconds = max(0, seconds)
        if seconds < 0.0995 { return "\(Int((seconds * 1000).rounded()))ms" }
        if seconds < 10 { return (seconds * 10).rounded() < 100 ? "\((seconds * 10).rounded() / 10)s" : "10s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60):\(Self.two(whole % 60))" }
        if whole < 86_400 { return "\(whole / 3600)h\(Self.two(whole / 60 % 60))" }
        return "\(whole / 86_400)d\(Self.two(whole / 3600 % 24))h"
    }

    /// The duration as a pipeline file writes it: `500ms`, `1s`, `1.5s`, `10m`, `1h30m`.
    package var written: String {
        let milliseconds = max(0, milliseconds)
        if milliseconds == 0 { return "0s" }
        if milliseconds < 1000 { return "\(milliseconds)ms" }
        if milliseconds % 1000 != 0 { return "\((Double(milliseconds) / 1000).plain)s" }
        var rest = milliseconds / 1000
        var text = ""
        for (unit, seconds) in [("d", Int64(86_400)), ("h", 3600), ("m", 60), ("s", 1)] where rest >= seconds {
            text += "\(rest / seconds)\(unit)"
            rest %= seconds
        }
        return text
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}

extension Int64 {
    /// A count in a few characters: `812`, `18.4k`, `1.2M`.
    package var short: String { Self.scaled(Double(self), step: 1000, units: ["", "k", "M", "G", "T"]) }

    /// A size in a few characters: `512 B`, `1.4 MB`.
    package var shortBytes: String { Self.scaled(Double(self), step: 1000, units: [" B", " kB", " MB", " GB", " TB"]) }

    private static func scaled(_ value: Double, step: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        while abs(value) >= step * 0.9995, unit < units.count - 1 {
            value /= step
            unit += 1
        }
        if unit == 0 { return "\(Int64(value))\(units[0])" }
        return abs(value) < 99.95
            ? "\((value * 10).rounded() / 10)\(units[unit])" : "\(Int64(value.rounded()))\(units[unit])"
    }
}

extension BinaryInteger {
    /// The count with its word: `1 stage`, `3 stages`, `1,204 rows`.
    package func counted(_ word: String) -> String { Int64(self).grouped + (self == 1 ? " \(word)" : " \(word)s") }

    /// The count in a few characters with its word: `1 row`, `18.4k rows`.
    package func shortCounted(_ word: String) -> String { Int64(self).short + (self == 1 ? " \(word)" : " \(word)s") }
}
