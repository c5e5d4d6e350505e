package import CaudalModel
import GRDB

/// A run in which a stage did something, with what its data may depend on.
package struct StageRun: Sendable {
    package var run: RunID
    package var parameters: [String: String]
    package var environment: String?
    /// When the stage succeeded or, where that was not asked for, the run began, in milliseconds since 1970.
    package var at: Int64
}

/// A restoration of a run's versions, with what its data may depend on.
package struct RestoredRun: Sendable {
    package var run: RunID
    package var parameters: [String: String]
    package var environment: String?
    /// When it was made, in milliseconds since 1970.
    package var at: Int64
    package var versions: RestoredVersions
}

/// A file that a run published.
package struct Publication: Sendable {
    package var run: RunID
    package var stage: StageID
    /// The item of a fan-out that made it.
    package var item: ItemKey?
    package var artifact: Artifact
    /// When the run began, in milliseconds since 1970.
    package var started: Int64
    /// When it was published, in milliseconds since 1970; of a pruned run, when that began.
    package var published: Int64
    package var parameters: [String: String]
    package var environment: String?
    /// For a pruned run, the fingerprints of the definitions that made the file, by stage; nil for other runs.
    package var prunedMakers: [StageID: String]?

    /// The run in words.
    package var runWords: String { prunedMakers == nil ? "run \(run)" : "run \(run) (pruned)" }
}

/// What runs have published, and where.
extension RunStore {
    /// The newest run that published a file at a path; `path` is as in artifacts: relative to the project's root if it is
    /// below it.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func lastWriter(of path: String) throws(StoreError) -> RunID? {
        try read { db in
            try String.fetchOne(db, sql: "SELECT max(run) FROM artifacts WHERE path = ?", arguments: [path]).map {
                RunID($0)
            }
        }
    }

    /// The stages of a run that published a file at a path; `path` is as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func stages(thatPublished path: String, in run: RunID) throws(StoreError) -> [StageID] {
        try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT stage FROM artifacts WHERE path = ? AND run = ?",
                arguments: [path, run.rawValue]
            ).map { StageID($0) }
        }
    }

    /// The files of corrected rows that successes of a run's stage have read.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func correctionsRead(by stage: StageID, in run: RunID) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT path FROM inputs JOIN attempts USING (run, stage, item, attempt)
                    WHERE run = ?1 AND stage = ?2 AND ending = 'succeeded'
                        AND instr(path, '/runs/' || ?1 || '/corrections/') > 0
                    """, arguments: [run.rawValue, stage.rawValue])
        }
    }

    /// The publications at a path, newest first; `path` is as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func publications(at path: String, limit: Int = 200) throws(StoreError) -> [Publication] {
        try read { db in
            try Self.publications(
                db,
                """
                SELECT artifacts.*, runs.started_at, attempts.ended_at AS published, parameters, environment
                FROM artifacts JOIN runs ON runs.id = artifacts.run JOIN attempts USING (run, stage, item, attempt)
                WHERE path = ? ORDER BY attempts.ended_at DESC LIMIT ?
                """, [path, limit])
                + Self.publications(db, "SELECT *, NULL AS kept FROM pruned_outputs WHERE path = ?", [path])
        }
    }

    /// What runs were about to publish at a path and have not recorded as published: they died meanwhile, or are just at it.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func unrecordedPublications(at path: String) throws(StoreError) -> [Publication] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT run, kind, at, stage, item, attempt, detail, started_at, parameters, environment
                    FROM runs CROSS JOIN events ON run = runs.id
                    WHERE status = 'running' AND kind = 'publishing' AND NOT EXISTS (
                        SELECT 1 FROM attempts WHERE attempts.run = events.run AND attempts.stage = events.stage
                            AND attempts.item = coalesce(events.item, '') AND attempts.attempt = events.attempt)
                    ORDER BY at DESC
                    """)
            return try rows.flatMap { row -> [Publication] in
                guard case .publishing(let unit, _, _, let result) = try Self.eventRow(row).change() else { return [] }
                return result.artifacts.filter { $0.path == path }.map { artifact in
                    Publication(
                        run: RunID(row["run"]), stage: unit.stage, item: unit.item, artifact: artifact,
                        started: row["started_at"],
                        published: row["at"], parameters: Self.decode([String: String].self, row["parameters"]) ?? [:],
                        environment: row["environment"])
                }
            }
        }
    }

    /// The publications at a path that are recorded, newest first, and behind them what is not recorded yet: of runs that
    /// are just at it, or died there.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func allPublications(at path: String, limit: Int = 200) throws(StoreError) -> [Publication] {
        try publications(at: path, limit: limit) + unrecordedPublications(at: path)
    }

    /// Whether any run, even a pruned one, has published at a path; `path` is as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func isPublished(_ path: String) throws(StoreError) -> Bool {
        try read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM artifacts WHERE path = ?1)
                        OR EXISTS (SELECT 1 FROM pruned_outputs WHERE path = ?1)
                    """, arguments: [path]) ?? false
        }
    }

    /// Whether any run, even a pruned one, has published at one of some paths, or is about to; `paths` are as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func publishesAny(of paths: [String]) throws(StoreError) -> Bool {
        for path in paths {
            if try isPublished(path) { return true }
            if try !unrecordedPublications(at: path).isEmpty { return true }
        }
        return false
    }

    /// Whether a run has read one of some files; `paths` are as in artifacts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func reads(_ run: RunID, anyOf paths: [String]) throws(StoreError) -> Bool {
        try read { db in
            try String.fetchSet(db, sql: "SELECT DISTINCT path FROM inputs WHERE run = ?", arguments: [run.rawValue])
                .contains { paths.contains($0) }
        }
    }

    /// The runs before `run` in which a stage succeeded, where it did so last first: a retry publishes anew.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func successes(
        of stage: StageID, pipeline: String, before run: RunID
    ) throws(StoreError) -> [StageRun] {
        try stageRuns(
            """
            SELECT id, parameters, environment, stages.ended_at AS at FROM stages JOIN runs ON runs.id = run
            WHERE stages.pipeline = ? AND stage = ? AND outcome IN ('succeeded', 'reused') AND run < ?
            ORDER BY stages.ended_at DESC, run DESC LIMIT \(Self.runsSearched)
            """, [pipeline, stage.rawValue, run.rawValue])
    }

    /// How many runs are searched for one whose data fits.
    private static let runsSearched = 200

    private func stageRuns(_ sql: String, _ arguments: StatementArguments) throws(StoreError) -> [StageRun] {
        try read { db in
            try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
                StageRun(
                    run: RunID(row["id"]), parameters: Self.decode([String: String].self, row["parameters"]) ?? [:],
                    environment: row["environment"], at: row["at"])
            }
        }
    }

    /// The restorations of runs of a pipeline, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func restorations(of pipeline: String) throws(StoreError) -> [RestoredRun] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT events.*, parameters, environment FROM events JOIN runs ON runs.id = events.run
                    WHERE events.kind = 'restored' AND runs.pipeline = ? ORDER BY events.at DESC
                    """, arguments: [pipeline]
            ).compactMap { row in
                guard case .restored(let versions, _)? = try Self.eventRow(row).change(), versions.isBegun != true
                else {
                    return nil
                }
                return RestoredRun(
                    run: RunID(row["run"]), parameters: Self.decode([String: String].self, row["parameters"]) ?? [:],
                    environment: row["environment"], at: row["at"], versions: versions)
            }
        }
    }

    /// What the attempts of a run have read that no run made, in the order of attempts.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    func sourcesRead(in run: RunID) throws(StoreError) -> [(unit: UnitID, path: String, hash: String)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT stage, item, path, content_hash FROM inputs
                    WHERE run = ? AND content_hash IS NOT NULL AND made_by IS NULL ORDER BY attempt
                    """, arguments: [run.rawValue]
            ).map { row in
                let item: String = row["item"]
                return (
                    UnitID(StageID(row["stage"]), item.isEmpty ? nil : ItemKey(item)), row["path"], row["content_hash"]
                )
            }
        }
    }

    /// The runs up to `run`, and with it, in which the items of a fan-out were found, newest first.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func runsWithItems(
        of stage: StageID, pipeline: String, upTo run: RunID
    ) throws(StoreError) -> [StageRun] {
        try stageRuns(
            """
            SELECT id, parameters, environment, started_at AS at FROM runs
            WHERE pipeline = ?1 AND id <= ?2
                AND EXISTS (SELECT 1 FROM events WHERE run = runs.id AND kind = 'items_found' AND stage = ?3)
            ORDER BY id DESC LIMIT \(Self.runsSearched)
            """, [pipeline, run.rawValue, stage.rawValue])
    }

    /// The other runs that made the outputs of a stage anew, where it adds to them, and `run` itself; newest first.
    ///
    /// - Parameter isPart: Whether the stage takes part in `run`.
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func refreshes(
        of stage: StageID, pipeline: String, with run: RunID, isPart: Bool
    ) throws(StoreError) -> [StageRun] {
        try stageRuns(
            """
            SELECT id, parameters, environment, started_at AS at FROM runs
            WHERE pipeline = ?1 AND instr(plan, '"refreshesAll":true') > 0 AND (id = ?2 AND ?4
                OR id <> ?2 AND EXISTS (SELECT 1 FROM stages WHERE run = runs.id AND stage = ?3
                    AND outcome IN ('succeeded', 'reused')))
            ORDER BY started_at DESC
            """, [pipeline, run.rawValue, stage.rawValue, isPart])
    }

    /// What a run's stage published for a dataset: the last attempt of each item, in the order of items.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    package func publications(
        of dataset: DatasetName, stage: StageID, in run: RunID
    ) throws(StoreError) -> [Publication] {
        try read { db in
            try Self.publications(
                db,
                """
                SELECT artifacts.*, runs.started_at, attempts.ended_at AS published, parameters, environment
                FROM artifacts JOIN runs ON runs.id = run JOIN attempts USING (run, stage, item, attempt)
                WHERE run = ? AND stage = ? AND dataset = ?
                    AND attempt = (SELECT max(attempt) FROM artifacts AS other WHERE other.run = artifacts.run
                        AND other.stage = artifacts.stage AND other.item = artifacts.item)
                ORDER BY item
                """, [run.rawValue, stage.rawValue, dataset.rawValue])
        }
    }

    private static func publications(
        _ db: Database, _ sql: String, _ arguments: StatementArguments
    ) throws -> [Publication] {
        try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
            var artifact = Artifact(
                dataset: (row["dataset"] as String?).map { DatasetName($0) }, path: row["path"],
                sizeInBytes: row["bytes"], rowCount: row["row_count"],
                columns: decode([CaudalModel.Column].self, row["columns"]) ?? [], contentHash: row["content_hash"])
            artifact.kept = row["kept"]
            artifact.mark = (row["mark"] as String?).flatMap { decode(FileMark.self, $0) }
            let item: String = row["item"] ?? ""
            return Publication(
                run: RunID(row["run"]), stage: StageID(row["stage"]), item: item.isEmpty ? nil : ItemKey(item),
                artifact: artifact, started: row["started_at"],
                published: row["published"] ?? row["started_at"],
                parameters: decode([String: String].self, row["parameters"]) ?? [:], environment: row["environment"],
                prunedMakers: (row["makers"] as String?).map(makers))
        }
    }

    // MARK: - Pruned runs

    /// The outputs of a run whose published files are still unchanged, the last one of each path.
    ///
    /// Files of the published size are read if their marks do not decide it.
    func outputsInPlace(of run: RunID) throws(StoreError) -> [Publication] {
        let (root, published): (String, [Publication]) = try read { db in
            let root = try String.fetchOne(db, sql: "SELECT root FROM runs WHERE id = ?", arguments: [run.rawValue])
            let rows = try Self.publications(
                db,
                """
                SELECT artifacts.*, started_at, parameters, environment FROM artifacts JOIN runs ON runs.id = run
                WHERE run = ? ORDER BY attempt DESC
                """, [run.rawValue])
            return (root ?? "", rows)
        }
        let finder = VersionFinder(store: self, root: root)
        var seen: Set<String> = []
        return published.filter { publication in
            finder.isVersion(PathText.absolute(publication.artifact.path, in: root), publication.artifact)
                && seen.insert(publication.artifact.path).inserted
        }
    }

    /// The fingerprints of the definitions of a stage and of all upstream stages.
    private static func makers(of stage: StageID, in plan: RunPlan) -> [String: String] {
        guard let index = plan.index(of: stage) else { return [:] }
        let stages = ([index] + plan.allUpstream(of: index)).map { plan.stages[$0] }
        return Dictionary(stages.map { ($0.id.rawValue, ContentHash.of($0.definitionText)) }) { first, _ in first }
    }

    private static func makers(_ text: String) -> [StageID: String] {
        let named = (decode([String: String].self, text) ?? [:]).map { (StageID($0.key), $0.value) }
        return Dictionary(named) { first, _ in first }
    }

    /// Keeps the makers of published files for when their run has been pruned.
    static func remember(_ publications: [Publication], _ plan: RunPlan?, _ db: Database) throws {
        for publication in publications {
            let artifact = publication.artifact
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO pruned_outputs (path, run, stage, dataset, bytes, row_count, columns,
                        content_hash, mark, started_at, parameters, environment, makers)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    artifact.path, publication.run.rawValue, publication.stage.rawValue, artifact.dataset?.rawValue,
                    artifact.sizeInBytes, artifact.rowCount, JSONText.encoded(artifact.columns), artifact.contentHash,
                    artifact.mark.map(JSONText.encoded), publication.started, JSONText.encoded(publication.parameters),
                    publication.environment,
                    JSONText.encoded(plan.map { makers(of: publication.stage, in: $0) } ?? [:]),
                ])
        }
    }
}
