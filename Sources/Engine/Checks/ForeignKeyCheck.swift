import CaudalModel

/// `foreign_key`: every value occurs in a column of another dataset.
struct ForeignKeyCheck: SingleRowCheck {
    static let typeName = "foreign_key"
    let column: String
    let dataset: Located<DatasetName>
    /// The column of the other dataset.
    let key: String

    var columns: [String] { [column] }
    var reads: [Located<DatasetName>] { [dataset] }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [ForeignKeyCheck] {
        let dataset = reader.text("dataset", isRequired: true)
        let key = reader.text("column")
        guard let column = subject.column(), let dataset else { return [] }
        let target = Located(DatasetName(dataset.value), at: dataset.location)
        return [ForeignKeyCheck(column: column, dataset: target, key: key?.value ?? column)]
    }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        guard let other = columns.others[dataset.value] else { return nil }
        guard let target = other.columns.first(where: { $0.name == key }) else {
            return ConfigError(
                "'\(dataset.value)' has no column '\(key)'" + Suggestion.phrase(for: key, among: other.columnNames),
                at: check.location)
        }
        let type = columns.type(of: column)
        if type.isComparable(with: target.type) { return nil }
        return ConfigError(
            "check '\(check.id)' looks up '\(column)', which is \(type), in '\(key)' of '\(dataset.value)', which is "
                + "\(target.type)",
            remedy: "cast one of them in a process stage", at: check.location)
    }

    /// Defines the keys of the other dataset, so that the scan only has to look them up.
    ///
    /// A view, so that an error in reading that data is attributed to the check that looks it up.
    func prepare(_ data: CheckedData, _ script: inout SQLScript) {
        guard let other = data.others[dataset.value], let (own, target) = sides(data) else { return }
        let sql = data.sql
        // Incompatible types are reported before anything runs.
        let value =
            sql.comparable(("", own.type), (sql.name(key), target.type), rightZone: other.zone)?.right ?? sql.name(key)
        script.add(
            "name the keys of \(dataset.value) for \(data.check.id)", weight: 0.1,
            .view(
                "SELECT DISTINCT \(value) AS key\nFROM \(other.fromClause(sql))\nWHERE \(value) IS NOT NULL",
                as: OwnName.of(knownName(data))))
    }

    func failing(_ data: CheckedData) -> String {
        let name = data.sql.name(column)
        let value = sides(data).flatMap { data.sql.comparable((name, $0.own.type), ("", $0.target.type))?.left } ?? name
        let known = data.sql.everything(of: data.sql.ownName(knownName(data)))
        // A value that the type of the keys cannot be has no counterpart. Engines differ in what NOT IN says of none at all.
        let isOther = value == name ? "" : "\(value) IS NULL OR "
        return "\(name) IS NOT NULL AND (\(isOther)\(value) NOT IN (\(known)))"
    }

    /// The two columns that are compared.
    private func sides(_ data: CheckedData) -> (own: Column, target: Column)? {
        guard let target = data.others[dataset.value]?.columns.first(where: { $0.name == key }),
            let own = data.source.columns.first(where: { $0.name == column })
        else { return nil }
        return (own, target)
    }

    /// The name of a view of the keys that there are.
    private func knownName(_ data: CheckedData) -> String { "known_\(data.index + 1)" }

    func words(ofFailing rows: Double) -> String { "\(CheckText.counted(rows, "row")) without a counterpart" }

    func expectation(_ check: Check, _ limits: String) -> String {
        "\(column) stands in \(dataset.value).\(key)" + check.filterWords
    }
}
