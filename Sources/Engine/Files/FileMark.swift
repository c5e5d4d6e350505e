import Foundation

/// What tells, without reading it, that a file is still the one that was looked at.
///
/// Renaming a file and linking it under another name change nothing of it; writing to it does.
package struct FileMark: Sendable, Hashable, Codable {
    package var sizeInBytes: Int64
    /// When its content changed last, in nanoseconds since 1970.
    package var modified: Int64
    /// Its number on its file system.
    package var inode: UInt64

    /// The mark of what stands at a path, links followed; nil when nothing does.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        sizeInBytes = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        inode = UInt64(status.st_ino)
    }
}

/// The files of an attempt as they were when it began to read them.
package struct FileMarks: Sendable {
    private let marks: [(path: String, mark: FileMark?)]

    package init(_ paths: [String]) { marks = paths.map { ($0, FileMark($0)) } }

    /// The first file that is another one now, or another content.
    package var changed: String? { marks.first { FileMark($0.path) != $0.mark }?.path }
}
