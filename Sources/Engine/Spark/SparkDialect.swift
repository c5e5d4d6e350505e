package import CaudalModel

/// Spark's SQL, as sessions of Caudal run it: in ANSI mode, in UTC, with names in quotation marks allowed.
///
/// Where Spark's own function or cast gives something else than DuckDB's, this one is written so that it gives the same or
/// fails; what cannot be written so is refused before anything runs (``SparkLimits``).
package struct SparkDialect: SQLDialect {
    package let zone: String?

    package init(zone: String? = nil) { self.zone = zone }

    package func inZone(_ zone: String?) -> SparkDialect { SparkDialect(zone: zone) }

    package func name(_ text: String) -> String { "`" + text.replacing(scalar: "`", with: "``") + "`" }

    package func text(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "'": escaped += "\\'"
            case "\0": escaped += "\\u0000"
            case "\r": escaped += "\\r"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return "'" + escaped + "'"
    }

    package func type(_ type: ColumnType) -> String {
        switch type {
        case .text: "STRING"
        case .integer: "BIGINT"
        case .number: "DOUBLE"
        case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
        case .boolean: "BOOLEAN"
        case .date: "DATE"
        // Points in time are in UTC, and a session's zone says nothing about them.
        case .timestamp, .localTimestamp: "TIMESTAMP_NTZ"
        case .other(let name): name
        }
    }

    package func columnType(named name: String) -> ColumnType {
        switch name.lowercased() {
        case "string": .text
        case "tinyint", "smallint", "int", "bigint": .integer
        case "double": .number
        case "boolean": .boolean
        case "date": .date
        case "timestamp_ntz": .localTimestamp
        case let type where type.hasPrefix("decimal("): ColumnType(named: type) ?? .other(name)
        default: .other(name)
        }
    }

    /// The types that a column of a file may have in Spark, so that its values are those of a column of a type.
    static func fileTypes(_ type: ColumnType) -> [String] {
        switch type {
        case .text: ["string"]
        case .integer: ["tinyint", "smallint", "int", "bigint"]
        case .number: ["double"]
        case .decimal(let precision, let scale): ["decimal(\(precision),\(scale))"]
        case .boolean: ["boolean"]
        case .date: ["date"]
        case .timestamp, .localTimestamp: ["timestamp_ntz"]
        case .other: []
        }
    }

    package func variable(_ reference: Template.Reference, as type: ColumnType) -> String {
        let value = Self.variable(reference.variableName)
        return type == .text ? value : cast(value, to: type)
    }

    /// A variable of the session, by its whole name: a column of the same name would come first.
    static func variable(_ name: String) -> String { "system.session.\(SparkDialect().name(name))" }

    package func list(_ values: [String]) -> String { "array(" + values.joined(separator: ", ") + ")" }

    package func tuple(_ values: [String]) -> String {
        // In a list, because a query beside IN has as many columns as a structure has parts.
        values.count == 1 ? values[0] : "array(struct(" + values.joined(separator: ", ") + "))"
    }

    package func spread(_ values: [String]) -> String { "explode(\(list(values)))" }

    /// Files are written by Spark as Parquet, and made into what the dataset is by ``OutputFinishing``.
    package func written(_ column: Column, as value: String?, in format: Dataset.Format) -> String {
        let name = name(column.name)
        return value.map { $0 == name ? name : "\($0) AS \(name)" } ?? name
    }

    /// Whole numbers have 64 bits in files.
    package func narrowed(_ column: Column) -> Column {
        switch column.type {
        case .other("float"): Column(column.name, .number)
        case .other("timestamp"): Column(column.name, .timestamp)
        default: column
        }
    }

    package func carried(_ column: Column) -> Column { narrowed(column) }

    package func narrowedValue(of column: Column) -> String {
        "CAST(\(name(column.name)) AS \(type(narrowed(column).type)))"
    }

    package func group(of pattern: String, in text: String) -> String {
        "regexp_extract(\(text), \(self.text(pattern)), 1)"
    }
    package func isFinite(_ value: String) -> String {
        // One form for numbers and times.
        "CAST(\(value) AS STRING) NOT IN ('NaN', 'Infinity', '-Infinity')"
    }

    package func trimmed(_ value: String) -> String {
        "trim(BOTH ' \\t\\n\\u000b\\u000c\\r\\u00a0' FROM \(value))"
    }

    package func shown(_ value: String, _ type: ColumnType) -> String {
        switch type {
        case .timestamp, .localTimestamp: writtenTime(value, as: type)
        case .date: unsigned(value)
        default: "CAST(\(value) AS STRING)"
        }
    }

    package func rowToKeep(_ keep: Step.Keep, _ row: String, by order: String?) -> String {
        guard let order else { return keep == .first ? "min(\(row))" : "max(\(row))" }
        return keep == .first
            ? "min_by(\(row), named_struct('missing', \(order) IS NULL, 'value', \(order), 'row', \(row)))"
            : "max_by(\(row), named_struct('there', \(order) IS NOT NULL, 'value', \(order), 'row', \(row)))"
    }

    package var keepsOrder: Bool { false }
    package var obstacleToFirstRows: String? {
        "on Spark, the rows of a query have no order by which the one to keep could be told"
    }

    package func countOfValues(_ value: String, isEstimated: Bool) -> String {
        isEstimated ? "approx_count_distinct(\(value))" : "count(DISTINCT \(value))"
    }

    package func refusal(_ parts: [MessagePart]) -> String {
        let pieces = parts.map { part in
            switch part {
            case .words(let words): text(words)
            case .value(let value): "'\\u0002', coalesce(CAST(\(value) AS STRING), ''), '\\u0003'"
            }
        }
        return "raise_error(concat('\\u0001', \(pieces.joined(separator: ", "))))"
    }

    package func sum(of value: String, _ type: ColumnType) -> String {
        switch type {
        // A sum of 64 bits would overflow where DuckDB's does not.
        case .integer: "sum(CAST(\(value) AS DECIMAL(38,0)))"
        case .decimal(_, let scale): "sum(CAST(\(value) AS DECIMAL(38,\(scale))))"
        default: "sum(\(value))"
        }
    }

    package func mean(of value: String, _ type: ColumnType) -> String {
        type == .number ? "avg(\(value))" : "CAST(\(sum(of: value, type)) AS DOUBLE) / NULLIF(count(\(value)), 0)"
    }

    package func like(_ value: String, _ pattern: String, negated: Bool) -> String {
        // A backslash is a letter in DuckDB's patterns.
        "\(value) \(negated ? "NOT " : "")LIKE \(text(pattern.replacing(scalar: "\\", with: "\\\\")))"
    }

    package func matches(_ sql: String, pattern: String) -> String {
        guard let java = SparkPattern(pattern) else { return beyond("the regular expression \(pattern)") }
        return "\(sql) RLIKE \(text(java.text))"
    }

    package func matchesWhole(_ sql: String, pattern: String) -> String {
        guard let java = SparkPattern(pattern) else { return beyond("the regular expression \(pattern)") }
        return "\(sql) RLIKE \(text("^(?:\(java.text))\\z"))"
    }

    /// SQL in place of what stages on Spark are not given: a statement that had it would fail.
    func beyond(_ what: String) -> String {
        refusal([.words("stages on Spark do not have \(what); run the stage on DuckDB")])
    }

    // MARK: - What stages on Spark are not given

    package func rowSet(_ row: String, last: String) -> String { beyond("sets of rows") }
    package func isOutside(_ set: String, last: String, row: String) -> String { beyond("sets of rows") }
    package func fingerprint(of columns: [String]) -> String { beyond("fingerprints of rows") }
    package func quantiles(of value: String, _ marks: [Double], isEstimated: Bool, _ filter: String) -> String {
        beyond("quantiles")
    }
    package var jsonRules: any JSONRules { SparkJSONRules(dialect: self) }
}

/// The rules of JSON, which no stage on Spark reads.
private struct SparkJSONRules: JSONRules {
    let dialect: SparkDialect

    func value(of column: String) -> String { dialect.beyond("rules about JSON") }
    func typeHolds(_ value: String, _ rules: ValueRules) -> String? { dialect.beyond("rules about JSON") }
    func valueRules(
        _ value: String, _ rules: ValueRules, formats: FormatPredicates
    ) -> [(label: String, holds: String)] { [("JSON", dialect.beyond("rules about JSON"))] }
    func typed(_ value: String, _ rules: ValueRules, found: ColumnType) -> (sql: String, type: ColumnType) {
        (dialect.beyond("values of JSON"), found)
    }
}
