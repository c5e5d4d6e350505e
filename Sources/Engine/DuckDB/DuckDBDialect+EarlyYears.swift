package import CaudalModel

/// SQL for dates before the year 1.
///
/// DuckDB writes the Ides of March of the year -43 as `0044-03-15 (BC)`. Texts have such dates in the form of ISO 8601,
/// where a year 0 comes before the year 1: `-0043-03-15`. DuckDB reads that form.
extension DuckDBDialect {
    package func shown(_ value: String, _ type: ColumnType) -> String {
        let plain = cast(value, to: .text)
        guard type == .date else { return type.isTime ? writtenTime(value, as: type) : plain }
        let day = "strftime(\(value), '-%m-%d') || split_part(\(plain), '(BC)', 2)"
        return "CASE WHEN \(isEarly(value)) THEN \(year(value)) || \(day) ELSE \(plain) END"
    }

    package func writtenTime(_ value: String, as type: ColumnType) -> String {
        let zone = type == .timestamp ? "Z" : ""
        let exact = "strftime(\(value), '-%m-%dT%H:%M:%S.%f\(zone)')"
        let early = "\(year(value)) || replace(\(exact), '.000000\(zone)', '\(zone)')"
        return "CASE WHEN \(isEarly(value)) THEN \(early) "
            + "WHEN microsecond(\(value)) % 1000000 = 0 THEN strftime(\(value), '%Y-%m-%dT%H:%M:%S\(zone)') "
            + "ELSE strftime(\(value), '%Y-%m-%dT%H:%M:%S.%f\(zone)') END"
    }

    package func writtenTime(_ value: String, isLocal: String) -> String {
        "CASE WHEN \(isLocal) THEN \(writtenTime(value, as: .localTimestamp)) ELSE \(writtenTime(value, as: .timestamp)) END"
    }

    /// A value of a composite type, such as a list; a date before the year 1 in it fails the statement.
    ///
    /// - Returns: Nil for types without dates.
    func withoutEarlyYears(_ value: String, _ column: Column) -> String? {
        guard case .other(let type) = column.type, type.contains("DATE") || type.contains("TIMESTAMP") else {
            return nil
        }
        let message =
            "column '\(column.name)' has a day before the year 1 inside of another value, which only Parquet can hold; "
            + "write Parquet, or make texts of them"
        return "CASE WHEN regexp_matches(\(cast(value, to: .text)), '[0-9]-[0-9]{2}-[0-9]{2} \\(BC\\)') "
            + "THEN \(refusal([.words(message)])) ELSE \(value) END"
    }

    private func isEarly(_ value: String) -> String { "\(value) < DATE '0001-01-01' AND isfinite(\(value))" }

    private func year(_ value: String) -> String {
        "printf(CASE WHEN year(\(value)) < 0 THEN '%05d' ELSE '%04d' END, year(\(value)))"
    }
}
