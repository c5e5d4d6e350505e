/// A field of lines that are JSON, by its path: `user.id`.
package struct LogField: Sendable {
    /// The path as it was given.
    package let name: String
    private let path: [String]

    /// Reads a path; nil when a part of it is empty.
    package init?(_ name: String) {
        let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.name = name
        self.path = path
    }

    /// Its value in an object as JSON; nil when the object does not have it.
    package func json(in object: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // A key may have dots itself.
        Self.find([name], in: object) ?? (path.count > 1 ? Self.find(path[...], in: object) : nil)
    }

    /// Its value as text: a string without its quotation marks, anything else as JSON.
    package func value(in object: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        json(in: object).map { value in
            guard value.first == UInt8(ascii: "\""), value.count >= 2 else { return value }
            return value[1..<(value.count - 1)].withUnsafeBufferPointer { JSONObjectReader.unescaped($0) }
        }
    }

    private static func find(_ path: ArraySlice<String>, in object: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let name = path.first else { return nil }
        var reader = JSONObjectReader(object)
        guard reader.begin() else { return nil }
        while let key = reader.key() {
            let value = Array(reader.raw().utf8)
            guard key == name else { continue }
            let trimmed = Array(value.reversed().drop { $0 == 0x20 }.reversed())
            return path.count == 1 ? trimmed : trimmed.withUnsafeBufferPointer { find(path.dropFirst(), in: $0) }
        }
        return nil
    }
}
