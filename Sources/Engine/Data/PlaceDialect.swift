/// How an engine finds a value by the place of its key in a list.
package protocol PlaceDialect: Sendable {
    /// The statement that makes a type of the keys of a table, in the order of its numbered rows; each key is there once.
    func enumeration(_ type: String, of rows: String, key: String) -> String
    /// The place of a text among the keys of such a type, from 0; null where it is none of them.
    func place(of text: String, in type: String) -> String
    /// The aggregate that lists the values of a column, in the order of numbered rows.
    func listed(_ value: String) -> String
    /// A value of a list that a statement before has noted, by its place from 0; null where the place is.
    func noted(_ name: String, atPlace place: String) -> String
}
