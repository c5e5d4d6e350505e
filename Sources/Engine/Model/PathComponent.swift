import Foundation

/// Values as parts of a path.
package enum PathComponent {
    /// What Hive calls the folder of a missing value.
    private static let missing = "__HIVE_DEFAULT_PARTITION__"

    /// A value as one component of a path: nothing in it can lead elsewhere, and no two values give one component.
    ///
    /// Unusual characters become `%` and two hexadecimal digits; a missing value becomes Hive's name for it. So do all
    /// letters beyond ASCII of a text that is not in Unicode's composed form, or Swift and some file systems would take
    /// it for the one that is.
    package static func of(_ value: String?) -> String {
        guard let value else { return missing }
        if value.isEmpty { return "%00" }
        if value == missing { return "%5F" + value.dropFirst() }
        let isComposed = value.utf8.elementsEqual(value.precomposedStringWithCanonicalMapping.utf8)
        var text = ""
        for byte in value.utf8 {
            if byte == 0 {
                // What an empty text is called.
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
        // Bytes above 127 were taken one by one: put them together again.
        text = String(decoding: text.unicodeScalars.map { UInt8($0.value) }, as: UTF8.self)
        return text.first == "." ? "%2E" + text.dropFirst() : text
    }
}
