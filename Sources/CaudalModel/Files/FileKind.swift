import Foundation

/// What lies at a path.
package enum FileKind: Sendable, Hashable {
    case file
    case folder
    case link
    case pipe
    case socket
    case device

    /// Looks at a path; nil when nothing lies there, or it cannot be told.
    ///
    /// - Parameter followingLinks: Whether a symbolic link counts as what it leads to.
    package init?(_ path: String, followingLinks: Bool = true) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(mode: status.st_mode)
    }

    /// The kind that a file's mode names.
    init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .folder
        case S_IFLNK: self = .link
        case S_IFIFO: self = .pipe
        case S_IFSOCK: self = .socket
        default: self = .device
        }
    }

    /// Whether it holds data that can be copied, moved and read to an end.
    package var isData: Bool { self == .file || self == .folder }

    /// It in words, such as `a named pipe`.
    package var words: String {
        switch self {
        case .file: "a file"
        case .folder: "a folder"
        case .link: "a symbolic link"
        case .pipe: "a named pipe"
        case .socket: "a socket"
        case .device: "a device"
        }
    }
}
