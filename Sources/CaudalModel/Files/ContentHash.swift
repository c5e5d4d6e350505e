import Foundation

/// A fingerprint of a file's content: XXH64, which reads several gigabytes a second.
///
/// It detects changed data; it does not protect against deliberate manipulation. `xxhsum -H64` prints the same values.
/// Source: the specification of xxHash by Y. Collet, version 0.1.1.
package struct ContentHash {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lanes: (UInt64, UInt64, UInt64, UInt64) = (prime1 &+ prime2, prime2, 0, 0 &- prime1)
    private var length: UInt64 = 0
    /// Bytes that do not yet fill a stripe of 32.
    private var rest: [UInt8] = []

    package init() {}

    /// The fingerprint of a file, such as `xxh64:ef46db3751d8e999`, or nil when it cannot be read or is no regular file.
    package static func ofFile(_ path: String) -> String? {
        // A pipe would be waited for until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var hash = ContentHash()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return hash.text }
            if count < 0 { return nil }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
        }
    }

    /// The fingerprint of a file; for a folder, that of the sorted names and fingerprints of all files in it; nil when
    /// something cannot be read.
    package static func of(path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFDIR else { return ofFile(path) }
        guard let names = FileManager.default.subpaths(atPath: path) else { return nil }
        var text = ""
        for name in names.sorted() {
            let file = path + "/" + name
            guard stat(file, &status) == 0 else { return nil }
            if status.st_mode & S_IFMT == S_IFDIR { continue }
            guard let hash = ofFile(file) else { return nil }
            text += "\(hash) \(name)\n"
        }
        return of(text)
    }

    /// The fingerprint of a text.
    package static func of(_ text: String) -> String {
        var hash = ContentHash()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return hash.text
    }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length &+= UInt64(bytes.count)
        var bytes = bytes
        if !rest.isEmpty {
            let needed = min(32 - rest.count, bytes.count)
            rest.append(contentsOf: bytes.prefix(needed))
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(needed))
            guard rest.count == 32 else { return }
            rest.withUnsafeBytes { stripe in lanes = Self.consume(stripe, lanes) }
            rest.removeAll(keepingCapacity: true)
        }
        let whole = bytes.count & ~31
        lanes = Self.consume(UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)), lanes)
        rest.append(contentsOf: bytes.dropFirst(whole))
    }

    private static func consume(
        _ stripes: UnsafeRawBufferPointer, _ start: (UInt64, UInt64, UInt64, UInt64)
    ) -> (UInt64, UInt64, UInt64, UInt64) {
        var (a, b, c, d) = start
        var offset = 0
        while offset + 32 <= stripes.count {
            a = round(a, stripes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            b = round(b, stripes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
            c = round(c, stripes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
            d = round(d, stripes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
            offset += 32
        }
        return (a, b, c, d)
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotated(lane &+ UInt64(littleEndian: input) &* prime2, 31) &* prime1
    }

    private static func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }

    /// The fingerprint of all bytes so far.
    package var value: UInt64 {
        var hash: UInt64
        if length >= 32 {
            hash =
                Self.rotated(lanes.0, 1) &+ Self.rotated(lanes.1, 7) &+ Self.rotated(lanes.2, 12)
                &+ Self.rotated(lanes.3, 18)
            for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
                hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
            }
        } else {
            hash = Self.prime5
        }
        hash &+= length
        rest.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                let lane = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                hash = Self.rotated(hash ^ Self.round(0, lane), 27) &* Self.prime1 &+ Self.prime4
                offset += 8
            }
            if offset + 4 <= bytes.count {
                let lane = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                hash = Self.rotated(hash ^ lane &* Self.prime1, 23) &* Self.prime2 &+ Self.prime3
                offset += 4
            }
            while offset < bytes.count {
                hash = Self.rotated(hash ^ UInt64(bytes[offset]) &* Self.prime5, 11) &* Self.prime1
                offset += 1
            }
        }
        hash = (hash ^ (hash >> 33)) &* Self.prime2
        hash = (hash ^ (hash >> 29)) &* Self.prime3
        return hash ^ (hash >> 32)
    }

    /// The fingerprint as text, as it is shown and stored.
    package var text: String {
        let hex = String(value, radix: 16)
        return "xxh64:" + String(repeating: "0", count: 16 - hex.count) + hex
    }
}
