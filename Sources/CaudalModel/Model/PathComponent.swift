import Foundation

/// Encodes values as path components.
package enum PathComponent {
    /// Hive's name for the folder of a missing value.
    private static let missing = "__HIVE_DEFAULT_PARTITION__"

    /// A value as one path component: it cannot lead out of its folder, and different values give different components.
    ///
    /// Unusual characters become `%` and two hexadecimal digits; a missing value becomes Hive's name for it. If the
    /// text is not in Unicode's composed form, all of its letters beyond ASCII are encoded too: Swift and some file
    /// systems would treat it as equal to the composed text.
    package static func of(_ value: String?) -> String {
        guard let value else { return missing }
        if value.isEmpty { return "%00" }
        if value == missing { return "%5F" + value.dropFirst() }
        let isComposed = value.utf8.elementsEqual(value.precomposedStringWithCanonicalMapping.utf8)
        var text = ""
        for byte in value.utf8 {
            if byte == 0 {
                // The component of an empty text.
                text += "%-0"
                continue
            }
            let isUnusual =
                byte < 0x20 || byte == 0x7F || byte >= 0x80 && !isComposed || "/%\\*?[]:\"<>|".utf8.contains(byte)
            if isUnusual {
                let hex = String(byte, radix: 16, uppercase: true)
                text += "%" + (hex.count == 1 ? "0" : "") + hex
            } else {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        // Bytes above 127 were appended one by one: decode them together.
        text = String(decoding: text.unicodeScalars.map { UInt8($0.value) }, as: UTF8.self)
        return text.first == "." ? "%2E" + text.dropFirst() : text
    }
}
