package import CaudalModel
import CSystem
import Foundation

/// Sends commands to a run that another process owns, over the socket in the run's folder.
package struct ControlClient: Sendable {
    private let folder: RunFolder
    /// How long the other process may take to accept a command and to answer.
    private let patience: Duration

    package init(_ folder: RunFolder, patience: Duration = .seconds(10)) {
        self.folder = folder
        self.patience = patience
    }

    /// Sends a command and waits for the answer.
    ///
    /// A process that has just taken over the run opens its socket a moment later; the client waits for that while the
    /// process holds the run's lock, for at most two seconds. Blocks; see ``ask(_:by:)`` for callers that must not.
    ///
    /// - Returns: nil when no process runs the run, or the one that did has ended without an answer.
    /// - Throws: ``ControlError`` when a process holds the run and does not answer.
    package func send(_ command: RunCommand, by: String) throws(ControlError) -> CommandAnswer? {
        let begin = ContinuousClock.now
        while true {
            let connection = cs_socket_connect(folder.path, RunFolder.socketName, Int32(patience.milliseconds))
            if connection >= 0 {
                defer { close(connection) }
                do throws(ControlError) {
                    return try exchange(ControlRequest(command: command, by: by), on: connection)
                } catch {
                    // A process that ends closes connections that it has not looked at.
                    if case .closed = error, hasEnded() { return nil }
                    throw error
                }
            }
            // Checked after the attempt: a process that ended meanwhile has removed its socket.
            if !folder.isLive { return nil }
            guard [-ECONNREFUSED, -ENOENT].contains(connection), ContinuousClock.now - begin < .seconds(2) else {
                throw .unreachable(errno: -connection)
            }
            usleep(20_000)
        }
    }

    /// Whether the process that holds the run ends within two seconds.
    private func hasEnded() -> Bool {
        let begin = ContinuousClock.now
        while folder.isLive {
            if ContinuousClock.now - begin > .seconds(2) { return false }
            usleep(20_000)
        }
        return true
    }

    /// Sends a command on a thread that may block.
    ///
    /// - Throws: ``ControlError`` when a process holds the run and does not answer.
    package func ask(_ command: RunCommand, by: String) async throws(ControlError) -> CommandAnswer? {
        let client = self
        let result: Result<CommandAnswer?, ControlError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(ControlError) in try client.send(command, by: by) })
            }
        }
        return try result.get()
    }

    private func exchange(_ request: ControlRequest, on connection: Int32) throws(ControlError) -> CommandAnswer {
        var rest = ControlLine.bytes(request)[...]
        while !rest.isEmpty {
            // A peer that has just died must not kill this process with SIGPIPE.
            let count = rest.withUnsafeBytes {
                Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw silence(errno) }
            rest = rest.dropFirst(count)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !answer.contains(0x0A) {
            let count = recv(connection, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0, answer.count < ControlRequest.lineLimit else { throw silence(count == 0 ? 0 : errno) }
            answer += buffer[..<count]
        }
        guard let reply = ControlLine.message(ControlReply.self, answer.prefix { $0 != 0x0A }),
            let answer = reply.answer
        else { throw .unreadableAnswer }
        return answer
    }

    private func silence(_ error: Int32) -> ControlError {
        if error == EAGAIN || error == EWOULDBLOCK { return .noAnswer(within: patience) }
        return .closed(errno: error == 0 ? nil : error)
    }
}
