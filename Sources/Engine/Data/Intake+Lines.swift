/// Where rows stand in a CSV file: which of its lines are rows, and in which line a row begins.
///
/// DuckDB passes blank lines over and does not say so, but counts them in the numbers of lines that are no rows. So the
/// lines are looked at by themselves once anything is put aside; and what stands in quotation marks, where a line may be
/// blank or go on, only when the file has more lines than rows. Then each line's effect on being inside of quotation marks
/// is one of four: none, in, out, or the other way round; so that windows over the lines tell what is inside.
extension Intake {
    /// Whether lines of the input can be told from rows; an item of a fan-out does not see all of them.
    func knowsLines(_ partition: [String]) -> Bool {
        source.canHoldBrokenLines && source.table == nil && !source.files.isEmpty && partition.isEmpty
    }

    private var headerLines: Int { source.csv.hasHeader ? 1 : 0 }

    /// Adds the statements that find the lines which begin no row, as the table `skips`, and mend the numbers of lines
    /// that are no rows with it.
    ///
    /// The table has one line for each number of rows before lines that begin none: how many such lines there are so far,
    /// and how many of them are blank. `layout` tells which files add up.
    func addLines(to script: inout SQLScript, isMany: Bool) {
        script.add(
            "note whether anything is put aside", weight: 0.1,
            "SET VARIABLE aside = (SELECT count(*) FROM broken) + (SELECT count(*) FROM intake WHERE bad IS NOT NULL)")
        for file in source.files.indices {
            addLayout(of: file, to: &script, isMany: isMany)
        }
        let files = source.files.indices
        let layouts = files.map { "SELECT \($0) AS file, total, expected FROM layout_\($0)" }
        let skips = files.map { "SELECT \($0) AS file, n, inside FROM skips_\($0)" }
        script.add(
            "number the lines that begin no row",
            "CREATE TEMP TABLE skipped AS\nSELECT *, row_number() OVER lines AS nth, CAST(sum(CAST(inside AS INTEGER)) OVER lines AS BIGINT) AS goes_on\n"
                + "FROM (\(skips.joined(separator: "\nUNION ALL ")))\nWINDOW lines AS (PARTITION BY file ORDER BY n)")
        // Should the lines not add up to the rows, nothing is said of them rather than something wrong.
        script.add(
            "see whether lines and rows add up",
            "CREATE TEMP TABLE layout AS\nSELECT file, total = expected + (SELECT count(*) FROM skipped WHERE skipped.file = layouts.file) AS fits\n"
                + "FROM (\(layouts.joined(separator: "\nUNION ALL "))) AS layouts")
        script.add(
            "gather them by the rows before them",
            "CREATE TEMP TABLE skips AS\nSELECT file, n - nth AS rows_before, max(nth) AS lines FROM skipped\n"
                + "WHERE file IN (SELECT file FROM layout WHERE fits) GROUP BY ALL")
        script.add(
            "gather the blank ones by the lines and rows before them",
            "CREATE TEMP TABLE blanks AS\nSELECT file, n - goes_on AS place, row_number() OVER (PARTITION BY file ORDER BY n) AS lines\n"
                + "FROM skipped WHERE NOT inside AND file IN (SELECT file FROM layout WHERE fits)")
        script.add(
            "take blank lines off the numbers of lines that are no rows",
            "CREATE OR REPLACE TEMP TABLE broken AS\nSELECT broken.* REPLACE (broken.\"row\" - coalesce(blanks.lines, 0) AS \"row\")\n"
                + "FROM broken ASOF LEFT JOIN blanks ON broken.file = blanks.file AND broken.\"row\" + \(headerLines) > blanks.place"
        )
    }

    private func addLayout(of file: Int, to script: inout SQLScript, isMany: Bool) {
        func lines(_ name: String) -> String {
            "(SELECT row_number() OVER () AS n, line\n      FROM \(source.lineReader(sql, file: file, rejects: name)))"
        }
        let ofFile = isMany ? " WHERE file = \(file)" : ""
        script.add(
            "count the lines of file \(file + 1), if anything is put aside", weight: 3,
            "CREATE TEMP TABLE layout_\(file) AS\nSELECT count(*) AS total, list(n) FILTER (WHERE line IS NULL) AS blank,\n"
                + "       \(headerLines) + (SELECT count(*) FROM intake\(ofFile)) + (SELECT count(*) FROM broken\(ofFile)) AS expected\n"
                + "FROM \(lines("layout_\(file)_rejects"))\nWHERE getvariable('aside') > 0")
        // A line that is not UTF-8 is among those that are no rows and not among these: it moves the numbers of those after it.
        script.add(
            "where nothing was read, there are none", weight: 0.1,
            "CREATE TEMP TABLE IF NOT EXISTS layout_\(file)_rejects (line UBIGINT)")
        script.add(
            "note which lines are not text", weight: 0.1,
            "SET VARIABLE odd_\(file) = (SELECT coalesce(list(line - place), []) FROM (SELECT CAST(line AS BIGINT) AS line, "
                + "row_number() OVER (ORDER BY line) AS place FROM (SELECT DISTINCT line FROM layout_\(file)_rejects)))"
        )
        script.add(
            "count them too", weight: 0.1,
            "UPDATE layout_\(file) SET total = total + len(getvariable('odd_\(file)')),\n"
                + "  blank = list_transform(blank, lambda n: \(moved("n", file)))")
        script.add(
            "note whether some begin no row", weight: 0.1,
            "SET VARIABLE uneven = (SELECT total > expected FROM layout_\(file))")
        script.add(
            "find lines that open or close a value, if some begin no row",
            "CREATE TEMP TABLE marks_\(file) AS\nSELECT * FROM (SELECT \(moved("n", file)) AS n, \(opens("line")) AS opens,\n"
                + "         \(opens("\(sql.text(source.csv.quote)) || line")) AS stays\n"
                + "      FROM \(lines("marks_\(file)_rejects"))\n"
                + "      WHERE getvariable('uneven') AND \(source.csv.quote.isEmpty ? "FALSE" : "contains(line, \(sql.text(source.csv.quote)))"))\n"
                + "WHERE opens OR NOT stays")
        // A line that ends the same way from inside and from outside begins a new count.
        script.add(
            "find the lines that go on with a value, and those that are blank",
            """
            CREATE TEMP TABLE skips_\(file) AS
            WITH counted AS (
                SELECT n, opens, stays, count(*) FILTER (WHERE opens = stays) OVER (ORDER BY n) AS part FROM marks_\(file)),
            states AS (
                SELECT n, lead(n, 1, (SELECT total FROM layout_\(file))) OVER (ORDER BY n) AS next,
                       (coalesce(max(CAST(opens AS INTEGER)) FILTER (WHERE opens = stays) OVER (PARTITION BY part), 0)
                        + count(*) FILTER (WHERE opens <> stays) OVER (PARTITION BY part ORDER BY n)) % 2 = 1 AS inside
                FROM counted),
            goes_on AS (SELECT unnest(range(n + 1, next + 1)) AS n FROM states WHERE inside)
            SELECT n, TRUE AS inside FROM goes_on
            UNION ALL
            SELECT n, FALSE FROM (SELECT unnest(blank) AS n FROM layout_\(file) WHERE \(columns.count > 1))
            WHERE n NOT IN (SELECT n FROM goes_on)
            """)
    }

    /// The number of a line, with those before it that are not text.
    private func moved(_ number: String, _ file: Int) -> String {
        "\(number) + len(list_filter(getvariable('odd_\(file)'), lambda x: x < \(number)))"
    }

    /// SQL that tells whether a line which begins outside of quotation marks ends inside of them.
    private func opens(_ line: String) -> String {
        func code(_ character: Character) -> String {
            character.unicodeScalars.map { "\\x{\(String($0.value, radix: 16))}" }.joined()
        }
        let csv = source.csv
        guard let quote = csv.quote.first else { return "FALSE" }
        let delimiter = csv.delimiter ?? ","
        let (mark, between) = (code(quote), delimiter.map(code).joined())
        let first = delimiter.first.map(code) ?? ""
        let body: String
        if let escape = csv.escape.first, escape != quote {
            body = "(?:[^\(mark)\(code(escape))]|\(code(escape)).)*"
        } else {
            body = "(?:[^\(mark)]|\(mark)\(mark))*"
        }
        let plain = "(?:[^\(mark)\(first)][^\(first)]*)?"
        let quoted = "\(mark)\(body)\(mark)\(plain)"
        return "regexp_matches(\(line), \(sql.text("^(?:(?:\(plain)|\(quoted))\(between))*\(mark)\(body)$")))"
    }

    /// SQL for the rows of a table with the line that each begins in, in a column `line`, null where it is not known.
    ///
    /// `table`: it has columns `file` and `row`.
    func withLines(_ table: String, isKnown: Bool) -> String {
        guard isKnown else { return "(SELECT *, CAST(NULL AS BIGINT) AS line FROM \(table))" }
        return
            "(SELECT \(table).*, CASE WHEN layout.fits THEN \(table).\"row\" + \(headerLines) + coalesce(skips.lines, 0) END AS line\n"
            + "FROM \(table) JOIN layout ON layout.file = \(table).file\n"
            + "ASOF LEFT JOIN skips ON \(table).file = skips.file AND \(table).\"row\" + \(headerLines) > skips.rows_before)"
    }
}
