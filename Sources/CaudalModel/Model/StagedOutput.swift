/// A file that an attempt writes in its staging folder; it is moved into place when the attempt succeeds.
package struct StagedOutput: Sendable, Hashable {
    /// The dataset it belongs to; nil for a file beside the data, such as a report.
    package var dataset: DatasetName?
    /// Absolute paths.
    package var staged: String
    package var target: String
    package var columns: [Column]
    /// Whether the attempt may succeed without writing it; then it is not published.
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
