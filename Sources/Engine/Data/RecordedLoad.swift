import CaudalModel

/// A row of ``LoadRecord/table``: who loaded a table, and how.
package struct RecordedLoad: Sendable, Hashable {
    package var key: LoadRecord.Key
    package var pipeline: String
    package var mode: String

    package init(key: LoadRecord.Key, pipeline: String, mode: String) {
        self.key = key
        self.pipeline = pipeline
        self.mode = mode
    }

    /// The load in words.
    package var words: String { "run \(key.run) of '\(pipeline)'" }

    /// Whether the load keeps the table's earlier rows, by design.
    package var isAppend: Bool { mode == LoadMode.append.rawValue }

    /// A query for the loads of a table: rows of kind `loaded`, and one of kind `asked`, which tells that they were read.
    static func query(of table: ConnectionTable, _ link: DatabaseLink) -> SQLScript.Kind {
        let (schema, name, sql) = (link.parts(of: table).schema, link.parts(of: table).name, link.sql)
        let own: String
        switch link.kind {
        // An object carries its own record, which no query reads.
        case .s3, .http, .duckdb, .delta, .iceberg: own = ""
        case .sqlite:
            own =
                "SELECT row_number() OVER (ORDER BY rowid) AS number, run, stage, pipeline, mode "
                + "FROM \(sql.name(LoadRecord.table)) WHERE lower(\"table\") = lower(\(sql.text(name)))"
        case .mysql:
            own =
                "SELECT row_number() OVER (ORDER BY loaded) AS number, run, stage, pipeline, mode "
                + "FROM \(link.mySQLName(schema, LoadRecord.table)) "
                + "WHERE `table` IN (\(MySQLText.text(name)), \(MySQLText.text("\(schema).\(name)")))"
        case .postgres:
            own =
                "SELECT row_number() OVER (ORDER BY loaded) AS number, run, stage, pipeline, mode "
                + "FROM \(sql.name(schema)).\(sql.name(LoadRecord.table)) "
                + "WHERE \"table\" IN (\(sql.text(name)), \(sql.text("\(schema).\(name)")))"
        }
        return .lines(
            .loaded,
            "CAST(number AS BIGINT) AS number, run, stage, pipeline, mode\n"
                + "FROM \(link.ownQuery(own))\nUNION ALL SELECT '\(RowKind.asked.rawValue)', NULL, NULL, NULL, NULL, NULL"
        )
    }

    /// Decodes the result of ``query(of:_:)``, oldest first; nil when the query did not run.
    static func loads(_ readings: DataReadings) -> [RecordedLoad]? {
        guard !readings.rows(.asked).isEmpty else { return nil }
        return readings.rows(.loaded, as: Line.self).sorted { $0.number < $1.number }.map { line in
            let key = LoadRecord.Key(run: RunID(line.run), stage: StageID(line.stage))
            return RecordedLoad(key: key, pipeline: line.pipeline ?? "", mode: line.mode ?? "")
        }
    }

    /// A line of the table as it comes back; lines are numbered in the order in which they were written.
    private struct Line: Decodable {
        var number: Int64
        var run: String
        var stage: String
        var pipeline: String?
        var mode: String?
    }

    /// Why a table no longer has the rows that the run loaded; nil if it has.
    ///
    /// - Parameter loads: The loads of the table, oldest first.
    static func fault(_ loads: [RecordedLoad], own key: LoadRecord.Key, _ dataset: Dataset) -> Failure? {
        let table = dataset.table?.description ?? ""
        let became: String
        if let place = loads.lastIndex(where: { $0.key == key }) {
            let since = loads[(place + 1)...]
            // After an append, other loads may add rows by design, as long as none removes the appended ones.
            let other = loads[place].isAppend ? since.last { $0.mode == LoadMode.replace.rawValue } : since.last
            guard let other else { return nil }
            became = "\(other.words) has loaded it since"
        } else {
            became =
                "the load is not recorded there any more"
                + (loads.last.map { ", and the last one is that of \($0.words)" } ?? "")
        }
        return Failure(
            "the table \(table) does not hold what this run loaded: \(became)",
            remedy: "load it again with 'caudal retry \(key.run) \(key.stage) --downstream'",
            location: dataset.placeLocation)
    }
}
