/// Columns with points in time and local times side by side: a column that goes along unseen tells them apart.
extension RelationBuilder {
    /// Whether a column of texts has times with an offset and times without one, and nobody says of which zone these are.
    func hasMixedTimes(_ name: String) -> Bool {
        sql.zone == nil && namedTimes?.mixed.contains(name) == true
            && columns.contains { $0.name == name && $0.type == .text }
    }

    func flagName(of column: String) -> String { DuckDBDialect.prefix + "local." + column }

    /// The columns that tell which times are local.
    func newFlags(_ mixed: [(column: String, text: String)]) -> [String] {
        mixed.map { column, text in
            "NOT \(MomentSQL.namesOffset(sql.name(text), sql)) AS \(sql.name(flagName(of: column)))"
        }
    }

    mutating func keepFlags(_ mixed: [(column: String, text: String)]) {
        for (column, _) in mixed { flags[column] = flagName(of: column) }
    }

    /// The flag that a derived column shares: a copy of a column with both kinds of times has both.
    ///
    /// - Throws: ``ConfigError`` for a time that is computed of such columns, which could be either.
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

    mutating func forgetFlags() {
        flags = flags.filter { flag in columns.contains { $0.name == flag.key && $0.type == .timestamp } }
    }
}
