import CaudalModel
import Foundation
import Synchronization

/// Files that were fetched from servers, for as long as this process lives: what a server says is unchanged is not
/// fetched again.
///
/// A version never changes once it is here; attempts give it a second name of their own.
package final class FetchedFiles: Sendable {
    /// A file as a server had it.
    struct Version: Sendable, Hashable {
        /// Its name in messages: its address.
        var address: String
        /// Where it lies here.
        var file: String
        /// The server's strong mark of this content; nil where it gives none.
        var mark: String?
    }

    private struct State {
        /// The folder of this process, and the lock that tells that it is in use.
        var own: (path: String, lock: FileLock)?
        var versions: [String: Version] = [:]
    }

    private let parent: String
    private let state = Mutex(State())

    /// - Parameter parent: The folder in which processes make folders of their own.
    package init(in parent: String) { self.parent = parent }

    subscript(key: String) -> Version? {
        get { state.withLock { $0.versions[key] } }
        set { state.withLock { $0.versions[key] = newValue } }
    }

    /// A new folder for one file.
    ///
    /// - Throws: ``Failure`` when it cannot be made.
    func newFolder() throws(Failure) -> String {
        let own = try state.withLock { state throws(Failure) -> String in
            if let own = state.own { return own.path }
            let own = try makeOwn()
            state.own = own
            return own.path
        }
        let folder = "\(own)/\(UInt64.random(in: 0 ... .max))"
        try Self.make(folder)
        return folder
    }

    private func makeOwn() throws(Failure) -> (path: String, lock: FileLock) {
        try Self.make(parent)
        removeRemains()
        while true {
            let path = "\(parent)/\(UInt64.random(in: 0 ... .max))"
            var lock: FileLock?
            // The lock is beside the folder: it is held before there is anything to remove.
            do throws(StoreError) { lock = try FileLock.take(path + ".lock") } catch {
                throw Failure("\(parent) cannot be used: \(error)")
            }
            // Another process that begins took it for a remain.
            guard let lock else { continue }
            try Self.make(path)
            return (path, lock)
        }
    }

    /// Removes what processes left behind that have ended.
    private func removeRemains() {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: parent)) ?? [] where name.hasSuffix(".lock") {
            let lock = "\(parent)/\(name)"
            guard let held = try? FileLock.take(lock) else { continue }
            try? files.removeItem(atPath: String(lock.dropLast(".lock".count)))
            try? files.removeItem(atPath: lock)
            held.release()
        }
    }

    private static func make(_ folder: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(folder) cannot be made: \(error.reason)")
        }
    }
}
