package import CaudalModel

/// Reads a file that Caudal did not write: rows that are malformed or break a rule of its schema are quarantined with
/// the reason, and no row is lost.
package struct Intake {
    /// The dialect for times of the source's zone.
    let sql: any SQLDialect
    let source: DataSource
    let schema: RowSchema
    let predicates: SchemaPredicates
    /// The files as people know them: relative to the project's root where they lie below it.
    let fileNames: [String]
    /// The columns that are read: those of the file, and for JSON also those that the schema names.
    let columns: [Column]
    /// The columns of the result, in the file's order and then those that the file lacks.
    package let typedColumns: [(name: String, type: ColumnType, sql: String)]

    /// Compiles a schema for a file's columns.
    ///
    /// - Throws: ``ConfigError`` when the file lacks a required column or has one that the schema forbids. In JSON,
    ///   each row is judged by itself.
    package init(
        source: DataSource, schema: RowSchema, root: String, isStrict: Bool, stageLocation: SourceLocation,
        sql: any SQLDialect
    ) throws(ConfigError) {
        self.sql = sql.inZone(source.zone)
        self.source = source
        self.schema = schema
        // CSV has dates in the ways people write them; in JSON the format must be exact.
        predicates = SchemaPredicates(
            dialect: self.sql, isStrict: isStrict || source.isForeignJSON, namedTimes: source.namedTimes)
        fileNames = source.shownFiles(root: root)
        let files = fileNames.count == 1 ? fileNames[0] : "'\(source.dataset)'"
        if source.isForeignJSON {
            columns = try Self.jsonColumns(of: source, schema, files: files, at: stageLocation)
        } else {
            columns = source.columns
            try Self.checkColumns(columns.map(\.name), schema, files: files, at: stageLocation)
        }
        var typed: [(String, ColumnType, String)] = []
        for column in columns {
            let form = Self.form(of: column, in: source)
            let made = predicates.typed(column.name, schema.rules(of: column.name) ?? ValueRules(), form: form)
            typed.append((column.name, made.type, made.sql))
        }
        for property in schema.properties where !columns.contains(where: { $0.name == property.name }) {
            let type = property.rules.columnType
            typed.append((property.name, type, sql.cast("NULL", to: type)))
        }
        guard !typed.isEmpty else {
            throw ConfigError(
                "the rows of \(files) have no columns, and the schema names none", remedy: "name them in 'properties'",
                at: stageLocation)
        }
        typedColumns = typed
    }

    private static func checkColumns(
        _ names: [String], _ schema: RowSchema, files: String, at location: SourceLocation
    ) throws(ConfigError) {
        for required in schema.required where !names.contains(required) {
            let place = schema.properties.first { $0.name == required }?.location ?? location
            throw ConfigError(
                "\(files) has no column '\(required)', which the schema requires"
                    + Suggestion.phrase(for: required, among: names), at: place)
        }
        if schema.additional == .forbidden {
            let known = schema.properties.map(\.name)
            if let extra = names.first(where: { !known.contains($0) }) {
                throw ConfigError(
                    "\(files) has a column '\(extra)', which the schema does not allow",
                    remedy: "add it to 'properties', or allow 'additionalProperties'", at: location)
            }
        }
    }

    static func form(of column: Column, in source: DataSource) -> SchemaPredicates.Form {
        if source.isForeignJSON { return .json(column.type) }
        return source.format == .csv && !source.isOwn ? .text : .typed(column.type)
    }

    /// The type that a column of the relation has.
    static func type(of column: Column, in source: DataSource) -> ColumnType {
        form(of: column, in: source) == .typed(column.type) ? column.type : .text
    }

    /// The rules of each column of which something is said.
    var ruledColumns: [(column: Column, rules: ValueRules, isRequired: Bool)] {
        columns.compactMap { column in
            let isRequired = schema.required.contains(column.name)
            let rules = schema.rules(of: column.name) ?? (isRequired ? ValueRules() : nil)
            return rules.map { (column, $0, isRequired) }
        }
    }

    /// The columns that rows of JSON have: the keys that occur, then those that only the schema names.
    ///
    /// A key that the schema forbids is no column: it is a fault of the rows that have it.
    private static func jsonColumns(
        of source: DataSource, _ schema: RowSchema, files: String, at location: SourceLocation
    ) throws(ConfigError) -> [Column] {
        let named = schema.properties.map(\.name)
        var columns = source.columns.filter { schema.additional != .forbidden || named.contains($0.name) }
        for name in named + schema.required where !columns.contains(where: { $0.name == name }) {
            columns.append(Column(name, .text))
        }
        if let fault = CSVHeader.fault(in: columns.map(\.name)) {
            throw ConfigError(
                "the keys of \(files) cannot become columns: \(fault)",
                remedy: "rename them, or leave them out with 'additionalProperties: false'", at: location)
        }
        return columns
    }

    /// The statements that do it.
    package var statements: any IntakeStatements { sql.statements(of: self) }

    /// The fault that makes the file unreadable, from the results of the search; nil when each line is a row or
    /// quarantined.
    package func fault(in readings: DataReadings) -> Failure? { BrokenLines.fault(in: readings, files: fileNames) }
}

/// Quarantined rows that a user has corrected.
extension Intake {
    /// The columns of a file of corrections that say which row of which file each line stands for.
    package static let correctedFile = "quarantine_file"
    package static let correctedRow = "quarantine_row"
    /// The column that shows what stands in a line that is no row; what is made of it goes into the others.
    package static let correctedRaw = "quarantine_raw"
    /// The column of a file of corrections that holds a row of JSON; rows of other formats have their own columns.
    package static let correctedJSON = "json"
}
