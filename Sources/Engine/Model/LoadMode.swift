/// What becomes of the rows that a table holds when others are loaded into it.
package enum LoadMode: String, Sendable, CaseIterable {
    /// They go.
    case replace
    /// They stay.
    case append
    /// Those with the key of a new row change; the others stay.
    case upsert
}
