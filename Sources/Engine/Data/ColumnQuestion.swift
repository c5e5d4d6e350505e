/// A query whose columns are asked for.
package struct ColumnQuestion: Sendable {
    /// Which query of the stage it is.
    package var index: Int
    package var script: SQLScript
    /// The number of statements that must work: those behind them may fail on a query that does not.
    package private(set) var essentialStatements: Int
    /// Where the user wrote it.
    package var location: SourceLocation

    package init(index: Int, script: SQLScript, location: SourceLocation) {
        self.index = index
        self.script = script
        essentialStatements = script.statements.count
        self.location = location
    }

    /// Asks as well which of the result's times are points in time.
    ///
    /// To the engine a point in time and a local time are one type. They are two where those of one kind are named as times
    /// with a zone: then the engine's own rules tell what a query makes of them. What both kinds go into comes with a zone
    /// whichever has it, and is no point in time.
    /// `inputs`: the columns that the query reads, by the relations that it reads.
    /// `text`: the query as it stands in the pipeline file.
    /// `describe`: adds the statement that describes the query again, with every relation's columns written as they are given,
    /// as rows of a kind.
    mutating func askForZones(
        _ inputs: [[Column]], of text: String,
        describe: (inout SQLScript, _ kind: String, _ list: ([Column]) -> String) -> Void
    ) {
        // What sees points in time with their zone has been described so.
        if ZonedView.isWanted(by: text) { return }
        let types = Set(inputs.joined().map(\.type))
        guard types.contains(.timestamp) else { return }
        let sql = DuckDBDialect()
        for (type, kind) in [(ColumnType.timestamp, "zoned"), (.localTimestamp, "localized")] where types.contains(type)
        {
            describe(&script, kind) { columns in
                columns.map { column in
                    let name = sql.name(column.name)
                    return column.type == type ? "timezone('UTC', \(name)) AS \(name)" : name
                }.joined(separator: ", ")
            }
        }
        readsBoth = types.contains(.localTimestamp)
    }

    /// Whether the query reads local times besides points in time.
    private var readsBoth = false

    /// The columns that the engine told.
    package func columns(_ readings: DataReadings) -> [Column] {
        func zoned(_ kind: String) -> Set<String> {
            Set(
                readings.rows(kind).filter { $0.text("type")?.uppercased() == "TIMESTAMP WITH TIME ZONE" }
                    .compactMap { $0.text("name") })
        }
        let isTold = !readsBoth || !readings.rows("localized").isEmpty
        let points = isTold ? zoned("zoned").subtracting(zoned("localized")) : []
        return OutputSQL.columns(readings).map { column in
            column.type == .localTimestamp && points.contains(column.name) ? Column(column.name, .timestamp) : column
        }
    }
}
