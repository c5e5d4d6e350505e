import CaudalModel

/// Reads `excel:` of a dataset.
enum SheetDialectReader {
    static func read(_ parent: inout MappingReader, _ place: Dataset.Place) -> SheetDialect {
        var dialect = SheetDialect()
        guard var reader = parent.mapping("excel", subject: "'excel'", kind: "excel") else { return dialect }
        let isOfSheets =
            switch place {
            case .path(_, .xlsx): true
            case .remote(let files): files.format == .xlsx
            default: false
            }
        if !isOfSheets {
            parent.problems.report(
                "'excel' can only be given for an Excel file", remedy: "remove it, or add 'format: xlsx'",
                at: reader.location)
        }
        let sheet = reader.text("sheet")
        (dialect.sheet, dialect.sheetLocation) = (sheet?.value, sheet?.location)
        if let range = reader.text("range") {
            dialect.range = CellRange(range.value)
            if dialect.range == nil {
                parent.problems.report(
                    "'\(range.value)' is no range of cells",
                    remedy:
                        "write its first cell, and its last one or last column if it ends before the rows do: B3, B3:F or B3:F200",
                    at: range.location)
            }
        }
        dialect.hasHeader = reader.boolean("header") ?? true
        dialect.columns = reader.texts("columns").map(\.value)
        dialect.nullTexts = reader.texts("null").map(\.value)
        if !dialect.hasHeader, dialect.columns.isEmpty {
            parent.problems.report(
                "a sheet without a header needs 'columns'", remedy: "name them in order: columns: [id, day]",
                at: reader.location(of: "header"))
        }
        if let fault = CSVHeader.fault(in: dialect.columns) {
            parent.problems.report("'columns' cannot be used: \(fault)", at: reader.location(of: "columns"))
        }
        reader.finish()
        return dialect
    }
}
