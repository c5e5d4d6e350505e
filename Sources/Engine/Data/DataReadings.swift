import Foundation

/// The results of a script: its rows, and the last statement that began.
package struct DataReadings: Sendable {
    /// A value of a result row.
    package enum Value: Sendable, Hashable, Decodable {
        case null
        case boolean(Bool)
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let truth = try? container.decode(Bool.self) {
                self = .boolean(truth)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Value].self) {
                self = .list(list)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        /// The value as a number, even if an engine wrote it as text.
        package var number: Double? {
            switch self {
            case .number(let number): number
            case .text(let text): Double(text)
            case .boolean(let truth): truth ? 1 : 0
            case .null, .list, .object: nil
            }
        }

        /// The value as text; nil for null.
        package var text: String? {
            switch self {
            case .null: nil
            case .text(let text): text
            case .number(let number): number.plain
            case .boolean(let truth): String(truth)
            case .list(let values): "[" + values.map { $0.text ?? "null" }.joined(separator: ", ") + "]"
            case .object(let fields):
                "{"
                    + fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text ?? "null")" }
                    .joined(separator: ", ") + "}"
            }
        }
    }

    /// A result row, and the number of its statement, from 1.
    package struct Row: Sendable {
        package let statement: Int
        package let fields: [String: Value]

        /// The kind of row, from its column `caudal`.
        package var kind: String? { fields["caudal"]?.text }

        /// A whole number.
        package func integer(_ name: String) -> Int64? {
            guard let number = fields[name]?.number, number.isFinite, abs(number) < 9e18 else { return nil }
            return Int64(number)
        }

        /// A text.
        package func text(_ name: String) -> String? { fields[name]?.text }
    }

    package private(set) var rows: [Row] = []
    /// The last statement that began, from 1; 0 for none.
    package private(set) var lastStatement = 0

    /// Parses the output file of a script with progress markers.
    package init(output: some Collection<UInt8>) {
        let decoder = JSONDecoder()
        // DuckDB writes NaN and Infinity as JSON5 does; nearly all rows are plain JSON, which is parsed faster.
        let lenient = JSONDecoder()
        lenient.allowsJSON5 = true
        for whole in output.split(separator: UInt8(ascii: "\n")) {
            let line = Self.withoutColour(whole)
            if line.starts(with: [UInt8(ascii: "@"), UInt8(ascii: "@")]) {
                lastStatement = Int(String(decoding: line.dropFirst(2), as: UTF8.self)) ?? lastStatement
            } else if line.first == UInt8(ascii: "{"),
                let fields = (try? decoder.decode([String: Value].self, from: Data(line)))
                    ?? (try? lenient.decode([String: Value].self, from: Data(line)))
            {
                // A line that is no object belongs to a statement whose rows are not needed.
                rows.append(Row(statement: lastStatement, fields: fields))
            }
        }
    }

    /// The line without the escape sequence that ends a preceding warning's colour.
    private static func withoutColour<Line: Collection<UInt8>>(_ line: Line) -> Line.SubSequence {
        guard line.first == 0x1B, let end = line.firstIndex(of: UInt8(ascii: "m")) else { return line[...] }
        return line[line.index(after: end)...]
    }

    /// The rows of one kind, in order.
    package func rows(_ kind: String) -> [Row] { rows.filter { $0.kind == kind } }

    /// The counts of a script, by name.
    package var counts: [String: Int64] {
        var counts: [String: Int64] = [:]
        for row in rows("count") {
            if let name = row.text("name"), let value = row.integer("value") { counts[name] = value }
        }
        return counts
    }
}
