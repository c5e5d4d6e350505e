import CaudalModel

/// Rows with one key, of which one is kept.
extension RelationBuilder {
    /// The query for keys that occur more than once, with the number of the row to keep for each.
    package func duplicatedKeys(of step: Step) -> String? {
        guard case .deduplicate(let keys, let keep, let order) = step else { return nil }
        let row = sql.name(DataSource.rowColumn)
        let names = keys.map { sql.name($0.value) }
        let kept = sql.rowToKeep(keep, row, by: order.map { sql.name($0.value) })
        let present = names.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        return query(
            selecting: "\(names.joined(separator: ", ")), \(kept) AS \(sql.ownName("kept"))",
            where: "\(present)\nGROUP BY \(names.joined(separator: ", "))\nHAVING count(*) > 1")
    }

    /// The query for the numbers of the rows that a step drops, from the table of its duplicated keys.
    package func rowsToDrop(_ step: Step, duplicates table: String) -> String? {
        guard case .deduplicate(let keys, _, _) = step else { return nil }
        let row = sql.name(DataSource.rowColumn)
        let names = keys.map { sql.name($0.value) }
        let rows = query(selecting: (names + [row]).joined(separator: ", "))
        return "SELECT rows.\(row) AS \"row\"\nFROM (\n\(rows)\n) AS rows JOIN \(sql.name(table)) AS again\n  ON "
            + sameKey(keys.map(\.value))
    }

    /// SQL that is true for a row that is not the one to keep of its key.
    private func sameKey(_ keys: [String]) -> String {
        let row = sql.name(DataSource.rowColumn)
        let same = keys.map { "rows.\(sql.name($0)) = again.\(sql.name($0))" }
        return (same + ["rows.\(row) <> again.\(sql.ownName("kept"))"]).joined(separator: " AND ")
    }

    mutating func dropDuplicates(_ keys: [String], _ place: DuplicatesPlace, title: String) {
        let table: String
        switch place {
        case .table(let name): table = sql.name(name)
        case .file(let path): table = sql.rows(ofParquet: path)
        case .rows(let set, let last):
            let row = sql.name(DataSource.rowColumn)
            let isKept = sql.isOutside(sql.noted(set), last: sql.noted(last), row: row)
            return add(title, columns.map { sql.name($0.name) }, "WHERE \(isKept)")
        }
        let list = columns.map { "rows.\(sql.name($0.name))" } + hiddenColumns(of: "rows.")
        let name = sql.ownName("step_\(parts.count + 1)")
        let query =
            "SELECT \(list.joined(separator: ",\n       "))\nFROM \(from) AS rows\nANTI JOIN \(table) AS again\n  ON "
            + sameKey(keys)
        parts.append((name, title, query))
        from = name
        hasLostOrder = true
    }
}
