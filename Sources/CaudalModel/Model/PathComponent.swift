import Foundation

/// Encodes values as path components.
package enum PathComponent {
    /// Hive's name for the folder of a missing value.
    package static let missing = "__HIVE_DEFAULT_PARTITION__"

    /// A value as one path component: it cannot lead out of its folder, and different values give different components.
    ///
    /// Unusual characters become `%` and two hexadecimal digits; a missing value becomes Hive's name for it. If the
    /// text is not in Unicode's composed form, all of its letters beyond ASCII are encoded too: Swift and some file
    /// systems would treat it as equal to the composed text.
    package static func of(_ value: String?) -> String {
        guard let value else { return missing }
        if value.isEmpty { return "%00" }
        if value == missing { return "%5F" + value.dropFirst() }
        // Bytes of ASCII are composed: asking Unicode costs more than all the rest.
        let isComposed =
            value.utf8.allSatisfy { $0 < 0x80 }
            || value.utf8.elementsEqual(value.precomposedStringWithCanonicalMapping.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.utf8.count)
        for byte in value.utf8 {
            if byte == 0 {
                // The component of an empty text.
                bytes += "%-0".utf8
            } else if byte < 0x20 || byte == 0x7F || byte >= 0x80 && !isComposed || isReserved(byte) {
                let digits = String(byte, radix: 16, uppercase: true)
                bytes += ((byte < 0x10 ? "%0" : "%") + digits).utf8
            } else {
                bytes.append(byte)
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.first == "." ? "%2E" + text.dropFirst() : text
    }

    private static func isReserved(_ byte: UInt8) -> Bool { "/%\\*?[]:\"<>|".utf8.contains(byte) }
}
