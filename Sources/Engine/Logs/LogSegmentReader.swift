package import CaudalModel
import CSystem
import Foundation

/// Reads blocks of whole lines from a segment that is not compressed.
///
/// It reads and never maps: a mapped file that shrinks would end the process.
package final class LogSegmentReader: Sendable {
    private let descriptor: Int32

    /// Opens a segment.
    ///
    /// - Throws: ``Failure`` when it cannot be opened.
    package init(_ path: String) throws(Failure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw Failure("the log \(path) cannot be read", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Its present size in bytes; 0 when that is unknown.
    package var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Reads bytes; fewer than asked for at the end of the file.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            count = 0
            guard let base = buffer.baseAddress else { return }
            while count < range.count {
                let read = pread(descriptor, base + count, range.count - count, range.lowerBound + count)
                if read < 0, errno == EINTR { continue }
                // What cannot be read is as if it were not there; its end is told as that of a torn line.
                if read <= 0 { break }
                count += read
            }
        }
    }

    /// The position behind the last line feed at or before `end`.
    package func lineEnd(before end: Int) -> Int {
        var end = end
        while end > 0 {
            let start = max(0, end - (64 << 10))
            let tail = bytes(start..<end)
            if let found = tail.lastIndex(of: 0x0A) { return start + found + 1 }
            end = start
        }
        return 0
    }

    /// Calls `body` with the records that begin in a range: their bytes, and the position of the first; not at all if
    /// there are none.
    ///
    /// - Parameter end: Where what is read ends, behind a whole line.
    package func withRecords(
        beginningIn range: Range<Int>, end: Int, _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void
    ) {
        // One byte before tells whether a line begins at the first.
        let start = max(0, range.lowerBound - 1)
        var slack = 4 << 10
        while true {
            let stop = min(end, range.upperBound + slack)
            let bytes = bytes(start..<max(start, stop))
            let isAll = stop >= end || bytes.count < stop - start
            let isDone = bytes.withUnsafeBufferPointer { buffer in
                guard
                    let lines = Self.records(buffer, in: (range.lowerBound - start)..<(range.upperBound - start), isAll)
                else { return false }
                if !lines.isEmpty { body(UnsafeBufferPointer(rebasing: buffer[lines]), start + lines.lowerBound) }
                return true
            }
            if isDone { return }
            slack *= 8
        }
    }

    /// The part of some bytes that holds the records that begin in a range; nil when it does not end in them.
    private static func records(
        _ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ isAll: Bool
    ) -> Range<Int>? {
        /// The position behind the next line feed.
        func lineEnd(_ place: Int) -> Int? {
            guard place < bytes.count, let base = bytes.baseAddress else { return nil }
            return memchr(base + place, 0x0A, bytes.count - place)
                .map { UnsafeRawPointer($0) - UnsafeRawPointer(base) + 1 }
        }
        /// The beginning of the first record whose first line begins at a place or behind.
        func recordStart(_ place: Int) -> Int? {
            var place = place
            while place < bytes.count, LogBlock.continues(LogBlock.line(bytes, from: place)) {
                guard let next = lineEnd(place) else { return isAll ? bytes.count : nil }
                place = next
            }
            // Whether the next line continues a record is known when it is whole.
            return place < bytes.count && lineEnd(place) != nil || isAll ? place : nil
        }
        func border(_ place: Int) -> Int? {
            if place == 0 { return 0 }
            guard let next = lineEnd(place - 1) else { return isAll ? bytes.count : nil }
            return recordStart(next)
        }
        guard let first = border(range.lowerBound), let last = border(range.upperBound) else { return nil }
        return first..<max(first, last)
    }
}
