import CaudalModel
import Foundation

/// The value of a check's key, such as `order_id` in `unique: order_id`.
struct CheckSubject {
    /// The key: the name of the kind.
    let kind: String
    let node: ConfigNode
    let problems: ConfigProblems

    /// A column; nil, with a fault reported, when the value is no column.
    func column() -> String? {
        if case .scalar(let text, _) = node.content, !text.isEmpty {
            // A column's name may look like a reference, and a missing column is an error of its own.
            problems.settle(node.location)
            return text
        }
        problems.report("'\(kind)' needs a column, not \(node.kindName)", at: node.location)
        return nil
    }

    /// A column or a list of columns; empty, with a fault reported, when the value is something else.
    func columns() -> [String] {
        let columns = problems.texts(of: node, what: "'\(kind)'", allowsEmpty: true)
        if case .mapping = node.content { return [] }
        guard !columns.isEmpty, !columns.contains(where: { $0.value.isEmpty }) else {
            problems.report("'\(kind)' needs a column", remedy: "write '\(kind): order_id'", at: node.location)
            return []
        }
        for column in columns { problems.settle(column.location) }
        return columns.map(\.value)
    }
}

extension MappingReader {
    /// Reads `over`: `7 runs`, or a number.
    mutating func runs(default fallback: Int) -> Int {
        guard let text = text("over") else { return fallback }
        let digits = text.value.prefix { $0.isNumber }
        let rest = String(text.value.dropFirst(digits.count)).trimmed
        if let count = Int(digits), (1...10_000).contains(count), ["", "run", "runs"].contains(rest) { return count }
        problems.report("'over' must be a number of runs such as '7 runs', not '\(text.value)'", at: text.location)
        return fallback
    }

    /// Reads the limits `min` and `max` of a figure; at least one is required.
    ///
    /// - Parameter isExact: Whether the figure is compared with all of its digits.
    mutating func figureLimits(of kind: String, isExact: Bool = false) -> Check.Bounds {
        var bounds = bounds(in: -1e300...1e300)
        bounds.exactMin = written("min", bounds.min, of: kind, isExact: isExact)
        bounds.exactMax = written("max", bounds.max, of: kind, isExact: isExact)
        if !has("min"), !has("max") { problems.report("'\(kind)' needs 'min', 'max' or both", at: location) }
        return bounds
    }

    /// A limit as it is written, where floating point rounds it.
    private mutating func written(_ key: String, _ number: Double?, of kind: String, isExact: Bool) -> String? {
        guard let number, let text = text(key), let digits = Decimal(digits: text.value),
            let rounded = Decimal(digits: number.description), digits != rounded
        else { return nil }
        if isExact { return text.value }
        problems.report(
            "'\(key)' has more digits than floating point, in which '\(kind)' is compared",
            remedy: "write \(number.plain)",
            at: text.location)
        return nil
    }

    /// Returns the bounds of a count unchanged; reports a part of one, which no count has.
    func whole(_ bounds: Check.Bounds) -> Check.Bounds {
        for (key, limit) in [("min", bounds.min), ("max", bounds.max)] {
            guard let limit, limit != limit.rounded() else { continue }
            problems.report("'\(key)' must be a whole number, not \(limit.plain)", at: location(of: key))
        }
        return bounds
    }

    /// Reads the limits `min` and `max`.
    mutating func bounds(in range: ClosedRange<Double>) -> Check.Bounds {
        ordered(Check.Bounds(min: number("min", in: range), max: number("max", in: range)))
    }

    /// Returns the bounds unchanged; reports a lower bound above the upper one, which no value could satisfy.
    func ordered(_ bounds: Check.Bounds) -> Check.Bounds {
        if let min = bounds.min, let max = bounds.max, min > max { reportNothingBetween() }
        return bounds
    }

    /// Reports that `min` is above `max`.
    func reportNothingBetween() {
        problems.report("'min' is above 'max': nothing lies between them", at: location(of: "min"))
    }
}
