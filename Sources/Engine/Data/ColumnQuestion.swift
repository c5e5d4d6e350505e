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
    /// To the engine a point in time and a local time are one type. They are two where points in time are named as times
    /// with a zone: then the engine's own rules tell what a query makes of them.
    /// `inputs`: the columns that the query reads, by the relations that it reads.
    /// `text`: the query as it stands in the pipeline file.
    /// `describe`: adds the statement that describes the query again, with every relation's columns written as they are given.
    mutating func askForZones(
        _ inputs: [[Column]], of text: String, describe: (inout SQLScript, _ list: ([Column]) -> String) -> Void
    ) {
        let columns = inputs.flatMap { $0 }
        let points = Set(columns.filter { $0.type == .timestamp }.map(\.name))
        // What changes zones would be turned around by it.
        let changesZones = text.lowercased().contains(#/timezone|time\s+zone/#)
        if points.isEmpty || changesZones { return }
        let locals = Set(columns.filter { $0.type == .localTimestamp }.map(\.name))
        // A query that reads both can mix them: there only a column that keeps its name counts.
        if !locals.isEmpty { certain = points.subtracting(locals) }
        let sql = DuckDBDialect()
        describe(&script) { columns in
            columns.map { column in
                let name = sql.name(column.name)
                return column.type == .timestamp ? "timezone('UTC', \(name)) AS \(name)" : name
            }.joined(separator: ", ")
        }
    }

    /// The columns of the result that may be points in time; nil for all.
    private var certain: Set<String>?

    /// The columns that the engine told.
    package func columns(_ readings: DataReadings) -> [Column] {
        let zoned = readings.rows("zoned").filter { $0.text("type")?.uppercased() == "TIMESTAMP WITH TIME ZONE" }
            .compactMap { $0.text("name") }
        return OutputSQL.columns(readings).map { column in
            guard column.type == .localTimestamp, zoned.contains(column.name), certain?.contains(column.name) ?? true
            else { return column }
            return Column(column.name, .timestamp)
        }
    }
}
