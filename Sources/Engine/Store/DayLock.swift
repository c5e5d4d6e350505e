import Foundation

/// Keeps one day of a backfill from being run by two processes at once: a lock on one byte of a file of the state folder.
///
/// The kernel gives it back with the process, so nothing of it is ever left behind. Which byte is told by a fingerprint
/// of what makes the day's run another one than others.
package struct DayLock: ~Copyable, Sendable {
    private let descriptor: Int32

    /// Takes the lock of a day.
    ///
    /// `parameters`: those of its run, as they are recorded.
    /// - Returns: nil when somebody else has it.
    /// - Throws: ``Failure`` when the file cannot be opened or locked.
    package init?(
        pipeline: String, environment: String?, parameters: [String: String], in state: StateFolder
    ) throws(Failure) {
        let path = state.path + "/backfill.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be opened: \(String(cString: strerror(errno)))") }
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
        // Of the open file and not of the process: two days of one process hold theirs apart.
        if fcntl(descriptor, Self.set, &range) == 0 { return }
        let error = errno
        close(descriptor)
        if error == EAGAIN || error == EACCES { return nil }
        throw Failure("\(path) cannot be locked: \(String(cString: strerror(error)))")
    }

    /// `F_OFD_SETLK`, which Swift does not import.
    private static let set: Int32 = 37

    deinit { close(descriptor) }
}
