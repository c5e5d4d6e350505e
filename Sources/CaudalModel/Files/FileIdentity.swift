import Foundation

/// A place on the disk, the same for every way to write its path: `./a.csv`, `b/../a.csv`, a symbolic link to it.
///
/// Only names are compared: the file need not exist, and two hard links to one file are two places.
package struct FileIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The absolute path with `.`, `..`, doubled slashes and existing symbolic links resolved.
    package let path: String

    /// Resolves a path.
    ///
    /// - Parameter root: The folder that a relative path starts from.
    package init(_ path: String, in root: String = "/") {
        self.path = Self.withoutLinks(PathText.absolute(path, in: root))
    }

    private init(resolved path: String) { self.path = path }

    package var description: String { path }

    /// The folder that contains it.
    package var folder: FileIdentity { FileIdentity(resolved: PathText.folder(of: path)) }

    /// The folders that contain it, the nearest first.
    package var folders: [FileIdentity] {
        var found: [FileIdentity] = []
        var next = self
        while next.path != "/" {
            next = next.folder
            found.append(next)
        }
        return found
    }

    /// Whether `other` is somewhere below this place, which must then be a folder.
    package func holds(_ other: FileIdentity) -> Bool {
        other.path != path && other.path.hasPrefix(path == "/" ? path : path + "/")
    }

    /// Whether `other` is this place or somewhere below it.
    package func isOrHolds(_ other: FileIdentity) -> Bool { self == other || holds(other) }

    /// The maximum number of symbolic links in one path, the same as the kernel's.
    private static let linkLimit = 40

    /// An absolute path with its symbolic links resolved; components that do not exist are unchanged.
    static func withoutLinks(_ path: String) -> String {
        var open = path.split(separator: "/").map(String.init)[...]
        var resolved = ""
        var links = 0
        while let part = open.popFirst() {
            if part == ".." {
                resolved = PathText.folder(of: resolved)
                if resolved == "/" { resolved = "" }
                continue
            }
            if part == "." { continue }
            let next = resolved + "/" + part
            var status = stat()
            guard lstat(next, &status) == 0 else {
                // Nothing below it exists, so there are no more links.
                return ([next] + open).joined(separator: "/")
            }
            guard status.st_mode & S_IFMT == S_IFLNK, links < linkLimit,
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: next)
            else {
                resolved = next
                continue
            }
            links += 1
            if target.hasPrefix("/") { resolved = "" }
            open = (target.split(separator: "/").map(String.init) + open)[...]
        }
        return resolved.isEmpty ? "/" : resolved
    }
}
