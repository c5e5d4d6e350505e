import CaudalModel
import Foundation

/// A text that a program reads as its input, in a file without a name: whatever ends this process, nobody finds it.
package final class UnnamedFile: Sendable {
    let descriptor: Int32
    /// The path by which a child opens it, as long as this object lives.
    var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    /// - Throws: ``Failure`` when the file cannot be made or written.
    init(_ text: String, in folder: String) throws(Failure) {
        var name = Array("\(folder)/.unnamed-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw Failure("no file can be made in \(folder)", errno: errno) }
        // Nothing is in it yet.
        unlink(name)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var text = text
        let error = text.withUTF8 { FileText.write(UnsafeRawBufferPointer($0), to: descriptor) }
        if error != 0 { throw Failure("a file in \(folder) cannot be written", errno: error) }
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit { close(descriptor) }
}
