package import CaudalModel

/// How an engine reaches databases.
package protocol ConnectionDialect: Sendable {
    /// The name under which a script finds a connection.
    func alias(of connection: String) -> String
    /// The statement that makes a connection's tables known to a script.
    ///
    /// `target`: the path or the words that say where the database is.
    func attachment(_ target: String, of connection: String, _ kind: Connection.Kind, isReadOnly: Bool) -> String
    /// The statement that lets a script read a bucket; keys are in the variables of the child.
    func access(to store: ObjectStore, of connection: String) -> String
    /// The rows of objects, after FROM: their columns are united by name.
    func rows(ofObjects urls: [String], _ folders: FolderColumns) -> String
    /// The rows of a version of a table, after FROM.
    func rows(of version: TableVersion) -> String
    /// A query that the database itself runs, after FROM.
    func ownQuery(_ text: String, on connection: String, _ kind: Connection.Kind) -> String
    /// A statement that the database itself runs, inside the transaction that is open.
    func ownStatement(_ text: String, on connection: String, _ kind: Connection.Kind) -> String
    /// What a person runs before the statement that attaches a database.
    func preparation(for kind: Connection.Kind) -> [String]
}
