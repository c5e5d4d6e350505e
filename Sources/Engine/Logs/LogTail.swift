import Foundation

/// Reads the lines added to a run's log since the last call, while another process may be writing it.
package struct LogTail: Sendable {
    private let folder: String
    private var segment = 0
    private var offset: Int64 = 0
    /// The beginning of a line that is not complete yet.
    private var rest: [UInt8] = []

    /// A tail that starts at the first line.
    package init(folder: String) { self.folder = folder }

    /// Calls `line` with each complete new line.
    ///
    /// - Parameter limit: Stops after about this many bytes; the next call continues there.
    /// - Returns: Whether there may already be more.
    @discardableResult
    package mutating func read(limit: Int = .max, _ line: (UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
        readPositioned(limit: limit) { bytes, _, _ in line(bytes) }
    }

    /// Calls `line` with each complete new line, the number of its segment and its position in the segment.
    @discardableResult
    mutating func readPositioned(
        limit: Int = .max, _ line: (UnsafeBufferPointer<UInt8>, _ segment: Int, _ offset: Int64) -> Void
    ) -> Bool {
        var left = limit
        for found in LogFiles.segments(in: folder) where found.number >= segment {
            if found.number > segment {
                // A torn last line of a segment is not continued in the next one.
                segment = found.number
                offset = 0
                rest = []
            }
            if found.isCompressed {
                readCompressed(found, line)
                continue
            }
            let descriptor = open(found.path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while left > 0 {
                let count = pread(descriptor, &buffer, buffer.count, Int(offset))
                if count <= 0 { break }
                offset += Int64(count)
                left -= count
                buffer.withUnsafeBufferPointer { bytes in
                    take(UnsafeBufferPointer(rebasing: bytes.prefix(count)), at: offset - Int64(count), line)
                }
            }
            if left <= 0 { return true }
        }
        return false
    }

    /// Reads a segment that nobody writes any more, at once.
    private mutating func readCompressed(
        _ found: LogFiles.Segment, _ line: (UnsafeBufferPointer<UInt8>, _ segment: Int, _ offset: Int64) -> Void
    ) {
        guard offset == 0 else { return }
        _ = CompressedLog.read(found.path) { block, start in
            var place = 0
            while place < block.count {
                let bytes = LogBlock.line(block, from: place)
                line(bytes, found.number, Int64(start + place))
                place += bytes.count + 1
            }
        }
        offset = .max
    }

    private mutating func take(
        _ bytes: UnsafeBufferPointer<UInt8>, at place: Int64,
        _ line: (UnsafeBufferPointer<UInt8>, _ segment: Int, _ offset: Int64) -> Void
    ) {
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            if rest.isEmpty {
                line(UnsafeBufferPointer(rebasing: bytes[start..<end]), segment, place + Int64(start))
            } else {
                let begin = place + Int64(start) - Int64(rest.count)
                rest.append(contentsOf: bytes[start..<end])
                rest.withUnsafeBufferPointer { line($0, segment, begin) }
                rest.removeAll()
            }
            start = end + 1
        }
        rest.append(contentsOf: bytes[start...])
    }
}
