package import CaudalModel
import Foundation

/// Keeps two processes from running the same day of a backfill: a lock on one byte of a file in the state folder.
///
/// The kernel releases it when the process ends, so no lock is ever left behind. A fingerprint of what distinguishes
/// the day's run determines the byte.
package struct DayLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock of a day.
    ///
    /// - Parameter parameters: The parameters of the day's run, as recorded.
    /// - Returns: nil when another process has the lock.
    /// - Throws: ``Failure`` when the file cannot be opened or locked.
    package init?(
        pipeline: String, environment: String?, parameters: [String: String], in state: StateFolder
    ) throws(Failure) {
        let path = state.path + "/backfill.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(describing: StoreError(writing: path, errno: errno)) }
        let texts =
            [pipeline, environment ?? ""] + parameters.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        let fingerprint = ContentHash.of(texts.map(JSONText.quoted).joined(separator: ","))
        guard let place = UInt64(fingerprint.drop { $0 != ":" }.dropFirst(), radix: 16) else {
            preconditionFailure("'\(fingerprint)' is no fingerprint")
        }
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = Int(place >> 2)
        range.l_len = 1
        // The lock belongs to the open file instead of the process, so that two days of one process have separate
        // locks.
        if fcntl(descriptor, Self.set, &range) == 0 { return }
        let error = errno
        close(descriptor)
        if error == EAGAIN || error == EACCES { return nil }
        throw Failure("\(path) cannot be locked", errno: error)
    }

    /// `F_OFD_SETLK`, which Swift does not import.
    private static let set: Int32 = 37

    deinit { close(descriptor) }
}
