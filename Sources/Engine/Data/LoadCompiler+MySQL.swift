import CaudalModel

/// Loads into MySQL and MariaDB.
///
/// The server commits whenever a table is created or dropped: all of that comes before the transaction, or behind it. What
/// the engine reads beside its own statements comes by another connection, so that counts are demanded of the server.
extension LoadCompiler {
    /// Adds the statements that load the rows and their record in one transaction.
    func addMySQL(to script: inout SQLScript, key load: LoadRecord.Key, pipeline: String, record: LoadRecord) {
        let link = target.link
        let (schema, name) = link.parts(of: target.table)
        let (table, ledger) = (link.mySQLName(schema, name), link.mySQLName(schema, LoadRecord.table))
        let staging = stagingName(load)
        let stagingTable = link.mySQLName(schema, staging)
        func add(_ title: String, weight: Double = 0, _ statement: String) {
            script.add(title, weight: weight, link.ownStatement(statement))
        }
        script.add("keep to one connection", weight: 0, "BEGIN TRANSACTION")
        add(
            "have values refused that do not fit, and times be those of UTC",
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO', "
                + "SESSION time_zone = '+00:00'")
        add("wait for other loads of the table", Self.lock(schema, name, seconds: 3600))
        add(
            "create the table that records loads",
            "CREATE TABLE IF NOT EXISTS \(ledger) (run VARCHAR(255), stage VARCHAR(255), pipeline LONGTEXT, `table` LONGTEXT, "
                + "mode VARCHAR(20), `rows` BIGINT, fingerprint LONGTEXT, loaded TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6), "
                + "PRIMARY KEY (run, stage)) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        if target.columns == nil { add("create the table", mySQLDefinition(of: table)) }
        if mode == .upsert {
            add("drop the staging table of a load that was killed", "DROP TABLE IF EXISTS \(stagingTable)")
            add("create the staging table", "CREATE TABLE \(stagingTable) LIKE \(table)")
        }
        add("begin the transaction of the load", "START TRANSACTION")
        addRecord(to: &script, key: load, pipeline: pipeline, record: record)
        let count = "(SELECT count(*) FROM \(table))"
        if mode == .append { add("count its rows", "SET @caudal_before = \(count)") }
        if mode == .replace {
            add("refuse to take rows of other tables along", MySQLText.demandNoCascade(to: schema, name))
            add("delete the old rows", weight: 2, "DELETE FROM \(table)")
        }
        let place = link.relation(schema, mode == .upsert ? staging : name)
        let names = source.columns.map { sql.name($0.name) }.joined(separator: ", ")
        let values = source.columns.map(mySQLValue).joined(separator: ",\n       ")
        script.add(
            mode == .upsert ? "write the rows to the staging table" : "insert the rows", weight: 12,
            "INSERT INTO \(place) (\(names))\nSELECT \(values)\nFROM \(source.fromClause(sql))")
        switch mode {
        case .replace: add("refuse a table that left rows out", MySQLText.demand("\(count) = \(record.rows)"))
        case .append:
            add(
                "refuse a table that left rows out",
                MySQLText.demand("\(count) - @caudal_before = \(record.rows)"))
        case .upsert: addMerge(from: stagingTable, into: table, add)
        }
        script.add(Self.commitTitle, "COMMIT")
        if mode == .upsert { add("drop the staging table", "DROP TABLE \(stagingTable)") }
    }

    /// The statements that remove what a load has created before it failed: its staging table, and the table that was
    /// missing where it has no rows; nil for databases that undo that with the transaction.
    package func removal(of load: LoadRecord.Key) -> SQLScript? {
        guard target.link.kind == .mysql else { return nil }
        let link = target.link
        let (schema, name) = link.parts(of: target.table)
        let table = link.mySQLName(schema, name)
        var script = SQLScript(title: "the removal of what a load of \(target.table) has created")
        script.add("keep to one connection", "BEGIN TRANSACTION")
        func add(_ title: String, _ statement: String) { script.add(title, link.ownStatement(statement)) }
        add("wait for other loads of the table", Self.lock(schema, name, seconds: 20))
        if mode == .upsert {
            add("drop the staging table", "DROP TABLE IF EXISTS \(link.mySQLName(schema, stagingName(load)))")
        }
        if target.columns == nil {
            add("keep other programs from the table", "LOCK TABLES \(table) WRITE")
            add(
                "see whether it is empty",
                "SET @caudal_removal = IF((SELECT count(*) FROM \(table)) = 0, "
                    + "\(MySQLText.text("DROP TABLE \(table)")), 'DO 0')")
            add("prepare its removal", "PREPARE caudal_removal FROM @caudal_removal")
            add("remove it", "EXECUTE caudal_removal")
            add("let others have it", "UNLOCK TABLES")
        }
        script.add("let the connection go", "COMMIT")
        return script
    }

    private func stagingName(_ load: LoadRecord.Key) -> String {
        let (schema, name) = target.link.parts(of: target.table)
        return "caudal_staging_\(ContentHash.of("\(schema)\n\(name)\n\(load.stage.rawValue)").suffix(16))"
    }

    /// A statement that lets one load at a time have a table.
    private static func lock(_ schema: String, _ name: String, seconds: Int) -> String {
        let mark = ContentHash.of("\(schema)\n\(name)").suffix(32)
        return MySQLText.demand("GET_LOCK(\(MySQLText.text("caudal:\(mark)")), \(seconds)) = 1")
    }

    /// The statements that move staged rows into the table.
    private func addMerge(
        from rows: String, into table: String, _ add: (_ title: String, _ weight: Double, _ statement: String) -> Void
    ) {
        // Many collations take texts for equal that are not; their bytes tell. The first comparison may use an index.
        let matches = key.map { name -> String in
            let column = MySQLText.name(name)
            let isText = source.columns.contains { $0.name == name && $0.type == .text }
            return "t.\(column) = s.\(column)"
                + (isText ? " AND CAST(t.\(column) AS BINARY) = CAST(s.\(column) AS BINARY)" : "")
        }.joined(separator: " AND ")
        let others = source.columns.map(\.name).filter { !key.contains($0) }.map(MySQLText.name)
        if !others.isEmpty {
            add(
                "update the rows that are there", 8,
                "UPDATE \(table) AS t JOIN \(rows) AS s ON \(matches) SET "
                    + others.map { "t.\($0) = s.\($0)" }.joined(separator: ", "))
        }
        let names = source.columns.map { MySQLText.name($0.name) }
        // A join, and no subquery: the server keeps what a subquery found for texts that its collation takes for equal.
        let missing =
            "FROM \(rows) AS s LEFT JOIN \(table) AS t ON \(matches) WHERE t.\(MySQLText.name(key.first ?? "")) IS NULL"
        add(
            "insert the rows that are not", 8,
            "INSERT INTO \(table) (\(names.joined(separator: ", "))) SELECT \(names.map { "s.\($0)" }.joined(separator: ", ")) "
                + missing)
        add("refuse a table that left rows out", 1, MySQLText.demand("(SELECT count(*) \(missing)) = 0"))
    }

    private func mySQLDefinition(of table: String) -> String {
        var parts = source.columns.map { column in
            let isKey = mode == .upsert && key.contains(column.name)
            return "\(MySQLText.name(column.name)) \(MySQLText.type(column.type, isKey: isKey))"
        }
        if mode == .upsert { parts.append("PRIMARY KEY (\(key.map(MySQLText.name).joined(separator: ", ")))") }
        // By their bytes texts are equal where they are the same.
        return "CREATE TABLE IF NOT EXISTS \(table) (\(parts.joined(separator: ", "))) ENGINE=InnoDB "
            + "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    }

    /// A value as the engine gives it to the server, which is refused where the server would make another of it.
    private func mySQLValue(_ column: Column) -> String {
        let name = sql.name(column.name)
        var cases: [String] = []
        let there = target.columns?.first { $0.name.lowercased() == column.name.lowercased() }
        if there?.isFilled == true {
            let words =
                "column '\(column.name)' has no value in a row, and MySQL would put one of its own there; "
                + "give every row a value, or leave the column out with 'drop'"
            cases.append("WHEN \(name) IS NULL THEN \(sql.refusal([.words(words)]))")
        }
        var misfits: [(condition: String, words: String)] = []
        if column.type == .number {
            misfits.append(
                (
                    "isnan(\(name)) OR isinf(\(name))",
                    "which MySQL has no number for; make nothing of it with map_values {nan: ~, inf: ~, -inf: ~}"
                ))
        }
        let own = MySQLText.type(column.type, isKey: mode == .upsert && key.contains(column.name))
        misfits += MySQLColumn(name: column.name, native: there?.nativeType ?? own).misfits(column, sql)
        misfits += roundings(of: column)
        cases += misfits.map { "WHEN \($0.condition) THEN \(refusal(of: column, $0.words))" }
        return cases.isEmpty ? name : "CASE \(cases.joined(separator: " ")) ELSE \(name) END"
    }
}
