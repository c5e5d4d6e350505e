package import CaudalModel

/// A small chart of a value over time.
package struct Sparkline: Sendable {
    /// One value of the chart.
    package struct Point: Sendable {
        package var value: Double
        package var outcome: CheckResult.Outcome

        package init(_ value: Double, _ outcome: CheckResult.Outcome = .passed) {
            self.value = value
            self.outcome = outcome
        }
    }

    /// The values, oldest first.
    package let points: [Point]
    /// The limits of the values.
    package let limits: Check.Bounds?
    package let warnLimits: Check.Bounds?

    package init(_ points: [Point], limits: Check.Bounds? = nil, warnLimits: Check.Bounds? = nil) {
        self.points = points.filter { $0.value.isFinite }
        self.limits = limits
        self.warnLimits = warnLimits
    }

    /// The values as blocks of eight heights, at most `most` of them: `▁▂▃▅▇`.
    ///
    /// Values that hardly differ have the same height, whatever they are; see ``widened(_:_:)``.
    package func blocks(most: Int = 30) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let shown = points.suffix(most).map(\.value)
        guard let low = shown.min(), let high = shown.max() else { return "" }
        let (bottom, top) = Self.widened(low, high)
        return String(
            shown.map { value in
                guard top > bottom else { return blocks[3] }
                // So that the middle of the range lies within a block, and small differences do not cross to another one.
                return blocks[Int((value - bottom) / (top - bottom) * 7 + 0.25)]
            })
    }

    /// The part of the largest value that a chart shows at least, so that a difference of some percent looks like one.
    private static let least = 0.5

    /// A range around the same middle that is not narrower than a part of its largest value.
    private static func widened(_ low: Double, _ high: Double) -> (low: Double, high: Double) {
        let missing = max(abs(low), abs(high)) * least - (high - low)
        return missing > 0 ? (low - missing / 2, high + missing / 2) : (low, high)
    }

    // MARK: - SVG

    private static let width = 132.0
    private static let height = 34.0
    private static let margin = 4.0

    /// The chart as SVG: a dot for each breach and for the last value, dashed lines for the limits.
    ///
    /// A limit so far away that it would flatten the chart is left out.
    func svg(title: String) -> String {
        guard !points.isEmpty else { return "" }
        let (low, high) = range
        func x(_ index: Int) -> Double {
            let room = Self.width - 2 * Self.margin
            return Self.margin + (points.count == 1 ? room : Double(index) / Double(points.count - 1) * room)
        }
        func y(_ value: Double) -> Double {
            let room = Self.height - 2 * Self.margin
            return high > low ? Self.margin + (high - value) / (high - low) * room : Self.height / 2
        }
        var body = "<title>\(HTMLText.escaped(title))</title>"
        for (bounds, tone) in [(warnLimits, "wait"), (limits, "bad")] {
            for limit in [bounds?.min, bounds?.max].compactMap({ $0 }) where (low...high).contains(limit) {
                body +=
                    "<line class=\"limit \(tone)\" x1=\"0\" x2=\"\(Self.text(Self.width))\" y1=\"\(Self.text(y(limit)))\" "
                    + "y2=\"\(Self.text(y(limit)))\"/>"
            }
        }
        let line = points.enumerated().map { "\(Self.text(x($0.offset))),\(Self.text(y($0.element.value)))" }
        if points.count > 1 { body += "<polyline points=\"\(line.joined(separator: " "))\"/>" }
        for (index, point) in points.enumerated() where index == points.count - 1 || point.outcome != .passed {
            let radius = index == points.count - 1 ? "3" : "2"
            body +=
                "<circle class=\"\(ReportTone(point.outcome).rawValue)\" cx=\"\(Self.text(x(index)))\" "
                + "cy=\"\(Self.text(y(point.value)))\" r=\"\(radius)\"/>"
        }
        return "<svg class=\"spark\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">\(body)</svg>"
    }

    /// The displayed range: all values, and the limits that are near enough.
    private var range: (low: Double, high: Double) {
        var (low, high) = (points.map(\.value).min() ?? 0, points.map(\.value).max() ?? 0)
        let reach = max((high - low) * 4, abs(high) * 0.2, 1e-9)
        for limit in [limits, warnLimits].flatMap({ [$0?.min, $0?.max] }).compactMap({ $0 }) {
            if limit < low, low - limit <= reach { low = limit }
            if limit > high, limit - high <= reach { high = limit }
        }
        return Self.widened(low, high)
    }

    /// A coordinate with one digit after the point.
    static func text(_ number: Double) -> String { number.rounded(to: 1) }
}
