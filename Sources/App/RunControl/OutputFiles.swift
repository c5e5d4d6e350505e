import Engine

/// Finds which files there are where stages write.
enum OutputFiles {
    /// Finds files of a path from `root`, which is how they are given back too.
    static func finder(in root: String) -> CommandPreview.FileFinder {
        { path in
            let whole = PathText.absolute(path, in: root)
            guard path.contains("*") else { return FileText.exists(whole) ? [path] : [] }
            return Glob.files(matching: whole).map { PathText.relative($0, to: root) }
        }
    }
}
