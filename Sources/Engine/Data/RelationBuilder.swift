package import CaudalModel

/// Builds the query of a data stage step by step, and tracks its columns and their types.
///
/// Each step becomes one named part of a WITH clause, so that the query reads in the order of the pipeline file.
/// Columns are always listed: no part depends on what `*` means.
package struct RelationBuilder {
    /// Where the keys of duplicated rows are stored while the rows are read again.
    package enum DuplicatesPlace: Sendable {
        /// A temporary table of this script.
        case table(String)
        /// A noted set of the numbers of the rows to drop, and the greatest of them.
        /// A filter keeps the order of the rows, where a join would make a sort of all columns necessary.
        case rows(set: String, last: String)
        /// A Parquet file that another script wrote.
        case file(String)
    }

    /// The dialect for times of the source's zone.
    let sql: any SQLDialect
    let references: [Template.Reference: ColumnType]
    var parts: [(name: String, title: String, query: String)] = []
    /// The relation that the next part reads.
    var from: String
    var numbersRows: Bool
    /// Whether a part returns its rows in no defined order, as DuckDB's joins do.
    var hasLostOrder = false
    /// The columns so far.
    package internal(set) var columns: [Column]
    /// How the text columns state times; nil when that is unknown.
    var namedTimes: NamedTimes?
    /// Time columns with local times among them, and the hidden flag column that marks these.
    var flags: [String: String] = [:]

    /// The columns as they are written: a column with both points in time and local times is written as text.
    package var writtenColumns: [Column] { columns.map { flags[$0.name] == nil ? $0 : Column($0.name, .text) } }

    /// A builder for a source.
    ///
    /// - Parameters:
    ///   - numbersRows: Whether a later step needs the order of the rows.
    ///   - keepsRejects: Whether malformed lines are put aside instead of failing the query.
    package init(
        _ source: DataSource, numbersRows: Bool, keepsRejects: Bool = false,
        references: [Template.Reference: ColumnType], sql: any SQLDialect
    ) {
        self.sql = sql.inZone(source.zone)
        self.references = references
        // The rows of a part have lost their order.
        hasLostOrder = source.part != nil
        self.numbersRows = numbersRows || hasLostOrder
        columns = source.columns
        namedTimes = source.namedTimes
        from = source.fromClause(self.sql, numbersRows: self.numbersRows, keepsRejects: keepsRejects)
    }

    // MARK: - Reading the result

    /// The whole query; `list` replaces the list of columns if it is given.
    package func query(selecting list: String? = nil, where condition: String? = nil) -> String {
        let selected = list ?? names(columns)
        let filter = condition.map { "\nWHERE \($0)" } ?? ""
        guard !parts.isEmpty else { return "SELECT \(selected)\nFROM \(from)\(filter)" }
        let with = parts.map {
            "  -- \($0.title.replacing(scalar: "\n", with: " "))\n  \($0.name) AS (\n\(SQLText.indented($0.query, by: 4))\n  )"
        }
        return "WITH\n" + with.joined(separator: ",\n") + "\nSELECT \(selected)\nFROM \(from)\(filter)"
    }

    /// The query for writing the rows to a file: in the order of the source, if the rows have one.
    package func result(in format: Dataset.Format) -> String {
        let list = columns.map { flags[$0.name] == nil ? sql.written($0, in: format) : shown($0) }.joined(
            separator: ", ")
        let order = hasLostOrder && numbersRows ? "\nORDER BY \(sql.name(DataSource.rowColumn))" : ""
        return query(selecting: list) + order
    }

    func names(_ columns: [Column]) -> String { columns.map(shown).joined(separator: ", ") }

    private func plainNames(_ columns: [Column]) -> String { columns.map { sql.name($0.name) }.joined(separator: ", ") }

    /// A column as later steps see it.
    func shown(_ column: Column) -> String {
        let name = sql.name(column.name)
        return flags[column.name].map { "\(sql.writtenTime(name, isLocal: sql.name($0))) AS \(name)" } ?? name
    }

    /// The hidden columns.
    func hiddenColumns(of rows: String = "") -> [String] {
        flags.values.sorted().map { rows + sql.name($0) } + (numbersRows ? [rows + sql.name(DataSource.rowColumn)] : [])
    }

    // MARK: - Adding parts

    /// Adds a part that selects `list` from the rows so far.
    mutating func add(_ title: String, _ list: [String], _ rest: String = "") {
        let list = list + hiddenColumns()
        let name = sql.ownName("step_\(parts.count + 1)")
        let selected = list.joined(separator: ",\n       ")
        parts.append((name, title, "SELECT \(selected)\nFROM \(from)\(rest.isEmpty ? "" : "\n" + rest)"))
        from = name
    }

    /// Adds a part that replaces some columns and keeps the others.
    ///
    /// - Parameter mixed: Time columns made of texts, some of which state no offset.
    private mutating func replace(
        _ title: String, _ replacements: [String: (sql: String, type: ColumnType)],
        adding mixed: [(column: String, text: String)] = []
    ) {
        let list = columns.map { column in
            guard let new = replacements[column.name] else { return sql.name(column.name) }
            return "\(new.sql) AS \(sql.name(column.name))"
        }
        add(title, list + newFlags(mixed))
        keepFlags(mixed)
        for (index, column) in columns.enumerated() {
            if let new = replacements[column.name] { columns[index].type = new.type }
        }
    }

    func column(_ name: Located<String>) throws(ConfigError) -> Column {
        let expression = Located(Expression(.column(name.value)), at: name.location)
        return Column(name.value, try type(of: expression) ?? .text)
    }

    func type(of expression: Located<Expression>) throws(ConfigError) -> ColumnType? {
        try typed(expression).type
    }

    /// An expression as SQL, and its type; nil for a null literal.
    ///
    /// - Parameter isMixed: Whether both kinds of times are kept, distinguished by a flag.
    func typed(
        _ expression: Located<Expression>, isMixed: Bool = false
    ) throws(ConfigError) -> (type: ColumnType?, sql: String) {
        let typing = ExpressionTyping(
            columns: columns, references: references, namedTimes: namedTimes, hasZone: sql.zone != nil)
        do throws(ExpressionFault) {
            let type = try typing.type(of: expression.value)
            let settled = try typing.withSettledTimes(expression.value)
            if let obstacle = sql.obstacle(to: settled, typing) { throw obstacle }
            try refuseMixedTexts(settled, typing)
            let isTime = type == .timestamp || type == .localTimestamp
            return (
                type,
                sql.expression(
                    settled, references: references, columns: columns, flags: flags,
                    keepsTimesApart: isTime && !isMixed && namedTimes != nil)
            )
        } catch {
            throw ConfigError(
                error.message, remedy: error.remedy, at: expression.location.advanced(by: error.offset))
        }
    }

    /// Stores the rows so far in a table, and continues from that table.
    ///
    /// A query of the user may give its rows in another order each time; what counts on their order needs a table.
    /// - Returns: The statement that makes the table.
    package mutating func materialize(as table: String) -> SQLScript.Kind {
        let statement = SQLScript.Kind.table(query(), as: sql.name(table))
        parts = []
        hasLostOrder = false
        from = sql.numberedRows(ofTable: sql.name(table), columns: names(columns))
        numbersRows = true
        return statement
    }

    /// Keeps the rows whose columns equal an item's values; a missing value equals a missing value.
    package mutating func restrict(to variables: [String]) {
        let conditions = variables.compactMap { name in columns.first { $0.name == name }.map(sql.isOfItem) }
        guard !conditions.isEmpty else { return }
        add("rows of this item", columns.map { sql.name($0.name) }, "WHERE " + conditions.joined(separator: " AND "))
    }

    /// Adds a step.
    ///
    /// - Parameters:
    ///   - duplicates: Where the duplicated keys are, for a `deduplicate` step.
    ///   - queryColumns: The columns that an `sql` step returns.
    /// - Throws: ``ConfigError`` at the place in the pipeline file that does not fit the columns.
    package mutating func add(
        _ step: Step, duplicates: DuplicatesPlace?, queryColumns: [Column]? = nil
    ) throws(ConfigError) {
        switch step {
        case .deduplicate(let keys, _, let order):
            for key in keys { try refuseMixed(try column(key), at: key.location) }
            if let order { _ = try column(order) }
            if let duplicates { dropDuplicates(keys.map(\.value), duplicates, title: step.title) }
        case .fillMissing(let fills):
            var replacements: [String: (String, ColumnType)] = [:]
            for fill in fills {
                let column = try column(fill.column)
                try refuseMixed(column, at: fill.column.location)
                let given = fill.value.literal(for: column.type)
                try require(given, fits: column, at: fill.column.location)
                let value = sql.convert(sql.literal(given), from: given.type, to: column.type)
                replacements[column.name] = ("coalesce(\(sql.name(column.name)), \(value))", column.type)
            }
            replace(step.title, replacements)
        case .derive(let derivations): try derive(derivations)
        case .filter(let condition):
            let (type, test) = try typed(condition)
            guard type == .boolean else {
                throw ConfigError("a filter must be true or false for each row", at: condition.location)
            }
            add("filter: \(test)", columns.map { sql.name($0.name) }, "WHERE \(test)")
        case .select(let wanted):
            var chosen: [Column] = []
            for name in wanted { chosen.append(try column(name)) }
            columns = chosen
            forgetFlags()
            add(step.title, chosen.map { sql.name($0.name) })
        case .drop(let unwanted):
            for name in unwanted { _ = try column(name) }
            columns.removeAll { column in unwanted.contains { $0.value == column.name } }
            if columns.isEmpty, let last = unwanted.last {
                throw ConfigError("no column is left", remedy: "keep one of them", at: last.location)
            }
            forgetFlags()
            add(step.title, columns.map { sql.name($0.name) })
        case .rename(let pairs): try rename(pairs, title: step.title)
        case .cast(let casts):
            var replacements: [String: (String, ColumnType)] = [:]
            for cast in casts {
                let column = try column(cast.column)
                let type = cast.type == .timestamp ? timeType(of: column) : cast.type
                if column.type.neverBecomes(type) {
                    throw ConfigError(
                        "'\(column.name)' is \(column.type), which does not become \(type)",
                        remedy: "cast it to text first, or make the value with 'derive'", at: cast.column.location)
                }
                if let obstacle = sql.obstacle(toCast: column.type, to: type) {
                    throw ConfigError(obstacle, at: cast.column.location)
                }
                replacements[column.name] = (guardedCast(column, to: type), type)
            }
            // A later cast of the texts must know.
            for cast in casts
            where cast.type == .text && columns.contains(where: { $0.name == cast.column.value && $0.type.isTime }) {
                namedTimes?.set(cast.column.value, like: [], of: nil)
                keepOffsets(of: [Expression(.column(cast.column.value))], in: cast.column.value)
            }
            let mixed = casts.filter { $0.type == .timestamp }.map(\.column.value).filter(hasMixedTimes)
            replace(step.title, replacements, adding: mixed.map { ($0, sql.name($0)) })
            forgetFlags()
        case .trim(let named):
            for name in named where try column(name).type != .text {
                throw ConfigError("only texts are trimmed, and '\(name.value)' is not text", at: name.location)
            }
            let texts = columns.filter { column in
                column.type == .text && (named.isEmpty || named.contains { $0.value == column.name })
            }
            replace(
                step.title,
                Dictionary(
                    texts.map { ($0.name, (sql.trimmed(sql.name($0.name)), ColumnType.text)) },
                    uniquingKeysWith: { first, _ in first }))
        case .mapValues(let name, let values, let otherwise): try mapValues(name, values, otherwise, title: step.title)
        case .split(let name, let separator, let into): try split(name, separator, into, title: step.title)
        case .sql(let query):
            let found = queryColumns ?? columns
            addQuery(query.value, columns: found)
            let wide = found.filter { sql.narrowed($0) != $0 }.map {
                ($0.name, (sql.narrowedValue(of: $0), sql.narrowed($0).type))
            }
            if !wide.isEmpty {
                replace("types that files have", Dictionary(wide, uniquingKeysWith: { first, _ in first }))
            }
        }
    }

    // MARK: - Steps

    /// A cast that a row meets only when it has passed the filters before it.
    ///
    /// A later filter on the column is pushed down to an earlier one and may be tried first, on a row that the earlier
    /// one leaves out; a plain cast fails there. Engines push nothing below what fails a statement. The value that does not
    /// fit is cast inside of it.
    private func guardedCast(_ column: Column, to type: ColumnType) -> String {
        let value = sql.name(column.name)
        if type == .text, let flag = flags[column.name] { return sql.writtenTime(value, isLocal: sql.name(flag)) }
        if Self.alwaysFits(column.type, type) { return sql.convert(value, from: column.type, to: type) }
        let refusal = sql.refusal([
            .words("column '\(column.name)' has the value '"), .value(sql.cast(value, to: .text)),
            .words("', which does not fit \(type); filter such rows out, or let a validate stage put them aside"),
        ])
        if column.type == .text, [.timestamp, .localTimestamp].contains(type), namedTimes != nil,
            !hasMixedTimes(column.name)
        {
            return sql.refusing(value, as: type, of: "column '\(column.name)'", otherwise: refusal)
        }
        let fitting = sql.exactCast(value, from: column.type, to: type)
        return "CASE WHEN \(value) IS NOT NULL AND (\(fitting)) IS NULL THEN \(refusal) ELSE \(fitting) END"
    }

    /// The type of a column after a cast to a time.
    private func timeType(of column: Column) -> ColumnType {
        ExpressionTyping(columns: columns, namedTimes: namedTimes, hasZone: sql.zone != nil).timeType(of: column)
    }

    private static func alwaysFits(_ old: ColumnType, _ new: ColumnType) -> Bool {
        switch (old, new) {
        case (_, .text), (.decimal, .number), (.boolean, .integer), (.boolean, .number),
            (.date, .timestamp), (.date, .localTimestamp), (.timestamp, .date), (.localTimestamp, .date):
            true
        default: old == new
        }
    }

    private mutating func derive(_ derivations: [Step.Derivation]) throws(ConfigError) {
        // One part for each, so that a derivation can use an earlier one.
        for derivation in derivations {
            let name = derivation.name.value
            try refuseAlike(derivation.name, among: columns.filter { $0.name != name })
            // A plain cast of a column with both kinds of times keeps them distinguished.
            let mixed = try mixedText(derivation.expression).map { [(column: name, text: $0)] } ?? []
            let (given, value) = try typed(derivation.expression, isMixed: !mixed.isEmpty)
            let found = mixed.isEmpty ? given : .timestamp
            let type = found ?? .text
            let times = namedTimes
            namedTimes?.set(name, like: derivation.expression.value.columns, of: times)
            if type == .text, derivation.expression.value.mayNameOffset { namedTimes?.mixed.insert(name) }
            if type == .text { keepOffsets(of: derivation.expression.value.textOperands, in: name) }
            flags[name] = try flag(of: derivation, as: type)
            if columns.contains(where: { $0.name == name }) {
                replace("derive \(name)", [name: (sql.cast(value, to: type), type)], adding: mixed)
            } else {
                let list = columns.map { sql.name($0.name) } + ["\(sql.cast(value, to: type)) AS \(sql.name(name))"]
                add("derive \(name)", list + newFlags(mixed))
                keepFlags(mixed)
                columns.append(Column(name, type))
            }
        }
    }

    private mutating func rename(
        _ pairs: [(from: Located<String>, to: Located<String>)], title: String
    ) throws(ConfigError) {
        var names: [String: String] = [:]
        for pair in pairs {
            names[try column(pair.from).name] = pair.to.value
        }
        let renamed = columns.map { Column(names[$0.name] ?? $0.name, $0.type) }
        for pair in pairs {
            try refuseAlike(pair.to, among: renamed.filter { $0.name != pair.to.value })
            if renamed.count(where: { $0.name == pair.to.value }) > 1 {
                throw ConfigError("there would be two columns '\(pair.to.value)'", at: pair.to.location)
            }
        }
        add(
            title,
            columns.map { column in
                sql.name(column.name) + (names[column.name].map { " AS \(sql.name($0))" } ?? "")
            })
        columns = renamed
        namedTimes = namedTimes?.renamed(names)
        flags = Dictionary(uniqueKeysWithValues: flags.map { (names[$0.key] ?? $0.key, $0.value) })
    }

    private mutating func mapValues(
        _ name: Located<String>, _ values: [Step.MappedValue], _ otherwise: Step.GivenValue?, title: String
    ) throws(ConfigError) {
        let column = try column(name)
        try refuseMixed(column, at: name.location)
        let value = sql.name(column.name)
        func written(_ text: Located<String>) throws(ConfigError) -> WrittenValue {
            guard let written = WrittenValue(text.value, as: column.type) else {
                throw ConfigError(
                    "'\(text.value)' is no \(column.type), and '\(column.name)' is",
                    remedy: "write a value of that type, or cast the column to text first", at: text.location)
            }
            return written
        }
        var branches: [String] = []
        var seen: [String: String] = [:]
        for mapped in values {
            let from = try written(mapped.from)
            if let other = seen.updateValue(mapped.from.value, forKey: from.canonical) {
                throw ConfigError(
                    "'\(other)' and '\(mapped.from.value)' are one \(column.type)", remedy: "remove one of them",
                    at: mapped.from.location)
            }
            var new = "NULL"
            if let to = mapped.to { new = try written(to).sql(sql) }
            branches.append("WHEN \(value) = \(from.sql(sql)) THEN \(new)")
        }
        // A missing value is not one of the others: `fill_missing` is a step of its own.
        var rest = "ELSE \(value)"
        if let otherwise = otherwise?.literal(for: column.type) {
            let new = otherwise == .null ? "NULL" : try written(Located(otherwise.words, at: name.location)).sql(sql)
            rest = "WHEN \(value) IS NOT NULL THEN \(new)"
        }
        let mapped = "CASE \(branches.joined(separator: " ")) \(rest) END"
        replace(title, [column.name: (column.type == .text ? mapped : sql.cast(mapped, to: column.type), column.type)])
    }

    private mutating func split(
        _ name: Located<String>, _ separator: String, _ into: [Located<String>], title: String
    ) throws(ConfigError) {
        let column = try column(name)
        guard column.type == .text else {
            throw ConfigError("only texts are split, and '\(name.value)' is \(column.type)", at: name.location)
        }
        var list = columns.map { sql.name($0.name) }
        for (index, part) in into.enumerated() {
            if columns.contains(where: { $0.name == part.value }) {
                throw ConfigError("there is a column '\(part.value)' already", at: part.location)
            }
            if into.prefix(index).contains(where: { $0.value == part.value }) {
                throw ConfigError("'\(part.value)' is named twice", at: part.location)
            }
            try refuseAlike(part, among: columns + into.prefix(index).map { Column($0.value, .text) })
            let piece = sql.call(.splitPart, [sql.name(column.name), sql.text(separator), "\(index + 1)"])
            list.append("\(sql.call(.nullif, [piece, "''"])) AS \(sql.name(part.value))")
        }
        add(title, list)
        columns += into.map { Column($0.value, .text) }
    }

    /// Adds a user's query over the rows so far, which it reads as `input`.
    private mutating func addQuery(_ template: Template, columns: [Column]) {
        let text = sql.bound(template)
        let name = sql.ownName("step_\(parts.count + 1)")
        let inside =
            "WITH input AS (SELECT \(inputList(for: template)) FROM \(from))\nSELECT \(plainNames(columns)) FROM (\n\(text)\n)"
        parts.append((name, "sql", inside))
        from = name
        numbersRows = false
        // For texts with new names it is unknown how they state times: each is judged by itself.
        let known = Set(self.columns.map(\.name)).subtracting(flags.keys)
        namedTimes?.mixed.formUnion(columns.filter { $0.type == .text && !known.contains($0.name) }.map(\.name))
        flags = [:]
        self.columns = columns
    }

    func require(_ value: Literal, fits column: Column, at location: SourceLocation) throws(ConfigError) {
        guard let type = value.type else {
            throw ConfigError("a missing '\(column.name)' cannot be filled with nothing", at: location)
        }
        if type == .timestamp, column.type == .localTimestamp, namedTimes != nil {
            throw ConfigError(
                "'\(value.words)' names an offset from UTC, and the times of '\(column.name)' name none",
                remedy: "leave the offset out, or say with 'timezone' of the dataset of which zone its times are",
                at: location)
        }
        if type == .localTimestamp, column.type == .timestamp, namedTimes != nil {
            throw ConfigError(
                "'\(value.words)' names no offset from UTC, and the times of '\(column.name)' are points in time",
                remedy: "write \(value.words)Z, or with another offset", at: location)
        }
        // A number that would be rounded to the column's type equals none of its values.
        let isExact =
            switch value {
            case .integer(let number): WrittenValue("\(number)", as: column.type) != nil
            case .number(let number): WrittenValue("\(number)", as: column.type) != nil
            case .decimal(let text): WrittenValue(text, as: column.type) != nil
            default: false
            }
        if case .decimal = column.type, type.isNumeric, !isExact {
            throw ConfigError(
                "'\(value.words)' is no \(column.type), and '\(column.name)' is",
                remedy: "write a value of that type, or cast the column first", at: location)
        }
        let fits =
            type == column.type || type.isNumeric && column.type.isNumeric && isExact
            || type.isTime && column.type.isTime || column.type == .text
        if !fits {
            throw ConfigError(
                "'\(column.name)' is \(column.type), and the value to fill it with is \(type)",
                remedy: "write a value of that type, or cast the column first", at: location)
        }
    }
}
