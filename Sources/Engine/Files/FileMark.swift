import Foundation

/// What tells, without reading it, that a file is still the one that was looked at.
///
/// Equal marks are one content. Unequal ones may be: renaming a file, or giving it or taking from it another name, changes
/// ``changed`` alone, which nobody can set back as one can the time of a content.
package struct FileMark: Sendable, Hashable, Codable {
    package var sizeInBytes: Int64
    /// When its content changed last, or was said to have, in nanoseconds since 1970.
    package var modified: Int64
    /// Its number on its file system.
    package var inode: UInt64
    /// When anything about it changed last, in nanoseconds since 1970; nil in marks of an older caudal.
    package var changed: Int64?

    /// The mark of what stands at a path, links followed; nil when nothing does.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        sizeInBytes = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        inode = UInt64(status.st_ino)
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }

    /// Whether all but the time of its last change is the same: what is left to ask is the content.
    package func mayBe(_ other: FileMark) -> Bool {
        sizeInBytes == other.sizeInBytes && modified == other.modified && inode == other.inode
    }
}

/// The files of an attempt as they were when it began to read them.
package struct FileMarks: Sendable {
    private let marks: [(path: String, mark: FileMark?)]

    package init(_ paths: [String]) { marks = paths.map { ($0, FileMark($0)) } }

    /// The first file that is another one now, or another content.
    ///
    /// `isSame`: asked about a file of which only names or rights may have changed since it had a mark.
    package func changed(isSame: (String, FileMark) -> Bool) -> String? {
        marks.first { path, mark in
            let now = FileMark(path)
            if now == mark { return false }
            guard let now, let mark, now.mayBe(mark) else { return true }
            return !isSame(path, mark)
        }?.path
    }
}
