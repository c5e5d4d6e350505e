import CaudalModel
import Engine
import Foundation

/// One value of a table, for references that go row by row.
enum Cell: Hashable, CustomStringConvertible {
    case missing
    case truth(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    /// Such as `2026-11-23`: in this form dates sort as texts do.
    case date(String)

    /// Texts are equal when their bytes are: Swift's own equality takes `é` written in two ways for the same.
    static func == (left: Cell, right: Cell) -> Bool {
        switch (left, right) {
        case (.missing, .missing): true
        case (.truth(let a), .truth(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
        case (.date(let a), .date(let b)): a == b
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .missing: hasher.combine(0)
        case .truth(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .text(let value), .date(let value): hasher.combine(Array(value.utf8))
        }
    }

    /// As it stands in a file or becomes part of a text; nil for nothing.
    ///
    /// The manual does not say how a number becomes a text. Assumed: shortest digits that give the number back.
    var text: String? {
        switch self {
        case .missing: nil
        case .truth(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value), .date(let value): value
        }
    }

    /// As a pipeline file has it: a quoted value is text.
    var yaml: String {
        switch self {
        case .missing: "null"
        case .text(let value): value.quotedInYAML
        default: text ?? ""
        }
    }

    var description: String { if case .text(let value) = self { value.quotedInYAML } else { text ?? "null" } }

    /// A whole or a broken number as a broken one.
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The same value in a column of numbers, when this is a whole one.
    func widened(to type: ColumnType) -> Cell {
        if case .integer(let value) = self, type == .number { .number(Double(value)) } else { self }
    }

    /// -1, 0 or 1 beside a value that it may be compared with; nil when one of them is missing.
    ///
    /// Assumed, where the manual is silent: texts compare by their bytes, false comes before true.
    func order(beside other: Cell) -> Int? {
        func sign<Value: Comparable>(_ a: Value, _ b: Value) -> Int { a < b ? -1 : a > b ? 1 : 0 }
        if let a = double, let b = other.double { return sign(a, b) }
        switch (self, other) {
        case (.text(let a), .text(let b)), (.date(let a), .date(let b)):
            return a.utf8.lexicographicallyPrecedes(b.utf8)
                ? -1 : b.utf8.lexicographicallyPrecedes(a.utf8) ? 1 : 0
        case (.truth(let a), .truth(let b)): return sign(a ? 1 : 0, b ? 1 : 0)
        default: return nil
        }
    }

    /// Whether DuckDB's text of a value is this one; numbers may differ in their last digits.
    func agrees(with found: String?) -> Bool {
        guard case .number(let expected) = self else {
            return found.map { Array($0.utf8) } == text.map { Array($0.utf8) }
        }
        guard let number = found.flatMap({ Double($0) }) else { return false }
        return abs(number - expected) <= 1e-9 * max(1, abs(expected))
    }
}

extension String {
    /// Between double quotation marks, as YAML and JSON read it.
    var quotedInYAML: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// The text without the blanks at its ends.
    ///
    /// Assumed: a blank is a space, a tab, an end of a line or a no-break space, and no other space of Unicode.
    var withoutBlanks: String {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { [9, 10, 11, 12, 13, 32, 160].contains(scalar.value) }
        var scalars = unicodeScalars[...]
        while scalars.first.map(isBlank) == true { scalars.removeFirst() }
        while scalars.last.map(isBlank) == true { scalars.removeLast() }
        return String(scalars)
    }

    /// The pieces between the places where `separator` stands, compared by bytes; empty ones count.
    func pieces(between separator: String) -> [String] {
        let (bytes, mark) = (Array(utf8), Array(separator.utf8))
        guard !mark.isEmpty else { return [self] }
        var pieces: [[UInt8]] = [[]]
        var place = 0
        while place < bytes.count {
            if bytes[place...].starts(with: mark) {
                pieces.append([])
                place += mark.count
            } else {
                pieces[pieces.count - 1].append(bytes[place])
                place += 1
            }
        }
        return pieces.map { String(decoding: $0, as: UTF8.self) }
    }
}
