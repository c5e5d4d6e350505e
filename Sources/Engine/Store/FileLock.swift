import CaudalModel
import CSystem
import Synchronization
import Foundation

/// A lock on a file, held as long as the value lives; the kernel gives it back with the process.
package final class FileLock: Sendable {
    private let path: String
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
        return FileLock(path, descriptor)
    }

    /// Whether this process or another one holds the lock of a file.
    package static func isHeld(_ path: String) -> Bool { cs_is_locked(path) == 1 }

    private init(_ path: String, _ descriptor: Int32) {
        self.path = path
        self.descriptor = Mutex(descriptor)
    }

    /// How a lock stands whose file may have been removed.
    package enum Standing: Sendable { case held, madeAnew, taken, released }

    /// Makes the file anew where it was removed or replaced: who looks for the lock looks at the file that has its name.
    ///
    /// - Returns: `taken` where another one has locked a file of that name meanwhile.
    /// - Throws: ``StoreError`` when the file cannot be made.
    package func renew() throws(StoreError) -> Standing {
        try descriptor.withLock { (descriptor) throws(StoreError) in
            guard let open = descriptor else { return .released }
            var (own, there) = (stat(), stat())
            if fstat(open, &own) == 0, stat(path, &there) == 0, own.st_ino == there.st_ino, own.st_dev == there.st_dev {
                return .held
            }
            let new = cs_lock_file(path)
            if new == -EAGAIN { return .taken }
            guard new >= 0 else { throw StoreError(writing: path, errno: -new) }
            cs_unlock_file(open)
            descriptor = new
            return .madeAnew
        }
    }

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
