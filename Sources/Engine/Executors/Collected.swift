import Synchronization

/// Collects the output of a short program, up to a limit.
final class Collected: Sendable {
    /// Longer output is not a tool's answer.
    static let limit = 8 << 20
    private let limit: Int
    private let streams = Mutex<[LogStream: [UInt8]]>([:])

    init(limit: Int = limit) { self.limit = limit }

    func append(_ stream: LogStream, _ bytes: UnsafeRawBufferPointer) {
        streams.withLock { streams in
            let room = max(0, limit - streams[stream, default: []].count)
            streams[stream, default: []].append(contentsOf: bytes.prefix(room))
        }
    }

    func text(_ stream: LogStream) -> String {
        streams.withLock { String(decoding: $0[stream] ?? [], as: UTF8.self) }
    }
}
