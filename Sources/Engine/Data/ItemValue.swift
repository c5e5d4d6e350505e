import CaudalModel

/// The texts of a fan-out's items, as values of the columns whose rows they divide.
extension SQLDialect {
    /// SQL for the value that an item's text means in a column; null for a text that is no value of its type.
    ///
    /// - Parameters:
    ///   - text: SQL for the text.
    ///   - type: The type of the column.
    func itemValue(_ text: String, as type: ColumnType) -> String {
        switch type {
        case .integer, .number, .decimal:
            comparable((value: text, type: .text), (value: cast("NULL", to: type), type: type))?.left ?? text
        // A cast would drop the time of day.
        case .date: "CASE WHEN NOT contains(\(text), ':') THEN \(tryCast(text, to: .date)) END"
        case .text: text
        case .timestamp: moment(text)
        // A point in time is no local time.
        case .localTimestamp: "CASE WHEN NOT \(namesOffset(text)) THEN \(tryCast(text, to: type)) END"
        case .boolean, .other: tryCast(text, to: type)
        }
    }

    /// SQL that is true for the rows of an item; a missing value equals a missing value.
    func isOfItem(_ column: Column) -> String {
        isOfItem(column, name(column.name))
    }

    /// The same for rows whose values are texts that mean values of the column.
    func isOfItem(_ column: Column, writtenAs text: String) -> String {
        if case .other = column.type {
            return "\(text) IS NOT DISTINCT FROM \(variable(.item(column.name), as: .text))"
        }
        return isOfItem(column, itemValue(text, as: column.type))
    }

    private func isOfItem(_ column: Column, _ own: String) -> String {
        let text = variable(.item(column.name), as: .text)
        let value = itemValue(text, as: column.type)
        let isEqual = "\(own) IS NOT DISTINCT FROM \(value)"
        if column.type == .text { return isEqual }
        // What is no value of the column has no rows, and not those without a value.
        return "\(isEqual) AND (\(text) IS NULL OR \(value) IS NOT NULL)"
    }
}
