/// The column types that mean the same in every SQL engine.
package enum ColumnType: Hashable, Sendable, Codable, CustomStringConvertible {
    case text
    /// 64 bits, signed.
    case integer
    /// 64-bit floating point.
    case number
    case decimal(precision: Int, scale: Int)
    case boolean
    case date
    /// A point in time in UTC, to the microsecond.
    case timestamp
    /// A date and time of day to the microsecond whose zone is unknown.
    case localTimestamp
    /// A type that only its engine knows, such as a list; stages can pass it on but not compute with it.
    case other(String)

    /// The type of a column whose values are all missing.
    package static let unknown = ColumnType.other("NULL")

    /// Whether both types can belong to one column; a column or list without values agrees with every type.
    func agrees(with other: ColumnType) -> Bool {
        if self == other || self == .unknown || other == .unknown { return true }
        guard case .other(let name) = self, case .other(let otherName) = other else { return false }
        return Self.agree(name, otherName)
    }

    private static func agree(_ name: String, _ other: String) -> Bool {
        // DuckDB gives the type JSON to what is empty in every row.
        if name == other || name == "JSON" || other == "JSON" { return true }
        if name.hasSuffix("[]"), other.hasSuffix("[]") {
            return agree(String(name.dropLast(2)), String(other.dropLast(2)))
        }
        let (fields, others) = (fields(of: name), fields(of: other))
        return !fields.isEmpty && fields.count == others.count
            && fields.allSatisfy { field in others.contains { $0.name == field.name && agree($0.type, field.type) } }
    }

    /// The type with text in place of times and UUIDs inside lists and objects: times would lose their offsets, and UUIDs their
    /// capitals.
    package var withTextsForTimes: ColumnType {
        guard case .other(let name) = self else { return self }
        // Names of fields are in quotation marks or before a blank.
        let parts = name.split(separator: "\"", omittingEmptySubsequences: false).enumerated().map { place, part in
            place % 2 == 1
                ? String(part)
                : String(part).replacing(
                    #/\b(TIMESTAMP WITH TIME ZONE|TIMESTAMP(_S|_MS|_NS)?|DATE|TIME|UUID)(?=[\[,)]|$)/#, with: "VARCHAR")
        }
        return .other(parts.joined(separator: "\""))
    }

    /// Where in a value of JSON numbers are that the type may not hold.
    package struct NumberPath: Hashable, Sendable {
        /// The path, such as `$`, `$."price"` or `$[*]."price"`.
        package var path: String
        /// Whether they become floating point; otherwise whole numbers of 64 bits.
        package var isFloatingPoint: Bool

        package init(_ path: String, isFloatingPoint: Bool) {
            (self.path, self.isFloatingPoint) = (path, isFloatingPoint)
        }
    }

    /// The paths of JSON to numbers of floating point, and to whole numbers of which one alone would have more than 64 bits.
    ///
    /// - Returns: Nil where the name of a field cannot be written in a path.
    package var pathsToNumbers: [NumberPath]? {
        guard case .other(let name) = self else {
            return self == .number ? [NumberPath("$", isFloatingPoint: true)] : []
        }
        guard name.contains("DOUBLE") || name.contains("HUGEINT") else { return [] }
        return name.contains("\"\"") || name.contains("\\") ? nil : Self.paths(in: name, from: "$")
    }

    private static func paths(in name: String, from path: String) -> [NumberPath] {
        if name == "DOUBLE" { return [NumberPath(path, isFloatingPoint: true)] }
        // The engine has it for what is below zero beside what is not, whatever the numbers are.
        if name == "HUGEINT" { return [NumberPath(path, isFloatingPoint: false)] }
        if name.hasSuffix("[]") { return paths(in: String(name.dropLast(2)), from: path + "[*]") }
        if name.hasPrefix("MAP("), let comma = name.firstIndex(of: ",") {
            return paths(in: String(name[name.index(after: comma)...].dropLast()).trimmed, from: path + ".*")
        }
        return fields(of: name).flatMap { field in
            paths(in: field.type, from: "\(path).\"\(field.name.filter { $0 != "\"" })\"")
        }
    }

    /// The fields of a struct such as `STRUCT(a BIGINT, "b c" VARCHAR[])`; empty for other types.
    private static func fields(of name: String) -> [(name: String, type: String)] {
        guard name.hasPrefix("STRUCT("), name.hasSuffix(")") else { return [] }
        var (fields, depth, isQuoted): ([String], Int, Bool) = ([""], 0, false)
        for character in name.dropFirst("STRUCT(".count).dropLast() {
            if character == "\"" { isQuoted.toggle() }
            if !isQuoted { depth += character == "(" ? 1 : character == ")" ? -1 : 0 }
            if character == ",", depth == 0, !isQuoted {
                fields.append("")
            } else {
                fields[fields.count - 1].append(character)
            }
        }
        return fields.map { field in
            let text = field.trimmed
            let end =
                text.first == "\""
                ? text.dropFirst().firstIndex(of: "\"").map { text.index(after: $0) } : text.firstIndex(of: " ")
            let place = end ?? text.endIndex
            return (String(text[..<place]), String(text[place...]).trimmed)
        }
    }

    /// The type as pipeline files write it.
    package var description: String {
        switch self {
        case .text: "text"
        case .integer: "integer"
        case .number: "number"
        case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
        case .boolean: "boolean"
        case .date: "date"
        case .timestamp: "timestamp"
        case .localTimestamp: "local timestamp"
        case .other(let name): name
        }
    }

    /// The name of the type in a cast; the data decides whether a time is a point in time or a local time.
    ///
    /// Of a whole number with more than 64 bits that is an integer, which has its value or is an error: a number would be
    /// the nearest one.
    package var castName: String { self == .localTimestamp ? "timestamp" : isWideInteger ? "integer" : description }

    /// Whether values of the type are numbers.
    package var isNumeric: Bool {
        switch self {
        case .integer, .number, .decimal: true
        case .text, .boolean, .date, .timestamp, .localTimestamp, .other: false
        }
    }

    /// Whether its values are whole numbers.
    package var isWhole: Bool { self == .integer || isWideInteger }

    /// Whether it is an integer type with more than the 64 bits that files and expressions have.
    package var isWideInteger: Bool {
        if case .other(let name) = self {
            ["HUGEINT", "UHUGEINT", "UBIGINT"].contains(name.uppercased())
        } else {
            false
        }
    }

    /// Whether the type is a date, a point in time or a local time.
    package var isTime: Bool {
        switch self {
        case .date, .timestamp, .localTimestamp: true
        case .text, .integer, .number, .decimal, .boolean, .other: false
        }
    }

    /// Whether no value of the type means one of another: a truth no day, and a list no number.
    package func neverBecomes(_ other: ColumnType) -> Bool {
        let isPlain = isNumeric || self == .boolean
        switch other {
        case .date, .timestamp, .localTimestamp: return isPlain || isNested
        case .integer, .number, .decimal, .boolean: return isTime || isNested
        case .text, .other: return false
        }
    }

    /// Whether it is that of lists or objects.
    private var isNested: Bool {
        guard case .other(let name) = self else { return false }
        return name.hasSuffix("]") || name.hasPrefix("STRUCT(") || name.hasPrefix("MAP(")
    }

    /// Whether a text states its offset from UTC, such as `2026-11-23T06:00:00+05:30`.
    package static func namesOffset(_ text: String) -> Bool {
        text.count > 10 && text.dropFirst(10).contains(#/[Zz]$|[+-][0-9]{2}(:?[0-9]{2}){0,2}$/#)
    }

    /// The names that pipeline files may use.
    package static let names = ["text", "integer", "number", "decimal(p,s)", "boolean", "date", "timestamp"]

    /// Reads a type as pipeline files write it, or nil.
    package init?(named text: String) {
        let name = text.lowercased().filter { !$0.isWhitespace }
        switch name {
        case "text", "string", "varchar": self = .text
        case "integer", "bigint", "int": self = .integer
        case "number", "double", "float": self = .number
        case "boolean", "bool": self = .boolean
        case "date": self = .date
        case "timestamp", "datetime", "date-time": self = .timestamp
        default:
            guard name.hasPrefix("decimal("), name.hasSuffix(")") else { return nil }
            let numbers = name.dropFirst(8).dropLast().split(separator: ",").map { Int($0) }
            guard numbers.count == 2, let precision = numbers[0], let scale = numbers[1],
                (1...38).contains(precision), (0...precision).contains(scale)
            else { return nil }
            self = .decimal(precision: precision, scale: scale)
        }
    }
}

/// A column of a relation.
package struct Column: Hashable, Sendable, Codable {
    package var name: String
    package var type: ColumnType

    package init(_ name: String, _ type: ColumnType) {
        self.name = name
        self.type = type
    }
}

/// How texts in columns state their times; columns listed nowhere here state no offset from UTC.
package struct NamedTimes: Hashable, Sendable {
    /// The columns whose times all state an offset.
    package var withOffset: Set<String> = []
    /// The columns with both: times with an offset and times without one.
    package var mixed: Set<String> = []

    package init(withOffset: Set<String> = [], mixed: Set<String> = []) {
        self.withOffset = withOffset
        self.mixed = mixed
    }

    /// The same for renamed columns.
    package func renamed(_ names: [String: String]) -> NamedTimes {
        NamedTimes(withOffset: Set(withOffset.map { names[$0] ?? $0 }), mixed: Set(mixed.map { names[$0] ?? $0 }))
    }

    /// Makes a column like others, in how its texts state times.
    package mutating func set(_ name: String, like columns: [String], of other: NamedTimes?) {
        let isMixed = other?.mixed.isDisjoint(with: columns) == false
        let isWithOffset = other?.withOffset.isDisjoint(with: columns) == false
        if isMixed { mixed.insert(name) } else { mixed.remove(name) }
        if isWithOffset { withOffset.insert(name) } else { withOffset.remove(name) }
    }
}

/// A value written in a pipeline file.
package enum Literal: Hashable, Sendable, Codable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    /// A number written with a decimal point or with more digits than an integer holds, as its text: `0.30`.
    case decimal(String)
    case text(String)
    /// `2026-11-23`.
    case date(String)
    /// `2026-11-23T06:00:00Z`, or the same without a zone.
    case timestamp(String)

    /// The type of a column of this value; nil for null, which fits every type.
    package var type: ColumnType? {
        switch self {
        case .null: nil
        case .boolean: .boolean
        case .integer: .integer
        case .number: .number
        case .decimal(let text): Self.type(ofDecimal: text)
        case .text: .text
        case .date: .date
        case .timestamp(let text): ColumnType.namesOffset(text) ? .timestamp : .localTimestamp
        }
    }
}

extension Literal {
    /// The value as people write it.
    package var words: String {
        switch self {
        case .null: "nothing"
        case .boolean(let truth): String(truth)
        case .integer(let number): String(number)
        case .number(let number): number.plain
        case .decimal(let text), .text(let text), .date(let text), .timestamp(let text): text
        }
    }
}
