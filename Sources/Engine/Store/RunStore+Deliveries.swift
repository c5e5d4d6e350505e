package import CaudalModel
import Foundation
import GRDB

/// A notification that is to be sent through a channel, or was sent.
package struct Delivery: Sendable, Hashable {
    /// How it stands.
    package enum State: String, Sendable, CaseIterable {
        case waiting, sent
        case givenUp = "given up"
    }

    /// Identifies it for the receiver: the same each time it is sent.
    package var id: String
    /// The event that it tells of.
    package var event: String
    package var occasion: NotificationRule.Occasion
    package var pipeline: String
    package var run: RunID?
    package var stage: StageID?
    /// The receiver: deliveries to the same target are sent one after another, in order.
    package var target: String
    package var channel: NotificationChannel
    /// The pipeline file, beside which `.env` is.
    package var file: String
    /// The project's root.
    package var root: String
    /// What is told, as JSON.
    package var notice: String
    /// When it became known, in milliseconds since 1970.
    package var created: Int64
    package internal(set) var state = State.waiting
    /// How often it was tried.
    package internal(set) var tries = 0
    /// When it is tried next; 0 before the first try.
    package internal(set) var next: Int64 = 0
    /// When it was sent or given up.
    package internal(set) var done: Int64?
    /// Why the last try failed.
    package internal(set) var failure: String?

    package init(
        id: String, event: String, occasion: NotificationRule.Occasion, pipeline: String, run: RunID?, stage: StageID?,
        target: String, channel: NotificationChannel, file: String, root: String, notice: String, created: Int64
    ) {
        self.id = id
        self.event = event
        self.occasion = occasion
        self.pipeline = pipeline
        self.run = run
        self.stage = stage
        self.target = target
        self.channel = channel
        self.file = file
        self.root = root
        self.notice = notice
        self.created = created
    }
}

/// A delivery that one process sends, as long as it keeps this.
package struct TakenDelivery: Sendable {
    package let delivery: Delivery
    /// Whether a process that has died was sending it.
    package let isTakenOver: Bool
    fileprivate let lock: FileLock
}

/// The outbox: what is to be sent, and what became of it.
extension RunStore {
    /// Puts deliveries into the outbox; those whose id is there already stay as they are.
    ///
    /// - Returns: How many were new.
    /// - Throws: ``StoreError`` when they cannot be recorded.
    @discardableResult
    package func add(_ deliveries: [Delivery]) throws(StoreError) -> Int {
        guard !deliveries.isEmpty else { return 0 }
        return try write(patience: Self.shortPatience) { db in
            var count = 0
            for one in deliveries {
                try db.execute(
                    sql: """
                        INSERT OR IGNORE INTO deliveries (id, event, occasion, pipeline, run, stage, target, channel, file,
                            root, notice, created_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        one.id, one.event, one.occasion.rawValue, one.pipeline, one.run?.rawValue,
                        one.stage?.rawValue, one.target, JSONText.encoded(one.channel), one.file, one.root, one.notice,
                        one.created, one.next,
                    ])
                count += db.changesCount
            }
            // Those of runs go with their runs.
            let old = (deliveries.map(\.created).max() ?? 0) - 90 * 86_400_000
            try db.execute(
                sql: "DELETE FROM deliveries WHERE run IS NULL AND state <> 'waiting' AND created_at < ?",
                arguments: [old])
            return count
        }
    }

    /// Takes a delivery that is due, so that no other process sends it: the first one of a target to which no process is sending.
    ///
    /// Who takes it is recorded in one transaction, and holds the lock of its target until the answer is let go: the kernel knows of
    /// a holder that cannot be seen from here, as in another container. A delivery that a dead process had taken is taken over.
    ///
    /// - Returns: nil when nothing is due.
    /// - Throws: ``StoreError`` when the outbox cannot be read or changed.
    package func takeDelivery(for process: ProcessIdentity, at now: Int64) throws(StoreError) -> TakenDelivery? {
        // Looking is cheaper than a transaction that writes, and most often nothing is due.
        for free in try read({ db in try Self.due(db, now).filter(Self.isFree) }) {
            let target: String = free["target"]
            guard let lock = try observerLock(Self.lockName(ofTarget: target)) else { continue }
            let taken: TakenDelivery? = try write(patience: Self.shortPatience) { db in
                // Another process may have sent it meanwhile.
                guard let row = try Self.due(db, now).first(where: { $0["target"] == target && Self.isFree($0) }) else {
                    return nil
                }
                try db.execute(
                    sql: "UPDATE deliveries SET holder = ? WHERE number = ?",
                    arguments: [JSONText.encoded(process), row["number"] as Int64])
                let earlier: String? = row["holder"]
                return TakenDelivery(delivery: try Self.delivery(row), isTakenOver: earlier != nil, lock: lock)
            }
            if let taken { return taken }
        }
        return nil
    }

    /// The name of the lock of a receiver, which a process holds while it sends to it.
    private static func lockName(ofTarget target: String) -> String {
        "notifications \(ContentHash.of(target).drop { $0 != ":" }.dropFirst())"
    }

    /// The first waiting delivery of each target, where it is due.
    private static func due(_ db: Database, _ now: Int64) throws -> [Row] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM deliveries WHERE number IN (
                    SELECT min(number) FROM deliveries WHERE state = 'waiting' GROUP BY target
                ) AND next_at <= ? ORDER BY number
                """, arguments: [now])
    }

    /// Whether no living process of this machine is sending it, as far as it can be seen.
    private static func isFree(_ row: Row) -> Bool {
        guard let text = row["holder"] as String? else { return true }
        return decode(ProcessIdentity.self, text).map { !ProcessTable.isAlive($0) } ?? true
    }

    /// Records that a delivery was sent.
    ///
    /// - Throws: ``StoreError`` when that cannot be recorded.
    package func recordSent(_ id: String, at now: Int64) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: """
                    UPDATE deliveries SET state = 'sent', tries = tries + 1, done_at = ?, failure = NULL, holder = NULL
                    WHERE id = ?
                    """, arguments: [now, id])
        }
    }

    /// Records that a delivery could not be sent.
    ///
    /// `next`: when it is tried again; nil gives it up.
    /// - Throws: ``StoreError`` when that cannot be recorded.
    package func recordFailure(_ reason: String, of id: String, next: Int64?, at now: Int64) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: """
                    UPDATE deliveries SET state = ?, tries = tries + 1, next_at = coalesce(?, next_at), done_at = ?,
                        failure = ?, holder = NULL
                    WHERE id = ?
                    """,
                arguments: [
                    next == nil ? Delivery.State.givenUp.rawValue : Delivery.State.waiting.rawValue, next,
                    next == nil ? now : nil, reason, id,
                ])
        }
    }

    /// Has everything that waits tried again now, whatever was to be waited for.
    ///
    /// - Throws: ``StoreError`` when that cannot be recorded.
    package func makeDeliveriesDue(at now: Int64) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: "UPDATE deliveries SET next_at = ?1 WHERE state = 'waiting' AND next_at > ?1", arguments: [now])
        }
    }

    /// When the next delivery is due that no living process is sending; nil where none waits.
    ///
    /// - Throws: ``StoreError`` when the outbox cannot be read.
    package func nextDelivery() throws(StoreError) -> Int64? {
        let folder = folder
        return try read { db in
            try Self.due(db, .max).filter(Self.isFree)
                .filter { !FileLock.isHeld(folder.observerLock(Self.lockName(ofTarget: $0["target"]))) }
                .map { $0["next_at"] as Int64 }.min()
        }
    }

    /// The deliveries about a run, in order.
    ///
    /// - Throws: ``StoreError`` when the outbox cannot be read.
    package func deliveries(of run: RunID) throws(StoreError) -> [Delivery] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM deliveries WHERE run = ? ORDER BY number", arguments: [run.rawValue]
            )
            .map(Self.delivery)
        }
    }

    /// The newest deliveries in some states, newest first.
    ///
    /// - Throws: ``StoreError`` when the outbox cannot be read.
    package func deliveries(
        in states: [Delivery.State] = Delivery.State.allCases, limit: Int
    ) throws(StoreError) -> [Delivery] {
        try read { db in
            let marks = states.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            return try Row.fetchAll(
                db, sql: "SELECT * FROM deliveries WHERE state IN (\(marks)) ORDER BY number DESC LIMIT ?",
                arguments: [limit]
            ).map(Self.delivery)
        }
    }

    /// What the ids of events of a schedule's slots begin with.
    static func slotEvents(of pipeline: String, _ schedule: String) -> String { "slot \(pipeline) \(schedule) " }

    /// What was told of slots of a schedule, such as that one was late, where the run of one of its slots is the first to
    /// succeed since.
    ///
    /// A run that no schedule started ends nothing of it.
    ///
    /// - Parameter end: When the run succeeded, in milliseconds since 1970.
    /// - Throws: ``StoreError`` when the outbox cannot be read.
    package func toldOfSlots(
        endedBy run: RunID, at end: Int64
    ) throws(StoreError) -> Set<NotificationRule.Occasion> {
        try read { db in
            let slot = try Row.fetchOne(
                db, sql: "SELECT pipeline, schedule FROM slots WHERE run = ?", arguments: [run.rawValue])
            guard let slot else { return [] }
            let (pipeline, schedule): (String, String) = (slot["pipeline"], slot["schedule"])
            let occasions = try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT occasion FROM deliveries AS told
                    WHERE pipeline = ?1 AND created_at <= ?4 AND substr(event, 1, length(?5)) = ?5
                        AND NOT EXISTS (SELECT 1 FROM slots LEFT JOIN runs ON runs.id = slots.run
                            WHERE slots.pipeline = ?1 AND slots.schedule = ?2 AND slots.run <> ?3
                                AND (runs.status = 'succeeded' AND runs.ended_at >= told.created_at
                                        AND runs.ended_at <= ?4
                                    -- Of a run that was removed since, it is not told anew.
                                    OR runs.id IS NULL AND slots.decided_at >= told.created_at))
                    """,
                arguments: [pipeline, schedule, run.rawValue, end, Self.slotEvents(of: pipeline, schedule)])
            return Set(occasions.compactMap(NotificationRule.Occasion.init))
        }
    }

    private static func delivery(_ row: Row) throws -> Delivery {
        guard let channel = decode(NotificationChannel.self, row["channel"]) else {
            throw StoreError(
                .unreadable("the channel of delivery \(row["id"] as String) is damaged"), path: "deliveries")
        }
        var delivery = Delivery(
            id: row["id"], event: row["event"],
            // An occasion that only a newer caudal knows is told as what its notice says.
            occasion: NotificationRule.Occasion(rawValue: row["occasion"]) ?? .failed, pipeline: row["pipeline"],
            run: (row["run"] as String?).map { RunID($0) }, stage: (row["stage"] as String?).map { StageID($0) },
            target: row["target"], channel: channel, file: row["file"], root: row["root"], notice: row["notice"],
            created: row["created_at"])
        delivery.state = Delivery.State(rawValue: row["state"]) ?? .waiting
        delivery.tries = row["tries"]
        delivery.next = row["next_at"]
        delivery.done = row["done_at"]
        delivery.failure = row["failure"]
        return delivery
    }

    /// The plan of a run as it was at an event of it.
    ///
    /// - Throws: ``StoreError`` when it cannot be read.
    package func plan(of run: RunID, at sequence: Int64) throws(StoreError) -> RunPlan {
        let changed: RunEvent? = try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT seq, at, steady, kind, stage, item, attempt, detail FROM events
                    WHERE run = ? AND seq <= ? AND kind = 'plan_changed' ORDER BY seq DESC LIMIT 1
                    """, arguments: [run.rawValue, sequence])
            return try row.flatMap { try Self.event($0) }
        }
        if case .planChanged(let change, _)? = changed?.change { return change.plan }
        return try plan(of: run)
    }
}
