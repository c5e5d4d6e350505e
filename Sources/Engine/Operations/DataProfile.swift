package import CaudalModel

/// The profile of a dataset: its rows, and statistics of each column.
package struct DataProfile: Sendable, Encodable {
    /// A value and the number of rows with it.
    package struct Count: Sendable, Hashable, Encodable {
        package var value: String
        package var rows: Int64
    }

    /// A type that some texts fit, and the number of rows that do.
    package struct TypeCandidate: Sendable, Hashable, Encodable {
        package var type: String
        package var rows: Int64
    }

    /// The profile of one column.
    package struct ColumnProfile: Sendable, Encodable {
        package var name: String
        /// The column's type, and the narrower type that all of its texts fit.
        package var type: ColumnType
        package var fits: ColumnType
        /// A type that most texts fit but not all, with the number that do.
        package var mostly: TypeCandidate?
        package var nulls: Int64
        /// NaN and infinite values; the statistics cover the other values.
        package var notFinite: Int64
        /// Why statistics are missing that columns of this type usually have.
        package var missing: String?
        /// The number of distinct values.
        package var distinct: Int64
        /// The minimum and the maximum, as text.
        package var min: String?
        package var max: String?
        package var mean: Double?
        package var deviation: Double?
        /// The 5th, 25th, 50th, 75th and 95th percentiles.
        package var quantiles: [String]
        /// The most frequent values, most frequent first.
        package var top: [Count]
        /// The number of rows in intervals of equal width between minimum and maximum.
        package var histogram: [Int64]
        /// The age of the newest value in seconds, for dates and times.
        package var age: Double?

        private enum CodingKeys: String, CodingKey {
            case name, type, fits, mostly, nulls, notFinite, missing, distinct, min, max, mean, deviation, quantiles,
                top, histogram, age
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(type.description, forKey: .type)
            try values.encode(fits.description, forKey: .fits)
            try values.encodeIfPresent(mostly, forKey: .mostly)
            try values.encode(nulls, forKey: .nulls)
            if notFinite > 0 { try values.encode(notFinite, forKey: .notFinite) }
            try values.encodeIfPresent(missing, forKey: .missing)
            try values.encode(distinct, forKey: .distinct)
            try values.encodeIfPresent(min, forKey: .min)
            try values.encodeIfPresent(max, forKey: .max)
            try values.encodeIfPresent(mean, forKey: .mean)
            try values.encodeIfPresent(deviation, forKey: .deviation)
            try values.encode(quantiles, forKey: .quantiles)
            try values.encode(top, forKey: .top)
            try values.encode(histogram, forKey: .histogram)
            try values.encodeIfPresent(age, forKey: .age)
        }
    }

    package var dataset: String
    package var files: Int
    package var rows: Int64
    /// Malformed lines that were skipped.
    package var brokenLines: Int64
    /// Whether distinct counts and percentiles are estimates, because there are very many rows.
    package var isEstimated: Bool
    package var columns: [ColumnProfile]

    /// The number of intervals of a histogram.
    static let parts = 24
    /// The number of frequent values that are kept.
    static let topCount = 12
    /// From this number of rows on, exact statistics would take too much memory.
    static let exactRows: Int64 = 5_000_000
}

/// Looks at a dataset with the engine.
package struct Profiler: Sendable {
    private let source: DataSource
    private let tools: DataTools
    private let now: Moment
    private var sql: any SQLDialect { tools.sql }

    package init(_ source: DataSource, tools: DataTools, now: Moment) {
        self.source = source
        self.tools = tools
        self.now = now
    }

    /// Computes the profile: one scan for the types that texts fit, one for everything else.
    ///
    /// - Throws: ``Failure`` when the data cannot be read or DuckDB fails.
    package func profile() async throws(Failure) -> DataProfile {
        guard source.columns.count <= 2000 else {
            throw Failure("\(source.dataset) has \(source.columns.count) columns; up to 2000 can be profiled")
        }
        let first = try await tools.ask(typesScript, reading: source.files)
        let shown = source.knownFiles.map { source.addresses[$0] ?? PathText.lastComponent(of: $0) }
        if let fault = BrokenLines.fault(in: first, files: shown) { throw fault }
        guard let types = first.rows(.types).first, let rows = types.integer("rows") else {
            throw Failure("the rows of \(source.dataset) could not be counted")
        }
        let columns = source.columns.enumerated().map { index, column in
            (column: column, fits: Self.fits(column, index, types))
        }
        let isEstimated = rows > DataProfile.exactRows
        let script = figuresScript(columns, isEstimated)
        // Each statistic may fail independently; only the rows are essential.
        let second = try await tools.ask(script, reading: source.files, essential: 1)
        let profiles = columns.enumerated().map { index, column in
            var profile = profile(of: column.column, column.fits, index, second)
            profile.mostly = column.fits == .text ? Self.mostly(column.column, index, types) : nil
            return profile
        }
        return DataProfile(
            dataset: source.dataset.rawValue, files: source.files.count, rows: rows,
            brokenLines: first.count(.broken) ?? 0, isEstimated: isEstimated, columns: profiles)
    }

    /// The rows; malformed lines are skipped and counted.
    private var rowSource: String { source.fromClause(sql, keepsRejects: source.canHoldBrokenLines) }

    // MARK: - Types

    /// Patterns of values, narrowest type first; DuckDB's casts alone would accept 1.5 as an integer.
    private static let shapes: [(name: String, type: ColumnType, pattern: String)] = [
        // Numbers with a leading zero are identifiers, not amounts.
        ("i", .integer, "[+-]?(0|[1-9][0-9]{0,17})"),
        ("n", .number, "[+-]?((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{1,2})?"),
        ("d", .date, "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        ("t", .timestamp, "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*"),
        ("b", .boolean, "true|false"),
    ]

    private var typesScript: SQLScript {
        var script = SQLScript(title: "the types that texts of \(source.dataset) could have")
        var list = ["CAST(count(*) AS BIGINT) AS \"rows\""]
        for (index, column) in source.columns.enumerated() where column.type == .text {
            let name = sql.name(column.name)
            // A column that counts as text may have another type in Parquet, such as UUID.
            let text = sql.cast(name, to: .text)
            list.append("CAST(count(\(name)) AS BIGINT) AS f\(index)")
            for shape in Self.shapes {
                let test = sql.matchesWhole(text, pattern: shape.pattern)
                let cast = "\(sql.tryCast(text, to: shape.type)) IS NOT NULL"
                list.append("CAST(count(*) FILTER (WHERE \(test) AND \(cast)) AS BIGINT) AS \(shape.name)\(index)")
            }
        }
        script.add(
            "count what fits", weight: 10,
            .lines(.types, "\(list.joined(separator: ",\n       "))\nFROM \(rowSource)"))
        if source.canHoldBrokenLines {
            script.add("count the malformed lines", .measure(.broken, sql.countOfBrokenLines))
            script.add("look for faults that make a file unreadable", sql.unreadableLines(of: source))
        }
        return script
    }

    private static func fits(_ column: Column, _ index: Int, _ types: DataReadings.Row) -> ColumnType {
        guard column.type == .text, let filled = types.integer("f\(index)"), filled > 0 else { return column.type }
        return shapes.first { types.integer("\($0.name)\(index)") == filled }?.type ?? .text
    }

    /// The type that nine of ten texts fit: the others deserve a look.
    private static func mostly(
        _ column: Column, _ index: Int, _ types: DataReadings.Row
    ) -> DataProfile.TypeCandidate? {
        guard column.type == .text, let filled = types.integer("f\(index)"), filled > 0 else { return nil }
        for shape in shapes {
            let rows = types.integer("\(shape.name)\(index)") ?? 0
            if rows * 10 >= filled * 9 { return DataProfile.TypeCandidate(type: shape.type.description, rows: rows) }
        }
        return nil
    }

    // MARK: - Figures

    private func isMeasured(_ type: ColumnType) -> Bool { type.isNumeric || type.isTime }

    private func figuresScript(_ columns: [(column: Column, fits: ColumnType)], _ isEstimated: Bool) -> SQLScript {
        var script = SQLScript(title: "a profile of \(source.dataset)")
        let list = columns.enumerated().map { index, column -> String in
            let name = sql.name(column.column.name)
            let value = column.column.type == .text ? sql.cast(name, to: .text) : name
            return "\(column.fits == column.column.type ? value : sql.cast(value, to: column.fits)) AS c\(index)"
        }
        // Files of text are read once; Parquet gives single columns faster than a copy would be made.
        let rows = "SELECT \(list.joined(separator: ",\n       "))\nFROM \(rowSource)"
        script.add(
            "read the rows", weight: 10,
            source.format == .parquet ? .view(rows, as: "profiled") : .table(rows, as: "profiled"))
        for (index, column) in columns.enumerated() {
            addFigures("c\(index)", index, column.fits, isEstimated, &script)
        }
        return script
    }

    private func addFigures(
        _ name: String, _ index: Int, _ type: ColumnType, _ isEstimated: Bool, _ script: inout SQLScript
    ) {
        func text(_ value: String) -> String { sql.cast(value, to: .text) }
        let distinct = sql.countOfValues(name, isEstimated: isEstimated)
        // Neither what is not a number nor infinity is a figure.
        let finite = type == .number || type.isTime ? " FILTER (WHERE \(sql.isFinite(name)))" : ""
        let odd = finite.isEmpty ? "0" : "count(*) FILTER (WHERE NOT \(sql.isFinite(name)))"
        script.add(
            "figures of column \(index + 1)", weight: 2,
            .lines(
                .figures,
                "\(index) AS place, CAST(count(*) - count(\(name)) AS BIGINT) AS nulls,\n"
                    + "       CAST(\(distinct) AS BIGINT) AS different, CAST(\(odd) AS BIGINT) AS odd,\n"
                    + "       \(text("min(\(name))\(finite)")) AS low, \(text("max(\(name))\(finite)")) AS high\nFROM profiled"
            ))
        if type.isNumeric {
            let number = sql.cast(name, to: .number)
            script.add(
                "mean of column \(index + 1)",
                .lines(
                    .mean,
                    "\(index) AS place, \(text("avg(\(number))\(finite)")) AS mean,\n"
                        + "       \(text("stddev_pop(\(number))\(finite)")) AS deviation\nFROM profiled"))
        }
        if isMeasured(type) {
            let quantiles = sql.quantiles(
                of: name, [0.05, 0.25, 0.5, 0.75, 0.95], isEstimated: isEstimated && type.isNumeric, finite)
            script.add(
                "quantiles of column \(index + 1)",
                .lines(.quantiles, "\(index) AS place,\n       \(quantiles) AS quantiles\nFROM profiled"))
        }
        if type.isTime {
            script.add(
                "age of column \(index + 1)",
                .lines(
                    .newest,
                    "\(index) AS place, \(sql.seconds("max(\(sql.cast(name, to: .timestamp)))\(finite)")) AS newest\n"
                        + "FROM profiled"))
        }
        script.add(
            "frequent values of column \(index + 1)",
            .lines(
                .top,
                "\(index) AS place, left(\(text(name)), 200) AS value, CAST(count(*) AS BIGINT) AS counted\n"
                    + "FROM profiled\nWHERE \(name) IS NOT NULL\nGROUP BY \(name)\n"
                    + "ORDER BY count(*) DESC, \(text(name))\nLIMIT \(DataProfile.topCount)"))
        guard isMeasured(type) else { return }
        let value = type.isNumeric ? sql.cast(name, to: .number) : sql.seconds(sql.cast(name, to: .timestamp))
        let last = DataProfile.parts - 1
        script.add(
            "histogram of column \(index + 1)",
            .lines(
                .part,
                """
                \(index) AS place,
                       CAST(CASE WHEN high > low THEN least(\(last), floor((value - low) / (high - low) * \(DataProfile.parts))) ELSE 0 END
                           AS BIGINT) AS part,
                       CAST(count(*) AS BIGINT) AS counted
                FROM (SELECT \(value) AS value FROM profiled WHERE \(name) IS NOT NULL\(finite.isEmpty ? "" : " AND \(sql.isFinite(name))")) AS rows,
                     (SELECT min(\(value))\(finite) AS low, max(\(value))\(finite) AS high FROM profiled) AS bounds
                WHERE \(sql.isFinite("value")) AND \(sql.isFinite("low")) AND \(sql.isFinite("high"))
                GROUP BY 3
                """))
    }

    private func profile(
        of column: Column, _ fits: ColumnType, _ index: Int, _ readings: DataReadings
    ) -> DataProfile.ColumnProfile {
        func own<Answer: OfColumn>(_ kind: RowKind, _ type: Answer.Type) -> [Answer] {
            readings.rows(kind, as: type).filter { $0.place == index }
        }
        let figures = own(.figures, Figures.self).first
        let parts = own(.part, Part.self)
        var histogram = [Int64](repeating: 0, count: parts.isEmpty ? 0 : DataProfile.parts)
        for part in parts where histogram.indices.contains(part.part) { histogram[part.part] = part.counted }
        // A point in time is told as one.
        func told(_ value: String) -> String {
            column.type == .timestamp && value.last?.isNumber == true ? value + "Z" : value
        }
        let mean = own(.mean, Mean.self).first
        var missing: String?
        if figures == nil {
            missing = "its figures cannot be computed"
        } else if fits.isNumeric, figures?.low != nil, mean?.mean?.finite == nil || mean?.deviation?.finite == nil {
            missing = "its values are too large for a mean and a deviation"
        }
        return DataProfile.ColumnProfile(
            name: column.name, type: column.type, fits: fits, nulls: figures?.nulls ?? 0,
            notFinite: figures?.odd ?? 0, missing: missing,
            distinct: figures?.different ?? 0, min: figures?.low.map(told),
            max: figures?.high.map(told),
            mean: mean?.mean?.finite, deviation: mean?.deviation?.finite,
            quantiles: own(.quantiles, Quantiles.self).first?.quantiles?.compactMap { $0.map(told) } ?? [],
            top: own(.top, Frequent.self).map { DataProfile.Count(value: $0.value.map(told) ?? "", rows: $0.counted) },
            histogram: histogram,
            age: own(.newest, Newest.self).first?.newest?.finite.map { Double(now.wall) / 1000 - $0 })
    }
}

// MARK: - What comes back

/// A row about the column at a place.
private protocol OfColumn: Decodable {
    var place: Int { get }
}

private struct Figures: OfColumn {
    var place: Int
    var nulls: Int64
    var different: Int64
    var odd: Int64
    var low: String?
    var high: String?
}

private struct Mean: OfColumn {
    var place: Int
    var mean: Double?
    var deviation: Double?
}

private struct Quantiles: OfColumn {
    var place: Int
    var quantiles: [String?]?
}

private struct Newest: OfColumn {
    var place: Int
    var newest: Double?
}

private struct Frequent: OfColumn {
    var place: Int
    var value: String?
    var counted: Int64
}

private struct Part: OfColumn {
    var place: Int
    var part: Int
    var counted: Int64
}

extension Double {
    /// The number, unless it is none or infinite.
    fileprivate var finite: Double? { isFinite ? self : nil }
}
