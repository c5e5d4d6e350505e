import CaudalModel
import Engine

/// The versions of an earlier run: they are published again, after a question that names what would be lost.
extension DashboardLoop {
    /// Asks whether the versions of a run are published again.
    func prepareRestoring(_ id: RunID) {
        let past = shown.past
        state.say("looking for the versions of run \(id) …")
        lookUp { () throws(StoreError) in .confirmation(past.restoring(id)) }
    }

    /// Publishes the versions of a run again.
    func restore(_ id: RunID, losing agreed: [String]) {
        let past = shown.past
        state.say("publishing the versions of run \(id) again …")
        lookUp { () throws(StoreError) in
            do {
                return .said(try past.restore(id, losing: agreed), .good)
            } catch {
                return .said(Output.oneLine(error), .bad)
            }
        }
    }
}

extension PastRuns {
    /// The question before the versions of a run are published again.
    func restoring(_ id: RunID) -> ConfirmationBuilder.Outcome {
        do {
            let restorer = try VersionRestorer(id, dataset: nil, in: store)
            let inPlace = restorer.filesInPlace
            if restorer.hasNothingToDo {
                return .refusal("all \(inPlace.counted("file")) of run \(id) are in place", .good)
            }
            let losses = restorer.losses
            var lines = losses.map { LabelledLine(lead: "loses      ", text: $0, style: .bad) }
            lines += restorer.files.map { file in
                let rows = file.artifact.rowCount.map { ", \($0.counted("row"))" } ?? ""
                return LabelledLine(
                    lead: "publishes  ", text: "\(file.artifact.path)  \(file.artifact.sizeInBytes.shortBytes)\(rows)")
            }
            lines += restorer.surplus.map {
                LabelledLine(lead: "puts away  ", text: "\($0.path), which the run did not have")
            }
            if inPlace > 0 {
                lines.append(LabelledLine(lead: "stays      ", text: "what is in place: \(inPlace.counted("file"))"))
            }
            let publish = Confirmation.Choice(label: "Publish", effect: .restore(id, losing: losses), lines: lines)
            return .question(
                Confirmation(
                    title: "Publish the versions of run \(id) again?",
                    choices: [.init(label: "Cancel", lines: lines), publish]))
        } catch {
            return .refusal(Output.oneLine(error), .wait)
        }
    }

    /// Publishes the versions of a run again, and tells so.
    ///
    /// - Parameter agreed: What the user has agreed to lose.
    /// - Throws: ``Failure`` when something else would be lost by now, and what ``VersionRestorer`` throws.
    func restore(_ id: RunID, losing agreed: [String]) throws -> String {
        let restorer = try VersionRestorer(id, dataset: nil, in: store)
        if let other = restorer.losses.first(where: { !agreed.contains($0) }) {
            throw Failure("nothing was published: by now this would be lost: \(other)", remedy: "ask again")
        }
        try restorer.carryOut(by: Operator.sender(via: "dashboard"), now: SystemClock.now)
        let away = restorer.surplus.isEmpty ? "" : ", and put \(restorer.surplus.count.counted("other")) away"
        return "published \(restorer.files.count.counted("file")) of run \(id) again\(away)"
    }
}
