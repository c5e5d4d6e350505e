import CaudalModel
import Synchronization

/// Which versions of its sources the stages of a run have read.
///
/// A run reads its own outputs in one version; a file that comes from elsewhere may be replaced between two stages, or before
/// a retry. Whoever reads another version than others of the run did is told so.
final class SourceVersions: Sendable {
    private let run: RunID
    /// For each path, who read which version last.
    private let readers: Mutex<[String: [String: Set<UnitID>]]>

    /// Those of the attempts that are recorded of a run, besides what is to be made again.
    ///
    /// - Throws: ``StoreError`` when the store cannot be read.
    init(of run: RunState, in store: RunStore) throws(StoreError) {
        self.run = run.id
        readers = Mutex([:])
        for (unit, path, hash) in try store.sourcesRead(in: run.id) where run.stands(unit) {
            _ = note(unit, read: hash, of: path)
        }
    }

    /// Forgets what a stage, with all of its items, or an item has read: it is to run again.
    func forget(_ unit: UnitID) {
        readers.withLock { readers in
            for (path, versions) in readers {
                let left = versions.mapValues { units in
                    units.filter { $0 != unit && (unit.item != nil || $0.stage != unit.stage) }
                }
                readers[path] = left.filter { !$0.value.isEmpty }
            }
        }
    }

    /// Notes what a unit has read.
    ///
    /// - Returns: A sentence for each file of which another version was read before, once for each version.
    func note(_ unit: UnitID, _ reads: [InputVersion]) -> [String] {
        reads.compactMap { read in
            guard read.madeBy == nil, let hash = read.contentHash, let other = note(unit, read: hash, of: read.path)
            else { return nil }
            return "\(read.path) has changed since \(other) of this run read it, and \(unit) has read the new version: "
                + "'caudal retry \(run) \(other.stage) --downstream' has all of them read that"
        }
    }

    /// - Returns: A reader of another version, where nobody had read this one.
    private func note(_ unit: UnitID, read hash: String, of path: String) -> UnitID? {
        readers.withLock { readers in
            var versions = readers[path] ?? [:]
            for other in versions.keys where other != hash {
                versions[other]?.remove(unit)
                if versions[other]?.isEmpty == true { versions[other] = nil }
            }
            let isNew = versions[hash] == nil
            versions[hash, default: []].insert(unit)
            readers[path] = versions
            return isNew ? versions.first { $0.key != hash }?.value.min { $0.description < $1.description } : nil
        }
    }
}

extension RunState {
    /// Whether a unit has an attempt that counts: one since it was last to be made again, by itself or with its stage.
    fileprivate func stands(_ id: UnitID) -> Bool {
        guard let unit = unit(id), id.item == nil || stage(id.stage)?.hasItems == true else { return false }
        return unit.attempts.count > unit.attemptsBeforeReset
    }
}
