/// A query whose columns are asked for.
package struct ColumnQuestion: Sendable {
    /// Which query of the stage it is.
    package var index: Int
    package var script: SQLScript
    /// Where the user wrote it.
    package var location: SourceLocation

    package init(index: Int, script: SQLScript, location: SourceLocation) {
        self.index = index
        self.script = script
        self.location = location
    }
}
