import Foundation

/// Operations on paths as text; only `..` after a symbolic link needs the file system.
package enum PathText {
    /// Resolves a path from `folder`, with `.` and `..` removed.
    ///
    /// `..` after a symbolic link to a folder means the parent of the link's target, as for every other program.
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

    /// `path` relative to `folder` when it is below it; else unchanged.
    package static func relative(_ path: String, to folder: String) -> String {
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
}
