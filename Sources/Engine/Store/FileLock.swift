import CaudalModel
import CSystem
import Synchronization
import Foundation

/// A lock on a file, held as long as the value lives; the kernel gives it back with the process.
package final class FileLock: Sendable {
    /// nil once it was released.
    private let descriptor: Mutex<Int32?>

    /// Takes the lock of a file, which is made where it is not there.
    ///
    /// - Returns: nil when it is held already, by this process or another one.
    package static func take(_ path: String) throws(StoreError) -> FileLock? {
        let descriptor = cs_lock_file(path)
        if descriptor == -EAGAIN { return nil }
        guard descriptor >= 0 else {
            throw StoreError(writing: path, errno: -descriptor)
        }
        return FileLock(descriptor: descriptor)
    }

    /// Whether this process or another one holds the lock of a file.
    package static func isHeld(_ path: String) -> Bool { cs_is_locked(path) == 1 }

    private init(descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    deinit { release() }

    /// Releases the lock; a second call does nothing.
    package func release() {
        descriptor.withLock { descriptor in
            // Closing alone leaves it to children that are just being started, for the moment until they run their programs.
            if let open = descriptor { cs_unlock_file(open) }
            descriptor = nil
        }
    }
}
