package import CaudalModel
import CSystem
import Foundation

/// Segments that are compressed as gzip does: `zcat` and others read them too.
package enum CompressedLog {
    /// What the names of compressed segments end in.
    static let ending = ".jsonl.gz"

    /// Calls `body` with blocks of whole records: their bytes, and the position of the first in the segment.
    ///
    /// Around damage it is read on: only lines whose checksum is right are given.
    ///
    /// - Returns: Where the segment is damaged first; nil when it is whole.
    static func read(_ path: String, _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) -> Int? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        guard let stream = cs_gunzip_open(descriptor) else { return 0 }
        defer { cs_gunzip_close(stream) }
        var rest: [UInt8] = []
        var offset = 0
        var damage: Int?
        while true {
            let size = 1 << 20
            var count = 0
            let held = rest
            let block = [UInt8](unsafeUninitializedCapacity: held.count + size) { buffer, filled in
                _ = buffer.update(fromContentsOf: held)
                count = buffer.baseAddress.map { cs_gunzip_read(stream, $0 + held.count, size) } ?? 0
                filled = held.count + max(0, count)
            }
            let isEnd = count <= 0
            let end = block.withUnsafeBufferPointer { isEnd ? LogBlock.lineEnd($0) : LogBlock.lastRecord($0) }
            block.withUnsafeBufferPointer { if end > 0 { body(UnsafeBufferPointer(rebasing: $0[..<end]), offset) } }
            offset += end
            rest = Array(block[end...])
            if count < 0 || isEnd && !rest.isEmpty { damage = damage ?? offset }
            if count == 0 { return damage }
            // A line whose end is damaged is none.
            if count < 0 { rest = [] }
        }
    }

    /// The bytes of a segment, compressed.
    ///
    /// - Parameter path: A file to write them to meanwhile; it is removed.
    /// - Throws: ``Failure`` when that is not possible.
    static func copy(_ segment: String, by path: String) throws(Failure) -> [UInt8] {
        func open(_ path: String, _ flags: Int32) throws(Failure) -> Int32 {
            let descriptor = Foundation.open(path, flags | O_CLOEXEC, 0o600)
            if descriptor < 0 { throw Failure("\(path) cannot be opened", errno: errno) }
            return descriptor
        }
        let from = try open(segment, O_RDONLY)
        defer { close(from) }
        let to = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer {
            close(to)
            unlink(path)
        }
        let error = cs_gzip(from, to)
        if error != 0 { throw Failure("the log \(segment) cannot be compressed", errno: -error) }
        return try FileText.bytes(path)
    }

    /// Compresses a segment; the file that was is removed when the new one is on the disk.
    ///
    /// - Returns: The number of bytes that are freed.
    /// - Throws: ``Failure`` when that is not possible; the segment is then as it was.
    package static func compress(_ segment: LogFiles.Segment) throws(Failure) -> Int64 {
        guard !segment.isCompressed else { return 0 }
        let path = segment.path + ".gz"
        let new = path + ".new"
        func fail(_ error: Int32) throws(Failure) -> Never {
            unlink(new)
            throw Failure("the log \(segment.path) cannot be compressed", errno: error)
        }
        let from = open(segment.path, O_RDONLY | O_CLOEXEC)
        if from < 0 { try fail(errno) }
        defer { close(from) }
        var status = stat()
        if fstat(from, &status) != 0 { try fail(errno) }
        let to = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if to < 0 { try fail(errno) }
        defer { close(to) }
        let error = cs_gzip(from, to)
        if error != 0 { try fail(-error) }
        var packed = stat()
        // The time of the last line is taken from the file's.
        let times = [status.st_mtim, status.st_mtim]
        if fsync(to) != 0 || fstat(to, &packed) != 0 || futimens(to, times) != 0 || rename(new, path) != 0 {
            try fail(errno)
        }
        unlink(segment.path)
        return Int64(status.st_size - packed.st_size)
    }
}
