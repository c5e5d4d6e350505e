import CaudalModel

/// `accepted_values`: every value is one of a list.
struct AcceptedValuesCheck: SingleRowCheck {
    static let typeName = "accepted_values"
    let column: String
    let values: [String]

    var columns: [String] { [column] }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [AcceptedValuesCheck] {
        let values = reader.texts("in", isRequired: true, allowsEmpty: true).map(\.value)
        return subject.column().map { [AcceptedValuesCheck(column: $0, values: values)] } ?? []
    }

    func fault(in check: Check, _ columns: CheckedColumns) -> ConfigError? {
        let type = columns.type(of: column)
        guard let misfit = values.first(where: { WrittenValue($0, as: type) == nil }) else {
            return nil
        }
        return ConfigError(
            "check '\(check.id)' accepts '\(misfit)', which is no \(type), and '\(column)' is",
            remedy: "write a value of that type", at: check.location)
    }

    func failing(_ data: CheckedData) -> String {
        let value = data.sql.name(column)
        let type = data.type(of: column)
        // 1 and 1.0 are one number and two texts.
        let list = values.compactMap { WrittenValue($0, as: type)?.sql(data.sql) }
        return list.isEmpty ? "\(value) IS NOT NULL" : "\(value) NOT IN (\(list.joined(separator: ", ")))"
    }

    func words(ofFailing rows: Double) -> String { "\(CheckText.counted(rows, "row")) with other values" }

    func expectation(_ check: Check, _ limits: String) -> String {
        "\(column) is \(values.formattedAsChoice.shortened(to: 80))" + check.filterWords
    }
}
