import CaudalModel

/// The rows of an output with those that are new to it behind them.
///
/// What is new is told by how many rows a value of the watermark has: those of a value that has more rows now than the
/// output has are compared as a whole, so that the same rows again add nothing.
struct AppendedRows {
    let columns: [Column]
    /// The relations of the rows of the stage, and of those that the output has.
    let new: String
    let old: String
    let start: WatermarkStart
    let sql: any SQLDialect

    private var column: String { sql.name(start.column.name) }
    private var greatest: String { start.greatestValue(sql) }
    private var names: String { columns.map { sql.name($0.name) }.joined(separator: ", ") }

    /// The values that have more rows now than the output has, with how many more.
    private func more(where condition: String) -> String {
        func counted(_ rows: String) -> String {
            "(SELECT \(column) AS mark, count(*) AS rows FROM \(rows) WHERE \(column) \(condition) GROUP BY 1)"
        }
        return
            "(SELECT n.mark, n.rows - coalesce(o.rows, 0) AS more\n FROM \(counted(new)) AS n LEFT JOIN \(counted(old)) AS o "
            + "ON n.mark = o.mark\n WHERE n.rows > coalesce(o.rows, 0))"
    }

    /// The values whose rows are compared: late ones are only where they are wanted.
    private var compared: String { start.late == .add ? "<= \(greatest)" : "= \(greatest)" }

    /// Rows that the output does not have, of values that it has.
    private func others(where condition: String) -> String {
        "(SELECT \(names) FROM \(new) WHERE \(condition)\n EXCEPT ALL SELECT \(names) FROM \(old) WHERE \(condition))"
    }

    /// Those of values that have more rows now.
    private var added: String { others(where: "\(column) IN (SELECT mark FROM \(more(where: compared)))") }

    /// How many rows came later than those that the output has.
    var countOfLate: String { "(SELECT coalesce(sum(more), 0) FROM \(more(where: "< \(greatest)")))" }

    /// How many rows are there instead of others: more of them are new than have come.
    ///
    /// Of the greatest value all rows are looked at, since they are read each time.
    var countOfAltered: String {
        let looked = "\(column) = \(greatest) OR \(column) IN (SELECT mark FROM \(more(where: compared)))"
        return
            "((SELECT count(*) FROM \(others(where: looked)))\n - (SELECT coalesce(sum(more), 0) FROM \(more(where: compared))))"
    }

    /// The rows of both.
    var query: String {
        "SELECT \(names) FROM \(old)\nUNION ALL\n\(added)\nUNION ALL\nSELECT \(names) FROM \(new) WHERE \(column) > \(greatest)"
    }
}
