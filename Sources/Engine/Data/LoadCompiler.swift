package import CaudalModel

/// The SQL of a load: first an examination of the rows without a database, then a single transaction.
package struct LoadCompiler: Sendable {
    var sql: any SQLDialect { target.link.sql }
    let source: DataSource
    let target: LoadTarget
    let mode: LoadMode
    let key: [String]

    package init(source: DataSource, target: LoadTarget, mode: LoadMode, key: [String]) {
        self.source = source
        self.target = target
        self.mode = mode
        self.key = key
    }

    // MARK: - Examination

    /// Adds the statements that count the rows and examine their keys.
    package func addExamination(to script: inout SQLScript) {
        let rows = source.fromClause(sql)
        let names = source.columns.map { sql.name($0.name) }
        script.add(
            "count the rows, and fingerprint them in whatever order", weight: 5,
            .lines(
                .load,
                "count(*) AS \"rows\",\n       \(sql.fingerprint(of: names)) AS fingerprint\nFROM \(rows)"))
        guard mode == .upsert else { return }
        let keys = key.map(sql.name).joined(separator: ", ")
        let missing = key.map { "\(sql.name($0)) IS NULL" }.joined(separator: " OR ")
        script.add(
            "count the rows without a key", weight: 2,
            .measure(.keyless, "(SELECT count(*) FROM \(rows) WHERE \(missing))"))
        script.add(
            "count the keys that several rows have", weight: 5,
            .measure(
                .doubles, "(SELECT count(*) FROM (SELECT 1 FROM \(rows) GROUP BY \(keys) HAVING count(*) > 1))"))
    }

    /// Makes the record from the results of the examination.
    ///
    /// - Throws: ``LoadError`` when the key does not identify rows.
    package func record(_ readings: DataReadings) throws(LoadError) -> LoadRecord {
        guard let record = readings.rows(.load, as: LoadRecord.self).first else {
            throw .notCounted
        }
        if let keyless = readings.count(.keyless), keyless > 0 { throw .rowsWithoutKey(keyless, key: key) }
        if let doubles = readings.count(.doubles), doubles > 0 { throw .repeatedKeys(doubles, key: key) }
        return record
    }

    // MARK: - The transaction

    /// The title of the statement behind which the rows are loaded.
    package static let commitTitle = "commit the load"

    /// Adds the statements that load the rows and their record in one transaction.
    package func addLoad(to script: inout SQLScript, key load: LoadRecord.Key, pipeline: String, record: LoadRecord) {
        if target.link.kind == .mysql { return addMySQL(to: &script, key: load, pipeline: pipeline, record: record) }
        let (schema, name) = target.link.parts(of: target.table)
        let ledger = target.link.relation(schema, LoadRecord.table)
        if target.link.kind == .sqlite { addStaging(to: &script, at: sql.name("caudal_staging"), isTemporary: true) }
        addLedger(to: &script, ledger, schema)
        script.add("begin the transaction of the load", weight: 0, "BEGIN TRANSACTION")
        addRecord(to: &script, key: load, pipeline: pipeline, record: record)
        if target.columns == nil { script.add("create the table", definition(of: target.link.relation(schema, name))) }
        switch target.link.kind {
        case .postgres: addPostgres(to: &script, schema, name, load)
        case .sqlite:
            let (rows, table) = (sql.name("caudal_staging"), target.link.relation(schema, name))
            if mode == .append {
                script.add("count its rows", .note("(SELECT count(*) FROM \(table))", as: Self.before))
            }
            addMoves(to: &script, rows: rows, table) { $0 }
            addCount(to: &script, rows: rows, table)
        // An object is written as a file, and put in its place as a whole.
        case .s3, .http, .duckdb, .delta, .iceberg, .mysql: break
        }
        if target.link.kind == .postgres {
            // After the lock, so that timestamps follow the order of loads; an append-only user keeps the time of the
            // transaction's begin.
            let own = "\(sql.name(schema)).\(sql.name(LoadRecord.table))"
            script.add(
                "record the time of the load", weight: 0,
                target.link.ownStatement(
                    "DO $$ BEGIN UPDATE \(own) SET loaded = clock_timestamp() AT TIME ZONE 'UTC' WHERE \(load.condition(sql)); "
                        + "EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"))
        }
        script.add(Self.commitTitle, "COMMIT")
    }

    /// Adds the statements that record the load.
    func addRecord(to script: inout SQLScript, key load: LoadRecord.Key, pipeline: String, record: LoadRecord) {
        let ledger = target.link.relation(target.link.parts(of: target.table).schema, LoadRecord.table)
        // The record is written first: a concurrent attempt that is about to commit has locked it, and one of the two
        // must fail.
        if mode != .append {
            script.add(
                "delete the record of an earlier load of this run", weight: 0,
                "DELETE FROM \(ledger) WHERE \(load.condition(sql))")
        }
        script.add(
            "record the load", weight: 0,
            "INSERT INTO \(ledger) (run, stage, pipeline, \"table\", mode, \"rows\", fingerprint)\nVALUES ("
                + [load.run.rawValue, load.stage.rawValue, pipeline, target.table.name, mode.rawValue]
                .map(sql.text).joined(separator: ", ") + ", \(record.rows), \(sql.text(record.fingerprint)))")
    }

    /// Adds the statement that writes the rows of an object to a file.
    package func addObject(to script: inout SQLScript, at file: String) {
        var read = source
        // What is read has the types of the columns already.
        read.recast = [:]
        let columns = target.link.carried(read).joined(separator: ",\n       ")
        script.add(
            "write the rows", weight: 10,
            .write("SELECT \(columns)\nFROM \(source.fromClause(sql))", to: SQLScript.OutputFile(file, .parquet)))
    }

    /// The numbers that a column of floating point would round: a condition for them, and what the words after the value
    /// say of them.
    func roundings(of given: Column) -> [(condition: String, words: String)] {
        guard let there = target.columns?.first(where: { $0.name == given.name }) else { return [] }
        let native = there.nativeType.lowercased()
        let value = sql.name(given.name)
        let isSQLite = target.link.kind == .sqlite
        if isSQLite, there.type == .text, makesNumbers(native) {
            let isNumber = #"^\s*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?\s*$"#
            return [
                (
                    sql.matches(sql.cast(value, to: .text), pattern: isNumber),
                    "of which SQLite makes a number in a column that is declared \(there.nativeType); declare it TEXT"
                )
            ]
        }
        guard there.type == .number else { return [] }
        // A numeric without a precision has every digit.
        if !isSQLite, !["real", "float", "double"].contains(where: native.hasPrefix) { return [] }
        let number = sql.cast(value, to: .number)
        var found: [(condition: String, words: String)] = []
        let single: [Connection.Kind: String] = [.postgres: "real", .mysql: "float"]
        if let word = single[target.link.kind], native.hasPrefix(word) {
            // What is read of 32 bits is the shortest text that means the number.
            let kept = "TRY_CAST(CAST(TRY_CAST(\(value) AS FLOAT) AS VARCHAR) AS DOUBLE)"
            // A fraction has as many digits as the column is for; a whole number is another one.
            found.append(
                (
                    "\(number) = trunc(\(number)) AND \(kept) IS DISTINCT FROM \(number) OR isfinite(\(number)) AND NOT coalesce(isfinite(\(kept)), FALSE)",
                    "which \(native) rounds; make the column double precision or decimal, or round the values before"
                ))
        }
        if given.type == .integer {
            found.append(
                (
                    "CAST(\(number) AS HUGEINT) <> \(value)",
                    "which \(native) rounds; make the column bigint\(isSQLite ? "" : " or decimal")"
                ))
        }
        return found
    }

    /// Whether SQLite makes numbers of the texts in a column of a declared type that have the form of one.
    private func makesNumbers(_ native: String) -> Bool {
        !native.isEmpty
            && !["int", "char", "clob", "text", "blob", "real", "floa", "doub"].contains(where: native.contains)
    }

    /// The refusal of a value.
    func refusal(of column: Column, _ words: String) -> String {
        sql.refusal([
            .words("column '\(column.name)' has the value "), .value(sql.cast(sql.name(column.name), to: .text)),
            .words(", \(words)"),
        ])
    }

    private static func notANumber(_ column: String) -> String {
        "column '\(column)' has the value NaN, for which SQLite would keep that there is none; "
            + "make that of it with map_values {nan: ~}"
    }

    /// The statements that fail where a table got other rows than it was given: constraints and triggers of SQLite may leave
    /// out or remove rows without an error.
    private func addCount(to script: inout SQLScript, rows: String, _ table: String) {
        let missing = leavesOut(rows, table, before: sql.noted(Self.before))
        let refusal = sql.refusal([.words(leftOut)])
        script.add("refuse a table that left rows out", .run("SELECT CASE WHEN \(missing) THEN \(refusal) END"))
    }

    var leftOut: String {
        "'\(target.table.name)' did not take exactly these rows: a constraint, a rule or a trigger of the table left some out; "
            + "nothing was loaded"
    }

    /// SQL that is true where a table does not have the rows that it was given.
    ///
    /// - Parameter before: SQL of the number of rows that it had before.
    func leavesOut(_ rows: String, _ table: String, before: String) -> String {
        let given = "(SELECT count(*) FROM \(rows))"
        switch mode {
        case .replace: return "\(given) <> (SELECT count(*) FROM \(table))"
        case .append: return "\(given) <> (SELECT count(*) FROM \(table)) - \(before)"
        case .upsert:
            let matches = key.map { "t.\(sql.name($0)) = s.\(sql.name($0))" }.joined(separator: " AND ")
            return "EXISTS (SELECT 1 FROM \(rows) AS s WHERE NOT EXISTS (SELECT 1 FROM \(table) AS t WHERE \(matches)))"
        }
    }

    /// The variable with the number of rows that the table had before.
    private static let before = "rows_before"

    func addStaging(to script: inout SQLScript, at place: String, isTemporary: Bool) {
        let list = source.columns.map { column -> String in
            let name = sql.name(column.name)
            // A database without dates stores them as text in a form that does not depend on an engine's default.
            let type = target.link.kind == .sqlite ? target.type(for: column) : column.type
            let value =
                type == column.type || column.type.isOther ? name : sql.convert(name, from: column.type, to: type)
            var refused: [String] = []
            if target.link.kind == .sqlite, column.type == .number {
                refused.append("isnan(\(name)) THEN \(sql.refusal([.words(Self.notANumber(column.name))]))")
            }
            refused += roundings(of: column).map { "\($0.condition) THEN \(refusal(of: column, $0.words))" }
            if !refused.isEmpty {
                return "CASE WHEN \(refused.joined(separator: " WHEN ")) ELSE \(value) END AS \(name)"
            }
            return value == name ? name : "\(value) AS \(name)"
        }
        let rows = "SELECT \(list.joined(separator: ",\n       "))\nFROM \(source.fromClause(sql))"
        script.add(
            "write the rows to a staging table", weight: 12,
            isTemporary ? .table(rows, as: place) : .run("CREATE TABLE \(place) AS\n\(rows)"))
    }

    /// The table of records, created by a separate statement so that two first loads do not wait for each other's rows.
    private func addLedger(to script: inout SQLScript, _ ledger: String, _ schema: String) {
        let definition =
            "(run VARCHAR, stage VARCHAR, pipeline VARCHAR, \"table\" VARCHAR, mode VARCHAR, \"rows\" BIGINT, "
            + "fingerprint VARCHAR, loaded TIMESTAMP DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (run, stage))"
        guard target.link.kind == .postgres else {
            script.add("create the table that records loads", "CREATE TABLE IF NOT EXISTS \(ledger) \(definition)")
            return
        }
        let own = "\(sql.name(schema)).\(sql.name(LoadRecord.table))"
        // A user without permission to create tables can still load if the table exists.
        script.add(
            "create the table that records loads",
            target.link.ownStatement(
                "DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('caudal_loads')); "
                    + "IF to_regclass('\(own.replacing(scalar: "'", with: "''"))') IS NULL THEN "
                    + "CREATE TABLE \(own) \(definition); END IF; END $$"))
    }

    private func definition(of relation: String) -> String {
        var parts = source.columns.map { column -> String in
            let stored = target.link.kind.stored(column.type)
            return "\(sql.name(column.name)) \(sql.type(stored == .timestamp ? sql.zonedType : stored))"
        }
        if mode == .upsert { parts.append("PRIMARY KEY (\(key.map(sql.name).joined(separator: ", ")))") }
        return "CREATE TABLE \(relation) (\n  \(parts.joined(separator: ",\n  "))\n)"
    }

    /// The statements that move the staged rows into the table.
    func addMoves(
        to script: inout SQLScript, rows: String, _ table: String, _ statement: (String) -> String
    ) {
        let names = source.columns.map { sql.name($0.name) }
        let isOwn = target.link.kind == .postgres
        func value(_ column: Column, of prefix: String) -> String {
            let name = prefix + sql.name(column.name)
            guard isOwn else { return name }
            // In the staging table points in time have no zone, and the database would interpret them in its own zone.
            if target.type(for: column) == .timestamp { return "CAST(\(name) AS timestamp) AT TIME ZONE 'UTC'" }
            guard let native = target.columns?.first(where: { $0.name == column.name })?.nativeType else { return name }
            // Text must be cast to json explicitly. The type is written without its length, so that no value is
            // truncated.
            return "CAST(\(name) AS \(native))"
        }
        let matches = key.map { "t.\(sql.name($0)) = s.\(sql.name($0))" }.joined(separator: " AND ")
        var only = ""
        switch mode {
        case .replace: script.add("delete the old rows", weight: 2, statement("DELETE FROM \(table)"))
        case .append: break
        case .upsert:
            let others = source.columns.filter { !key.contains($0.name) }
            if !others.isEmpty {
                let list = others.map { "\(sql.name($0.name)) = \(value($0, of: "s."))" }.joined(separator: ", ")
                script.add(
                    "update the rows that are there", weight: 8,
                    statement("UPDATE \(table) AS t SET \(list) FROM \(rows) AS s WHERE \(matches)"))
            }
            only = " WHERE NOT EXISTS (SELECT 1 FROM \(table) AS t WHERE \(matches))"
        }
        let list = source.columns.map { value($0, of: "s.") }.joined(separator: ", ")
        script.add(
            mode == .upsert ? "insert the rows that are not" : "insert the rows", weight: 8,
            statement("INSERT INTO \(table) (\(names.joined(separator: ", "))) SELECT \(list) FROM \(rows) AS s\(only)")
        )
    }
}

extension ColumnType {
    /// Whether only its engine knows the type.
    fileprivate var isOther: Bool { if case .other = self { true } else { false } }
}
