package import CaudalModel
import Foundation
import GRDB

extension RunStore {
    /// Takes a lease for an attempt (a slot of a pool, processors, memory) if the live runs of this machine leave
    /// enough.
    ///
    /// - Returns: nil when the lease was granted, otherwise why it was not.
    /// - Throws: ``StoreError`` when leases cannot be read or recorded.
    package func takeLease(
        of unit: UnitID, planned: PlannedStage, run: RunID, pools: [PoolName: Int]
    ) throws(StoreError) -> String? {
        let machine = MachineResources.total
        let folder = folder
        let holders: [String] = try read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT run FROM leases WHERE run <> ?", arguments: [run.rawValue])
        }
        // Processes left from a dead run still use its leases; they are only looked for where a run's process has died.
        var dead: [String] = []
        for holder in holders where !folder.run(RunID(holder)).isLive {
            // For a run whose journal cannot be read, only the marker identifies its processes.
            let id = RunID(holder)
            let left: Leftovers
            if let state = try? state(of: id) {
                // A job of a cluster goes on by itself: who resumes or cancels the run asks the cluster.
                if state.hasOpenJobs { continue }
                // While its processes cannot be found, its leases are not free.
                guard let known = try? Leftovers(of: state, in: folder.run(id)) else { continue }
                left = known
            } else {
                left = Leftovers(of: id)
            }
            if left.isEmpty { dead.append(holder) }
        }
        return try write(patience: Self.shortPatience) { db in
            for holder in dead where !folder.run(RunID(holder)).isLive {
                try db.execute(sql: "DELETE FROM leases WHERE run = ?", arguments: [holder])
            }
            /// Which other runs hold leases of the resource, and what to do about those whose process died.
            func held(by condition: String, _ arguments: StatementArguments = []) throws -> String {
                let runs = try String.fetchAll(
                    db, sql: "SELECT DISTINCT run FROM leases WHERE run <> ? AND \(condition) ORDER BY run LIMIT 3",
                    arguments: [run.rawValue] + arguments)
                let names = runs.map { id in
                    folder.run(RunID(id)).isLive ? "run \(id)" : "what run \(id) left behind; resume or cancel it"
                }
                return names.isEmpty ? "" : ", held by \(names.joined(separator: ", "))"
            }
            if let pool = planned.pool {
                let slots = pools[pool] ?? 1
                let used =
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM leases WHERE pool = ?", arguments: [pool.rawValue])
                    ?? 0
                if used >= slots {
                    return "pool \(pool) \(used)/\(slots)\(try held(by: "pool = ?", [pool.rawValue]))"
                }
            }
            if let asked = planned.resources.memory, let total = machine.memory {
                let used = try Int64.fetchOne(db, sql: "SELECT total(memory) FROM leases") ?? 0
                if used + asked > total {
                    return "memory: \(asked.shortBytes) asked, \((total - used).shortBytes) free"
                        + (try held(by: "memory > 0"))
                }
            }
            if let asked = planned.resources.cpu, let total = machine.cpu {
                let used = try Double.fetchOne(db, sql: "SELECT total(cpu) FROM leases") ?? 0
                if used + asked > total {
                    return "cpu: \(asked.plain) asked, \((total - used).plain) free\(try held(by: "cpu > 0"))"
                }
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO leases (run, stage, item, pool, cpu, memory) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    run.rawValue, unit.stage.rawValue, unit.item?.rawValue ?? "", planned.pool?.rawValue,
                    planned.resources.cpu ?? 0, planned.resources.memory ?? 0,
                ])
            return nil
        }
    }

    /// Releases the lease of an attempt.
    ///
    /// - Throws: ``StoreError`` when the release cannot be recorded.
    package func releaseLease(of unit: UnitID, run: RunID) throws(StoreError) {
        try write(patience: Self.shortPatience) { db in
            try db.execute(
                sql: "DELETE FROM leases WHERE run = ? AND stage = ? AND item = ?",
                arguments: [run.rawValue, unit.stage.rawValue, unit.item?.rawValue ?? ""])
        }
    }

    /// Gives back everything that a run holds.
    ///
    /// `kept`: the units that keep what they took, because their work goes on.
    package func releaseAllLeases(of run: RunID, except kept: Set<UnitID> = []) throws(StoreError) {
        try write { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT stage, item FROM leases WHERE run = ?", arguments: [run.rawValue])
            for row in rows {
                let (stage, item): (String, String) = (row["stage"], row["item"])
                if kept.contains(UnitID(StageID(stage), item.isEmpty ? nil : ItemKey(item))) { continue }
                try db.execute(
                    sql: "DELETE FROM leases WHERE run = ? AND stage = ? AND item = ?",
                    arguments: [run.rawValue, stage, item])
            }
        }
    }
}

extension RunState {
    /// Whether an attempt that has not ended, as far as is recorded, is a job of another program.
    fileprivate var hasOpenJobs: Bool {
        stages.contains { stage in
            stage.units.contains { _, unit in if case .job? = unit.openAttempt?.work { true } else { false } }
        }
    }
}

/// The resources of the machine.
package enum MachineResources {
    /// The processors and memory of the machine, or of the container that this process is in.
    package static let total = Resources(
        cpu: Double(ProcessInfo.processInfo.activeProcessorCount),
        memory: Int64(clamping: ProcessInfo.processInfo.physicalMemory))
}
