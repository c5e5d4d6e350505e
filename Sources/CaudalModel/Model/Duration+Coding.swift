// Durations are encoded as whole milliseconds, which people and SQL can read; Swift's own encoding is two halves of a
// 128-bit number. These overloads are more specific than the generic ones, so synthesized conformances use them.
extension KeyedEncodingContainer {
    mutating func encode(_ value: Duration, forKey key: Key) throws {
        try encode(value.milliseconds, forKey: key)
    }

    mutating func encodeIfPresent(_ value: Duration?, forKey key: Key) throws {
        if let value { try encode(value.milliseconds, forKey: key) }
    }
}

extension KeyedDecodingContainer {
    func decode(_ type: Duration.Type, forKey key: Key) throws -> Duration {
        .milliseconds(try decode(Int64.self, forKey: key))
    }

    func decodeIfPresent(_ type: Duration.Type, forKey key: Key) throws -> Duration? {
        try decodeIfPresent(Int64.self, forKey: key).map { .milliseconds($0) }
    }
}
