import CaudalModel

/// Columns with both points in time and local times: a hidden flag column distinguishes them.
extension RelationBuilder {
    /// Whether a text column has times with and without an offset, and no zone is set for the latter.
    func hasMixedTimes(_ name: String) -> Bool {
        sql.zone == nil && namedTimes?.mixed.contains(name) == true
            && columns.contains { $0.name == name && $0.type == .text }
    }

    func flagName(of column: String) -> String { OwnName.of("local." + column) }

    /// The flag columns; `text` is SQL for the text from which each column is made.
    func newFlags(_ mixed: [(column: String, text: String)]) -> [String] {
        mixed.map { column, text in
            "NOT \(sql.namesOffset(text)) AS \(sql.name(flagName(of: column)))"
        }
    }

    mutating func keepFlags(_ mixed: [(column: String, text: String)]) {
        for (column, _) in mixed { flags[column] = flagName(of: column) }
    }

    /// The flag that a derived column shares: a copy of a column with both kinds of times has both.
    ///
    /// - Throws: ``ConfigError`` for a time computed from such columns, whose kind is unknown.
    func flag(of derivation: Step.Derivation, as type: ColumnType) throws(ConfigError) -> String? {
        let expression = derivation.expression.value
        guard type == .timestamp, let column = expression.columns.first(where: { flags[$0] != nil }) else { return nil }
        if case .column = expression.node { return flags[column] }
        if case .cast(let operand, _) = expression.node, case .column = operand.node { return flags[column] }
        throw ConfigError(
            "'\(column)' has times with an offset from UTC and times without one: which of them '\(derivation.name.value)' "
                + "would have cannot be told",
            remedy: "say with 'timezone' of the dataset of which zone times without an offset are",
            at: derivation.expression.location)
    }

    /// Rejects a text made of a time that is computed from a column with both kinds of times.
    func refuseMixedTexts(_ expression: Expression, _ typing: ExpressionTyping) throws(ExpressionFault) {
        for operand in expression.textOperands where try typing.type(of: operand) == .timestamp {
            if case .column = operand.node { continue }
            guard let column = operand.columns.first(where: { flags[$0] != nil }) else { continue }
            throw ExpressionFault(
                "'\(column)' has times with an offset from UTC and times without one: which of them a text of this would "
                    + "have cannot be told",
                remedy: "say with 'timezone' of the dataset of which zone times without an offset are",
                at: operand.offset)
        }
    }

    /// Keeps in mind how a column of texts that are made of times names offsets: points in time do, local times do not.
    mutating func keepOffsets(of times: [Expression], in name: String) {
        let typing = ExpressionTyping(columns: columns, references: references)
        let types = times.compactMap { (try? typing.type(of: $0)) ?? nil }
        let isMixed = times.contains { time in time.columns.contains { flags[$0] != nil } }
        if isMixed || types.contains(.timestamp) && types.contains(.localTimestamp) {
            namedTimes?.mixed.insert(name)
        } else if types.contains(.timestamp) {
            namedTimes?.withOffset.insert(name)
        }
    }

    mutating func forgetFlags() {
        flags = flags.filter { flag in columns.contains { $0.name == flag.key && $0.type == .timestamp } }
    }

    /// SQL for the text that an expression casts to a time, if some values may lack an offset.
    func mixedText(_ expression: Located<Expression>) throws(ConfigError) -> String? {
        guard case .cast(let operand, .timestamp) = expression.value.node, sql.zone == nil, namedTimes != nil,
            try type(of: Located(operand, at: expression.location)) == .text
        else { return nil }
        if case .column(let name) = operand.node { return hasMixedTimes(name) ? sql.name(name) : nil }
        return operand.mayNameOffset ? "(\(try typed(Located(operand, at: expression.location)).sql))" : nil
    }

    /// Rejects operations that would treat a point in time and a local time as the same value.
    func refuseMixed(_ column: Column, at location: SourceLocation) throws(ConfigError) {
        if flags[column.name] == nil { return }
        throw ConfigError(
            "'\(column.name)' has times with an offset from UTC and times without one, which cannot be compared with each "
                + "other", remedy: "say with 'timezone' of the dataset of which zone times without an offset are",
            at: location)
    }

    /// Rejects a new column whose name the SQL engine would not distinguish from another.
    func refuseAlike(_ name: Located<String>, among columns: [Column]) throws(ConfigError) {
        guard let other = columns.first(where: { AlikeNames.areAlike($0.name, name.value) }) else { return }
        throw ConfigError(
            "there is a column '\(other.name)', which differs from '\(name.value)' in case alone",
            remedy: "give one of them another name", at: name.location)
    }

    /// The columns as a user's query sees them.
    func inputList(for query: Template) -> String {
        ZonedView.isWanted(by: query.description)
            ? columns.map { flags[$0.name] == nil ? ZonedView.column($0, sql) : shown($0) }.joined(separator: ", ")
            : names(columns)
    }
}

/// Names that engines take for one.
enum AlikeNames {
    /// Compares names as DuckDB does: only ASCII letters have case.
    static func areAlike(_ left: String, _ right: String) -> Bool {
        func folded(_ name: String) -> [UInt8] { name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 } }
        return left != right && folded(left) == folded(right)
    }
}

/// Points in time for queries that mention zones: as times with a zone, so that the SQL engine's rules apply.
///
/// Other queries see them as plain times in UTC, with which DuckDB computes several times as fast.
enum ZonedView {
    /// Whether a query mentions zones or contains points in time.
    static func isWanted(by query: String) -> Bool {
        // Two strokes within a text begin no comment.
        let parts = #/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*(?:.|\n)*?\*\//#
        let words = query.lowercased().replacing(parts) { part in
            part.output.hasPrefix("--") || part.output.hasPrefix("/*") ? " " : part.output
        }
        let time = #/'[^']*[0-9]:[0-9]{2}(:[0-9.]+)?\s*(z|[+-][0-9]{2}(:?[0-9]{2})?)'/#
        return words.contains(#/\btimezone\s*\(|timestamptz|time\s+zone/#) || words.contains(time)
    }

    /// An element of a list of columns.
    static func column(_ column: Column, _ sql: any SQLDialect) -> String {
        column.type == .timestamp ? sql.zoned(column) : sql.name(column.name)
    }

    static func list(_ columns: [Column], _ sql: any SQLDialect) -> String {
        columns.map { column($0, sql) }.joined(separator: ", ")
    }
}

extension Expression {
    /// Whether a computed text may state an offset that no column has, from a bound value or a literal.
    var mayNameOffset: Bool {
        var found = false
        visit { expression in
            switch expression.node {
            case .reference: found = true
            case .literal(.text(let text)): found = found || text.contains(#/[Zz]$|[+-][0-9]{2}(:?[0-9]{2})?$/#)
            default: break
            }
        }
        return found
    }
}
