import Foundation

/// A place on the disk, the same however it is written: `./a.csv`, `b/../a.csv`, a link to it.
///
/// Only the names decide: the file need not be there. Two names of one file that are hard links are two places.
package struct FileIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The absolute path without `.`, `..`, doubled slashes and symbolic links, as far as these exist.
    package let path: String

    /// The place that a path means.
    ///
    /// `root`: the folder that a relative path starts from.
    package init(_ path: String, in root: String = "/") {
        self.path = Self.withoutLinks(PathText.absolute(path, in: root))
    }

    private init(resolved path: String) { self.path = path }

    package var description: String { path }

    /// The folder it lies in.
    package var folder: FileIdentity { FileIdentity(resolved: PathText.folder(of: path)) }

    /// The folders it lies in, the nearest first.
    package var folders: [FileIdentity] {
        var found: [FileIdentity] = []
        var next = self
        while next.path != "/" {
            next = next.folder
            found.append(next)
        }
        return found
    }

    /// Whether `other` lies somewhere below this place, which is then a folder.
    package func holds(_ other: FileIdentity) -> Bool {
        other.path != path && other.path.hasPrefix(path == "/" ? path : path + "/")
    }

    /// How many links one path may go through; the kernel has the same limit.
    private static let linkLimit = 40

    /// An absolute path with its links followed; what does not exist is left as it is.
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
                // Nothing below it exists, so there is no link either.
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
