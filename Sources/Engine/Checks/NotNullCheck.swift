import CaudalModel

/// `not_null`: no value is missing.
struct NotNullCheck: SingleRowCheck {
    static let typeName = "not_null"
    let column: String

    var columns: [String] { [column] }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [NotNullCheck] {
        subject.columns().map { NotNullCheck(column: $0) }
    }

    func failing(_ data: CheckedData) -> String { "\(data.sql.name(column)) IS NULL" }

    func words(ofFailing rows: Double) -> String { "\(CheckText.counted(rows, "row")) without a value" }
    func expectation(_ check: Check, _ limits: String) -> String { "\(column) has a value" + check.filterWords }
}
