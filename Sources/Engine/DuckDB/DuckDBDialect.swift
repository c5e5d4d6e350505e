package import CaudalModel

/// DuckDB's SQL.
package struct DuckDBDialect: SQLDialect {
    package let zone: String?

    package init(zone: String? = nil) { self.zone = zone }

    package func inZone(_ zone: String?) -> DuckDBDialect { DuckDBDialect(zone: zone) }

    package func name(_ text: String) -> String { "\"" + text.replacing(scalar: "\"", with: "\"\"") + "\"" }

    package func text(_ text: String) -> String {
        let parts = text.split(separator: "\0", omittingEmptySubsequences: false)
            .map { part in
                let text = part.replacing(scalar: "'", with: "''")
                // The shell makes a line feed of the two characters that end a line on Windows.
                guard text.utf8.contains(UInt8(ascii: "\r")) else { return "'\(text)'" }
                return "E'" + text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\r", with: "\\r") + "'"
            }
        // A NUL would end the text of the statement.
        return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: " || chr(0) || ") + ")"
    }

    package func type(_ type: ColumnType) -> String {
        switch type {
        case .text: "VARCHAR"
        case .integer: "BIGINT"
        case .number: "DOUBLE"
        case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
        case .boolean: "BOOLEAN"
        case .date: "DATE"
        case .timestamp, .localTimestamp: "TIMESTAMP"
        case .other(let name): name
        }
    }

    package func variable(_ reference: Template.Reference, as type: ColumnType) -> String {
        let value = "getvariable(\(text(Self.variableName(reference))))"
        return type == .text ? value : cast(value, to: type)
    }

    package func list(_ values: [String]) -> String { "[" + values.joined(separator: ", ") + "]" }

    package func spread(_ values: [String]) -> String { "unnest([\(values.joined(separator: ",\n          "))])" }

    /// Files of text have points in time as RFC 3339 writes them, such as `2026-11-23T06:00:00Z`, local times without the zone
    /// that is not known, and years before the first with a sign.
    package func written(_ column: Column, as value: String?, in format: Dataset.Format) -> String {
        let name = name(column.name)
        var value = value ?? name
        if [.json, .jsonl].contains(format) { value = written(inJSON: value, column) }
        if [.json, .jsonl].contains(format), let finite = finite(value, column) { return "\(finite) AS \(name)" }
        if format == .parquet, let kept = interval(value, column) { return "\(kept) AS \(name)" }
        if format != .parquet {
            switch column.type {
            case let type where type.isTime: return "\(shown(value, type)) AS \(name)"
            default:
                value = withoutEarlyYears(value, column) ?? value
                if format == .csv { value = readable(value, column) }
            }
        }
        return value == name ? name : "\(value) AS \(name)"
    }

    /// A value to be written as JSON, which has no NaN and no infinity: such a value fails the statement.
    ///
    /// - Returns: Nil for types without such values.
    private func finite(_ value: String, _ column: Column) -> String? {
        let isOdd: String
        switch column.type {
        case .number: isOdd = "NOT isfinite(\(value))"
        case .other(let type) where type.contains("DOUBLE") || type.contains("FLOAT"):
            isOdd = "regexp_matches(CAST(to_json(\(value)) AS VARCHAR), '[\\[:,]-?(NaN|nan|Inf|inf)')"
        default: return nil
        }
        let message =
            "column '\(column.name)' has the value NaN or infinity, which JSON cannot hold; "
            + "make nothing of it with map_values {nan: ~, inf: ~, -inf: ~}, or write Parquet or CSV"
        return "CASE WHEN \(isOdd) THEN \(refusal([.words(message)])) ELSE \(value) END"
    }

    /// A list or an object to be written as CSV: one whose text is not read back as the same fails the statement.
    private func readable(_ value: String, _ column: Column) -> String {
        guard let same = isReadBack(value, column) else { return value }
        let message =
            "column '\(column.name)' has a list or an object with a text that CSV does not give back, such as one with brackets "
            + "or quotation marks in a list of lists; write JSON or Parquet"
        return "CASE WHEN \(same) THEN \(value) ELSE \(refusal([.words(message)])) END"
    }

    /// SQL that is true where a list or an object is read back from its text as the same; nil for other types.
    private func isReadBack(_ value: String, _ column: Column) -> String? {
        guard case .other(let type) = column.type,
            type.hasSuffix("]") || type.hasPrefix("STRUCT") || type.hasPrefix("MAP"), !type.contains("UNION")
        else { return nil }
        return "TRY_CAST(\(cast(value, to: .text)) AS \(type)) IS NOT DISTINCT FROM \(value)"
    }

    /// A value to be written as JSON, where DuckDB would write other digits, or none before the decimal point.
    private func written(inJSON value: String, _ column: Column) -> String {
        if case .decimal(let precision, let scale) = column.type, precision == scale, precision > 15 {
            if precision < 38 { return cast(value, to: .decimal(precision: precision + 1, scale: scale)) }
            let less = tryCast(value, from: column.type, to: .decimal(precision: 38, scale: 37))
            let refusal = refusal([
                .words("column '\(column.name)' has the value "), .value(cast(value, to: .text)),
                .words(", with more digits than JSON is written with; cast it to decimal(38,37) or text"),
            ])
            return "CASE WHEN \(value) <> \(less) THEN \(refusal) ELSE \(less) END"
        }
        // Floating point of 32 bits in a list or an object has the digits that people see, as in a column of it.
        guard case .other(let type) = column.type, let same = isReadBack(value, column) else { return value }
        let wide = type.replacing(#/\bFLOAT\b/#, with: "DOUBLE").replacing(#/DECIMAL\((\d+),(\d+)\)/#) { decimal in
            guard decimal.1 == decimal.2, let places = Int(decimal.1), 16...37 ~= places else { return "\(decimal.0)" }
            return "DECIMAL(\(places + 1),\(places))"
        }
        if wide == type { return value }
        return "CASE WHEN \(same) THEN CAST(\(cast(value, to: .text)) AS \(wide)) ELSE CAST(\(value) AS \(wide)) END"
    }

    /// An interval to be written as Parquet, which has milliseconds: one with a part of them fails the statement.
    ///
    /// - Returns: Nil for types without intervals.
    private func interval(_ value: String, _ column: Column) -> String? {
        // Of a type with times too it is not known whether the fraction is theirs.
        guard case .other(let type) = column.type, type.contains("INTERVAL"), !type.contains("TIME") else { return nil }
        let refusal = refusal([
            .words("column '\(column.name)' has the interval "), .value("CAST(\(value) AS VARCHAR)"),
            .words(", and Parquet keeps only its milliseconds; make a text or a number of it in the query"),
        ])
        let isCut = "regexp_matches(CAST(\(value) AS VARCHAR), ':[0-9]{2}[.][0-9]{3}0*[1-9]')"
        return "CASE WHEN \(isCut) THEN \(refusal) ELSE \(value) END"
    }

    /// Whole numbers have 64 bits in files and other numbers too, times have microseconds, points in time are in UTC, and what
    /// has no type of its own is text.
    package func narrowed(_ column: Column) -> Column {
        if column.type.isWideInteger { return Column(column.name, .integer) }
        guard case .other(let type) = column.type else { return column }
        switch type.uppercased() {
        case Self.single: return Column(column.name, .number)
        // Parquet would keep the time of day in UTC, without the offset.
        case "UUID", "TIME WITH TIME ZONE": return Column(column.name, .text)
        case nanosecondType: return Column(column.name, .localTimestamp)
        default: break
        }
        if column.type == zonedType { return Column(column.name, .timestamp) }
        // In a list or an object Parquet would make floating point of them.
        return Column(column.name, .other(type.replacing(#/\bU?HUGEINT\b/#, with: "BIGINT")))
    }

    package func carried(_ column: Column) -> Column {
        column.type == .other("UBIGINT") ? column : narrowed(column)
    }

    package func narrowedValue(of column: Column) -> String {
        let value = name(column.name)
        // The shortest text that means the number is what people see and write.
        if column.type == .other(Self.single) { return cast(cast(value, to: .text), to: .number) }
        guard column.type.isWideInteger else { return cast(value, to: narrowed(column).type) }
        let number = tryCast(value, to: .integer)
        let refusal = refusal([
            .words("column '\(column.name)' has the value "), .value("CAST(\(value) AS VARCHAR)"),
            .words(", which does not fit 64 bits; cast it to decimal or text in the query"),
        ])
        return "CASE WHEN \(value) IS NOT NULL AND \(number) IS NULL THEN \(refusal) ELSE \(number) END"
    }

    /// Floating point of 32 bits.
    static let single = "FLOAT"

    package func columnType(named name: String) -> ColumnType { ColumnType(duckDB: name) }

    /// The name under which a bound value is set.
    package static func variableName(_ reference: Template.Reference) -> String { reference.variableName }

    package func tryCast(_ sql: String, to type: ColumnType) -> String { "TRY_CAST(\(sql) AS \(self.type(type)))" }

    package func cast(_ sql: String, to type: ColumnType) -> String { "CAST(\(sql) AS \(self.type(type)))" }

    package func tryCast(_ sql: String, from old: ColumnType, to new: ColumnType) -> String {
        tryCast(exact(sql, old, new), to: new)
    }

    package func convert(_ sql: String, from old: ColumnType?, to new: ColumnType) -> String {
        switch (old, new) {
        case (let time?, .text) where time.isTime: shown(sql, time)
        // A day begins at its midnight, wherever that is.
        case (.date?, .timestamp): zone.map { moment(ofLocal: sql, zone: $0) } ?? cast(sql, to: .timestamp)
        default: cast(exact(sql, old, new), to: new)
        }
    }

    /// A value of which a cast gives the nearest number: the text of a decimal of many digits.
    ///
    /// On the way of those to floating point the engine divides, and rounds twice.
    private func exact(_ sql: String, _ old: ColumnType?, _ new: ColumnType) -> String {
        if case .decimal(let precision, _)? = old, precision > 15, new == .number { cast(sql, to: .text) } else { sql }
    }

    package func matches(_ sql: String, pattern: String) -> String { "regexp_matches(\(sql), \(text(pattern)))" }

    package func matchesWhole(_ sql: String, pattern: String) -> String {
        "regexp_full_match(\(sql), \(text(pattern)))"
    }

    package func isFinite(_ value: String) -> String { "isfinite(\(value))" }
    package func group(of pattern: String, in text: String) -> String {
        "regexp_extract(\(text), \(self.text(pattern)), 1)"
    }

    /// DuckDB's `trim` removes only spaces; values of files have tabs and line ends around them, too.
    package func trimmed(_ value: String) -> String {
        "trim(\(value), concat(' ', " + [9, 10, 11, 12, 13, 160].map { "chr(\($0))" }.joined(separator: ", ") + "))"
    }

    package func rowToKeep(_ keep: Step.Keep, _ row: String, by order: String?) -> String {
        guard let order else { return keep == .first ? "min(\(row))" : "max(\(row))" }
        return keep == .first
            ? "arg_min(\(row), {'missing': \(order) IS NULL, 'value': \(order), 'row': \(row)})"
            : "arg_max(\(row), {'there': \(order) IS NOT NULL, 'value': \(order), 'row': \(row)})"
    }

    package func rowSet(_ row: String, last: String) -> String { "bitstring_agg(\(row), 0, \(last))" }

    package func isOutside(_ set: String, last: String, row: String) -> String {
        "(\(set) IS NULL OR CASE WHEN \(row) <= \(last) THEN get_bit(\(set), CAST(\(row) AS INTEGER)) = 0 ELSE TRUE END)"
    }

    package func fingerprint(of columns: [String]) -> String {
        "CAST(coalesce(sum(CAST(hash(\(columns.joined(separator: ", "))) AS HUGEINT)), 0) AS VARCHAR)"
    }

    package func countOfValues(_ value: String, isEstimated: Bool) -> String {
        isEstimated ? "approx_count_distinct(\(value))" : "count(DISTINCT \(value))"
    }

    package func quantiles(of value: String, _ marks: [Double], isEstimated: Bool, _ filter: String) -> String {
        let list = list(marks.map(\.plain))
        let all = isEstimated ? "approx_quantile(\(value), \(list))" : "quantile_disc(\(value), \(list))"
        let quantile = ownName("quantile")
        return "list_transform(\(all)\(filter), lambda \(quantile): CAST(\(quantile) AS VARCHAR))"
    }

    package func refusal(_ parts: [MessagePart]) -> String {
        let pieces = parts.map { part in
            switch part {
            case .words(let words): text(words)
            case .value(let value): "chr(2) || coalesce(\(value), '') || chr(3)"
            }
        }
        return "error(chr(1) || \(pieces.joined(separator: " || ")))"
    }

    package var jsonRules: any JSONRules { JSONPredicates(dialect: self) }

    package func call(_ function: Expression.Function, _ arguments: [String]) -> String {
        let list = arguments.joined(separator: ", ")
        switch function {
        case .ceil, .floor: return "CAST(\(function.rawValue)(\(list)) AS BIGINT)"
        case .round: return "CAST(round(\(list)) AS DOUBLE)"
        case .sqrt: return "sqrt(CAST(\(list) AS DOUBLE))"
        case .concat: return "concat(\(list))"
        case .length: return "CAST(length(\(list)) AS BIGINT)"
        case .regexpReplace: return "regexp_replace(\(list), 'g')"
        case .year, .month, .day, .hour: return "CAST(\(function.rawValue)(\(list)) AS BIGINT)"
        case .dateOf: return "CAST(\(list) AS DATE)"
        case .daysBetween: return "date_diff('day', CAST(\(arguments[0]) AS DATE), CAST(\(arguments[1]) AS DATE))"
        case .startsWith: return "starts_with(\(list))"
        case .endsWith: return "suffix(\(list))"
        case .abs, .coalesce, .contains, .greatest, .least, .lower, .ltrim, .nullif, .regexpMatches, .replace, .rtrim,
            .sha256, .splitPart, .substr, .trim, .upper:
            return "\(function.rawValue)(\(list))"
        }
    }
}

extension ColumnType {
    /// The type with this name in DuckDB.
    package init(duckDB name: String) {
        switch name.uppercased() {
        case "VARCHAR": self = .text
        case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER": self = .integer
        case "DOUBLE": self = .number
        case "BOOLEAN": self = .boolean
        case "DATE": self = .date
        case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS": self = .localTimestamp
        default:
            if name.uppercased().hasPrefix("DECIMAL("), let type = ColumnType(named: name) {
                self = type
            } else {
                self = .other(name)
            }
        }
    }
}
