package import CaudalModel
package import Engine

/// A second engine, for tests: its SQL has words that no other engine has, and it answers every script by itself.
///
/// What it runs has one row everywhere: a statement that writes writes one, a number is 1, a relation has one column.
package struct PlainEngine: SQLEngine {
    package static let name = "plain"
    package static var dialect: any SQLDialect { PlainDialect(zone: nil) }

    private let surroundings: EngineSurroundings

    package init(_ surroundings: EngineSurroundings) { self.surroundings = surroundings }

    package static func makeQueryReader() -> any QueryReader { PlainQueries() }

    package static func locate(
        root: String, variables: [String: String], cache: String, reactor: ProcessReactor
    ) async throws(Failure) -> EngineProgram {
        EngineProgram(name: name, version: "1", path: "/nowhere/plain")
    }

    package func program() async throws(Failure) -> EngineProgram { try await surroundings.program() }
    package var isInstalled: Bool { true }

    package func execute(_ job: SQLJob, for attempt: AttemptControl) async -> Execution {
        do throws(Failure) {
            try FileText.write(dialect.text(of: job.script, prelude: []), to: job.scriptFile)
            return Execution(readings: try answer(job.script))
        } catch {
            return Execution(failure: error)
        }
    }

    private func answer(_ script: SQLScript) throws(Failure) -> DataReadings {
        var rows: [DataReadings.Row] = []
        var written: [SQLScript.StatementID: Int64] = [:]
        for (index, statement) in script.statements.enumerated() {
            let id = SQLScript.StatementID(number: index + 1)
            func answer(_ kind: RowKind, _ fields: [String: DataReadings.Value]) {
                let fields = fields.merging([RowKind.field: .text(kind.rawValue)]) { $1 }
                rows.append(DataReadings.Row(statement: id, fields: fields))
            }
            switch statement.kind {
            case .measure(let name, _): answer(.count, ["name": .text(name.text), "value": .number(1)])
            case .columns(of: _, as: let kind): answer(kind, ["name": .text("n"), "type": .text("whole")])
            case .write(_, to: let file):
                try FileText.write("n\n1\n", to: file.path)
                written[id] = 1
            case .run, .lines, .ownLines, .table, .view, .dropTable, .note, .expect: break
            }
        }
        return DataReadings(rows: rows, written: written, begun: script.statements.count + 1)
    }

    package func hasBegun(_ job: SQLJob) -> Bool { true }

    package func driver(for kind: Connection.Kind) async throws(Failure) -> String? {
        throw Failure("\(Self.name) reaches no \(kind.rawValue)")
    }

    package func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment {
        throw Failure("\(Self.name) reaches no \(link.kind.rawValue)")
    }

    package func settings(memory: Int64, threads: Int?, attaching lines: [String], folders: [String]) -> [String] {
        ["USE MEMORY \(memory)"]
    }
}

/// Takes every query for one that reads nothing.
private struct PlainQueries: QueryReader {
    var dialect: any SQLDialect { PlainEngine.dialect }

    func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>] {
        Dictionary(uniqueKeysWithValues: Set(texts).map { ($0, .success(QueryReading(tables: [], unsteady: []))) })
    }
}

/// SQL of the second engine: whatever an engine may write in its own way is `one_…`.
package struct PlainDialect: SQLDialect {
    package let zone: String?

    private func one(_ word: String, _ values: String...) -> String {
        "one_\(word)(\(values.joined(separator: ", ")))"
    }

    // MARK: Values

    package func inZone(_ zone: String?) -> PlainDialect { PlainDialect(zone: zone) }
    package func name(_ text: String) -> String { "`\(text)`" }
    package func text(_ text: String) -> String { "'\(text)'" }
    package func list(_ values: [String]) -> String { "one_list(\(values.joined(separator: ", ")))" }
    package func spread(_ values: [String]) -> String { "one_spread(\(values.joined(separator: ", ")))" }
    package func type(_ type: ColumnType) -> String { "one_\(type)" }
    package func columnType(named name: String) -> ColumnType { name == "whole" ? .integer : .other(name) }
    package func variable(_ reference: Template.Reference, as type: ColumnType) -> String { one("value", "\(type)") }
    package func tryCast(_ sql: String, to type: ColumnType) -> String { one("try", sql, self.type(type)) }
    package func cast(_ sql: String, to type: ColumnType) -> String { one("cast", sql, self.type(type)) }
    package func call(_ function: Expression.Function, _ arguments: [String]) -> String {
        "one_\(function.rawValue)(\(arguments.joined(separator: ", ")))"
    }
    package func matches(_ sql: String, pattern: String) -> String { one("matches", sql) }
    package func matchesWhole(_ sql: String, pattern: String) -> String { one("matches_whole", sql) }
    package func isFinite(_ value: String) -> String { one("finite", value) }
    package func group(of pattern: String, in text: String) -> String { one("group", text) }
    package func trimmed(_ value: String) -> String { one("trimmed", value) }
    package func shown(_ value: String, _ type: ColumnType) -> String { one("shown", value) }
    package func narrowed(_ column: Column) -> Column { column }
    package func carried(_ column: Column) -> Column { column }
    package func narrowedValue(of column: Column) -> String { name(column.name) }
    package func written(_ column: Column, as value: String?, in format: Dataset.Format) -> String {
        one("written", value ?? name(column.name))
    }
    package func refusal(_ parts: [MessagePart]) -> String { one("refusal") }
    package func rowToKeep(_ keep: Step.Keep, _ row: String, by order: String?) -> String { one("keep", row) }
    package func rowSet(_ row: String, last: String) -> String { one("set", row) }
    package func isOutside(_ set: String, last: String, row: String) -> String { one("outside", row) }
    package func countOfValues(_ value: String, isEstimated: Bool) -> String { one("values", value) }
    package func quantiles(of value: String, _ marks: [Double], isEstimated: Bool, _ filter: String) -> String {
        one("quantiles", value)
    }
    package func fingerprint(of columns: [String]) -> String { one("fingerprint") }
    package var jsonRules: any JSONRules { PlainJSONRules() }

    // MARK: Times

    package func moment(_ text: String, isStrict: Bool) -> String { one("moment", text) }
    package func day(_ text: String, isStrict: Bool) -> String { one("day", text) }
    package func moment(ofRFC3339 text: String) -> String { one("moment", text) }
    package func moment(ofLocal value: String, zone: String) -> String { one("moment", value) }
    package func literal(moment: String) -> String { one("moment", text(moment)) }
    package var endOfTime: String { one("end_of_time") }
    package func namesOffset(_ text: String) -> String { one("names_offset", text) }
    package func isKind(_ text: String, _ type: ColumnType) -> String { one("is_kind", text) }
    package func isMidnight(_ moment: String) -> String { one("midnight", moment) }
    package func earlier(_ value: String, by time: Duration) -> String { one("earlier", value) }
    package func seconds(_ moment: String) -> String { one("seconds", moment) }
    package func writtenTime(_ value: String, as type: ColumnType) -> String { "written(\(value))" }
    package func writtenTime(_ value: String, isLocal: String) -> String { one("written_time", value) }
    package func zoned(_ column: Column) -> String { one("zoned", name(column.name)) }
    package func itemText(_ value: String) -> String { one("item_text", value) }
    package var zonedType: ColumnType { .other("zoned") }
    package func offsets(of columns: [String], in relation: String, limit: Int?) -> SQLScript.Kind {
        .lines(.offset, relation)
    }

    // MARK: Sources

    package func rows(of source: DataSource, _ reading: SourceReading) -> String { one("rows", "\(source.dataset)") }
    package func rows(ofParquet file: String) -> String { one("rows", text(file)) }
    package func numberedRows(ofTable table: String, columns: String) -> String { one("numbered", table) }
    package func everything(of relation: String) -> String { one("everything", relation) }
    package func bucket(of values: [String], among count: Int) -> String {
        one("bucket", values.joined(separator: ", "))
    }
    package func division(of query: String, by column: String, into folder: String) -> String { "DIVIDE \(query)" }
    package func namedValues(
        ofQuery query: String, where condition: String, limit: Int, names: String, values: String
    ) -> String { one("named_values", query) }
    package var countOfBrokenLines: String { one("broken") }
    package func unreadableLines(of source: DataSource) -> SQLScript.Kind { .lines(.unreadable, "1") }
    package func statements(of intake: Intake) -> any IntakeStatements { PlainIntake() }
    package func quarantinedRows(_ files: [String]) -> String { one("quarantined") }
    package func value(of column: String, inQuarantined row: String) -> String { one("value", row) }
    package func inspection(of source: DataSource) -> [(title: String, kind: SQLScript.Kind)] {
        [("the columns", .columns(of: one("rows", "\(source.dataset)"), as: .column))]
    }
    package func columnsWithoutValues(_ columns: [String], of source: DataSource) -> SQLScript.Kind {
        .lines(.empty, "1")
    }
    package func offsets(ofKeys columns: [String], of source: DataSource) -> SQLScript.Kind { .lines(.offsets, "1") }
    package func largeNumbers(_ columns: [(name: String, paths: [ColumnType.NumberPath])], of source: DataSource)
        -> SQLScript.Kind
    {
        .lines(.large, "1")
    }
    package func looseTimes(_ columns: [String], of source: DataSource) -> SQLScript.Kind { .lines(.loose, "1") }
    package func anyRow(
        ofParquet file: String, where condition: String, _ kind: RowKind, column: String, file index: Int
    ) -> SQLScript.Kind { .lines(kind, "1") }
    package func commonType(_ left: String, _ right: String) -> String? { left == right ? left : nil }
    package var nanosecondType: String { "nanoseconds" }
    package func loss(of value: String, _ type: String, as united: String) -> (kind: RowKind, condition: String)? {
        nil
    }

    // MARK: Connections

    package func alias(of connection: String) -> String { connection }
    package func attachment(
        _ target: String, of connection: String, _ kind: Connection.Kind, isReadOnly: Bool
    ) -> String { one("attach", text(target)) }
    package func access(to store: ObjectStore, of connection: String) -> String { one("access", text(store.bucket)) }
    package func rows(ofObjects urls: [String], _ folders: FolderColumns) -> String {
        one("objects", urls.map(text).joined(separator: ", "))
    }
    package func rows(of version: TableVersion) -> String { one("version", text(version.folder)) }
    package func ownQuery(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        one("own", self.text(text))
    }
    package func ownStatement(_ text: String, on connection: String, _ kind: Connection.Kind) -> String {
        one("own", self.text(text))
    }
    package func preparation(for kind: Connection.Kind) -> [String] { [] }

    // MARK: Places

    package func enumeration(_ type: String, of rows: String, key: String) -> String { "KEYS \(type): \(rows)" }
    package func place(of text: String, in type: String) -> String { one("place", text, type) }
    package func listed(_ value: String) -> String { one("listed", value) }
    package func noted(_ name: String, atPlace place: String) -> String { one("noted", name, place) }

    // MARK: Statements

    package func sql(of kind: SQLScript.Kind) -> String {
        switch kind {
        case .run(let sql): "RUN \(sql)"
        case .lines(let rows, let sql): "LINES \(rows.rawValue): \(sql)"
        case .ownLines(let sql): "LINES: \(sql)"
        case .measure(let name, let value): "MEASURE \(name.text): \(value)"
        case .columns(of: let relation, as: let rows): "COLUMNS \(rows.rawValue): \(relation)"
        case .write(let query, to: let file): "WRITE \(PathText.lastComponent(of: file.path)): \(query)"
        case .table(let query, as: let name, ifMissing: _): "KEEP \(name): \(query)"
        case .view(let query, as: let name, isNew: _): "NAME \(name): \(query)"
        case .dropTable(let name): "FORGET \(name)"
        case .note(let value, as: let name): "NOTE \(name): \(value)"
        case .expect(let columns, of: let query): "EXPECT \(columns.map(\.name)): \(query)"
        }
    }

    package func text(of script: SQLScript, prelude: [String]) -> String {
        (prelude + script.statements.map { sql(of: $0.kind) }).map { $0 + "\n" }.joined()
    }

    package func noted(_ name: String) -> String { one("noted", name) }
    package func noted(_ name: String, at place: Int) -> String { one("noted", name, "\(place)") }
}

/// A file that somebody else wrote, taken as it is.
private struct PlainIntake: IntakeStatements {
    func addSearch(to script: inout SQLScript, partition: [String], corrections: [String]) {
        script.add("count the rows", .measure(.read, "one_read()"))
    }
    func quarantineQuery(partition: [String]) -> String { "one_quarantine()" }
    func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool) -> String { "one_valid()" }
}

private struct PlainJSONRules: JSONRules {
    func value(of column: String) -> String { "json(\(column))" }
    func typeHolds(_ value: String, _ rules: ValueRules) -> String? { "one_type(\(value))" }
    func valueRules(
        _ value: String, _ rules: ValueRules, formats: FormatPredicates
    ) -> [(label: String, holds: String)] { [] }
    func typed(_ value: String, _ rules: ValueRules, found: ColumnType) -> (sql: String, type: ColumnType) {
        (value, found)
    }
}
