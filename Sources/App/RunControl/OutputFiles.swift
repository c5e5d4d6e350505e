import CaudalModel
import Engine

/// Finds existing files at the paths that stages write.
enum OutputFiles {
    /// Returns a function that finds the files of a path; paths given and returned are relative to `root`.
    static func finder(in root: String) -> CommandPreview.FileFinder {
        { path in
            let whole = PathText.absolute(path, in: root)
            guard path.contains("*") else { return FileText.exists(whole) ? [path] : [] }
            // A preview lists what it can look at; a run refuses the rest, and says why.
            return ((try? Glob.files(matching: whole)) ?? []).map { PathText.relative($0, to: root) }
        }
    }
}
