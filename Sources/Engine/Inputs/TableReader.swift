package import CaudalModel

/// Inspects tables of connections and copies their rows.
///
/// A separate process without user SQL reads the table. Stages get the copy: no process has both access to a database
/// and user SQL, and a stage that scans twice sees the same rows.
package struct TableReader: Sendable {
    private let pipeline: Pipeline
    private let facts: RunFacts
    let tools: DataTools
    private let versions: TableVersions

    /// - Parameter versions: Those that the run reads of tables that have several.
    package init(pipeline: Pipeline, facts: RunFacts, tools: DataTools, versions: TableVersions = TableVersions()) {
        self.versions = versions
        self.pipeline = pipeline
        self.facts = facts
        self.tools = tools
    }

    /// The connection of a table, with its settings filled in.
    ///
    /// - Throws: ``Failure`` when the pipeline has no such connection.
    package func link(of table: ConnectionTable) throws(Failure) -> DatabaseLink {
        DatabaseLink(
            try connection(table.connection), root: pipeline.root, variables: facts.environment, sql: tools.sql,
            value: facts.value(of:))
    }

    /// The way to a bucket's objects; nil for a database.
    func objects(_ link: DatabaseLink) -> ObjectTransfer? {
        ObjectTransfer(link, client)
    }

    /// What makes requests to servers.
    var client: HTTPClient {
        HTTPClient(reactor: tools.reactor, variables: facts.environment, folder: tools.folder)
    }

    /// The value of a reference that depends on neither stage nor item.
    func value(of reference: Template.Reference) -> String? { facts.value(of: reference) }

    /// A connection by its name.
    ///
    /// - Throws: ``Failure`` when the pipeline has none of that name.
    func connection(_ name: String) throws(Failure) -> Connection {
        guard let connection = pipeline.connections[name] else { throw Failure("there is no connection '\(name)'") }
        return connection
    }

    /// A table as a source without rows; ``copy(_:to:for:)`` adds them.
    ///
    /// - Throws: ``Failure`` when the database does not answer or has no such table.
    package func source(of dataset: Dataset) async throws(Failure) -> DataSource {
        guard let table = dataset.table else { throw Failure("'\(dataset.name)' is no table") }
        let link = try link(of: table)
        let (objects, version) = (try await stored(table, link, dataset), try version(of: table, link, dataset))
        let found =
            link.store == nil
            ? try await look(at: table, link, dataset, version: version)
            : try await look(at: objects, table, link, dataset)
        guard let columns = found.columns else {
            let what = link.store == nil ? "table" : table.isPattern ? "object that matches" : "object"
            throw Failure(
                "there is no \(what) '\(table.name)' in \(link.place)",
                remedy: "correct 'table' of dataset '\(dataset.name)', or "
                    + (link.store == nil ? "create the table" : "put the object there"),
                location: dataset.placeLocation,
                kind: .missingTable)
        }
        if let column = columns.first(where: { $0.misreadType != nil }), let type = column.misreadType {
            throw Failure(
                "column '\(column.name)' of the table '\(table.name)' is \(type), which cannot be read",
                remedy: link.kind == .mysql
                    ? "read a view of the table that leaves it out, or makes text of it"
                    : "read a view of the table that casts it to a numeric of at most 38 digits whose scale lies "
                        + "between 0 and its precision, or to text", location: dataset.placeLocation)
        }
        var source = DataSource(
            dataset: dataset.name, files: [], format: .parquet, columns: columns.map { Column($0.name, $0.type) },
            isOwn: true, table: table)
        source.recast = found.recast
        source.objects = objects
        source.folders = found.folders
        source.version = version
        source.isAskedOfDatabase = found.isAsked
        for (index, column) in columns.enumerated() {
            source.nativeTypes[column.name] = column.nativeType
            guard link.isTimeOfDay(column.nativeType) else { continue }
            (source.columns[index].type, source.isAskedOfDatabase) = (.text, true)
        }
        if link.kind == .sqlite { try await findTypes(&source, table, link, dataset) }
        source.takeZone(dataset.zone)
        return source
    }

    /// Copies a table's rows to a Parquet file.
    ///
    /// - Parameter start: Where the rows begin that are copied, which the database is told; nil copies all.
    /// - Throws: ``Failure`` when the database does not answer, or has values that cannot be read.
    package func copy(
        _ source: DataSource, to file: String, from start: WatermarkStart? = nil, for control: AttemptControl? = nil
    ) async throws(Failure) {
        guard let table = source.table, let dataset = pipeline.dataset(source.dataset) else { return }
        let link = try link(of: table)
        let found = source.objects
        var source = source
        source.objects = try await readable(found, link, beside: file, dataset)
        let oddities = link.oddities(of: source)
        let texts = oddities.isEmpty ? [] : try await columnsToReadAsTexts(oddities, table, link, dataset, control)
        var script = SQLScript(title: "the rows of \(table)")
        // Earlier findings may be outdated: the values are examined again together with the copied rows.
        let watched = oddities.filter { odd in
            if case .refused = odd.oddity { return true }
            return !texts.contains(odd.column)
        }
        if !watched.isEmpty {
            script.add("begin a transaction that sees one state of the table", weight: 0.1, "BEGIN TRANSACTION")
        }
        if !watched.isEmpty {
            let counts = watched.indices.map { "c\($0)" }.joined(separator: " + ")
            script.add(
                "refuse values that cannot be read",
                "SELECT CASE WHEN \(counts) > 0 THEN \(tools.sql.refusal([.words("the table was changed while it was looked at; retry")])) END\n"
                    + "FROM (\(link.oddQuery(table, watched.map(\.condition))))")
        }
        script.add(
            "copy the table",
            .write(
                link.query(source, asTexts: texts, from: start),
                to: SQLScript.OutputFile(file, .parquet)))
        if !watched.isEmpty { script.add("end the transaction", weight: 0.1, "COMMIT") }
        do throws(Failure) {
            _ = try await tools.ask(
                script, reading: source.objects.compactMap(\.copy), writing: [PathText.folder(of: file)],
                attachment: try await tools.attachment(of: link, isReadOnly: true), for: control)
            try await refuseReplaced(found, table, link)
        } catch {
            throw fault(error, "the table '\(table.name)' cannot be read", link, dataset)
        }
    }

    /// Finds the types of columns for which SQLite has no declared one, such as the computed ones of a view.
    private func findTypes(
        _ source: inout DataSource, _ table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) async throws(Failure) {
        let names = source.columnNames.filter { source.nativeTypes[$0]?.isEmpty == true }
        if names.isEmpty { return }
        var script = SQLScript(title: "the types of values in \(table)")
        script.add("look at the values", link.sqliteTypesQuery(link.parts(of: table).name, names))
        do throws(Failure) {
            let found = try await tools.ask(
                script, reading: [], attachment: try await tools.attachment(of: link, isReadOnly: true)
            ).rows(.target, as: OwnColumn.self)
            for column in found {
                guard let index = source.columns.firstIndex(where: { $0.name == column.name }) else { continue }
                source.columns[index].type = DatabaseLink.sqliteType(column.native ?? "")
            }
        } catch {
            throw fault(error, "the table '\(table.name)' cannot be read", link, dataset)
        }
    }

    /// Asks the database for values that would be read incorrectly.
    ///
    /// - Returns: The columns that must be read as text.
    /// - Throws: ``Failure`` when values of a column cannot be read at all.
    private func columnsToReadAsTexts(
        _ oddities: [(column: String, condition: String, oddity: DatabaseLink.Oddity)], _ table: ConnectionTable,
        _ link: DatabaseLink, _ dataset: Dataset, _ control: AttemptControl?
    ) async throws(Failure) -> Set<String> {
        var script = SQLScript(title: "values of \(table) that would be read as others")
        script.add("look for them", .ownLines(link.oddQuery(table, oddities.map(\.condition))))
        let row: DataReadings.Row?
        do throws(Failure) {
            row = try await tools.ask(
                script, reading: [], attachment: try await tools.attachment(of: link, isReadOnly: true), for: control
            ).rows(.odd).first
        } catch {
            throw fault(error, "the table '\(table.name)' cannot be read", link, dataset)
        }
        var texts: Set<String> = []
        for (index, (column, _, oddity)) in oddities.enumerated() {
            guard let count = row?.integer("c\(index)"), count > 0 else { continue }
            switch oddity {
            case .readAsText: texts.insert(column)
            case .refused(let what):
                throw Failure(
                    "column '\(column)' of the table '\(table.name)' has \(count.counted("row")) with \(what)",
                    remedy: "read a view of the table that says what they are to be, such as text or nothing",
                    location: dataset.placeLocation)
            }
        }
        return texts
    }

    /// The table that a stage loads, as it is now, and the record of an earlier attempt.
    ///
    /// - Parameter record: The load that may have been recorded; nil looks for none.
    /// - Throws: ``Failure`` when the dataset is no table, or the database does not answer.
    package func target(of dataset: Dataset, record: LoadRecord.Key?) async throws(Failure) -> LoadTarget {
        guard let table = dataset.table else { throw Failure("'\(dataset.name)' is no table") }
        let link = try link(of: table)
        var target = LoadTarget(link: link, table: table)
        if let objects = objects(link) {
            // Whatever is there is replaced as a whole: only that the store answers is to be known.
            do throws(Failure) { _ = try await objects.look(at: table.name) } catch {
                throw Failure(
                    error.message, remedy: error.remedy, location: dataset.placeLocation, kind: .silentDatabase)
            }
            return target
        }
        // The first load creates the file of a SQLite database.
        if let path = link.path, !FileText.exists(path) { return target }
        let found = try await look(at: table, link, dataset, record: record)
        // SQLite takes no values for generated columns.
        target.columns = found.columns?.filter { link.kind != .sqlite || !$0.isFilled }
        target.earlier = found.earlier
        target.storage = found.storage
        return target
    }

    // MARK: - Looking

    /// The version that is read of a table that has several; nil for other tables.
    private func version(
        of table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) throws(Failure) -> TableVersion? {
        guard link.kind.isFolderOfTables, let path = link.path else { return nil }
        do throws(Failure) {
            return try versions.version(of: table.name == "." ? path : path + "/" + table.name) { () throws(Failure) in
                try TableVersion.newest(of: table.name, in: path, link.kind, root: pipeline.root)
            }
        } catch {
            throw Failure(error.message, remedy: error.remedy, location: dataset.placeLocation, kind: error.kind)
        }
    }

    private func look(
        at table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset, record: LoadRecord.Key? = nil,
        version: TableVersion? = nil
    ) async throws(Failure) -> Found {
        if let path = link.path, !FileText.exists(path) {
            throw Failure(
                "the database \(PathText.relative(path, to: pipeline.root)) is not there",
                remedy: "put it there, or change the path of connection '\(link.name)'", location: link.location,
                kind: .missingTable)
        }
        let (schema, name) = link.parts(of: table)
        if link.kind.isOnlyRead {
            return found(try await columns(of: link.relation(schema, name, version: version), table, link, dataset))
        }
        var script = SQLScript(title: "what is in \(table)")
        script.add("list the columns as the database has them", link.columnsQuery(schema, name))
        script.add("see whether loads are recorded", link.existsQuery(schema, LoadRecord.table))
        let essential = script.statements.count
        let isToldByDatabase = link.kind == .mysql
        // What follows fails where the tables are not there, which the statements before have told.
        if !isToldByDatabase {
            script.add(
                "list the types of the columns",
                .columns(of: "SELECT * FROM \(link.relation(schema, name))", as: .column))
        }
        if let record {
            script.add(
                "find an earlier load of this run", record.query(in: link.relation(schema, LoadRecord.table), tools.sql)
            )
        }
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(
                script, reading: [], essential: essential,
                attachment: try await tools.attachment(of: link, isReadOnly: true))
        } catch {
            throw fault(error, "the database cannot be asked", link, dataset, .silentDatabase)
        }
        let own = readings.rows(.target, as: OwnColumn.self)
        guard !own.isEmpty else { return Found() }
        let isAsked = own.contains { $0.asked == true }
        let found =
            if isToldByDatabase {
                own.map { Column($0.name, MySQLColumn(name: $0.name, native: $0.native ?? "").type ?? .unknown) }
            } else if isAsked {
                own.map { Column($0.name, DatabaseLink.sqliteType($0.native ?? "")) }
            } else {
                readings.columns(tools.sql)
            }
        let types = Dictionary(found.map { ($0.name, carried($0)) }, uniquingKeysWith: { first, _ in first })
        let columns = own.compactMap { column -> LoadTarget.TableColumn? in
            guard let type = types[column.name] else { return nil }
            var found = LoadTarget.TableColumn(
                name: column.name, type: type, nativeType: column.native ?? "", isRequired: column.required == true,
                misreadType: column.misread ?? (type == .unknown ? column.native : nil))
            found.isFilled = column.filled == true
            (found.exactType, found.wideType) = (column.exact, column.wide)
            return found
        }
        guard columns.count == own.count else {
            throw Failure(
                "the columns of '\(table.name)' in \(link.place) could not be determined",
                remedy: "check that this user may read it", location: dataset.placeLocation)
        }
        let isRecorded = readings.rows(.exists, as: Existence.self).contains(where: \.there)
        let earlier = readings.rows(.load, as: LoadRecord.self).first
        if record != nil, isRecorded, readings.begun <= essential + (isToldByDatabase ? 0 : 1) {
            throw Failure("'\(LoadRecord.table)' in \(link.place) could not be read", location: link.location)
        }
        var answer = Found(columns: columns, recast: recast(found), earlier: earlier, storage: own.first?.engine)
        answer.isAsked = isAsked
        return answer
    }

    /// What is known of what the engine itself reads.
    func found(_ types: [Column]?) -> Found {
        guard let types else { return Found() }
        let columns = types.map {
            LoadTarget.TableColumn(name: $0.name, type: carried($0), nativeType: "", isRequired: false)
        }
        return Found(columns: columns, recast: recast(types))
    }

    /// The columns of what the engine itself reads: objects, and tables of its own files; nil where there are none.
    func columns(
        of relation: String, _ table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) async throws(Failure) -> [Column]? {
        var script = SQLScript(title: "what is in \(table)")
        script.add("list the types of the columns", .columns(of: "SELECT * FROM \(relation)", as: .column))
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(
                script, reading: [], attachment: try await tools.attachment(of: link, isReadOnly: true))
        } catch {
            let absences =
                link.store == nil
                ? ["Table with name", "schema named", "Schema with name"] : ["No files found", "HTTP code 404"]
            if absences.contains(where: error.message.contains) { return nil }
            if link.store != nil, Self.wordsOfContents.contains(where: error.message.contains) {
                throw Failure(
                    "an object of '\(dataset.name)' cannot be read (connection '\(link.name)', \(link.place)): \(error.message)",
                    remedy: "look whether it is cut short or of another format", location: dataset.placeLocation)
            }
            throw fault(
                error, link.store == nil ? "the database cannot be asked" : "the store cannot be asked", link, dataset,
                .silentDatabase)
        }
        return readings.columns(tools.sql)
    }

    /// What DuckDB says of an object that is there and is no Parquet file.
    private static let wordsOfContents = [
        "too small to be a Parquet file", "No magic bytes found", "Invalid Parquet", "Footer length",
    ]

    /// The type in which a column's values are carried: moments with a zone become UTC.
    private func carried(_ column: Column) -> ColumnType { tools.sql.carried(column).type }

    /// The columns that are carried in another type, with their own.
    private func recast(_ columns: [Column]) -> [String: ColumnType] {
        let others = columns.filter { carried($0) != $0.type }
        return Dictionary(others.map { ($0.name, $0.type) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is known of a table.
    struct Found {
        /// nil where there is no such table.
        var columns: [LoadTarget.TableColumn]?
        /// The columns that are carried in another type, with their own.
        var recast: [String: ColumnType] = [:]
        /// What the folders of objects say of them.
        var folders = FolderColumns.ignored
        var earlier: LoadRecord?
        var storage: String?
        /// Whether the database itself is to be asked for the rows.
        var isAsked = false
    }

    /// A column as the database itself tells it.
    private struct OwnColumn: Decodable {
        var name: String
        var native: String?
        var required: Bool?
        var filled: Bool?
        var misread: String?
        var engine: String?
        var asked: Bool?
        var exact: String?
        var wide: String?
    }

    /// Whether a table is there.
    struct Existence: Decodable {
        var there: Bool
    }

    private func fault(
        _ error: Failure, _ what: String, _ link: DatabaseLink, _ dataset: Dataset, _ kind: Failure.Kind? = nil
    ) -> Failure {
        // A missing extension is not the database's error.
        if error.kind == .missingExtension { return error }
        return Failure(
            "\(what) (connection '\(link.name)', \(link.place)): \(error.message)",
            remedy: error.remedy
                ?? (kind == .silentDatabase
                    ? "look at the connection '\(link.name)' and whether the database is up"
                    : "look at what the message says of the table, and whether this user may read it"),
            location: dataset.placeLocation, kind: kind)
    }
}
