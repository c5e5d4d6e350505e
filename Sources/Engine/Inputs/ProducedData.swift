package import CaudalModel

/// What a stage of the run has made of a dataset.
package struct ProducedData: Sendable {
    /// The stage that made it.
    package var writer: StageID
    /// What it published, items in their order.
    package var artifacts: [Artifact]
    /// The items that an operator marked as succeeded: their data is expected at their paths.
    package var markedItems: [Item] = []

    /// Whether there is nothing of it, as of a fan-out without items.
    var isWithoutItems: Bool { artifacts.isEmpty && markedItems.isEmpty }
}

/// Data whose stage took part in the run and did not run.
package struct MissingData: Sendable {
    /// What became of the stage, in words.
    package var reason: String
    /// Whether what reads it is skipped too when it is not there.
    package var isSkipped: Bool
}
