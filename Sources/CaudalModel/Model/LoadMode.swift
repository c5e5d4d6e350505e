/// What a load does with the rows that the table already holds.
package enum LoadMode: String, Sendable, CaseIterable {
    /// All existing rows are removed.
    case replace
    /// Existing rows stay.
    case append
    /// Existing rows with the key of a new row are replaced; the others stay.
    case upsert
}
