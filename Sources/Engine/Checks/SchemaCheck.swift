import CaudalModel

/// `schema`: columns and their types, and no others.
struct SchemaCheck: CheckKind {
    static let typeName = "schema"
    let expected: [Expectation]

    /// A required column.
    struct Expectation {
        let name: String
        /// The required type; nil accepts any.
        let type: ColumnType?
    }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [SchemaCheck] {
        guard case .mapping(let entries) = subject.node.content else {
            reader.problems.report(
                "'schema' needs a mapping from columns to types, not \(subject.node.kindName)",
                at: subject.node.location)
            return [SchemaCheck(expected: [])]
        }
        let columns = entries.compactMap { entry -> Expectation? in
            // A column's name may look like a reference.
            reader.problems.settle(entry.key.location)
            guard case .scalar(let text, _) = entry.value.content else { return nil }
            if text == "any" { return Expectation(name: entry.key.value, type: nil) }
            if let type = ColumnType(named: text) { return Expectation(name: entry.key.value, type: type) }
            reader.problems.report(
                "'\(text)' is not a type",
                remedy: "the types are \(ColumnType.names.joined(separator: ", ")) and any", at: entry.value.location)
            return nil
        }
        return [SchemaCheck(expected: columns)]
    }

    static func limits(_ reader: inout MappingReader) -> Check.Bounds { Check.Bounds() }

    static func insteadOfParts(by column: String) -> String? { "remove it" }

    static var looksAtRows: Bool { false }

    /// Nothing is measured: the columns of the data are known.
    func measure(_ data: CheckedData) -> String { "0" }

    func isMeasured(_ measure: Double?, total: Double?) -> Bool { true }

    func judge(_ found: CheckMeasurement) -> CheckResult {
        let columns = found.columns
        var drift: [String] = []
        for column in expected {
            guard let real = columns.first(where: { $0.name == column.name }) else {
                drift.append("'\(column.name)' is missing")
                continue
            }
            if let type = column.type, type != real.type, !(type == .timestamp && real.type == .localTimestamp) {
                drift.append("'\(column.name)' is \(real.type), not \(type)")
            }
        }
        for column in columns where !expected.contains(where: { $0.name == column.name }) {
            drift.append("'\(column.name)' (\(column.type)) is new")
        }
        return found.result(
            drift.isEmpty ? .passed : found.breach,
            drift.isEmpty ? "\(columns.count.counted("column")) as expected" : drift.joined(separator: ", "),
            measured: Double(drift.count))
    }

    func outcome(ofRecorded value: Double?, rows: Double, past: [Double], _ check: Check) -> CheckResult.Outcome {
        (value ?? 0) == 0 ? .passed : check.breach
    }

    func expectation(_ check: Check, _ limits: String) -> String { "the columns are as listed" }
}
