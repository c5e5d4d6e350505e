import Foundation

/// Paths as text, without asking the disk, but for what `..` means behind a link.
package enum PathText {
    /// What Hive calls the folder of a missing value.
    private static let missing = "__HIVE_DEFAULT_PARTITION__"

    /// A value as one component of a path: nothing in it can lead elsewhere, and no two values give one component.
    ///
    /// Unusual characters become `%` and two hexadecimal digits; a missing value becomes Hive's name for it. So do all
    /// letters beyond ASCII of a text that is not in Unicode's composed form, or Swift and some file systems would take
    /// it for the one that is.
    package static func component(_ value: String?) -> String {
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

    /// A path from `folder` on, with `.` and `..` taken out.
    ///
    /// `..` behind a link to a folder leads to the folder above the one that is meant, as it does for every other program.
    package static func absolute(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") ? path : folder + "/" + path
        var parts: [Substring] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." {
                let above = "/" + parts.joined(separator: "/")
                if isLink(above) { parts = FileIdentity.withoutLinks(above).split(separator: "/") }
                _ = parts.popLast()
            } else {
                parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// The part after the last slash.
    package static func lastComponent(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// The part before the last slash; `/` for a path at the root.
    package static func folder(of path: String) -> String {
        let parts = path.split(separator: "/")
        return (path.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
    }

    /// `path` as it is written from `folder`, when it lies below it.
    package static func relative(_ path: String, to folder: String) -> String {
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
}
