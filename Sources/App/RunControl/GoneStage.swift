import CaudalModel
import Engine

/// A stage that an edited pipeline file has no more, because it was renamed or removed.
struct GoneStage: Equatable, Sendable {
    let stage: StageID
    /// The pipeline file, as the user named it.
    let file: String
    /// The new stage at its place in the file, if that is one alone.
    let successor: StageID?

    /// - Parameters:
    ///   - before: The stages of the file before it was edited, in the file's order.
    ///   - after: Those that it has now.
    /// - Returns: Nil where the stage is still there, or was not there before.
    init?(_ stage: StageID, of file: String, before: [StageID], after: [StageID]) {
        // A file without stages cannot be read, which is another matter.
        guard let place = before.firstIndex(of: stage), !after.isEmpty, !after.contains(stage) else { return nil }
        (self.stage, self.file) = (stage, file)
        // Its place is between the nearest stages that are still there.
        let above = before[..<place].lastIndex(where: after.contains)
        let below = before[place...].firstIndex(where: after.contains)
        let start = above.flatMap { after.firstIndex(of: before[$0]) }.map { $0 + 1 } ?? 0
        let end = below.flatMap { after.firstIndex(of: before[$0]) } ?? after.count
        let new = start < end ? after[start..<end].filter { !before.contains($0) } : []
        let isOnlyOne = (below ?? before.count) - (above ?? -1) == 2
        successor = isOnlyOne && new.count == 1 ? new[0] : nil
    }

    /// What has become of it, in a sentence.
    var words: String {
        "\(stage) is no longer in \(file)" + (successor.map { ": \($0) stands in its place" } ?? "")
    }
}
