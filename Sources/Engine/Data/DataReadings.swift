import Foundation

/// What a script gave back: its rows, and how far it came.
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

        /// The value as a number, also when an engine wrote it as text.
        package var number: Double? {
            switch self {
            case .number(let number): number
            case .text(let text): Double(text)
            case .boolean(let truth): truth ? 1 : 0
            case .null, .list, .object: nil
            }
        }

        /// The value as text; nil for nothing.
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

    /// A result row and the number of the statement that gave it, from 1.
    package struct Row: Sendable {
        package let statement: Int
        package let fields: [String: Value]

        /// What kind of row it says it is, in its column `caudal`.
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
    /// The last statement that began, from 1; 0 when none did.
    package private(set) var lastStatement = 0

    /// Reads the output file of a script that marked its progress.
    package init(output: some Collection<UInt8>) {
        let decoder = JSONDecoder()
        // DuckDB writes NaN and Infinity as JSON5 does; plain JSON is read faster and is what nearly all rows are.
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
                // A line that is no object comes from a statement whose rows nobody asked for.
                rows.append(Row(statement: lastStatement, fields: fields))
            }
        }
    }

    /// A line without the colour that a warning of the engine before it has switched off: it stands in front of the row.
    private static func withoutColour<Line: Collection<UInt8>>(_ line: Line) -> Line.SubSequence {
        guard line.first == 0x1B, let end = line.firstIndex(of: UInt8(ascii: "m")) else { return line[...] }
        return line[line.index(after: end)...]
    }

    /// The rows of one kind, in order.
    package func rows(_ kind: String) -> [Row] { rows.filter { $0.kind == kind } }

    /// The counts that a script gave by name.
    package var counts: [String: Int64] {
        var counts: [String: Int64] = [:]
        for row in rows("count") {
            if let name = row.text("name"), let value = row.integer("value") { counts[name] = value }
        }
        return counts
    }
}
