package import CaudalModel

/// The results of a script: its rows, and the number of statements that it began.
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

    /// A row of the results, and the statement that returned it.
    package struct Row: Sendable {
        package let statement: SQLScript.StatementID
        /// The kind of the row; nil for one that no statement asked for.
        package let kind: RowKind?
        package let fields: [String: Value]

        package init(statement: SQLScript.StatementID, fields: [String: Value]) {
            self.statement = statement
            self.fields = fields
            kind = fields[RowKind.field]?.text.flatMap { RowKind(rawValue: $0) }
        }

        /// A whole number.
        package func integer(_ name: String) -> Int64? { fields[name]?.integer }

        /// A text.
        package func text(_ name: String) -> String? { fields[name]?.text }
    }

    package let rows: [Row]
    /// The number of rows that each statement wrote.
    package let written: [SQLScript.StatementID: Int64]
    /// The number of statements that began.
    package let begun: Int
    private let counts: [String: Int64]

    /// The results of a script that began no statement.
    package init() { self.init(rows: [], written: [:], begun: 0) }

    package init(rows: [Row], written: [SQLScript.StatementID: Int64], begun: Int) {
        self.rows = rows
        self.written = written
        self.begun = begun
        var counts: [String: Int64] = [:]
        for row in rows where row.kind == .count {
            if let name = row.text("name"), let value = row.integer("value") { counts[name] = value }
        }
        self.counts = counts
    }

    /// The rows of one kind, in order.
    package func rows(_ kind: RowKind) -> [Row] { rows.filter { $0.kind == kind } }

    /// The rows of one kind as values, in order; a row that lacks a required field is left out.
    package func rows<Answer: Decodable>(_ kind: RowKind, as type: Answer.Type) -> [Answer] {
        rows.compactMap { row in row.kind == kind ? try? Answer(from: FieldsDecoder(fields: row.fields)) : nil }
    }

    /// The number with this name; nil if the script returned none.
    package func count(_ name: CountName) -> Int64? { counts[name.text] }

    /// The columns that a statement described, in rows of the kind `column`.
    package func columns(_ sql: any SQLDialect) -> [Column] {
        rows(.column, as: ColumnAnswer.self).map { Column($0.name, sql.columnType(named: $0.type)) }
    }
}

extension Failure {
    /// The results lack a number of rows that the script asked for.
    package static let uncounted = Failure("the engine did not report how many rows there are")
}

extension DataReadings.Value {
    /// The value as a whole number, as far as it is one that can be counted to.
    var integer: Int64? {
        guard let number, number.isFinite, abs(number) < 9e18 else { return nil }
        return Int64(number)
    }
}

/// A column that a statement described.
struct ColumnAnswer: Decodable {
    var name: String
    /// The engine's name for its type.
    var type: String
    /// The position of its file in the list, if several files were inspected.
    var file: Int?
}
