package import CaudalModel

/// A query that the SQL engine is asked to describe.
package struct ColumnQuestion: Sendable {
    /// The index of the query in the stage.
    package var index: Int
    package var script: SQLScript
    /// The number of statements that must succeed: the ones after them may fail for a query without zones.
    package private(set) var essentialStatements: Int
    /// Where the query is written.
    package var location: SourceLocation

    package init(index: Int, script: SQLScript, location: SourceLocation) {
        self.index = index
        self.script = script
        essentialStatements = script.statements.count
        self.location = location
    }

    /// Also asks which times in the result are points in time.
    ///
    /// In the SQL engine, points in time and local times have the same type. They become distinguishable when the times
    /// of one kind are declared as times with a zone: the engine's own rules then give the type of each result. A
    /// result of both kinds has a zone whichever of them is declared so, and is not a point in time.
    ///
    /// - Parameters:
    ///   - inputs: The columns that the query reads, by relation.
    ///   - text: The query as the pipeline file writes it.
    ///   - describe: Adds a statement that describes the query again, with the given columns of each relation, as rows
    ///     of a kind.
    mutating func askForZones(
        _ inputs: [[Column]], of text: String, _ sql: any SQLDialect,
        describe: (inout SQLScript, _ kind: RowKind, _ list: ([Column]) -> String) -> Void
    ) {
        // Such a query has already been described with zones.
        if ZonedView.isWanted(by: text) { return }
        let types = Set(inputs.joined().map(\.type))
        guard types.contains(.timestamp) else { return }
        for (type, kind) in [(ColumnType.timestamp, RowKind.zoned), (.localTimestamp, .localized)]
        where types.contains(type) {
            describe(&script, kind) { columns in
                columns.map { column in
                    column.type == type ? sql.zoned(column) : sql.name(column.name)
                }.joined(separator: ", ")
            }
        }
        readsBoth = types.contains(.localTimestamp)
    }

    /// Whether the query reads both local times and points in time.
    private var readsBoth = false

    /// The columns that the engine told.
    package func columns(_ readings: DataReadings, _ sql: any SQLDialect) -> [Column] {
        func zoned(_ kind: RowKind) -> Set<String> {
            let columns = readings.rows(kind, as: ColumnAnswer.self)
            return Set(columns.filter { sql.columnType(named: $0.type) == sql.zonedType }.map(\.name))
        }
        let isTold = !readsBoth || !readings.rows(.localized).isEmpty
        let points = isTold ? zoned(.zoned).subtracting(zoned(.localized)) : []
        return readings.columns(sql).map { column in
            column.type == .localTimestamp && points.contains(column.name) ? Column(column.name, .timestamp) : column
        }
    }
}
