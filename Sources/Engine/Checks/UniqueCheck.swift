import CaudalModel

/// `unique`: no combination of values in these columns occurs twice.
struct UniqueCheck: RowCheck {
    static let typeName = "unique"
    let columns: [String]

    var keyColumns: [String] { columns }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [UniqueCheck] {
        let columns = subject.columns()
        return columns.isEmpty ? [] : [UniqueCheck(columns: columns)]
    }

    func measure(_ data: CheckedData) -> String {
        let names = columns.map(data.sql.name)
        if names.count == 1 {
            let values = data.aggregate("count(\(names[0]))")
            return "CAST(\(values) - \(data.aggregate("count(DISTINCT \(names[0]))")) AS BIGINT)"
        }
        let key = data.sql.tuple(names)
        let present = present(data)
        return "CAST(\(data.rows(present)) - \(data.aggregate("count(DISTINCT \(key))", where: present)) AS BIGINT)"
    }

    func failingRows(_ data: CheckedData) -> FailingRows? {
        // Struct values compare NULL as a value, so that rows without a part are grouped too.
        let names = ((data.check.partitionBy.map { [$0] } ?? []) + columns).map(data.sql.name)
        let (list, key) = (names.joined(separator: ", "), data.sql.tuple(names))
        return data.failingRows(order: columns.map { "\(data.sql.name($0)) NULLS LAST" }) { rows in
            "\(key) IN (SELECT \(key) FROM \(rows)\n"
                + "  WHERE \(data.filterPrefix)\(present(data)) GROUP BY \(list) HAVING count(*) > 1)"
        }
    }

    /// The condition that no column of the key is null: a key with a missing value is not compared.
    private func present(_ data: CheckedData) -> String {
        columns.map { "\(data.sql.name($0)) IS NOT NULL" }.joined(separator: " AND ")
    }

    func words(ofFailing rows: Double) -> String {
        rows == 0
            ? "every key stands once" : "\(CheckText.counted(rows, "row")) \(rows == 1 ? "repeats" : "repeat") a key"
    }

    func expectation(_ check: Check, _ limits: String) -> String {
        "\(columns.joined(separator: ", ")) is unique" + check.filterWords
    }
}
