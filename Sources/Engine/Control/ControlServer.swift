package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Accepts commands from other processes of the same user for the run that this process owns.
///
/// A thread of its own waits for the socket in the run's folder and for all connected clients. A client that is slow,
/// sends invalid data or never reads occupies one of a limited number of places until its time is over, and has no
/// other effect.
package final class ControlServer: Sendable {
    /// Carries out a command.
    package typealias Handler = @Sendable (RunCommand, _ by: String) async -> CommandAnswer

    private let mailbox: ControlMailbox
    private let folder: RunFolder

    /// Opens the socket and begins to listen.
    ///
    /// Only the process that holds the run's lock may do this: an existing socket then belongs to a dead process and is
    /// removed.
    ///
    /// - Throws: ``Failure`` when the socket cannot be opened; the run can continue without it.
    package init(
        _ folder: RunFolder, patience: Duration = .seconds(10), handler: @escaping Handler
    ) throws(Failure) {
        unlink(folder.socket)
        let listener = cs_socket_listen(folder.path, RunFolder.socketName)
        let wake = cs_wake_create()
        guard listener >= 0, wake >= 0 else {
            for descriptor in [listener, wake] where descriptor >= 0 { close(descriptor) }
            throw Failure(
                "no socket at \(folder.socket): \(Failure.words(ofErrno: -min(listener, wake))); other processes cannot steer the run"
            )
        }
        self.folder = folder
        mailbox = ControlMailbox(wake: wake)
        let loop = ControlLoop(listener: listener, mailbox: mailbox, patience: patience, handler: handler)
        do throws(Failure) {
            try ServiceThread.start("control") { loop.run() }
        } catch {
            for descriptor in [listener, wake] { close(descriptor) }
            unlink(folder.socket)
            throw error
        }
    }

    /// Accepts no more commands, delivers the remaining answers, and removes the socket.
    package func stop() async {
        unlink(folder.socket)
        await withCheckedContinuation { continuation in
            mailbox.post(.stop { continuation.resume() })
        }
    }
}

/// Delivers answers to the server's thread.
final class ControlMailbox: Sendable {
    enum Mail: Sendable {
        case answer(client: UInt64, CommandAnswer)
        case stop(@Sendable () -> Void)
    }

    let wake: Int32
    private let mail = Mutex<(open: Bool, waiting: [Mail])>((true, []))

    init(wake: Int32) { self.wake = wake }

    func post(_ item: Mail) {
        let isOpen = mail.withLock { mail -> Bool in
            // An answer that comes after the thread has ended has no recipient.
            guard mail.open else { return false }
            mail.waiting.append(item)
            cs_wake(wake)
            return true
        }
        if !isOpen, case .stop(let done) = item { done() }
    }

    func take() -> [Mail] {
        mail.withLock { mail in
            defer { mail.waiting = [] }
            return mail.waiting
        }
    }

    /// Closes the mailbox and the descriptor that wakes its reader.
    func close() {
        let left = mail.withLock { mail -> [Mail] in
            mail.open = false
            Foundation.close(wake)
            defer { mail.waiting = [] }
            return mail.waiting
        }
        for case .stop(let done) in left { done() }
    }
}
