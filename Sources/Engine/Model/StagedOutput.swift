/// A file that an attempt writes at a staging place and that is moved into place when everything went well.
package struct StagedOutput: Sendable, Hashable {
    /// The dataset it belongs to; nil for a file beside the data, such as a report.
    package var dataset: DatasetName?
    /// Absolute paths.
    package var staged: String
    package var target: String
    package var columns: [Column]
    /// Whether the attempt may succeed without writing it; it is then not published.
    package var isOptional: Bool

    package init(
        dataset: DatasetName?, staged: String, target: String, columns: [Column] = [], isOptional: Bool = false
    ) {
        self.dataset = dataset
        self.staged = staged
        self.target = target
        self.columns = columns
        self.isOptional = isOptional
    }
}
