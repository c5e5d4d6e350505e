import Foundation

extension FileMark {
    /// The mark of the file at a path, following symbolic links; nil when there is none.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(
            sizeInBytes: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            inode: UInt64(status.st_ino),
            changed: Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec))
    }
}

/// The marks of an attempt's input files from when it began to read them.
package struct FileMarks: Sendable {
    private let marks: [(path: String, mark: FileMark?)]

    package init(_ paths: [String]) { marks = paths.map { ($0, FileMark($0)) } }

    /// The first file that has been replaced or changed.
    ///
    /// - Parameter isSame: Called for a file of which perhaps only names or permissions changed since its mark was
    ///   taken; compares the content.
    package func changed(isSame: (String, FileMark) -> Bool) -> String? {
        marks.first { path, mark in
            let now = FileMark(path)
            if now == mark { return false }
            guard let now, let mark, now.mayBe(mark) else { return true }
            return !isSame(path, mark)
        }?.path
    }
}
