package import CaudalModel

/// How an engine reads data: as relations, which stand behind FROM, and as questions about files whose columns are not known.
package protocol SourceDialect: Sendable {
    /// The rows of a source with its columns in order.
    func rows(of source: DataSource, _ reading: SourceReading) -> String
    /// The rows of a Parquet file that a script of Caudal wrote.
    func rows(ofParquet file: String) -> String
    /// The rows of a table that the script made, numbered from 0 in a column ``DataSource/rowColumn``; `columns` is SQL.
    func numberedRows(ofTable table: String, columns: String) -> String
    /// The rows of a table or name of the script, as a query.
    func everything(of relation: String) -> String
    /// A number from 0 that is the same for the same values, below `count`.
    func bucket(of values: [String], among count: Int) -> String
    /// The statement that writes the rows of a query to files in folders, each of which is called by a value of a column.
    func division(of query: String, by column: String, into folder: String) -> String
    /// Rows of several values with the names of each: what a query of the user gives, whatever its columns are.
    ///
    /// `names`, `values`: what the two columns are called.
    func namedValues(ofQuery query: String, where condition: String, limit: Int, names: String, values: String)
        -> String
    /// How many lines of what was read are no rows, as SQL for a number.
    var countOfBrokenLines: String { get }
    /// The statement that finds lines which are too long to be read: rows of the kind `unreadable`.
    func unreadableLines(of source: DataSource) -> SQLScript.Kind
    /// The statements that put aside what breaks the rules of a schema.
    func statements(of intake: Intake) -> any IntakeStatements
    /// The rows that stages put aside, from files of one format.
    func quarantinedRows(_ files: [String]) -> String
    /// A value of a row that was put aside, by its column.
    func value(of column: String, inQuarantined row: String) -> String

    // MARK: Files whose columns are not known

    /// The statements that tell of files of Parquet or JSON which columns they have: rows of the kinds `column`, `key` and
    /// `valued`.
    func inspection(of source: DataSource) -> [(title: String, kind: SQLScript.Kind)]
    /// The statement that tells which columns of JSON hold nothing but null: `c0` and so on in a row of the kind `empty`.
    func columnsWithoutValues(_ columns: [String], of source: DataSource) -> SQLScript.Kind
    /// The statement that tells whether times in columns of JSON name an offset (`w0` and so on) and whether some name none
    /// (`n0` and so on), in a row of the kind `offsets`.
    func offsets(ofKeys columns: [String], of source: DataSource) -> SQLScript.Kind
    /// The statement that tells in which columns of JSON stands a whole number that what it is read as does not hold: `c0` and so
    /// on in a row of the kind `large`.
    func largeNumbers(_ columns: [(name: String, paths: [ColumnType.NumberPath])], of source: DataSource)
        -> SQLScript.Kind
    /// The statement that tells in which columns of JSON stands a text that is no date or time as ISO 8601 writes it: `c0` and so on
    /// in a row of the kind `loose`.
    func looseTimes(_ columns: [String], of source: DataSource) -> SQLScript.Kind
    /// The statement that gives one row of a kind where a Parquet file has a row for which a condition holds.
    func anyRow(
        ofParquet file: String, where condition: String, _ kind: RowKind, column: String, file index: Int
    ) -> SQLScript.Kind
    /// The type that holds every value of two, by the engine's names of them; nil where none does.
    ///
    /// Whole numbers beside floating point may be too large for it: see ``loss(of:_:as:)``.
    func commonType(_ left: String, _ right: String) -> String?
    /// The engine's name of the type of times to the nanosecond.
    var nanosecondType: String { get }
    /// What must be asked of values that become another type: a condition that is true for one that is not held, and the kind of
    /// row that tells of it; nil where every value is held.
    func loss(of value: String, _ type: String, as united: String) -> (kind: RowKind, condition: String)?
}

/// How a source is read.
package struct SourceReading: Sendable, Hashable {
    /// Whether a column ``DataSource/rowColumn`` numbers the rows from 0 in order.
    ///
    /// Only Parquet has such numbers without
    /// counting; other formats are counted, which is slower.
    var numbersRows = false
    /// Whether broken lines are put aside instead of failing the query.
    var keepsRejects = false
    /// Whether a column `file_index` can be asked for, which tells the place of a row's file in the list.
    var numbersFiles = false
}

/// The two parts of an external file: rows that keep the rules of their schema, and rows that do not.
package protocol IntakeStatements {
    /// Adds the statements that find the invalid rows and count everything: the counts `read`, `invalid`, `rejected`, `odd` and
    /// `corrected`, and rows of the kinds `violation` and `unreadable`.
    ///
    /// `partition`: the columns by which the rows of the attempt's item are chosen.
    /// `corrections`: files of corrected rows.
    func addSearch(to script: inout SQLScript, partition: [String], corrections: [String])
    /// The rows of the quarantine: one for each broken rule, in the order of the file.
    func quarantineQuery(partition: [String]) -> String
    /// The valid rows with their types.
    ///
    /// `isCorrected`: whether rows were corrected, whose valid ones come behind the others.
    func validQuery(partition: [String], format: Dataset.Format, isCorrected: Bool) -> String
}

/// How an engine writes the rules about values of JSON with types of their own.
///
/// This is draft 7 to the letter: `1.0` is an integer, `true` is no number, a rule about numbers says nothing about
/// texts, lengths count code points, and values of `enum` are compared as JSON. A key that is not there is SQL's null,
/// an explicit `null` is a value.
package protocol JSONRules: Sendable {
    /// SQL for a list or an object of a column with a type of its own, as JSON.
    func value(of column: String) -> String
    /// SQL that is true where a value has one of the types; nil when every value has.
    func typeHolds(_ value: String, _ rules: ValueRules) -> String?
    /// Each rule about a value with SQL that is true where it is kept; `formats` prints those about formats.
    func valueRules(
        _ value: String, _ rules: ValueRules, formats: FormatPredicates
    ) -> [(label: String, holds: String)]
    /// SQL for a valid value as the type its rules make of it, or else the one that all of the file's values have.
    func typed(_ value: String, _ rules: ValueRules, found: ColumnType) -> (sql: String, type: ColumnType)
}
