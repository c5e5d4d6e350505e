import CSystem
import Foundation
import GRDB

/// A success that an attempt with the same key may be spared for.
package struct RecordedSuccess: Sendable {
    package var run: RunID
    package var result: AttemptResult
}

extension RunStore {
    /// The last success of a stage or an item with this key.
    package func success(of unit: UnitID, pipeline: String, key: ReuseKey) throws(StoreError) -> RecordedSuccess? {
        let found: (run: String, detail: String)? = try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT successes.run AS run, events.detail AS detail FROM successes
                    JOIN events ON events.run = successes.run AND events.seq = successes.seq
                    WHERE pipeline = ? AND successes.stage = ? AND successes.item = ? AND key = ?
                    """,
                arguments: [pipeline, unit.stage.rawValue, unit.item?.rawValue ?? "", ContentHash.of(key.text)]
            ).map { ($0["run"], $0["detail"]) }
        }
        guard let found, let result = Self.decode(AttemptResult.self, found.detail), result.reuseKey == key else {
            return nil
        }
        return RecordedSuccess(run: RunID(found.run), result: result)
    }

    /// The key of the last success of a stage or an item, whatever it was.
    package func lastSuccessKey(of unit: UnitID, pipeline: String) throws(StoreError) -> ReuseKey? {
        let detail: String? = try read { db in
            try String.fetchOne(
                db,
                sql: """
                    SELECT events.detail FROM successes
                    JOIN events ON events.run = successes.run AND events.seq = successes.seq
                    WHERE pipeline = ? AND successes.stage = ? AND successes.item = ?
                    ORDER BY successes.at DESC LIMIT 1
                    """, arguments: [pipeline, unit.stage.rawValue, unit.item?.rawValue ?? ""])
        }
        return detail.flatMap { Self.decode(AttemptResult.self, $0)?.reuseKey }
    }

    /// Records that a success may be taken again for attempts with its key.
    static func keep(
        _ key: ReuseKey, of unit: UnitID, _ event: RunEvent, _ state: RunState, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO successes (pipeline, stage, item, key, run, seq, at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [
                state.plan.pipeline, unit.stage.rawValue, unit.item?.rawValue ?? "", ContentHash.of(key.text),
                state.id.rawValue, event.sequence, event.time.wall,
            ])
    }

    // MARK: - Fingerprints of files

    /// The fingerprint of a file or a folder, or nil when it cannot be read.
    package func fingerprint(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR ? ContentHash.of(path: path) : fingerprint(ofFile: path)
    }

    /// The fingerprint of a file, or nil when it cannot be read; a file that did not change is not read again.
    package func fingerprint(ofFile path: String) -> String? {
        guard let before = FileMark(path) else { return nil }
        if let known = knownFingerprint(of: path, as: before) { return known }
        guard let hash = ContentHash.ofFile(path) else { return nil }
        // A file that was written just now may be written again without its time showing it.
        let changed = before.changed ?? .max
        if FileMark(path) == before, SystemClock.now.wall - changed / 1_000_000 > 2000 {
            // What cannot be kept is computed again: nobody waits for it, least of all what the engine has to record.
            try? write(patience: Self.shortPatience) { db in
                try db.execute(
                    sql: """
                        INSERT OR REPLACE INTO fingerprints (path, bytes, changed, inode, content_hash)
                        VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [path, before.sizeInBytes, changed, Int64(bitPattern: before.inode), hash])
            }
        }
        return hash
    }

    /// The fingerprint that a file had when it had a mark; nil where that was not kept.
    package func knownFingerprint(of path: String, as mark: FileMark) -> String? {
        // The time of the last change counts, which every change of the content changes and nobody can set back. Without
        // the table, the file is read: an answer that comes later is still right.
        let known: String?? = try? read { db in
            try String.fetchOne(
                db,
                sql: "SELECT content_hash FROM fingerprints WHERE path = ? AND bytes = ? AND changed = ? AND inode = ?",
                arguments: [path, mark.sizeInBytes, mark.changed, Int64(bitPattern: mark.inode)])
        }
        return known.flatMap { $0 }
    }
}
