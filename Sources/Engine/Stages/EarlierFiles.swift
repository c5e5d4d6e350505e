import Synchronization

/// A file that an earlier run, or nobody, made, and how it came to be there.
package struct EarlierFile: Sendable {
    /// Where it is read, absolute.
    package var path: String
    /// The path that the file is published at, absolute.
    package var target: String
    /// What it was published as; nil for a file that no run made.
    package var publication: Publication?
    /// Whether it is another one than a run left there last, and no run changed it.
    package var isChanged = false
    /// What is to be said about it, when its run had other values than this one.
    package var doubt: String?
    /// Of a table, the load that its rows came with last.
    package var load: RecordedLoad?
}

/// What an attempt found of the files that earlier runs, or nobody, made.
package final class EarlierFiles: Sendable {
    private let files = Mutex<[String: EarlierFile]>([:])

    package init() {}

    func add(_ file: EarlierFile) { files.withLock { $0[file.path] = file } }

    /// What is known of a file by the path that it is read at.
    subscript(path: String) -> EarlierFile? { files.withLock { $0[path] } }

    /// All of them, by the paths that they are published at.
    package var all: [EarlierFile] { files.withLock { $0.values.sorted { $0.target < $1.target } } }
}
