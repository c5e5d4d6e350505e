import CaudalModel
import Crypto
import Foundation

/// SHA-256 of contents, by which a receiver makes sure of what it was sent.
enum ContentDigest {
    /// That of no bytes, in hexadecimal digits.
    static let ofNothing = text(SHA256.hash(data: Data()))

    /// That of a file, in hexadecimal digits.
    ///
    /// - Throws: ``Failure`` when the file cannot be read.
    static func sha256(ofFile path: String) throws(Failure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be read", errno: errno) }
        defer { close(descriptor) }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure("\(path) cannot be read", errno: errno)
            }
            if count == 0 { return text(hash.finalize()) }
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
        }
    }

    private static func text(_ digest: SHA256.Digest) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
