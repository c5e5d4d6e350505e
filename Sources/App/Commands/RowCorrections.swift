import CaudalModel
import Engine

/// Rows that a validate stage of a run quarantined, on their way to the user and back; for the verb and for screens.
struct RowCorrections {
    let found: ReopenedRun
    let stage: StageID

    /// The files that the stage quarantined its rows in.
    ///
    /// - Throws: ``Failure`` when there are none.
    func files() throws(Failure) -> [QuarantineFile] {
        guard found.state.stage(stage) != nil else { throw Failure(found.state.wordsOfUnknown(UnitID(stage))) }
        let files = QuarantineFile.all(of: found.state, in: found.services.state.run(found.id))
            .filter { $0.stage == stage }
        guard !files.isEmpty else { throw Failure("stage '\(stage)' of run \(found.id) quarantined no rows") }
        return files
    }

    /// Reads the rows in those files.
    ///
    /// - Throws: ``Failure`` when a later run has replaced one of them.
    func reader(of files: [QuarantineFile]) throws(Failure) -> QuarantineReader {
        var paths: [String] = []
        for file in files {
            paths.append(
                try file.checkedPath(of: found.id, root: found.loaded.pipeline.root, in: found.services.store))
        }
        let tools = found.services.tools(
            for: found.loaded, parameters: found.parameters, folder: found.services.state.path + "/questions")
        return QuarantineReader(paths, sql: tools.sql) { (script, reading, writing) throws(Failure) in
            try await tools.ask(script, reading: reading, writing: writing)
        }
    }

    /// Writes the rows to a new CSV file, one line each.
    ///
    /// - Throws: ``Failure`` when the columns of the stage's input are not known.
    func export(to file: String) async throws {
        let reader = try reader(of: files())
        guard let input = found.loaded.pipeline.stage(stage)?.definition.inputs.first?.value else {
            throw Failure("the pipeline file has no stage '\(stage)' any more")
        }
        let findings = await found.services.examination(of: found.loaded, plan: found.filledPlan).findings()
        guard let source = findings.sources[input] else {
            throw findings.unknown[input] ?? Failure("the columns of '\(input)' are not known")
        }
        try await reader.export(to: file, columnsOf: source)
    }

    /// Keeps corrected rows with the run, once nothing speaks against taking them.
    ///
    /// - Parameters:
    ///   - text: The rows, as ``export(to:)`` wrote them; nil for a replay with corrected rules alone.
    ///   - file: What their file is called.
    ///   - dryRun: Whether they are only looked at.
    /// - Returns: The file that they are kept in.
    /// - Throws: ``Failure`` when they do not fit the stage, or its input has changed.
    func keep(_ text: String?, from file: String, dryRun: Bool = false) async throws -> String? {
        let target = try CorrectionTarget(stage, of: found.loaded.pipeline)
        guard let text else { return nil }
        try target.refuseItems()
        try target.check(
            text, file: file, remedy: "begin with 'caudal quarantine show \(found.id) \(stage) --to FILE'")
        let folder = found.services.state.run(found.id)
        let examined = target.examined(in: found.state, folder)
        if target.canCompare(examined) {
            let findings = await found.services.examination(of: found.loaded, plan: found.plan).findings()
            try target.refuseIfChanged(
                examined, files: findings.sources[target.input]?.files ?? [], since: found.id,
                in: found.services.store)
        }
        return dryRun ? nil : try folder.keep(corrections: text, of: stage, madeFor: examined)
    }
}
