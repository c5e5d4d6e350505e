package import CaudalModel

/// The origins of an attempt's data: what stages of its run have made, and what comes from elsewhere.
package struct DataOrigins: Sendable {
    /// The reading stage; nil when no stage reads.
    package var reader: StageID?
    /// What stages of the run have made; other datasets were not made in the run.
    package var made: [DatasetName: ProducedData]
    /// What happened to stages of the run that did not run, in words.
    package var absent: [DatasetName: String]
    /// The path of an artifact's version that this run published; throws a ``Failure`` when it no longer exists.
    package var place: @Sendable (Artifact, StageID) throws -> String
    /// Finds the outputs of stages that do not take part in the run; nil accepts any existing files.
    package var earlier: EarlierOutputs?
    /// The columns that a stage would write to a dataset, by its definition; empty when only a run of it can tell.
    package var announce: @Sendable (DatasetName) async -> [Column]
    /// Receives each file that a stage outside of the run would write.
    package var tell: @Sendable (EarlierFile) -> Void
    /// Hides the secrets of the run in a text.
    var masked: @Sendable (String) -> String = { $0 }
    /// Where an attempt keeps copies of files that lie elsewhere; nil where none works with them.
    var folderOfCopies: String?
    /// Whether the attempt's work goes on, and reads the copies that were made for it.
    var isTakenUp = false

    package init(
        reader: StageID? = nil, made: [DatasetName: ProducedData] = [:], absent: [DatasetName: String] = [:],
        place: @escaping @Sendable (Artifact, StageID) throws -> String = { artifact, _ in artifact.path },

        earlier: EarlierOutputs? = nil, announce: @escaping @Sendable (DatasetName) async -> [Column] = { _ in [] },
        tell: @escaping @Sendable (EarlierFile) -> Void = { _ in }
    ) {
        self.reader = reader
        self.made = made
        self.absent = absent
        self.place = place
        self.earlier = earlier
        self.announce = announce
        self.tell = tell
    }
}
