import Foundation

/// Where programs lie.
package enum ProgramPath {
    /// The path of this program, also when a newer one lies there by now.
    package static let own: String = {
        let path =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        // The kernel marks the path of a file that was replaced.
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }()

    /// The folders that are searched where the environment has no PATH.
    package static let usual = "/usr/local/bin:/usr/bin:/bin"

    /// Whether a path is a file that this process may execute; a folder is not.
    package static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return access(path, X_OK) == 0 && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// The first program of that name in the folders of a PATH; nil when none has it.
    ///
    /// - Parameters:
    ///   - name: A file's name, without a folder.
    ///   - path: Folders with colons between them; nil searches the ``usual`` ones.
    package static func find(_ name: String, path: String?) -> String? {
        for folder in (path ?? usual).split(separator: ":") {
            let candidate = "\(folder)/\(name)"
            if isExecutable(candidate) { return candidate }
        }
        return nil
    }
}
