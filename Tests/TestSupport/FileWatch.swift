import CaudalModel
import Engine
import Foundation
import Synchronization

/// Waits until something holds that is to be seen in a folder, on a thread of its own, and looks only when a file there
/// has changed: a wait that looks again and again would hold up the other tests.
///
/// - Throws: `Failure` where the folder cannot be watched, `CancellationError` where the test has run out of time.
package func wait(forChangeIn folder: String, until isSo: @escaping @Sendable () -> Bool) async throws {
    let isCancelled = Flag()
    let fault: String? = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: watch(folder, until: { isSo() || isCancelled.isSet }))
            }
        }
    } onCancel: {
        isCancelled.set()
    }
    try Task.checkCancellation()
    if let fault { throw Failure("\(folder) cannot be watched: \(fault)") }
}

/// Something that was not so, and is from some point on.
private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

/// Looks whenever a file of the folder has changed.
///
/// - Returns: Why the folder cannot be watched; nil where it could.
private func watch(_ folder: String, until isSo: () -> Bool) -> String? {
    let descriptor = inotify_init1(O_CLOEXEC)
    defer { close(descriptor) }
    let changes = IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE
    guard descriptor >= 0, inotify_add_watch(descriptor, folder, UInt32(changes)) >= 0 else {
        return String(cString: strerror(errno))
    }
    var events = [UInt8](repeating: 0, count: 64 << 10)
    var place = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    // The watch was there before the first look, so that no change is missed.
    while !isSo() {
        // A change of a database is told when it is written, a moment before others can see it.
        if poll(&place, 1, 250) == 0 { continue }
        if read(descriptor, &events, events.count) < 0, errno != EINTR { break }
    }
    return nil
}

/// Waits until a file is there, with something in it where that is asked for.
///
/// - Throws: `Failure` where its folder is not there.
package func wait(forFile path: String, holding text: String = "") async throws {
    try await wait(forChangeIn: PathText.folder(of: path)) {
        guard let found = try? FileText.read(path) else { return false }
        return text.isEmpty || found.contains(text)
    }
}
