import CaudalModel

/// An input that is divided into files for the items of a fan-out.
extension DataSource {
    /// The column by which the rows are divided, which is also in the names of the folders.
    package static let partColumn = "caudal_part"

    /// Whether its rows are numbered without gaps, and surely less than a thousand million.
    package var numbersFewRows: Bool {
        if let part { return part.numbersFewRows }
        // Rows of several Parquet files have the number of their file in the upper bits of theirs.
        guard format == .parquet, table == nil else { return true }
        return files.count == 1 && (FileText.size(files[0]) ?? 0) < 4 << 30
    }

    /// The script that writes the parts, and tells in which one each item's rows are: rows of the kind `share`.
    ///
    /// Rows whose values are the same are in one part.
    ///
    /// - Parameter items: The values of each item, in the order of the columns.
    package func division(
        by columns: [String], items: [[String?]], into count: Int, folder: String, _ sql: any SQLDialect
    ) -> SQLScript {
        var script = SQLScript(title: "the parts of \(dataset)")
        let types = columns.map { name in self.columns.first { $0.name == name }?.type ?? .text }
        let values = zip(columns, types).map { sql.cast(sql.name($0), to: $1) }
        let list = (columnNames + [Self.rowColumn]).map(sql.name).joined(separator: ", ")
        script.add(
            "divide the rows among the items", weight: 10,
            sql.division(
                of: "SELECT \(list), \(sql.bucket(of: values, among: count)) AS \(sql.name(Self.partColumn))\n"
                    + "FROM \(fromClause(sql, numbersRows: true))",
                by: Self.partColumn, into: folder))
        let rows = items.enumerated().map { index, values in
            let texts = values.map { $0.map(sql.text) ?? sql.cast("NULL", to: .text) }
            return "(" + (["\(index)"] + texts).joined(separator: ", ") + ")"
        }
        let names = columns.indices.map { "v\($0)" }
        let typed = zip(names, types).map { sql.itemValue($0, as: $1) }
        script.add(
            "tell the part of each item",
            .lines(
                .share,
                "item, \(sql.bucket(of: typed, among: count)) AS part\nFROM (VALUES \(rows.joined(separator: ", "))) "
                    + "AS items(\((["item"] + names).joined(separator: ", ")))"))
        return script
    }

    /// The source with a part in place of its files.
    func reading(part files: [String], numbersFewRows: Bool) -> DataSource {
        var source = DataSource(dataset: dataset, files: files, format: .parquet, columns: columns, isOwn: isOwn)
        source.takePlace(of: self, as: PartOfRows(numbersFewRows: numbersFewRows))
        return source
    }
}

/// What is known of a file that holds a part of the rows of a source.
///
/// Its rows have the numbers of the whole, in a column of their own, and may stand in another order.
package struct PartOfRows: Hashable, Sendable {
    /// See ``DataSource/numbersFewRows``.
    var numbersFewRows: Bool
}
