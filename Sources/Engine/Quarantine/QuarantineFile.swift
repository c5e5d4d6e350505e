package import CaudalModel
import Foundation

/// A file of rows that a validate stage quarantined.
package struct QuarantineFile: Sendable {
    /// The stage.
    package let stage: StageID
    /// How many rows there are, when that was recorded.
    package let rows: Int64?
    /// The file: relative to the project's root where it was published, else absolute.
    package let path: String
    /// What the file was when it was published; nil for one that a failed attempt left behind.
    private let artifact: Artifact?

    /// Whether the stage published it; a stage that failed leaves it where the attempt worked.
    package var isPublished: Bool { artifact != nil }

    /// The absolute path, once it is sure that the file is what the run wrote.
    ///
    /// - Throws: ``Failure`` when a later run has replaced it.
    package func checkedPath(of run: RunID, root: String, in store: RunStore) throws(Failure) -> String {
        guard let artifact else { return path }
        let file = PathText.absolute(artifact.path, in: root)
        guard store.fingerprint(ofFile: file) == artifact.contentHash else {
            throw Failure(
                "\(artifact.path) has changed since run \(run) wrote it",
                remedy: "a later run replaced it: look at that run")
        }
        return file
    }

    // MARK: - Finding

    /// What the validate stages of a run quarantined last, also where a stage failed and published nothing.
    ///
    /// `folder`: the run's.
    package static func all(of run: RunState, in folder: RunFolder) -> [QuarantineFile] {
        run.stages.flatMap { stage -> [QuarantineFile] in
            guard run.plan.index(of: stage.id).map({ run.plan.stages[$0].type }) == ValidateStage.typeName else {
                return []
            }
            let units =
                stage.hasItems
                ? stage.items.map { (UnitID(stage.id, $0.item.key), $0.unit) } : [(UnitID(stage.id), stage.unit)]
            return units.compactMap { id, unit in
                let ended = unit.attempts.filter { $0.result != nil }
                guard let attempt = ended.last(where: { $0.result?.quarantinedRows != nil }) ?? ended.last,
                    let result = attempt.result
                else { return nil }
                if result.ending == .failed { return leftBehind(by: attempt, result, id, folder) }
                guard let rows = result.rows?.quarantined, rows > 0,
                    let artifact = result.artifacts.first(where: { $0.dataset == nil })
                else { return nil }
                return QuarantineFile(stage: stage.id, rows: rows, path: artifact.path, artifact: artifact)
            }
        }
    }

    /// What a failed attempt quarantined, which lies where it worked.
    private static func leftBehind(
        by attempt: Attempt, _ result: AttemptResult, _ id: UnitID, _ folder: RunFolder
    ) -> QuarantineFile? {
        let place = folder.attempt(id, attempt.number)
        // Nothing is left of an attempt that failed for another reason.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        guard let name = names.first(where: { $0.hasSuffix(".csv") || $0.hasSuffix(".parquet") }) else { return nil }
        let rows = result.checks.first { $0.kind == CheckResult.schemaKind }?.failingRows
        return rows == 0 ? nil : QuarantineFile(stage: id.stage, rows: rows, path: place + "/" + name, artifact: nil)
    }
}

extension AttemptResult {
    /// How many rows a validate stage's attempt quarantined, also where it failed; nil for one that failed before it had looked at
    /// any row, and so says nothing of them.
    package var quarantinedRows: Int64? {
        rows?.quarantined ?? checks.first { $0.kind == CheckResult.schemaKind }?.failingRows
    }
}
