package import CaudalModel

/// The validate stage that corrected rows are for.
package struct CorrectionTarget: Sendable {
    /// The stage.
    package let stage: StageID
    /// The dataset that it validates, whose invalid rows the corrected ones stand in for.
    package let input: DatasetName
    private let pipeline: Pipeline

    /// Finds the stage in its pipeline.
    ///
    /// - Throws: ``Failure`` when the pipeline has no such stage, or the stage validates nothing.
    package init(_ stage: StageID, of pipeline: Pipeline) throws(Failure) {
        guard let definition = pipeline.stage(stage) else {
            let names = pipeline.stages.map(\.id.rawValue)
            throw Failure(
                "the pipeline file has no stage '\(stage)'" + Suggestion.phrase(for: stage.rawValue, among: names))
        }
        guard let input = definition.definition.validatedInput?.value else {
            throw Failure(
                "stage '\(stage)' is of type \(definition.definition.typeName), and only a validate stage takes corrected rows"
            )
        }
        (self.stage, self.input, self.pipeline) = (stage, input, pipeline)
    }

    /// Makes sure that the stage can take corrected rows at all.
    ///
    /// - Throws: ``Failure`` when it is a fan-out.
    package func refuseItems() throws(Failure) {
        guard pipeline.stage(stage)?.fanOut != nil else { return }
        throw Failure(
            "stage '\(stage)' has 'foreach', and corrected rows cannot be taken into such a stage",
            remedy: "correct its input, and retry it")
    }

    /// Makes sure that a file of corrected rows says which rows they stand in for.
    ///
    /// `file`: what the file is called.
    /// `remedy`: how to get a file that does.
    /// - Throws: ``Failure`` when a column is missing.
    package func check(_ text: String, file: String, remedy: String) throws(Failure) {
        let header = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
        for name in [Intake.correctedFile, Intake.correctedRow] where !header.contains(name) {
            throw Failure("\(file) has no column '\(name)'", remedy: remedy)
        }
    }

    /// What the stage read of its input when it quarantined rows.
    package func examined(in run: RunState, _ folder: RunFolder) -> [InputVersion] {
        let reads = run.stage(stage)?.unit.attempts.compactMap(\.result?.reads).last { !$0.isEmpty } ?? []
        return folder.correctedInputs(in: reads, of: input)
    }

    /// Whether files of the input can be compared with what was examined: what a table holds now is known once the
    /// attempt has read it, and then the same is asked again.
    package func canCompare(_ examined: [InputVersion]) -> Bool {
        !examined.isEmpty && pipeline.dataset(input)?.table == nil
    }

    /// Refuses corrected rows of an input that is not what the rows were quarantined from.
    ///
    /// `files`: the input as it is now, absolute paths.
    /// - Throws: ``Failure`` when a file has changed, has gone or has come.
    package func refuseIfChanged(
        _ examined: [InputVersion], files: [String], since run: RunID, in store: RunStore
    ) throws(Failure) {
        var there: [String: String] = [:]
        for file in files {
            there[PathText.relative(file, to: pipeline.root)] = store.fingerprint(ofFile: file)
        }
        let known = Dictionary(examined.map { ($0.path, $0.contentHash) }) { first, _ in first }
        let changed = Set(known.keys).union(there.keys).filter { known[$0].flatMap { $0 } != there[$0] }.sorted()
        guard let path = changed.first else { return }
        let others = changed.count > 1 ? " (and \(changed.count - 1) more)" : ""
        throw Failure(
            "\(path)\(others) has changed since run \(run) quarantined rows of it: the corrections would replace "
                + "other rows than those they were made for",
            remedy: "put the file back as it was; or run the pipeline anew, and correct what that run quarantines")
    }
}
