package import CaudalModel
import Foundation
import GRDB

/// Another live run that writes a path which a run is about to write.
package struct PathConflict: Sendable, Equatable {
    package var run: RunID
    /// The other run's pipeline; nil for a run that is just beginning.
    package var pipeline: String?
    /// The path that the other run claimed, absolute; or a table, see ``TableClaim``.
    package var path: String

    /// The path or table in words: a path relative to the project root.
    package func words(root: String) -> String { TableClaim.words(path, root: root) }

    /// The other run in words, with what it writes.
    package func other(root: String) -> String { "run \(run), which also writes \(words(root: root))" }
}

extension RunStore {
    /// Claims the paths that a run writes, all or none.
    ///
    /// The run's lock must be held: claims of runs without a process are void and are removed. Claims end with the
    /// record of the run's end.
    ///
    /// - Parameter paths: Absolute paths, with `*` for unknown parts.
    /// - Returns: The first conflicting claim of another live run; nil when the paths are claimed.
    /// - Throws: ``StoreError`` when the claims cannot be read or recorded.
    package func claim(_ paths: [String], for run: RunID) throws(StoreError) -> PathConflict? {
        let folder = folder
        return try write { db in
            let others = try Row.fetchAll(
                db,
                sql: """
                    SELECT claims.run AS run, path, pipeline FROM claims LEFT JOIN runs ON runs.id = claims.run
                    WHERE claims.run <> ? ORDER BY claims.run, path
                    """, arguments: [run.rawValue])
            var live: [String: Bool] = [:]
            for row in others {
                let (id, path): (String, String) = (row["run"], row["path"])
                guard paths.contains(where: { ClaimedPath.meet($0, path) }) else { continue }
                if live[id] == nil { live[id] = folder.run(RunID(id)).isLive }
                if live[id] == true { return PathConflict(run: RunID(id), pipeline: row["pipeline"], path: path) }
            }
            for (id, isLive) in live where !isLive {
                try db.execute(sql: "DELETE FROM claims WHERE run = ?", arguments: [id])
            }
            try db.execute(sql: "DELETE FROM claims WHERE run = ?", arguments: [run.rawValue])
            for path in Set(paths) {
                try db.execute(sql: "INSERT INTO claims (run, path) VALUES (?, ?)", arguments: [run.rawValue, path])
            }
            return nil
        }
    }
}

extension LoadedPipeline {
    /// The paths and tables that a run of a plan writes; paths are absolute with existing symbolic links resolved, and
    /// `*` stands for what only an item or the run knows.
    /// - Parameter isShared: Only those that no other run may write meanwhile, even where the last one to publish wins:
    ///   what a run adds to must not lose what another one added.
    package func claims(of plan: RunPlan, _ parameters: [String: String], isShared: Bool = false) -> [String] {
        plan.stages.filter { $0.skipReason == nil }.flatMap { planned in
            planned.outputs.compactMap { pipeline.dataset(DatasetName($0)) }.compactMap { dataset -> String? in
                if isShared, pipeline.stage(planned.id)?.definition.mergedOutput != dataset.name { return nil }
                func value(_ reference: Template.Reference) -> String {
                    switch reference {
                    case .param(let name): parameters[name] ?? ""
                    case .environment(let name): variables[name] ?? ""
                    case .runID, .runStarted, .slotTime, .slotDate, .item, .input, .stageOutput: "*"
                    }
                }
                if let table = dataset.table {
                    return pipeline.connections[table.connection].map {
                        TableClaim.text(table, $0, root: pipeline.root, variables: variables, value: value)
                    }
                }
                guard let path = dataset.path?.filled(value) else { return nil }
                return PathText.resolved(PathText.absolute(path, in: pipeline.root))
            }
        }
    }
}

extension PathText {
    /// An absolute path with the symbolic links of its existing part resolved.
    package static func resolved(_ path: String) -> String {
        var rest: [Substring] = []
        var there = path[...]
        while !there.isEmpty {
            if let real = realpath(String(there), nil) {
                defer { free(real) }
                let base = String(cString: real)
                return (base == "/" ? "" : base) + rest.reversed().map { "/" + $0 }.joined()
            }
            guard let slash = there.lastIndex(of: "/") else { break }
            rest.append(there[there.index(after: slash)...])
            there = there[..<slash]
        }
        return path
    }
}
