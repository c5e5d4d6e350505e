import Synchronization

/// An input file that this run did not make: it comes from an earlier run or from outside.
package struct EarlierFile: Sendable {
    /// The absolute path at which it is read.
    package var path: String
    /// The absolute path at which it is published.
    package var target: String
    /// The publication that it comes from; nil for a file that no run made.
    package var publication: Publication?
    /// Whether it differs from what a run last published there, without another run having changed it.
    package var isChanged = false
    /// A warning for the user, when its run had other values than this one.
    package var doubt: String?
    /// For a table, the load that last wrote its rows.
    package var load: RecordedLoad?
}

/// The input files of an attempt that this run did not make.
package final class EarlierFiles: Sendable {
    private let files = Mutex<[String: EarlierFile]>([:])

    package init() {}

    func add(_ file: EarlierFile) { files.withLock { $0[file.path] = file } }

    /// What is known about the file that is read at a path.
    subscript(path: String) -> EarlierFile? { files.withLock { $0[path] } }

    /// All of them, sorted by the paths at which they are published.
    package var all: [EarlierFile] { files.withLock { $0.values.sorted { $0.target < $1.target } } }
}
