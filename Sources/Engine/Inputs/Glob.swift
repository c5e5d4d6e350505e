package import CaudalModel
import Foundation

/// Finds files by pattern.
package enum Glob {
    /// The files that match a pattern with `*`, `?` and `[…]`, sorted by name.
    ///
    /// The system's own `glob` passes over what it cannot look at, and a run would then work on a part of its input.
    /// - Throws: ``Failure`` for a folder that cannot be looked into, and for a name that fits and is not UTF-8.
    package static func files(matching pattern: String) throws(Failure) -> [String] {
        // Each with the slash that follows it.
        var folders = [pattern.hasPrefix("/") ? "/" : ""]
        var found: [String] = []
        let parts = pattern.split(separator: "/").map(String.init)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            found = []
            for folder in folders {
                found +=
                    part.contains { "*?[".contains($0) }
                    ? try names(fitting: part, in: folder, onlyFolders: !isLast).map { folder + $0 }
                    : try isThere(folder + literalText(part), in: folder) ? [folder + literalText(part)] : []
            }
            folders = found.map { $0 + "/" }
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Whether a path matches a pattern.
    package static func matches(_ path: String, _ pattern: String) -> Bool {
        NamePattern.fits(path, pattern, FNM_PATHNAME)
    }

    /// A pattern that matches exactly one path, with its special characters escaped.
    static func literal(_ path: String) -> String {
        path.replacing(#/[*?\[\\]/#) { "\\" + $0.output }
    }

    /// The text of a part of a pattern that has no wildcards.
    private static func literalText(_ part: String) -> String { part.replacing(#/\\(.)/#) { $0.output.1 } }

    private static func isThere(_ path: String, in folder: String) throws(Failure) -> Bool {
        var status = stat()
        if lstat(path, &status) == 0 { return true }
        try refuse(folder, errno)
        return false
    }

    private static func names(
        fitting part: String, in folder: String, onlyFolders: Bool
    ) throws(Failure) -> [String] {
        guard let stream = opendir(folder.isEmpty ? "." : folder) else {
            try refuse(folder, errno)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                try refuse(folder, errno)
                return names
            }
            if onlyFolders, entry.pointee.d_type == UInt8(DT_REG) { continue }
            let name = try withUnsafePointer(to: &entry.pointee.d_name) { field throws(Failure) -> String? in
                try field.withMemoryRebound(to: CChar.self, capacity: 1) { text throws(Failure) -> String? in
                    // A name that begins with a dot is meant only where the pattern says so.
                    guard NamePattern.fits(text, part, FNM_PERIOD) else { return nil }
                    if let name = String(validatingCString: text) { return name }
                    throw Failure(
                        "the folder \(folder) holds '\(String(cString: text))', which fits '\(part)' and is not UTF-8: "
                            + "it cannot be named here", remedy: "give it another name, or move it away")
                }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
    }

    /// What is not there is not found; everything else that the system says leaves open what is.
    private static func refuse(_ folder: String, _ error: Int32) throws(Failure) {
        if [0, ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP].contains(error) { return }
        throw Failure(
            "which files are in the folder \(folder.isEmpty ? "." : folder) cannot be told", errno: error,
            remedy: "give this user the right to look into it, or write a pattern that leaves it out")
    }
}
