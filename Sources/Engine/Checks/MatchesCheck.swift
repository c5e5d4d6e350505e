import CaudalModel

/// `matches`: every value matches a regular expression.
struct MatchesCheck: SingleRowCheck {
    static let typeName = "matches"
    let column: String
    let pattern: String

    var columns: [String] { [column] }

    static func read(_ subject: CheckSubject, _ reader: inout MappingReader) -> [MatchesCheck] {
        let pattern = reader.text("pattern", isRequired: true)
        if let pattern { reader.problems.check(pattern: pattern) }
        return subject.column().map { [MatchesCheck(column: $0, pattern: pattern?.value ?? "")] } ?? []
    }

    func obstacle(_ data: CheckedData) -> String? {
        data.sql.obstacle(toCast: data.type(of: column), to: .text) ?? data.sql.obstacle(toPattern: pattern)
    }

    func failing(_ data: CheckedData) -> String {
        "NOT \(data.sql.matches(data.sql.cast(data.sql.name(column), to: .text), pattern: pattern))"
    }

    func words(ofFailing rows: Double) -> String {
        "\(CheckText.counted(rows, "row")) \(rows == 1 ? "does" : "do") not match"
    }

    func expectation(_ check: Check, _ limits: String) -> String { "\(column) matches \(pattern)" + check.filterWords }
}
