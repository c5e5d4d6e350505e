package import CaudalModel
import CSystem
import Foundation
import GRDB

/// A success that attempts with the same key can reuse.
package struct RecordedSuccess: Sendable {
    package var run: RunID
    package var result: AttemptResult
}

extension RunStore {
    /// The last success of a stage or an item with this key.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
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

    /// The key of the last success of a stage or an item.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
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

    /// Records a success for reuse by attempts with its key.
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

    /// The fingerprint of a file, or nil when it cannot be read; an unchanged file is not read again.
    package func fingerprint(ofFile path: String) -> String? {
        guard let before = FileMark(path) else { return nil }
        if let known = knownFingerprint(of: path, as: before) { return known }
        guard let hash = ContentHash.ofFile(path) else { return nil }
        // A file that was written just now may be written again without a new timestamp.
        let changed = before.changed ?? .max
        if FileMark(path) == before, SystemClock.now.wall - changed / 1_000_000 > 2000 {
            // What cannot be stored is computed again: the engine's own records must not wait for it.
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

    /// The stored fingerprint of a file with a given mark; nil when there is none.
    package func knownFingerprint(of path: String, as mark: FileMark) -> String? {
        // The ctime is compared, which every change of the content changes and no user can set back. If the table
        // cannot be read, the file is read: its fingerprint is right in any case.
        let known: String?? = try? read { db in
            try String.fetchOne(
                db,
                sql: "SELECT content_hash FROM fingerprints WHERE path = ? AND bytes = ? AND changed = ? AND inode = ?",
                arguments: [path, mark.sizeInBytes, mark.changed, Int64(bitPattern: mark.inode)])
        }
        return known.flatMap { $0 }
    }
}
