package import CaudalModel

/// Why outputs cannot be published.
package enum PublishError: DomainError {
    /// The folder of an output cannot be made.
    case noFolder(String, reason: String)
    /// The folder of an output may not be written to.
    case noAccess(folder: String, errno: Int32, output: String)
    /// A stage ended without an output that it has to write.
    case notWritten(String, staged: String)
    /// A stage made its output something else than a file or a folder of files.
    ///
    /// `part`: what in the folder is meant; nil means the output itself.
    case notData(String, part: String?, kind: FileKind)
    /// What is neither a file nor a folder stands where an output is to be published.
    case targetIsNoData(String, kind: FileKind)
    /// An output that was recorded as published is neither staged, nor kept, nor in place.
    case lost(String)
    /// A folder stands where a file is to be published.
    case targetIsFolder(String)
    case notReplaced(String, errno: Int32)
    case notMoved(String, to: String, errno: Int32)
    /// It could not be copied to the file system of its target.
    case notCopied(String, reason: String)
    case notRemoved(String, reason: String)
}

extension PublishError {
    package var failure: Failure {
        switch self {
        case .noFolder(let path, let reason):
            Failure(
                "the folder \(path) cannot be made: \(reason)",
                remedy: "make it, or change the path in the pipeline file")
        case .noAccess(let folder, let code, let output):
            Failure(
                "the output folder \(folder) cannot be written to", errno: code,
                remedy: "give this user the right to write there, or change the path of '\(output)'")
        case .notWritten(let target, let staged):
            Failure(
                "the output \(PathText.lastComponent(of: target)) was not written",
                remedy: "the command must write it to $CAUDAL_OUTPUT, which is \(staged)")
        case .notData(let target, let part, let kind):
            Failure(
                "the output \(PathText.lastComponent(of: target)) "
                    + (part.map { "holds \($0), which is \(kind.words)" } ?? "is \(kind.words)")
                    + ": only files, and folders of files, are published",
                remedy: kind == .link
                    ? "write the data itself; 'cp -L' copies what a link leads to" : "write a file, or remove it")
        case .targetIsNoData(let target, let kind):
            Failure(
                "\(target) is \(kind.words), and the output would take its place",
                remedy: "change the path of the output")
        case .lost(let target):
            Failure(
                "the output \(target) was recorded as published and is lost: it is not in place, and no longer "
                    + "in staging", remedy: "run its stage again")
        case .targetIsFolder(let target):
            Failure(
                "\(target) is a folder, and the output is a file",
                remedy: "change the path of the output, or move the folder away")
        case .notReplaced(let target, let code): Failure("\(target) could not be replaced", errno: code)
        case .notMoved(let staged, let target, let code):
            Failure("\(staged) could not be moved to \(target)", errno: code)
        case .notCopied(let target, let reason):
            Failure("\(target) could not be written: \(reason)", remedy: "free some space there, then retry")
        case .notRemoved(let path, let reason): Failure("\(path) could not be removed: \(reason)")
        }
    }
}
