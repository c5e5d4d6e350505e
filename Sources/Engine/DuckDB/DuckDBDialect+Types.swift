import CaudalModel

/// The types of Parquet files of one dataset, whose columns are united by name.
extension DuckDBDialect {
    package func commonType(_ left: String, _ right: String) -> String? { Self.common(left, right) }

    package var nanosecondType: String { "TIMESTAMP_NS" }

    package func loss(of value: String, _ type: String, as united: String) -> (kind: RowKind, condition: String)? {
        if united == "DOUBLE", Self.isLarge(type) {
            return (
                .large,
                "TRY_CAST(CAST(\(value) AS DOUBLE) AS DECIMAL(38,0)) IS DISTINCT FROM CAST(\(value) AS DECIMAL(38,0))"
            )
        }
        return type == nanosecondType ? (.fine, "CAST(CAST(\(value) AS TIMESTAMP) AS TIMESTAMP_NS) <> \(value)") : nil
    }

    private static func common(_ left: String, _ right: String) -> String? {
        if left == right { return left }
        if let first = whole(left), let second = whole(right) { return common(first, second) }
        if isFloating(left), isFloating(right) { return "DOUBLE" }
        if let digits = digits(isFloating(left) ? right : left), isFloating(left) || isFloating(right) {
            return digits.scale == 0 ? "DOUBLE" : nil
        }
        if let first = digits(left), let second = digits(right) {
            let scale = max(first.scale, second.scale)
            let precision = max(first.precision - first.scale, second.precision - second.scale) + scale
            return precision <= 38 ? "DECIMAL(\(precision),\(scale))" : nil
        }
        let times = ["DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"]
        if times.contains(left), times.contains(right) { return "TIMESTAMP" }
        if Set([left, right]) == ["VARCHAR", "UUID"] { return "VARCHAR" }
        // What is in a list is not looked at, so that only what is always held is united.
        if left.hasSuffix("[]"), right.hasSuffix("[]") {
            let (first, second) = (String(left.dropLast(2)), String(right.dropLast(2)))
            let isAlike = whole(first) != nil && whole(second) != nil || isFloating(first) && isFloating(second)
            return isAlike ? common(first, second).map { $0 + "[]" } : nil
        }
        return nil
    }

    /// Whether values of a type may lose digits as floating point, so that they must be inspected.
    private static func isLarge(_ type: String) -> Bool {
        digits(type).map { $0.scale == 0 && $0.precision > 15 && whole(type)?.bits ?? 64 > 32 } ?? false
    }

    private typealias Whole = (bits: Int, isSigned: Bool)

    private static func whole(_ type: String) -> Whole? {
        let signed = ["TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64]
        if let bits = signed[type] { return (bits, true) }
        return type.hasPrefix("U") ? signed[String(type.dropFirst())].map { ($0, false) } : nil
    }

    private static func common(_ left: Whole, _ right: Whole) -> String {
        let bits =
            left.isSigned == right.isSigned
            ? max(left.bits, right.bits)
            : max(left.isSigned ? left.bits : left.bits * 2, right.isSigned ? right.bits : right.bits * 2)
        let names = [8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"]
        let sign = left.isSigned || right.isSigned ? "" : "U"
        return names[bits].map { sign + $0 } ?? "DECIMAL(20,0)"
    }

    private static func isFloating(_ type: String) -> Bool { type == "FLOAT" || type == "DOUBLE" }

    /// The maximum number of digits of a type's values, and how many of them follow the decimal point.
    private static func digits(_ type: String) -> (precision: Int, scale: Int)? {
        if let whole = whole(type) { return (whole.bits <= 32 ? 10 : whole.isSigned ? 19 : 20, 0) }
        guard type.hasPrefix("DECIMAL("), case .decimal(let precision, let scale)? = ColumnType(named: type) else {
            return nil
        }
        return (precision, scale)
    }
}
