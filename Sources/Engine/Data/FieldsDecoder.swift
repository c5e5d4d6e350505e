/// Reads a value of Swift from the fields of a row: numbers and truths also where an engine wrote them as text.
struct FieldsDecoder: Decoder {
    let fields: [String: DataReadings.Value]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FieldsContainer(fields: fields))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Self.unsupported }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Self.unsupported }

    fileprivate static var unsupported: DecodingError {
        .dataCorrupted(.init(codingPath: [], debugDescription: "a row has fields, and no rows in them"))
    }
}

private struct FieldsContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: [String: DataReadings.Value]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { fields.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { fields[key.stringValue] != nil }
    func decodeNil(forKey key: Key) -> Bool { fields[key.stringValue] ?? .null == .null }

    private func found<Found>(_ value: Found?, _ key: Key) throws -> Found {
        guard let value else {
            throw DecodingError.keyNotFound(key, .init(codingPath: [key], debugDescription: "the row has none"))
        }
        return value
    }

    private func whole<Number: FixedWidthInteger>(_ key: Key) throws -> Number {
        try found(fields[key.stringValue]?.integer.flatMap { Number(exactly: $0) }, key)
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try found(fields[key.stringValue]?.number.map { $0 != 0 }, key)
    }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try found(fields[key.stringValue]?.text, key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
        try found(fields[key.stringValue]?.number, key)
    }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try decode(Double.self, forKey: key)) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try whole(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try whole(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try whole(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try whole(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try whole(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try whole(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try whole(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try whole(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try whole(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try whole(key) }

    func decode<Content: Decodable>(_ type: Content.Type, forKey key: Key) throws -> Content {
        let value = try found(fields[key.stringValue], key)
        if let value = value as? Content { return value }
        // A list of texts, some of which are missing.
        if case .list(let values) = value, let texts = values.map(\.text) as? Content { return texts }
        throw FieldsDecoder.unsupported
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw FieldsDecoder.unsupported }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw FieldsDecoder.unsupported
    }
    func superDecoder() throws -> any Decoder { throw FieldsDecoder.unsupported }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw FieldsDecoder.unsupported }
}
