import CaudalModel

/// `range`: every value is within bounds, which are literals of any type, such as dates.
struct RangeCheck: SingleRowCheck {
    static let typeName = "range"
    let column: String
    let min: Literal?
    let max: Literal?

    var columns: [String] { [column] }
    private var bounds: [Literal] { [min, max].compactMap { $0 } }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [RangeCheck] {
        let (min, max) = (literal(reader.node("min")), literal(reader.node("max")))
        if let min, let max, isUpsideDown(min, max) { reader.reportNothingBetween() }
        if min == nil, max == nil { reader.problems.report("'range' needs 'min', 'max' or both", at: reader.location) }
        return subject.column().map { [RangeCheck(column: $0, min: min, max: max)] } ?? []
    }

    private static func isUpsideDown(_ min: Literal, _ max: Literal) -> Bool {
        switch (min, max) {
        case (.date(let low), .date(let high)): low > high
        case (.text(let low), .text(let high)): high.utf8.lexicographicallyPrecedes(low.utf8)
        default: min.number.flatMap { low in max.number.map { low > $0 } } ?? false
        }
    }

    private static func literal(_ node: ConfigNode?) -> Literal? {
        guard let node, !node.isEmpty, case .scalar(let text, let isQuoted) = node.content else { return nil }
        if !isQuoted, let number = Literal(number: text) { return number }
        if text.count == 10, UTC.milliseconds(ofDate: text) != nil { return .date(text) }
        if WrittenValue.isTime(text) { return .timestamp(text) }
        return .text(text)
    }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        let type = columns.type(of: column)
        for bound in bounds {
            let fits =
                type.isNumeric ? bound.type?.isNumeric == true : !type.isTime || bound.type?.isTime == true
            if fits { continue }
            return ConfigError(
                "check '\(check.id)' compares '\(column)', which is \(type), with '\(bound.words)'",
                remedy: type.isTime ? "write a date such as 2026-11-23" : "write a number", at: check.location)
        }
        guard let min, let max, type == .text, min.type?.isNumeric != max.type?.isNumeric else { return nil }
        return ConfigError(
            "check '\(check.id)' compares '\(column)' with a number and with '\((min.type?.isNumeric == true ? max : min).words)'",
            remedy: "write two numbers, two dates or two texts", at: check.location)
    }

    func failing(_ data: CheckedData) -> String {
        let (sql, type) = (data.sql, data.type(of: column))
        let wanted = compared(type)
        let value =
            type == wanted ? sql.name(column) : "(\(sql.exactCast(sql.name(column), from: type, to: wanted)))"
        var breaches: [String] = []
        if let min { breaches.append("\(value) < \(Self.sql(min, as: wanted, sql))") }
        if let max { breaches.append("\(value) > \(Self.sql(max, as: wanted, sql))") }
        // Engines sort NaN above all numbers and infinity within what is bounded on one side: they lie in no range.
        if wanted == .number || wanted.isTime { breaches.append("NOT \(sql.isFinite(value))") }
        if type == .text, wanted == .number { breaches += exactBreaches(sql) }
        if type != wanted { breaches.append("\(value) IS NULL") }
        let present = type == wanted ? "" : "\(sql.name(column)) IS NOT NULL AND "
        return "\(present)(\(breaches.joined(separator: " OR ")))"
    }

    /// The type in which values of a column and the bounds are compared.
    private func compared(_ type: ColumnType) -> ColumnType {
        let types = bounds.compactMap(\.type)
        // As dates, bounds would lose the time of day.
        let hasTimes = types.contains { $0 == .timestamp || $0 == .localTimestamp }
        switch type {
        case .text: return hasTimes ? .timestamp : types.first.map { $0.isNumeric ? .number : $0 } ?? .text
        case .date: return hasTimes ? .timestamp : .date
        default: return type
        }
    }

    /// The breaches by texts that floating point takes for the bound itself.
    private func exactBreaches(_ sql: any SQLDialect) -> [String] {
        let value = sql.exactCast(sql.name(column), from: .text, to: .decimal(precision: 38, scale: 18))
        return [(min, "<"), (max, ">")].compactMap { bound, sign in
            guard let bound, let number = bound.number, abs(number) < 1e19 else { return nil }
            return "coalesce(\(value) \(sign) \(sql.literal(bound)), FALSE)"
        }
    }

    private static func sql(_ bound: Literal, as type: ColumnType, _ sql: any SQLDialect) -> String {
        guard bound.type != type, !(bound.type?.isNumeric == true && type.isNumeric) else {
            return sql.literal(bound)
        }
        switch bound {
        case .date(let text), .timestamp(let text), .text(let text):
            // For local times, a bound with an offset is compared as the same time in UTC.
            let wanted = type == .localTimestamp ? .timestamp : type
            return "(\(sql.inZone(nil).expression(Expression(.cast(Expression(.literal(.text(text))), wanted)))))"
        case .integer, .number, .decimal, .boolean, .null: return sql.cast(sql.literal(bound), to: type)
        }
    }

    func words(ofFailing rows: Double) -> String { "\(CheckText.counted(rows, "row")) out of range" }

    func expectation(_ check: Check, _ limits: String) -> String {
        let low = min.map { "at least \($0.words)" }
        let high = max.map { "at most \($0.words)" }
        return "\(column) is \([low, high].compactMap { $0 }.joined(separator: " and "))" + check.filterWords
    }
}

extension Literal {
    /// The value of a number.
    fileprivate var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .decimal(let text): Double(text)
        case .null, .boolean, .text, .date, .timestamp: nil
        }
    }
}
