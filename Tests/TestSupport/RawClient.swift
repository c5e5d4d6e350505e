import CSystem
import Foundation

/// A connection to a socket that says what it is told to, however rude.
package final class RawClient: Sendable {
    private let descriptor: Int32

    /// Connects to `name` in a folder; nil when nobody listens.
    package init?(_ folder: String, _ name: String = "socket") {
        descriptor = cs_socket_connect(folder, name, 20_000)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Sends bytes, as many as are taken.
    package func send(_ text: String) async {
        await waiting { [descriptor] in
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// The next bytes that come; nil when the other side has hung up.
    package func receive() async -> String? {
        await waiting { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
    }

    /// Waits on a thread of its own: the few that tasks share must stay free for the server's answers.
    private func waiting<Value: Sendable>(_ action: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: action()) }
        }
    }
}
