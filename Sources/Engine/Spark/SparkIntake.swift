import CaudalModel

/// Separates the rows of plain CSV that break a schema, with the numbers of their lines.
///
/// Spark's own reader knows no lines, and takes what is no UTF-8 for other text: the file is read as lines here, whose numbers
/// follow from the blocks that it is read in. What has been read and judged is kept in one file, from which the valid rows, the
/// invalid ones and the counts come.
struct SparkIntake: IntakeStatements {
    let intake: Intake
    let sql: SparkDialect

    init(_ intake: Intake, _ sql: SparkDialect) {
        self.intake = intake
        self.sql = sql
    }

    private var source: DataSource { intake.source }
    private var header: Int { source.csv.hasHeader ? 1 : 0 }
    private var delimiter: String { source.csv.delimiter ?? "," }

    /// A column of our own, which no column of a file is called.
    private func own(_ name: String) -> String { sql.ownName(name) }

    // MARK: - Lines

    /// Every line of every file, with the block that it stands in and its place among all lines of the scan.
    private var lines: String {
        source.files.enumerated().map { index, file in
            "SELECT \(index) AS file, value, _metadata.file_block_start AS block, monotonically_increasing_id() AS place\n"
                + "FROM text.\(sql.name(SparkDialect.exactly(file)))"
        }.joined(separator: "\nUNION ALL\n")
    }

    private static let blocks =
        "SELECT file, block, count(*) AS lines, min(place) AS first FROM \(linesName) GROUP BY file, block"

    /// Each line with its number: those of the blocks before its own are counted.
    private var numbered: String {
        """
        SELECT /*+ BROADCAST(starts) */ scanned.file, scanned.value AS text, starts.before + scanned.place - starts.first + 1 AS line
        FROM \(Self.linesName) AS scanned JOIN (
            SELECT file, block, first, coalesce(sum(lines) OVER (
                PARTITION BY file ORDER BY block ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM \(Self.blocksName)) AS starts
          ON scanned.file = starts.file AND scanned.block = starts.block
        """
    }

    private static let (linesName, blocksName, table) = ("`#caudal.lines`", "`#caudal.blocks`", "`#caudal.intake`")
    private static let (brokenName, violationsName) = ("`#caudal.broken`", "`#caudal.violations`")

    // MARK: - Rows

    /// A separator as a part of a regular expression.
    private var separator: String {
        "\\x{" + String(delimiter.unicodeScalars.first?.value ?? 44, radix: 16) + "}"
    }

    private var field: String {
        "(?:[^\\x{22}\(separator)][^\(separator)]*|\\x{22}(?:[^\\x{22}]|\\x{22}\\x{22})*\\x{22}|)"
    }

    /// How many fields a line has.
    private var fieldCount: String {
        "length(regexp_replace(regexp_replace(text, '\\\\x22(?:[^\\\\x22]|\\\\x22\\\\x22)*\\\\x22', ''), \(sql.text("[^\(separator)]")), '')) + 1"
    }

    /// What is wrong with a line, in DuckDB's words for the same faults; null for a row.
    private var problem: String {
        let count = intake.columns.count
        // Separators behind the last value are passed over.
        return """
            CASE WHEN NOT is_valid_utf8(text) THEN '\(TornRow.Problem.invalidEncoding.rawValue)'
                 WHEN contains(text, '"') AND NOT \(sql.fits("text", "^\(field)(?:\(separator)\(field))*\\z")) THEN \(ambiguousQuotation)
                 WHEN \(own("fields")) < \(count) THEN '\(TornRow.Problem.missingColumns.rawValue)'
                 WHEN \(own("fields")) > \(count) AND NOT \(sql.fits("text", "^\(field)(?:\(separator)\(field)){\(count - 1)}(?:\(separator)(?:\\x{22}\\x{22})?)*\\z"))
                 THEN '\(TornRow.Problem.tooManyColumns.rawValue)' END
            """
    }

    /// Such a line may be one row, the beginning of one or the end: what DuckDB makes of it depends on the lines around it.
    private var ambiguousQuotation: String {
        sql.refusal([
            .words("line "), .value("line"),
            .words(
                " has a quotation mark inside of a value, or opens one that it does not close: on Spark each line is a row; "
                    + "run the stage on DuckDB"),
        ])
    }

    private var options: String {
        let list = [
            "mode": "PERMISSIVE", "columnNameOfCorruptRecord": "#bad", "sep": delimiter, "quote": "\"", "escape": "\"",
            "nullValue": "", "emptyValue": "", "maxCharsPerColumn": "-1", "maxColumns": "100000",
        ]
        return "map("
            + list.sorted { $0.key < $1.key }.map { "\(sql.text($0.key)), \(sql.text($0.value))" }.joined(
                separator: ", ")
            + ")"
    }

    /// The lines as rows of texts under the names of the columns.
    private var parsed: String {
        let shape = intake.columns.indices.map { "c\($0) STRING" }.joined(separator: ", ") + ", `#bad` STRING"
        let fields = intake.columns.enumerated().map { "\(own("row")).c\($0.offset) AS \(sql.name($0.element.name))" }
        let named = (["file", "line", "text"].map { "\($0) AS \(own($0))" } + ["\(problem) AS \(own("problem"))"])
        return """
            SELECT \((named + fields).joined(separator: ", "))
            FROM (SELECT file, line, text, \(fieldCount) AS \(own("fields")), from_csv(text, '\(shape)', \(options)) AS \(own("row"))
                  FROM (\(numbered))
                  WHERE line > \(header) AND text <> '')
            """
    }

    /// A malformed line as it is put aside: as DuckDB shows it, with question marks for bytes that are no text.
    private var shownText: String {
        let text = own("text")
        return
            "CASE WHEN is_valid_utf8(\(text)) THEN \(text) ELSE replace(make_valid_utf8(\(text)), '\\ufffd', '?') END"
    }

    private var isValid: String {
        let conditions = intake.ruledColumns.compactMap { column, rules, isRequired in
            intake.predicates.isValid(column.name, rules, form: .text, isRequired: isRequired)
        }
        return conditions.isEmpty ? "TRUE" : conditions.joined(separator: "\n   AND ")
    }

    /// What is kept: of a valid row its typed values, of an invalid one its texts, of another line itself.
    private var judged: String {
        let isFine = own("fine")
        let values = intake.typedColumns.enumerated().map {
            "CASE WHEN \(isFine) THEN \($0.element.sql) END AS v\($0.offset)"
        }
        let texts = intake.columns.map { sql.name($0.name) }.joined(separator: ", ")
        return """
            SELECT \(own("file")) AS file, CAST(\(own("line")) - \(header) AS BIGINT) AS `row`, \(own("problem")) AS problem, \(isFine) AS fine,
                   CASE WHEN \(own("problem")) IS NOT NULL THEN \(shownText) END AS line,
                   CASE WHEN \(own("problem")) IS NULL AND NOT \(isFine) THEN array(\(texts)) END AS bad,
                   \(values.joined(separator: ",\n       "))
            FROM (SELECT *, \(own("problem")) IS NULL AND coalesce(\(isValid), FALSE) AS \(isFine)
                  FROM (\(parsed)))
            """
    }

    // MARK: - Statements

    func addSearch(to script: inout SQLScript, partition: [String], corrections: [String]) {
        script.add("name the lines", weight: 0.1, .view(lines, as: OwnName.of("lines")))
        script.add("count the lines of each block", weight: 4, .table(Self.blocks, as: Self.blocksName))
        script.add("read and judge the rows", weight: 15, .table(judged, as: Self.table))
        script.add(
            "name the malformed lines", weight: 0.1,
            .view(
                "SELECT file, `row`, problem, line FROM \(Self.table) WHERE problem IS NOT NULL",
                as: OwnName.of("broken")))
        script.add("name every broken rule of every row", weight: 0.1, .view(violations, as: OwnName.of("violations")))
        func count(_ condition: String) -> String { "(SELECT count(*) FROM \(Self.table) WHERE \(condition))" }
        script.add("count the rows", .measure(.read, count("TRUE")))
        script.add("count the invalid rows", .measure(.invalid, count("bad IS NOT NULL")))
        script.add("count the malformed lines", .measure(.rejected, count("problem IS NOT NULL")))
        script.add(
            "count the lines that are not in the file's encoding",
            .measure(.odd, count("problem = '\(TornRow.Problem.invalidEncoding.rawValue)'")))
        script.add(
            "list the rules that most rows break",
            .lines(
                .violation,
                "`column`, rule, count(*) AS `rows`, min(`row`) AS `row`, min_by(value, `row`) AS value\n"
                    + "FROM \(Self.violationsName)\nGROUP BY `column`, rule\n"
                    + "ORDER BY `rows` DESC, `column` NULLS FIRST, rule\nLIMIT \(CheckResult.sampleLimit)"))
    }

    /// Each broken rule of each invalid row, and each line that is no row.
    private var violations: String {
        let broken =
            "SELECT file, `row`, CAST(NULL AS STRING) AS `column`, concat('malformed line: ', problem) AS rule, "
            + "CAST(NULL AS STRING) AS value, line AS raw\nFROM \(Self.brokenName)"
        var cases: [String] = []
        for (column, rules, isRequired) in intake.ruledColumns {
            for rule in intake.predicates.rules(column.name, rules, form: .text, isRequired: isRequired) {
                cases.append(
                    "CASE WHEN \(rule.isBroken) THEN named_struct('column', \(sql.text(rule.column)), 'rule', \(sql.text(rule.label)), "
                        + "'value', \(sql.name(rule.column))) END")
            }
        }
        guard !cases.isEmpty else { return broken }
        let texts = intake.columns.enumerated().map { "bad[\($0.offset)] AS \(sql.name($0.element.name))" }
        let fields = intake.columns.map { "\(sql.text($0.name)), \(sql.name($0.name))" }.joined(separator: ", ")
        return """
            SELECT \(own("file")) AS file, \(own("row")) AS `row`, v.`column` AS `column`, v.rule AS rule, v.value AS value, raw
            FROM (SELECT \(own("file")), \(own("row")), to_json(named_struct(\(fields)), map('ignoreNullFields', 'false')) AS raw,
                         explode(filter(array(\(cases.joined(separator: ",\n            "))), one -> one IS NOT NULL)) AS v
                  FROM (SELECT file AS \(own("file")), `row` AS \(own("row")), \(texts.joined(separator: ", "))
                        FROM \(Self.table) WHERE bad IS NOT NULL))
            UNION ALL
            \(broken)
            """
    }

    func quarantineQuery(partition: [String]) -> String {
        let names = intake.fileNames.enumerated().map { "WHEN \($0.offset) THEN \(sql.text($0.element))" }
        return """
            SELECT CASE file \(names.joined(separator: " ")) END AS file, `row`, `row` + \(header) AS line, `column`, rule, value, raw
            FROM \(Self.violationsName)
            ORDER BY 1, 2, `column` NULLS FIRST, rule
            """
    }

    func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool) -> String {
        let list = intake.typedColumns.enumerated().map { index, column in
            sql.written(Column(column.name, column.type), as: "v\(index)", in: format)
        }
        return "SELECT \(list.joined(separator: ",\n       "))\nFROM \(Self.table)\nWHERE fine\nORDER BY file, `row`"
    }
}
