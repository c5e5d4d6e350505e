/// Where the data of an attempt comes from: what stages of its run have made, and what others left.
package struct DataOrigins: Sendable {
    /// The stage that reads; nil where none does.
    package var reader: StageID?
    /// What stages of the run have made; a dataset that is not here was not made in the run.
    package var made: [DatasetName: ProducedData]
    /// What became of stages that took part in the run and did not run, in words.
    package var absent: [DatasetName: String]
    /// Where the version of an artifact lies that this run published; throws a ``Failure`` when it is nowhere.
    package var place: @Sendable (Artifact, StageID) throws -> String
    /// Finds what stages wrote that take no part in the run; nil takes whatever lies there.
    package var earlier: EarlierOutputs?
    /// The columns that a stage would write of a dataset, by its definition; empty where only a run of it can tell.
    package var announce: @Sendable (DatasetName) async -> [Column]
    /// Told of each file that a stage would write which takes no part in the run.
    package var tell: @Sendable (EarlierFile) -> Void

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
