import CaudalModel

/// Figures of the same name, with their labels.
package struct MetricFamily: Sendable, Hashable {
    /// What kind of figure it is.
    package enum Kind: String, Sendable {
        /// Only ever grows; its samples end with `_total`.
        case counter
        case gauge
        /// Several states, of which one holds.
        case stateset
        /// Facts in labels; its sample ends with `_info`.
        case info
    }

    /// A label with its value.
    struct Label: Sendable, Hashable {
        var name: String
        var value: String
    }

    struct Sample: Sendable, Hashable {
        var labels: [Label]
        var value: Double
    }

    let name: String
    let kind: Kind
    /// The unit, with which the name ends.
    let unit: String?
    let help: String
    private(set) var samples: [Sample] = []

    init(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
    }

    /// Adds a sample; labels without a value are left out.
    mutating func add(_ labels: KeyValuePairs<String, String?>, _ value: Double?) {
        guard let value else { return }
        let labels = labels.compactMap { name, value in value.map { Label(name: name, value: $0) } }
        samples.append(Sample(labels: labels, value: value))
    }

    /// Adds a sample for each state, of which one holds.
    mutating func add(_ labels: KeyValuePairs<String, String?>, state: String, of states: [String]) {
        let labels = labels.compactMap { name, value in value.map { Label(name: name, value: $0) } }
        for one in states {
            samples.append(Sample(labels: labels + [Label(name: name, value: one)], value: one == state ? 1 : 0))
        }
    }

    /// What the names of its samples end with.
    fileprivate var suffix: String {
        switch kind {
        case .counter: "_total"
        case .info: "_info"
        case .gauge, .stateset: ""
        }
    }
}

/// Figures as text for Prometheus and programs like it.
package enum MetricsText {
    /// The text of OpenMetrics 1.0.
    package static func openMetrics(_ families: [MetricFamily]) -> String {
        var lines: [String] = []
        for family in families where !family.samples.isEmpty {
            lines.append("# TYPE \(family.name) \(family.kind.rawValue)")
            if let unit = family.unit { lines.append("# UNIT \(family.name) \(unit)") }
            lines.append("# HELP \(family.name) \(escaped(family.help))")
            lines += samples(of: family)
        }
        return (lines + ["# EOF"]).joined(separator: "\n") + "\n"
    }

    /// The older text of Prometheus, which node_exporter's textfile collector reads: it knows neither units nor an end.
    package static func prometheus(_ families: [MetricFamily]) -> String {
        var lines: [String] = []
        for family in families where !family.samples.isEmpty {
            let name = family.name + family.suffix
            lines.append("# HELP \(name) \(escaped(family.help))")
            lines.append("# TYPE \(name) \(family.kind == .counter ? "counter" : "gauge")")
            lines += samples(of: family)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func samples(of family: MetricFamily) -> [String] {
        family.samples.map { sample in
            let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
            return family.name + family.suffix + (labels.isEmpty ? "" : "{\(labels)}") + " " + text(of: sample.value)
        }
    }

    private static func text(of value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : value.plain
    }

    private static func escaped(_ text: String) -> String {
        text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"").replacing(
            scalar: "\n", with: "\\n")
    }
}
