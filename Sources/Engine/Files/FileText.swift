import Foundation

/// Small files, whole.
package enum FileText {
    /// Reads a file as UTF-8; bytes that are not become U+FFFD.
    package static func read(_ path: String) throws(Failure) -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// Reads a file.
    package static func bytes(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure("\(path) cannot be read: \(String(cString: strerror(errno)))")
            }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// Writes a file anew; its owner alone can read it when `isPrivate`.
    package static func write(_ text: String, to path: String, isPrivate: Bool = false) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, isPrivate ? 0o600 : 0o644)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var text = text
        let error: Int32 = text.withUTF8 { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while !rest.isEmpty {
                let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
            return 0
        }
        if error != 0 { throw Failure("\(path) cannot be written: \(String(cString: strerror(error)))") }
    }

    /// The size of a file, or nil when there is none.
    package static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Whether something stands at a path.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
