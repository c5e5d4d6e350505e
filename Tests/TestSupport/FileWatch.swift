import CaudalModel
import Engine
import Foundation

/// Waits until something holds that is to be seen in a folder, on a thread of its own, and looks only when a file there
/// has changed: a wait that looks again and again would hold up the other tests.
///
/// - Throws: `Failure` where the folder cannot be watched.
package func wait(forChangeIn folder: String, until isSo: @escaping @Sendable () -> Bool) async throws {
    let fault: String? = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            let descriptor = inotify_init1(O_CLOEXEC)
            defer { close(descriptor) }
            let changes = IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE
            guard descriptor >= 0, inotify_add_watch(descriptor, folder, UInt32(changes)) >= 0 else {
                return continuation.resume(returning: String(cString: strerror(errno)))
            }
            var events = [UInt8](repeating: 0, count: 64 << 10)
            var place = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // The watch was there before the first look, so that no change is missed.
            while !isSo() {
                // A change of a database is told when it is written, a moment before others can see it.
                if poll(&place, 1, 250) == 0 { continue }
                if read(descriptor, &events, events.count) < 0, errno != EINTR { break }
            }
            continuation.resume(returning: nil)
        }
    }
    if let fault { throw Failure("\(folder) cannot be watched: \(fault)") }
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
