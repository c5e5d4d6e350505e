import CaudalModel
@testable import Engine
import Testing

/// Values that a pipeline file compares with columns.
@Suite("Written values")
struct WrittenValueTests {
    private func canonical(_ text: String, _ type: ColumnType) -> String? {
        WrittenValue(text, as: type)?.canonical
    }

    @Test(
        "One number has one form, however it is written",
        arguments: [
            (["2", "2.0", "2.00", "02", "+2", "0.2e1", "200e-2"], ColumnType.integer),
            (["2.5", "2.50", "02.5", "25e-1", "0.25E1"], .decimal(precision: 5, scale: 2)),
            (["2.5", "2.50", "25e-1"], .number), (["0", "-0", "0.0", "-0.00"], .integer), (["0", "-0.0"], .number),
            (["1000", "1e3", "1000.0"], .integer),
        ])
    func forms(_ texts: [String], _ type: ColumnType) {
        #expect(Set(texts.map { canonical($0, type) }).count == 1 && canonical(texts[0], type) != nil)
    }

    @Test(
        "What a type does not have is no value of it",
        arguments: [
            ("one", ColumnType.integer), ("2.5", .integer), ("9223372036854775808", .integer), ("1e30", .integer),
            ("2.555", .decimal(precision: 5, scale: 2)), ("1000", .decimal(precision: 5, scale: 2)), ("0x10", .number),
            ("", .integer), (".", .number), ("yes", .boolean), ("2026-02-30", .date), ("2026-01-01T10", .date),
            ("noon", .timestamp),
        ])
    func misfits(_ text: String, _ type: ColumnType) {
        #expect(canonical(text, type) == nil)
    }
}
