package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// The folder with everything that Caudal records of a project.
package struct StateFolder: Sendable, Hashable {
    /// The absolute path of the folder.
    package let path: String

    package init(path: String) { self.path = path }

    /// The state folder that the variables name, or else the nearest in a folder or above it; nil when that holds no runs.
    ///
    /// One that this user may not read counts as found: opening it reports why it cannot be read.
    ///
    /// - Parameter folder: An absolute path.
    package static func found(from folder: String, _ variables: [String: String]) -> StateFolder? {
        func existing(_ state: StateFolder) -> StateFolder? {
            FileText.exists(state.database) || FileText.isForbidden(state.path) ? state : nil
        }
        if let chosen = variables[variable], !chosen.isEmpty {
            return existing(StateFolder(path: PathText.absolute(chosen, in: folder)))
        }
        var place = folder
        while true {
            if let state = existing(StateFolder(path: PathText.absolute(".caudal", in: place))) { return state }
            if place.count <= 1 { return nil }
            place = PathText.folder(of: place)
        }
    }

    /// The environment variable that names the state folder.
    package static let variable = "CAUDAL_STATE"

    /// The run store.
    package var database: String { path + "/caudal.db" }
    /// The folder of a run.
    package func run(_ id: RunID) -> RunFolder { RunFolder(path: "\(path)/runs/\(id)") }

    /// Files of what is being sent, accessible only to their owner.
    package var outbox: String { path + "/outbox" }

    /// Held, by its lock, by the process that hands events to an observer.
    func observerLock(_ observer: String) -> String { "\(path)/observers/\(PathComponent.of(observer)).lock" }

    /// What the scheduler keeps besides the store.
    package var scheduler: String { path + "/scheduler" }
    /// The errors of the processes that the scheduler starts.
    package var schedulerLog: String { scheduler + "/runs.log" }
    /// Held, by its lock, by the process that begins the run of a slot.
    package func slotLock(_ slot: Int64) -> String { "\(scheduler)/slot-\(slot).lock" }

    /// Creates the folder, accessible only to its owner.
    ///
    /// - Throws: ``StoreError`` when it cannot be created.
    package func create() throws(StoreError) {
        do {
            for folder in [path + "/runs", scheduler] {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
        } catch {
            throw StoreError(making: path, error)
        }
    }
}

/// The folder of one run.
package struct RunFolder: Sendable, Hashable {
    package let path: String

    /// Locked by the process that runs the run; the kernel releases the lock when the process ends.
    package var lock: String { path + "/lock" }
    /// Who holds the lock: somebody may remove the file of the lock, and the process goes on.
    var holder: String { path + "/holder" }
    /// The log's segments.
    package var logs: String { path + "/logs" }
    /// The executed SQL, a file for each attempt.
    package var sql: String { path + "/sql" }
    /// Where attempts stage their outputs.
    package var staging: String { path + "/staging" }
    /// The socket on which the run's process accepts commands.
    package var socket: String { path + "/" + Self.socketName }
    static let socketName = "socket"

    /// The working and staging folder of one attempt.
    package func attempt(_ unit: UnitID, _ number: Int) -> String {
        staging + "/" + PathComponent.of(unit.stage.rawValue)
            + (unit.item.map { "/" + PathComponent.of($0.rawValue) } ?? "") + "/\(number)"
    }

    /// What the items of a fan-out share, created by the attempt that found them.
    package func shared(_ stage: StageID) -> String { staging + "/" + PathComponent.of(stage.rawValue) + "/shared" }

    /// The file with the SQL of an attempt; `name` tells apart what it runs besides its work.
    package func sqlFile(_ unit: UnitID, _ number: Int, _ name: String? = nil) -> String {
        // A dot stands between the parts alone: the item 'b' of 'a' is not the stage 'a.b'.
        func part(_ name: String) -> String { PathComponent.of(name).replacing(scalar: ".", with: "%2E") }
        let item = unit.item.map { "." + part($0.rawValue) } ?? ""
        return "\(sql)/\(part(unit.stage.rawValue))\(item).\(number)\(name.map { "." + $0 } ?? "").sql"
    }

    /// Creates the folder and its subfolders.
    ///
    /// - Throws: ``StoreError`` when one of them cannot be created.
    package func create() throws(StoreError) {
        do {
            for folder in [logs, sql, staging] {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
        } catch {
            throw StoreError(making: path, error)
        }
    }

    /// Whether a process runs the run now: the kernel knows from the lock, without a heartbeat.
    ///
    /// The process itself is looked for as well, in case the file of its lock was removed; where it cannot be seen, as in another
    /// container, it makes that file anew within a second.
    package var isLive: Bool { cs_is_locked(lock) == 1 || isHolderAlive }

    /// Whether the process that wrote down that it holds the lock lives, and has not released it.
    fileprivate var isHolderAlive: Bool {
        // Most runs have ended, and have none.
        guard FileText.exists(holder), let text = try? FileText.read(holder) else { return false }
        return RunStore.decode(ProcessIdentity.self, text).map(ProcessTable.isAlive) ?? false
    }
}

/// The lock of a run, held as long as this object lives.
package final class RunLock: Sendable {
    private let lock: FileLock
    private let folder: RunFolder
    /// Whether who holds it is written down as this process.
    private let isNoted: Mutex<Bool>

    /// Takes the lock.
    ///
    /// - Returns: nil when another process holds it, or goes on without the file of its lock.
    /// - Throws: ``StoreError`` when the lock file cannot be opened or locked.
    package static func take(_ folder: RunFolder) throws(StoreError) -> RunLock? {
        if folder.isHolderAlive { return nil }
        return try FileLock.take(folder.lock).map { RunLock($0, folder) }
    }

    private init(_ lock: FileLock, _ folder: RunFolder) {
        self.lock = lock
        self.folder = folder
        isNoted = Mutex(false)
        note()
    }

    deinit { release() }

    /// Writes down who holds it.
    private func note() {
        // The lock itself is what counts: a run goes on, and is removed, on a full disk too.
        try? FileText.write(JSONText.encoded(ProcessTable.own), to: folder.holder, isPrivate: true)
        isNoted.withLock { $0 = true }
    }

    /// Makes the lock's file anew where it was removed: to others the run would be dead.
    ///
    /// - Returns: Whether it was.
    /// - Throws: ``StoreError`` when another process has taken the run, or the file cannot be made.
    package func renew() throws(StoreError) -> Bool {
        switch try lock.renew() {
        case .held, .released: return false
        case .madeAnew:
            note()
            return true
        case .taken:
            isNoted.withLock { $0 = false }
            throw StoreError(.takenOver, path: folder.lock)
        }
    }

    /// Releases the lock before nothing refers to it any more.
    package func release() {
        let mustRemove = isNoted.withLock { isNoted in
            defer { isNoted = false }
            return isNoted
        }
        // What cannot be removed names a process that will have ended soon.
        if mustRemove { unlink(folder.holder) }
        lock.release()
    }
}
