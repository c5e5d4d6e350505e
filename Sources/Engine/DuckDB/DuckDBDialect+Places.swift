/// Places of keys, as the codes of an enumeration.
extension DuckDBDialect {
    package func enumeration(_ type: String, of rows: String, key: String) -> String {
        "CREATE TEMP TYPE \(type) AS ENUM (SELECT \(key) FROM \(rows) ORDER BY \(name(DataSource.rowColumn)))"
    }

    package func place(of text: String, in type: String) -> String {
        "CAST(enum_code(TRY_CAST(\(text) AS \(type))) AS BIGINT)"
    }

    package func listed(_ value: String) -> String {
        "coalesce(list(\(value) ORDER BY \(name(DataSource.rowColumn))), [])"
    }

    package func noted(_ name: String, atPlace place: String) -> String { "\(noted(name))[\(place) + 1]" }
}
