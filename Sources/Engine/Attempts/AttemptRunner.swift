package import CaudalModel

/// What an attempt is for.
package enum AttemptPurpose: Hashable, Sendable {
    /// Do the stage's, or the item's, work.
    case work
    /// Find the items of a fan-out.
    case findItems
    /// Take work up again that goes on elsewhere, begun for the same attempt by an engine that has died.
    case attach(WorkIdentity)
}

/// One attempt to be made.
package struct AttemptOrder: Sendable {
    /// What is attempted.
    package let unit: UnitID
    /// Which attempt at it this is, from 1.
    package let number: Int
    /// Whether it finds items or does the work.
    package let purpose: AttemptPurpose
    /// The item, for an attempt of one.
    package let item: Item?
    /// What the stages upstream have made in this run, by dataset.
    ///
    /// A dataset that no stage of the run makes is not there. A stage that reads files by their places gets what every
    /// stage made that it waits for; any other stage gets the datasets that it names.
    package let made: [DatasetName: ProducedData]
    /// The datasets of upstream stages that did not run: the data may lie there from elsewhere.
    package let absent: [DatasetName: MissingData]
    /// The whole run so far, for work that asks for it.
    package let state: RunState?
    /// Whether a user asked for it to be made again, so that no earlier success will do.
    package let isAskedFor: Bool
}

/// Waits until the engine has recorded the moves of a publication and the result that holds once they are made.
///
/// Returns false where nothing may be moved, because the run could not be recorded.
package typealias PublicationRecorder = @Sendable (PublishPlan, AttemptResult) async -> Bool

/// Makes attempts.
package protocol AttemptRunner: Sendable {
    /// Whether attempts of a stage want to see the whole run.
    func wantsState(_ stage: StageID) -> Bool

    /// Whether attempts of a stage may read what stages made that it waits for by way of others: files by a pattern.
    func readsByPlace(_ stage: StageID) -> Bool

    /// What an attempt of a unit has read counts no more: the unit is to run again.
    func forget(_ unit: UnitID)

    /// Makes one attempt and returns when nothing of it is left.
    func run(
        _ order: AttemptOrder, control: AttemptControl, publish: PublicationRecorder
    ) async -> AttemptResult
}
