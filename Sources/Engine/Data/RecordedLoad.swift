/// A line of ``LoadRecord/table``: who loaded a table, and how.
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

    /// Whether it leaves what was in the table before beside its own rows, by design.
    package var isAppend: Bool { mode == LoadStage.Mode.append.rawValue }

    private static let sql = DuckDBDialect()

    /// A query for the loads of a table: rows of kind `loaded`, and one of kind `asked`, which tells that they were read.
    static func query(of table: ConnectionTable, _ link: DatabaseLink) -> String {
        let (schema, name) = link.parts(of: table)
        let own: String
        switch link.kind {
        case .sqlite:
            own =
                "SELECT row_number() OVER (ORDER BY rowid) AS number, run, stage, pipeline, mode "
                + "FROM \(sql.name(LoadRecord.table)) WHERE lower(\"table\") = lower(\(sql.text(name)))"
        case .postgres:
            own =
                "SELECT row_number() OVER (ORDER BY loaded) AS number, run, stage, pipeline, mode "
                + "FROM \(sql.name(schema)).\(sql.name(LoadRecord.table)) "
                + "WHERE \"table\" IN (\(sql.text(name)), \(sql.text("\(schema).\(name)")))"
        }
        return "SELECT 'loaded' AS caudal, CAST(number AS BIGINT) AS number, run, stage, pipeline, mode\n"
            + "FROM \(link.ownQuery(own))\nUNION ALL SELECT 'asked', NULL, NULL, NULL, NULL, NULL"
    }

    /// Reads the answer to ``query(of:_:)``: first to last; nil when it was not given.
    static func loads(_ readings: DataReadings) -> [RecordedLoad]? {
        guard !readings.rows("asked").isEmpty else { return nil }
        return readings.rows("loaded").compactMap { row -> (Int64, RecordedLoad)? in
            guard let number = row.integer("number"), let run = row.text("run"), let stage = row.text("stage") else {
                return nil
            }
            let key = LoadRecord.Key(run: RunID(run), stage: StageID(stage))
            return (number, RecordedLoad(key: key, pipeline: row.text("pipeline") ?? "", mode: row.text("mode") ?? ""))
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// What keeps a run from reading a table as that which it loaded itself; nil when it is.
    ///
    /// `loads`: those of the table, first to last.
    static func fault(_ loads: [RecordedLoad], own key: LoadRecord.Key, _ dataset: Dataset) -> Failure? {
        let table = dataset.table?.description ?? ""
        let became: String
        if let place = loads.lastIndex(where: { $0.key == key }) {
            let since = loads[(place + 1)...]
            // Rows of others are beside appended ones by design, as long as nobody has removed these.
            let other = loads[place].isAppend ? since.last { $0.mode == LoadStage.Mode.replace.rawValue } : since.last
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

extension TableReader {
    /// The loads that are recorded of a table, first to last; none where nobody recorded any.
    func loads(of dataset: Dataset) async throws(Failure) -> [RecordedLoad] {
        guard let table = dataset.table else { return [] }
        let link = try link(of: table)
        if let path = link.path, !FileText.exists(path) { return [] }
        var script = SQLScript(title: "who loaded \(table)")
        script.add(
            "whether loads were recorded", link.existsQuery(link.parts(of: table).schema, LoadRecord.table))
        // It fails where there is no such table, which the statement before has told.
        script.add("the loads of the table", RecordedLoad.query(of: table, link))
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(
                script, reading: [], essential: 1, attachment: try await tools.attachment(of: link, isReadOnly: true))
        } catch {
            throw Failure(
                "the loads of '\(table.name)' cannot be read (connection '\(link.name)', \(link.place)): \(error.message)",
                remedy: error.remedy, location: dataset.placeLocation)
        }
        guard readings.rows("exists").contains(where: { $0.fields["there"]?.number == 1 }) else { return [] }
        guard let loads = RecordedLoad.loads(readings) else {
            throw Failure(
                "'\(LoadRecord.table)' in \(link.place) could not be read, so that nobody can say whose rows '\(table.name)' has",
                remedy: "look whether this user may read it", location: link.location)
        }
        return loads
    }
}
